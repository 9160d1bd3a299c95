"""Parse the models' Markdown, with HTML tables, formulas and a few tags of their own, into blocks.

The answers are untrusted text. Nothing here raises, and everything takes time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from document_parser.engines.vlm.emphasis import extract_emphasis
from document_parser.engines.vlm.html_table import read_table, replace_raised_digits, split_tables, to_plain_text
from document_parser.models import Block, BlockKind, Cell, Table

SPECIAL_TOKEN = re.compile(r"<[|｜][^<>|｜]{1,40}[|｜]>")
"""A special token of a model, which is removed."""
LINE_BREAK = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
"""HTML line break."""
STYLE_TAG = re.compile(r"</?(?:center|div|p|span|font|u)\b[^<>]{0,200}>", re.IGNORECASE)
"""HTML tags that are only about style, which are removed."""
EMPHASIS_TAG = re.compile(r"<(b|strong|i|em)>([^<>\s](?:[^<>\n]{0,500}[^<>\s])?)</\1>", re.IGNORECASE)
"""HTML emphasis, which becomes Markdown emphasis."""
MODEL_TAG = re.compile(r"<(/?)(signature|watermark|page_number|img)>", re.IGNORECASE)
"""The models' own tags."""
KINDS_BY_TAG: dict[str, BlockKind] = {
    "signature": "signature",
    "watermark": "watermark",
    "page_number": "page_number",
    "img": "figure",
}
"""Kinds of blocks by the models' own tag around them."""

HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
"""A Markdown heading: marks and text."""
ITEM = re.compile(r"([ \t]*)(?:[-*+•▪◦‣]|(\(?\d{1,3}[.)]|\(?[a-z]\)))[ \t]+(\S.*)")
"""A list item: indentation, number or letter if there is one, text."""
CHECK_BOX = re.compile(r"[ \t]*(?:[-*+][ \t]+)?(?:\[([ xX])\]|([☐☑☒]))[ \t]*(.*)")
"""A check box: its mark in brackets or as a character, and its text."""
PICTURE = re.compile(r"!\[([^\[\]]{0,500})\]\([^()\s]{0,500}\)")
"""A Markdown image; its description becomes a figure's text."""
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
"""The line that begins or ends a code block."""
CELL_BORDER = re.compile(r"(?<!\\)\|")
"""The border between two cells of a pipe table."""
DELIMITER = re.compile(r"\\\\|\\[()\[\]]")
"""LaTeX delimiters of formulas."""


def markdown_blocks(text: str) -> list[Block]:
    """Return the blocks of Markdown as the models write it, in order.

    Formula blocks hold LaTeX without delimiters; inline formulas are between ``$``. Bullets are removed, numbers of list
    items stay. Line breaks inside a paragraph stay, emphasis becomes spans.
    """
    blocks: list[Block] = []
    for is_table, piece in split_tables(SPECIAL_TOKEN.sub("", text.replace("\r\n", "\n"))):
        blocks += _table_blocks_of(piece) if is_table else _text_blocks_of(piece)
    for block in blocks:
        parts: list[Block | Cell] = [block, *(block.table.cells if block.table else ())]
        for part in parts:
            if block.kind not in ("code", "formula"):
                extract_emphasis(part)
    return _set_item_depths(blocks)


def normalize_formulas(text: str) -> str:
    r"""Write ``\( x \)`` as ``$x$`` and ``\[ x \]`` as ``$$x$$``. A delimiter without its partner stays as it is."""
    if "\\(" not in text and "\\[" not in text:
        return text
    written: list[str] = []
    opened: tuple[str, int] | None = None  # the delimiter and its index in ``written``
    position = 0
    for mark in DELIMITER.finditer(text):
        written += [text[position : mark.start()], mark[0]]
        position = mark.end()
        if mark[0] in {"\\(", "\\["}:
            opened = (mark[0], len(written) - 1)
        elif opened and mark[0] == {"\\(": "\\)", "\\[": "\\]"}[opened[0]]:
            dollars = "$" if opened[0] == "\\(" else "$$"
            inside = "".join(written[opened[1] + 1 : -1]).strip()
            written[opened[1] :] = [dollars, inside, dollars]
            opened = None
    return "".join([*written, text[position:]])


