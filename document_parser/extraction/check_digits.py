"""Say whether the check digits of numbers are right: bank accounts, tax numbers, and numbers that follow Luhn."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

VAT_FORMS = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "CHE": r"\d{9}",
    "CZ": r"\d{8}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "ES": r"[A-Z]\d{7}[0-9A-Z]|\d{8}[A-Z]",
    "FI": r"\d{8}",
    "FR": r"\d{11}",
    "GB": r"\d{9}",
    "IT": r"\d{11}",
    "LU": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "SE": r"\d{10}01",
}
"""What follows the country in the VAT ids whose check digits are known. Source: European Commission, VIES, structure of VAT
numbers; HM Revenue and Customs; Swiss Federal Statistical Office (UID)."""
_VAT = re.compile(rf"({'|'.join(VAT_FORMS)})(.+?)(?:MWST|TVA|IVA|TPV)?")
_SPANISH_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_SPANISH_CONTROLS = "JABCDEFGHI"


def is_iban(text: str) -> bool:
    """Return whether a text is an IBAN with right check digits. Source: ISO 13616, ISO 7064 MOD 97-10."""
    plain = re.sub(r"\s", "", text).upper()
    return bool(re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", plain)) and _mod_97(plain[4:] + plain[:4]) == 1


def is_luhn(text: str) -> bool:
    """Return whether the last digit of a number is right by Luhn's rule. Source: ISO/IEC 7812-1, annex B."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(digits) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_vat_id(text: str) -> bool | None:
    """Return whether the check digits of a VAT id are right; None if no country is named, or its rule is not known here."""
    plain = re.sub(r"[^0-9A-Z]", "", text.upper())
    match = _VAT.fullmatch(plain)
    if match is None or not re.fullmatch(VAT_FORMS[match[1]], match[2]):
        return None
    return _VAT_RULES[match[1]](match[2])


def _mod_97(text: str) -> int:
    """Return a text as a number modulo 97, with two digits for each letter. Source: ISO 7064."""
    return int("".join(str(int(char, 36)) for char in text)) % 97


def _weighed(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _austrian(number: str) -> bool:
    digits = [int(char) for char in number[1:8]]
    total = sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (10 - (total + 4) % 10) % 10 == int(number[8])


def _german(number: str) -> bool:
    """Source: ISO 7064 MOD 11,10."""
    product = 10
    for char in number[:8]:
        product = 2 * ((int(char) + product) % 10 or 10) % 11
    return (11 - product) % 10 == int(number[8])


def _spanish(number: str) -> bool:
    if number[:8].isdigit() or number[0] in "XYZKLM":
        start = {"X": "0", "Y": "1", "Z": "2"}.get(number[0], "" if number[0] in "KLM" else number[0])
        return _SPANISH_LETTERS[int(start + number[1:8]) % 23] == number[8]
    digits = [int(char) for char in number[1:8]]
    total = sum(digits[1::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[0::2])
    control = -total % 10
    return number[8] in (str(control), _SPANISH_CONTROLS[control])


def _british(number: str) -> bool:
    total = _weighed(number, range(8, 1, -1)) + int(number[7:])
    return total % 97 == 0 or (total + 55) % 97 == 0


def _dutch(number: str) -> bool:
    """Numbers of firms by their digits, those of persons, since 2020, as a whole."""
    return _weighed(number, range(9, 1, -1)) % 11 == int(number[8]) or _mod_97(f"NL{number}") == 1


def _by_eleven(weights: Sequence[int], *, ten: int = -1, eleven: int = 0) -> Callable[[str], bool]:
    """Return the rule of a last digit that is eleven less a weighed sum modulo eleven, with other digits for 10 and 11."""

    def is_right(number: str) -> bool:
        rest = 11 - _weighed(number, weights) % 11
        return {10: ten, 11: eleven}.get(rest, rest) == int(number[-1])

    return is_right


_VAT_RULES: dict[str, Callable[[str], bool]] = {
    "AT": _austrian,
    "BE": lambda number: 97 - int(number[:8]) % 97 == int(number[8:]),
    "CHE": _by_eleven((5, 4, 3, 2, 7, 6, 5, 4)),
    "CZ": _by_eleven(range(8, 1, -1), ten=0, eleven=1),
    "DE": _german,
    "DK": lambda number: _weighed(number, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0,
    "ES": _spanish,
    "FI": _by_eleven((7, 9, 10, 5, 8, 4, 2)),
    "FR": lambda number: (12 + 3 * (int(number[2:]) % 97)) % 97 == int(number[:2]),
    "GB": _british,
    "IT": is_luhn,
    "LU": lambda number: int(number[:6]) % 89 == int(number[6:]),
    "NL": _dutch,
    "PL": lambda number: _weighed(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(number[9]),
    "PT": _by_eleven(range(9, 1, -1), ten=0),
    "SE": lambda number: is_luhn(number[:10]),
}
