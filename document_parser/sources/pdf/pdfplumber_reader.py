"""A second reader of PDF pages: tables and words as pdfplumber finds them with pdfminer. Runs in the opener child.

pdfplumber is imported at its first use, which takes 0.13 s and 12 MiB: most documents never need it, and an idle zygote would
hold it for nothing. pdfminer is written in Python and slow, so a page with many characters or objects is refused beforehand.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from document_parser.errors import PageUnreadable
from document_parser.models import BoundingBox, FoundTable, TableStrategy, Word
from document_parser.sources.base import MAX_FOUND_CELLS
from document_parser.sources.pdf.coordinates import UprightMap, rect_from_edges
from document_parser.sources.pdf.fonts import name_style_of

MAX_CHARACTERS = 20_000
"""Characters of a page that pdfminer may be given: about a second of work and 60 MiB. A dense page of print has 10,000."""
MAX_OBJECTS = 20_000
"""Objects of a page that pdfminer may be given."""
MAX_EDGES = 4_000
"""Edges of a page among which tables are searched; the time grows with the crossings."""
MAX_TABLES = 50
"""Tables of a page that are returned."""
MAX_CELL_CHARACTERS = 4_000
"""Characters of a cell that are returned."""

MIN_OVERLAP_SHARE = 0.5
"""A region of which a table inside lines covers this share of the area is not searched for an aligned table."""

MAX_OVERLAP_SHARE = 0.02
"""Of a table's area, that cells may cover twice."""
_UNMAPPED = re.compile(r"\(cid:\d+\)")
"""What pdfminer writes in place of a character without a meaning."""
_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, RecursionError,
    TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""Raised by pdfminer, beside its own errors, for objects that are not what they should be."""


class PdfplumberReader:
    """One PDF, opened with pdfplumber when it is needed. Pages count from 1.

    All methods raise PageUnreadable if pdfplumber cannot read the page. They may take long: the caller limits the time.
    """

    def __init__(self, path: Path, password: str | None, page_count: int) -> None:
        """``page_count`` is PDFium's: pages are compared by number, so both must see the same pages."""
        self._path, self._password, self._page_count = path, password, page_count
        self._pdf: Any = None

    def tables(self, number: int, place: UprightMap, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        """Return the tables inside ruling lines on the whole page, and those that alignment shows in the other ``regions``.

        Boxes are fractions of the upright page. The text of a cell is None where another cell spans it.
        Source: pdfplumber's ``lines`` and ``text`` strategies.
        """
        with self._open_page(number) as page:
            if len(page.edges) > MAX_EDGES:
                raise PageUnreadable(f"The page has more than {MAX_EDGES} edges, the limit for pdfplumber.")
            to_box = _Coordinates.of(page, place).box
            found = [_found_table_of(table, "lines", to_box) for table in _find_tables(page, "lines")]
            for region in regions:
                if not any(_covers(table.box, region) for table in found):
                    part = page.filter(lambda item, region=region: _is_inside(to_box(item), region))
                    found += [_found_table_of(table, "text", to_box) for table in _find_tables(part, "text")]
        return _limit_cells(found)

    def words(self, number: int, place: UprightMap) -> list[Word]:
        """Return the page's words in reading order of its lines, boxes in fractions of the upright page.

        A character without a meaning is U+FFFD. So is one of a font of single bytes without a map of its own: pdfminer takes it
        for what its code or the name of its glyph says, which PDFium has found to be nothing.
        """
        with self._open_page(number) as page:
            _mark_unmapped(page.chars, page.pdf.rsrcmgr.guessed)
            to_box = _Coordinates.of(page, place).box
            words = page.extract_words(extra_attrs=["fontname", "size"])
            return [word for one in words if (word := _word_of(one, to_box(one))) is not None]

    @contextmanager
    def _open_page(self, number: int) -> Iterator[Any]:
        """Give one page and forget what was parsed of it. Raises PageUnreadable for whatever goes wrong with it."""
        from pdfminer.psexceptions import PSException
        from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException

        try:
            page = self._open().pages[number - 1]
            page.pdf.rsrcmgr.guessed.clear()
            try:
                yield page
            finally:
                page.close()
        except (PSException, MalformedPDFException, PdfminerException, *_FAULTS) as error:
            raise PageUnreadable("pdfplumber cannot read this page.") from error

    def _open(self) -> Any:
        """Return the opened document. Raises PageUnreadable, and what ``_open_page`` catches."""
        if self._pdf is None:
            import pdfplumber

            pdf = pdfplumber.open(self._path, password=self._password, raise_unicode_errors=False)
            pdf.rsrcmgr = _new_font_store()
            self._pdf = pdf
        if len(self._pdf.pages) != self._page_count:
            raise PageUnreadable("pdfplumber and PDFium find different numbers of pages.")
        return self._pdf


def _new_font_store() -> Any:
    """Return pdfminer's store of fonts, one that keeps the names of a page's simple fonts without a map to Unicode."""
    from pdfminer.pdffont import PDFSimpleFont
    from pdfminer.pdfinterp import PDFResourceManager

    class Resources(PDFResourceManager):
        def __init__(self) -> None:
            super().__init__()
            self.guessed: set[object] = set()

        def get_font(self, objid: object, spec: Any) -> Any:
            font = super().get_font(objid, spec)
            if isinstance(font, PDFSimpleFont) and not font.unicode_map:
                self.guessed.add(font.fontname)
            return font

    return Resources()


class _Coordinates(NamedTuple):
    """Takes pdfplumber's boxes of a page to fractions of the upright page.

    pdfminer turns a page by its rotation and puts the corner of the media box at the origin; pdfplumber counts from the top and
    adds the corner again, and it moves the crop box of a turned page to the wrong side. So boxes go back to the page's own
    space, from which PDFium's map leads on.
    """

    place: UprightMap
    media: tuple[float, float, float, float]
    rotation: int
    left: float
    bottom: float

    @classmethod
    def of(cls, page: Any, place: UprightMap) -> _Coordinates:
        x0, y0, x1, y1 = (float(edge) for edge in page.page_obj.mediabox)
        return cls(place, (x0, y0, x1, y1), page.page_obj.rotate % 360, page.mediabox[0], page.mediabox[1] + page.height)

    def box(self, item: Any) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of an object or of a bounding box, not clipped to the page."""
        x0, top, x1, bottom = (item["x0"], item["top"], item["x1"], item["bottom"]) if isinstance(item, dict) else item
        first, last = (
            self._page_point(x0 - self.left, self.bottom - bottom),
            self._page_point(x1 - self.left, self.bottom - top),
        )
        return self.place.map_rect(rect_from_edges(*first, *last))

    def _page_point(self, across: float, up: float) -> tuple[float, float]:
        """Return a point of the turned page in the page's own space."""
        x0, y0, x1, y1 = self.media
        match self.rotation:
            case 90:
                return x1 - up, y0 + across
            case 180:
                return x1 - across, y1 - up
            case 270:
                return x0 + up, y1 - across
        return x0 + across, y0 + up


_ToBox = Callable[[Any], tuple[float, float, float, float]]


def _find_tables(page: Any, strategy: TableStrategy) -> list[Any]:
    """Return pdfplumber's tables, at most MAX_TABLES, without those whose cells overlap."""
    settings = {"vertical_strategy": strategy, "horizontal_strategy": strategy}
    return [table for table in page.find_tables(settings)[:MAX_TABLES] if not _has_overlaps(table)]


def _has_overlaps(table: Any) -> bool:
    """Return whether cells of a table lie on each other, as pdfplumber finds them among many short lines: words count twice."""
    left, top, right, bottom = table.bbox
    cells = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in table.cells)
    return bool(cells > (1 + MAX_OVERLAP_SHARE) * (right - left) * (bottom - top))


