"""Words with places to blocks in reading order, whoever found the words: words -> regions -> lines -> blocks.

Pure functions, no I/O. Everything inside counts in points of the upright page; only :func:`blocks_of` sees fractions.
"""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.models import Block, Rule, Word
from document_parser.pipeline.layout.code import without_typewriting
from document_parser.pipeline.layout.formulas import with_formulas, with_raised_numbers
from document_parser.pipeline.layout.furniture import split_furniture
from document_parser.pipeline.layout.grid import Grid, outside, table_block
from document_parser.pipeline.layout.leaders import with_leaders
from document_parser.pipeline.layout.lines import body_size, lines_kept
from document_parser.pipeline.layout.looks import with_telling_looks
from document_parser.pipeline.layout.paragraphs import flow_blocks, promote_title
from document_parser.pipeline.layout.regions import Flow, parts_of
from document_parser.pipeline.layout.ruled import ruled_grids
from document_parser.pipeline.layout.scale import Scale
from document_parser.pipeline.layout.sideways import (
    page_turn,
    sideways_blocks,
    split_sideways,
    turned_rules,
    turned_words,
)
from document_parser.pipeline.layout.text import vocabulary

__all__ = ["blocks_of"]


def blocks_of(words: list[Word], width_points: float, height_points: float, rules: Sequence[Rule] = ()) -> list[Block]:
    """The blocks of a page in reading order.

    ``words`` may be words, runs or whole lines, in any order, ``rules`` the lines and filled boxes drawn around them, all as
    fractions of the upright page. Widths and heights
    that are not positive count as those of an A4 page. Never raises for odd boxes.
    """
    with lines_kept():
        width, height = width_points if width_points > 0 else 595.0, height_points if height_points > 0 else 842.0
        placed = Scale(width, height).to_points(words)
        turn = page_turn(placed)
        if not turn:
            return _page_blocks(placed, Scale(width, height), rules)
        # Everything is drawn sideways on an upright page: read it as it is meant, and say where it stands.
        scale = Scale(height, width)
        blocks = _page_blocks(scale.to_points(turned_words(words, turn)), scale, turned_rules(rules, turn))
        return [block.model_copy(update={"box": block.box and block.box.turned(360 - turn)}) for block in blocks]


def _page_blocks(placed: list[Word], scale: Scale, rules: Sequence[Rule]) -> list[Block]:
    placed = without_typewriting(with_raised_numbers(with_leaders(placed)))
    in_points = scale.rules_to_points(rules)
    grids = ruled_grids(placed, in_points)
    upright, turned = split_sideways(outside(grids, placed))
    upright = with_formulas(upright, in_points)
    head, middle, foot = split_furniture(upright, scale)
    blocks = [*head, *_content(middle, grids, scale), *sideways_blocks(turned, scale, upright), *foot]
    return with_telling_looks([block for block in blocks if block.text or block.table])


def _content(words: list[Word], grids: list[Grid], scale: Scale) -> list[Block]:
    body = body_size(words)
    known = vocabulary(words)
    blocks: list[Block] = []
    for part in parts_of(words, grids):
        if isinstance(part, Flow):
            blocks += flow_blocks(part.words, body, known, scale)
        else:
            blocks.append(table_block(part, scale))
    return promote_title(blocks)
