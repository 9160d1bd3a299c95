"""A part of a block's text has the boxes of its own words, or that of the block if they cannot be told."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from document_parser.models import BoundingBox, PlacedWord
from document_parser.text.word_places import boxes_of_part, split_run

LINES = ("the quick brown fox jumps", "over the lazy dog and the", "quick red hen")
BLOCK = BoundingBox.of(0.1, 0.1, 0.9, 0.3)


def words_of(lines, *, whole_lines=False) -> list[PlacedWord]:
    """Words 0.1 wide, lines 0.04 high; or lines as OCR finds them."""
    found = []
    for row, line in enumerate(lines):
        top, names = 0.12 + 0.05 * row, line.split()
        if whole_lines:
            found.append(PlacedWord(line, 0.12, top, 0.12 + 0.1 * len(names), top + 0.04))
        else:
            found += [
                PlacedWord(name, 0.12 + 0.1 * place, top, 0.2 + 0.1 * place, top + 0.04) for place, name in enumerate(names)
            ]
    return found


def test_a_part_has_a_box_for_each_line_around_its_words():
    boxes = boxes_of_part("jumps over the lazy", words_of(LINES), BLOCK)
    assert [(round(box.left, 2), round(box.right, 2), round(box.top, 2)) for box in boxes] == [
        (0.52, 0.6, 0.12),
        (0.12, 0.4, 0.17),
    ]


def test_of_words_that_stand_twice_those_about_there_are_meant():
    words = words_of(LINES)
    first, last = (boxes_of_part("the quick", words, BLOCK, at) for at in (0.0, 0.8))
    assert [round(box.top, 2) for box in first] == [0.12]
    assert [round(box.top, 2) for box in last] == [0.17, 0.22]


def test_the_words_of_a_line_that_was_read_as_one_are_told_apart_by_their_letters():
    (box,) = boxes_of_part("lazy dog", words_of(LINES, whole_lines=True), BLOCK)
    assert 0.2 < box.left < box.right < 0.65
    assert round(box.top, 2) == 0.17


@pytest.mark.parametrize("part", [" ".join(LINES), "something else entirely", "—"])
def test_the_whole_text_and_words_that_are_not_there_have_the_box_of_the_block(part):
    assert boxes_of_part(part, words_of(LINES), BLOCK) == [BLOCK]


def test_words_outside_of_the_block_are_not_its():
    outside = [PlacedWord("lazy", 0.1, 0.8, 0.2, 0.84)]
    assert boxes_of_part("lazy dog", [*outside, *words_of(LINES)], BLOCK)[0].top < 0.3
    assert boxes_of_part("lazy", outside, BLOCK) == [BLOCK]


@given(st.lists(st.text(alphabet="abcW i.", min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=8))
def test_the_words_of_a_run_fill_it_in_order(names):
    text = " ".join(" ".join(name.split()) for name in names)
    pieces = list(split_run(text, 0.0, 100.0))
    assert [text[piece.start : piece.start + piece.length] for piece in pieces] == text.split() or len(text.split()) == 1
    assert all(one.right <= other.left + 1e-6 for one, other in pairwise(pieces))
    assert pieces[0].left == 0.0
    assert pieces[-1].right == pytest.approx(100.0)
