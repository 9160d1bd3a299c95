"""Number format codes of spreadsheets as tokens: sections, literals, placeholders, parts of dates.

Source: ECMA-376 part 1, 18.8.31.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Literal, NamedTuple

Kind = Literal[
    "literal", "digit", "point", "comma", "percent", "exponent", "slash", "text", "general", "date", "elapsed", "ampm"
]
"""What a token stands for. ``digit`` is a placeholder: 0, # or ?; ``date`` one of the letters y m d h s, repeated."""


class Token(NamedTuple):
    """One piece of a section and the text that it was written as, or that it shows."""

    kind: Kind
    text: str


class Section(NamedTuple):
    """One of the sections of a code. ``condition`` says of a number whether the section is for it; None if it does not say."""

    tokens: tuple[Token, ...]
    condition: Callable[[float], bool] | None = None
    only_negative: bool = False
    """Whether the condition is true of negative numbers only, so that no minus sign is shown."""
    language: int = 0
    """The language of the names of months and days, as the low bits of a Windows locale; 0 if the code does not say."""


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)"?
    | \\(?P<escaped>.)
    | _(?P<space>.)
    | \*(?P<fill>.)
    | \[(?P<bracket>[^\]]*)\]
    | (?P<general>General|Standard)
    | (?P<ampm>AM/PM|A/P|上午/下午|午前/午後|오전/오후)
    | (?P<exponent>E[+-])
    | (?P<date>y+|m+|d+|h+|s+|e+|g+|b+|a{3,4})
    | (?P<digit>[0\#?])
    | (?P<point>\.) | (?P<comma>,) | (?P<percent>%) | (?P<slash>/) | (?P<text>@)
    | (?P<other>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\s*(<=|>=|<>|<|>|=)\s*([-+]?\d+(?:[.,]\d+)?(?:E[-+]?\d+)?)\s*", re.IGNORECASE)
_CURRENCY = re.compile(r"\$(?P<sign>[^-]*)(?:-(?P<locale>[0-9A-Fa-f]*))?")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)


def split_sections(code: str) -> list[Section]:
    """Return the sections of a format code, at least one."""
    parts: list[list[re.Match[str]]] = [[]]
    for match in _TOKEN.finditer(code):
        if match.lastgroup == "other" and match[0] == ";":
            parts.append([])
        else:
            parts[-1].append(match)
    return [_section(matches) for matches in parts]


def _section(matches: list[re.Match[str]]) -> Section:
    """Return the section that these matches make."""
    tokens: list[Token] = []
    condition, only_negative, language = None, False, 0
    for match in matches:
        group, text = match.lastgroup or "other", match[match.lastgroup or "other"]
        if group != "bracket":
            tokens.append(_token(group, text))
        elif _ELAPSED.fullmatch(text):
            tokens.append(Token("elapsed", text.lower()))
        elif found := _CONDITION.fullmatch(text):
            condition = _condition(found[1], float(found[2].replace(",", ".")))
            only_negative = found[1] in {"<", "<="} and float(found[2].replace(",", ".")) <= 0
        elif found := _CURRENCY.match(text):
            tokens.append(Token("literal", found["sign"]))
            language = int(found["locale"] or "0", 16) & 0x3FF
    return Section(tuple(token for token in tokens if token.text), condition, only_negative, language)


def _token(group: str, text: str) -> Token:
    """Return the token of a piece that stands in no brackets."""
    match group:
        case "quoted" | "escaped" | "other":
            return Token("literal", text)
        case "space":
            return Token("literal", " ")
        case "fill":
            return Token("literal", "")
        case "date":
            return Token("date", text.lower())
        case "digit" | "point" | "comma" | "percent" | "exponent" | "slash" | "text" | "general" | "ampm":
            return Token(group, text)
    raise ValueError(group)


def _condition(sign: str, bound: float) -> Callable[[float], bool]:
    """Return the condition that a number stands in this relation to a bound."""
    compare = _COMPARE[sign]
    return lambda value: compare(value, bound)
