"""Numbers as lists write them: in digits, letters and Roman numerals."""

from __future__ import annotations

_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"),
    (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
MAX_ROMAN = 3999
"""The largest number that lists write in Roman numerals."""


def format_number(number: int, kind: str) -> str:
    """Return a number as ``1``, ``a``, ``A``, ``i`` or ``I``: the kinds of HTML and OpenDocument.

    It is in digits if the kind is another one or has no form for it. Letters go on behind z with aa, ab.
    """
    if kind in {"a", "A"} and number > 0:
        letters = ""
        while number:
            number, place = divmod(number - 1, 26)
            letters = chr(ord(kind) + place) + letters
        return letters
    if kind in {"i", "I"} and 0 < number <= MAX_ROMAN:
        return roman(number) if kind == "I" else roman(number).lower()
    return str(number)


def roman(number: int) -> str:
    """Return a number from 1 on in capital Roman numerals."""
    text = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        text += letters * count
    return text
