"""Lines from right to left are read in their logical order, however the file puts their letters down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
pytestmark = pytest.mark.skipif(not DEJAVU.exists(), reason="DejaVu Sans is not installed")

LINES = ["שלום (עולם) [למעט חגים].", "טלפון: 03-1234567, פתוח", "חשבון 17/2021: סך 1,250.50; תודה", "בשנת 2021, בחודש 5"]
_MIRRORED = str.maketrans("()[]", ")(][")


def as_shown(line):
    """The letters of a line from left to right: turned round, numbers as they are."""
    return re.sub(r"\d[\d.,/-]*\d", lambda found: found[0][::-1], line[::-1].translate(_MIRRORED))


def whole(canvas, x, y, shown):
    canvas.drawString(x, y, shown)


def letter_by_letter(canvas, x, y, shown):
    places = [x + stringWidth(shown[:place], "DejaVu", 12) for place in range(len(shown))]
    for place, letter in reversed(list(zip(places, shown, strict=True))):
        if letter != " ":
            canvas.drawString(place, y, letter)


def word_by_word(canvas, x, y, shown):
    for found in reversed(list(re.finditer(r"\S+", shown))):
        canvas.drawString(x + stringWidth(shown[: found.start()], "DejaVu", 12), y, found[0])


@pytest.mark.parametrize("draw", [whole, letter_by_letter, word_by_word], ids=lambda draw: draw.__name__)
def test_hebrew_is_in_logical_order_with_its_punctuation(read, tmp_path, draw):
    pdfmetrics.registerFont(TTFont("DejaVu", str(DEJAVU)))
    canvas = Canvas(str(tmp_path / "hebrew.pdf"), pagesize=A4, invariant=True)
    for number, line in enumerate(LINES):
        canvas.setFont("DejaVu", 12)
        shown = as_shown(line)
        draw(canvas, 500 - stringWidth(shown, "DejaVu", 12), 700 - 50 * number, shown)
    canvas.save()
    assert read(tmp_path / "hebrew.pdf").texts == LINES
