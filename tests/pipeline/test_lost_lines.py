"""Lines that were overlooked or could not be read are looked for in a larger image, and those that are left are named."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from document_parser.engines.rapidocr.confidence import lost_lines_of
from document_parser.engines.rapidocr.lines import Line
from document_parser.errors import EngineError
from document_parser.models import INK_COLUMNS, INK_ROWS, BoundingBox, InkFacts, PageImage, PageImageSpec, Reading, Word
from document_parser.models.skew import Skew
from document_parser.pipeline.checks.evidence import uncovered_regions
from document_parser.pipeline.reading.lost_lines import describe_lost, describe_unread, read_lost_lines
from document_parser.pipeline.reading.page_result import unread_lines_as_shown


def line(text, top, confidence=0.95, left=0.1, right=0.5):
    return Word(text, left, top, right, top + 0.02, confidence=confidence)


def inked(*boxes):
    """The ink of a page with ink in these boxes of the grid: first row, last row, first column, last column."""
    cells = np.zeros((INK_ROWS, INK_COLUMNS), dtype=np.uint8)
    for first, last, left, right in boxes:
        cells[first : last + 1, left : right + 1] = 1
    return InkFacts(cells=np.packbits(cells).tobytes().hex())


class Context:
    """A page whose larger image says these lines in each of the regions that are asked for."""

    def __init__(self, *regions, ink=None, fault=None):
        self.regions, self.fault, self.asked, self.attempts = regions, fault, [], []
        self.seen = PageImage(1, 900, 1260, "rgb", b"", ink_facts=ink or InkFacts())
        self.images = SimpleNamespace(render=self.render)
        spec = PageImageSpec(dpi=108, max_long_side=2000)
        self.engines = SimpleNamespace(get=lambda name: SimpleNamespace(image_spec=spec), read_regions=self.read)

    async def render(self, spec):
        assert (spec.dpi, spec.max_long_side) == (216, 4000)
        return self.seen

    async def read(self, name, image, boxes, skew):
        if self.fault:
            raise self.fault
        self.asked = boxes
        return [list(found) for found in self.regions]

    def record_attempt(self, engine, outcome, reason, started):
        self.attempts.append((engine, outcome, reason))

    def look(self, *words, lost=(), **more):
        reading = Reading("rapidocr", words=list(words), lost_lines=list(lost), uncertain_lines=list(lost), **more)
        return asyncio.run(read_lost_lines(self, reading, self.seen))


READ, LOST = line("The report", 0.1), line("My comisie Ao", 0.3, 0.46, right=0.7)


def test_the_sure_lines_in_the_place_of_a_lost_one_are_taken_and_what_is_still_lost_is_named():
    print_, pen = line("My commission expires", 0.3, right=0.35), line("Novem 3o", 0.3, 0.6, left=0.4, right=0.7)
    context = Context([line("The report", 0.101), print_, pen, line("-----", 0.31, 0.99), line("ab", 0.3, 0.5, right=0.12)])
    found = context.look(READ, lost=[LOST], unread_share=0.2)
    assert found.words == [READ, print_]
    assert found.lost_lines == [pen]
    assert (found.uncertain_lines, found.unread_share) == ([], 0.0)
    assert found.parts_of_lines == {print_: [print_]}
    assert found.how == "1 line found in a larger image"


def test_a_line_that_the_larger_image_does_not_show_either_stays_lost():
    found = Context([line("My comisie", 0.3, 0.5)]).look(READ, lost=[LOST], unread_share=0.2)
    assert (found.words, found.lost_lines, found.how) == ([READ], [LOST], "")


def test_an_overlooked_line_is_found_where_ink_is_that_nothing_explains():
    title = line("AMENDMENT", 0.5)
    context = Context([title], ink=inked((4, 5, 3, 16), (24, 24, 3, 15)))
    found = context.look(line("The report", 0.1, right=0.53))
    assert [word.text for word in found.words] == ["The report", "AMENDMENT"]
    assert [(box.left, box.top) for box in context.asked] == [(1 / INK_COLUMNS, 24 / INK_ROWS)]


def test_a_frame_of_ink_around_the_page_is_not_looked_at():
    frame = inked((2, 2, 2, 28), (2, 44, 2, 2), (2, 44, 28, 28), (44, 44, 2, 28))
    context = Context([], ink=frame)
    assert context.look(line("The report", 0.4)).how == ""
    assert not context.asked


def test_boxes_of_a_reading_that_straightened_itself_are_compared_with_ink_where_it_was():
    skew = Skew(2.0, 0.95, 900 / 1260)
    box = skew.straighten((0.1, 0.1, 0.5, 0.12))
    ink = inked((4, 5, 3, 16))
    assert Context(ink=ink).look(Word("The report", *box), skew=skew).how == ""
    context = Context([], ink=ink)
    context.look(line("The report", 0.5), skew=skew)
    (asked,) = context.asked
    left, top, *_ = skew.straighten((1 / INK_COLUMNS, 4 / INK_ROWS, 19 / INK_COLUMNS, 6 / INK_ROWS))
    assert (asked.left, asked.top) == pytest.approx((left, top), abs=1e-4)


@pytest.mark.parametrize(
    "box", [(0, 1, 3, 16), (20, 21, 0, 9), (INK_ROWS - 1, INK_ROWS - 1, 3, 9), (20, 21, 25, INK_COLUMNS - 1), (20, 22, 9, 10)]
)
def test_ink_at_the_edge_of_a_page_and_specks_are_no_overlooked_lines(box):
    assert uncovered_regions(inked(box), [], 3) == []


def test_ink_beside_the_box_of_a_line_is_no_overlooked_line():
    assert uncovered_regions(inked((20, 21, 4, 12)), [BoundingBox.of(4.2 / 32, 20.9 / 48, 12.2 / 32, 21.1 / 48)], 3) == []


@pytest.mark.parametrize(
    "more", [{"lost": [LOST] * 13}, {"lost": [LOST], "unread_share": 0.6}, {"lost": [LOST], "skew": Skew(1.0)}, {}]
)
def test_pages_of_handwriting_of_unknown_letters_or_without_lost_lines_are_not_looked_at_again(more):
    context = Context([line("never", 0.3)])
    if "skew" in more:
        context.seen = PageImage(1, 900, 1260, "rgb", b"", skew=Skew(1.0))
        context.images.render = lambda spec: asyncio.sleep(0, PageImage(1, 1800, 2520, "rgb", b""))
    found = context.look(READ, **more)
    assert found.words == [READ]
    assert not context.asked


def test_an_engine_that_fails_leaves_the_reading_and_says_so():
    context = Context(fault=EngineError("Out of memory."))
    assert context.look(READ, lost=[LOST]).words == [READ]
    assert context.attempts == [("rapidocr", "error", "closer look for lost lines: Out of memory.")]


def test_only_lines_as_long_as_writing_count_as_lost():
    def found(text, confidence, width, height=20, lost_letters=0.0):
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
        return Line(text, corners, confidence, lost_letters)

    lines = [found("The report of the year", 0.98, 300), found("", 0.0, 100), found("4", 0.3, 20), found("abc", 0.5, 90, 20, 4)]
    assert [line.text for line in lost_lines_of([*lines, found("Signed", 0.6, 100)])] == ["", "abc"]
    assert lost_lines_of([]) == []


def test_boxes_of_unread_lines_are_where_they_stand_on_the_page():
    skew = Skew(2.0, 0.95, 900 / 1260)
    (found,) = unread_lines_as_shown(Reading("rapidocr", lost_lines=[LOST], skew=skew))
    assert (found.text, found.confidence) == (LOST.text, LOST.confidence)
    left, _, _, bottom = skew.unstraighten(LOST[1:5])
    assert (found.box.left, found.box.bottom) == pytest.approx((left, bottom), abs=1e-4)


def test_the_warning_of_a_page_in_uneven_lines_says_that_it_looks_handwritten():
    reading, uneven = Reading("rapidocr", unread_share=0.31), InkFacts(uneven=True)
    assert describe_unread(reading, Context().seen) == "31% of the text that was found could not be read."
    assert "looks handwritten" in describe_unread(reading, Context(ink=uneven).seen)
    by_a_model = Reading("deepseek", unread_share=0.31)
    assert "handwritten" not in describe_unread(by_a_model, Context(ink=uneven).seen)


def test_the_warning_counts_the_lines():
    assert describe_lost(1).startswith("1 line that looks like writing could not be read.")
    assert describe_lost(2).startswith("2 lines that look like writing could not be read.")
