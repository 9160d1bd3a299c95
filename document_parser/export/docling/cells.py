"""Write the cells of a table. The box of a cell is that of its words, which are those that the page was read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import IO

from document_parser.export.base import clean, clean_with_strikes
from document_parser.export.docling.values import as_json, page_box
from document_parser.export.flow import Parts, Place
from document_parser.models import BoundingBox, Cell
from document_parser.text.word_alignment import align_texts
from document_parser.text.word_places import MIN_FOUND_SHARE, PagePiece, pieces_in


def write_cells(out: IO[bytes], parts: Parts, place: Place) -> None:
    """Write the ``data`` of a table whose first part is at this place, one cell after the other.

    A cell says nothing of its page, so cells on pages after the first have no boxes.
    """
    above = columns = 0
    is_first = True
    out.write(b'{"table_cells":[')
    for part, table in enumerate(parts):
        for cell, box in zip(table.cells, repeat(None) if part else boxes_of_cells(table.cells, place), strict=False):
            row = above + cell.row
            found = {
                **({"bbox": page_box(box, place.page)} if box is not None else {}),
                "row_span": cell.row_span,
                "col_span": cell.column_span,
                "start_row_offset_idx": row,
                "end_row_offset_idx": row + cell.row_span,
                "start_col_offset_idx": cell.column,
                "end_col_offset_idx": cell.column + cell.column_span,
                "text": clean_with_strikes(cell.text, cell.spans),
                "column_header": cell.header,
            }
            out.write((b"" if is_first else b",") + as_json(found))
            is_first = False
        above, columns = above + table.rows, max(columns, table.columns)
    out.write(f'],"num_rows":{above},"num_cols":{columns}}}'.encode())


def boxes_of_cells(cells: Sequence[Cell], place: Place) -> Iterator[BoundingBox | None]:
    """Yield the box of each cell of the table at this place, in fractions of the page.

    None for a cell without words, one most of whose words are not known with their places, and one whose box would hold a word
    of another cell: a wrong place is worse than none.
    """
    words = place.page.words.unpack() if place.page.words is not None and place.box is not None else []
    pieces = list(pieces_in(place.box, words))
    if not pieces:
        yield from (None for _ in cells)
        return
    texts = [clean(cell.text) for cell in cells]
    found = list(align_texts(texts, pieces))
    owners = {id(piece): number for number, own in enumerate(found) for piece in own}
    for number, (text, own) in enumerate(zip(texts, found, strict=True)):
        if not own or len(own) < MIN_FOUND_SHARE * len(text.split()):
            yield None
            continue
        box = _around(own)
        others = (piece for piece in pieces if owners.get(id(piece), number) != number)
        yield None if any(_is_inside(piece, box) for piece in others) else box


def _around(pieces: Sequence[PagePiece]) -> BoundingBox:
    return BoundingBox.of(
        min(piece.left for piece in pieces),
        min(piece.top for piece in pieces),
        max(piece.right for piece in pieces),
        max(piece.bottom for piece in pieces),
    )


def _is_inside(piece: PagePiece, box: BoundingBox) -> bool:
    across, down = (piece.left + piece.right) / 2, (piece.top + piece.bottom) / 2
    return box.left <= across <= box.right and box.top <= down <= box.bottom
