"""Texts of all scripts are parted after sentences and between words, and never within a character as people see it."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from document_parser.text.breaks import GRAINS, find_breaks, pieces_of, word_end


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It ended. Was it good? Yes!", ["It ended. ", "Was it good? ", "Yes!"]),
        ('He said "no." Then he left.', ['He said "no." ', "Then he left."]),
        ("As Mr. smith said, e.g. this.", ["As Mr. smith said, e.g. this."]),
        ("会議は終わった。「はい。」次の文", ["会議は終わった。", "「はい。」", "次の文"]),
        ("هل انتهى؟ نعم. حسنا", ["هل انتهى؟ ", "نعم. ", "حسنا"]),
        ("यह वाक्य है। दूसरा", ["यह वाक्य है। ", "दूसरा"]),
    ],
)
def test_sentences_end_with_the_stops_of_their_script(text, pieces):
    assert list(pieces_of(text, "sentence")) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two  three", ["one ", "two  ", "three"]),
        ("漢字、かな。", ["漢", "字、", "か", "な。"]),
        ("สวัสดี ครับ", ["สวัสดี ", "ครับ"]),
        ("e\u0301te\u0301 a\u0300", ["e\u0301te\u0301 ", "a\u0300"]),
    ],
)
def test_words_end_before_white_space_or_beside_ideographs(text, pieces):
    assert list(pieces_of(text, "word")) == pieces


@pytest.mark.parametrize("text", ["👨\u200d👩\u200d👧\u200d👦🏽", "🇩🇪", "e\u0301\u0323", "กำ", "क्षि", "한", "\r\n"])
def test_what_people_see_as_one_character_is_parted_as_a_last_resort_only(text):
    for grain in GRAINS[:-1]:
        assert find_breaks(text, grain) == []
    assert len(list(pieces_of(text, "character"))) == len(text)


@given(st.text(alphabet="ab .。!?\n\u0301\u200d字かกำ👩🏽🇩🇪אב1|*", max_size=60), st.sampled_from(GRAINS))
def test_pieces_are_the_text_and_begin_at_characters(text, grain):
    assert "".join(pieces_of(text, grain)) == text
    if grain != "character":
        assert {0, *find_breaks(text, grain)} <= {0, *(match.start() for match in regex.finditer(r"\X", text))}


def test_the_end_of_a_word_is_where_no_letter_follows():
    assert word_end("before exam-ple after", 9) == 11
    assert word_end("before example after", 9) == 14
    assert word_end("one two", 4) == 4
    assert word_end("漢字", 1) == 1
    assert word_end("end", 3) == 3
