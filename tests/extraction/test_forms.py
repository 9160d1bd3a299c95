"""Printed forms: numbered questions, answers below them in boxes, names with signatures, dates in words, blanks left blank."""

from __future__ import annotations

import pytest

from document_parser.extraction.conventions import Conventions
from document_parser.extraction.engine import extract
from document_parser.extraction.names import find_person
from document_parser.extraction.schema import compile_schema
from document_parser.extraction.values import find_dates
from document_parser.extraction.view import view_page
from document_parser.models import Page, PageWords
from tests.support.extraction_pages import page_of

HEAD = [(50, 100, "1. Name of Registrant"), (320, 100, "2. Registration No.")]
PURPOSE = (50, 150, "3. This amendment is filed to accomplish the following purpose or purposes:")
SIGNED = (300, 100, "(Type or print name under each signature)")
NAME, DATE = {"type": "string"}, {"type": "string", "format": "date"}


def answer(*lines: tuple[float, float, str], scrawls: list[tuple[float, float, str, float]] = (), **properties):
    """Return what is found on a page of lines; ``scrawls`` are words 40 points high with how sure their reader is."""
    page = page_of(*lines)
    placed = [*page.words.unpack()]
    high = [(text, x / 600, y / 800, (x + 100) / 600, (y + 40) / 800, sure) for x, y, text, sure in scrawls]
    words = PageWords.pack([tuple(one)[:6] for one in placed] + high)
    whole = Page(number=1, width=600, height=800, engine="rapidocr", words=words)
    return extract(compile_schema({"type": "object", "properties": properties}), [view_page(whole)])


def test_an_answer_stands_below_its_numbered_question_and_not_in_the_number_of_the_next():
    found = answer(
        *HEAD, (60, 116, "Patton, Boggs & Blow"), (380, 116, "2165"), PURPOSE, registrant=NAME, registration_number=NAME
    )
    assert found.data == {"registrant": "Patton, Boggs & Blow", "registration_number": "2165"}


def test_a_line_below_two_questions_is_parted_between_them():
    line = (53, 116, "Crowell & Moring International, Ltd.                     3988")
    found = answer(*HEAD, line, PURPOSE, registrant=NAME, registration_number=NAME)
    assert found.data == {"registrant": "Crowell & Moring International, Ltd.", "registration_number": "3988"}


def test_a_number_right_of_and_below_its_label_belongs_to_it():
    found = answer(*HEAD, (425, 108, "1750"), PURPOSE, registration_number=NAME)
    assert found.data == {"registration_number": "1750"}


def test_a_name_goes_on_in_the_next_line_but_not_in_its_address():
    two_lines = [(60, 116, "World Zionist Organization -"), (80, 127, "American Section")]
    found = answer(*HEAD, *two_lines, PURPOSE, registrant=NAME)
    assert found.data == {"registrant": "World Zionist Organization - American Section"}
    assert len(found.evidence["registrant"].boxes) == 6
    address = [(60, 116, "Danish Tourist Board"), (60, 127, "655 Third Avenue")]
    assert answer(*HEAD, *address, PURPOSE, registrant=NAME).data == {"registrant": "Danish Tourist Board"}


def test_words_in_brackets_complete_a_label_and_an_address_ends_a_name():
    line = (50, 100, "Name of registrant (or agent). Arab Information Center 120 East 56 Street")
    assert answer(line, registrant=NAME).data == {"registrant": "Arab Information Center"}


@pytest.mark.parametrize(
    "below",
    [[PURPOSE], [(50, 116, "Address:")], [(50, 116, "(Last, first, middle)")], [(50, 116, "Which of these is true?")], []],
    ids=["next question", "another label", "caption", "a question", "nothing"],
)
def test_a_field_left_blank_is_blank_whatever_is_printed_below_it(below):
    found = answer(HEAD[0], *below, registrant=NAME)
    assert found.data == {"registrant": None}
    assert found.evidence["registrant"].state == "blank"


@pytest.mark.parametrize(
    "line",
    [
        "Registrant is serving as an office of the above",
        "registrant's work performance creates a hostile environment",
        "registrant The work performed here creates a hostile environment",
    ],
)
def test_a_sentence_that_begins_with_the_words_of_a_label_is_no_value(line):
    assert answer((50, 100, line), registrant=NAME).data == {"registrant": None}


def test_the_signer_is_the_printed_name_and_not_what_was_read_of_the_signature():
    lines = [SIGNED, (310, 150, "Robert Rehg, President, Edelman Washington"), (310, 170, "Director")]
    found = answer(*lines, scrawls=[(300, 108, "Raut Rely", 0.9)], signer=NAME)
    assert found.data == {"signer": "Robert Rehg"}


