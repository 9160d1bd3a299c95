"""Types of documents: reasons that can be read, null where nothing fits, each page in exactly one segment."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from document_parser.classification.classify import InvoiceFile, classify_pages
from document_parser.classification.evidence import OTHER, shipped_words
from document_parser.classification.labels import UnknownLabels, load_labels, order_of
from document_parser.classification.model import CLASSES, WEIGHTS, load_model
from document_parser.models import Page, PageError
from document_parser.models.classification import SHIPPED_TYPES, ClassificationOrder, OwnLabel
from tests.support.typed_pages import INVOICE, page_of, text_page

ALL = ClassificationOrder()


def types(answer):
    return [segment.type for segment in answer.segments]


def test_a_type_has_its_title_and_its_labels_as_reasons():
    (segment,) = classify_pages([page_of(*INVOICE)], ALL).segments
    assert segment.type == "invoice"
    assert segment.confidence > 0.9
    assert "title 'INVOICE' on page 1" in segment.reasons
    assert any(reason.startswith("labels: ") and "Invoice number" in reason for reason in segment.reasons)


@pytest.mark.parametrize(
    ("title", "labels", "wanted"),
    [
        ("BESTELLUNG", ("Bestellnummer: 4711", "Lieferanschrift: Hafenweg 3", "Liefertermin: 01.04.2026"), "purchase_order"),
        ("CONTRAT DE TRAVAIL", ("Entre les soussignés", "Article 1 Objet du contrat", "Préavis", "Employeur"), "contract"),
        ("REFERTO MEDICO", ("Paziente: Anna Rossi", "Diagnosi: tonsillite", "Terapia", "Medico curante"), "medical_record"),
        ("SENTENCIA", ("Juzgado nº 3", "Demandante: Anna Ruiz", "Demandado: Luis Gil", "Fallo"), "legal_document"),
        ("INSCHRIJFFORMULIER", ("Achternaam:", "Voornaam:", "Geboortedatum:", "Handtekening:"), "form"),
    ],
)
def test_titles_and_labels_of_other_languages_are_known(title, labels, wanted):
    assert types(classify_pages([text_page(title, *labels)], ALL)) == [wanted]


def test_a_page_without_text_is_no_type_and_says_so():
    (segment,) = classify_pages([Page(number=1, status="blank")], ALL).segments
    assert (segment.type, segment.reasons) == (None, ["no text to decide by"])


def test_a_few_letters_are_too_little_to_decide_by():
    (segment,) = classify_pages([text_page("xyz 12")], ALL).segments
    assert (segment.type, segment.reasons) == (None, ["too little text to decide by"])


def test_a_type_that_was_not_asked_for_is_null_and_named_in_the_reasons():
    (segment,) = classify_pages([page_of(*INVOICE)], order_of(["contract"], {})).segments
    assert segment.type is None
    assert segment.reasons == ["none of the types asked for fits; it is most like invoice"]


def test_the_data_of_an_electronic_invoice_decides():
    answer = classify_pages([text_page("Seen and approved by the accountant")], ALL, [InvoiceFile("factur-x.xml")])
    (segment,) = answer.segments
    assert (segment.type, segment.confidence) == ("invoice", 1.0)
    assert "factur-x.xml" in segment.reasons[0]


def test_a_page_that_could_not_be_read_is_named_and_the_answer_is_not_complete():
    failed = Page(number=2, status="failed", error=PageError(code="PAGE_TIMEOUT", message=""))
    answer = classify_pages([page_of(*INVOICE), failed], ALL)
    assert answer.complete is False
    assert answer.segments[0].pages == [1, 2]
    assert "page 2 could not be read" in answer.segments[0].reasons


def test_a_type_of_the_operator_s_own_is_found_by_its_words():
    own = {"delivery_note": OwnLabel(name="delivery_note", words=("delivery note", "packing list"))}
    page = text_page("DELIVERY NOTE", "Twenty dividers were delivered to Northgate")
    assert types(classify_pages([page], order_of([], own))) == ["delivery_note"]
    assert types(classify_pages([page_of(*INVOICE)], order_of([], own))) == ["invoice"]


def test_a_type_with_the_name_of_a_shipped_one_adds_its_words():
    own = {"receipt": OwnLabel(name="receipt", words=("bakery voucher",))}
    page = text_page("BAKERY VOUCHER", "Cash 20.00", "Change 3.50", "Thank you")
    (segment,) = classify_pages([page], order_of([], own)).segments
    assert segment.type == "receipt"
    assert "title 'BAKERY VOUCHER' on page 1" in segment.reasons


class FakeJudge:
    name = "test-model"

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, text, types):
        self.asked.append((text, dict(types)))
        return self.answer


def test_a_model_is_asked_only_where_the_type_is_not_sure():
    judge = FakeJudge("form")
    classify_pages([page_of(*INVOICE)], ALL, judge=judge)
    assert judge.asked == []
    unsure = text_page("qwertz asdfgh yxcvbn uiopue", "poiuzt lkjhgf mnbvcx")
    order = order_of(["invoice", "form"], {})
    (segment,) = classify_pages([unsure], order, judge=judge).segments
    assert (segment.type, segment.reasons) == ("form", ["the model server (test-model) says so"])
    assert set(judge.asked[0][1]) == {"invoice", "form"}
    assert "poiuzt" in judge.asked[0][0]


def test_a_model_that_invents_a_type_finds_none():
    (segment,) = classify_pages([text_page("qwertz asdfgh yxcvbn uiopue")], ALL, judge=FakeJudge("novel")).segments
    assert segment.type is None


def test_unknown_labels_name_those_that_there_are():
    with pytest.raises(UnknownLabels) as refused:
        order_of(["novel"], {})
    assert refused.value.names == ("novel",)
    assert set(SHIPPED_TYPES) == set(refused.value.known)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[",
        '[{"name": "Bad Name", "words": ["a"]}]',
        '[{"name": "a", "words": []}]',
        '[{"name": "a", "words": ["x"]}, {"name": "a", "words": ["y"]}]',
    ],
)
def test_a_file_of_labels_that_is_wrong_is_named(tmp_path, content):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"labels\.json"):
        load_labels(str(path))


def test_the_same_types_in_another_order_are_the_same_question():
    assert order_of(["form", "invoice"], {}).digest == order_of(["invoice", "form"], {}).digest
    own = {"note": OwnLabel(name="note", words=("note",))}
    assert order_of([], own).digest != order_of([], {}).digest


def test_the_weights_are_small_and_the_file_beside_them_says_what_made_them():
    assert WEIGHTS.stat().st_size < 2_000_000
    made = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert made["classes"] == list(CLASSES)
    assert "benchmarks.classification.train" in made["command"]
    assert load_model().text.shape[1] == len(CLASSES)


def test_every_type_has_titles_and_labels_in_seven_languages():
    assert set(shipped_words()) == {*SHIPPED_TYPES, OTHER}
    for name in SHIPPED_TYPES:
        assert len(shipped_words()[name]["titles"]) > 30, name


LINES = st.sampled_from(
    [
        "INVOICE",
        "RECEIPT",
        "Page 1 of 2",
        "Page 2 of 2",
        "Invoice number: A-17",
        "Invoice number: B-18",
        "continued",
        "Total 5.00",
        "x",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(LINES, max_size=5), st.sampled_from(["done", "blank", "failed"])), max_size=8))
def test_each_page_is_in_exactly_one_segment_in_order(contents):
    pages = [
        text_page(*lines, number=number).model_copy(update={"status": status})
        for number, (lines, status) in enumerate(contents, start=1)
    ]
    answer = classify_pages(pages, ALL)
    assert [number for segment in answer.segments for number in segment.pages] == [page.number for page in pages]
    assert all(segment.pages and segment.reasons for segment in answer.segments)
    assert all(0 <= segment.confidence <= 1 for segment in answer.segments)
