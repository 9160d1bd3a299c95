"""Words and ruling lines on their way from an opener child, which may have been taken over by its document."""

from __future__ import annotations

import math
import random
import struct

import pytest

from document_parser.models import RulingLine, Word
from document_parser.sources import arrays
from document_parser.sources.arrays import (
    decode_rulings,
    decode_words,
    encode_rulings,
    encode_words,
    join_sections,
    split_sections,
)
from document_parser.sources.base import MAX_RULINGS

WORDS = [
    Word("Der", 0.1, 0.2, 0.15, 0.22, 10.5, True, baseline=0.215),
    Word("höfliche", 0.16, 0.2, 0.3, 0.22, 10.5, italic=True, mono=True, link="https://example.org/"),
    Word("𝑥²", 0.31, 0.19, 0.33, 0.22, 7.0, math=True, direction=90),
    Word("読", 0.4, 0.2, 0.42, 0.22, confidence=0.75, direction=359),
    Word("gelesen", 0.16, 0.3, 0.3, 0.32, confidence=1.0, link="https://example.org/"),
]


def test_words_arrive_as_they_were_sent():
    assert decode_words(encode_words(WORDS)) == WORDS
    assert decode_words(encode_words([])) == []
    assert [type(one) for one in decode_words(encode_words(WORDS))[0]] == [type(one) for one in WORDS[0]]


def test_ruling_lines_arrive_as_they_were_sent():
    rules = [RulingLine(0.1, 0.2, 0.9, 0.2001), RulingLine(0.5, 0.1, 0.5001, 0.9)]
    assert decode_rulings(encode_rulings(rules)) == rules
    assert decode_rulings(encode_rulings([])) == []


def test_half_of_a_surrogate_pair_arrives_as_a_question_mark():
    assert [word.text for word in decode_words(encode_words([WORDS[0]._replace(text="a\ud800b"), WORDS[1]]))] == [
        "a?b",
        "höfliche",
    ]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://example.org/"])
def test_a_link_that_is_not_safe_is_refused(link: str):
    with pytest.raises(ValueError, match="link"):
        decode_words(encode_words([WORDS[0]._replace(link=link)]))


@pytest.mark.parametrize("number", ["-1", "5", "99999"])
def test_a_link_of_a_word_that_does_not_exist_is_refused(number: str):
    sent = encode_words(WORDS)
    forged = sent.replace(b"[1, 4]", f"[1, {number}]".encode())
    size = struct.unpack_from("<I", sent, 8)[0] + len(forged) - len(sent)
    with pytest.raises(ValueError, match="link"):
        decode_words(forged[:8] + struct.pack("<I", size) + forged[12:])


@pytest.mark.parametrize(
    "word",
    [
        WORDS[0]._replace(left=math.nan),
        WORDS[0]._replace(baseline=math.inf),
        WORDS[0]._replace(confidence=-math.inf),
        WORDS[0]._replace(direction=360),
    ],
)
def test_numbers_that_no_word_has_are_refused(word: Word):
    with pytest.raises(ValueError, match=r"finite|directions"):
        decode_words(encode_words([word]))


def test_a_link_has_no_more_words_than_there_are():
    sent = encode_words(WORDS)
    links = b'[["https://example.org/", [1, 4, 1, 1, 1, 1]]]'
    end = len(sent) - struct.unpack_from("<I", sent, 8)[0]
    with pytest.raises(ValueError, match="links"):
        decode_words(sent[:8] + struct.pack("<I", len(links)) + sent[12:end] + links)


def test_no_more_arrives_than_a_page_may_have(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrays, "MAX_RECEIVED_WORDS", len(WORDS))
    assert decode_words(encode_words(WORDS)) == WORDS
    with pytest.raises(ValueError, match="more words"):
        decode_words(encode_words([*WORDS, WORDS[0]]))
    monkeypatch.setattr(arrays, "MAX_RECEIVED_BYTES", 100)
    with pytest.raises(ValueError, match="more than a page"):
        decode_words(encode_words(WORDS))
    rules = [RulingLine(0.1, 0.2, 0.9, 0.2)] * MAX_RULINGS
    assert len(decode_rulings(encode_rulings(rules))) == MAX_RULINGS
    with pytest.raises(ValueError, match="ruling lines"):
        decode_rulings(encode_rulings([*rules, rules[0]]))


def test_whatever_arrives_is_words_or_refused():
    source, sent = random.Random(7), encode_words(WORDS)
    for _ in range(2000):
        forged = bytearray(sent)
        for _ in range(source.randrange(1, 4)):
            forged[source.randrange(len(forged))] = source.randrange(256)
        cut = bytes(forged[: source.choice((len(forged), source.randrange(len(forged))))])
        try:
            words = decode_words(cut)
        except ValueError:
            continue
        assert all(type(word) is Word and type(word.text) is str and 0 <= word.direction < 360 for word in words)
        assert all(math.isfinite(edge) for word in words for edge in word[1:5])


def test_sections_are_told_apart_from_empty_ones_and_must_be_as_long_as_they_say():
    sections = [b"one", None, b""]
    joined = join_sections(sections)
    assert split_sections(joined, 3) == sections
    for forged in (
        joined[:-1],
        joined + b"x",
        struct.pack("<q", 1 << 40) + joined[8:],
        struct.pack("<q", -2) + joined[8:],
        b"",
    ):
        with pytest.raises(ValueError, match="section"):
            split_sections(forged, 3)
