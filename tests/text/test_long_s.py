"""Fraktur that was read as antiqua is known by its long s, and put together with what a pack for Fraktur reads."""

import pytest

from document_parser.models import Word
from document_parser.text.long_s import is_misread_fraktur, merge_fraktur


def words(*read):
    return [Word(text, 0.0, 0.0, 1.0, 1.0, confidence=confidence) for text, confidence in read]


@pytest.mark.parametrize(
    ("text", "fraktur"),
    [
        ("Abig kommt oft die Jungfer herauf und fchläft hier.", True),
        ("Der Ubend ift schön, und es ist der Anschein da", True),
        ("Abends kommt oft die Jungfer herauf und schläft hier.", False),
        ("for often we find fish of fine form after five", False),
        ("", False),
    ],
)
def test_fraktur_is_known_by_its_long_s(text, fraktur):
    assert is_misread_fraktur([text]) == fraktur


def test_one_such_word_on_a_long_page_is_a_misprint():
    assert not is_misread_fraktur(["the usual words of an English page"] * 60 + ["fich"])


def test_each_word_is_as_the_reading_that_knows_it_has_it():
    read = words(("Der", 0.95), ("Abend", 0.92), ("iſt", 0.9), ("ſchön,", 0.85), ("vnd", 0.3), ("Wercke", 0.8), ("++)", 0.9))
    assert merge_fraktur("Der Ubend ift fchön, und Berke tt)", read) == "Der Abend iſt ſchön, und Wercke tt)"


def test_words_that_only_one_reading_has_stay_or_are_left_out():
    assert merge_fraktur("fich fehr", words(("ſich", 0.9), ("|", 0.9), ("ſehr", 0.9))) == "ſich ſehr"
    assert merge_fraktur("noch fah ich", words(("noch", 0.9), ("ich", 0.9))) == "noch fah ich"
