"""Lay the texts of one PDF over the pages of another, whose pages stay as they are. Runs in the opener child.

qpdf copies the streams of both files as it writes, so that neither is in memory; the result is handed out piece by piece.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from io import BufferedWriter, RawIOBase
from pathlib import Path
from queue import Queue
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from document_parser.errors import PageUnreadable
from document_parser.export.searchable.document import (
    BOOKMARKS,
    REPLACES,
    TEXT,
    Bookmark,
    add_bookmarks,
    claim_archival,
)
from document_parser.export.searchable.metadata import KEPT_ENTRIES, PRODUCER, printable
from document_parser.sources.pdf.archival import claims_archival, find_obstacles
from document_parser.sources.pdf.coordinates import UprightMap
from document_parser.sources.pdf.invisible_text import without_invisible_text

_PIECE_BYTES = 1 << 20
"""Bytes in which the result is handed from qpdf to whoever reads it: qpdf writes many small pieces."""
_WAITING_PIECES = 8
"""Pieces of the result that are written ahead of whoever reads them."""
_FAULTS = (pikepdf.PdfError, ValueError, RuntimeError, OSError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
MapOf = Callable[[int], UprightMap]
"""Returns the map from the space of a page, by its number from 1, to the upright page."""


class SearchablePdf:
    """A PDF with the texts of another, read from its beginning."""

    def __init__(self, path: Path, password: str | None, texts: Path, map_of: MapOf) -> None:
        """Lay the texts over the pages; nothing is written yet. Raises PageUnreadable if that is not possible."""
        try:
            self._pdf = pikepdf.open(path, password=password or "", suppress_warnings=True)
            self._texts = pikepdf.open(texts)
            _lay(self._pdf, self._texts, map_of)
        except _FAULTS as error:
            raise PageUnreadable("qpdf cannot write this PDF again.") from error
        self._pieces: Queue[bytes | None] = Queue(_WAITING_PIECES)
        self._failed = False
        self._rest = b""
        self._ended = False
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self) -> None:
        """Write the result into the queue."""
        try:
            out = BufferedWriter(_PieceWriter(self._pieces), _PIECE_BYTES)
            self._pdf.save(
                out,
                encryption=False,
                compress_streams=True,
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
                fix_metadata_version=False,
                deterministic_id=True,
            )
            out.flush()
        except _FAULTS:
            self._failed = True
        self._pieces.put(None)

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end. Raises PageUnreadable if the PDF cannot be written to its end."""
        parts, length = [self._rest], len(self._rest)
        while length < size and not self._ended:
            piece = self._pieces.get()
            if piece is None:
                self._ended = True
            else:
                parts.append(piece)
                length += len(piece)
        if self._failed:
            raise PageUnreadable("qpdf cannot write this PDF again.")
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]

    def close(self) -> None:
        """Do nothing: what is not read ends with the process."""


