"""Words found by their ink, digits by their shapes, and answers compared with both."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from benchmarks.pages import TOKENS, printed_scan
from document_parser.imaging.ink_words import find_ink_words
from document_parser.models import Block, Reading, Word
from document_parser.pipeline.checks.spot_check import check_by_ink, check_lines
from tests.support.documents import page_picture
from tests.support.vllm_answers import answer_for

PROSE = "The harbour was closed in winter, and 4,718.25 crowns were paid for the repair of the old stone bridge."


def grey_of(picture):
    return np.asarray(picture.convert("L"))


def paragraphs(number):
    lines = [line.removeprefix("# ") for line in answer_for(number, "deepseek", TOKENS).splitlines()]
    return [Block(kind="paragraph", text=line) for line in lines if line and not line.startswith("<|")]


@pytest.fixture(scope="module")
def printed():
    return find_ink_words(grey_of(printed_scan(1_234_567)))


def suspicion(blocks, ink):
    return check_by_ink(Reading("deepseek", blocks=blocks), ink).suspicion


def test_the_words_of_a_line_are_found_by_the_gaps_between_them():
    ink = find_ink_words(grey_of(page_picture("\n".join([PROSE] * 3))))
    assert abs(len(ink.boxes) - 3 * len(PROSE.split())) <= 3


def test_an_empty_page_has_no_words():
    blank = np.full((800, 600), 255, np.uint8)
    assert len(find_ink_words(blank).boxes) == 0
    assert suspicion([Block(kind="paragraph", text=PROSE)], find_ink_words(blank))


def test_white_print_on_black_is_found_as_well():
    grey = grey_of(page_picture(PROSE))
    assert np.array_equal(find_ink_words(grey).boxes, find_ink_words(255 - grey).boxes)


def test_what_stands_on_the_page_fits_its_ink(printed):
    found = check_by_ink(Reading("deepseek", blocks=paragraphs(1_234_567)), printed)
    assert (found.suspicion, found.numbers) == ("", 11)
    assert len(found.words) > 50


def test_an_answer_for_another_page_does_not_fit(printed):
    assert suspicion(paragraphs(7_654_321), printed)


def test_half_an_answer_does_not_fit(printed):
    whole = paragraphs(1_234_567)
    assert suspicion(whole[: len(whole) // 2], printed)


@pytest.mark.parametrize("said", [4, 6, 12])
def test_an_answer_that_ends_early_does_not_fit_and_the_lines_that_it_lacks_are_read(said):
    """The words of the answer are as wide as most of those that it lacks."""
    lines = textwrap.wrap(" ".join(block.text for block in paragraphs(1_234_567)), 42)[:18]
    ink = find_ink_words(grey_of(page_picture("\n".join(lines))))
    found = check_by_ink(Reading("deepseek", blocks=[Block(kind="paragraph", text=line) for line in lines[:said]]), ink)
    assert found.suspicion
    assert found.lines == len(lines)
    assert len(found.doubted) >= len(lines) - said


def test_a_word_that_nobody_claims_does_not_have_a_line_read_that_fits_otherwise():
    lines = textwrap.wrap(" ".join(block.text for block in paragraphs(1_234_567)), 42)[:18]
    ink = find_ink_words(grey_of(page_picture("\n".join([*(f"{line} xn" for line in lines[:9]), *lines[9:]]))))
    found = check_by_ink(Reading("deepseek", blocks=[Block(kind="paragraph", text=line) for line in lines[:9]]), ink)
    assert found.suspicion
    assert len(found.doubted) < 14, "the lower half, and the few lines of the upper one that do not fit for another reason"


@pytest.mark.parametrize("digit", range(7))
def test_a_changed_digit_does_not_look_like_the_page(printed, digit):
    number = "1234567"
    changed = number[:digit] + str((int(number[digit]) + 3) % 10) + number[digit + 1 :]
    blocks = paragraphs(1_234_567)
    blocks[-1].text = blocks[-1].text.replace(number, changed, 1)
    assert suspicion(blocks, printed) == "numbers of the answer do not look like those on the page"


def test_lines_that_were_read_must_be_in_the_answer():
    reading = Reading("deepseek", blocks=[Block(kind="paragraph", text=PROSE)])
    line = Word("closed in winter and 4,718.25", 0.1, 0.1, 0.9, 0.12, confidence=0.99)
    assert check_lines(reading, [line]) == ""
    assert check_lines(reading, [line._replace(text="nobody has ever seen this")])
    assert check_lines(reading, [line._replace(text="in winter 4,719.25 crowns")])
    assert check_lines(reading, [line._replace(text="nobody has ever seen this", confidence=0.5)]) == ""
