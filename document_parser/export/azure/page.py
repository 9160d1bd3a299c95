"""Write one page in the form of Azure: its content, and what is on it, as ranges of the content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from document_parser.export.azure.content import (
    ContentFormat,
    PageContent,
    Range,
    Text,
    cell_text,
    comment_text,
    heading_text,
    plain_text,
)
from document_parser.export.base import clean, clean_runs, describe_failure, item_of, shown_blocks
from document_parser.export.grid import complete_rows, count_header_rows
from document_parser.models import Block, BoundingBox, Cell, Options, Page
from document_parser.text.word_alignment import align_texts
from document_parser.text.word_places import PagePiece

_ROLES = {
    "title": "title",
    "heading": "sectionHeading",
    "footnote": "footnote",
    "formula": "formulaBlock",
    "page_header": "pageHeader",
    "page_footer": "pageFooter",
    "page_number": "pageNumber",
}
"""The roles that Azure has for kinds of blocks."""
_COMMENTS = {"page_header": "PageHeader", "page_footer": "PageFooter", "page_number": "PageNumber"}
"""What Azure's Markdown calls them; there they are comments."""


@dataclass(slots=True)
class Paragraph:
    """A paragraph: its text and role.

    ``level`` is that of a heading, else 0. ``inside`` says that it is a cell of a table, or stands in a figure.
    """

    text: Text
    role: str | None = None
    level: int = 0
    inside: bool = False


@dataclass(slots=True)
class TableCell:
    """A cell, and the number of its paragraph on the page; None if it is empty."""

    cell: Cell
    range: Range
    box: BoundingBox | None
    paragraph: int | None


@dataclass(slots=True)
class PageTable:
    """A table, and the number of the paragraph that is its caption."""

    rows: int
    columns: int
    cells: list[TableCell]
    range: Range
    box: BoundingBox | None
    header_rows: int
    caption: int | None = None


@dataclass(slots=True)
class PageFigure:
    """A figure: its number on the page, the numbers of its paragraphs, and that of its caption."""

    number: int
    range: Range
    box: BoundingBox | None
    paragraphs: list[int]
    caption: int | None = None


class StyledRange(NamedTuple):
    """A range in bold or italic letters."""

    range: Range
    bold: bool
    italic: bool


@dataclass(slots=True)
class PageElements:
    """What was written of a page. ``order`` has the paragraphs, tables and figures in the order of the content."""

    content: PageContent
    paragraphs: list[Paragraph] = field(default_factory=list)
    tables: list[PageTable] = field(default_factory=list)
    figures: list[PageFigure] = field(default_factory=list)
    styles: list[StyledRange] = field(default_factory=list)
    order: list[tuple[str, int]] = field(default_factory=list)


def write_page(page: Page, options: Options, content_format: ContentFormat) -> PageElements:
    """Return the page as it is written. Page headers and footers are always there, as Azure has them."""
    writer = _PageWriter(page, content_format)
    if page.status == "failed":
        said = describe_failure(page)
        writer.content.put(f"<!-- {said} -->" if writer.content.is_markdown else f"[{said}]")
        return writer.made
    for block in shown_blocks(page, options.model_copy(update={"headers_footers": "keep"})):
        writer.put(block)
    writer.tie_captions()
    return writer.made


