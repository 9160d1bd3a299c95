"""Text that is painted several times stands once."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

LINES = ("The share costs 1,250.00 a year.", "Total 300.00 and no more than that")


def draw(canvas, font, dx, dy, word_by_word):
    for number, line in enumerate(LINES):
        x, y = 72 + dx, 700 - 60 * number + dy
        canvas.setFont(*font)
        for piece in line.split() if word_by_word else [line]:
            canvas.drawString(x, y, piece)
            x += canvas.stringWidth(piece + " ", *font)


@pytest.mark.parametrize("offset", [(0, 0), (0.3, 0), (1.2, -1.2)])
@pytest.mark.parametrize("again", ["whole", "word by word", "slanted", "four times"])
def test_text_painted_again_stands_once(read, tmp_path, offset, again):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    canvas.setFillGray(0.5)
    draw(canvas, ("Helvetica", 14), *offset, word_by_word=again == "word by word")
    canvas.setFillGray(0)
    for _ in range(3 if again == "four times" else 1):
        draw(canvas, ("Helvetica-Oblique" if again == "slanted" else "Helvetica", 14), 0, 0, word_by_word=False)
    canvas.save()
    assert read(tmp_path / "a.pdf").flat.replace("*", "") == " ".join(LINES)


def test_equal_words_beside_and_below_each_other_stay(read, tmp_path):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(72, 700, "no no no, that that is is, 11 11 11 11")
    canvas.drawString(72, 688, "no no no, that that is is, 11 11 11 11")
    canvas.save()
    assert read(tmp_path / "a.pdf").flat == " ".join(["no no no, that that is is, 11 11 11 11"] * 2)
