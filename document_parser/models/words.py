"""The closed vocabularies of the product: what an engine, a format, a state or a warning may be called."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

PIPELINE_VERSION = "7"
"""Raised whenever the same page and options may read differently than before."""

EngineName = Literal["text_layer", "deepseek", "nanonets", "rapidocr", "tesseract"]
AccuracyMode = Literal["fast", "balanced", "maximum"]
OutputFormat = Literal["markdown", "json", "html", "csv", "tables", "text", "zip"]
BlockKind = Literal[
    "title",
    "heading",
    "paragraph",
    "list_item",
    "table",
    "figure",
    "caption",
    "formula",
    "code",
    "footnote",
    "page_header",
    "page_footer",
    "page_number",
    "signature",
    "watermark",
    "checkbox",
]
WarningCode = Literal[
    "engine_fallback",
    "loop_cut",
    "truncated",
    "low_coverage",
    "suspect_fabrication",
    "number_mismatch",
    "low_confidence",
    "low_agreement",
    "rotated",
    "bad_text_layer",
    "hidden_text",
    "damaged_data",
    "cut_off",
    "repaired",
    "page_failed",
]
HARMLESS_WARNINGS: frozenset[WarningCode] = frozenset({"rotated", "repaired"})
"""What is said of a page without asking anybody to look at it."""
HiddenReason = Literal["invisible", "transparent", "colour", "size", "covered", "clipped", "outside"]
"""Why nobody sees a text of the text layer: painted in no way, or fully transparent; in the colour of what lies behind it; too
small; under something painted later; cut away; outside the page."""
PageStatus = Literal["done", "blank", "failed"]
PageState = Literal["pending", "ready", "reading", "done", "blank", "failed"]
"""How a page stands: as it ends in PageStatus."""
GuardName = Literal["length", "aborted", "loop", "broken_tags", "empty", "coverage", "fabrication"]
"""The checks that can reject a reading."""
PageKind = Literal["plain", "table", "figures", "form", "handwriting"]
"""What a page mostly is; ``figures`` is a page of tables full of numbers. It decides which model reads, and how it is asked."""
LowQuality = Literal["flag", "fallback", "fail"]
"""What becomes of a page whose reading is in doubt."""
SourceKind = Literal["pdf", "image"]
Lane = Literal["express", "normal", "batch"]
"""Which work goes first; see ``jobs/lanes.py``."""
FigureMode = Literal["none", "placeholder", "embed"]
"""How a result shows figures: not at all, by a link to their pictures, or with the pictures in it."""


class JobState(StrEnum):
    """Where a job stands. It only ever moves forward."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


def utc_text(value: datetime) -> str:
    """ISO 8601 with milliseconds and Z."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


class FormatFile(NamedTuple):
    """How a format is stored and served: its media type and the extension of its file.

    CSV is stored as an archive of all tables; if there is one table, that one is served as ``text/csv``.
    """

    media_type: str
    extension: str


FORMAT_FILES: dict[OutputFormat, FormatFile] = {
    "markdown": FormatFile("text/markdown; charset=utf-8", "md"),
    "json": FormatFile("application/json", "json"),
    "html": FormatFile("text/html; charset=utf-8", "html"),
    "csv": FormatFile("application/zip", "csv.zip"),
    "tables": FormatFile("application/json", "tables.json"),
    "text": FormatFile("text/plain; charset=utf-8", "txt"),
    "zip": FormatFile("application/zip", "zip"),
}
