"""What is to be reached, and by which documents it is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from benchmarks.quality.scores import Scored, Verdict, figure

ALPHABET = {"en", "fr", "de", "nl", "it", "es", "zh", "ja", "no", "da", "sv", "pt", "en/zh"}
"""Languages in scripts that PP-OCRv6 small holds: Latin, Chinese, Japanese."""

Values = Callable[[Verdict], list[float]]


@dataclass(frozen=True)
class Aim:
    """A figure of a group of documents and what it is to reach."""

    what: str
    values: Values
    least: float


def _metric(name: str, chosen: Callable[[Scored], bool]) -> Values:
    return lambda verdict: [s.metrics[name] for s in verdict.headline if name in s.metrics and chosen(s)]


def _has_human_truth(scored: Scored) -> bool:
    return scored.row == "digital" and "order" in scored.metrics


def _has_layer_truth(scored: Scored) -> bool:
    return scored.row == "digital" and "order" not in scored.metrics


def _printed(scored: Scored) -> bool:
    return scored.row == "scanned" and scored.kind != "handwriting" and scored.language in ALPHABET


def _printed_english(scored: Scored) -> bool:
    return _printed(scored) and scored.language == "en"


def _derived(scored: Scored) -> bool:
    return scored.kind == "derived-scan"


def _table(scored: Scored) -> bool:
    return scored.row == "tables"


def _is_of(*extensions: str) -> Callable[[Scored], bool]:
    return lambda scored: scored.path.lower().endswith(extensions)


AIMS = (
    Aim("olmOCR unit tests, without maths", lambda verdict: verdict.passed("olmocr"), 0.75),
    Aim("both unit suites together", lambda verdict: verdict.passed(), 0.82),
    Aim("scanned, printed, Latin and CJK: word F1", _metric("word_f1", _printed), 0.93),
    Aim("scanned, printed, Latin and CJK: order", _metric("order", _printed), 0.88),
    Aim("scanned, printed, English: word F1", _metric("word_f1", _printed_english), 0.94),
    Aim("scanned, printed, English: order", _metric("order", _printed_english), 0.88),
    Aim("derived scans: word F1", _metric("word_f1", _derived), 0.95),
    Aim("derived scans: order", _metric("order", _derived), 0.92),
    Aim("tables: TEDS", _metric("teds", _table), 0.75),
    Aim("tables: TEDS, structure", _metric("teds_struct", _table), 0.80),
    Aim("tables, ICDAR-2013 digital: TEDS", _metric("teds", lambda s: s.path.startswith("tables/icdar13")), 0.88),
    Aim("digital, human truth: word F1", _metric("word_f1", _has_human_truth), 0.92),
    Aim("digital, human truth: order", _metric("order", _has_human_truth), 0.90),
    Aim("digital, text layer as truth: word F1", _metric("word_f1", _has_layer_truth), 0.98),
    Aim("receipts and invoices: expected fields", _metric("fields", lambda s: s.row == "receipts"), 0.995),
)


SECOND_AIMS = (
    Aim("digital, human truth: word F1", _metric("word_f1", _has_human_truth), 0.985),
    Aim("digital, human truth: order", _metric("order", _has_human_truth), 0.975),
    Aim("tables: TEDS", _metric("teds", _table), 0.92),
    Aim("tables: TEDS, structure", _metric("teds_struct", _table), 0.94),
    Aim("scanned: word F1", _metric("word_f1", lambda s: s.row == "scanned"), 0.94),
    Aim("scanned: order", _metric("order", lambda s: s.row == "scanned"), 0.93),
    Aim("receipts and forms: expected fields", _metric("fields", lambda s: s.row == "receipts"), 0.993),
    Aim("unit tests", lambda verdict: verdict.passed(), 0.93),
)
"""What is to be reached on the second corpus, with the language packs installed."""
DIFFERING_TRUTHS = frozenset(
    f"office/{name}"
    for name in (
        "pandoc_comments.docx", "pandoc_diagram.docx", "pandoc_inline_images.docx", "pandoc_enumerated_headings.docx",
        "pandoc_deep_normalize.docx", "pandoc_0_level_headers.docx", "pandoc_anchor_header_after_anchor.docx",
        "fake-email-utf-16.eml", "fake-email-header.eml", "markitdown_test_outlook_msg.msg", "markitdown_test_serp.html",
        "markitdown_test_wikipedia.html", "markitdown_test.docx", "markitdown_test.epub",
    )
)  # fmt: skip
"""Documents of the first corpus whose truths differ from what the file shows; docs/quality.md says of each in what."""


def _has_truth_of_file(scored: Scored) -> bool:
    return scored.path not in DIFFERING_TRUTHS


OFFICE_AIMS = (
    Aim("office files and mail: word F1", _metric("word_f1", lambda _: True), 0.97),
    Aim("office files and mail: order", _metric("order", lambda _: True), 0.95),
    Aim("office files and mail: strings that must and must not be there", _metric("fields", lambda _: True), 0.95),
    Aim("truths that agree with the file: word F1", _metric("word_f1", _has_truth_of_file), 0.97),
    Aim("truths that agree with the file: order", _metric("order", _has_truth_of_file), 0.95),
    Aim("truths that agree with the file: strings", _metric("fields", _has_truth_of_file), 0.95),
    Aim("mail: word F1", _metric("word_f1", _is_of(".eml", ".msg", ".mbox", ".dat", ".tnef")), 0.95),
    Aim("workbooks: word F1", _metric("word_f1", _is_of(".xlsx", ".xlsm", ".xls", ".ods")), 0.95),
    Aim("slides: word F1", _metric("word_f1", _is_of(".pptx", ".ppt", ".odp")), 0.95),
    Aim("OpenDocument: word F1", _metric("word_f1", _is_of(".odt", ".ods", ".odp")), 0.95),
)
"""What is to be reached on office files, by the truths that people or exact sources gave."""
AIMS_OF = {"corpus2": SECOND_AIMS}
"""By the name of the corpus's folder; AIMS for every other."""


def aims_table(aims: Sequence[Aim], ours: Verdict, peers: Mapping[str, Verdict]) -> list[str]:
    """One line an aim: ours with its interval, what it is to reach, and each peer's mean."""
    lines = [
        " | ".join(("| what", "measured, 95 % interval", "to reach", "met", *peers)) + " |",
        "|---" * (4 + len(peers)) + "|",
    ]
    for aim in aims:
        values = aim.values(ours)
        if values:
            met = "yes" if mean(values) >= aim.least else "NO"
            theirs = [f"{mean(found):.3f}" if (found := aim.values(peer)) else "-" for peer in peers.values()]
            lines.append(" | ".join((f"| {aim.what}", figure(values), f"≥ {aim.least:.3f}", met, *theirs)) + " |")
    return lines
