"""Pages of two scripts: the lines that RapidOCR cannot read are Tesseract's, the others stay as they are."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from PIL import Image, ImageDraw

from benchmarks.quality.alone import packs
from benchmarks.quality.page import beside_table
from benchmarks.quality.scores import Scored, Verdict
from document_parser.engines.base import LineReadings
from document_parser.engines.registry import Engines
from document_parser.engines.tesseract.recogniser import FoundWord
from document_parser.engines.tesseract.spacing import normalize_letters, respace_lines, separate_boxes, spell_ligatures
from document_parser.engines.tesseract.word_places import with_surer_words
from document_parser.models import InkFacts, Options, Page, PageImage, Reading, Route, Word
from document_parser.pipeline.reading.figures_of_lines import with_own_figures
from document_parser.pipeline.reading.line_retry import is_worth_it, retry_lines
from document_parser.pipeline.reading.oriented_images import OrientedImages
from document_parser.pipeline.reading.page_context import PageContext
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
    ("lost", "uneven", "tried"),
    [(0.2, False, True), (0.01, False, False), (0.9, False, True), (0.2, True, False), (0.9, True, True)],
)
def test_a_second_try_is_for_print_that_is_lost(lost, uneven, tried):
    assert is_worth_it(Reading("rapidocr", uncertain_lines=[LOST], unread_share=lost), InkFacts(uneven=uneven)) == tried


def a_line(*words):
    """A picture of a line 40 pixels high with a black bar for every letter, and the words that Tesseract would make of it."""
    picture = Image.new("L", (600, 40), 255)
    pen = ImageDraw.Draw(picture)
    found = []
    for text, left in words:
        for number in range(len(text)):
            pen.rectangle((left + 34 * number, 5, left + 34 * number + 28, 35), fill=0)
        found.append(FoundWord(text, left, 5, 34 * len(text) - 5, 30, 90.0))
    return found, picture


def test_syllables_of_korean_are_put_together_where_no_space_is_between_them():
    found, picture = a_line(("답", 10), ("변", 44), ("을", 78), ("받", 124), ("을", 158))
    assert [word.text for word in respace_lines([found], [picture])[0]] == ["답변을", "받을"]
    found, picture = a_line(("to", 10), ("day", 80))
    assert respace_lines([found], [picture])[0] == found


def test_the_gaps_of_all_lines_tell_how_wide_a_space_is():
    """One line alone has no space to compare its gaps with: 8 pixels are a space beside 4, and none beside 18."""

    def gaps_of(wide, count=8):
        lefts = [10]
        for number in range(count):
            lefts.append(lefts[-1] + 28 + (wide if number % 2 else 4) + 1)
        return a_line(*(("답", left) for left in lefts))

    (found, picture), (wider, other) = gaps_of(8), gaps_of(18)
    alone, beside = respace_lines([found], [picture]), respace_lines([found, wider], [picture, other])
    assert len(alone[0]) > 1
    assert (len(beside[0]), len(beside[1])) == (1, 5)


def test_two_words_of_korean_are_taken_apart_at_the_space_between_them():
    found, picture = a_line(("답변을", 10), ("받을", 124))
    whole = FoundWord("답변을받을", 10, 5, 182, 30, 90.0)
    assert [word.text for word in respace_lines([[whole]], [picture])[0]] == ["답변을", "받을"]
    assert respace_lines([found], [picture])[0] == found


def test_letters_of_thai_are_one_word_until_there_is_a_wide_gap():
    found, picture = a_line(("ม", 10), ("น", 44), ("ย", 78), ("ท", 150))
    assert [word.text for word in respace_lines([found], [picture])[0]] == ["มนย", "ท"]


def test_boxes_of_a_line_do_not_reach_into_each_other_and_arabic_runs_leftwards():
    wide = [FoundWord("لكل", 500, 0, 40, 30, 90.0), FoundWord("الحياة", 300, 0, 230, 30, 90.0)]
    assert [(word.left, word.width) for word in separate_boxes(wide)] == [(500, 40), (300, 200)]
    exchanged = [FoundWord("لكل", 300, 0, 40, 30, 90.0), FoundWord("فرد", 500, 0, 40, 30, 90.0)]
    assert [(word.text, word.left) for word in separate_boxes(exchanged)] == [("لكل", 500), ("فرد", 300)]


def test_letters_of_one_shape_are_written_as_in_their_language():
    assert normalize_letters("\u00b5\u03b5") == "\u03bc\u03b5"
    assert normalize_letters("5 \u00b5m") == "5 \u00b5m"
    assert normalize_letters("\u0e08\u0e4d\u0e32") == "\u0e08\u0e33"
    assert normalize_letters("\u1fbd\u0391\u03bb\u03bb\u1fbd") == "\u1f08\u03bb\u03bb\u2019"


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("no<h", "noch"),
        ("durc<h", "durch"),
        ("I<", "Ich"),
        ("ſ<ön", "ſchön"),
        ("Val>enaer", "Valckenaer"),
        ("3 < 4", "3 < 4"),
        ("Ton3,", "Tons,"),
        ("A3", "A3"),
        ("Aſchylo8", "Aſchylos"),
        ("H 83", "H 83"),
    ],
)
def test_signs_that_stand_for_letters_of_fraktur_are_spelt_out(read, written):
    assert spell_ligatures(read) == written


def test_figures_of_a_line_that_tesseract_reads_are_those_that_rapidocr_reads_in_their_places():
    own = [line("Som.", 0.1, 0.9, 0.1, 0.2), line("§", 0.1, 0.9, 0.25, 0.27), line("351,", 0.1, 0.9, 0.3, 0.4)]
    found = [line("Hom.", 0.1, 0.8, 0.1, 0.2), line("8", 0.1, 0.8, 0.25, 0.27), line("851,", 0.1, 0.8, 0.3, 0.4)]
    assert [word.text for word in with_own_figures(found, own)] == ["Hom.", "§", "351,"]
    assert with_own_figures(found, [line("351,", 0.1, 0.9, 0.6, 0.7)]) == found


@pytest.mark.parametrize("figures", ["٣٥٠", "३५०", "๓๕๐"])
def test_figures_of_another_script_stay_as_tesseract_reads_them(figures):
    found = [line(figures, 0.1, 0.8, 0.1, 0.2)]
    assert with_own_figures(found, [line("300", 0.1, 0.9, 0.1, 0.2)]) == found


def test_of_two_readings_of_a_line_each_word_is_the_surer_one():
    first = [line("Schol.", 0.1, 0.9, 0.1, 0.2), line("oupa", 0.1, 0.5, 0.25, 0.35)]
    again = [line("Sol.", 0.1, 0.8, 0.1, 0.19), line("οὔρια", 0.1, 0.9, 0.25, 0.35), line("τε", 0.1, 0.9, 0.5, 0.6)]
    assert [word.text for word in with_surer_words(first, [again])] == ["Schol.", "οὔρια"]


class FrakturReader(Engines):
    """Reads every line in Fraktur as the same words; what script it was asked for is kept."""

    asked = None

    async def read_lines(self, page, lines, skew, script="", languages=""):
        self.asked = script or languages
        words = ("Der", "Abend", "iſt", "ſchön")
        return LineReadings(
            [[line._replace(text=word, confidence=0.9) for word in words] for line in lines], ["frk"] * len(lines)
        )


class OnePicture(OrientedImages):
    """Gives the same picture of the page, whatever is wanted."""

    async def render(self, spec):
        return PageImage(1, 700, 1000, "rgb", b"")


def retried(text, *sure, uncertain=False):
    """Return what becomes of a page with this line and others, and the script or packs that Tesseract was asked for last."""
    engines = FrakturReader(Settings())
    read = line(text, 0.1, 0.4 if uncertain else 0.97)
    words = [read, *(line(other, 0.2, 0.97) for other in sure)]
    reading = Reading("rapidocr", words=words, uncertain_lines=[read] * uncertain, unread_share=float(uncertain))
    route = Route(engines=("rapidocr", "tesseract"), reason="")
    context = PageContext(None, None, Page(number=1), engines, Options(), (), OnePicture(None, 1, None), route)
    found = asyncio.run(retry_lines(context, reading, PageImage(1, 700, 1000, "rgb", b"")))
    return found, engines.asked


def test_a_page_of_fraktur_is_read_again_word_by_word_though_no_line_is_in_doubt():
    found, asked = retried("Der Ubend ift fchön, gelt")
    assert asked == "Fraktur"
    assert [word.text for word in found.reading.words] == ["Der Abend iſt ſchön, gelt"]
    assert found.note == "tesseract read words of 1 lines again as frk: the page is Fraktur"


def test_lines_of_fraktur_in_doubt_are_read_in_the_packs_that_fit_them():
    """A commentary in Fraktur quotes Greek: the words of a pack for Fraktur alone would be no help."""
    found, asked = retried("Der Ubend ift γàxáρτ’vδvvoν", uncertain=True)
    assert asked == ""
    assert [word.text for word in found.reading.words] == ["Der", "Abend", "iſt", "ſchön"]


def test_lines_of_fraktur_that_were_misread_surely_are_read_like_those_in_doubt():
    found, asked = retried("Der Ubend ift γàxáρτ’vδvvoν", "Die Sandlung fchließt fich an", uncertain=True)
    assert asked == "frk"
    assert [word.text for word in found.reading.words] == ["Der", "Abend", "iſt", "ſchön"] * 2
    assert found.note.endswith("and 1 other lines: the page is Fraktur")


def test_sure_lines_of_a_page_in_antiqua_stay_as_they_are_beside_lines_in_doubt():
    found, _ = retried(
        "Der Ubend ift γàxáρτ’vδvvoν", *["Die Handlung schließt sich daran an und geht zu Ende"] * 30, uncertain=True
    )
    assert found.reading.words[0].text.startswith("Die Handlung")


def test_a_page_in_antiqua_is_not_read_as_fraktur():
    found, asked = retried("Der Abend ist schön, gelt")
    assert asked is None
    assert not found.tried


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