def test_a_signature_without_a_printed_name_is_unreadable_and_no_signature_is_blank():
    found = answer(SIGNED, scrawls=[(300, 112, "Lann Schise", 0.6)], signer=NAME)
    assert (found.data["signer"], found.evidence["signer"].state) == (None, "unreadable")
    found = answer(
        SIGNED, (50, 600, "This statement shall be signed by the agent or by a majority of the partners"), signer=NAME
    )
    assert (found.data["signer"], found.evidence["signer"].state) == (None, "blank")


def test_the_signer_of_an_oath_is_not_its_notary():
    lines = [
        (50, 50, "The undersigned swears that he has read the information in this amendment."),
        (300, 90, "Francis W. Cresci"),
        (300, 105, "Consul of Monaco"),
        (50, 120, "Subscribed and sworn to before me at New York"),
        (50, 150, "this 18th day of July"),
        (170, 150, ", 1984"),
        (320, 165, "Gus E. Costantakos"),
        (320, 180, "(Notary or other officer)"),
    ]
    found = answer(*lines, signer=NAME, date=DATE)
    assert found.data == {"signer": "Francis W. Cresci", "date": "1984-07-18"}
    assert found.evidence["date"].quote == "18th day of July\n, 1984"


def test_a_name_below_the_word_signature_or_behind_by_is_the_signers():
    assert answer((300, 100, "(Signature)"), (310, 114, "Hee Kon Kim"), signer=NAME).data == {"signer": "Hee Kon Kim"}
    assert answer((300, 100, "By: Doral S. Cooper,"), (300, 114, "President"), signer=NAME).data == {
        "signer": "Doral S. Cooper"
    }
    assert answer((50, 100, "by Section 2(b) of the Act."), (50, 114, "Initial Statement"), signer=NAME).data == {
        "signer": None
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("James R. Patton, Jr.", "James R. Patton, Jr."),
        ("Charles Waterman, Chief Executive Officer", "Charles Waterman"),
        ("MichaelPetruzzello, Managing Partner", "MichaelPetruzzello"),
        ("Francis O'Brien", "Francis O'Brien"),
        ("/s/ Anna-Lena Müller", "Anna-Lena Müller"),
        ("Managing Partner", None),
        ("Notary Public, State of New York", None),
        ("knowledge and belief.", None),
        ("August 16", None),
    ],
)
def test_names_of_persons_are_known_by_their_form(text, name):
    place = find_person(text)
    assert (text[place[0] : place[1]] if place else None) == name


@pytest.mark.parametrize("text", ["this 16th day of June, 1995", "this 16 dey of June ,1995", "16th day of June 19 95"])
def test_dates_in_the_words_of_oaths_also_as_ocr_reads_them(text):
    assert [value.value for value in find_dates(text, Conventions())] == ["1995-06-16"]


@pytest.mark.parametrize(
    "text",
    [
        "Approval Expires Oct. 31, 1981",
        "Copy of the agreement dated December 30, 1981",
        "for the period ending March 31, 1977",
        "From 1 May 1961 to 16 July 1962",
        "June 1, 1989 and we hereby request that it be terminated",
    ],
)
def test_a_date_of_something_else_is_not_the_date_of_the_document(text):
    assert answer((50, 100, text), date=DATE).data == {"date": None}


def test_the_date_of_an_entry_in_a_list_is_not_that_of_the_document():
    assert answer((50, 100, "April 3, 1962"), (200, 100, "$35,000.00"), date=DATE).data == {"date": None}


def test_no_other_date_is_taken_where_the_label_of_the_date_is_left_blank():
    found = answer((50, 100, "(Date of signature)"), (50, 400, "December 30, 1981"), date=DATE)
    assert (found.data["date"], found.evidence["date"].state) == (None, "blank")


def test_the_first_date_of_a_column_is_not_the_date_of_the_document():
    column = [(50, 100, "Date"), (50, 114, "10/24/75"), (50, 128, "12/29/75"), (200, 100, "From whom")]
    assert answer(*column, date=DATE).data == {"date": None}
    assert answer(*column[:2], date=DATE).data == {"date": "1975-10-24"}


def test_one_of_many_dates_far_down_is_not_the_date_of_the_document():
    lines = [(50, 50, "Report"), (50, 500, "3 May 1984"), (50, 600, "7 June 1985")]
    assert answer(*lines, date=DATE).data == {"date": None}
    assert answer(*lines[:2], date=DATE).data == {"date": "1984-05-03"}


def test_what_was_read_of_a_signature_below_an_oath_is_no_name():
    oath = (50, 50, "The undersigned swears that he has read the information in this amendment.")
    assert answer(oath, scrawls=[(300, 80, "Veim Swhealry", 0.95)], signer=NAME).data == {"signer": None}


def test_a_small_word_that_is_a_label_gives_its_date_unless_it_is_in_a_sentence():
    assert answer((50, 100, "Handelsrechnung (380) Nr. 471102 vom 05.03.2018"), date=DATE).data == {"date": "2018-03-05"}
    assert answer((50, 100, "in a letter from the president, dated 5 March 2018"), date=DATE).data == {"date": None}
