"""The words of a page are packed with their places, and come back as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from document_parser.models import Page, PageWords, stored_json

edge = st.floats(0, 1, allow_nan=False)
word = st.tuples(st.text(min_size=1, max_size=8), edge, edge, edge, edge, st.none() | st.floats(0, 1))


@given(st.lists(word, max_size=20))
def test_words_come_back_with_their_places(words):
    expected = [one for one in words if not one[0].isspace()]
    found = PageWords.pack(words).unpack()
    assert [one.text for one in found] == [" ".join(text.split()) for text, *_ in expected]
    for packed, (_, *edges, confidence) in zip(found, expected, strict=True):
        assert all(abs(one - other) < 1e-4 for one, other in zip(packed[1:5], edges, strict=True))
        assert (packed.confidence is None) == (confidence is None)


def test_a_word_that_reaches_over_the_page_ends_at_its_edge():
    (found,) = PageWords.pack([("a", -0.2, 0.5, 1.3, 0.6, None)]).unpack()
    assert (found.left, found.right) == (0.0, 1.0)
    assert abs(found.top - 0.5) < 1e-4


def test_damaged_words_point_nowhere():
    sound = PageWords.pack([("a", 0, 0, 1, 1, None)])
    assert PageWords(texts="a\nb", places=sound.places).unpack() == []
    assert PageWords(texts="a", places="%").unpack() == []


def test_words_are_stored_and_not_shown():
    page = Page(number=1, words=PageWords.pack([("a", 0, 0, 1, 1, None)]))
    assert '"words"' not in page.model_dump_json()
    assert Page.model_validate_json(stored_json(page)).words == page.words
