"""Find the identifiers of a company's letterhead: bank accounts, tax and register numbers, telephones, e-mail addresses.

A page footer that holds one of them is kept as content: the identifier may be nowhere else in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_IBAN = re.compile(r"\b([A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.,/+])\+\d{1,3}[\d\s()./-]{6,18}\d|(?<![\w.,/+])\(0\d{1,5}\)[\d\s./-]{4,12}\d")
_VAT = re.compile(
    r"\b(?:ATU\d{8}|BE[01]\d{9}|CHE-?\d{3}\.?\d{3}\.?\d{3}|DE\d{9}|DK\d{8}|ES[A-Z]\d{7}[A-Z\d]|FR[A-Z\d]{2}\d{9}|GB\d{9}|IT\d{11}"
    r"|NL\d{9}B\d{2}|PL\d{10}|PT\d{9}|SE\d{12})\b"
)
_VALUE = r"\.?(?:\s+(?:no|nr|number))?[\s.:#/()-]{0,4}((?-i:(?:[A-Z]{1,3}[\s(-]?)?\+?\d(?:[\s().,/+-]{0,3}\d){4,24}))"
_LABELLED = (
    re.compile(
        r"(?<!\w)(?:sort\s+code|(?:bank\s+)?account(?:\s+(?:no|number))?|konto(?:-?nr|nummer)?|tax\s+(?:id|no|number)"
        r"|vat(?:\s+(?:id|reg|no|number|registration)\.?)*|ust\.?-?\s?id(?:ent)?(?:-?\s?nr|nummer)?|mwst\.?-?nr|steuer-?(?:nr|nummer)"
        r"|partita\s+iva|p\.?\s?iva|btw(?:-?nr)?|kvk(?:-?nr)?|(?:company|registration|reg(?:istered)?\.?)\s+(?:no|number)"
        r"|registered\s+in\s+england(?:\s+and\s+wales)?|tel(?:efon|ephone)?|t[ée]l(?:[ée]phone)?|phone|fax|mobile?)" + _VALUE,
        re.IGNORECASE,
    ),
    re.compile(r"\b(?:IBAN|BLZ|UID(?:-Nr)?|TVA|NIF|CIF|EIN|ABN|GSTIN|HR[AB]|FN|SIRET|SIREN|RCS|St\.?-?Nr|Ph)" + _VALUE),
)
_BIC = re.compile(r"(?<!\w)(?:BIC|SWIFT)(?:-?code)?[\s:]{1,3}([A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)\b")


def find_identifiers(text: str) -> frozenset[str]:
    """Return every identifier in the text, in small letters and without the separators of its parts."""
    return frozenset(_find_identifiers(" ".join(text.split())))


def is_iban(text: str) -> bool:
    """Return whether the check digits of an IBAN are right. Source: ISO 13616, ISO 7064 (MOD 97-10)."""
    compact = text.replace(" ", "")
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}", compact):
        return False
    return int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1


def _find_identifiers(text: str) -> Iterator[str]:
    """Yield every identifier in one line of text."""
    for match in _IBAN.finditer(text):
        if is_iban(match[1]):
            yield _compact(match[1])
    for pattern in (_MAIL, _PHONE, _VAT):
        yield from (_compact(match[0]) for match in pattern.finditer(text))
    yield from (_compact(match[1]) for match in _BIC.finditer(text))
    for labelled in _LABELLED:
        yield from (_compact(match[1]) for match in labelled.finditer(text))


def _compact(text: str) -> str:
    """Return the text in small letters without separators."""
    return re.sub(r"[^\w@]", "", text).casefold()
