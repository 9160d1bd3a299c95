"""Semantic HTML without scripts, styles or anything fetched. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import IO

from document_parser.export.base import NOT_OPENED, clean, clean_runs, failure, item_of, separator
from document_parser.export.figures import NO_FIGURES, Figures, Shown
from document_parser.export.flow import Piece, flow
from document_parser.export.grid import cell_rows, header_rows
from document_parser.models import Block, Cell, Document, Options, Page, Table
from document_parser.text.spans import Look, Run

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


def write_html(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write one HTML file, a section per page."""
    title = _text(document.filename)
    out.write(f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n</head>\n<body>\n'.encode())
    begun, figures_shown = False, Shown(options, figures)
    for piece in _groups(flow(pages, options)):
        if isinstance(piece, list):
            out.write(f"{_list(piece)}\n".encode())
        elif piece.block is None:
            out.write((_between(options, piece.page) if begun else "").encode() + _section(piece.page).encode())
            begun = True
        elif piece.parts is not None:
            for line in table_lines(piece.parts, piece.caption):
                out.write(f"{line}\n".encode())
        elif piece.block.kind == "figure" and figures_shown.at_all:
            out.write(f"{_figure(piece.block, piece.caption, figures_shown)}\n".encode())
        elif not piece.owned and (shown := _block(piece.block)):
            out.write(f"{shown}\n".encode())
    if document.page_count == 0:
        out.write(f'<p class="failed">{_text(NOT_OPENED)}</p>\n'.encode())
    out.write(("</section>\n" if begun else "").encode() + b"</body>\n</html>\n")


def _groups(pieces: Iterable[Piece]) -> Iterator[Piece | list[Block]]:
    """Pieces one by one, list items that follow each other as a list."""
    for listed, group in groupby(pieces, key=lambda piece: piece.block is not None and piece.block.kind == "list_item"):
        if listed:
            yield [piece.block for piece in group if piece.block is not None]
        else:
            yield from group


def _between(options: Options, page: Page) -> str:
    """The end of a page, and the line before the next where one is asked for."""
    line = _text(separator(options, page))
    return "</section>\n" + (f'<p class="page-separator">{line}</p>\n' if line else "")


def _section(page: Page) -> str:
    """The beginning of a page."""
    failed = f'<p class="failed">{_text(failure(page))}</p>\n' if page.status == "failed" else ""
    return f'<section id="page-{page.number}" data-page="{page.number}">\n{failed}'


def _figure(block: Block, caption: str, shown: Shown) -> str:
    """A figure with its picture, where it has one, and what is said of it."""
    address = shown.address(block)
    image = f'<img src="{escape(address)}" alt="{escape(" ".join(clean(caption or block.text).split()))}">' if address else ""
    words = "<br>".join(filter(None, [_text(block.text), _text(caption)]))
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>" if words else f"<figure>{image}</figure>"


def _block(block: Block) -> str:
    text = _rich(clean_runs(block.text, block.spans))
    match block.kind:
        case "title" | "heading":
            level = min(6, max(1, block.level or (1 if block.kind == "title" else 2)))
            return f"<h{level}>{text}</h{level}>" if text else ""
        case "code":
            return f"<pre><code>{escape(block.text)}</code></pre>" if text else ""
    return _paragraph(block)


def _paragraph(block: Block) -> str:
    text = _rich(clean_runs(block.text, block.spans))
    name = _PARAGRAPH_CLASSES.get(block.kind)
    mark = f' class="{name}"' if name else ""
    return f"<p{mark}>{text}</p>" if text else ""


def _list(blocks: list[Block]) -> str:
    """Items as nested lists; an item's own number is kept."""
    lines: list[str] = []
    open_tags: list[str] = []
    for block in blocks:
        item = item_of(block)
        tag = "ol" if item.number is not None and item.stop == "." else "ul"
        depth = min(max(1, block.level or 1), len(open_tags) + 1)
        lines += _closed(open_tags, depth, tag)
        number = f' value="{item.number}"' if tag == "ol" else ""
        runs = item.runs if tag == "ol" or item.number is None else clean_runs(block.text, block.spans)
        lines.append(f"<li{number}>{_rich(runs)}")
    return "\n".join([*lines, *(f"</li></{tag}>" for tag in reversed(open_tags))])


def _closed(open_tags: list[str], depth: int, tag: str) -> Iterator[str]:
    """The tags between the last item and one at ``depth``; keeps the stack of open lists."""
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
    """A table with its spans, one row a line and no blank line, so that it can stand inside Markdown too."""
    yield "<table>"
    if caption:
        yield f"<caption>{_text(caption)}</caption>"
    inside = ""
    for heading, cells in _rows(parts):
        name = "thead" if heading else "tbody"
        if name != inside:
            yield from [f"</{inside}>", f"<{name}>"] if inside else [f"<{name}>"]
            inside = name
        yield "<tr>" + "".join(map(_cell, cells)) + "</tr>"
    if inside:
        yield f"</{inside}>"
    yield "</table>"


def _rows(parts: Iterable[Table]) -> Iterator[tuple[bool, list[Cell]]]:
    """(whether it is one of the header's, the cells of a row); only the first part has a header."""
    for part, table in enumerate(parts):
        heads = 0 if part else header_rows(table)
        for number, cells in enumerate(cell_rows(table)):
            yield number < heads, cells


def _cell(cell: Cell) -> str:
    tag = "th" if cell.header else "td"
    rows = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    columns = f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    return f"<{tag}{rows}{columns}>{_rich(clean_runs(cell.text, cell.spans))}</{tag}>"


def _text(text: str) -> str:
    """Escaped text with its line breaks."""
    lines = (line.strip() for line in clean(text).split("\n"))
    return "<br>".join(escape(line) for line in lines if line)


def _rich(runs: Sequence[Run]) -> str:
    """Runs of clean text as escaped text with their emphasis and links."""
    if len(runs) == 1 and runs[0].look == Look():
        return _text(runs[0].text)
    shown = ""
    for link, group in groupby(runs, key=lambda run: run.look.link):
        inside = "".join(map(_emphasised, group))
        shown += f'<a href="{escape(link)}" rel="noopener nofollow">{inside}</a>' if link else inside
    lines = (line.strip() for line in shown.split("\n"))
    return "<br>".join(line for line in lines if line)


def _emphasised(run: Run) -> str:
    text = escape(run.text)
    if run.look.italic:
        text = f"<em>{text}</em>"
    return f"<strong>{text}</strong>" if run.look.bold else text
