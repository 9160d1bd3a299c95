"""Chinese and Japanese that runs down the page: columns from right to left, tier below tier."""

from __future__ import annotations

from document_parser.layout.page import blocks_of
from document_parser.models import Word

TEXT = "国境の長いトンネルを抜けると雪国であった夜の底が白くなった信号所に汽車が止まった向側の座席から娘が立って来た"


def letters(text, top):
    """Single letters of 12 points in columns of ten, the first one on the right of an A4 page, as fractions of it."""
    for number, letter in enumerate(text):
        left, above = 500 - 20 * (number // 10), top + 13 * (number % 10)
        yield Word(letter, left / 595, above / 842, (left + 12) / 595, (above + 12) / 842, size_points=12)


def test_a_tier_of_columns_is_read_before_the_one_below_it():
    upper, lower = TEXT[:20], TEXT[20:40]
    found = blocks_of([*letters(upper, 80), *letters(lower, 260)], 595, 842)
    assert "".join(block.text for block in found) == upper + lower
