"""What a dictionary decides where recognition thought of several letters, or was not sure of a space."""

from __future__ import annotations

import pytest

from document_parser.engines.rapidocr.ocr import Doubt, Gap, Read
from document_parser.engines.rapidocr.spelling import spell_by_dictionary

FRENCH = Read("nous avons dans cette maison une grande table avec quatre chaises pour les enfants qui sont venus", 0.99)

ENGLISH = Read("this is the house in which they have been with all the people that were there for the first time", 0.99)


def spelt(line, *others):
    return spell_by_dictionary([*(others or (FRENCH,)), line])[-1]


@pytest.mark.parametrize(
    ("text", "place", "letter", "meant"),
    [
        ("la fenetre est", 6, "\u00ea", "la fen\u00eatre est"),
        ("Choeolat noir", 3, "c", "Chocolat noir"),
        ("Luz est loin", 2, "s", "Luz est loin"),
        ("la porte est", 3, "s", "la porte est"),
    ],
)
def test_a_letter_is_another_that_was_thought_of_if_only_that_makes_a_word(text, place, letter, meant):
    assert spelt(Read(text, 0.9, doubts=(Doubt(place, ((letter, 0.2),)),))).text == meant


def test_a_space_within_a_word_is_left_out_and_a_lost_one_put_in_with_the_places_of_the_words():
    apart = spelt(Read("le travaille r", 0.9, spans=((0, 0.2), (0.3, 0.8), (0.9, 1.0)), gaps=(Gap(12, 0.6, 0.85),)))
    assert (apart.text, apart.spans) == ("le travailler", ((0, 0.2), (0.3, 1.0)))
    together = spelt(Read("ausommet", 0.9, gaps=(Gap(2, 0.4, 0.25),)))
    assert (together.text, together.spans) == ("au sommet", ((0.0, 0.25), (0.25, 1.0)))


def test_what_a_dictionary_has_decided_is_counted():
    line = Read("la fenetre r est au", 0.9, doubts=(Doubt(6, (("\u00ea", 0.2),)),))
    assert (spelt(line).mended, spelt(FRENCH).mended) == (1, 0)
    assert spelt(Read("le travaille r", 0.9, gaps=(Gap(12, 0.6, 0.85),))).mended == 1


def test_a_space_between_words_stays_however_doubtful():
    line = Read("il est venu", 0.9, gaps=(Gap(2, 0.3, 0.2), Gap(6, 0.3, 0.6)))
    assert spelt(line).text == line.text


def test_lines_of_programs_and_short_words_are_left_as_they_are():
    gap = Gap(8, 0.3, 0.4)
    for text in ("for (int i = 0; i < n; i++) {", "nous in ti sommes"):
        line = Read(text, 0.9, gaps=(Gap(7, 0.3, 0.4), gap))
        assert spelt(line, ENGLISH) == line


def test_a_text_of_which_no_dictionary_knows_most_words_is_left_as_it_is():
    line = Read("la fenetre est", 0.9, doubts=(Doubt(6, (("\u00ea", 0.2),)),))
    assert spelt(line, Read("qwrt pour zxcv avec plkj dans mnbv cette hgfd sont yuio", 0.9)) == line
