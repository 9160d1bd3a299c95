"""Words that are struck out, however their program draws that; and lines that strike out nothing."""

from __future__ import annotations

import math

import pikepdf
import pytest
from pikepdf import Dictionary, Name
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

FONT, SIZE, LEFT, Y = "Helvetica", 11, 72, 700


def bounds(text, part, font=FONT, size=SIZE):
    """Where a part of the text at LEFT begins and ends."""
    start = LEFT + stringWidth(text[: text.index(part)], font, size)
    return start, start + stringWidth(part, font, size)


def page(path, text, *draw, font=FONT, size=SIZE):
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont(font, size)
    canvas.drawString(LEFT, Y, text)
    for one in draw:
        one(canvas)
    canvas.drawString(LEFT, Y - 60, "The rest of the page is as it was.")
    canvas.save()
    return path


def line(start, end, height, width=0.7):
    def draw(canvas):
        canvas.setLineWidth(width)
        canvas.line(start, Y + height, end, Y + height)

    return draw


def bar(start, end, height, thickness=0.6):
    return lambda canvas: canvas.rect(start, Y + height, end - start, thickness, stroke=0, fill=1)


SENTENCE = "The rent is 800 850 euros a month, due on the first day."


@pytest.mark.parametrize("height", [2.2, 2.9, 3.6, 4.2])
@pytest.mark.parametrize("draw", [line, bar])
def test_a_line_through_a_word_strikes_it_out(read, tmp_path, draw, height):
    case = read(page(tmp_path / "a.pdf", SENTENCE, draw(*bounds(SENTENCE, "800"), height)))
    assert case.flat.startswith("The rent is ~~800~~ 850 euros a month, due on the first day.")
    assert "<s>800</s> 850" in case.html
    assert "~~800~~ 850" in case.text
    (span,) = case.page.blocks[0].spans
    assert (span.struck, span.bold) == (True, False)


def test_one_line_through_several_words_strikes_out_all_of_them(read, tmp_path):
    case = read(page(tmp_path / "a.pdf", SENTENCE, line(*bounds(SENTENCE, "due on the first day."), 3)))
    assert "850 euros a month, ~~due on the first day.~~" in case.flat


def test_a_bold_word_is_struck_out_and_bold(read, tmp_path):
    def bold(canvas):
        canvas.setFont("Helvetica-Bold", SIZE)
        canvas.drawString(LEFT, Y - 20, "WARNING")
        canvas.setFont(FONT, SIZE)
        canvas.drawString(LEFT + 70, Y - 20, "no danger at all on this line of the page")

    through = line(LEFT, LEFT + stringWidth("WARNING", "Helvetica-Bold", SIZE), -20 + 3.5)
    assert "~~**WARNING**~~ no danger" in read(page(tmp_path / "a.pdf", SENTENCE, bold, through)).flat


def test_a_part_of_a_word_is_struck_out(read, tmp_path):
    text = "Pay 1800/1850 euros."
    case = read(page(tmp_path / "a.pdf", text, line(*bounds(text, "1800"), 3)))
    (block, *_) = case.page.blocks
    assert [block.text[span.start : span.end] for span in block.spans if span.struck] == ["1800"]


def test_a_page_that_is_turned_is_read_alike(read, tmp_path):
    path = page(tmp_path / "a.pdf", SENTENCE, line(*bounds(SENTENCE, "800"), 3))
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].Rotate = 90
        pdf.save(path)
    assert "is ~~800~~ 850" in read(path).flat


def test_an_annotation_strikes_out(read, tmp_path):
    path = page(tmp_path / "a.pdf", SENTENCE)
    start, end = bounds(SENTENCE, "first")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].obj.Annots = pikepdf.Array()
        for flags, (left, right) in ((4, (start, end)), (2, bounds(SENTENCE, "rent"))):
            quad = [left, Y + 9, right, Y + 9, left, Y - 2, right, Y - 2]
            note = Dictionary(
                Type=Name.Annot, Subtype=Name.StrikeOut, Rect=[left, Y - 2, right, Y + 9], QuadPoints=quad, F=flags
            )
            pdf.pages[0].obj.Annots.append(pdf.make_indirect(note))
        pdf.save(path)
    flat = read(path).flat
    assert "due on the ~~first~~ day." in flat
    assert flat.startswith("The rent is")  # its annotation is hidden


