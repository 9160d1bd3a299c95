"""What docs/quality.md says of the corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import mean

from benchmarks.quality.aims import Aim, aims_table
from benchmarks.quality.corpus import Reading, by_text_layer
from benchmarks.quality.scores import Scored, UnitTests, Verdict, figure

METRICS = {"word_f1": "word F1", "order": "order", "teds": "TEDS", "teds_struct": "TEDS structure", "fields": "fields"}
Section = Sequence[str]


def corpus_text(
    readings: Sequence[Reading],
    ours: Verdict,
    peers: Mapping[str, Verdict],
    aims: Sequence[Aim],
    sources: Mapping[str, str],
    tested: Mapping[str, str],
    truths: Mapping[str, str],
) -> str:
    """What the scorer says of a corpus, with what failed and where to look next.

    ``sources`` has where each document is from, ``truths`` how its truth came about, ``tested`` the document of each unit test.
    """
    scanned = [scored for scored in ours.headline if scored.row == "scanned"]
    parts: list[Section] = [
        aims_table(aims, ours, peers),
        [_amount(readings)],
        ["### By kind", "", *groups_table(ours.documents, "kind", lambda scored: scored.row)],
        ["### Each source apart", "", *sources_table(ours, sources, tested)],
        ["### By truth", "", *truths_table(ours, truths)],
        ["### By language", "", *groups_table(ours.headline, "language", lambda scored: scored.language or "?")],
        ["### Scanned, by kind of document", "", *groups_table(scanned, "kind", lambda scored: scored.kind)],
        ["### Scanned, by language", "", *groups_table(scanned, "language", lambda scored: scored.language or "?")],
        ["### Scanned, beside each engine alone", "", *beside_table(ours, peers)],
        ["### Unit tests", "", *unit_table(ours.unit)],
        ["### Not read", "", *failures(readings)],
        ["### The worst of each kind", "", *worst(ours.headline)],
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _amount(readings: Sequence[Reading]) -> str:
    pages, seconds = sum(r.pages for r in readings), sum(r.seconds for r in readings)
    layered = sum(r.pages for r in by_text_layer(readings))
    return (
        f"{len(readings)} documents, {pages} pages, {layered} of them in documents read by text layer alone, {seconds:.0f} s."
    )


def groups_table(scored: Sequence[Scored], title: str, label: Callable[[Scored], str]) -> list[str]:
    """One line a group, one column a metric."""
    lines = [f"| {title} | " + " | ".join(METRICS.values()) + " |", "|---" * (len(METRICS) + 1) + "|"]
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        groups[label(one)].append(one)
    for name in sorted(groups):
        cells = [figure([s.metrics[metric] for s in groups[name] if metric in s.metrics]) for metric in METRICS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def sources_table(ours: Verdict, sources: Mapping[str, str], tested: Mapping[str, str]) -> list[str]:
    """One line a kind and source, one column a metric, and the share of the unit tests on its documents that passed."""
    lines = ["| kind, source | " + " | ".join(METRICS.values()) + " | unit tests |", "|---" * (len(METRICS) + 2) + "|"]
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in ours.headline:
        groups[_source_label(one.path, sources)].append(one)
    passed: dict[str, list[float]] = defaultdict(list)
    for suite in ours.unit.values():
        for test, ok in suite.items():
            passed[_source_label(tested.get(test, "?"), sources)].append(float(ok))
    for name in sorted(groups.keys() | passed.keys()):
        cells = [figure([s.metrics[metric] for s in groups[name] if metric in s.metrics]) for metric in METRICS]
        lines.append(f"| {name} | " + " | ".join([*cells, figure(passed[name])]) + " |")
    return lines


def truths_table(ours: Verdict, truths: Mapping[str, str]) -> list[str]:
    """One line for each way in which truths came about, one column a metric; those that other tools wrote are marked ``/C``."""
    return groups_table(ours.documents, "truth", lambda scored: f"{scored.row}: {truths.get(scored.path) or '?'}")


def _source_label(path: str, sources: Mapping[str, str]) -> str:
    return f"{path.split('/')[0]}, {sources.get(path, '?')}"


def beside_table(ours: Verdict, peers: Mapping[str, Verdict]) -> list[str]:
    """One line a language, handwriting by itself: word F1 and order, ours and each reader of scans alone."""
    alone = {name: found for name, verdict in peers.items() if _reads_scans(found := _scans(verdict))}
    ours_by_group = _scans(ours)
    if not alone or not ours_by_group:
        return ["Not measured."]
    lines = [f"| F1, order | n | ours | {' | '.join(alone)} | no worse than any |", "|---" * (len(alone) + 4) + "|"]
    for group, scored in sorted(ours_by_group.items()):
        mine = _means(scored)
        theirs = [_means(verdict.get(group, [])) for verdict in alone.values()]
        best = "yes" if all(mine[0] >= other[0] for other in theirs) else "NO"
        cells = [f"{f1:.3f}, {order:.3f}" for f1, order in (mine, *theirs)]
        lines.append(f"| {group} | {len(scored)} | {' | '.join(cells)} | {best} |")
    return lines


def _scans(verdict: Verdict) -> dict[str, list[Scored]]:
    """The scans that were read at all, by language; handwriting apart."""
    found: dict[str, list[Scored]] = defaultdict(list)
    for scored in verdict.headline:
        if scored.row == "scanned" and "word_f1" in scored.metrics:
            found["handwriting" if scored.kind == "handwriting" else scored.language or "?"].append(scored)
    return found


def _reads_scans(found: Mapping[str, Sequence[Scored]]) -> bool:
    return any(one.metrics["word_f1"] for scored in found.values() for one in scored)


def _means(scored: Sequence[Scored]) -> tuple[float, float]:
    """Word F1 and order; 0 where nothing was read."""
    found = [(one.metrics["word_f1"], one.metrics.get("order", 0.0)) for one in scored] or [(0.0, 0.0)]
    return mean(f1 for f1, _ in found), mean(order for _, order in found)


def unit_table(unit: UnitTests) -> list[str]:
    lines = ["| suite and type | passed | failed |", "|---|---|---|"]
    for name, tests in sorted(unit.items()):
        missed = ", ".join(sorted(test for test, ok in tests.items() if not ok))
        lines.append(f"| {name} | {sum(tests.values())} of {len(tests)} | {missed} |")
    return lines


def failures(readings: Sequence[Reading]) -> list[str]:
    """Documents that were refused, and pages that no engine could read."""
    found = [
        f"- `{r.path}`: {r.error or 'pages ' + ', '.join(map(str, r.failed)) + ' failed'}"
        for r in readings
        if r.error or r.failed
    ]
    return found or ["None."]


def worst(scored: Sequence[Scored], count: int = 5) -> list[str]:
    """The documents to look at next, by kind."""
    lines = []
    for row in sorted({s.row for s in scored}):
        ranked = sorted((s for s in scored if s.row == row), key=lambda s: (mean(s.metrics.values()), s.path))[:count]
        shown = ", ".join(f"`{s.path.split('/', 1)[1]}` {mean(s.metrics.values()):.2f}" for s in ranked)
        lines.append(f"- {row}: {shown}")
    return lines
