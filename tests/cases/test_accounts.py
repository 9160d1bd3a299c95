"""Accounts, price lists and reports that other programs print: their lines, dots and labels are no columns or rows."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas


@pytest.fixture
def canvas(tmp_path):
    made = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    made.setFont("Times-Roman", 10)
    return made


@pytest.fixture
def read_drawn(read, canvas, tmp_path):
    def read_it():
        canvas.save()
        return read(tmp_path / "a.pdf")

    return read_it


def draw_row(canvas, y, cells, edges, *, bold=False):
    canvas.setFont("Times-Bold" if bold else "Times-Roman", 10)
    for number, (edge, text) in enumerate(zip(edges, cells, strict=True)):
        (canvas.drawRightString if number else canvas.drawString)(edge, y, text)


def test_dots_with_spaces_between_them_join_no_columns(canvas, read_drawn):
    head = ["Plant", "each", "per 10", "per 100"]
    rows = [["Apple", "14.50", "130.00", "1,150.00"], ["Pear, on quince", "16.00", "145.00", "1,300.00"]]
    rows += [["Hazel", "6.20", "55.00", "480.00"], ["Rose, climbing, in pots", "8.90", "80.00", "n/a"]]
    edges = [72, 400, 460, 520]
    draw_row(canvas, 715, head, edges, bold=True)
    for number, (label, *values) in enumerate(rows):
        dotted = label
        while stringWidth(dotted + " .", "Times-Roman", 10) < 290:
            dotted += " ."
        draw_row(canvas, 700 - 14 * number, [dotted, *values], edges)
    assert read_drawn().tables == [[head, *rows]]


def test_lines_over_sums_end_no_table(canvas, read_drawn):
    head = ["in TEUR", "Note", "2024", "2023"]
    rows = [["Sales", "", "48,210", "45,003"], ["Changes in stock", "", "-312", "118"], ["Material", "5", "-21,004", "-19,877"]]
    rows += [["Gross profit", "", "26,894", "25,244"], ["Staff", "6", "-14,220", "-13,905"]]
    rows += [["Depreciation", "7", "-2,118", "-2,044"], ["Result", "", "10,556", "9,295"]]
    edges = [60, 330, 440, 530]
    draw_row(canvas, 720, head, edges)
    canvas.line(60, 714, 530, 714)
    for number, row in enumerate(rows):
        y = 700 - 16 * number
        is_sum = row[0] in ("Gross profit", "Result")
        draw_row(canvas, y, row, edges, bold=is_sum)
        if is_sum:
            canvas.line(360, y + 12, 530, y + 12)
    assert read_drawn().tables == [[head, *rows]]


def test_the_heading_of_a_section_is_no_part_of_the_sum_above_it(canvas, read_drawn):
    rows = [["Assets", "", ""], ["Cash", "1,204", "998"], ["Receivables", "2,310", "2,544"], ["Total assets", "3,514", "3,542"]]
    rows += [["Liabilities", "", ""], ["Payables", "1,905", "2,011"], ["Loans", "3,000", "3,250"]]
    rows += [["Total liabilities", "4,905", "5,261"]]
    canvas.line(50, 706, 512, 706)
    for number, row in enumerate(rows):
        bold = row[0] in ("Assets", "Liabilities") or row[0].startswith("Total")
        draw_row(canvas, 690 - 15 * number, row, [50 if bold else 62, 430, 510], bold=bold)
    canvas.line(50, 575, 512, 575)
    (found,) = read_drawn().tables
    assert [row for row in found if row[0]] == rows


def test_a_form_between_the_lines_above_a_table_heads_no_column(canvas, read_drawn):
    pairs = [
        ["Kunde:", "Meyer Bau", "Datum:", "14.02.2025", "Tour:", "7"],
        ["Ort:", "Celle", "Zeit:", "06:30", "Lager:", "Nord"],
    ]
    head = ["Artikel", "Bezeichnung", "Menge", "Einheit", "Platz"]
    rows = [["K-100", "Kalksandstein", "480", "Stück", "A1"], ["Z-220", "Zement 25 kg", "40", "Sack", "B4"]]
    rows += [["F-031", "Fliesenkleber", "12", "Eimer", "B7"], ["D-900", "Dämmplatte", "66", "Stück", "C2"]]
    for edge in (780, 745, 660):
        canvas.line(40, edge, 555, edge)
    for number, row in enumerate(pairs):
        for x, text in zip((40, 100, 230, 290, 400, 450), row, strict=True):
            canvas.drawString(x, 765 - 12 * number, text)
    for number, row in enumerate([head, *rows]):
        for x, text in zip((40, 110, 300, 370, 440), row, strict=True):
            canvas.drawString(x, 730 - 14 * number, text)
    case = read_drawn()
    assert case.tables[-1] == [head, *rows]
    plain = "".join(char for char in case.markdown if char not in "|\n -")
    for pair in ("Kunde:MeyerBau", "Datum:14.02.2025", "Tour:7", "Ort:Celle", "Zeit:06:30", "Lager:Nord"):
        assert pair in plain


def test_the_stories_beside_an_upright_line_are_no_table(canvas, read_drawn):
    words = [
        "the",
        "mayor",
        "said",
        "on",
        "monday",
        "that",
        "a",
        "new",
        "line",
        "of",
        "buses",
        "would",
        "run",
        "from",
        "the",
        "market",
        "to",
        "the",
        "hospital",
        "every",
        "ten",
        "minutes",
    ]
    canvas.line(50, 700, 550, 700)
    canvas.line(300, 700, 300, 540)
    stories = [("School reopens", 50, 4), ("Club wins again", 310, 7)]
    for title, left, first in stories:
        canvas.setFont("Times-Bold", 16)
        canvas.drawString(left, 680, title)
        canvas.setFont("Times-Roman", 8)
        for column in range(3):
            for line in range(10):
                start = first + 3 * column + 5 * line
                text = " ".join(words[(start + number) % len(words)] for number in range(5))[:20]
                canvas.drawString(left + 81 * column, 660 - 11 * line, f"{title[0]}{column} {text}" if line == 0 else text)
    case = read_drawn()
    assert not case.tables
    starts = [case.flat.find(text) for text in ("School", "S0 ", "S1 ", "S2 ", "Club", "C0 ", "C1 ", "C2 ")]
    assert starts == sorted(starts)
    assert starts[0] >= 0
