"""Pages scanned askew: straightened by their lines, read as the straight page reads, told where they stand as shown."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydantic import TypeAdapter

from document_parser.engines.base import Engine, LineReadings
from document_parser.engines.rapidocr.engine import RapidOcrEngine
from document_parser.engines.registry import Engines
from document_parser.imaging.deskew import find_skew_degrees, straighten
from document_parser.imaging.line_skew import find_line_skew, straighten_boxes
from document_parser.models import Block, BoundingBox, Options, Page, PageImage, PageImageSpec, Reading, Route, Word
from document_parser.models.skew import Skew
from document_parser.pipeline.reading.hybrid import merge_text_layer
from document_parser.pipeline.reading.line_retry import retry_lines
from document_parser.pipeline.reading.oriented_images import OrientedImages
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import words_as_shown
from document_parser.pipeline.reading.read_page import read_page, read_with
from document_parser.settings import EngineSettings, Settings

SHEET = np.zeros((1000, 800, 3), dtype=np.uint8)
PAPER = 235
LEFT = (
    "The harbour office opens at seven",
    "in the morning and closes at noon",
    "on Sundays and on holidays, when",
    "only the watch is on duty there.",
    "Whoever brings goods ashore shall",
    "declare them at the counter first",
    "and wait until they are weighed.",
)
RIGHT = (
    "Ships that lie waiting outside of",
    "the breakwater must show two lights",
    "until a pilot comes on board, who",
    "then answers for the vessel alone.",
    "Nets are dried on the eastern quay",
    "and nowhere else, because the ropes",
    "of the ferry run along the others.",
)
CELLS = (("Berth", "Length", "Fee"), ("North", "120", "45.50"), ("South", "85", "31.20"), ("East", "240", "99.00"))

CPU = RapidOcrEngine(Settings())
"""Shared by all tests, so that its models are loaded once."""


def line(left, top, width, height, slope=0.0):
    """The corners of a line that falls by ``slope`` degrees, in pixels."""
    along = np.array((np.cos(np.radians(slope)), np.sin(np.radians(slope))))
    down = np.array((-along[1], along[0]))
    first = np.array((left, top))
    return [first, first + width * along, first + width * along + height * down, first + height * down]


def lines(*slopes, width=400):
    return np.array([line(100, 100 + 60 * at, width, 30, slope) for at, slope in enumerate(slopes)], dtype=np.float32)


@pytest.mark.parametrize("slope", [-14, -3, -0.5, 0.5, 2.1, 14])
def test_the_lines_tell_the_skew(slope):
    assert find_line_skew(lines(slope, slope, slope + 0.1), SHEET).degrees == pytest.approx(slope, abs=0.11)


def test_lines_on_their_heads_slope_as_the_others():
    found = lines(2.1, 2.1, 2.2, 2.1)
    found[::2] = np.roll(found[::2], 2, axis=1)
    assert find_line_skew(found, SHEET).degrees == pytest.approx(2.1, abs=0.11)


@pytest.mark.parametrize(
    "found",
    [
        lines(0, 0.1, -0.2, 0.25),
        lines(3, 3),
        lines(3, 3, 3, width=90),
        lines(20, 20, 20, 20),
        lines(-8, -4, 0, 4, 8),
        lines(90, 90, 90, 90),
        np.zeros((0, 4, 2), dtype=np.float32),
    ],
    ids=["level", "few", "short", "far too much", "no common slope", "running down", "none"],
)
def test_without_a_common_small_slope_of_long_lines_nothing_is_straightened(found):
    assert find_line_skew(found, SHEET) == Skew(shape=0.8)


def rows_of_figures(slope):
    """A sheet of short cells, on dark paper to one side, whose rows fall by ``slope`` degrees."""
    sheet = Image.new("L", (800, 1000), PAPER)
    draw = ImageDraw.Draw(sheet)
    for top in range(150, 800, 22):
        for left in range(80, 720, 80):
            draw.text((left, top), f"{left * top % 997:,}", fill=30)
    turned = np.asarray(sheet.rotate(-slope, Image.Resampling.BICUBIC, fillcolor=PAPER), dtype=np.float32)
    return np.repeat((turned * np.linspace(1, 0.7, 800, dtype=np.float32)).astype(np.uint8)[:, :, None], 3, axis=2)


CELLS_OF_A_ROW = lines(*[0.0] * 10, width=90)


@pytest.mark.parametrize("slope", [-1.2, 0.9])
def test_the_ink_of_short_cells_tells_the_skew_that_their_boxes_do_not(slope):
    roughly = lines(slope, slope - 0.3, slope - 0.4)
    for boxes in (CELLS_OF_A_ROW, np.concatenate((roughly, CELLS_OF_A_ROW))):
        assert find_line_skew(boxes, rows_of_figures(slope)).degrees == pytest.approx(slope, abs=0.11)


def test_the_ink_does_not_tell_the_skew_of_text_or_against_the_lines():
    sheet = rows_of_figures(0.9)
    assert find_line_skew(lines(0.5, 0.5, 0.5), sheet).degrees == pytest.approx(0.5, abs=0.11)
    assert find_line_skew(np.concatenate((lines(-1.0, -1.0, -1.0), CELLS_OF_A_ROW)), sheet).degrees == pytest.approx(
        -1, abs=0.11
    )


def test_what_is_straightened_lies_level_on_the_picture_and_maps_back():
    corners = np.array([line(2, 2, 760, 30, 4), line(10, 900, 700, 30, 4), line(10, 700, 700, 30, 4)], dtype=np.float32)
    skew = find_line_skew(corners, SHEET)
    straight = straighten_boxes(corners, skew, SHEET) / (800, 1000)
    assert np.abs(straight[:, 0, 1] - straight[:, 1, 1]).max() < 0.001
    assert straight.min() >= -0.001
    assert straight.max() <= 1.001
    for shown, box in zip(corners / (800, 1000), straight, strict=True):
        around = skew.unstraighten((*box.min(axis=0), *box.max(axis=0)))
        assert around == pytest.approx((*shown.min(axis=0), *shown.max(axis=0)), abs=0.002)


def test_a_box_that_reaches_over_the_edge_once_shown_is_cut_off_there():
    box = BoundingBox(left=0, top=0, right=1, bottom=0.1).unstraighten(Skew(5, 1, 0.7))
    assert (box.top, box.right) == (0, 1)


def reading_askew():
    skew = Skew(4.0, 1.0, 0.7)
    return Reading("rapidocr", words=[Word("Total am0unt", 0.1, 0.1, 0.4, 0.12, confidence=0.5)], skew=skew)


def test_the_cache_keeps_the_skew_and_knows_readings_without_one():
    kept = TypeAdapter(Reading)
    assert kept.validate_json(kept.dump_json(reading_askew())) == reading_askew()
    assert kept.validate_python({"engine": "rapidocr"}).skew == Skew()


def test_words_of_a_witness_stand_where_the_page_shows_them():
    (word,) = words_as_shown(reading_askew())
    assert word[1:5] == pytest.approx(reading_askew().skew.unstraighten((0.1, 0.1, 0.4, 0.12)), abs=0.0001)
    assert word.text == "Total am0unt"


def test_the_text_layers_words_find_their_line_on_a_straightened_page():
    reading = reading_askew()
    shown = reading.skew.unstraighten((0.1, 0.1, 0.25, 0.12)), reading.skew.unstraighten((0.26, 0.1, 0.4, 0.12))
    found, count = merge_text_layer(reading, [Word(text, *box) for text, box in zip(("Total", "amount"), shown, strict=True)])
    assert ([word.text for word in found.words], count) == (["Total", "amount"], 1)
    assert found.words[0].left == pytest.approx(0.1, abs=0.01)


def sheet():
    """A page with a heading, two columns and a ruled table."""
    image = Image.new("L", (1240, 1754), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=28)
    draw.text((140, 160), "Rules of the harbour", font=ImageFont.load_default(size=60), fill=20)
    for at, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        draw.text((140, 320 + 50 * at), left, font=font, fill=20)
        draw.text((680, 320 + 50 * at), right, font=font, fill=20)
    for row, cells in enumerate(CELLS):
        for column, cell in enumerate(cells):
            left, top = 140 + 320 * column, 760 + 90 * row
            draw.rectangle((left, top, left + 320, top + 90), outline=20, width=3)
            draw.text((left + 24, top + 24), cell, font=font, fill=20)
    return image


def read(openers, path, image):
    image.save(path, "PNG", dpi=(150, 150))

    async def main():
        settings = Settings(engines=EngineSettings(inference_mode="cpu"))
        async with contextlib.aclosing(Engines(settings)) as engines, await openers.open(path, "image") as source:
            only_once = engines.wrap(lambda engine: CPU if engine.name == "rapidocr" else engine)
            return await read_page(source, 1, Options(), only_once, ())

    return asyncio.run(main())


@pytest.fixture(scope="module")
def straight(openers, tmp_path_factory):
    page = read(openers, tmp_path_factory.mktemp("straight") / "page.png", sheet())
    assert [block.kind for block in page.blocks][-1] == "table"
    assert "straightened" not in page.attempts[-1].reason
    return page


def said(page):
    return [block.model_dump(exclude={"box", "confidence"}) for block in page.blocks]


@pytest.mark.parametrize(("degrees", "turn"), [(1, 0), (-2, 0), (3.5, 0), (-6, 0), (6, 0), (2.5, 180)])
def test_a_page_scanned_askew_reads_as_the_straight_one_and_its_boxes_lie_on_the_words(
    openers, straight, tmp_path, degrees, turn
):
    askew = sheet().rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=PAPER).rotate(turn)
    page = read(openers, tmp_path / "askew.png", askew)
    assert said(page) == said(straight)
    assert page.rotation == turn
    told = re.search(r"straightened by ([\d.]+) degrees", page.attempts[-1].reason)
    assert float(told[1]) == pytest.approx(abs(degrees), abs=0.35)
    for shown, level in zip(page.blocks, straight.blocks, strict=True):
        expected = Skew(degrees, 1.0, 1240 / 1754).unstraighten(tuple(level.box.model_dump().values()))
        assert tuple(shown.box.model_dump().values()) == pytest.approx(expected, abs=0.012)


def found_in(picture, skew):
    data = picture.convert("RGB").tobytes()
    return asyncio.run(CPU.read(PageImage(1, *picture.size, "rgb", data, skew=skew)))


def test_what_comes_straightened_is_not_levelled_once_more():
    picture = sheet().rotate(-1, Image.Resampling.BICUBIC, fillcolor=PAPER)
    assert found_in(picture, Skew()).skew.degrees == pytest.approx(1, abs=0.2)
    assert found_in(picture, Skew(5.0, 0.9, 1240 / 1754)).skew == Skew()


class OnePicture(OrientedImages):
    """Gives the same picture of the page, whatever is wanted."""

    def __init__(self, picture):
        super().__init__(None, 1, None)
        self._picture = picture

    async def render(self, spec):
        return self._picture


class LinesReader(Engines):
    """Reads every line as one word of Russian, and keeps by how much it was told that the picture is still askew."""

    told = None

    async def read_lines(self, page, lines, skew, script="", languages=""):
        self.told = skew
        return LineReadings([[line._replace(text="Вчера", confidence=0.9)] for line in lines], ["rus"] * len(lines))


@pytest.mark.parametrize(("come", "left"), [(Skew(), Skew(1.0, 0.98, 0.7)), (Skew(4.0, 0.9, 0.7), Skew())])
def test_lines_in_doubt_are_cut_from_the_picture_as_it_was_read(come, left):
    engines = LinesReader(Settings())
    doubted = Word("Bcepa", 0.1, 0.2, 0.3, 0.22, confidence=0.4)
    reading = Reading(
        "rapidocr", words=[doubted], uncertain_lines=[doubted], unread_share=0.2, skew=come if come.degrees else left
    )
    route = Route(engines=("rapidocr", "tesseract"), reason="")
    picture = PageImage(1, 700, 1000, "rgb", b"", skew=come)
    one = PageContext(None, None, Page(number=1), engines, Options(), (), OnePicture(picture), route)
    found = asyncio.run(retry_lines(one, reading, picture))
    assert engines.told == left
    assert [word.text for word in found.reading.words] == ["Вчера"]
    assert found.note == "tesseract read 1 of 1 uncertain lines again as rus"


def grey_level(image):
    return find_skew_degrees(image.convert("L"), PAPER)


@pytest.mark.parametrize("degrees", [-10, -5, -2, 2, 3.3, 8])
def test_a_glance_at_the_ink_tells_how_a_picture_lies(degrees):
    askew = sheet().rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=PAPER)
    assert grey_level(askew) == pytest.approx(degrees, abs=0.3)
    image, skew = straighten(askew, grey_level(askew))
    assert grey_level(image) == 0
    assert skew.degrees == grey_level(askew)


def test_level_pages_small_skews_and_pages_without_lines_are_left_alone():
    assert grey_level(sheet()) == 0
    assert grey_level(sheet().rotate(1, Image.Resampling.BICUBIC, fillcolor=PAPER)) == 0
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (1200, 900), dtype=np.uint8))
    assert grey_level(noise) == 0
    assert grey_level(Image.new("L", (900, 1200), PAPER)) == 0


class HeadingFinder(Engine):
    """A model that writes the page's words and says where the ink of the first line is."""

    name = "deepseek"
    image_spec = PageImageSpec(dpi=144, max_long_side=1600, straighten=True)

    def __init__(self):
        self.slopes = []

    async def read(self, page, *, temperature=None, watch=None):
        with Image.open(io.BytesIO(page.data)) as picture:
            grey = np.asarray(picture.convert("L"))
        self.slopes.append(find_skew_degrees(Image.fromarray(grey), PAPER))
        rows = (grey < 120).any(axis=1)
        top = int(rows.argmax())
        bottom = top + int(rows[top:].argmin())
        across = np.flatnonzero((grey[top:bottom] < 120).any(axis=0))
        box = (across[0], top, across[-1], bottom)
        place = BoundingBox.of(*(edge / side for edge, side in zip(box, grey.shape[::-1] * 2, strict=True)))
        body = [Block(kind="paragraph", text=text) for text in (*LEFT, *RIGHT, *map(" ".join, CELLS))]
        return Reading("deepseek", blocks=[Block(kind="title", text="Rules of the harbour", box=place), *body])


