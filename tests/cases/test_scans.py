"""Scans whose look or size is not that of a sheet of paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from document_parser.engines.rapidocr.raised_marks import mark_raised, may_have_marks
from document_parser.imaging.paper import find_paper, flatten_paper
from tests.support.documents import page_picture

TEXT = "The annual meeting takes place on the fourth of May at seven in the evening. The treasurer reports on 1,250 euros."


def test_a_dark_slide_is_text_and_its_light_lines_rule_a_table(read, tmp_path):
    slide = Image.new("RGB", (1240, 900), "#14203c")
    draw, font = ImageDraw.Draw(slide), ImageFont.load_default(size=30)
    draw.text((80, 60), "Members and what they paid for", "white", font)
    for row, cells in enumerate((("Year", "Members"), ("2021", "146"), ("2022", "151"))):
        for column, text in enumerate(cells):
            left, top = 80 + 400 * column, 200 + 80 * row
            draw.rectangle((left, top, left + 400, top + 80), outline="white", width=3)
            draw.text((left + 30, top + 22), text, "white", font)
    slide.save(tmp_path / "slide.png")
    case = read(tmp_path / "slide.png")
    assert case.tables == [[["Year", "Members"], ["2021", "146"], ["2022", "151"]]]
    assert "Members and what they paid for" in case.flat


def test_a_page_in_negative_is_running_text(read, tmp_path):
    ImageOps.invert(page_picture(TEXT, size=(1240, 700))).save(tmp_path / "negative.png")
    case = read(tmp_path / "negative.png")
    assert not case.tables
    assert TEXT in case.flat


@pytest.mark.parametrize("width", [150, 300])
def test_a_sheet_on_a_small_page_is_read_at_its_own_resolution(read, tmp_path, width):
    canvas = Canvas(str(tmp_path / "small.pdf"), pagesize=(width, width * 1754 / 1240), invariant=True)
    canvas.drawImage(ImageReader(page_picture(TEXT)), 0, 0, width, width * 1754 / 1240)
    canvas.save()
    assert TEXT in read(tmp_path / "small.pdf").flat


SHEETS = {
    "from below": [(60, 40), (1190, 60), (1235, 1700), (10, 1720)],
    "from the left": [(30, 30), (1180, 120), (1190, 1600), (40, 1715)],
    "turned as well": [(120, 30), (1220, 110), (1150, 1730), (20, 1650)],
}


def photographed(picture, corners, ground=90):
    """A picture of a sheet as it is seen from the side, on darker ground."""
    size = picture.size
    edges = [(0, 0), (size[0], 0), size, (0, size[1])]
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, edges, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    found = np.linalg.solve(np.array(rows, dtype=float), np.array(values, dtype=float)).tolist()
    return picture.transform(size, Image.Transform.PERSPECTIVE, found, Image.Resampling.BICUBIC, fillcolor=ground)


@pytest.mark.parametrize("corners", SHEETS.values(), ids=SHEETS)
def test_a_sheet_photographed_from_the_side_is_flattened(corners):
    sheet = page_picture(TEXT)
    flat = np.asarray(flatten_paper(photographed(sheet, corners)), dtype=int)
    inside = (slice(80, -80), slice(60, -60))
    close = np.abs(flat - np.asarray(sheet, dtype=int))[inside] < 100
    assert close.mean() > 0.99
    rows = np.flatnonzero((flat[inside] < 128).any(axis=1))
    assert rows.max() - rows.min() < 200  # three level lines


def test_a_sheet_with_writing_beside_it_is_left_as_it_is():
    taken = photographed(page_picture(TEXT), [(260, 40), (1190, 60), (1235, 1700), (200, 1720)])
    assert flatten_paper(taken) is not taken
    pen = ImageDraw.Draw(taken)
    for line in range(20):
        pen.text((20, 300 + 40 * line), "Paid in May", font=ImageFont.load_default(size=32), fill=245)
    assert flatten_paper(taken) is taken


@pytest.mark.parametrize("picture", ["scan", "turned", "photograph"])
def test_other_pictures_are_left_as_they_are(picture):
    sheet = page_picture(TEXT)
    shown = {
        "scan": lambda: sheet,
        "turned": lambda: sheet.convert("RGB").rotate(4, expand=True, fillcolor=(90, 90, 90)).convert("L"),
        "photograph": lambda: Image.fromarray((np.add.outer(np.arange(900), np.arange(700)) % 256).astype(np.uint8)),
    }[picture]()
    assert find_paper(np.asarray(shown.resize((480, 360)))) is None
    assert flatten_paper(shown) is shown


@pytest.mark.parametrize(("size", "blur"), [(22, 0), (30, 1), (44, 0)])
def test_raised_characters_of_a_scanned_line_are_told_by_their_ink(size, blur):
    image = Image.new("RGB", (1300, 2 * size), "white")
    draw = ImageDraw.Draw(image)
    x, shown, said = 10.0, "", ""
    font, small = ImageFont.load_default(size=size), ImageFont.load_default(size=0.6 * size)
    for piece in ("It costs $320", "^1", " or (450), not 75", "^12", ", in 2021", "^a", " and 1987 too.", "^2"):
        raised, text = piece.startswith("^"), piece.removeprefix("^")
        own = small if raised else font
        draw.text((x, 1.4 * size - (0.38 * size if raised else 0)), text, "black", own, anchor="ls")
        x += draw.textlength(text, own)
        said += text
        shown += text.translate(str.maketrans("12a", "¹²ᵃ")) if raised else text
    if blur:
        image = image.resize((650, size)).resize((1300, 2 * size))
    assert may_have_marks(said)
    assert mark_raised(said, np.asarray(image)[:, :, ::-1].copy()) == shown


def test_a_raised_character_below_the_line_of_a_cell_is_told_by_its_ink():
    image = Image.new("RGB", (120, 60), "white")
    draw = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(size=30), ImageFont.load_default(size=18)
    draw.text((30, 48), "310", "black", font, anchor="ls")
    draw.text((30 + draw.textlength("310", font), 37), "2", "black", small, anchor="ls")
    draw.line((0, 8, 120, 8), "black", 3)
    assert mark_raised("3102", np.asarray(image)[:, :, ::-1].copy()) == "310²"


MONO = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
LISTING = """static int add(int *list, int count) {
  int total = 0;
  for (int i = 0; i < count; i++) {
    if (list[i] > 0) {
      total += list[i];
    }
  }
  return total;
}"""


def lines_on_page(text, font, path, left=100):
    image = Image.new("L", (1240, 900), 255)
    draw = ImageDraw.Draw(image)
    body = ImageFont.load_default(size=26)
    draw.text((left, 60), "The function below adds up what is greater than nought, and nothing else.", 20, body)
    for number, line in enumerate(text.splitlines()):
        draw.text((left + 30, 140 + 36 * number), line, 20, font)
    draw.text(
        (left, 160 + 36 * (number + 1)), "It is called once for each list. The next chapter shows how that is done.", 20, body
    )
    image.save(path)
    return path


@pytest.mark.skipif(not MONO.exists(), reason="DejaVu Sans Mono is not installed")
def test_a_listing_of_a_scan_keeps_its_indents(read, tmp_path):
    case = read(lines_on_page(LISTING, ImageFont.truetype(str(MONO), 24), tmp_path / "listing.png"))
    (code,) = [block.text for block in case.blocks if block.kind == "code"]
    indents = [len(line) - len(line.lstrip()) for line in code.splitlines()]
    assert indents == [len(line) - len(line.lstrip()) for line in LISTING.splitlines()]
    assert [block.kind for block in case.blocks] == ["paragraph", "code", "paragraph"]


def test_short_lines_of_proportional_letters_are_no_listing(read, tmp_path):
    address = "Harriet Lindqvist (owner)\nBoat house; gate 4\nPier Two = Mill Lane\nAshby Mill [AM1 2XY]\nUnited Kingdom:"
    case = read(lines_on_page(address, ImageFont.load_default(size=26), tmp_path / "address.png"))
    assert not any(block.kind == "code" for block in case.blocks)