def to_running_text(text: str) -> str:
    """Return running text: style tags removed, character references resolved, formulas between dollar signs."""
    text = EMPHASIS_TAG.sub(_markdown_emphasis_of, LINE_BREAK.sub("\n", replace_raised_digits(text)))
    lines = (line.strip() for line in to_plain_text(STYLE_TAG.sub("", text)).split("\n"))
    return normalize_formulas("\n".join(filter(None, lines)))


def _markdown_emphasis_of(tag: re.Match[str]) -> str:
    """Return HTML emphasis as Markdown emphasis."""
    marks = "**" if tag[1].lower() in ("b", "strong") else "*"
    return f"{marks}{tag[2]}{marks}"


def _table_blocks_of(source: str) -> Iterator[Block]:
    """Yield the caption and the table of an HTML table."""
    table, outside = read_table(source)
    if outside:
        yield Block(kind="caption" if table else "paragraph", text=normalize_formulas(outside))
    if table:
        for cell in table.cells:
            cell.text = normalize_formulas(cell.text)
        yield Block(kind="table", table=table)


def _text_blocks_of(text: str) -> list[Block]:
    """Return the blocks of text without HTML tables: those in the models' own tags and those between."""
    blocks: list[Block] = []
    position = 0
    opened: re.Match[str] | None = None
    for tag in MODEL_TAG.finditer(text):
        if not tag[1]:
            opened = tag
        elif opened and opened[2].lower() == tag[2].lower():
            blocks += _line_blocks_of(MODEL_TAG.sub("", text[position : opened.start()]))
            blocks.append(Block(kind=KINDS_BY_TAG[tag[2].lower()], text=to_running_text(text[opened.end() : tag.start()])))
            position, opened = tag.end(), None
    # A tag without its partner is dropped; the words beside it are kept.
    return blocks + _line_blocks_of(MODEL_TAG.sub("", text[position:]))


def _line_blocks_of(text: str) -> list[Block]:
    """Return the blocks of lines of Markdown."""
    lines = text.split("\n")
    blocks: list[Block] = []
    index = 0
    while index < len(lines):
        taken, index = _take_block(lines, index)
        if taken is not None:
            blocks.append(taken)
    return blocks


def _take_block(lines: list[str], index: int) -> tuple[Block | None, int]:
    """Return the block that begins in this line, and the index of the line after it.

    Blank lines and horizontal rules are no block: None.
    """
    line = lines[index]
    if not line.strip() or _is_rule(line):
        return None, index + 1
    if fence := FENCE.match(line):
        return _take_code(lines, index, fence[1])
    if line.lstrip().startswith(("$$", "\\[")):
        return _take_formula(lines, index)
    if _begins_pipe_table(lines, index):
        return _take_pipe_table(lines, index)
    if heading := HEADING.fullmatch(line):
        return Block(kind="heading", text=to_running_text(_strip_closing_marks(heading[2])), level=len(heading[1])), index + 1
    if picture := PICTURE.fullmatch(line.strip()):
        return Block(kind="figure", text=to_running_text(picture[1])), index + 1
    if box := CHECK_BOX.fullmatch(line):
        mark = box[2] or ("☐" if box[1] == " " else "☑")
        return Block(kind="checkbox", text=f"{mark} {to_running_text(box[3])}".strip()), index + 1
    return _take_paragraph_or_item(lines, index)


def _begins_something(lines: list[str], index: int) -> bool:
    """Return whether a paragraph ends before this line."""
    line = lines[index]
    begins = (HEADING, ITEM, CHECK_BOX, FENCE)
    return (
        not line.strip()
        or _is_rule(line)
        or line.lstrip().startswith(("$$", "\\["))
        or any(pattern.match(line) for pattern in begins)
        or _begins_pipe_table(lines, index)
    )


