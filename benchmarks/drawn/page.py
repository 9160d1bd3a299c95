"""What docs/quality.md says of drawn documents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean

from benchmarks.drawn.scores import Score

METRICS = {
    "word_f1": "word F1", "order": "order", "teds": "TEDS", "teds_struct": "TEDS structure", "tables_same": "tables all right",
    "sequence": "blocks in order", "headings": "headings F1",
    "items": "items F1", "clauses": "clauses", "checkboxes": "check boxes", "pairs": "pairs", "struck": "struck out",
    "word_boxes": "word boxes IoU",
    "hidden_kept_out": "hidden kept out", "furniture_kept_out": "heads and feet kept out",
    "watermark_kept_out": "watermark kept out", "no_invented_table": "no table invented",
}  # fmt: skip
AIMS = {"order": 0.98, "teds": 0.96, "headings": 0.95, "items": 0.97, "checkboxes": 0.98, "word_boxes": 0.85}
SCAN_AIMS = {"word_f1": 0.97, "order": 0.96, "teds": 0.90}
WORST = 10
SCRIPTS = {
    "ru": "Cyrillic", "el": "Greek", "ar": "Arabic", "he": "Hebrew", "hi": "Devanagari", "th": "Thai",
    "ja": "CJK", "zh": "CJK", "ko": "CJK",
}  # fmt: skip
"""Of the languages that are not written in Latin letters."""


def script_of(language: str) -> str:
    """Return the script of a language's writing."""
    return SCRIPTS.get(language, "Latin")


def drawn_text(scores: Sequence[Score], left_out: Mapping[str, int], aims: Mapping[str, float], amount: str) -> str:
    """Return the tables: what is to be reached, by kind, by typesetter, by language, what was left out, where to look next."""
    damages = ["### By damage of a scan", "", *groups_table(scores, "damage", lambda score: score.damages)]
    parts: list[list[str]] = [
        aims_table(scores, aims),
        [amount],
        *([damages] if any(score.damages for score in scores) else []),
        ["### By kind of document", "", *groups_table(scores, "kind", lambda score: [score.kind])],
        ["### By typesetter", "", *groups_table(scores, "typesetter", lambda score: [score.typesetter])],
        ["### By script of a drawn document", "", *groups_table(scores, "script", lambda score: [script_of(score.language)])],
        ["### By language of a drawn document", "", *groups_table(scores, "language", lambda score: [score.language])],
        ["### Not drawn", "", *([f"- {count}: {reason}" for reason, count in sorted(left_out.items())] or ["None."])],
        ["### The worst seeds of each kind", "", *worst(scores)],
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def aims_table(scores: Sequence[Score], aims: Mapping[str, float]) -> list[str]:
    lines = ["| what | mean | documents | to reach | met |", "|---|---|---|---|---|"]
    for name, title in METRICS.items():
        values = [score.metrics[name] for score in scores if name in score.metrics]
        if values:
            least = aims.get(name)
            verdict = f"≥ {least:.2f} | {'yes' if mean(values) >= least else 'NO'}" if least else " | "
            lines.append(f"| {title} | {mean(values):.3f} | {len(values)} | {verdict} |")
    return lines


def groups_table(scores: Sequence[Score], title: str, labels: Callable[[Score], Iterable[str]]) -> list[str]:
    """Return one line a group with the means of its documents, and their number. A document may be in several groups."""
    lines = [f"| {title} | n | " + " | ".join(METRICS.values()) + " |", "|---" * (len(METRICS) + 2) + "|"]
    groups: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        for label in labels(score):
            groups[label].append(score)
    for name in sorted(groups):
        values = [[s.metrics[metric] for s in groups[name] if metric in s.metrics] for metric in METRICS]
        lines.append(f"| {name} | {len(groups[name])} | " + " | ".join(f"{mean(v):.3f}" if v else "-" for v in values) + " |")
    return lines


def worst(scores: Sequence[Score]) -> list[str]:
    """Return the seeds to look at next, by kind: those with the lowest mean of all metrics."""
    lines = []
    for kind in sorted({score.kind for score in scores}):
        ranked = sorted((score for score in scores if score.kind == kind), key=lambda score: (score.worst, score.seed))[:WORST]
        lines.append(f"- {kind}: " + ", ".join(f"{score.seed} ({score.worst:.2f})" for score in ranked))
    failed = Counter(score.note for score in scores if score.note)
    return [*lines, *(f"- refused: {count} with {note}" for note, count in failed.items())]
