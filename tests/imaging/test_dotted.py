"""The dotted lines of a table are found in pictures drawn here, with a scanner's blur and noise."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from document_parser.imaging.dotted import find_dotted_lines
from document_parser.imaging.rulings import find_rulings
from document_parser.models import RulingLine, Word

WIDTH, HEIGHT = 900, 1200
ROWS, COLUMNS = range(200, 401, 40), (100, 300, 500, 700)


class Page:
    """A drawn page and its words."""

    def __init__(self) -> None:
        self.image = Image.new("L", (WIDTH, HEIGHT), 235)
        self.pen = ImageDraw.Draw(self.image)
        self.words: list[Word] = []

    def dots(self, x: int, y: int, right: int, bottom: int) -> None:
        """Draw a dotted line: two pixels of ink, two of paper."""
        for at in range(0, max(right - x, bottom - y), 4):
            across, down = (at, 0) if right > x else (0, at)
            wide, high = (1, 0) if right > x else (0, 1)
            self.pen.line((x + across, y + down, x + across + wide, y + down + high), fill=60)

    def write(self, x: int, y: int, text: str) -> None:
        font = ImageFont.load_default(18)
        self.pen.text((x, y), text, 20, font)
        self.words.append(Word(text, x / WIDTH, y / HEIGHT, (x + font.getlength(text)) / WIDTH, (y + 22) / HEIGHT))

    def lines(self) -> set[tuple[int, ...]]:
        """Return the dotted lines of the scanned page, in pixels to the nearest twenty."""
        grey = np.asarray(self.image.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
        grey = grey + np.random.default_rng(2).normal(0, 7, grey.shape)
        pixels = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
        found = find_dotted_lines(pixels, self.words, find_rulings(pixels))
        return {self.rounded(line) for line in found}

    @staticmethod
    def rounded(line: RulingLine) -> tuple[int, ...]:
        sides = (WIDTH, HEIGHT, WIDTH, HEIGHT)
        return tuple(20 * round(edge * side / 20) for edge, side in zip(line, sides, strict=True))


def test_all_lines_of_a_dotted_table_are_found():
    page = Page()
    for y in ROWS:
        page.dots(COLUMNS[0], y, COLUMNS[-1], y)
    for x in COLUMNS:
        page.dots(x, ROWS[0], x, ROWS[-1])
    for y in ROWS[:-1]:
        for x in COLUMNS[:-1]:
            page.write(x + 12, y + 9, "12,345.67")
    found = page.lines()
    assert {(COLUMNS[0], y, COLUMNS[-1], y) for y in ROWS} <= found
    assert {(x, ROWS[0], x, ROWS[-1]) for x in COLUMNS} <= found
    assert len(found) == len(ROWS) + len(COLUMNS)


def test_leaders_and_lines_under_fields_are_no_lines_of_a_table():
    page = Page()
    for y in ROWS:
        page.write(100, y - 16, "A chapter")
        page.dots(210, y, 700, y)
    assert page.lines() == set()


def test_writing_alone_has_no_dotted_lines():
    page = Page()
    for y in range(200, 900, 26):
        page.write(100, y, "The harbour lists every vessel that entered port in the winter")
    assert page.lines() == set()


def test_a_page_without_words_has_none():
    page = Page()
    for y in ROWS:
        page.dots(COLUMNS[0], y, COLUMNS[-1], y)
    for x in COLUMNS:
        page.dots(x, ROWS[0], x, ROWS[-1])
    assert page.lines() == set()
