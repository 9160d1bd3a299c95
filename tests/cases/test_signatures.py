"""The name that closes a letter is no heading; headings that look like one stay headings."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

PROSE = (
    "The tenant keeps the premises in good order and returns them at the end of the term as they were,",
    "fair wear and tear excepted. The deposit is held in a separate account and is paid back within two",
    "months of the end of the term, less the cost of any repairs that are due to the tenant alone.",
)


def page(path, *pieces):
    """Three paragraphs, then lines, each in bold letters of 13 points or plain ones of 10, with white between them."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    y = 780
    canvas.setFont("Helvetica", 10)
    for text in PROSE * 3:
        canvas.drawString(72, y, text)
        y -= 13
    for text, bold in pieces:
        y -= 24 if bold else 18
        canvas.setFont(*(("Helvetica-Bold", 13) if bold else ("Helvetica", 10)))
        canvas.drawString(72, y, text)
    canvas.save()
    return path


def headings(case):
    return [block.text for block in case.blocks if block.kind in ("title", "heading")]


@pytest.mark.parametrize(
    ("heading", "below"),
    [
        ("Warranty", "Warranty claims must be made in writing within two years."),
        ("Conclusions", "Conclusions can be drawn for towns of all sizes."),
        ("Data", "Databases were searched until May for all that was in print then"),
    ],
)
def test_a_heading_stays_one_if_the_text_below_begins_with_its_word(read, tmp_path, heading, below):
    case = read(page(tmp_path / "a.pdf", ("It was read by both parties.", False), (heading, True), (below, False)))
    assert headings(case) == [heading]


def test_a_subject_below_the_salutation_is_a_heading(read, tmp_path):
    below = "I hereby cancel my contract with you as of the end of this month."
    pieces = ("Dear Sir or Madam,", False), ("Cancellation of Contract", True), (below, False)
    assert headings(read(page(tmp_path / "a.pdf", *pieces))) == ["Cancellation of Contract"]


@pytest.mark.parametrize("below", ["Managing Director", "Margaret Ellison, Head Librarian"])
def test_a_name_below_the_valediction_is_no_heading(read, tmp_path, below):
    pieces = ("Yours sincerely,", False), ("Margaret Ellison", True), (below, False)
    assert headings(read(page(tmp_path / "a.pdf", *pieces))) == []


def test_a_name_below_a_valediction_without_a_comma_is_no_heading(read, tmp_path):
    letter = ("Dear Ms Keller,", False), ("The rooms are free from May on.", False), ("Please write to us.", False)
    pieces = *letter, ("Kind regards", False), ("Margaret Ellison", True), ("Head Librarian", False), ("Enclosure: form", False)
    assert headings(read(page(tmp_path / "a.pdf", *pieces))) == []


def test_a_heading_below_a_few_words_without_an_end_stays_one_if_text_follows(read, tmp_path):
    below = "All that was sold in the year is named below, by month and by place."
    assert headings(read(page(tmp_path / "a.pdf", ("See next part", False), ("Sales", True), (below, False)))) == ["Sales"]


def test_a_name_in_bold_letters_below_the_same_name_as_it_is_signed_is_no_heading(read, tmp_path):
    pieces = (
        ("Dear Ms Keller,", False),
        ("Please write to us.", False),
        ("With best wishes,", False),
        ("Margaret Ellison", False),
    )
    assert headings(read(page(tmp_path / "a.pdf", *pieces, ("Margaret Ellison", True), ("Librarian", False)))) == []


def test_a_stamp_and_a_position_below_the_valediction_are_no_headings(read, tmp_path):
    pieces = ("Sincerely,", False), ("Peter Lindholm", True), ("APPROVED 2 APR 2025", True), ("Deputy Commissioner", True)
    assert headings(read(page(tmp_path / "a.pdf", *pieces))) == []