class _PieceWriter(RawIOBase):
    """A file to be written, which puts what it gets into a queue."""

    def __init__(self, pieces: Queue[bytes | None]) -> None:
        super().__init__()
        self._pieces = pieces
        self._size = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.put(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def writable(self) -> bool:
        return True


def _lay(pdf: pikepdf.Pdf, texts: pikepdf.Pdf, map_of: MapOf) -> None:
    """Lay texts over pages, and add what else the texts bring. Raises _FAULTS, and ValueError if pages are missing."""
    if len(pdf.pages) != len(texts.pages):
        raise ValueError("not as many pages as texts")
    is_tagged = "/MarkInfo" in pdf.Root and bool(pdf.Root.MarkInfo.get("/Marked", False))
    for number, (page, over) in enumerate(zip(pdf.pages, texts.pages, strict=True), 1):
        if REPLACES in over.obj:
            without_invisible_text(pdf, page)
        if TEXT in over.obj.Resources.XObject:
            _lay_page(pdf, page, over, number, map_of(number), is_tagged=is_tagged)
    if "/Lang" in texts.Root and "/Lang" not in pdf.Root:
        pdf.Root.Lang = texts.Root.Lang
    if "/Outlines" not in pdf.Root and BOOKMARKS in texts.Root:
        _add_bookmarks(pdf, texts, map_of)
    if not claims_archival(pdf) and not find_obstacles(pdf):
        entries = {name: printable(str(pdf.docinfo.get(f"/{name}", ""))) for name in sorted(KEPT_ENTRIES)}
        title = printable(str(texts.docinfo.get("/Title", "")))
        claim_archival(pdf, {**entries, "Title": entries["Title"] or title, "Producer": PRODUCER})


def _lay_page(
    pdf: pikepdf.Pdf, page: pikepdf.Page, over: pikepdf.Page, number: int, upright: UprightMap, *, is_tagged: bool
) -> None:
    """Lay the text of one page over it."""
    name = _free_name(page, f"{TEXT}{number}")
    page.add_resource(pdf.copy_foreign(over.obj.Resources.XObject[TEXT]), Name.XObject, name)
    width, height = (float(side) for side in over.mediabox[2:4])
    matrix = _matrix_to(upright, width, height)
    shown = f"q {' '.join(f'{value:.6f}' for value in matrix)} cm {name} Do Q"
    if is_tagged:
        shown = f"/Artifact BMC {shown} EMC"
    page.contents_add(b"q\n", prepend=True)
    page.contents_add(b"\nQ\n" + shown.encode())
    for link in over.obj.get("/Annots", ()):
        placed = pdf.copy_foreign(link)
        placed.Rect = Array(_map_rect(matrix, [float(edge) for edge in link.Rect]))
        if "/Annots" not in page.obj:
            page.obj.Annots = Array()
        page.obj.Annots.append(placed)


def _free_name(page: pikepdf.Page, name: str) -> Name:
    """Return a name that none of the page's images and forms has."""
    taken = page.obj.get("/Resources", Dictionary()).get("/XObject", Dictionary())
    while name in taken:
        name += "x"
    return Name(name)


def _matrix_to(upright: UprightMap, width: float, height: float) -> tuple[float, float, float, float, float, float]:
    """Return the matrix from points of the page as shown (origin bottom left) to the space of the page."""
    # u = a·x + b·y + c and v = d·x + e·y + f, solved for x and y; u = across / width, v = 1 - up / height.
    size = upright.a * upright.e - upright.b * upright.d
    inverse = upright.e / size, -upright.b / size, -upright.d / size, upright.a / size

    def point(across: float, up: float) -> tuple[float, float]:
        u, v = across / width - upright.c, 1 - up / height - upright.f
        return inverse[0] * u + inverse[1] * v, inverse[2] * u + inverse[3] * v

    (x0, y0), (x1, y1), (x2, y2) = point(0, 0), point(width, 0), point(0, height)
    return (x1 - x0) / width, (y1 - y0) / width, (x2 - x0) / height, (y2 - y0) / height, x0, y0


def _map_point(matrix: Iterable[float], x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _map_rect(matrix: Iterable[float], rect: list[float]) -> list[float]:
    matrix = tuple(matrix)
    corners = [_map_point(matrix, x, y) for x in (rect[0], rect[2]) for y in (rect[1], rect[3])]
    across, up = zip(*corners, strict=True)
    return [round(edge, 2) for edge in (min(across), min(up), max(across), max(up))]


def _add_bookmarks(pdf: pikepdf.Pdf, texts: pikepdf.Pdf, map_of: MapOf) -> None:
    """Add the bookmarks that the texts bring."""
    marks = [
        Bookmark(str(title), int(level), int(page), float(left), float(top))
        for title, level, page, left, top in texts.Root[BOOKMARKS]
    ]

    def point_of(mark: Bookmark) -> tuple[float, float]:
        width, height = (float(side) for side in texts.pages[mark.page].mediabox[2:4])
        return _map_point(_matrix_to(map_of(mark.page + 1), width, height), mark.left, mark.top)

    add_bookmarks(pdf, marks, point_of)
