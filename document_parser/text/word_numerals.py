"""Numbers as lists, notes and pages of Word write them: Roman, lettered, in words, in the numerals of many scripts.

Source: ECMA-376, part 1, section 17.18.59 (ST_NumberFormat).
"""

from __future__ import annotations

from collections.abc import Callable

from document_parser.text.numerals import roman

_ONES = [
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve", "Thirteen",
    "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
]  # fmt: skip
_TENS = ["", "", "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"]
_ORDINALS = {
    "One": "First",
    "Two": "Second",
    "Three": "Third",
    "Five": "Fifth",
    "Eight": "Eighth",
    "Nine": "Ninth",
    "Twelve": "Twelfth",
}
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_HEBREW = "אבגדהוזחטיכלמנסעפצקרשת"
_ARABIC_ALPHABET, _ARABIC_ABJAD = "أبتثجحخدذرزسشصضطظعغفقكلمنهوي", "أبجدهوزحطيكلمنسعفصقرشتثخذضظغ"
_GANADA, _CHOSUNG = "가나다라마바사아자차카타파하", "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
_THAI = "กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ"
_CHICAGO = "*†‡§"
_HAN_DIGITS, _HAN_UNITS = "〇一二三四五六七八九", ("", "十", "百", "千")
_KOREAN_DIGITS, _KOREAN_UNITS = "영일이삼사오육칠팔구", ("", "십", "백", "천")
_LEGAL_DIGITS, _LEGAL_UNITS = "零壹贰叁肆伍陆柒捌玖", ("", "拾", "佰", "仟")
_DIGIT_ZEROS = {"hindiNumbers": "०", "thaiNumbers": "๐", "decimalFullWidth": "０", "decimalFullWidth2": "０"}


def numeral(number: int, style: str, custom: str = "") -> str:
    """Return a number as a style of Word writes it, in decimal if the style is unknown. ``custom`` is such as ``001, 002``."""
    if style == "custom" and custom:
        return str(number).zfill(len(custom.partition(",")[0].strip()))
    writer = _WRITERS.get(style)
    if writer is not None and number > 0:
        return writer(number)
    return "" if style == "none" else str(number)


def _roman(number: int) -> str:
    """Return a Roman number; decimal above what Word writes."""
    return str(number) if number > 32_767 else roman(number)


def _repeated(letters: str) -> Callable[[int], str]:
    """Return a writer of letters that are doubled after the last one: z, aa, bb."""
    return lambda number: letters[(number - 1) % len(letters)] * min(100, 1 + (number - 1) // len(letters))


def _cycled(letters: str) -> Callable[[int], str]:
    """Return a writer of letters that begin again after the last one."""
    return lambda number: letters[(number - 1) % len(letters)]


def _cardinal(number: int) -> str:
    """Return a number in English words; decimal from 1000 on."""
    if number >= 1000:
        return str(number)
    words = [f"{_ONES[number // 100]} Hundred"] if number >= 100 else []
    rest = number % 100
    if 0 < rest < 20:
        words.append(_ONES[rest])
    elif rest:
        words.append(_TENS[rest // 10] + (f"-{_ONES[rest % 10]}" if rest % 10 else ""))
    return _sentence(" ".join(words))


def _ordinal_text(number: int) -> str:
    """Return the place in a row in English words."""
    words = _cardinal(number).title()
    if number >= 1000:
        return _ordinal(number)
    head, mark, last = words.rpartition("-") if "-" in words.rpartition(" ")[2] else words.rpartition(" ")
    ordinal = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return _sentence(head + mark + ordinal)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].lower()


def _ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, 11th."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _counted(digits: str, units: tuple[str, ...]) -> Callable[[int], str]:
    """Return a writer of numbers with signs for ten, hundred and thousand: 二十一."""

    def write(number: int) -> str:
        if number >= 10_000:
            return str(number)
        text, gap = "", False
        for power in range(3, -1, -1):
            digit = number // 10**power % 10
            if digit:
                text += (digits[0] if gap and text else "") + digits[digit] + units[power]
            gap = not digit and bool(text)
        return text[1:] if 10 <= number < 20 and digits is not _LEGAL_DIGITS else text

    return write


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if number <= 20 else chr(0x3251 + number - 21) if number <= 35 else str(number)


def _hebrew_number(number: int) -> str:
    """Return a number in Hebrew letters with their values."""
    if number >= 1000:
        return str(number)
    text, values = "", [*range(1, 10), *range(10, 100, 10), *range(100, 500, 100)]
    for value, letter in zip(reversed(values), reversed(_HEBREW), strict=True):
        while number >= value:
            text, number = text + letter, number - value
    return text.replace("יה", "טו").replace("יו", "טז")


def _digits_from(zero: str) -> Callable[[int], str]:
    return lambda number: "".join(chr(ord(zero) + int(digit)) for digit in str(number))


def _han_digits(number: int) -> str:
    return "".join(_HAN_DIGITS[int(digit)] for digit in str(number))


_WRITERS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda number: f"{number:02d}", "upperRoman": _roman, "lowerRoman": lambda number: _roman(number).lower(),
    "upperLetter": _repeated(_LATIN.upper()), "lowerLetter": _repeated(_LATIN), "ordinal": _ordinal,
    "cardinalText": _cardinal, "ordinalText": _ordinal_text, "hex": lambda number: f"{number:X}",
    "chicago": _repeated(_CHICAGO),
    "numberInDash": lambda number: f"- {number} -", "russianLower": _repeated(_RUSSIAN),
    "russianUpper": _repeated(_RUSSIAN.upper()), "hebrew1": _hebrew_number, "hebrew2": _repeated(_HEBREW),
    "arabicAlpha": _repeated(_ARABIC_ALPHABET), "arabicAbjad": _repeated(_ARABIC_ABJAD), "ganada": _cycled(_GANADA),
    "chosung": _cycled(_CHOSUNG), "aiueo": _cycled(_AIUEO), "aiueoFullWidth": _cycled(_AIUEO), "iroha": _cycled(_IROHA),
    "irohaFullWidth": _cycled(_IROHA), "ideographTraditional": _cycled(_STEMS), "ideographZodiac": _cycled(_BRANCHES),
    "thaiLetters": _repeated(_THAI), "decimalEnclosedCircle": _circled, "decimalEnclosedCircleChinese": _circled,
    "decimalEnclosedFullstop": lambda number: chr(0x2488 + number - 1) if number <= 20 else f"{number}.",
    "decimalEnclosedParen": lambda number: chr(0x2474 + number - 1) if number <= 20 else f"({number})",
    "chineseCounting": _counted(_HAN_DIGITS, _HAN_UNITS), "chineseCountingThousand": _counted(_HAN_DIGITS, _HAN_UNITS),
    "taiwaneseCounting": _counted(_HAN_DIGITS, _HAN_UNITS), "taiwaneseCountingThousand": _counted(_HAN_DIGITS, _HAN_UNITS),
    "japaneseCounting": _counted(_HAN_DIGITS, _HAN_UNITS), "ideographDigital": _han_digits,
    "japaneseDigitalTenThousand": _han_digits,
    "taiwaneseDigital": _han_digits, "koreanDigital": _counted(_KOREAN_DIGITS, _KOREAN_UNITS),
    "koreanCounting": _counted(_KOREAN_DIGITS, _KOREAN_UNITS), "chineseLegalSimplified": _counted(_LEGAL_DIGITS, _LEGAL_UNITS),
    **{style: _digits_from(zero) for style, zero in _DIGIT_ZEROS.items()},
}  # fmt: skip
"""By the name of a style: what writes it."""
