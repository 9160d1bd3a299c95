"""Raised and lowered text as Unicode has it, or in brackets behind a mark: a formula that loses it says something else."""

from __future__ import annotations

from document_parser.models.raised import RAISED

_RAISED = {**RAISED, **str.maketrans("+-=()", "⁺⁻⁼⁽⁾")}
_LOWERED = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")

_UNCHANGED = frozenset("[],;–*†‡§")
"""Signs of note marks, which need no raised form beside numbers: [¹], ¹,² and *."""


def as_superscript(text: str) -> str:
    """Return a raised text: 10⁶, 1ˢᵗ, or x^(A) where Unicode has no raised form."""
    return _shift(text, _RAISED, "^")


def as_subscript(text: str) -> str:
    """Return a lowered text: H₂O, or x_(A) where Unicode has no lowered form."""
    return _shift(text, _LOWERED, "_")


def _shift(text: str, forms: dict[int, int], mark: str) -> str:
    """Return the text in its shifted form, white space kept at its ends; in brackets behind the mark if a letter has none."""
    inner = text.strip()
    if not inner:
        return text
    start = text.index(inner)
    has_form = all(ord(letter) in forms or letter in _UNCHANGED for letter in inner)
    shifted = inner.translate(forms) if has_form else f"{mark}({inner})"
    return text[:start] + shifted + text[start + len(inner) :]
