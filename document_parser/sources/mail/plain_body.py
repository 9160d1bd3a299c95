"""The plain text of a message as blocks: flowed lines joined, lists and quotations kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from document_parser.models import Block

_BULLET = re.compile(r"^[ \t]*(?:[-*•·+]|\d{1,3}[.)])[ \t]+(?=\S)")
_SIGNATURE = "-- "
_ARMOUR = re.compile(
    r"^-----BEGIN PGP (SIGNED MESSAGE|MESSAGE|SIGNATURE|PUBLIC KEY BLOCK|PRIVATE KEY BLOCK)-----[ \t]*$", re.MULTILINE
)
"""The first line of what OpenPGP writes into a text (RFC 9580, section 6.2)."""
_SIGNED = "SIGNED MESSAGE"
"""The kind of armour whose text is readable: it ends where its signature begins."""


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
    """Return the paragraphs of a text, its lines with bullets or numbers as list items, and PGP data as code."""
    plain = _plain(text)
    blocks: list[Block] = []
    at = 0
    for start, end in _armours(plain):
        blocks += [*_blocks_of_text(plain[at:start]), Block(kind="code", text=plain[start:end])]
        at = end
    return [*blocks, *_blocks_of_text(plain[at:])]


def pgp_kinds(text: str) -> list[str]:
    """Return the kinds of PGP data in a text, as they are written there, such as ``MESSAGE`` and ``SIGNED MESSAGE``."""
    return list(dict.fromkeys(match[1] for match in _ARMOUR.finditer(_plain(text))))


def _armours(plain: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the PGP data that nobody can read, each with its last line."""
    at, endless = 0, {_SIGNED}
    for match in _ARMOUR.finditer(plain):
        if match.start() < at or match[1] in endless:
            continue
        last = f"-----END PGP {match[1]}-----"
        end = plain.find(last, match.end())
        if end < 0:
            endless.add(match[1])
            continue
        at = end + len(last)
        yield match.start(), at


def _plain(text: str) -> str:
    """Return a text with plain line ends and spaces."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")


def _blocks_of_text(plain: str) -> list[Block]:
    """Return the blocks of a text without PGP data."""
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
