"""What a browser and other programs draw letter by letter is read as words."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.support.typeset import print_html

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")
needs_dejavu = pytest.mark.skipif(not DEJAVU.exists(), reason="DejaVu Serif is not installed")


def spaced_by_weasyprint(path, html):
    pytest.importorskip("weasyprint").HTML(string=html).write_pdf(path)


@needs_dejavu
@pytest.mark.parametrize("write", [print_html, spaced_by_weasyprint], ids=lambda write: write.__name__)
def test_a_heading_with_spaced_letters_is_words(read, tmp_path, write):
    style = "font: 12pt DejaVu Serif; letter-spacing: .25em"
    write(
        tmp_path / "spaced.pdf",
        f"<meta charset=utf-8><p style='{style}'>Spaced heading words here</p><p>And a line of text.</p>",
    )
    assert "Spaced heading words here" in read(tmp_path / "spaced.pdf").flat


def test_single_letters_between_spaces_stay_apart(read, tmp_path):
    canvas = Canvas(str(tmp_path / "letters.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Times-Roman", 12)
    canvas.drawString(72, 700, "The answers a b c d e f are on the sheet.")
    for number, letter in enumerate("ABCDEFG"):
        canvas.drawString(72 + 40 * number, 600, letter)
    canvas.save()
    flat = read(tmp_path / "letters.pdf").flat
    assert "a b c d e f" in flat
    assert "AB" not in flat


@needs_dejavu
def test_a_ligature_does_not_part_its_word(read, tmp_path):
    style = "body { font: 12pt DejaVu Serif }"
    print_html(
        tmp_path / "terms.pdf", f"<style>{style}</style><dl><dt>Term<dd>Its definition<dt>Other<dd>Second definition</dl>"
    )
    flat = read(tmp_path / "terms.pdf").flat
    assert "Its definition" in flat
    assert "Second definition" in flat


@needs_dejavu
def test_raised_and_lowered_numbers_touch_what_follows_them(read, tmp_path):
    text = "Of H<sub>2</sub>O and mc<sup>2</sup>, a note<sup>12</sup>. The area is 20 m<sup>2</sup> of land."
    print_html(tmp_path / "raised.pdf", f"<meta charset=utf-8><p style='font: 12pt DejaVu Serif'>{text}")
    assert read(tmp_path / "raised.pdf").flat == "Of H₂O and mc², a note¹². The area is 20 m² of land."


def test_neighbouring_cells_that_nearly_touch_are_two_words(read, tmp_path):
    cells = "".join(f"<tr><td>2024-01-0{day}<td>Payment {day}<td>{day}0.00" for day in (2, 5, 9))
    print_html(tmp_path / "cells.pdf", f"<style>* {{ font: 11pt Liberation Sans, DejaVu Sans }}</style><table>{cells}</table>")
    flat = read(tmp_path / "cells.pdf").flat
    assert "2024-01-02P" not in flat
    assert "2024-01-02" in flat
