"""Two pages of a book on one sheet are read one after the other; a wide page is read as one."""

from __future__ import annotations

import pytest

from document_parser.layout.page import blocks_of
from document_parser.models import Word
from tests.support.layout_pages import HEIGHT, WIDTH, line, prose, texts


def sheet(left, right):
    """The words of two A4 pages side by side."""

    def moved(words, by):
        return [word._replace(left=(word.left + by) / 2, right=(word.right + by) / 2) for word in words]

    return [*moved(left, 0), *moved(right, 1)]


def page(title, number, left):
    """A page with a title, two lines of text and its number at the outer edge."""
    return [*line(title, 72, 60, size=18), *prose(6, 72, 100, 520), *line(number, left, 800)]


def read(words: list[Word]):
    return blocks_of(words, 2 * WIDTH, HEIGHT)


def test_facing_pages_are_read_one_after_the_other():
    found = read(sheet(page("Income", "62", 40), page("Changes in Equity", "63", WIDTH - 49)))
    names = [text for text in texts(found) if text in {"Income", "62", "Changes in Equity", "63"}]
    assert names == ["Income", "62", "Changes in Equity", "63"]
    right = next(block for block in found if block.text == "Changes in Equity")
    assert right.box is not None
    assert right.box.left == pytest.approx(0.5 + 72 / WIDTH / 2, abs=0.001)


@pytest.mark.parametrize(("left", "right"), [("61", "62"), ("62", "64"), ("2022", "2023")])
def test_a_wide_page_without_the_numbers_of_two_facing_pages_is_one(left, right):
    found = read(sheet(page("Income", left, 40), page("Changes", right, WIDTH - 49)))
    assert [text for text in texts(found) if len(text) < 10] == ["Income", "Changes", left, right]
