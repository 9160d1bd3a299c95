"""The closed vocabularies of the product: the names of engines, formats, states and warnings."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, get_args

PIPELINE_VERSION = "21"
"""Raised whenever the same page with the same options may be read differently than before."""

VlmName = Literal["deepseek", "nanonets", "vlm"]
"""The engines that are models behind a vLLM server. ``vlm`` is any model that answers in one of the known forms."""
ModelServerName = Literal[VlmName, "extract"]
"""The models behind servers: those that read pages, and the one that fills schemas."""
GrammarName = Literal["markdown", "html", "chandra", "lighton", "paddleocr_vl", "dots_mocr", "mineru"]
"""The forms in which the model of ``vlm`` may answer."""
CpuEngineName = Literal["rapidocr", "tesseract"]
"""The engines that read on this machine's processor."""
VLM_ENGINES: tuple[VlmName, ...] = get_args(VlmName)
"""The models, in the order in which their servers start; pages are routed by ``pipeline/reading/routing.py``."""
CPU_ENGINES: tuple[CpuEngineName, ...] = get_args(CpuEngineName)
"""The CPU engines. Pages that they read count as ``cpu``."""
EngineName = Literal["text_layer", VlmName, CpuEngineName]
"""Everything that can read a page: its text layer, the models, and the two CPU engines."""
ReaderName = Literal[EngineName, "pdfplumber"]
"""The readers that a page's attempts may name: the engines, and pdfplumber, which reads tables and words of PDFs again."""
TableStrategy = Literal["lines", "text"]
"""How pdfplumber found a table: by the lines drawn around its cells, or by the alignment of its words."""
AccuracyMode = Literal["fast", "balanced", "maximum"]
"""How thoroughly pages are read; ``pipeline/reading/routing.py`` decides which engines each mode uses."""
FacadeName = Literal["docling", "openwebui", "mistral", "mineru", "unstructured", "llamaparse", "azure"]
"""Systems whose clients work against this service: each is a facade below ``api/compat``."""
OutputFormat = Literal["markdown", "json", "html", "csv", "tables", "text", "chunks", "pdf", "zip"]
"""The formats that a result can have."""
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
"""What a block on a page is."""
WarningCode = Literal[
    "engine_fallback",
    "loop_cut",
    "truncated",
    "low_coverage",
    "suspect_fabrication",
    "number_mismatch",
    "low_confidence",
    "script_unreadable",
    "low_agreement",
    "rotated",
    "bad_text_layer",
    "hidden_text",
    "damaged_data",
    "cut_off",
    "repaired",
    "uncached_formula",
    "first_frame_only",
    "hidden_content",
    "not_read",
    "converted",
    "recomputed_fields",
    "page_failed",
]
"""What a reader of a page should know about it."""
HARMLESS_WARNINGS: frozenset[WarningCode] = frozenset({"rotated", "repaired", "hidden_content", "converted"})
"""Warnings that do not ask anyone to check the page."""
HiddenReason = Literal["invisible", "transparent", "colour", "size", "covered", "clipped", "outside", "layer"]
"""Why a text of the text layer is invisible.

Not painted; fully transparent; in the colour of what is behind it; too small; under something painted later; cut away; outside
the page; in a layer that is switched off.
"""
PageStatus = Literal["done", "blank", "failed"]
"""How the reading of a page ended."""
PageState = Literal["pending", "ready", "reading", "done", "blank", "failed"]
"""The state of a page in the ledger. The last three are its PageStatus."""
GuardName = Literal["length", "aborted", "loop", "broken_tags", "empty", "coverage", "fabrication"]
"""The checks that can reject a reading."""
PageKind = Literal["plain", "table", "figures", "form", "handwriting"]
"""What a page mostly is. ``figures`` is a page of tables full of numbers.

The kind decides which model reads the page, and how it is asked.
"""
LowQuality = Literal["flag", "fallback", "fail"]
"""What happens to a page whose reading is in doubt."""
PagedKind = Literal["pdf", "image"]
"""Documents of pages that can be drawn."""
FlowingKind = Literal[
    "text",
    "delimited",
    "mail",
    "outlook",
    "winmail",
    "odt",
    "odp",
    "archive",
    "docx",
    "pptx",
    "xlsx",
    "ods",
    "xls",
    "html",
    "mhtml",
    "epub",
    "markdown",
    "xml",
    "json",
    "notebook",
    "rtf",
]
"""Documents without pages that can be drawn: their parts are read from the structure of the file."""
ConvertedKind = Literal["doc", "ppt", "damaged xls", "wordperfect", "works", "publisher", "visio", "sxw", "sxc", "sxi"]
"""Documents that LibreOffice converts to one of the flowing kinds. ``damaged xls`` are workbooks that our reader refused."""
Need = Literal["libreoffice", "libarchive"]
"""A program or library of the system without which some formats are not read."""
SourceKind = Literal[PagedKind, FlowingKind, ConvertedKind]
"""How a document is opened."""
LocationKind = Literal["body", "sheet", "slide", "message", "chapter", "contents"]
"""What a part of a flowing document is: its whole body, a sheet, a slide, a mail message, a chapter of a book, or the list of
what an archive contains."""
LayerName = Literal["body", "headers", "notes", "comments", "revisions", "hidden"]
"""Which layer of a flowing document a block belongs to.

``headers`` are page headers and footers, ``notes`` footnotes, endnotes and speaker notes, ``revisions`` text whose deletion is
tracked, ``hidden`` what the program does not show: hidden sheets, rows, columns, slides and runs.
"""
LAYERS: tuple[LayerName, ...] = get_args(LayerName)
"""All layers."""
Lane = Literal["express", "normal", "batch"]
"""Which work goes first; see ``jobs/scheduling/lanes.py``."""
FigureMode = Literal["none", "placeholder", "embed"]
"""How a result shows figures: not at all, by a link to their images, or with the images in it."""


class JobState(StrEnum):
    """The state of a job. It only moves forward."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        """Return whether the job is completed, failed or cancelled."""
        return self in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


def format_utc(value: datetime) -> str:
    """Return a UTC time in ISO 8601 with milliseconds and Z."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


class FormatFile(NamedTuple):
    """How a format is stored and served: its media type and the extension of its file.

    CSV is stored as an archive of all tables. If there is one table, it alone is served as ``text/csv``.
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
    "chunks": FormatFile("application/x-ndjson", "chunks.jsonl"),
    "pdf": FormatFile("application/pdf", "searchable.pdf"),
    "zip": FormatFile("application/zip", "zip"),
}
"""Media type and file extension of each format."""
WRITTEN_FOR_BATCHES: tuple[OutputFormat, ...] = ("markdown", "json")
"""Formats that are written of each document of a batch, since its download has them."""
