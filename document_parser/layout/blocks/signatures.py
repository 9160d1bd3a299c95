"""Find the end of a letter: who signs it is no heading."""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.layout.blocks.block_kinds import has_sentence_end
from document_parser.models import Block

MAX_SIGNATURE_WORDS = 5
"""Words of a signature, at most."""
MAX_VALEDICTION_WORDS = 4
"""Words of that line, at most, if no comma ends it."""
MAX_VALEDICTION_CHARACTERS = 45
"""Characters of the line that closes a letter, at most."""


def demote_signatures(blocks: list[Block]) -> list[Block]:
    """Return the blocks with signatures made paragraphs.

    A signature is a short heading right after the valediction of a letter, a short line that ends with a comma, or one that the
    block before it is too, in the letters of a hand, or that the next block begins with again. A heading has sentences or a
    table below it: "Dear Sir or Madam," may stand above a subject. What ends a letter heads nothing: stamps too.
    """
    found = list(blocks)
    end = _end_of_letter(blocks)
    for number, block in enumerate(blocks[1:], 1):
        if block.kind != "heading":
            continue
        if number > end:
            found[number] = block.model_copy(update={"kind": "paragraph", "level": None, "size_points": None})
            continue
        if len(block.text.split()) > MAX_SIGNATURE_WORDS or any(map(str.isdigit, block.text)):
            continue
        before, after = blocks[number - 1], blocks[number + 1] if number + 1 < len(blocks) else None
        closes = before.kind == "paragraph" and before.text.endswith(",") and len(before.text) < MAX_VALEDICTION_CHARACTERS
        closes = closes or _is_closed_without_comma(before, blocks[number + 1 :])
        is_late = number * 2 >= len(blocks)
        repeated = before.text == block.text or (
            after is not None and after.kind == "paragraph" and _goes_on_from(block.text, after.text)
        )
        if is_late and ((closes and not _is_headed(after)) or repeated):
            found[number] = block.model_copy(update={"kind": "paragraph", "level": None, "size_points": None})
    return found


def _end_of_letter(blocks: Sequence[Block]) -> int:
    """Return the place of the valediction that no sentences and no table follow; the number of blocks if there is none."""
    for number in range(len(blocks) - 1, 0, -1):
        block, before = blocks[number], blocks[number - 1]
        if block.kind == "table" or _is_headed(block):
            return len(blocks)
        closes = block.kind == "paragraph" and block.text.endswith(",") and len(block.text) < MAX_VALEDICTION_CHARACTERS
        if closes and _is_headed(before) and before.kind != "table":
            return number
    return len(blocks)


def _is_closed_without_comma(before: Block, after: Sequence[Block]) -> bool:
    """Return whether a few words without the end of a sentence are a valediction: only short lines stand below the name."""
    short = 2 <= len(before.text.split()) <= MAX_VALEDICTION_WORDS and before.kind == "paragraph"
    if not short or not before.text[-1:].isalpha():
        return False
    return not any(block.kind == "table" or has_sentence_end(block.text) for block in after)


def _goes_on_from(name: str, text: str) -> bool:
    """Return whether a text is a name again with more words behind it, as a position; a sentence is none."""
    return text.startswith(name) and not text[len(name) : len(name) + 1].isalnum() and not has_sentence_end(text)


def _is_headed(block: Block | None) -> bool:
    """Return whether a block is what a heading has below it: a table or sentences, not the position of who signs."""
    if block is None or block.kind == "table":
        return block is not None
    return block.kind == "paragraph" and has_sentence_end(block.text) and len(block.text.split()) > MAX_SIGNATURE_WORDS
