"""Raised marks never join the number before them, whatever is written in them."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas


def sentence(path, pieces, font="Helvetica", size=11):
    """A line of pieces; those that begin with ^ are raised and small."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    x = 72
    for piece in pieces:
        raised, text = piece.startswith("^"), piece.removeprefix("^")
        own = size * 0.6 if raised else size
        canvas.setFont(font, own)
        canvas.drawString(x, 700 + 0.36 * size * raised, text)
        x += stringWidth(text, font, own)
    canvas.save()
    return path


@pytest.mark.parametrize("font", ["Helvetica", "Times-Roman"])
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("In 2021", "^1", " there were 1,311", "^2", " members."), "In 2021¹ there were 1,311² members."),
        (("It costs $300", "^b", " or $111", "^a", " a year."), "It costs $300ᵇ or $111ᵃ a year."),
        (("A share of 45", "^a,b", " of them was sold."), "A share of 45ᵃ,ᵇ of them was sold."),
        (("On the 4", "^th", " of July all is closed."), "On the 4th of July all is closed."),
        (("The room is 25 m", "^2", " large, no more."), "The room is 25 m² large, no more."),
    ],
)
def test_a_raised_mark_is_written_as_one(read, tmp_path, font, pieces, text):
    assert read(sentence(tmp_path / "a.pdf", pieces, font)).flat == text