def read_by(openers, path, image, name, around):
    image.save(path, "PNG", dpi=(150, 150))

    async def main():
        async with contextlib.aclosing(Engines(Settings())) as engines, await openers.open(path, "image") as source:
            return await read_with(name, source, 1, Options(), engines.wrap(around), ())

    return asyncio.run(main())


@pytest.mark.parametrize("degrees", [-6, 4])
def test_a_model_sees_the_straightened_picture_and_its_boxes_stand_on_the_page_as_shown(openers, tmp_path, degrees):
    model = HeadingFinder()
    askew = sheet().rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=PAPER)
    level = read_by(openers, tmp_path / "level.png", sheet(), "deepseek", lambda _: model)
    page = read_by(openers, tmp_path / "askew.png", askew, "deepseek", lambda _: model)
    assert model.slopes == [0, 0]
    told = re.search(r"straightened by ([\d.]+) degrees", page.attempts[-1].reason)
    assert float(told[1]) == pytest.approx(abs(degrees), abs=0.3)
    assert "straightened" not in level.attempts[-1].reason
    expected = Skew(degrees, 1.0, 1240 / 1754).unstraighten(tuple(level.blocks[0].box.model_dump().values()))
    assert tuple(page.blocks[0].box.model_dump().values()) == pytest.approx(expected, abs=0.012)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="the program tesseract is not installed")
def test_tesseract_reads_a_page_scanned_askew_as_the_straight_one(openers, tmp_path):
    def only(engine):
        return engine

    level = read_by(openers, tmp_path / "level.png", sheet(), "tesseract", only)
    page = read_by(openers, tmp_path / "askew.png", sheet().rotate(5, fillcolor=PAPER, resample=3), "tesseract", only)
    assert words_of(page) == words_of(level)
    assert re.search(r"straightened by 5\.\d degrees|straightened by 4\.[89] degrees", page.attempts[-1].reason)
    expected = Skew(-5, 1.0, 1240 / 1754).unstraighten(tuple(level.blocks[0].box.model_dump().values()))
    assert tuple(page.blocks[0].box.model_dump().values()) == pytest.approx(expected, abs=0.02)


def words_of(page):
    return sorted(" ".join(block.text for block in page.blocks if not block.table).split())
