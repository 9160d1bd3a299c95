"""Letters in boxes of their own are one value; tables of single letters stay tables."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

FIELDS = {"Name": "MARTA KELLER", "IBAN": "DE89370400440532", "Born": "17041962"}


def boxes(canvas, x, y, pitch, high, count):
    for place in range(count):
        canvas.rect(x + place * pitch, y, pitch, high)


def comb(canvas, x, y, pitch, high, count):
    canvas.rect(x, y, count * pitch, high)
    for place in range(1, count):
        canvas.line(x + place * pitch, y, x + place * pitch, y + high)


def ticks(canvas, x, y, pitch, high, count):
    canvas.line(x, y, x + count * pitch, y)
    for place in range(count + 1):
        canvas.line(x + place * pitch, y, x + place * pitch, y + high / 2)


@pytest.mark.parametrize("draw", [boxes, comb, ticks])
@pytest.mark.parametrize(("size", "pitch", "high"), [(11, 15, 18), (9, 12, 14), (12, 20, 20)])
def test_letters_in_boxes_are_one_value(read, tmp_path, draw, size, pitch, high):
    canvas = Canvas(str(tmp_path / "form.pdf"), pagesize=A4, invariant=True)
    for line, (label, value) in enumerate(FIELDS.items()):
        y = 700 - 2 * high * line
        canvas.setFont("Helvetica", 10)
        canvas.drawString(60, y + 4, label)
        draw(canvas, 150, y, pitch, high, 20)
        canvas.setFont("Courier", size)
        for place, letter in enumerate(value):
            canvas.drawCentredString(150 + (place + 0.5) * pitch, y + high / 2 - size / 3, letter)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 400, "Please fill in this form in capital letters and send it back to us.")
    canvas.save()
    text = " ".join(read(tmp_path / "form.pdf").text.split())
    for label, value in FIELDS.items():
        assert f"{label} {value}" in text


def test_a_table_of_single_letters_stays_a_table(read, tmp_path):
    canvas = Canvas(str(tmp_path / "table.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    rows = ("MTWTFSS", "1234567", "8901234")
    for row, letters in enumerate(rows):
        boxes(canvas, 100, 700 - 16 * row, 20, 16, 7)
        for place, letter in enumerate(letters):
            canvas.drawCentredString(110 + 20 * place, 704 - 16 * row, letter)
    canvas.save()
    assert read(tmp_path / "table.pdf").tables == [[list(letters) for letters in rows]]


def test_a_small_table_of_letters_stays_a_table(read, tmp_path):
    canvas = Canvas(str(tmp_path / "votes.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    rows = ("PQR", "abc", "bca", "cab")
    for row, letters in enumerate(rows):
        boxes(canvas, 100, 700 - 22 * row, 20, 22, 3)
        for place, letter in enumerate(letters):
            canvas.drawCentredString(110 + 20 * place, 707 - 22 * row, letter)
    canvas.save()
    assert read(tmp_path / "votes.pdf").tables == [[list(letters) for letters in rows]]


def test_letters_far_apart_without_boxes_stay_apart(read, tmp_path):
    canvas = Canvas(str(tmp_path / "letters.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    for place, letter in enumerate("ABCD"):
        canvas.drawString(100 + 20 * place, 700, letter)
    canvas.save()
    assert "ABCD" not in read(tmp_path / "letters.pdf").text


def rows_in_boxes(path, rows, draw, *, high, label=""):
    """Rows of single letters of 11 points in boxes of 20 points; ``high`` is their height and the distance of the rows."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    for row, texts in enumerate(rows):
        y = 700 - high * row
        draw(canvas, 172, y, 20, high, len(texts))
        canvas.setFont("Helvetica", 11)
        if label:
            canvas.rect(72, y, 100, high)
            canvas.drawString(76, y + 7, f"{label} {'ABCDE'[row]}")
        for place, text in enumerate(texts):
            canvas.drawCentredString(182 + 20 * place, y + 7, text)
    canvas.drawString(72, 500, "This is all there is to say about it.")
    canvas.save()
    return path


@pytest.mark.parametrize("draw", [boxes, comb])
@pytest.mark.parametrize("high", [20, 24, 28])
@pytest.mark.parametrize("rows", [("CATHXX", "QDOGUU", "PIGSOW", "BIRDEE"), ("MTWTFSS", "8878400")])
def test_rows_of_high_boxes_filled_alike_are_a_table(read, tmp_path, draw, high, rows):
    case = read(rows_in_boxes(tmp_path / "rows.pdf", rows, draw, high=high))
    assert case.tables == [[list(letters) for letters in rows]]


def test_marks_beside_names_are_cells(read, tmp_path):
    rows = ("PPAPPPA", "PPPPAAA", "APPPPPA")
    case = read(rows_in_boxes(tmp_path / "rows.pdf", rows, boxes, high=22, label="Pupil"))
    assert [row[1:] for row in case.tables[0]] == [list(letters) for letters in rows]


def test_the_first_week_of_a_calendar_is_no_number(read, tmp_path):
    weeks = [[str(7 * week + day) for day in range(1, 8)] for week in range(4)]
    case = read(rows_in_boxes(tmp_path / "calendar.pdf", weeks, boxes, high=20))
    assert case.tables == [weeks]


def test_values_in_boxes_that_touch_are_values_if_one_is_longer(read, tmp_path):
    case = read(rows_in_boxes(tmp_path / "address.pdf", ("MARTA KELLER", "BADEN       "), comb, high=24))
    assert "MARTA KELLER" in case.text
    assert "BADEN" in case.text


def test_the_numbers_of_a_scale_stay_apart(read, tmp_path):
    case = read(rows_in_boxes(tmp_path / "scale.pdf", ("12345",), boxes, high=18))
    assert "12345" not in case.text
    assert "1 2 3 4 5" in " ".join(case.text.split())


@pytest.mark.parametrize(("text", "sign"), [("125,00", ","), ("04.05.1971", "."), ("04 05 1971", " ")])
def test_boxes_in_groups_are_one_value(read, tmp_path, text, sign):
    canvas = Canvas(str(tmp_path / "form.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 700, "Value")
    x = 150.0
    for letter in text:
        if letter == sign:
            canvas.drawCentredString(x + 4, 700, letter)
            x += 8
            continue
        boxes(canvas, x, 696, 15, 16, 1)
        canvas.drawCentredString(x + 7.5, 700, letter)
        x += 15
    canvas.drawString(60, 600, "Please fill in this form in capital letters and send it back to us.")
    canvas.save()
    assert f"Value {text.replace(' ', '')}" in read(tmp_path / "form.pdf").texts
