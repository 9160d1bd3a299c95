"""Semantic HTML without scripts, styles or anything fetched. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import IO

from document_parser.export.base import Captioned, captioned, clean, failure, item_of, shown
from document_parser.export.grid import cell_rows, header_rows
from document_parser.models import Block, Cell, Document, Options, Page, Table

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


def write_html(document: Document, pages: Iterable[Page], options: Options, out: IO[bytes]) -> None:
    """Write one HTML file, a section per page."""
    title = _text(document.filename)
    out.write(f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n</head>\n<body>\n'.encode())
    for page in pages:
        out.write(_section(page, options).encode())
    out.write(b"</body>\n</html>\n")


def _section(page: Page, options: Options) -> str:
    if page.status == "failed":
        body = f'<p class="failed">{_text(failure(page))}</p>\n'
    else:
        body = "".join(f"{part}\n" for part in _parts(shown(page, options)))
    return f'<section id="page-{page.number}" data-page="{page.number}">\n{body}</section>\n'


def _parts(blocks: list[Block]) -> Iterator[str]:
    for listed, group in groupby(captioned(blocks), key=lambda item: item.block.kind == "list_item"):
        if listed:
            yield _list([item.block for item in group])
        else:
            yield from filter(None, map(_block, group))


def _block(item: Captioned) -> str:
    block, text = item.block, _text(item.block.text)
    match block.kind:
        case "title" | "heading":
            level = min(6, max(1, block.level or (1 if block.kind == "title" else 2)))
            return f"<h{level}>{text}</h{level}>" if text else ""
        case "table":
            return table_html(block.table, item.caption) if block.table else _paragraph(block)
        case "figure":
            caption = "<br>".join(filter(None, [text, _text(item.caption)]))
            return f"<figure><figcaption>{caption}</figcaption></figure>" if caption else "<figure></figure>"
        case "code":
            return f"<pre><code>{escape(block.text)}</code></pre>" if text else ""
    return _paragraph(block)


def _paragraph(block: Block) -> str:
    text = _text(block.text)
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
        text = item.text if tag == "ol" or item.number is None else clean(block.text)
        lines.append(f"<li{number}>{_text(text)}")
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


def table_html(table: Table, caption: str = "") -> str:
    """A table with its spans, one row a line and no blank line, so that it can stand inside Markdown too."""
    heads = header_rows(table)
    rows = ["<tr>" + "".join(map(_cell, cells)) + "</tr>" for cells in cell_rows(table)]
    parts = ["<table>", f"<caption>{_text(caption)}</caption>" if caption else ""]
    parts += ["<thead>", *rows[:heads], "</thead>"] if heads else []
    parts += ["<tbody>", *rows[heads:], "</tbody>"] if rows[heads:] else []
    return "\n".join(filter(None, [*parts, "</table>"]))


def _cell(cell: Cell) -> str:
    tag = "th" if cell.header else "td"
    rows = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    columns = f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    return f"<{tag}{rows}{columns}>{_text(cell.text)}</{tag}>"


def _text(text: str) -> str:
    """Escaped text with its line breaks."""
    lines = (line.strip() for line in clean(text).split("\n"))
    return "<br>".join(escape(line) for line in lines if line)
