"""Raised and lowered text keeps its meaning in plain text."""

from __future__ import annotations

import pytest

from document_parser.text.raised import as_subscript, as_superscript


@pytest.mark.parametrize(
    ("raised", "shown"), [("6", "⁶"), (" 2 ", " ² "), ("[1]", "[¹]"), ("[", "["), ("1,2", "¹,²"), ("*", "*"), ("Ω", "^(Ω)")]
)
def test_raised_text_has_its_own_signs_or_a_mark(raised: str, shown: str) -> None:
    assert as_superscript(raised) == shown


def test_lowered_text_has_its_own_signs_or_a_mark() -> None:
    assert (as_subscript("2"), as_subscript("i,j"), as_subscript("A")) == ("₂", "ᵢ,ⱼ", "_(A)")