def _is_rule(line: str) -> bool:
    """Return whether the line is a horizontal rule. Underscores are not: they are blanks of a form."""
    marks = line.replace(" ", "")
    return len(marks) >= 3 and set(marks) in ({"-"}, {"*"})


def _take_code(lines: list[str], index: int, fence: str) -> tuple[Block, int]:
    """Return a fenced code block, up to its closing fence or the end of the text."""
    end = index + 1
    while end < len(lines) and not lines[end].strip().startswith(fence):
        end += 1
    return Block(kind="code", text=to_plain_text("\n".join(lines[index + 1 : end]))), end + 1


def _take_formula(lines: list[str], index: int) -> tuple[Block | None, int]:
    """Return a formula in lines of its own, up to its closing delimiter or a blank line."""
    first = lines[index].lstrip()
    closing = "$$" if first.startswith("$$") else "\\]"
    end, rest = index, first[2:]
    while closing not in rest and end + 1 < len(lines) and lines[end + 1].strip():
        end += 1
        rest = lines[end]
    whole = "\n".join([first, *lines[index + 1 : end + 1]]).strip()
    inside = whole[2 : -2 if whole.endswith(closing) else None].strip()
    if closing in inside or (closing in whole[2:] and not whole.endswith(closing)):
        return Block(kind="paragraph", text=to_running_text(whole)), end + 1
    return (Block(kind="formula", text=to_plain_text(inside)) if inside else None), end + 1


def _begins_pipe_table(lines: list[str], index: int) -> bool:
    """Return whether a pipe table begins in this line: the next one is its delimiter row."""
    if "|" not in lines[index] or index + 1 >= len(lines):
        return False
    ruler = lines[index + 1].strip()
    return "-" in ruler and "|" in ruler and set(ruler) <= set("|-: \t")


def _take_pipe_table(lines: list[str], index: int) -> tuple[Block, int]:
    """Return a pipe table. Its first row is the header."""
    end = index + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    rows = [_split_pipe_row(line) for line in [lines[index], *lines[index + 2 : end]]]
    cells = [
        Cell(row=row, column=column, text=text, header=row == 0)
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    table = Table(rows=len(rows), columns=max(map(len, rows)), cells=cells)
    return Block(kind="table", table=table), end


def _split_pipe_row(line: str) -> list[str]:
    """Return the texts of the cells of a row."""
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [to_running_text(cell.replace("\\|", "|")) for cell in CELL_BORDER.split(line)]


def _strip_closing_marks(text: str) -> str:
    """Return a heading's text without the closing ``#`` marks."""
    text = text.rstrip()
    bare = text.rstrip("#")
    return bare.rstrip() if bare.endswith(" ") else text


def _take_paragraph_or_item(lines: list[str], index: int) -> tuple[Block | None, int]:
    """Return a paragraph or list item, up to the line in which something else begins."""
    end = index + 1
    while end < len(lines) and not _begins_something(lines, end):
        end += 1
    item = ITEM.fullmatch(lines[index])
    if item is None:
        text = to_running_text("\n".join(lines[index:end]))
        return (Block(kind="paragraph", text=text) if text else None), end
    first = f"{item[2]} {item[3]}" if item[2] else item[3]
    # Until _set_item_depths runs, the level of an item is the width of its indentation.
    width = len(item[1].expandtabs(4))
    return Block(kind="list_item", text=to_running_text("\n".join([first, *lines[index + 1 : end]])), level=width), end


def _set_item_depths(blocks: list[Block]) -> list[Block]:
    """Replace the indentation of list items by their depth from 1."""
    open_widths: list[int] = []
    for block in blocks:
        if block.kind != "list_item":
            open_widths.clear()
            continue
        width = block.level or 0
        while open_widths and open_widths[-1] >= width:
            open_widths.pop()
        open_widths.append(width)
        block.level = len(open_widths)
    return blocks
