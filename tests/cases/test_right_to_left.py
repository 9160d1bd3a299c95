"""Lines from right to left are read in their logical order, however the file puts their letters down."""

from __future__ import annotations

import re
import unicodedata
from html import escape
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


ARABIC = [
    "قيمة لا شيء والأول والآخر إلا بعد ذلك",
    "مُحَمَّدٌ رَسُولٌ كَرِيمٌ",
    "قال: «لا» (نعم) وذلك [أ]",
    "السعر 1250.50 ريال (خصم 15%) في 12/05/2024",
    "بسم الله الرحمن الرحيم",
    "النص ABC (def) عربي",
    "هل تعلم؟ نعم، أعلم!",
    "שלום (עולם) [אחד] {שתיים} 123",
    'המחיר: 50.00 ₪ (כולל מע"מ 17%)',
    "טקסט English (word) and more עברית",
]


def with_weasyprint(path):
    html = "".join(f"<p style='font: 12pt DejaVu Sans; margin: 40pt 0'>{escape(line)}</p>" for line in ARABIC)
    pytest.importorskip("weasyprint").HTML(string=f"<html dir=rtl>{html}</html>").write_pdf(path)


def with_typst(path):
    typst = pytest.importorskip("typst")
    lines = "\n\n".join('#text("' + line.replace('"', '\\"') + '")' for line in ARABIC)
    source = f'#set text(font: "DejaVu Sans", dir: rtl)\n#set par(spacing: 3em)\n{lines}'
    path.write_bytes(typst.compile(source.encode(), font_paths=[str(DEJAVU.parent)]))


@pytest.mark.parametrize("write", [with_weasyprint, with_typst], ids=lambda write: write.__name__)
def test_ligatures_marks_brackets_and_numbers_are_in_logical_order_whoever_wrote_the_file(read, tmp_path, write):
    write(tmp_path / "arabic.pdf")
    found = [unicodedata.normalize("NFC", text) for text in read(tmp_path / "arabic.pdf").texts]
    assert found == [unicodedata.normalize("NFC", line) for line in ARABIC]


def test_a_bracket_that_was_shown_before_latin_words_closes_behind_them(read, tmp_path):
    pdfmetrics.registerFont(TTFont("DejaVu", str(DEJAVU)))
    canvas = Canvas(str(tmp_path / "hebrew.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("DejaVu", 12)
    canvas.drawRightString(500, 700, "(ABC (def " + "טקסט בעברית"[::-1])
    canvas.save()
    assert read(tmp_path / "hebrew.pdf").texts == ["טקסט בעברית ABC (def)"]