def _found_table_of(table: Any, strategy: TableStrategy, to_box: _ToBox) -> FoundTable:
    """Return a table of pdfplumber in the product's words."""
    rows = [[cell and cell[:MAX_CELL_CHARACTERS] for cell in row] for row in table.extract()]
    return FoundTable(strategy=strategy, box=BoundingBox.of(*to_box(table.bbox)), rows=rows)


def _limit_cells(tables: Iterable[FoundTable]) -> list[FoundTable]:
    """Return the first tables that have no more than MAX_FOUND_CELLS cells together."""
    kept: list[FoundTable] = []
    cells = 0
    for table in tables:
        cells += sum(len(row) for row in table.rows)
        if cells > MAX_FOUND_CELLS or len(kept) >= MAX_TABLES:
            break
        kept.append(table)
    return kept


def _covers(box: BoundingBox, region: BoundingBox) -> bool:
    """Return whether a table covers enough of a region."""
    width = min(box.right, region.right) - max(box.left, region.left)
    height = min(box.bottom, region.bottom) - max(box.top, region.top)
    area = (region.right - region.left) * (region.bottom - region.top)
    return width > 0 and height > 0 and width * height >= MIN_OVERLAP_SHARE * area


def _is_inside(box: tuple[float, float, float, float], region: BoundingBox) -> bool:
    """Return whether the middle of a box is in a region."""
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region.left <= across <= region.right and region.top <= down <= region.bottom


def _mark_unmapped(characters: Iterable[dict[str, Any]], guessed: Container[object]) -> None:
    """Put U+FFFD in place of characters without a meaning, and of those in fonts with these names."""
    for character in characters:
        guess = character["fontname"] in guessed and not character["text"].isspace()
        if guess or _UNMAPPED.fullmatch(character["text"]):
            character["text"] = "\ufffd"


def _word_of(found: dict[str, Any], box: tuple[float, float, float, float]) -> Word | None:
    """Return one of pdfplumber's words; None if it is outside the page."""
    left, top, right, bottom = box
    if not (left < 1 and top < 1 and right > 0 and bottom > 0):
        return None
    font = str(found["fontname"])
    style = name_style_of(font.partition("+")[2] or font)
    edge = BoundingBox.of(left, top, right, bottom)
    size = round(abs(float(found["size"])), 2)
    place = (edge.left, edge.top, edge.right, edge.bottom)
    return Word(found["text"], *place, size, style.bold, style.italic, None, style.math, 0.0, style.mono)