class _PageWriter:
    """Write blocks one after another."""

    def __init__(self, page: Page, content_format: ContentFormat) -> None:
        self.content = PageContent(page, content_format)
        self.made = PageElements(self.content)
        self._page = page
        self._figure_numbers = {
            id(block): number for number, block in enumerate((one for one in page.blocks if one.kind == "figure"), 1)
        }
        self._paragraph_of: dict[int, int] = {}
        self._captioned: list[tuple[Block, PageTable | PageFigure]] = []

    def put(self, block: Block) -> None:
        """Write a block; nothing for one without content."""
        if block.kind == "table" and block.table is not None:
            if any(clean(cell.text) for cell in block.table.cells):
                self._put_table(block)
        elif block.kind == "figure":
            self._put_figure(block)
        elif clean(block.text):
            self._put_paragraph(block)

    def tie_captions(self) -> None:
        """Note for tables and figures which paragraph is their caption."""
        for block, element in self._captioned:
            if block.caption is not None and block.caption < len(self._page.blocks):
                element.caption = self._paragraph_of.get(id(self._page.blocks[block.caption]))

    def _add(self, block: Block, text: Text, *, inside: bool = False) -> int:
        """Note a paragraph, and return its number on the page."""
        number = len(self.made.paragraphs)
        level = {"title": 1, "heading": block.level or 2}.get(block.kind, 0)
        self.made.paragraphs.append(Paragraph(text, _ROLES.get(block.kind), level, inside))
        self._paragraph_of[id(block)] = number
        if not inside:
            self.made.order.append(("paragraphs", number))
        return number

    def _put_paragraph(self, block: Block) -> None:
        """Write a block of text, in Markdown with the marks of its kind around it."""
        self.content.begin()
        before, text, behind = self._markdown_of(block) if self.content.is_markdown else ("", self._text_of(block), "")
        self.content.put(before)
        written = self.content.put_text(text, self.content.pieces_of(block), block.box, is_formula=block.kind == "formula")
        self.content.put(behind)
        self._add(block, written)
        self._note_styles(block, written)

    def _text_of(self, block: Block) -> str:
        """Return a block as plain text."""
        return clean(block.text) if block.kind == "code" else plain_text(block.text, block.spans, is_markdown=False)

    def _markdown_of(self, block: Block) -> tuple[str, str, str]:
        """Return the text of a block in Markdown, with what stands before and behind it."""
        match block.kind:
            case "title" | "heading":
                level = min(6, max(1, block.level or (1 if block.kind == "title" else 2)))
                return f"{'#' * level} ", heading_text(clean_runs(block.text, block.spans)), ""
            case "page_header" | "page_footer" | "page_number":
                return f'<!-- {_COMMENTS[block.kind]}="', comment_text(block.text), '" -->'
            case "code":
                return "```\n", clean(block.text).replace("```", "` ` `"), "\n```"
            case "formula":
                return "$$\n", clean(block.text).strip("$").strip() or clean(block.text), "\n$$"
            case "list_item":
                item = item_of(block)
                mark = "- " if item.number is None else f"{item.number}{item.stop} "
                if text := plain_text(item.text, [], is_markdown=True):
                    return mark, text, ""
        return "", plain_text(block.text, block.spans, is_markdown=True), ""

    def _note_styles(self, block: Block, written: Text) -> None:
        """Note which words are bold or italic, where the words of the block are those that were written."""
        if not any(span.bold or span.italic for span in block.spans):
            return
        words, at = [], 0
        for word in block.text.split():
            at = block.text.index(word, at)
            words.append((at, at + len(word)))
            at += len(word)
        if len(words) != len(written.words):
            return
        for span in block.spans:
            inside = [
                new.range for old, new in zip(words, written.words, strict=True) if old[0] < span.end and old[1] > span.start
            ]
            if inside and (span.bold or span.italic):
                self.made.styles.append(StyledRange(Range(inside[0].start, inside[-1].end), span.bold, span.italic))

    def _put_table(self, block: Block) -> None:
        """Write the cells of a table row by row, in Markdown as HTML."""
        table = block.table
        assert table is not None
        self.content.begin()
        rows, heads = [list(row) for row in complete_rows(table)], count_header_rows(table)
        writer = _CellWriter(self.content, self.content.pieces_of(block), heads, self._add_cell)
        written = writer.put_rows(rows)
        columns = max((cell.column + cell.column_span for row in rows for cell in row), default=table.columns)
        made = PageTable(len(rows), columns, writer.cells, written, block.box, heads)
        self.made.order.append(("tables", len(self.made.tables)))
        self.made.tables.append(made)
        self._captioned.append((block, made))

    def _add_cell(self, text: Text) -> int:
        """Note the paragraph of a cell, and return its number on the page."""
        self.made.paragraphs.append(Paragraph(text, inside=True))
        return len(self.made.paragraphs) - 1

    def _put_figure(self, block: Block) -> None:
        """Write a figure with the text that stands in it."""
        text = plain_text(block.text, block.spans, is_markdown=self.content.is_markdown)
        paragraphs: list[int] = []
        start = self.content.length
        if text or self.content.is_markdown:
            self.content.begin()
            start = self.content.length
        if self.content.is_markdown:
            self.content.put("<figure>\n")
        if text:
            paragraphs.append(
                self._add(block, self.content.put_text(text, self.content.pieces_of(block), block.box), inside=True)
            )
        if self.content.is_markdown:
            self.content.put("\n</figure>" if text else "</figure>")
        made = PageFigure(self._figure_numbers[id(block)], Range(start, self.content.length), block.box, paragraphs)
        self.made.order.append(("figures", len(self.made.figures)))
        self.made.figures.append(made)
        self._captioned.append((block, made))


class _CellWriter:
    """Write the cells of a table. ``cells`` are those that were written."""

    def __init__(self, content: PageContent, pieces: Sequence[PagePiece], heads: int, add: Callable[[Text], int]) -> None:
        self.cells: list[TableCell] = []
        self._content = content
        self._pieces = pieces
        self._heads = heads
        self._add = add

    def put_rows(self, rows: Sequence[Sequence[Cell]]) -> Range:
        """Write all rows, and return the range of the table."""
        content, start = self._content, self._content.length
        texts = [cell_text(cell.text, cell.spans, is_markdown=content.is_markdown) for row in rows for cell in row]
        placed = zip(texts, align_texts(texts, self._pieces), strict=True)
        content.put("<table>\n" if content.is_markdown else "")
        for number, row in enumerate(rows):
            content.put("<tr>\n" if content.is_markdown else "")
            for cell in row:
                self._put_cell(cell, *next(placed), is_first=not self.cells, is_head=number < self._heads)
            content.put("</tr>\n" if content.is_markdown else "")
        content.put("</table>" if content.is_markdown else "")
        return Range(start, content.length)

    def _put_cell(self, cell: Cell, text: str, pieces: list[PagePiece], *, is_first: bool, is_head: bool) -> None:
        """Write one cell."""
        content = self._content
        if content.is_markdown:
            spans = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
            spans += f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
            tag = "th" if is_head or cell.header else "td"
            content.put(f"<{tag}{spans}>")
        elif text and not is_first and content.length:
            content.put("\n")
        written = content.put_text(text, pieces, None) if text else None
        paragraph = self._add(written) if written is not None else None
        span = written.range if written is not None else Range(content.length, content.length)
        self.cells.append(TableCell(cell, span, written.box if written is not None else None, paragraph))
        if content.is_markdown:
            content.put(f"</{tag}>\n")
