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


def test_words_that_seem_to_touch_end_at_the_white_between_them():
    pixels = picture((20, 40, 30, 60), (34, 40, 44, 60), (70, 40, 80, 60), (84, 40, 94, 60))
    found = fit_to_ink([word("30", 15, 30, 72, 70), word("ml", 71, 30, 99, 70)], pixels)
    assert boxes(found) == [(20, 40, 44, 60), (70, 40, 94, 60)]


@pytest.mark.parametrize(
    ("text", "left_of_unit", "texts"),
    [("30ml", 60, ["30", "ml"]), ("3.0*ml", 60, ["3.0*", "ml"]), ("30ml", 48, ["30ml"]), ("norm", 60, ["norm"])],
)
def test_a_number_and_the_unit_far_behind_it_are_two_words(text, left_of_unit, texts):
    unit = [(left_of_unit + at, 40, left_of_unit + at + 10, 60) for at in (0, 14)]
    found = fit_to_ink([word(text, 15, 30, 99, 70)], picture((20, 40, 30, 60), (34, 40, 44, 60), *unit))
    assert [one.text for one in found] == texts
    assert (found[0].left, found[-1].right) == (20 / WIDTH, (left_of_unit + 24) / WIDTH)
