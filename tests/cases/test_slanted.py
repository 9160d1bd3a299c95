"""Slanted text: headings of columns and labels of charts in their place, stamps apart, and pages tilted as a whole."""

from __future__ import annotations

import math

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

HEADINGS = ["Inlet pressure", "Outlet pressure", "Flow rate", "Running hours"]
ROWS = [
    ["Mill Lane", "2.1", "4.8", "31", "1204"],
    ["Harbour", "1.9", "4.1", "28", "1377"],
    ["Castle Hill", "2.4", "5.0", "35", "980"],
    ["East Gate", "2.2", "4.4", "30", "1190"],
]
SENTENCE = "The pumps of the four stations were read in the first week of March, and all of them ran."


def slanted(canvas, x, y, text, degrees, right=False):
    canvas.saveState()
    canvas.translate(x, y)
    canvas.rotate(degrees)
    (canvas.drawRightString if right else canvas.drawString)(0, 0, text)
    canvas.restoreState()


def table(path, degrees, ruled):
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 780, SENTENCE)
    edges = [60, 160, 220, 280, 340, 400]
    for number, heading in enumerate(HEADINGS, 1):
        slanted(canvas, edges[number] + 30, 650, heading, degrees)
    for number, row in enumerate(ROWS):
        y = 630 - 18 * number
        canvas.drawString(66, y, row[0])
        for place, text in enumerate(row[1:], 1):
            canvas.drawCentredString(edges[place] + 30, y, text)
    if ruled:
        canvas.grid(edges, [645 - 18 * number for number in range(5)])
    canvas.drawString(60, 520, "Readings were taken at noon, and are not corrected for the height of the stations.")
    canvas.save()
    return path


@pytest.mark.parametrize("degrees", [30, 45, 60])
@pytest.mark.parametrize("ruled", [True, False])
def test_slanted_headings_are_those_of_the_columns_below_them(read, tmp_path, degrees, ruled):
    case = read(table(tmp_path / "a.pdf", degrees, ruled))
    assert not [block for block in case.blocks if block.kind == "watermark"]
    (rows,) = case.tables
    assert rows == [["", *HEADINGS], *ROWS]


@pytest.mark.parametrize("degrees", [45, -45])
def test_slanted_labels_of_a_chart_stand_where_it_is(read, tmp_path, degrees):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    canvas.drawString(60, 780, SENTENCE)
    for number, name in enumerate(["January", "February", "March", "April", "May"]):
        x = 120 + 60 * number
        canvas.rect(x, 600, 30, 40 + 15 * number, fill=1)
        slanted(canvas, x + 15, 590, name, degrees, right=degrees > 0)
    canvas.drawString(60, 500, "The station at the harbour ran longest.")
    canvas.save()
    case = read(tmp_path / "a.pdf")
    assert not [block for block in case.blocks if block.kind == "watermark"]
    assert case.flat.index("all of them ran") < case.flat.index("March April") < case.flat.index("The station at the harbour")


def test_a_slanted_stamp_stays_a_watermark(read, tmp_path):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    for number in range(12):
        canvas.drawString(60, 780 - 15 * number, SENTENCE)
    canvas.setFont("Helvetica-Bold", 40)
    slanted(canvas, 200, 500, "COPY", 45)
    canvas.save()
    case = read(tmp_path / "a.pdf")
    assert [block.text for block in case.blocks if block.kind == "watermark"] == ["COPY"]


@pytest.mark.parametrize("degrees", [-10, -6, 5, 8])
def test_a_page_tilted_as_a_whole_is_read_as_if_it_were_straight(read, tmp_path, degrees):
    def lines(name):
        return [f"{name} line {number} goes on with some words until here" for number in range(1, 21)]

    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    angle = math.radians(degrees)
    canvas.transform(math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle), 80 * math.sin(angle), 30)
    canvas.scale(0.85, 0.85)
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(150, 700, "Notice to all tenants")
    canvas.setFont("Helvetica", 9)
    for left, name in ((150, "Left"), (370, "Right")):
        for number, line in enumerate(lines(name)):
            canvas.drawString(left, 660 - 12 * number, line)
    canvas.save()
    case = read(tmp_path / "a.pdf")
    assert case.flat.endswith(" ".join([*lines("Left"), *lines("Right")]))
    assert case.blocks[0].text == "Notice to all tenants"
    assert all(0 <= block.box.left < block.box.right <= 1 for block in case.blocks)


@pytest.mark.parametrize("text", ["DRAFT", "NOT FOR SALE"])
def test_a_level_watermark_does_not_mix_with_the_lines_below_it(read, tmp_path, text):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica-Bold", 60)
    canvas.setFillGray(0.85)
    canvas.drawCentredString(300, 690, text)
    canvas.setFillGray(0)
    canvas.setFont("Helvetica", 10)
    for number in range(12):
        canvas.drawString(60, 780 - 15 * number, SENTENCE)
    canvas.save()
    case = read(tmp_path / "a.pdf")
    assert [block.text for block in case.blocks if block.kind == "watermark"] == [text]
    assert " ".join([SENTENCE] * 12) in case.flat


def test_a_large_headline_close_to_its_text_is_no_watermark(read, tmp_path):
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica-Bold", 40)
    canvas.drawString(60, 760, "Big news")
    canvas.setFont("Helvetica", 10)
    for number in range(12):
        canvas.drawString(60, 748 - 15 * number, SENTENCE)
    canvas.save()
    case = read(tmp_path / "a.pdf")
    assert case.blocks[0].text == "Big news"
    assert not [block for block in case.blocks if block.kind == "watermark"]
