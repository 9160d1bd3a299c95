"""Write semantic HTML without scripts, styles or anything that is fetched. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import IO

from document_parser.export.base import NOT_OPENED, clean, clean_runs, describe_failure, item_of, separator_line
from document_parser.export.figures import NO_FIGURES, Figures, ShownFigures
from document_parser.export.flow import Piece, flow
from document_parser.export.grid import complete_rows, count_header_rows
from document_parser.models import Block, Cell, Document, Options, Page, Table
from document_parser.text.direction import has_right_to_left
from document_parser.text.spans import Run, Style

_PARAGRAPH_CLASSES = {
    "caption": "caption",
    "checkbox": "checkbox",
    "footnote": "footnote",
    "formula": "formula",
    "page_footer": "page-footer",
    "page_header": "page-header",
    "page_number": "page-number",
    "signature": "signature",
    "watermark": "watermark",
}
"""The class of the paragraph for kinds of blocks that HTML has no element for."""


def write_html(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write one HTML file with a section for each page."""
    title = _escape_text(document.filename)
    out.write(f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n</head>\n<body>\n'.encode())
    begun, figures_shown = False, ShownFigures(options, figures)
    for piece in _group_list_items(flow(pages, options)):
        if isinstance(piece, list):
            out.write(f"{_format_list(piece)}\n".encode())
        elif piece.block is None:
            out.write((_end_section(options, piece.page) if begun else "").encode() + _start_section(piece.page).encode())
            begun = True
        elif piece.parts is not None:
            for line in table_lines(piece.parts, piece.caption):
                out.write(f"{line}\n".encode())
        elif piece.block.kind == "figure" and figures_shown.are_shown:
            out.write(f"{_format_figure(piece.block, piece.caption, figures_shown)}\n".encode())
        elif not piece.owned and (shown := _format_block(piece.block)):
            out.write(f"{shown}\n".encode())
    if document.page_count == 0:
        out.write(f'<p class="failed">{_escape_text(NOT_OPENED)}</p>\n'.encode())
    out.write(("</section>\n" if begun else "").encode() + b"</body>\n</html>\n")


def _group_list_items(pieces: Iterable[Piece]) -> Iterator[Piece | list[Block]]:
    """Yield pieces one by one, and list items that follow each other as one list."""
    for listed, group in groupby(pieces, key=lambda piece: piece.block is not None and piece.block.kind == "list_item"):
        if listed:
            yield [piece.block for piece in group if piece.block is not None]
        else:
            yield from group


def _end_section(options: Options, page: Page) -> str:
    """Return the end of a page, and the line before the next one if the options have one."""
    line = _escape_text(separator_line(options, page))
    return "</section>\n" + (f'<p class="page-separator">{line}</p>\n' if line else "")


def _start_section(page: Page) -> str:
    """Return the start of a page."""
    failed = f'<p class="failed">{_escape_text(describe_failure(page))}</p>\n' if page.status == "failed" else ""
    return f'<section id="page-{page.number}" data-page="{page.number}">\n{failed}'


def _format_figure(block: Block, caption: str, shown: ShownFigures) -> str:
    """Return a figure with its image, if it has one, its text and its caption."""
    address = shown.address_of(block)
    image = f'<img src="{escape(address)}" alt="{escape(" ".join(clean(caption or block.text).split()))}">' if address else ""
    words = "<br>".join(filter(None, [_escape_text(block.text), _escape_text(caption)]))
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>" if words else f"<figure>{image}</figure>"


def _format_block(block: Block) -> str:
    """Return a block as HTML; empty if it has no text."""
    text = _format_runs(clean_runs(block.text, block.spans))
    match block.kind:
        case "title" | "heading":
            level = min(6, max(1, block.level or (1 if block.kind == "title" else 2)))
            return f"<h{level}{_direction_of(block)}>{text}</h{level}>" if text else ""
        case "code":
            named = f' class="language-{escape(block.language)}"' if block.language else ""
            return f"<pre><code{named}>{escape(block.text)}</code></pre>" if text else ""
    return _format_paragraph(block)


def _format_paragraph(block: Block) -> str:
    """Return a block as a paragraph with the class of its kind; empty if it has no text."""
    text = _format_runs(clean_runs(block.text, block.spans))
    name = _PARAGRAPH_CLASSES.get(block.kind)
    mark = f' class="{name}"' if name else ""
    return f"<p{mark}{_direction_of(block)}>{text}</p>" if text else ""


def _direction_of(block: Block) -> str:
    """Return the attribute that lets a browser find the direction of a block with writing from right to left; else empty."""
    return ' dir="auto"' if has_right_to_left(block.text) else ""


def _format_list(blocks: list[Block]) -> str:
    """Return list items as nested lists; an item's own number is kept."""
    lines: list[str] = []
    open_tags: list[str] = []
    for block in blocks:
        item = item_of(block)
        tag = "ol" if item.number is not None and item.stop == "." else "ul"
        depth = min(max(1, block.level or 1), len(open_tags) + 1)
        lines += _close_lists(open_tags, depth, tag)
        number = f' value="{item.number}"' if tag == "ol" else ""
        runs = item.runs if tag == "ol" or item.number is None else clean_runs(block.text, block.spans)
        lines.append(f"<li{number}{_direction_of(block)}>{_format_runs(runs)}")
    return "\n".join([*lines, *(f"</li></{tag}>" for tag in reversed(open_tags))])


def _close_lists(open_tags: list[str], depth: int, tag: str) -> Iterator[str]:
    """Yield the tags between the last item and one at ``depth``, and update the stack of open lists."""
    while len(open_tags) > depth:
        yield f"</li></{open_tags.pop()}>"
    if len(open_tags) == depth and open_tags[-1] != tag:
        yield f"</li></{open_tags.pop()}>"
    elif len(open_tags) == depth:
        yield "</li>"
        return
    open_tags.append(tag)
    yield f"<{tag}>"


def table_lines(parts: Iterable[Table], caption: str = "") -> Iterator[str]:
    """Yield a table with its spans, one row a line and no blank line, so that it can be part of Markdown too."""
    yield "<table>"
    if caption:
        yield f"<caption>{_escape_text(caption)}</caption>"
    inside = ""
    for heading, cells in heading_rows(parts):
        name = "thead" if heading else "tbody"
        if name != inside:
            yield from [f"</{inside}>", f"<{name}>"] if inside else [f"<{name}>"]
            inside = name
        yield "<tr>" + "".join(map(format_cell, cells)) + "</tr>"
    if inside:
        yield f"</{inside}>"
    yield "</table>"


def heading_rows(parts: Iterable[Table]) -> Iterator[tuple[bool, list[Cell]]]:
    """Yield (whether it is a header row, the cells) of each row; only the first part has a header."""
    for part, table in enumerate(parts):
        heads = 0 if part else count_header_rows(table)
        for number, cells in enumerate(complete_rows(table)):
            yield number < heads, cells


def format_cell(cell: Cell) -> str:
    """Return a table cell with its spans."""
    tag = "th" if cell.header else "td"
    rows = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    columns = f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    return f"<{tag}{rows}{columns}>{_format_runs(clean_runs(cell.text, cell.spans))}</{tag}>"


def _escape_text(text: str) -> str:
    """Return a text escaped, with its line breaks."""
    lines = (line.strip() for line in clean(text).split("\n"))
    return "<br>".join(escape(line) for line in lines if line)


def _format_runs(runs: Sequence[Run]) -> str:
    """Return runs of clean text escaped, with their emphasis and links."""
    if len(runs) == 1 and runs[0].style == Style():
        return _escape_text(runs[0].text)
    shown = ""
    for link, group in groupby(runs, key=lambda run: run.style.link):
        inside = "".join(map(_format_run, group))
        shown += f'<a href="{escape(link)}" rel="noopener nofollow">{inside}</a>' if link else inside
    lines = (line.strip() for line in shown.split("\n"))
    return "<br>".join(line for line in lines if line)


def _format_run(run: Run) -> str:
    """Return the text of a run escaped, with its emphasis."""
    text = escape(run.text)
    if run.style.code:
        text = f"<code>{text}</code>"
    if run.style.italic:
        text = f"<em>{text}</em>"
    if run.style.bold:
        text = f"<strong>{text}</strong>"
    return f"<s>{text}</s>" if run.style.struck else text
