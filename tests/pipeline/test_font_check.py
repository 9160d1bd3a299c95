"""Fonts whose letters are others than those they show."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import document_parser
from document_parser.models import Word
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.pipeline.reading.font_check import group_lines
from document_parser.sources.pdf.file import PdfFile
from document_parser.text.language import find_suspect_fonts, is_doubtful
from tests.support import documents
from tests.support.documents import PARAGRAPH

HEADING = "Agreement between both parties"
LINE_READ = "rapidocr read 1 line from the page image, because the font shows other letters than it encodes"

SOUND = {
    "English": PARAGRAPH,
    "German": "Der Vertrag zwischen den beiden Parteien beginnt am ersten Tag des Monats und endet nach drei Jahren.",
    "French": "Le contrat entre les deux parties commence le premier jour de mars et prend fin au bout de trois ans.",
    "Finnish": "Osapuolten välinen sopimus alkaa maaliskuun ensimmäisenä päivänä ja päättyy kolmen vuoden kuluttua.",
    "Polish": "Umowa między stronami rozpoczyna się pierwszego dnia marca i kończy się po upływie trzech lat od tej daty.",
    "Turkish": "Taraflar arasındaki sözleşme mart ayının birinci gününde başlar ve üç yıl sonra kendiliğinden sona erer.",
    "Welsh": "Mae'r cytundeb rhwng y ddau barti yn dechrau ar ddiwrnod cyntaf mis Mawrth ac yn dod i ben ar ôl tair blynedd.",
    "Greek": "Η συμφωνία μεταξύ των δύο μερών αρχίζει την πρώτη ημέρα του Μαρτίου και λήγει μετά από τρία χρόνια.",
    "capitals": "HIGHLIGHTS OF THE REPORT ON READING LITERACY IN THE SCHOOLS OF THE COUNTRY",
    "names of programs": "AutoGen GitHub PowerPoint JavaScript LaTeX OpenOffice WordPerfect YouTube LinkedIn FedEx",
    "one word again and again": "NCLB " * 60,
    "names of machines and files": "pjw@system system!pjw ucbvax /n/ucbvax/n/krmvax KRMVX::SYS$DSK:[NTUSR]fl x86_64",
    "numbers": "1,512 1,586 1,646 1,677 1,693 2009 2010 2011 Q1 Q2",
}


def shifted(text: str, by: int = 5) -> str:
    def one(char: str) -> str:
        first = ord("a") if char.islower() else ord("A")
        return chr(first + (ord(char) - first + by) % 26) if char.isascii() and char.isalpha() else char

    return "".join(map(one, text))


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_the_letters_of_a_language_are_not_in_doubt(text: str):
    assert not is_doubtful(text.split())


@pytest.mark.parametrize("by", [1, 3, 7, 20])
@pytest.mark.parametrize("language", ["English", "German", "French"])
def test_shifted_letters_are(language: str, by: int):
    assert is_doubtful(shifted(SOUND[language], by).split())


def test_letters_read_as_accented_ones_are_in_doubt():
    assert is_doubtful(["[ÉÇÉÜtuÄx", "VöÅtÜt", "wx", "W|ÑâàtwÉá", "wx", "Ät", "atv|™Ç"])


def test_figures_read_as_accented_letters_are_in_doubt():
    """A font of figures alone, whose codes mean letters that are no a to z with a mark."""
    assert is_doubtful(["ÐÞÆØ", "ÞÐ", "ÆØÐÞ", "ØØÆ", "ÐÐÞ", "ÆÞØÐ", "ÞÞÆ", "ØÐÆÞ"])


def test_a_font_of_private_characters_is_in_doubt_and_marks_of_lists_are_not():
    private = [Word("\uf041\uf067\uf072\uf065\uf065", 0.1, 0.1, 0.2, 0.2)] * 4
    marks = [Word("\uf0b7", 0.1, 0.1, 0.2, 0.2)] * 40
    assert [font.words for font in find_suspect_fonts([*((word, 1) for word in private), *((word, 2) for word in marks)])] == [
        private
    ]


def test_fonts_for_formulas_are_let_be():
    assert not find_suspect_fonts([(Word(text, 0.1, 0.1, 0.2, 0.2, math=True), 1) for text in shifted(PARAGRAPH).split()])


def test_only_the_words_of_the_false_font_are_in_doubt(tmp_path: Path):
    facts = PdfFile(documents.false_font_pdf(tmp_path / "a.pdf", HEADING, PARAGRAPH)).facts(1)
    (font,) = facts.suspect_fonts
    assert " ".join(word.text for word in font.words) == shifted(HEADING)


def test_words_on_one_line_are_looked_at_together():
    words = [
        Word("Far", 0.1, 0.1, 0.2, 0.12),
        Word("away", 0.21, 0.1, 0.3, 0.12),
        Word("elsewhere", 0.7, 0.1, 0.9, 0.12),
        Word("below", 0.1, 0.2, 0.2, 0.22),
    ]
    assert [[word.text for word in line] for line in group_lines(words)] == [["Far", "away"], ["elsewhere"], ["below"]]


def test_the_lines_of_a_false_font_are_read_from_the_picture_and_all_others_stay(tmp_path: Path):
    (page,) = document_parser.parse(documents.false_font_pdf(tmp_path / "a.pdf", HEADING, PARAGRAPH)).pages
    assert [block.text for block in page.blocks] == [HEADING, PARAGRAPH.strip()]
    assert page.blocks[0].kind in ("title", "heading")
    assert page.engine == "text_layer"
    assert [(attempt.engine, attempt.reason) for attempt in page.attempts] == [
        ("rapidocr", LINE_READ),
        ("text_layer", ""),
    ]
    assert [(warning.code, warning.message) for warning in page.warnings] == [("bad_text_layer", f"{LINE_READ}.")]


def test_a_font_that_shows_what_it_says_stays_however_odd(tmp_path: Path):
    odd = "XKQZ WJVX QKZJ XWVK ZJQX"
    assert is_doubtful(odd.split())
    (page,) = document_parser.parse(documents.false_font_pdf(tmp_path / "a.pdf", odd, PARAGRAPH, shift=0)).pages
    assert page.blocks[0].text == odd
    assert page.attempts[0].reason == "font check: the suspect font shows the letters that it encodes"
    assert not page.warnings


def test_a_sound_font_is_checked_without_looking_for_lines(tmp_path: Path):
    async def detection_of(text: str, shift: int) -> object:
        path = documents.false_font_pdf(tmp_path / f"{shift}.pdf", text, PARAGRAPH, shift=shift)
        async with DocumentParser() as parser:
            with await parser.read(path) as found:
                assert next(found.pages()).attempts[0].engine == "rapidocr"
            return parser._engines.get("rapidocr")._models._detection

    assert asyncio.run(detection_of("XKQZ WJVX QKZJ XWVK ZJQX", 0)) is None
    assert asyncio.run(detection_of(HEADING, 5)) is not None


def test_a_page_that_is_false_as_a_whole_is_read_as_a_whole(tmp_path: Path):
    (page,) = document_parser.parse(documents.false_font_pdf(tmp_path / "a.pdf", HEADING, "A few more words.")).pages
    assert (page.engine, page.blocks[0].text) == ("rapidocr", HEADING)
    assert page.route.startswith("66% of the text layer's characters are in fonts that show other letters than they encode")
    assert [warning.code for warning in page.warnings] == ["bad_text_layer"]
