"""Letters that are drawn one by one: which belong to one word."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

TEXTS = (
    "All bills of Illinois will be filled in: 1,111,410 in all.",
    "Till 11:11 it is illicit to fill it (i.e. i, j, l; t).",
    "llovía llegaron allí ll.11.1111 1.1.1",
)


def draw_letters(path, font, size, texts=TEXTS, spacing=0.0):
    """A page on which each letter is a text object of its own; spaces are only gaps."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    for line, text in enumerate(texts):
        left = 60.0
        for letter in text:
            if letter != " ":
                found = canvas.beginText(left, 700 - line * 3 * size)
                found.setFont(font, size)
                found.textOut(letter)
                canvas.drawText(found)
            left += stringWidth(letter, font, size) + spacing
    canvas.save()
    return path


@pytest.mark.parametrize(("font", "size"), [("Helvetica", 11), ("Times-Roman", 7), ("Courier", 9), ("Helvetica-Oblique", 16)])
def test_letters_drawn_one_by_one_are_words(read, tmp_path, font, size):
    flat = read(draw_letters(tmp_path / "letters.pdf", font, size)).text
    for text in TEXTS:
        assert text in " ".join(flat.split())


def test_letters_drawn_with_a_little_air_are_words(read, tmp_path):
    flat = read(draw_letters(tmp_path / "letters.pdf", "Helvetica", 11, spacing=0.4)).text
    assert TEXTS[0] in " ".join(flat.split())


def test_amounts_in_two_columns_stay_apart(read, tmp_path):
    canvas = Canvas(str(tmp_path / "columns.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    for row in range(4):
        for column, letters in ((0, "1,1"), (1, "11"), (2, "l.l")):
            for place, letter in enumerate(letters):
                canvas.drawString(100 + column * 60 + place * 3, 700 - 16 * row, letter)
    canvas.save()
    assert read(tmp_path / "columns.pdf").tables[0][1] == ["1,1", "11", "l.l"]


@pytest.mark.parametrize(("letter", "first"), [("A", "Option one: pay now"), ("B", "12 rooms to let")])
def test_a_large_letter_beside_another_word_is_no_part_of_it(read, tmp_path, letter, first):
    canvas = Canvas(str(tmp_path / "options.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 34)
    canvas.drawString(72, 650, letter)
    canvas.setFont("Helvetica", 11)
    for row, text in enumerate((first, "All fees are included.")):
        canvas.drawString(100, 665 - 13 * row, text)
    canvas.save()
    text = " ".join(read(tmp_path / "options.pdf").text.split())
    assert f"{letter} {first}" in text


@pytest.mark.parametrize("left", [100, 110])  # with the white of a coloured box around the letter
@pytest.mark.parametrize("first", ["nce upon a time there was", "NCE upon a time there was"])
def test_a_drop_cap_is_part_of_the_word_that_it_begins(read, tmp_path, first, left):
    canvas = Canvas(str(tmp_path / "cap.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 34)
    canvas.drawString(72, 650, "O")
    canvas.setFont("Helvetica", 11)
    for row, text in enumerate((first, "a king who had three.")):
        canvas.drawString(left, 665 - 13 * row, text)
    canvas.save()
    assert f"O{first}" in " ".join(read(tmp_path / "cap.pdf").text.split())
