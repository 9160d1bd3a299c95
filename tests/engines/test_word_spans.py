"""Where the words of a line that was read are, and which of them are struck out."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from document_parser.engines.rapidocr.engine import RapidOcrEngine
from document_parser.engines.rapidocr.word_spans import find_word_spans
from document_parser.imaging.strikes import find_struck, split_at_strikes
from document_parser.models import PageImage, Reading, RulingLine, Word
from document_parser.settings import EngineSettings, Settings

SIZE = 30
LINES = ("The harbour lists every vessel", "that entered port in the winter")


def page(strike: str = "") -> tuple[Image.Image, dict[str, tuple[float, float]]]:
    """A page of two lines with wide gaps, and the left and the right edge of each word."""
    image = Image.new("RGB", (900, 700), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=SIZE)
    places = {}
    for number, line in enumerate(LINES):
        x, y = 60.0, 200 + 60 * number
        for word in line.split():
            pen.text((x, y), word, "black", font, anchor="ls")
            places[word] = (x, x + pen.textlength(word, font))
            if word == strike:
                pen.line((*places[word][:1], y - 0.3 * SIZE, places[word][1], y - 0.3 * SIZE), "black", 3)
            x = places[word][1] + 22
    return image, places


def read(image: Image.Image) -> Reading:
    async def main() -> Reading:
        engine = RapidOcrEngine(Settings(engines=EngineSettings(inference_mode="cpu")))
        try:
            return await engine.read(PageImage(1, *image.size, "rgb", image.tobytes()))
        finally:
            await engine.aclose()

    return asyncio.run(main())


def test_struck_out_words_are_parts_of_their_line():
    image, places = page("vessel")
    reading = read(image)
    parts, others = (reading.parts_of_lines[line] for line in reading.words)
    assert [part.struck for part in parts] == [False, True]
    assert parts[0].text == "The harbour lists every"
    assert parts[1].left * image.width == pytest.approx(places["vessel"][0], abs=9)
    assert [word.text for word in others] == LINES[1].split()


def test_the_words_of_a_line_have_boxes_of_their_ink():
    image, places = page()
    reading = read(image)
    for line, y in zip(reading.words, (200, 260), strict=True):
        for word in reading.parts_of_lines[line]:
            assert (word.left * image.width, word.right * image.width) == pytest.approx(places[word.text], abs=4)
            assert (word.top * image.height, word.bottom * image.height) == pytest.approx((y - 23, y + 7), abs=3)


def test_blurred_letters_that_touch_are_not_struck_out():
    image = page()[0].resize((450, 350), Image.Resampling.BOX).resize((900, 700), Image.Resampling.BICUBIC)
    assert not any(word.struck for words in read(image).parts_of_lines.values() for word in words)


@pytest.mark.parametrize(("line", "is_struck"), [(9, True), (12, False)])
def test_a_line_through_the_middle_of_letters_strikes_and_serifs_that_touch_where_they_stand_do_not(line, is_struck):
    pixels = np.full((40, 100, 3), 255, dtype=np.uint8)
    for left in range(20, 80, 6):  # ten stems, one of them longer
        pixels[14 : 29 if left == 50 else 23, left : left + 2] = 0
    pixels[10 + line, 20:80] = 0
    word = Word("maintaining", 0.2, 0.25, 0.8, 0.75)
    ruling = RulingLine(left=0.2, top=(10.5 + line) / 40, right=0.8, bottom=(10.5 + line) / 40)
    assert find_struck([word], [ruling], pixels) == ({word} if is_struck else set())


def test_hyphens_of_what_is_struck_out_are_the_line_between_its_words():
    words = [Word("from-our", 0.1, 0.1, 0.2, 0.12), Word("well-known", 0.2, 0.1, 0.3, 0.12)]
    assert [part.text for part in split_at_strikes(words, words[:1])] == ["from our", "well-known"]


def test_words_end_where_the_widest_gap_without_ink_begins():
    line = np.ones((3, 48, 160), dtype=np.float32)[1]
    for left, right in ((8, 60), (64, 70), (100, 150)):
        line[20:40, left:right] = -1
    steps = np.array([1.0, 7.0, 10.0, 13.0, 17.0])  # of "ab cd": the space is at step 10
    (first, end), (start, last) = find_word_spans(line, steps, ["a", "b", " ", "c", "d"])
    assert (first, last) == (0.0, 1.0)
    assert (end * 160, start * 160) == (70, 100)
    assert find_word_spans(line, steps[:2], ["a", "b"]) == ()
