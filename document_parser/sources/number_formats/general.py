"""Numbers as the format General shows them: at most eleven characters without the sign, then the scientific form."""

from __future__ import annotations

WIDTH = 11
"""Characters of a number, decimal point included, that Excel shows in a column that is wide enough."""
_SHORT_DIGITS = 6
"""Significant digits of the scientific form."""
_LONG_DIGITS = 10
"""Significant digits of a number with a decimal point."""


def format_general(value: float) -> str:
    """Return a number as General shows it."""
    if 1 <= abs(value) < 10 ** (_LONG_DIGITS - 1):
        return f"{value:.{_LONG_DIGITS}g}"
    if value == int(value) and abs(value) < 10**WIDTH:
        return str(int(value))
    exact = repr(value)
    if len(exact) <= WIDTH and "e" not in exact:
        return exact
    return ("-" if value < 0 else "") + _format_positive(abs(value))


def _format_positive(value: float) -> str:
    """Return a positive number whose shortest exact form is too long."""
    if 1e-4 <= value < 10**WIDTH:
        whole = len(str(int(value)))
        decimals = WIDTH - 2 if value < 1 else max(0, min(_LONG_DIGITS, WIDTH - 1) - whole)
        return _trim(f"{value:.{decimals}f}")
    fixed = _trim(f"{value:.12f}")
    if 1e-9 <= value < 1e-4 and len(fixed) <= WIDTH and float(fixed) == value:
        return fixed
    mantissa, exponent = f"{value:.{_SHORT_DIGITS - 1}e}".split("e")
    return f"{_trim(mantissa)}E{exponent}"


def _trim(text: str) -> str:
    """Return a number without zeros at the end of its fraction."""
    return text.rstrip("0").rstrip(".") if "." in text else text
