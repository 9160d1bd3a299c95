"""Documents of parts instead of pages: text, sheets, slides, mail, books. Runs in the opener child.

A part is read from the structure of the file: it has blocks, no page image and no boxes. ``open_flowing`` knows the class of
each kind; its module is loaded when the first document of the kind is opened, or before while nothing else is to be done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast, get_args

from document_parser.errors import DocumentError, NoPageImage, PageUnreadable
from document_parser.imaging.page_image import RenderedPage
from document_parser.models import (
    Damage,
    FlowingKind,
    Location,
    PageFacts,
    PageImageSpec,
    Part,
)
from document_parser.sources.base import OpenerLimits, WithoutTextLayer
from document_parser.sources.image_file import ImageFile

_PLACES: dict[FlowingKind, str] = {
    "text": "plain_text.PlainText",
    "delimited": "delimited.DelimitedFile",
    "mail": "mail.mail_file.MailFile",
    "outlook": "mail.outlook_file.OutlookFile",
    "winmail": "mail.winmail_file.WinmailFile",
    "odt": "opendocument.text_file.OpenDocumentText",
    "odp": "opendocument.presentation.OpenDocumentPresentation",
    "archive": "containers.archive.Archive",
    "docx": "office.docx.WordDocument",
    "pptx": "office.pptx.Presentation",
    "xlsx": "sheets.xlsx.ExcelWorkbook",
    "ods": "sheets.ods.OpenDocumentWorkbook",
    "xls": "sheets.xls.OldWorkbook",
    "html": "markup.html.HtmlFile",
    "mhtml": "markup.mhtml.WebArchive",
    "epub": "markup.epub.Book",
    "markdown": "markup.markdown.MarkdownFile",
    "xml": "markup.xml.XmlFile",
    "json": "markup.json_file.JsonFile",
    "notebook": "markup.notebook.Notebook",
    "rtf": "markup.rtf_file.RtfFile",
}
"""Where the class of each kind is, below ``document_parser.sources``."""


class FlowingDocument(WithoutTextLayer, ABC):
    """An opened document of parts. Parts count from 1, as pages do.

    Subclasses are made from a path, the limits and a password (None or empty if there is none); construction raises
    DocumentError and its subclasses. ``part`` and ``picture_data`` raise PageUnreadable.
    """

    page_count: int
    """The number of parts."""

    def __init__(self, limits: OpenerLimits) -> None:
        """Keep the limits of embedded images."""
        self._limits = limits

    @abstractmethod
    def location(self, number: int) -> Location:
        """Return where a part is. This is cheap."""

    @abstractmethod
    def part(self, number: int) -> Part:
        """Return a part. A figure with an embedded image has a ``picture``: any name, which says that there is an image."""

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an embedded image of a part, by its index (from 0) among the figures of the part that have one."""
        del index
        raise PageUnreadable("The part has no embedded images.", page=number)

    def picture(self, number: int, index: int, spec: PageImageSpec) -> RenderedPage:
        """Return an embedded image as ``spec`` asks for it. Raises PageUnreadable if it cannot be decoded."""
        data = self.picture_data(number, index)
        try:
            image = ImageFile(data, self._limits.max_image_megapixels, self._limits.max_image_memory_mb)
            return image.render(1, spec, 0)
        except DocumentError as error:  # a picture that is damaged or too large is none; the part is read without it
            raise PageUnreadable(error.message, page=number) from error

    def facts(self, number: int) -> PageFacts:
        """Return the facts of a part: its location."""
        return PageFacts(number=number, width_points=0.0, height_points=0.0, location=self.location(number))

    def render(self, number: int, spec: PageImageSpec, turn: int) -> RenderedPage:
        """Raise NoPageImage: a part is not drawn."""
        del spec, turn
        raise NoPageImage(page=number)

    def damage(self, number: int) -> list[Damage]:
        """Return an empty list: the warnings of a part say what is missing."""
        del number
        return []


class OneBody(FlowingDocument):
    """A document that is one part: the whole body."""

    page_count = 1

    def location(self, number: int) -> Location:
        """Return the only location. Raises PageUnreadable for any other number."""
        if number != 1:
            raise PageUnreadable("The document has one part.", page=number)
        return Location(kind="body")


def open_flowing(path: Path, kind: str, limits: OpenerLimits, password: str | None) -> FlowingDocument:
    """Open a document of parts. Raises DocumentError and its subclasses; ValueError for a kind that is none."""
    if kind not in get_args(FlowingKind):
        raise ValueError(f"{kind} is no kind of flowing documents")
    module, name = _place_of(cast(FlowingKind, kind))
    make: Callable[[Path, OpenerLimits, str | None], FlowingDocument] = getattr(import_module(module), name)
    return make(path, limits, password)


def load_reader(kind: FlowingKind) -> None:
    """Load the module that documents of a kind are read with. Raises ImportError where a library of the kind is missing."""
    import_module(_place_of(kind)[0])


def _place_of(kind: FlowingKind) -> tuple[str, str]:
    """Return the module of a kind of documents, and the name of its class."""
    module, _, name = _PLACES[kind].rpartition(".")
    return f"document_parser.sources.{module}", name
