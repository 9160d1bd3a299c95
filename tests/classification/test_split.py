"""Where documents begin in a file that holds several."""

from __future__ import annotations

from document_parser.classification.classify import classify_pages
from document_parser.classification.split import SIGNS, load_weights
from document_parser.models.classification import ClassificationOrder
from tests.support.typed_pages import INVOICE, page_of, text_page


def parts(*pages):
    """Return the pages of each document."""
    return [segment.pages for segment in classify_pages(pages, ClassificationOrder()).segments]


def invoice(number, name, *more):
    lines = [(x, y, text.replace("QS-2026-0471", name)) for x, y, text in INVOICE]
    return page_of(*lines, *more, number=number)


def test_another_number_begins_another_document_and_says_so():
    pages = invoice(1, "A-1001"), invoice(2, "A-1002")
    assert parts(*pages) == [[1], [2]]
    second = classify_pages(pages, ClassificationOrder()).segments[1]
    assert "another number on page 2: a-1002" in second.reasons


def test_the_same_number_goes_on():
    assert parts(invoice(1, "A-1001"), invoice(2, "A-1001")) == [[1, 2]]


def test_pages_that_number_themselves_are_followed():
    first = invoice(1, "A-1001", (60, 780, "Page 1 of 2"))
    second = page_of((60, 60, "INVOICE"), (60, 120, "More goods 20.00"), (60, 780, "Page 2 of 2"), number=2)
    third = page_of((60, 60, "Some other text of a letter"), (60, 780, "Page 1 of 1"), number=3)
    assert parts(first, second, third) == [[1, 2], [3]]


def test_another_kind_with_its_title_begins_a_document():
    contract = text_page(
        "SERVICE AGREEMENT",
        "This agreement is made between the parties",
        "1. Scope of services",
        "2. Termination",
        "Either party may terminate this agreement with three months notice",
        "3. Governing law",
        number=2,
    )
    assert parts(invoice(1, "A-1001"), contract) == [[1], [2]]


def test_running_text_over_pages_is_one_document():
    lines = ("the project made good progress over the last quarter", "our team visited the new site and spoke with residents")
    assert parts(*(text_page(*lines, number=number) for number in (1, 2, 3))) == [[1, 2, 3]]


ENGLISH = (
    "The committee was asked to look at the state of the roads and of the bridges in the county",
    "It was found that most of them are in good repair and that the work is on time",
    "We will report to you again when the last of them has been opened to the public",
)
GERMAN = (
    "Der Ausschuss hat sich mit dem Zustand der Straßen und der Brücken im Landkreis befasst",
    "Die meisten von ihnen sind in gutem Zustand und die Arbeiten werden nach Plan beendet",
    "Wir werden Ihnen wieder berichten wenn die letzte von ihnen für den Verkehr frei ist",
)


def text_to(bottom, lines, number, left=60, **facts):
    """Return a page of running text that ends at a height."""
    shown = [(left, 60 + 16 * place, lines[place % len(lines)]) for place in range((bottom - 60) // 16)]
    return page_of(*shown, number=number, **facts)


def test_text_goes_on_after_a_full_page_and_another_begins_after_a_short_one_with_another_look_and_language():
    assert parts(text_to(760, ENGLISH, 1), text_to(300, ENGLISH, 2)) == [[1, 2]]
    pages = text_to(300, ENGLISH, 1), text_to(760, GERMAN, 2, left=140, size=(700, 800))
    assert parts(*pages) == [[1], [2]]
    second = classify_pages(pages, ClassificationOrder()).segments[1]
    assert "page 2 is in another language" in second.reasons
    assert "page 1 is not full" in second.reasons


def test_a_number_alone_at_the_edge_goes_on():
    numbered = [
        page_of(*((60, 60 + 16 * place, text) for place, text in enumerate(lines)), (300, 780, str(number)), number=number)
        for number, lines in ((1, ENGLISH), (2, GERMAN))
    ]
    assert parts(*numbered) == [[1, 2]]


def test_all_signs_have_a_weight_and_those_that_speak_plainly_have_the_right_one():
    _, weights = load_weights()
    assert set(weights) == set(SIGNS)
    begins = ("numbered first", "last of its number", "other document number", "new title", "other size", "other language")
    goes_on = ("numbered on", "same document number", "same head", "same language", "alone on", "carried", "small letter")
    assert all(weights[name] > 0 for name in begins)
    assert all(weights[name] < 0 for name in goes_on)


def test_empty_pages_belong_to_the_document_before_them():
    assert parts(invoice(1, "A-1001"), text_page(number=2), invoice(3, "A-1002")) == [[1, 2], [3]]
