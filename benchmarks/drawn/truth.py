"""What stands on a drawn document, in reading order, written down before it is drawn.

Boxes of words are in points of the page, origin top left, exact to the rounding of the typesetter; a typesetter that does not
say where it put the words gives none. Only what a reader of the document should find is among the blocks of ``body``; heads,
feet, watermarks and hidden text are known too, so that what leaks into the body can be counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from html import escape
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What a block is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "list_item"
    CLAUSE = "clause"
    TABLE = "table"
    FIGURE = "figure"
    CAPTION = "caption"
    CHECKBOX = "checkbox"
    PAIR = "pair"
    CONTENTS = "contents"
    FOOTNOTE = "footnote"
    CODE = "code"
    HEAD = "page_header"
    FOOT = "page_footer"
    MARGIN = "margin"
    WATERMARK = "watermark"
    HIDDEN = "hidden"


OUTSIDE_BODY = frozenset({Kind.HEAD, Kind.FOOT, Kind.MARGIN, Kind.WATERMARK, Kind.HIDDEN})
"""Kinds whose text is not in the body: running heads and feet, numbers of lines, watermarks, what no page shows."""


EITHER_WAY = frozenset({Kind.CLAUSE})
"""Kinds that may be read as a list item or as a paragraph: numbered clauses such as 4.2 are both."""


class Run(NamedTuple):
    """A part of a text in one look. ``raised`` marks a footnote or a power."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    raised: bool = False


class WordBox(NamedTuple):
    """A word where it was painted: page from 1, then points from the top left corner."""

    text: str
    page: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass
class Cell:
    """A cell of a table. ``turned`` is written upwards; ``align`` is l, c or r; ``words`` are the table's in it."""

    text: str
    row: int
    column: int
    rowspan: int = 1
    colspan: int = 1
    header: bool = False
    align: str = "l"
    bold: bool = False
    turned: bool = False
    words: list[WordBox] = field(default_factory=list)
    inner: list[list[str]] = field(default_factory=list)
    """The rows of a table in the cell, drawn as one."""


@dataclass
class TableLook:
    """How a table is drawn. ``rules``: grid, rows, head, outer, dotted, none; ``shade``: zebra, head, none."""

    rules: str = "grid"
    shade: str = "none"
    padding: float = 3.0
    share: float = 1.0
    size: float = 1.0
    widths: tuple[float, ...] = ()
    shade_colour: str = "#e6e6ee"
    white_boxes: bool = False


@dataclass
class Block:
    """One thing in a document. ``level`` is of a heading or the depth of an item; ``marker`` an item's or note's own mark.

    ``value`` belongs to a pair, whose label is its text; ``checked`` to a check box. The rest says how it looks.
    """

    kind: Kind
    runs: tuple[Run, ...] = ()
    level: int = 1
    marker: str = ""
    value: str = ""
    checked: bool | None = None
    cells: list[Cell] = field(default_factory=list)
    words: list[WordBox] = field(default_factory=list)
    look: dict[str, Any] = field(default_factory=dict)
    table_look: TableLook = field(default_factory=TableLook)

    @property
    def text(self) -> str:
        """Return the text without any look."""
        return "".join(run.text for run in self.runs)

    @property
    def may_be_heading(self) -> bool:
        """Return whether a line looks like a heading and need not be one: a subject, a name in bold, large type of a poster."""
        return self.kind is not Kind.HEADING and bool(self.look.get("bold") or self.look.get("scale", 1.0) > 1.2)

    @property
    def shape(self) -> tuple[int, int]:
        """Return a table's numbers of rows and columns."""
        return max(c.row + c.rowspan for c in self.cells), max(c.column + c.colspan for c in self.cells)

    def rows(self) -> list[list[Cell]]:
        """Return a table's cells row by row."""
        return [sorted((c for c in self.cells if c.row == row), key=lambda c: c.column) for row in range(self.shape[0])]

    def markdown(self) -> str:
        """Return what the block should be in Markdown; tables as HTML, since spans are part of the truth."""
        match self.kind:
            case Kind.HEADING:
                return f"{'#' * self.level} {_inline(self.runs)}"
            case Kind.ITEM:
                return f"{'  ' * (self.level - 1)}{_list_mark(self.marker)} {_inline(self.runs)}"
            case Kind.TABLE:
                return table_html(self)
            case Kind.FIGURE:
                return ""
            case Kind.CHECKBOX:
                return f"- [{'x' if self.checked else ' '}] {self.text}"
            case Kind.PAIR | Kind.CONTENTS:
                return f"{self.text} {self.value}"
            case Kind.FOOTNOTE | Kind.CLAUSE:
                return f"{self.marker} {_inline(self.runs)}"
            case Kind.CODE:
                return f"```\n{self.text}\n```"
        return _inline(self.runs)


