"""Turn the words of a page, whatever reader found them, into blocks in reading order: words, regions, lines, blocks.

Pure functions, no I/O. Inside, all lengths are points of the upright page, origin top left. Only :func:`blocks_of` takes and
returns fractions of the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.layout.blocks.code import unmark_typewriting
from document_parser.layout.blocks.furniture import split_furniture
from document_parser.layout.blocks.line_numbers import split_line_numbers
from document_parser.layout.blocks.paragraphs import blocks_of_flow, promote_title
from document_parser.layout.blocks.reading_order import Flow, parts_of
from document_parser.layout.blocks.signatures import demote_signatures
from document_parser.layout.blocks.text_size import text_size_of
from document_parser.layout.blocks.typewritten import mark_listings
from document_parser.layout.facing_pages import are_facing_pages, place_on_sheet, rules_of_pages, words_of_pages
from document_parser.layout.formulas.structure import (
    mark_formula_letters,
    merge_formulas,
    merge_raised_numbers,
    unmark_running_text,
)
from document_parser.layout.lines.boxed_letters import join_boxed_letters
from document_parser.layout.lines.directions import (
    build_slanted_blocks,
    join_turned_lines,
    join_vertical_writing,
    split_slanted,
)
from document_parser.layout.lines.dot_leaders import merge_dot_leaders
from document_parser.layout.lines.emphasis import keep_distinct_emphasis, unmark_usual_bold
from document_parser.layout.lines.initials import join_initials
from document_parser.layout.lines.joining import read_as_page_of, vocabulary_of
from document_parser.layout.lines.lines import cache_lines
from document_parser.layout.lines.options import close_option_gaps
from document_parser.layout.lines.overlaid import split_overlaid
from document_parser.layout.lines.repeated import drop_repeated
from document_parser.layout.lines.rotated import (
    build_sideways_blocks,
    find_page_turn,
    may_be_turned,
    split_sideways,
    turn_rulings,
    turn_words,
)
from document_parser.layout.lines.slanted_labels import level_labels
from document_parser.layout.lines.strikes import mark_struck
from document_parser.layout.lines.tilt import find_tilt, straighten_words, tilt_box
from document_parser.layout.lines.units import Scale
from document_parser.layout.tables.grid import Grid, build_table_block, words_outside
from document_parser.layout.tables.ruled_tables import find_ruled_grids
from document_parser.models import Block, RulingLine, Word

__all__ = ["blocks_of", "turn_of"]


def blocks_of(words: list[Word], width_points: float, height_points: float, rules: Sequence[RulingLine] = ()) -> list[Block]:
    """Return the blocks of a page in reading order.

    ``words`` may be words, runs or whole lines, in any order. ``rules`` are the lines and filled boxes drawn around them. Their
    boxes and those of the blocks are fractions of the upright page, origin top left. A width or height that is not positive
    counts as that of an A4 page (595 × 842 points). Never raises an error for odd boxes. Returns an empty list if no word has
    text.
    """
    with cache_lines(), read_as_page_of(words):
        width, height = width_points if width_points > 0 else 595.0, height_points if height_points > 0 else 842.0
        if tilt := find_tilt(words):
            words = straighten_words(words, tilt, width, height)
            straight = _blocks_of_straight_page(words, width, height, ())
            return [
                block.model_copy(update={"box": block.box and tilt_box(block.box, tilt, width, height)}) for block in straight
            ]
        return _blocks_of_straight_page(words, width, height, rules)


def _blocks_of_straight_page(words: list[Word], width: float, height: float, rules: Sequence[RulingLine]) -> list[Block]:
    """Return the blocks of a page whose text runs along its edges. ``width`` and ``height`` are in points."""
    placed = drop_repeated(Scale(width, height).to_points(words))
    turn = find_page_turn(placed)
    if not turn:
        return _blocks_of_upright_page(placed, Scale(width, height), rules)
    # Everything is drawn turned on an upright page: read the page turned, and turn the boxes back.
    scale = Scale(height, width) if turn != 180 else Scale(width, height)
    blocks = _blocks_of_upright_page(scale.to_points(turn_words(words, turn)), scale, turn_rulings(rules, turn))
    return [block.model_copy(update={"box": block.box and block.box.turn(360 - turn)}) for block in blocks]


def turn_of(words: Sequence[Word], width_points: float, height_points: float) -> int:
    """Return by how many degrees clockwise ``blocks_of`` turns a page to read it: 0, 90, 180 or 270."""
    scale = Scale(width_points or 595.0, height_points or 842.0)
    return find_page_turn(scale.to_points(words)) if may_be_turned(words, scale) else 0


def _blocks_of_upright_page(placed: list[Word], scale: Scale, rules: Sequence[RulingLine]) -> list[Block]:
    """Return the blocks of a page whose text is upright. ``placed`` are its words in points, ``rules`` are in fractions."""
    in_points = scale.rulings_to_points(rules)
    if not are_facing_pages(placed, scale):
        return _blocks_of_single_page(placed, scale, in_points)
    middle, page = scale.width / 2, Scale(scale.width / 2, scale.height)
    pages = zip(words_of_pages(placed, middle), rules_of_pages(in_points, middle), (False, True), strict=True)
    return [
        block
        for words, lines, right in pages
        for block in place_on_sheet(_blocks_of_single_page(words, page, lines), right=right)
    ]


def _blocks_of_single_page(placed: list[Word], scale: Scale, rules: list[RulingLine]) -> list[Block]:
    """Return the blocks of a page that is no sheet of two. The words and lines are in points."""
    placed, in_points, aside = prepare_words(placed, rules)
    grids = find_ruled_grids(placed, in_points)
    upright, turned = split_sideways(words_outside(grids, placed))
    upright = merge_formulas(upright, in_points)
    upright, numbers = split_line_numbers(upright, scale)
    head, middle, foot = split_furniture(upright, scale, in_points)
    middle = close_option_gaps(middle)
    blocks = [
        *numbers,
        *head,
        *_content_blocks(middle, grids, in_points, scale),
        *build_sideways_blocks(turned, scale, upright),
        *foot,
    ]
    blocks += build_slanted_blocks(aside, scale)
    return keep_distinct_emphasis([block for block in blocks if block.text or block.table])


def prepare_words(placed: list[Word], rules: list[RulingLine]) -> tuple[list[Word], list[RulingLine], list[Word]]:
    """Return (words of tables and text, rules around them, words that are slanted or lie over others). All are in points."""
    placed, rules = mark_struck(placed, rules)
    placed, slanted = level_labels(*split_slanted(placed))
    placed, overlaid = split_overlaid(placed)
    placed = join_vertical_writing(join_turned_lines(placed))
    placed, rules = join_boxed_letters(placed, rules)
    placed = unmark_running_text(mark_formula_letters(mark_listings(placed)))
    placed = unmark_typewriting(merge_raised_numbers(join_initials(merge_dot_leaders(placed))))
    return placed, rules, [*slanted, *overlaid]


def _content_blocks(words: list[Word], grids: list[Grid], rules: Sequence[RulingLine], scale: Scale) -> list[Block]:
    """Return the blocks between the page's header and footer lines. All are in points."""
    words = unmark_usual_bold(words, [word for grid in grids for word in grid.words])
    known = vocabulary_of(words)
    parts = parts_of(words, grids, rules)
    body = text_size_of(parts, words)
    blocks: list[Block] = []
    for part in parts:
        if isinstance(part, Flow):
            blocks += blocks_of_flow(part.words, body, known, scale)
        else:
            blocks.append(build_table_block(part, scale))
    return promote_title(demote_signatures(blocks))
