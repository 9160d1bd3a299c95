"""Pages of which the text layer knows a part: line by line by whoever knows better."""

from __future__ import annotations

import pytest

from document_parser.models import PageFacts, Reading, Word
from document_parser.pipeline.reading.hybrid import has_visible_words, merge_text_layer


def line(text, top, confidence, left=0.1, right=0.5):
    return Word(text, left, top, right, top + 0.02, confidence=confidence)


def layer(text, top, left=0.1, right=0.5):
    """The words of a line, side by side in its box."""
    parts = text.split()
    width = (right - left) / len(parts)
    return [Word(part, left + width * at, top, left + width * (at + 1), top + 0.02) for at, part in enumerate(parts)]


def texts(reading):
    return [word.text for word in reading.words]


def test_what_the_cpu_is_unsure_of_is_read_as_the_layer_has_it():
    reading = Reading("rapidocr", words=[line("量号划", 0.1, 0.55), line("of the picture", 0.3, 0.98)])
    found, lines = merge_text_layer(reading, layer("블록체인 기술", 0.1))
    assert texts(found) == ["of the picture", "블록체인", "기술"]
    assert lines == 1


def test_a_line_that_was_found_and_could_not_be_read_at_all_is_the_layers():
    reading = Reading(
        "rapidocr", words=[line("of the picture", 0.3, 0.98)], uncertain_lines=[line("", 0.1, 0.0)], unread_share=0.5
    )
    found, lines = merge_text_layer(reading, layer("초연결 네트워킹", 0.1))
    assert (texts(found), lines, found.unread_share) == (["of the picture", "초연결", "네트워킹"], 1, 0)


def test_a_line_that_the_layer_has_is_in_doubt_no_longer():
    known, unknown = line("量号划", 0.1, 0.55), line("人", 0.2, 0.6)
    reading = Reading("rapidocr", words=[known, unknown], uncertain_lines=[known, unknown], unread_share=0.4)
    found, _ = merge_text_layer(reading, layer("블록체인 기술", 0.1))
    assert (found.uncertain_lines, found.unread_share) == ([unknown], 0.2)


def test_where_both_agree_the_layers_letters_stand():
    reading = Reading("rapidocr", words=[line("(Blockchain technology", 0.1, 0.99)])
    found, _ = merge_text_layer(reading, layer("Blockchain technology", 0.1))
    assert texts(found) == ["Blockchain", "technology"]


def test_where_the_cpu_is_sure_of_something_else_it_is_believed():
    reading = Reading("rapidocr", words=[line("Total amount due", 0.1, 0.99)])
    found, lines = merge_text_layer(reading, layer("Wrwdo dprxqw gxh", 0.1))
    assert texts(found) == ["Total amount due"]
    assert lines == 0


@pytest.mark.parametrize("broken", ["Tot\ufffdl amount", "Total \ue123mount", "To\x13al amount"])
def test_words_with_characters_without_a_meaning_are_never_taken(broken):
    reading = Reading("rapidocr", words=[line("Total am0unt", 0.1, 0.5)])
    assert texts(merge_text_layer(reading, layer(broken, 0.1))[0]) == ["Total am0unt"]


def test_a_line_of_which_the_layer_has_only_a_part_stays_whole():
    reading = Reading("rapidocr", words=[line("received on 12 March", 0.1, 0.7)])
    assert texts(merge_text_layer(reading, layer("12", 0.1, left=0.3, right=0.35))[0]) == ["received on 12 March"]


def test_words_that_the_picture_does_not_show_are_not_added():
    reading = Reading("rapidocr", words=[line("what is seen", 0.1, 0.99)])
    assert texts(merge_text_layer(reading, layer("white on white", 0.6))[0]) == ["what is seen"]


def test_an_earlier_ocr_under_the_picture_is_no_help():
    facts = PageFacts(number=1, width_points=600, height_points=800, characters=900)
    assert has_visible_words(facts)
    assert not has_visible_words(facts.model_copy(update={"invisible_share": 1.0}))
    assert not has_visible_words(facts.model_copy(update={"characters": 0}))
