"""Values as a spreadsheet shows them: number format codes made into functions from a number to its text.

Colours, fill characters and the widths of columns are ignored; padding is a space. Names of months and days are those of the
language that the code names, else English.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from document_parser.sources.number_formats.calendar_parts import MAX_SERIAL, Moment, Names, moment_of, names_of
from document_parser.sources.number_formats.general import format_general
from document_parser.sources.number_formats.tokens import Section, Token, split_sections

ShowNumber = Callable[[float], str]
"""Returns the text of a number."""
FormatKind = Literal["number", "date", "elapsed", "text"]
"""What the numbers of a format are: numbers, dates and times, durations, or numbers shown as text."""

GENERAL = "General"
BUILT_IN: dict[int, str] = {
    0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00",
    5: "$#,##0_);($#,##0)", 6: "$#,##0_);[Red]($#,##0)", 7: "$#,##0.00_);($#,##0.00)", 8: "$#,##0.00_);[Red]($#,##0.00)",
    9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "m/d/yyyy h:mm",
    27: "yyyy/m/d", 28: "yyyy/m/d", 29: "yyyy/m/d", 30: "m/d/yy", 31: "yyyy年m月d日", 32: "h:mm", 33: "h:mm:ss",
    34: "yyyy年m月", 35: "m月d日", 36: "yyyy/m/d",
    37: "#,##0_);(#,##0)", 38: "#,##0_);[Red](#,##0)", 39: "#,##0.00_);(#,##0.00)", 40: "#,##0.00_);[Red](#,##0.00)",
    41: '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)', 42: '_($* #,##0_);_($* (#,##0);_($* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)', 44: '_($* #,##0.00_);_($* (#,##0.00);_($* "-"??_);_(@_)',
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
    50: "yyyy/m/d", 51: "m月d日", 52: "yyyy年m月", 53: "m月d日", 54: "m月d日", 55: "yyyy年m月", 56: "m月d日", 57: "yyyy/m/d",
    58: "m月d日",
    59: "0", 60: "0.00", 61: "#,##0", 62: "#,##0.00", 67: "0%", 68: "0.00%", 69: "# ?/?", 70: "# ??/??", 71: "m/d/yyyy",
    72: "m/d/yyyy", 73: "d-mmm-yy", 74: "d-mmm", 75: "mmm-yy", 76: "h:mm", 77: "h:mm:ss", 78: "m/d/yyyy h:mm", 79: "mm:ss",
    80: "[h]:mm:ss", 81: "mm:ss.0",
}  # fmt: skip
"""The codes of the built-in formats, by id (ECMA-376 part 1, 18.8.30). 27 to 36 and 50 to 58 are those of Chinese and Japanese
programs; which calendar they show depends on the program, so the plain one is used."""
_MAX_DECIMALS = 30
"""Decimals beyond these are no information: a stored number has 17 digits."""


class NumberFormat(NamedTuple):
    """A format code as functions: the text of a number, and of a text."""

    code: str
    kind: FormatKind
    show_number: ShowNumber
    show_text: Callable[[str], str]


@lru_cache(maxsize=4096)
def compile_format(code: str) -> NumberFormat:
    """Return the functions of a format code. A code that makes no sense shows numbers as General does."""
    if not code or code.lower() in {"general", "standard"}:
        return NumberFormat(GENERAL, "number", format_general, str)
    sections = split_sections(code)
    texts = sections[3:4] or [one for one in sections[-1:] if any(token.kind == "text" for token in one.tokens)]
    numbers = sections[:3] if len(sections) > 3 or not texts or len(sections) == 1 else sections[:-1]
    return NumberFormat(code, _kind_of(numbers), _choose(numbers), _show_text(texts[0]) if texts else str)


def _kind_of(sections: list[Section]) -> FormatKind:
    """Return what the numbers of a format are; its first section says it."""
    kinds = {token.kind for token in sections[0].tokens}
    if "elapsed" in kinds:
        return "elapsed"
    if "date" in kinds:
        return "date"
    return "text" if "text" in kinds else "number"


def _show_text(section: Section) -> Callable[[str], str]:
    """Return the function that puts a text into its section."""
    kinds = [token.kind for token in section.tokens if token.text.strip()]
    if kinds == ["text"]:
        return str
    parts = [None if token.kind == "text" else token.text for token in section.tokens]
    return lambda text: "".join(text if part is None else part for part in parts).strip()


# --- sections ---------------------------------------------------------------------------------------------------------


def _choose(sections: list[Section]) -> ShowNumber:
    """Return the function that shows a number by the section that is for it."""
    shows = [_compile_section(section) for section in sections]
    if len(sections) == 1 and sections[0].condition is None:
        signed = _with_sign(shows[0])
        return _compile_simple(sections[0], signed) or signed
    conditions, bare = _conditions_of(sections)

    def show(value: float) -> str:
        """Return the text of a number by the first section whose condition it meets."""
        for place, condition in enumerate(conditions):
            if condition is None or condition(value):
                return shows[place](abs(value)) if bare[place] or value >= 0 else "-" + shows[place](-value)
        return "#" * 8

    return show


def _conditions_of(sections: list[Section]) -> tuple[list[Callable[[float], bool] | None], list[bool]]:
    """Return the condition of each section, and whether it shows negative numbers without a sign."""
    given = [section.condition for section in sections]
    if any(given):
        usual: list[Callable[[float], bool] | None] = [lambda value: value > 0, lambda value: value < 0, None]
        conditions = [one or usual[place] for place, one in enumerate(given)]
        if len(sections) < 3 and given[-1] is None:
            conditions[-1] = None
        elif len(sections) > 2:
            conditions[2] = given[2]
        bare = [section.only_negative or (place == 1 and given[1] is None) for place, section in enumerate(sections)]
        return conditions, bare
    if len(sections) == 2:
        return [lambda value: value >= 0, None], [False, True]
    return [lambda value: value > 0, lambda value: value < 0, None], [False, True, False]


def _with_sign(show: ShowNumber) -> ShowNumber:
    """Return the function that puts a minus sign before negative numbers, unless they are shown as zero."""

    def show_signed(value: float) -> str:
        """Return the text of a number."""
        if value >= 0:
            return show(value)
        text = show(-value)
        return f"-{text}" if any(char in "123456789" for char in text) or not any(map(str.isdigit, text)) else text

    return show_signed


def _compile_section(section: Section) -> ShowNumber:
    """Return the function that shows numbers from 0 by a section."""
    kinds = {token.kind for token in section.tokens}
    if "date" in kinds or "elapsed" in kinds:
        return _compile_date(section)
    if "general" in kinds or "text" in kinds:
        return _compile_general(section.tokens)
    if "digit" not in kinds:
        literal = "".join(token.text for token in section.tokens if token.kind != "comma").strip()
        return lambda value: literal
    if "exponent" in kinds:
        return _compile_scientific(section.tokens)
    if "slash" in kinds and _is_fraction(section.tokens):
        return _compile_fraction(section.tokens)
    return _compile_decimal(section.tokens)


def _compile_general(tokens: tuple[Token, ...]) -> ShowNumber:
    """Return the function of a section with General or @ in it."""
    before, after = _around(tokens, "general", "text")
    scale = 100 ** sum(token.kind == "percent" for token in tokens)
    return lambda value: (before + format_general(value * scale) + after).strip()


def _around(tokens: tuple[Token, ...], *kinds: str) -> tuple[str, str]:
    """Return the texts before the first and after the last token of these kinds."""
    places = [place for place, token in enumerate(tokens) if token.kind in kinds]
    before = "".join(token.text for token in tokens[: places[0]])
    return before, "".join(token.text for token in tokens[places[-1] + 1 :])


# --- numbers ----------------------------------------------------------------------------------------------------------


def _compile_decimal(tokens: tuple[Token, ...]) -> ShowNumber:
    """Return the function of a section of digits, with or without decimals, thousands, scaling and per cent."""
    number = _plan_decimal(tokens)
    if not number.is_plain:
        return lambda value: _interleave(number, value)
    prefix, suffix = (text.lstrip() if place == 0 else text.rstrip() for place, text in enumerate(number.around))
    decimals, optional, least, scale = number.decimals, number.optional_decimals, number.least_digits, number.scale
    grouping = "," if number.thousands else ""
    spec = f"{grouping}.{decimals}f"
    point = "." if number.has_point and not decimals else ""

    power = 10.0**decimals

    def show(value: float) -> str:
        """Return the text of a number."""
        if scale != 1:
            value *= scale
        near_tie = 0.499999 < value * power % 1 < 0.500001
        text = format(round_half_up(value, decimals) if near_tie else value, spec)
        if optional:
            text = _drop_zeros(text, optional)
        if least != 1:
            text = _pad(text, least, grouping)
        return f"{prefix}{text}{point}{suffix}"

    return show


def _compile_simple(section: Section, show_other: ShowNumber) -> ShowNumber | None:
    """Return a faster function of a section of digits such as ``#,##0.00 "€"``, for the millions of cells that have one.

    None for any other section. Negative numbers are shown by ``show_other``.
    """
    kinds = [token.kind for token in section.tokens]
    if "digit" not in kinds or not {"digit", "comma", "point", "percent", "literal"}.issuperset(kinds):
        return None
    number = _plan_decimal(section.tokens)
    suffix = number.around[1].rstrip()
    is_simple = number.is_plain and not number.around[0].lstrip() and not number.optional_decimals and number.least_digits == 1
    if not is_simple or (number.has_point and not number.decimals):
        return None
    spec, power, scale = f"{',' if number.thousands else ''}.{number.decimals}f", 10.0**number.decimals, number.scale
    decimals = number.decimals

    def show(value: float) -> str:
        """Return the text of a number."""
        if value < 0:
            return show_other(value)
        value *= scale
        if 0.499999 < value * power % 1 < 0.500001:
            return format(round_half_up(value, decimals), spec) + suffix
        return format(value, spec) + suffix

    return show


class _Decimal(NamedTuple):
    """What a section of digits asks for. ``least_digits`` are shown before the point; ``around`` stands before and after."""

    tokens: tuple[Token, ...]
    around: tuple[str, str]
    decimals: int
    optional_decimals: int
    least_digits: int
    thousands: bool
    scale: float
    has_point: bool
    is_plain: bool
    """Whether no literal stands among the digits."""


def _plan_decimal(tokens: tuple[Token, ...]) -> _Decimal:
    """Return what a section of digits asks for."""
    digits = [place for place, token in enumerate(tokens) if token.kind == "digit"]
    point = next((place for place, token in enumerate(tokens) if token.kind == "point"), None)
    whole = [place for place in digits if point is None or place < point]
    fraction = [tokens[place].text for place in digits if point is not None and place > point][:_MAX_DECIMALS]
    first, last = min([digits[0], *([point] if point is not None else [])]), max([digits[-1], *([point] if point else [])])
    commas = [place for place, token in enumerate(tokens) if token.kind == "comma"]
    end = whole[-1] if whole else (point or 0)
    thousands = any(whole and whole[0] < place < end for place in commas)
    tail = last
    while tail + 1 < len(tokens) and tokens[tail + 1].kind == "comma":
        tail += 1
    scaling = sum(end < place <= tail for place in commas) if whole else tail - last
    percent = sum(token.kind == "percent" for token in tokens)
    among = {token.kind for token in tokens[first : tail + 1]}
    optional = len(fraction) - max((place + 1 for place, text in enumerate(fraction) if text != "#"), default=0)
    return _Decimal(
        tokens=tokens,
        around=("".join(token.text for token in tokens[:first]), "".join(token.text for token in tokens[tail + 1 :])),
        decimals=len(fraction),
        optional_decimals=optional,
        least_digits=sum(tokens[place].text == "0" for place in whole) if whole else 0,
        thousands=thousands,
        scale=100.0**percent / 1000.0**scaling,
        has_point=point is not None,
        is_plain=among <= {"digit", "comma", "point"},
    )


def round_half_up(value: float, decimals: int) -> float | Decimal:
    """Return what formatting with these decimals rounds as a spreadsheet does: ties of the 15 shown digits go up."""
    exact = repr(value)
    if "e" in exact:
        return value
    if len(exact) > 16:
        exact = f"{value:.15g}"
    if exact[-1:] == "5" and len(exact) - exact.find(".") - 2 == decimals and "." in exact and "e" not in exact:
        return Decimal(exact).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return value


def _drop_zeros(text: str, optional: int) -> str:
    """Return a number without the zeros that stand at optional places at its end; the point stays."""
    kept = len(text) - optional
    return text[:kept] + text[kept:].rstrip("0")


def _pad(text: str, least: int, grouping: str) -> str:
    """Return a number with at least so many digits before the point: zeros are added, a lone zero is dropped for none."""
    whole, point, fraction = text.partition(".")
    digits = whole.replace(",", "")
    digits = "" if least == 0 and digits == "0" else digits.zfill(least)
    if grouping and digits:
        head = len(digits) % 3
        groups = [digits[:head]] if head else []
        digits = ",".join([*groups, *(digits[at : at + 3] for at in range(head, len(digits), 3))])
    return digits + point + fraction


def _interleave(number: _Decimal, value: float) -> str:
    """Return a number whose digits have literals among them, as in 000-00-0000. Digits fill their places from the right."""
    text = f"{round_half_up(value * number.scale, number.decimals):.{number.decimals}f}"
    whole, _, fraction = text.partition(".")
    whole = "" if whole == "0" else whole
    point = next((place for place, token in enumerate(number.tokens) if token.kind == "point"), len(number.tokens))
    left: list[str] = []
    places = sum(token.kind == "digit" for token in number.tokens[:point])
    for token in reversed(number.tokens[:point]):
        if token.kind == "digit":
            places -= 1
            taken, whole = (whole, "") if places == 0 else (whole[-1:], whole[:-1])
            left.append(taken or {"0": "0", "?": " ", "#": ""}[token.text])
        elif token.kind != "comma":
            left.append(token.text)
    right: list[str] = []
    for token in number.tokens[point:]:
        if token.kind == "digit":
            right.append(fraction[:1])
            fraction = fraction[1:]
        elif token.kind != "comma":
            right.append(token.text)
    return ("".join(reversed(left)) + "".join(right)).strip()


def _compile_scientific(tokens: tuple[Token, ...]) -> ShowNumber:
    """Return the function of a section with an exponent; several digits before the point step the exponent by as many."""
    place = next(at for at, token in enumerate(tokens) if token.kind == "exponent")
    mantissa = _plan_decimal(tokens[:place]) if any(token.kind == "digit" for token in tokens[:place]) else None
    behind = [at for at, token in enumerate(tokens) if at > place and token.kind == "digit"]
    width = sum(tokens[at].text == "0" for at in behind)
    after = "".join(token.text for token in tokens[behind[-1] + 1 :]) if behind else ""
    before = mantissa.around[0] if mantissa else ""
    decimals = mantissa.decimals if mantissa else 0
    optional = mantissa.optional_decimals if mantissa else 0
    step = sum(token.kind == "digit" for token in tokens[: _point_in(tokens[:place])]) or 1
    plus = "+" if tokens[place].text.endswith("+") else ""

    def show(value: float) -> str:
        """Return the text of a number."""
        exponent = math.floor(math.log10(value)) // step * step if value else 0
        text = f"{round_half_up(value / 10.0**exponent, decimals):.{decimals}f}"
        if float(text) >= 10**step:
            exponent += step
            text = f"{value / 10.0**exponent:.{decimals}f}"
        text = _drop_zeros(text, optional) if optional else text
        sign = "-" if exponent < 0 else plus
        return f"{before}{text}E{sign}{abs(exponent):0{max(1, width)}d}{after}".strip()

    return show


def _point_in(tokens: tuple[Token, ...]) -> int:
    """Return the place of the decimal point; the end if there is none."""
    return next((place for place, token in enumerate(tokens) if token.kind == "point"), len(tokens))


def _is_fraction(tokens: tuple[Token, ...]) -> bool:
    """Return whether a slash stands between two digits, so that it is no literal."""
    place = next(at for at, token in enumerate(tokens) if token.kind == "slash")
    before = any(token.kind == "digit" for token in tokens[:place])
    following = next((token for token in tokens[place + 1 :] if token.text.strip()), None)
    return before and following is not None and (following.kind == "digit" or following.text[:1].isdigit())


def _compile_fraction(tokens: tuple[Token, ...]) -> ShowNumber:
    """Return the function of a section that shows fractions, with whole numbers before them if it has a place for those."""
    place = next(at for at, token in enumerate(tokens) if token.kind == "slash")
    upper = [at for at, token in enumerate(tokens[:place]) if token.kind == "digit"]
    gap = any(not token.text.strip() for token in tokens[upper[0] : upper[-1]]) if upper else False
    below = [token for token in tokens[place + 1 :] if token.kind == "digit" or token.text.isdigit()]
    fixed = "".join(token.text for token in below)
    denominator = int(fixed) if fixed.isdigit() and int(fixed) > 0 else None
    most = 10 ** min(len(below), 6) - 1
    before = "".join(token.text for token in tokens[: upper[0]])

    def show(value: float) -> str:
        """Return the text of a number."""
        whole = int(value) if gap else 0
        rest = value - whole
        if denominator:
            upper_part, lower_part = round(rest * denominator), denominator
        else:
            found = Fraction(rest).limit_denominator(most)
            upper_part, lower_part = found.numerator, found.denominator
        if gap and upper_part == lower_part:
            whole, upper_part = whole + 1, 0
        if gap and not upper_part:
            return f"{before}{whole}".strip()
        return f"{before}{f'{whole} ' if gap and whole else ''}{upper_part}/{lower_part}".strip()

    return show


# --- dates ------------------------------------------------------------------------------------------------------------


def _compile_date(section: Section) -> ShowNumber:
    """Return the function of a section of dates, times or durations."""
    parts = _plan_date(section.tokens)
    names = names_of(section.language)
    half_day = any(token.kind == "ampm" for token in parts)
    thousandths = any(token.kind == "point" for token in parts)

    def show_part(token: Token, moment: Moment, serial: float) -> str:
        """Return what a token shows of a moment."""
        match token.kind:
            case "date":
                return _show_date_part(token.text, moment, names, half_day=half_day)
            case "elapsed":
                return _show_elapsed(token.text, serial)
            case "ampm":
                return _show_half(token.text, moment.hour)
            case "point":
                return f".{moment.thousandth:03d}"[: len(token.text)]
        return token.text

    def show(value: float) -> str:
        """Return the text of a serial number; of one that is no date, the number."""
        if value >= MAX_SERIAL:
            return format_general(value)
        moment = moment_of(value, thousandths)
        return "".join(show_part(token, moment, value) for token in parts).strip()

    return show


def _plan_date(tokens: tuple[Token, ...]) -> list[Token]:
    """Return the tokens with minutes told from months, and the digits of fractions of seconds as one ``point``."""
    parts: list[Token] = []
    for token in tokens:
        if token.kind == "digit" and parts and parts[-1].kind == "point":
            parts[-1] = Token("point", parts[-1].text + "0")
        elif token.kind == "point" and not (parts and parts[-1].text[:1] == "s" and parts[-1].kind in {"date", "elapsed"}):
            parts.append(Token("literal", "."))
        else:
            parts.append(token)
    parts = [Token("literal", ".") if part == Token("point", ".") else part for part in parts]
    clock = [place for place, part in enumerate(parts) if part.kind in {"date", "elapsed"}]
    for at, place in enumerate(clock):
        if parts[place].kind == "date" and parts[place].text in {"m", "mm"}:
            before = parts[clock[at - 1]].text if at else ""
            after = parts[clock[at + 1]].text if at + 1 < len(clock) else ""
            if before.startswith("h") or after.startswith("s"):
                parts[place] = Token("date", "min" if parts[place].text == "m" else "mins")
    return parts


def _show_date_part(text: str, moment: Moment, names: Names, *, half_day: bool) -> str:
    """Return what the letters of a date code show of a moment."""
    months, days, short_months, short_days = names
    hour = (moment.hour % 12 or 12) if half_day else moment.hour
    length = len(text)
    match text[0]:
        case "m" if text.startswith("min"):
            return f"{moment.minute:02d}" if text == "mins" else str(moment.minute)
        case "y":
            return f"{moment.year % 100:02d}" if length <= 2 else f"{moment.year:04d}"
        case "e":
            return str(moment.year)
        case "b":
            return f"{(moment.year + 543) % 100:02d}" if length <= 2 else str(moment.year + 543)
        case "m":
            numbers = (str(moment.month), f"{moment.month:02d}", short_months[moment.month - 1], months[moment.month - 1])
            return str(numbers[min(length, 4) - 1] if length != 5 else months[moment.month - 1][:1])
        case "d" | "a":
            numbers = (str(moment.day), f"{moment.day:02d}", short_days[moment.weekday], days[moment.weekday])
            return str(numbers[min(length, 4) - 1])
        case "h":
            return f"{hour:02d}" if length > 1 else str(hour)
        case "s":
            return f"{moment.second:02d}" if length > 1 else str(moment.second)
    return ""


def _show_elapsed(text: str, serial: float) -> str:
    """Return the hours, minutes or seconds of a duration, all of them."""
    seconds = round(serial * 86400)
    units = {"h": seconds // 3600, "m": seconds // 60, "s": seconds}
    return f"{units[text[0]]:0{len(text)}d}"


def _show_half(text: str, hour: int) -> str:
    """Return the half of the day as the code writes it: AM or PM, A or P, or in another script."""
    return text.split("/")[hour >= 12]