def annotate(path, **fields):
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        note = Dictionary(Type=Name.Annot, Subtype=Name.StrikeOut, F=4, **fields)
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(note)])
        pdf.save(path)


def test_a_strike_annotation_without_lines_of_its_own_strikes_what_its_rectangle_holds(read, tmp_path):
    path = page(tmp_path / "a.pdf", SENTENCE)
    start, end = bounds(SENTENCE, "first")
    annotate(path, Rect=[start, Y - 2, end, Y + 9])
    assert "due on the ~~first~~ day." in read(path).flat


def test_a_slanted_strike_annotation_strikes_only_the_words_along_it(read, tmp_path):
    path, angle = tmp_path / "a.pdf", math.radians(30)
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont(FONT, SIZE)
    canvas.translate(100, 300)
    canvas.rotate(30)
    for number in range(6):
        canvas.drawString(0, -20 * number, f"Line {number} of the sheet that was laid on the glass at an angle")
    canvas.save()
    start, end = 0, stringWidth("Line 2 of the sheet", FONT, SIZE)
    corners = [(start, -31), (end, -31), (start, -42), (end, -42)]
    quad = [
        value
        for x, y in corners
        for value in (100 + x * math.cos(angle) - y * math.sin(angle), 300 + x * math.sin(angle) + y * math.cos(angle))
    ]
    annotate(path, Rect=[min(quad[::2]), min(quad[1::2]), max(quad[::2]), max(quad[1::2])], QuadPoints=quad)
    assert "~~Line 2 of the sheet~~ that was" in read(path).flat
    assert read(path).flat.count("~~") == 2


def test_a_struck_out_word_of_a_line_that_runs_up_the_page_stays_marked(read, tmp_path):
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont(FONT, SIZE)
    for number in range(8):
        canvas.drawString(150, 700 - 14 * number, f"Line {number} of the text beside the note in the margin of the sheet.")
    canvas.rotate(90)
    canvas.drawString(450, -120, "not valid any more")
    canvas.save()
    start, end = (450 + stringWidth(text, FONT, SIZE) for text in ("not ", "not valid"))
    annotate(path, Rect=[109, start, 122, end])
    assert "not ~~valid~~ any more" in read(path).flat


def test_a_struck_out_cell_is_marked_in_every_format(read, tmp_path):
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont(FONT, SIZE)
    for row, texts in enumerate((("Item", "Price"), ("Roof", "120.00"), ("Gutter", "80.50"), ("Pump", "33.10"))):
        for column, text in enumerate(texts):
            canvas.rect(72 + 120 * column, 700 - 20 * row, 120, 20)
            canvas.drawString(78 + 120 * column, 706 - 20 * row, text)
    canvas.line(198, 669.2, 198 + stringWidth("80.50", FONT, SIZE), 669.2)
    canvas.save()
    case = read(path)
    assert case.tables == [[["Item", "Price"], ["Roof", "120.00"], ["Gutter", "80.50"], ["Pump", "33.10"]]]
    assert "| Gutter | ~~80.50~~ |" in case.markdown
    assert "<td><s>80.50</s></td>" in case.html
    assert "Gutter\t~~80.50~~" in case.text


@pytest.mark.parametrize(
    "draw",
    [
        line(*bounds(SENTENCE, "800"), -1.2),
        bar(*bounds(SENTENCE, "800"), -1.6),
        line(*bounds(SENTENCE, "800"), 9.5),
        line(40, 550, 3),
        bar(*bounds(SENTENCE, "800"), -2, thickness=12),
        line(*bounds(SENTENCE, "800"), -6),
    ],
    ids=["underline", "underline as a bar", "line above", "line across the page", "highlight", "rule below"],
)
def test_other_lines_strike_out_nothing(read, tmp_path, draw):
    case = read(page(tmp_path / "a.pdf", SENTENCE, draw))
    assert not any(span.struck for block in case.blocks for span in block.spans)
