"""Pages for layout tests: words and rules at places in points, and the blocks and tables that layout makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from document_parser.layout.page import blocks_of
from document_parser.models import Block, RulingLine, Table, Word

WIDTH, HEIGHT = 595.0, 842.0
"""An A4 page, in points."""
TALE = (
    "the quick brown fox jumps over the lazy dog while seven wizards quietly mix a very large jar of honey and pepper for "
    "their guests who have travelled from distant villages to hear the old songs once more before winter comes"
)


def width_of(text: str, size: float) -> float:
    """Letters of 0.45 and spaces of 0.25 font sizes, about those of a book face."""
    return size * (0.45 * len(text.replace(" ", "")) + 0.25 * text.count(" "))


def line(
    text: str, left: float, top: float, *, size: float = 10.0, right: float | None = None, bold: bool = False
) -> list[Word]:
    """The words of a line whose box is ``size`` high; spread to ``right`` where that is given."""
    words = text.split()
    stretch = 0.0 if right is None else (right - left - width_of(text, size)) / max(1, len(words) - 1)
    placed, x = [], left
    for word in words:
        end = x + width_of(word, size)
        placed.append(Word(word, x / WIDTH, top / HEIGHT, end / WIDTH, (top + size) / HEIGHT, size, bold))
        x = end + 0.25 * size + stretch
    return placed


def scanned(words: list[Word]) -> list[Word]:
    """The same words as a scan has them: their sizes are estimated, on the small side, and no weight is known."""
    return [word._replace(size_points=0.0, bold=False, estimated_points=0.9 * word.size_points) for word in words]


def prose(
    lines: int, left: float, top: float, right: float, *, size: float = 10.0, seed: int = 1, first: str = "", last: str = ""
) -> list[Word]:
    """The words of justified text of full lines; ``first`` begins it, ``last`` is its last line."""
    source, tale = random.Random(seed), TALE.split()
    words, waiting = [], first
    for number in range(lines):
        text = waiting or source.choice(tale)
        while width_of(longer := f"{text} {(waiting := source.choice(tale))}", size) <= right - left:
            text = longer
        words += line(last if number == lines - 1 and last else text, left, top + number * size * 1.2, size=size, right=right)
    return words


def as_runs(words: Sequence[Word]) -> list[Word]:
    """The words of each line as one run without a font size, as an OCR reads them."""
    lines: dict[float, list[Word]] = {}
    for word in words:
        lines.setdefault(word.top, []).append(word)
    return [
        Word(" ".join(word.text for word in held), held[0].left, held[0].top, held[-1].right, held[0].bottom)
        for held in lines.values()
    ]


def rows_at(rows: Iterable[Sequence[str]], lefts: Sequence[float], top: float, pitch: float = 16.0, **look: Any) -> list[Word]:
    """The words of a table: each column begins at one of ``lefts``, a row stands ``pitch`` below the last."""
    return [
        word
        for number, cells in enumerate(rows)
        for left, text in zip(lefts, cells, strict=True)
        for word in line(text, left, top + number * pitch, **look)
    ]


def level(at: float, left: float = 72.0, right: float = 520.0) -> RulingLine:
    """A horizontal rule."""
    return RulingLine(left / WIDTH, at / HEIGHT, right / WIDTH, at / HEIGHT)


def upright(at: float, top: float, bottom: float) -> RulingLine:
    """A vertical rule."""
    return RulingLine(at / WIDTH, top / HEIGHT, at / WIDTH, bottom / HEIGHT)


def blocks(words: list[Word]) -> list[Block]:
    """The blocks of a page without rules."""
    return blocks_of(words, WIDTH, HEIGHT)


def kinds(found: Iterable[Block]) -> list[str]:
    """The kind of each block."""
    return [block.kind for block in found]


def texts(found: Iterable[Block]) -> list[str]:
    """The text of each block."""
    return [block.text for block in found]


def whole(found: Iterable[Block]) -> str:
    """The text of all blocks."""
    return " ".join(texts(found))


def only_table(found: Iterable[Block]) -> Table:
    """The one table among the blocks."""
    tables = [block.table for block in found if block.table]
    assert len(tables) == 1
    return tables[0]


def table_of(words: list[Word], rules: list[RulingLine]) -> Table:
    """The one table of a page with rules."""
    return only_table(blocks_of(words, WIDTH, HEIGHT, rules))


def grid(table: Table | None) -> list[list[str]]:
    """The text of each row and column; empty where a cell that spans several does not begin."""
    assert table is not None
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows


def shown(table: Table) -> list[list[str]]:
    """Rows of texts, a span behind a text as (rows x columns)."""
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    for cell in table.cells:
        span = f" ({cell.row_span}x{cell.column_span})" if (cell.row_span, cell.column_span) != (1, 1) else ""
        rows[cell.row].append(cell.text + span)
    return rows
