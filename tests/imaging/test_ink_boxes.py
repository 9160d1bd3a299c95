"""The boxes of words on a scan are those of their ink, whatever margins a network gave them."""

from __future__ import annotations

import numpy as np
import pytest

from document_parser.imaging.ink_boxes import fit_to_ink
from document_parser.models import Word

HEIGHT, WIDTH = 100, 400
PAPER, INK = 240, 20


def picture(*inked, paper=PAPER, ink=INK):
    """A picture with boxes of ink: left, top, right, bottom in pixels."""
    pixels = np.full((HEIGHT, WIDTH, 3), paper, np.uint8)
    for left, top, right, bottom in inked:
        pixels[top:bottom, left:right] = ink
    return pixels


def word(text, left, top, right, bottom):
    return Word(text, left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)


def boxes(words):
    return [tuple(round(edge) for edge in (w.left * WIDTH, w.top * HEIGHT, w.right * WIDTH, w.bottom * HEIGHT)) for w in words]


LINE = [word("one", 40, 30, 90, 70), word("two", 110, 30, 170, 70)]
LETTERS = [(48, 40, 90, 60), (110, 40, 160, 60)]


@pytest.mark.parametrize(("paper", "ink"), [(PAPER, INK), (INK, PAPER)])
def test_a_line_ends_where_its_ink_does_and_its_words_are_as_high_as_it(paper, ink):
    found = fit_to_ink(LINE, picture(*LETTERS, paper=paper, ink=ink))
    assert boxes(found) == [(48, 40, 90, 60), (110, 40, 160, 60)]
    assert [word.text for word in found] == ["one", "two"]


def test_what_reaches_in_from_other_lines_is_not_of_the_line():
    found = fit_to_ink(LINE, picture(*LETTERS, (60, 20, 150, 34), (60, 66, 150, 80)))
    assert boxes(found) == [(48, 40, 90, 60), (110, 40, 160, 60)]


def test_the_dot_of_a_letter_is_of_the_line():
    found = fit_to_ink(LINE, picture(*LETTERS, (70, 35, 74, 38)))
    assert boxes(found)[0] == (48, 35, 90, 60)


def test_a_ruling_line_is_no_ink_of_letters():
    found = fit_to_ink(LINE, picture(*LETTERS, (0, 64, WIDTH, 66)))
    assert boxes(found) == [(48, 40, 90, 60), (110, 40, 160, 60)]


@pytest.mark.parametrize("inked", [[], [(40, 31, 170, 33)]])
def test_words_without_letters_of_ink_stay_as_they_are(inked):
    assert fit_to_ink(LINE, picture(*inked)) == LINE


def test_a_tiny_line_stays_as_it_is():
    line = [word(".", 40, 30, 43, 34)]
    assert fit_to_ink(line, picture((41, 31, 42, 33))) == line