@dataclass
class Truth:
    """A whole document: its blocks in reading order, what is outside the body last."""

    seed: int
    kind: str
    typesetter: str
    language: str
    blocks: list[Block]
    pages: int = 0
    has_boxes: bool = False
    row_order: list[int] = field(default_factory=list)
    """Numbers of blocks in another order that is as right: pairs that stand side by side, row by row."""

    def body(self) -> Iterator[Block]:
        """Yield the blocks that a reader should find."""
        return (block for block in self.blocks if block.kind not in OUTSIDE_BODY)

    def of(self, *kinds: Kind) -> list[Block]:
        """Return the blocks of these kinds."""
        return [block for block in self.blocks if block.kind in kinds]

    def markdown(self) -> str:
        """Return the body as Markdown."""
        return _joined(self.body())

    def block_orders(self) -> list[list[Block]]:
        """Return the blocks of the body in each order that is right."""
        others = [self.blocks[number] for number in self.row_order]
        return [list(self.body()), *([[b for b in others if b.kind not in OUTSIDE_BODY]] if others else [])]

    def orders(self) -> list[str]:
        """Return the body as Markdown in each order that is right."""
        return [_joined(blocks) for blocks in self.block_orders()]

    def as_json(self) -> dict[str, Any]:
        """Return everything but the look, for a file."""
        blocks = [
            {
                key: value
                for key, value in {**asdict(block), "text": block.text}.items()
                if key not in {"look", "table_look"} and value not in ([], "", None, ())
            }
            for block in self.blocks
        ]
        return {**{key: value for key, value in vars(self).items() if key != "blocks"}, "blocks": blocks}


def unfold_nested(cells: list[Cell]) -> list[Cell]:
    """Return the cells of a table with those of the tables in its cells: the cells around them are over several rows.

    Only one column has such cells, whose tables are of one width.
    """
    folded = [cell for cell in cells if cell.inner]
    if not folded:
        return cells
    column, wide = folded[0].column, len(folded[0].inner[0])
    found: list[Cell] = []
    below = 0
    for row in range(max(cell.row for cell in cells) + 1):
        own = [cell for cell in cells if cell.row == row]
        inner = next((cell.inner for cell in own if cell.inner), [])
        for cell in own:
            place = cell.column + (wide - 1) * (cell.column > column)
            if cell.inner:
                found += [Cell(text, below + n, column + c) for n, texts in enumerate(inner) for c, text in enumerate(texts)]
            else:
                across = wide if cell.column == column else 1
                found.append(replace(cell, row=below, column=place, rowspan=max(1, len(inner)), colspan=across))
        below += max(1, len(inner))
    return found


def _joined(blocks: Iterable[Block]) -> str:
    return "\n\n".join(filter(None, (block.markdown() for block in blocks))) + "\n"


def table_html(block: Block) -> str:
    """Return a table as HTML with its spans."""
    lines = ["<table>"]
    for row in block.rows():
        lines.append("<tr>" + "".join(_cell_html(cell) for cell in row) + "</tr>")
    return "\n".join([*lines, "</table>"])


def _cell_html(cell: Cell) -> str:
    name = "th" if cell.header else "td"
    spans = "".join(f' {key}="{n}"' for key, n in (("rowspan", cell.rowspan), ("colspan", cell.colspan)) if n > 1)
    return f"<{name}{spans}>{escape(cell.text, quote=False)}</{name}>"


def _list_mark(marker: str) -> str:
    """Return the mark in Markdown: a hyphen for bullets; numbers and letters as they are drawn."""
    return marker if any(c.isalnum() for c in marker) else "-"


def _inline(runs: tuple[Run, ...]) -> str:
    return "".join(_run_markdown(run) for run in runs)


def _run_markdown(run: Run) -> str:
    if run.raised:
        return f"<sup>{run.text}</sup>"
    return f"~~{run.text}~~" if run.struck else run.text
