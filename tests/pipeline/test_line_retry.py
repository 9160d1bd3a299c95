"""Pages of two scripts: the lines that RapidOCR cannot read are Tesseract's, the others stay as they are."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from benchmarks.quality.alone import packs
from benchmarks.quality.page import beside_table
from benchmarks.quality.scores import Scored, Verdict
from document_parser.engines.registry import Engines
from document_parser.engines.tesseract.engine import join_syllables
from document_parser.models import InkFacts, Options, Reading, Word
from document_parser.pipeline.reading.line_retry import is_worth_it
from document_parser.pipeline.reading.read_page import read_page
from document_parser.settings import EngineSettings, Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from tests.support.cyrillic import needs_cyrillic_font, needs_russian_pack, page_of_lines

ENGLISH = ("The teachers of the village school", "wrote to the ministry last winter", "and quoted what the children said:")
RUSSIAN = "Вчера вечером в город приехали"
AFTER = ("No answer has come to this day, but", "the letter hangs in the class room.")


def line(text, top, confidence, left=0.1, right=0.5):
    return Word(text, left, top, right, top + 0.02, confidence=confidence)


SURE, LOST, DROPPED = line("Dear sirs", 0.1, 0.99), line("AUO.,U", 0.2, 0.6), line("", 0.3, 0.0)


def test_lines_read_better_take_the_place_of_those_in_doubt_and_less_is_lost():
    reading = Reading("rapidocr", words=[SURE, LOST], uncertain_lines=[LOST, DROPPED], unread_share=0.6)
    found = reading.replace_lines({LOST: [line("받을", 0.2, 0.95, right=0.3), line("수", 0.2, 0.95, left=0.35)]})
    assert [word.text for word in found.words] == ["Dear sirs", "받을", "수"]
    assert (found.uncertain_lines, found.unread_share) == ([DROPPED], 0.3)


@pytest.mark.parametrize(
    ("lost", "uneven", "tried"), [(0.2, False, True), (0.01, False, False), (0.9, False, False), (0.2, True, False)]
)
def test_a_second_try_is_for_print_that_is_lost_in_part(lost, uneven, tried):
    assert is_worth_it(Reading("rapidocr", uncertain_lines=[LOST], unread_share=lost), InkFacts(uneven=uneven)) == tried


def test_syllables_of_korean_are_put_together_where_no_space_is_between_them():
    def syllable(text, left):
        return Word(text, left, 0.5, left + 0.018, 0.52, confidence=0.9)

    words = [syllable("답", 0.1), syllable("변", 0.12), syllable("을", 0.14), syllable("받", 0.18), syllable("을", 0.2)]
    assert [word.text for word in join_syllables(words, shape=1.0)] == ["답변을", "받을"]
    latin = [Word("to", 0.1, 0.5, 0.12, 0.52, confidence=0.9), Word("day", 0.122, 0.5, 0.15, 0.52, confidence=0.9)]
    assert join_syllables(latin, shape=1.0) == latin


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A page of English with a line of Russian in it."""
    path = tmp_path_factory.mktemp("mixed") / "mixed.png"
    page_of_lines((*ENGLISH, RUSSIAN, *AFTER), (1000, 760)).save(path)
    return path


@needs_cyrillic_font
@needs_russian_pack
def test_a_line_of_another_script_is_tesseracts_and_the_page_says_so(mixed):
    async def main():
        limits = OpenerLimits(memory_mb=2048, timeout_seconds=30, max_image_megapixels=200)
        settings = Settings(engines=EngineSettings(inference_mode="cpu"))
        with Openers.start(limits) as openers:
            async with contextlib.aclosing(Engines(settings)) as engines, await openers.open(mixed, "image") as source:
                return await read_page(source, 1, Options(), engines, ())

    page = asyncio.run(main())
    assert " ".join(block.text for block in page.blocks) == " ".join((*ENGLISH, RUSSIAN, *AFTER))
    assert page.engine == "rapidocr"
    assert " uncertain lines again as " in page.attempts[-1].reason
    assert page.warnings == []


def test_tesseract_alone_is_told_every_language_of_a_document_that_has_a_pack():
    assert packs("en/ko", {"eng", "kor"}) == "eng+kor"
    assert packs("fr", {"eng", "kor"}) == "eng"


def test_the_quality_page_says_where_an_engine_alone_reads_better():
    def verdict(handwriting, korean):
        scores = {"handwriting": handwriting, "scan": korean}
        return Verdict([Scored(kind, "scanned", kind, "ko", {"word_f1": f1, "order": f1}) for kind, f1 in scores.items()])

    table = beside_table(verdict(0.4, 0.7), {"one": verdict(0.3, 0.8), "no reader of scans": verdict(0, 0)})
    assert table == [
        "| F1, order | n | ours | one | no worse than any |",
        "|---|---|---|---|---|",
        "| handwriting | 1 | 0.400, 0.400 | 0.300, 0.300 | yes |",
        "| ko | 1 | 0.700, 0.700 | 0.800, 0.800 | NO |",
    ]
