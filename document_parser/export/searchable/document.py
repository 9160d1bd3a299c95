"""Write a PDF whose pages have invisible text: over pictures of an image file, or alone, to be laid over the pages of a PDF.

Only the texts of all pages, packed, are in memory; pictures wait in files (``WaitingPictures``).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pikepdf
from pikepdf import Array, Dictionary, Name, OutlineItem, String

from document_parser.export.searchable.content import GLYPH_WIDTH, Codes, text_operators
from document_parser.export.searchable.metadata import PRODUCER, archival_metadata, printable, srgb_profile
from document_parser.export.searchable.pictures import WaitingPictures, place_tile, stored_point
from document_parser.export.searchable.words import PlacedRun, Point
from document_parser.models.page_picture import PagePicture

FONT = "DocparseFont"
TEXT = Name.DocparseText
"""The form of a page with its text."""
BOOKMARKS = Name.DocparseBookmarks
"""Where the catalog of a PDF of texts alone keeps the bookmarks: title, level, page from 0, left and top in points of each."""
REPLACES = Name.DocparseReplaces
"""Set for a page whose text replaces what an earlier OCR laid there invisibly."""
MIN_SIDE_POINTS, MAX_SIDE_POINTS = 3.0, 14400.0
"""Sides of a page that PDF allows."""


class Bookmark(NamedTuple):
    """A heading: its text, its level from 1, its page from 0, and its place there in points from the bottom left."""

    title: str
    level: int
    page: int
    left: float
    top: float


class SearchableWriter:
    """A PDF under way. Pages are added in order; ``save`` writes it."""

    def __init__(self, folder: Path) -> None:
        """Keep pictures in a folder until the PDF is written. The caller removes it."""
        self._pdf = pikepdf.new()
        self._codes = Codes()
        self._font = self._pdf.make_indirect(Dictionary())
        self._pictures = WaitingPictures(folder)
        self._images: list[tuple[pikepdf.Object, Name, int]] = []
        self._bookmarks: list[Bookmark] = []
        self.has_text = False

    def add_page(
        self,
        width: float,
        height: float,
        runs: Sequence[PlacedRun],
        *,
        turned: int = 0,
        picture: tuple[PagePicture, Sequence[bytes]] | None = None,
        replaces: bool = False,
    ) -> Callable[[Point], Point]:
        """Add a page of this size in points, as a viewer shows it, and return the map from the page as it was read to it.

        ``runs`` are on the page as it was read, which is the one shown turned clockwise by ``turned`` degrees. The map leads
        from fractions, origin top left, to points, origin bottom left. Raises OSError.
        """
        width, height = (min(MAX_SIDE_POINTS, max(MIN_SIDE_POINTS, side)) for side in (width, height))
        page = self._pdf.add_blank_page(page_size=(width, height)).obj
        resources = Dictionary(XObject=Dictionary())
        operators: list[bytes] = []

        def to_page(point: Point) -> Point:
            u, v = as_shown(point, turned)
            if picture is not None:
                u, v = stored_point(picture[0], (u, v))
            return u * width, (1 - v) * height

        if picture is not None:
            for number, (tile, data) in enumerate(zip(picture[0].tiles, picture[1], strict=True)):
                matrix = place_tile(tile, picture[0].orientation, width, height)
                operators.append(f"q {' '.join(_short(value) for value in matrix)} cm /Im{number} Do Q".encode())
                self._images.append((resources.XObject, Name(f"/Im{number}"), self._pictures.add(tile, data)))
        written = text_operators(runs, to_page, self._codes, FONT)
        if written:
            self.has_text = True
            resources.XObject[TEXT] = self._form(written, width, height)
            operators.append(b"/DocparseText Do")
            page.Annots = Array(self._pdf.make_indirect(link) for link in _links_of(runs, to_page))
            if not len(page.Annots):
                del page.Annots
        page.Resources = resources
        page.Contents = self._pdf.make_stream(b"\n".join(operators))
        if replaces:
            page[REPLACES] = True
        return to_page

    def add_bookmark(self, title: str, level: int, page: int, point: Point) -> None:
        """Add a heading; ``page`` counts from 0, the point is in points of it."""
        if name := printable(title):
            self._bookmarks.append(Bookmark(name, level, page, *point))

    def save(self, out: BinaryIO | Path, *, title: str, language: str, archival: bool) -> None:
        """Write the PDF. ``archival`` claims PDF/A-2b, and adds what that needs. Raises OSError."""
        self._finish_font()
        opened: list[pikepdf.Pdf] = []
        try:
            for (resources, name, _), image in zip(self._images, self._pictures.copies(self._pdf, opened), strict=True):
                resources[name] = image
            if language:
                self._pdf.Root.Lang = String(language)
            if archival:
                add_bookmarks(self._pdf, self._bookmarks, lambda mark: (mark.left, mark.top))
                claim_archival(self._pdf, {"Title": printable(title), "Producer": PRODUCER})
                self._pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
            else:
                self._pdf.docinfo["/Title"] = printable(title)
                self._pdf.Root[BOOKMARKS] = Array(
                    Array([String(mark.title), *(round(value) for value in mark[1:])]) for mark in self._bookmarks
                )
            self._pdf.save(
                out,
                min_version="1.7",
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
                object_stream_mode=pikepdf.ObjectStreamMode.generate,
                deterministic_id=True,
            )
        finally:
            for one in opened:
                one.close()

    def _form(self, operators: bytes, width: float, height: float) -> pikepdf.Object:
        """Return the form with the text of a page."""
        entries = Dictionary(
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, round(width, 3), round(height, 3)]),
            Resources=Dictionary(Font=Dictionary({f"/{FONT}": self._font})),
            Filter=Name.FlateDecode,
        )
        return self._pdf.make_indirect(pikepdf.Stream(self._pdf, zlib.compress(operators, 9), entries))

    def _finish_font(self) -> None:
        """Fill in the font, now that the characters of the document are known."""
        program = files("document_parser.export.searchable").joinpath("glyphless.ttf").read_bytes()
        file = self._pdf.make_stream(program, Length1=len(program))
        descriptor = Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name.DocparseGlyphless,
            Flags=4,
            FontBBox=Array([0, 0, GLYPH_WIDTH, 1000]),
            ItalicAngle=0,
            Ascent=1000,
            Descent=0,
            CapHeight=1000,
            StemV=80,
            FontFile2=file,
        )
        glyphs = b"\0\0" + b"\0\1" * self._codes.count
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=Name.DocparseGlyphless,
            CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
            CIDToGIDMap=self._pdf.make_stream(glyphs),
            DW=GLYPH_WIDTH,
            FontDescriptor=self._pdf.make_indirect(descriptor),
        )
        self._font.update(
            Dictionary(
                Type=Name.Font,
                Subtype=Name.Type0,
                BaseFont=Name.DocparseGlyphless,
                Encoding=Name("/Identity-H"),
                DescendantFonts=Array([self._pdf.make_indirect(descendant)]),
                ToUnicode=self._pdf.make_stream(self._codes.to_unicode()),
            )
        )


def as_shown(point: Point, turned: int) -> Point:
    """Return where a point of the page as it was read lies on the page as a viewer shows it."""
    u, v = point
    return {90: (v, 1 - u), 180: (1 - u, 1 - v), 270: (1 - v, u)}.get(turned % 360, point)


def _short(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"


def _links_of(runs: Iterable[PlacedRun], to_page: Callable[[Point], Point]) -> Iterator[Dictionary]:
    """Yield an annotation for each word that leads to an address outside the document."""
    for run in runs:
        if not run.link.startswith(("http://", "https://", "mailto:")):
            continue
        corners = [to_page(point) for point in (run.start, run.end, run.above)]
        corners.append((corners[1][0] + corners[2][0] - corners[0][0], corners[1][1] + corners[2][1] - corners[0][1]))
        across, up = zip(*corners, strict=True)
        yield Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([round(edge, 2) for edge in (min(across), min(up), max(across), max(up))]),
            Border=Array([0, 0, 0]),
            F=4,
            A=Dictionary(S=Name.URI, URI=String(run.link)),
        )


def add_bookmarks(pdf: pikepdf.Pdf, marks: Sequence[Bookmark], point_of: Callable[[Bookmark], Point]) -> None:
    """Add the outline of a document. ``point_of`` gives the place of a bookmark in the space of its page."""
    if not marks:
        return
    with pdf.open_outline() as outline:
        above: list[tuple[int, OutlineItem]] = []
        for mark in marks:
            left, top = point_of(mark)
            item = OutlineItem(mark.title, mark.page, "XYZ", left=round(left, 1), top=round(top, 1))
            while above and above[-1][0] >= mark.level:
                above.pop()
            (above[-1][1].children if above else outline.root).append(item)
            above.append((mark.level, item))


def claim_archival(pdf: pikepdf.Pdf, entries: dict[str, str]) -> None:
    """Say that a PDF is PDF/A-2b: its metadata, and the colours that it is meant for."""
    profile = pdf.make_stream(srgb_profile(), N=3, Alternate=Name.DeviceRGB)
    pdf.Root.OutputIntents = Array(
        [
            pdf.make_indirect(
                Dictionary(
                    Type=Name.OutputIntent,
                    S=Name.GTS_PDFA1,
                    OutputConditionIdentifier=String("sRGB"),
                    Info=String("sRGB IEC61966-2.1"),
                    DestOutputProfile=profile,
                )
            )
        ]
    )
    metadata = pikepdf.Stream(pdf, archival_metadata(entries), Dictionary(Type=Name.Metadata, Subtype=Name.XML))
    pdf.Root.Metadata = pdf.make_indirect(metadata)
    del pdf.docinfo
    for name, value in entries.items():
        if value:
            pdf.docinfo[f"/{name}"] = value
