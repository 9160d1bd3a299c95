"""What the manifest of the hostile corpus expects of each file, and whether an answer meets it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

DAMAGED_PDFS = ("qpdf_bad", "qpdf_fuzz", "pdfjs")
"""The folders of the corpus with damaged PDFs of other projects' tests."""
ALIKE = ({415, 422}, {400, 422})
"""Statuses that say the same of a file: that its content is not read, or that there is none (no row says so)."""
_STATUSES = re.compile(r"4xx(?::([\d/]+))?")


@dataclass(frozen=True)
class Expected:
    """One row of the manifest. ``password`` opens the document; empty if it has none."""

    path: str
    answer: str
    password: str = ""
    password_sent: bool = False

    @property
    def may_be_accepted(self) -> bool:
        """Return whether a reading is a right answer."""
        return "accept" in self.answer and not self.password

    @property
    def statuses(self) -> set[int] | None:
        """Return the HTTP statuses of refusals that are right answers; None for any of 400 to 499."""
        found = _STATUSES.search(self.answer)
        if found is None:
            return set()
        return {int(status) for status in found[1].split("/")} if found[1] else None


@dataclass
class Answer:
    """What came of a document: a refusal with its status and code, or pages and their text."""

    path: str
    status: int = 200
    code: str = ""
    pages: int = 0
    failed: int = 0
    markdown: str = ""
    html: str = ""
    warnings: set[str] = field(default_factory=set)
    seconds: float = 0.0
    peak_mib: float = 0.0

    @property
    def is_read(self) -> bool:
        """Return whether at least one page was read."""
        return self.status == 200 and self.failed < self.pages


def load_manifest(corpus: Path) -> list[Expected]:
    """Return the rows of the manifest that are documents, and once more with its password each that has one."""
    with (corpus / "MANIFEST.tsv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [_row(row) for row in rows if not row["path"].endswith((".json", ".txt"))]
    return found + [replace(row, password_sent=True) for row in found if row.password]


def _row(row: dict[str, str]) -> Expected:
    password = ""
    if row["path"].startswith("encrypted/"):
        password = _password_of(row["path"], row["what_it_is"])
    return Expected(row["path"], row["expected_answer"], password)


def _password_of(path: str, described: str) -> str:
    """Return the password that the description of an encrypted document names."""
    if "aes-256-r6" in path:
        return "usersecret"
    found = re.search(r"password(?: is)? [\"']([^\"']+)[\"']", described)
    return "" if found is None or "base.pdf" in path else found[1]


def faults_of(answer: Answer, expected: Expected) -> list[str]:
    """Return in what an answer is worse than its row of the manifest; empty if it is as good or better."""
    if not answer.is_read:
        return _faults_of_refusal(answer, expected)
    if expected.password_sent:
        return []
    if not expected.may_be_accepted:
        return [f"read, expected {expected.answer}"]
    return [told for told, is_right in CHECKS.get(expected.path, {}).items() if not is_right(answer)]


def _faults_of_refusal(answer: Answer, expected: Expected) -> list[str]:
    """Return in what a refusal is worse than the manifest's row."""
    status = answer.status if answer.status != 200 else 422  # a document of failed pages only is refused page by page
    told, allowed = f"{status} {answer.code}, expected {expected.answer}", expected.statuses
    if not 400 <= status < 500 or expected.password_sent:
        return [told]
    is_right = allowed is None or status in allowed or any(status in alike and alike & allowed for alike in ALIKE)
    return [] if is_right else [told]


Check = Callable[[Answer], bool]


def _has(*words: str) -> Check:
    return lambda answer: all(word in answer.markdown for word in words)


def _lacks(*words: str) -> Check:
    return lambda answer: not any(word in answer.markdown or word in answer.html for word in words)


def _pages(count: int) -> Check:
    return lambda answer: answer.pages == count and not answer.failed


def _warns(code: str) -> Check:
    return lambda answer: code in answer.warnings


_TEXT_FOUND = {"text found": _has("4711", "12.34")}
_NO_SCRIPT = {"no script": _lacks("<script", "DROP-ME", "onerror=", "javascript:")}
CHECKS: dict[str, dict[str, Check]] = {
    **{f"image/{name}": _TEXT_FOUND for name in (
        "ccitt_g4.tiff", "control_good.png", "exif_orientation_6.jpg", "gray16.tiff", "palette_1bit.png",
    )},
    "image/multipage_5.tiff": {"five pages": _pages(5)},
    "image/animated.gif": {"first frame, said so": _warns("first_frame_only")},
    "image/blank_white.png": {"no text": lambda answer: not answer.markdown.strip()},
    "image/truncated.jpg": {"said to be cut off": _warns("cut_off")},
    "html/script_and_events.html": _NO_SCRIPT,
    "html/md_injection.html": {
        "no script": lambda answer: "<script" not in answer.html and 'href="javascript' not in answer.html
    },
    "html/remote_resources.html": {"its text": _has("visible text")},
    "office/control_good.docx": {"one part": _pages(1)},
    "pdf/count_lie_2e9.pdf": {"one page": _pages(1)},
    "pdf/trailing_garbage_1mb.pdf": _TEXT_FOUND,
    "pdf/prompt_injection_hidden_text.pdf": {"its text alone": lambda answer: "250.00" in answer.markdown
                                             and "PWNED" not in answer.markdown},
    "pdf/truncated_last_200.pdf": {"said to be repaired": _warns("repaired")},
}  # fmt: skip
"""What an accepted document must show beyond being read."""
