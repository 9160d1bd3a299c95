"""The plain text of a message as blocks: flowed lines joined, lists and quotations kept."""

from __future__ import annotations

import re
from itertools import groupby

from document_parser.models import Block

_BULLET = re.compile(r"^[ \t]*(?:[-*•·+]|\d{1,3}[.)])[ \t]+(?=\S)")
_SIGNATURE = "-- "


def unflow(text: str, *, delete_space: bool) -> str:
    """Return text in the form ``format=flowed`` (RFC 3676) with its lines joined.

    A line that ends in a space goes on in the next one of the same quotation depth; ``delete_space`` removes that space.
    """
    lines: list[str] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        body = line[depth:].removeprefix(" ") if depth or line.startswith(" ") else line
        flows = body.endswith(" ") and body != _SIGNATURE
        shown = body[:-1] if flows and delete_space else body
        if open_depth == depth and lines:
            lines[-1] += shown
        else:
            lines.append(f"{'>' * depth} {shown}" if depth else shown)
        open_depth = depth if flows else None
    return "\n".join(lines)


def blocks_of_plain(text: str) -> list[Block]:
    """Return the paragraphs of a text, and its lines with bullets or numbers as list items."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    blocks: list[Block] = []
    for is_blank, group in groupby(plain.split("\n"), key=lambda line: not line.strip()):
        if not is_blank:
            blocks += _blocks_of_lines([line.rstrip() for line in group])
    return blocks


def _blocks_of_lines(lines: list[str]) -> list[Block]:
    """Return the blocks of lines without a blank one between them. Lines that are indented below an item belong to it."""
    blocks: list[Block] = []
    for line in lines:
        if _BULLET.match(line):
            blocks.append(Block(kind="list_item", text=line.strip(), level=1))
        elif blocks and blocks[-1].kind == "list_item" and line.startswith((" ", "\t")):
            blocks[-1].text += f"\n{line.strip()}"
        elif blocks and blocks[-1].kind == "paragraph":
            blocks[-1].text += f"\n{line}"
        else:
            blocks.append(Block(kind="paragraph", text=line))
    return blocks
