"""Write amounts and dates as each language does, and look up labels."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

LABELS = Path(__file__).with_name("labels.json")
LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl", "pl")
MARKS = {
    "en": (",", "."), "de": (".", ","), "fr": ("\u00a0", ","), "es": (".", ","),
    "pt": (".", ","), "it": (".", ","), "nl": (".", ","), "pl": ("\u00a0", ","),
}  # fmt: skip
"""What divides thousands, and the decimal mark, by language."""
DATES = {
    "en": ("{d} {month} {y}", "{y}-{m:02}-{d:02}", "{month} {d}, {y}"),
    "de": ("{d:02}.{m:02}.{y}", "{d}. {month} {y}"),
    "fr": ("{d:02}/{m:02}/{y}", "{d} {month} {y}"),
    "es": ("{d:02}/{m:02}/{y}", "{d} de {month} de {y}"),
    "pt": ("{d:02}/{m:02}/{y}", "{d} de {month} de {y}"),
    "it": ("{d:02}/{m:02}/{y}", "{d} {month} {y}"),
    "nl": ("{d:02}-{m:02}-{y}", "{d} {month} {y}"),
    "pl": ("{d:02}.{m:02}.{y}", "{y}-{m:02}-{d:02}"),
}
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
}


@cache
def vocabulary() -> dict[str, Any]:
    """The fields of forms, their check boxes, and the labels of business papers, each by language."""
    found: dict[str, Any] = json.loads(LABELS.read_text("utf-8"))
    return found


def label(name: str, language: str) -> str:
    return str(vocabulary()["labels"][name][language])


def amount(value: float, language: str, digits: int = 2) -> str:
    group, mark = MARKS[language]
    return f"{value:,.{digits}f}".replace(",", "\x00").replace(".", mark).replace("\x00", group)


def day(value: date, form: str, language: str) -> str:
    month = MONTHS[language].split()[value.month - 1]
    return form.format(d=value.day, m=value.month, y=value.year, month=month)


def any_day(random: Random, first: int = 2022, last: int = 2026) -> date:
    """A day; its number is above twelve, so that no notation leaves it open."""
    return date(random.randint(first, last), random.randint(1, 12), random.randint(13, 28))
