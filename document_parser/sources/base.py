"""What an open document answers, to the opener that holds it and to the process that reads; and the opener's limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, Self, runtime_checkable

from document_parser.host.libreoffice import find_libreoffice
from document_parser.models import (
    BoundingBox,
    Damage,
    FoundTable,
    Member,
    PageFacts,
    PageImage,
    PageImageSpec,
    Part,
    RulingLine,
    Word,
)

if TYPE_CHECKING:
    from document_parser.imaging.page_image import RenderedPage
    from document_parser.settings import Settings


MAX_FOUND_CELLS = 10_000
"""Cells of all tables of a page that pdfplumber's answer may have."""
MAX_RULINGS = 3000
"""Ruling lines of a page that are returned at most."""


@dataclass(frozen=True)
class OpenerLimits:
    """What an opener child may use.

    ``memory_mb`` is in MiB above what the child had when it was forked, ``timeout_seconds`` is per request. The limits of an
    image are in millions of pixels and in MiB at the peak of decoding. An archive has at most ``max_members`` members, which
    unpack to ``max_unpacked_mb`` MiB and ``max_expansion_ratio`` times its size.

    ``libreoffice`` is the path of the program that converts old formats, empty if there is none. A conversion takes at most
    ``libreoffice_memory_mb`` MiB, all that the program maps counted, and ``libreoffice_timeout_seconds``.
    """

    memory_mb: int = 1280
    timeout_seconds: float = 60.0
    max_image_megapixels: int = 200
    max_image_memory_mb: int = 1024
    max_unpacked_mb: int = 2048
    max_expansion_ratio: int = 200
    max_members: int = 10_000
    libreoffice: str = ""
    libreoffice_memory_mb: int = 2048
    libreoffice_timeout_seconds: float = 120.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the limits that the settings give."""
        workers = settings.workers
        return cls(
            memory_mb=workers.opener_memory_mb,
            timeout_seconds=workers.opener_timeout_seconds,
            max_image_megapixels=workers.max_image_megapixels,
            max_image_memory_mb=workers.max_image_memory_mb,
            max_unpacked_mb=workers.max_unpacked_mb,
            max_expansion_ratio=workers.max_expansion_ratio,
            max_members=workers.max_members,
            libreoffice=str(find_libreoffice(workers.libreoffice_program) or ""),
            libreoffice_memory_mb=workers.libreoffice_memory_mb,
            libreoffice_timeout_seconds=workers.libreoffice_timeout_seconds,
        )


class OpenedDocument(Protocol):
    """An opened file of any kind, inside the opener child. Pages count from 1.

    All methods raise PageUnreadable if the page cannot be read.
    """

    page_count: int

    def facts(self, number: int) -> PageFacts:
        """Return what is known of a page before it is read."""

    def words(self, number: int) -> list[Word]:
        """Return the visible words of the page's text layer in content order; empty if there is none."""

    def rulings(self, number: int) -> list[RulingLine]:
        """Return the ruling lines that the page draws, in fractions of the upright page; empty for image files."""

    def damage(self, number: int) -> list[Damage]:
        """Return the damaged parts of the page's data, as far as they can be found."""

    def tables(self, number: int, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        """Return the tables that pdfplumber finds: inside lines on the page, by alignment in ``regions``; empty for images."""

    def pdfplumber_words(self, number: int) -> list[Word]:
        """Return the words that pdfplumber finds, where PDFium finds none; empty for images."""

    def render(self, number: int, spec: PageImageSpec, turn: int) -> RenderedPage:
        """Return the page's image, turned by ``turn`` degrees clockwise (0, 90, 180, 270) from what a viewer shows."""


class WithoutTextLayer:
    """What documents answer that have no text layer and draw no lines: image files, and documents of parts."""

    def words(self, number: int) -> list[Word]:
        """Return an empty list: there is no text layer."""
        del number
        return []

    def rulings(self, number: int) -> list[RulingLine]:
        """Return an empty list: an engine finds what is drawn in an image."""
        del number
        return []

    def tables(self, number: int, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        """Return an empty list: pdfplumber reads PDFs."""
        del number, regions
        return []

    def pdfplumber_words(self, number: int) -> list[Word]:
        """Return an empty list: pdfplumber reads PDFs."""
        del number
        return []


@runtime_checkable
class Container(Protocol):
    """An opened file that holds other files, inside the opener child."""

    def members(self) -> list[Member]:
        """Return the files inside, in their order. Raises DocumentError and its subclasses."""

    def open_member(self, index: int) -> IO[bytes]:
        """Return a stream of the contents of a member, by its index. Raises PageUnreadable, also while it is read."""


class PageSource(Protocol):
    """What reading a page needs of an open document. Pages count from 1.

    All methods raise PageUnreadable if the page cannot be read, and PageCrashed if asking for it ended the opener child.
    """

    async def facts(self, number: int) -> PageFacts:
        """Return what is known of a page before it is read."""

    async def words(self, number: int) -> list[Word]:
        """Return the visible words of the page's text layer in content order; empty if there is none."""

    async def rulings(self, number: int) -> list[RulingLine]:
        """Return the ruling lines that the page draws, in fractions of the upright page; empty for image files."""

    async def damage(self, number: int) -> list[Damage]:
        """Return the damaged parts of the page's data, as far as they can be found."""

    async def tables(self, number: int, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        """Return the tables that pdfplumber finds: inside lines on the page, by alignment in ``regions``; empty for images.

        The child that takes longer than PDFPLUMBER_SECONDS is ended, which raises PageCrashed.
        """

    async def pdfplumber_words(self, number: int) -> list[Word]:
        """Return the words that pdfplumber finds, where PDFium finds none; empty for images. Limits as of ``tables``."""

    async def render(self, number: int, spec: PageImageSpec, turn: int = 0) -> PageImage:
        """Return the page's image, turned by ``turn`` degrees clockwise (0, 90, 180, 270) from what a viewer shows."""

    async def part(self, number: int) -> Part:
        """Return the part of a flowing document; raises PageUnreadable for a page that is drawn."""

    async def picture(self, number: int, index: int, spec: PageImageSpec) -> PageImage:
        """Return an embedded image of a part, by its index (from 0) among the figures of the part that have one."""
