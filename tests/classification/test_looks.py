"""What a page looks like, for its type and for where documents begin."""

from __future__ import annotations

import pytest

from document_parser.classification.classify import classify_pages
from document_parser.classification.evidence import page_evidence, vocabulary_of
from document_parser.classification.looks import look_of
from document_parser.extraction.view import view_page
from document_parser.models import Block, Cell, Location, Page, Table
from document_parser.models.classification import ClassificationOrder
from document_parser.text.common_words import common_words
from tests.support.typed_pages import page_of, text_page


def shape_of(page):
    return page_evidence(page, view_page(page), vocabulary_of()).shape


def look(page):
    return look_of(view_page(page))


def test_boxes_to_tick_count_whether_words_blocks_or_cells_have_them():
    in_words = text_page("☐ Yes", "☐ No")
    in_blocks = text_page("Yes", "No").model_copy(
        update={"blocks": [Block(kind="checkbox", text="Yes"), Block(kind="checkbox", text="☑ No")]}
    )
    cells = [Cell(row=0, column=0, text="☐ Yes"), Cell(row=0, column=1, text="☒ No")]
    table = Block(kind="table", table=Table(rows=1, columns=2, cells=cells))
    in_cells = text_page("Yes", "No").model_copy(update={"blocks": [table]})
    assert [shape_of(page)["boxes"] for page in (in_words, in_blocks, in_cells)] == [0.5, 0.5, 0.5]
    assert shape_of(in_words.model_copy(update={"blocks": [Block(kind="checkbox", text="☐ Yes")]}))["boxes"] == 0.5, "not twice"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The letter that you have sent to us was read with care, and it is in the file", "en"),
        ("Der Brief wurde von uns mit Sorgfalt gelesen und ist nicht in die Akte gekommen", "de"),
        ("Nous avons lu la lettre que vous avez envoyée avec les pièces qui sont dans le dossier", "fr"),
        ("qwertz asdfgh yxcvbn 1234", ""),
    ],
)
def test_a_page_has_the_language_of_its_common_words(text, language):
    assert look(text_page(text)).language == language


def test_no_common_word_is_of_two_languages():
    assert len(common_words()) > 200
    assert {"the", "und", "les"} <= set(common_words())


def test_the_end_of_a_letter_and_its_date_are_seen():
    letter = page_of((60, 60, "5 March 2026"), (60, 200, "We thank you for your letter."), (60, 500, "Yours sincerely"))
    assert (look(letter).date_on_top, look(letter).closes, look(letter).ends_open) == (True, True, False)
    cut = page_of((60, 60, "A line of text"), (60, 740, "and the last line of this page stops within a"))
    assert (look(cut).date_on_top, look(cut).closes, look(cut).ends_open) == (False, False, True)


def test_a_number_that_stands_alone_at_the_edge_is_the_page_s():
    assert look(page_of((60, 200, "Some text"), (300, 780, "- 4 -"))).own_number == 4
    assert look(page_of((60, 200, "Some text"), (300, 400, "4"))).own_number == 0


def test_a_fraction_beside_a_word_that_ends_like_page_is_no_page_number():
    found = [
        page_evidence(page, view_page(page), vocabulary_of()).page_of
        for page in (text_page("Die Fläche ist 1 / 2 · Grundseite · Höhe."), text_page("Seite 1 / 2"))
    ]
    assert found == [None, (1, 2)]


def test_parts_without_paper_are_neither_narrow_nor_wide():
    blocks = [Block(kind="paragraph", text=f"Line {place}") for place in range(80)]
    for kind in ("message", "body"):
        shape = shape_of(Page(number=1, location=Location(kind=kind), blocks=blocks))
        assert (shape["narrow"], shape["landscape"], shape["message"]) == (0.0, 0.0, float(kind == "message"))


def mail(*texts):
    return Page(number=1, location=Location(kind="message"), blocks=[Block(kind="paragraph", text=text) for text in texts])


def types(*pages):
    return [segment.type for segment in classify_pages(pages, ClassificationOrder()).segments]


def test_a_short_mail_and_a_memo_are_running_text():
    assert types(mail("From: ann@example.org", "To: bob@example.org", "Hi Bob,", "are we still on for lunch?", "Ann")) == [
        "generic"
    ]
    memo = ("MEMO", "To: Ruth Ashworth", "From: Paul Quay", "Date: 5 March 2026", "The new bridge is open to the public now.")
    assert types(text_page(*memo)) == ["generic"]


def test_an_invoice_in_a_mail_is_an_invoice():
    lines = ("INVOICE", "Invoice number: QS-2026-0471", "Due date: 4 April 2026", "Bill to: Northgate AG", "VAT 19 % 37.62")
    assert types(mail(*lines, "Grand total 235.62", "Please transfer the amount within 30 days.")) == ["invoice"]


def test_the_record_of_a_hearing_on_numbered_lines_is_a_legal_document():
    texts = (
        "IN THE DISTRICT COURT OF HARBOUR COUNTY",
        "RUTH ASHWORTH,",
        "Petitioner,",
        "v. No. 07-1315",
        "PAUL QUAY,",
        "Respondent.",
    )
    hearing = (
        *texts,
        "APPEARANCES:",
        "ANNA REED, ESQ., on behalf of the Petitioner",
        "came on for oral argument before the court",
    )
    assert types(text_page(*(f"{place} {text}" for place, text in enumerate(hearing, start=1)))) == ["legal_document"]
