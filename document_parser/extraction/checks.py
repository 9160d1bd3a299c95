"""Check values against each other and against rules. A check says what does not agree; it corrects nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from document_parser.extraction.candidates import Candidate
from document_parser.extraction.check_digits import is_iban, is_luhn, is_vat_id
from document_parser.extraction.labels import Concept
from document_parser.extraction.rows import Rows
from document_parser.extraction.totals import CENT
from document_parser.extraction.values import find_currencies
from document_parser.models.extraction import CheckOutcome, ExtractionCheck


class Checked(NamedTuple):
    """A field: what it stands for, its role, and its value; None if it has none."""

    concept: Concept | None
    role: str
    value: Candidate | None


Chosen = Mapping[str, Checked]
"""The fields by JSON pointer."""
MAX_FUTURE_DAYS = 366
"""A document may be dated ahead by as many days."""
MAX_DUE_DAYS = 400
"""A document that is due later than this after its date is odd."""


def check_values(chosen: Chosen, rows: Mapping[str, Rows]) -> list[ExtractionCheck]:
    """Return the checks that the values allow: sums, dates, and the check digits of numbers."""
    by_concept = {
        one.concept.name: (pointer, one.value)
        for pointer, one in chosen.items()
        if one.concept is not None and one.value is not None
    }
    amounts = {name: one for name, one in by_concept.items() if isinstance(one[1].value, int | float)}
    return [
        *_sums(amounts),
        *_lines(amounts, rows),
        *_dates(by_concept),
        *_currency(by_concept),
        *_notes(chosen),
        *_digits(chosen),
    ]


_Known = Mapping[str, tuple[str, Candidate]]


def _sums(known: _Known) -> Iterator[ExtractionCheck]:
    """Yield whether net and tax make the total, and what was paid and is due make it too."""
    yield from _sum("net_plus_tax", known, "grand_total", ("tax_basis_total", "tax_total"))
    if "prepaid" in known:
        yield from _sum("paid_plus_due", known, "grand_total", ("prepaid", "due_payable"))


def _sum(name: str, known: _Known, total: str, parts: Sequence[str]) -> Iterator[ExtractionCheck]:
    """Yield whether amounts make a total, if all of them are known."""
    if total not in known or any(part not in known for part in parts):
        return
    pointers = [known[one][0] for one in (total, *parts)]
    whole, made = known[total][1].value, sum(known[part][1].value for part in parts)
    if abs(whole - made) < CENT:
        yield ExtractionCheck(name=name, outcome="passed", fields=pointers)
    else:
        yield ExtractionCheck(name=name, outcome="failed", message=f"{made:.2f} and {whole:.2f} differ.", fields=pointers)


def _lines(known: _Known, rows: Mapping[str, Rows]) -> Iterator[ExtractionCheck]:
    """Yield whether the amounts of the lines make the total of lines or the net total."""
    for pointer, found in rows.items():
        amounts = [row[found.amount].value for row in found.rows if found.amount in row]
        amounts = [amount for amount in amounts if isinstance(amount, int | float)]
        totals = [known[name] for name in ("line_total", "tax_basis_total", "grand_total") if name in known]
        if len(amounts) < len(found.rows) or not amounts or not totals:
            continue
        made = sum(amounts)
        agreed = next((one for one in totals if abs(one[1].value - made) < CENT * len(amounts)), None)
        if agreed is not None:
            yield ExtractionCheck(name="sum_of_lines", outcome="passed", fields=[pointer, agreed[0]])
        else:
            message = (
                f"The lines make {made:.2f}, which is none of the totals. Charges, discounts or a missed line may explain it."
            )
            yield ExtractionCheck(name="sum_of_lines", outcome="unsure", message=message, fields=[pointer, totals[0][0]])


def _dates(known: _Known) -> Iterator[ExtractionCheck]:
    """Yield whether the dates are in an order that makes sense, and whether the document says to be of the future."""
    days = {name: day for name in ("issue_date", "due_date") if name in known and (day := _day_of(known[name][1])) is not None}
    issued, due = days.get("issue_date"), days.get("due_date")
    if issued is not None and issued > date.today() + timedelta(days=MAX_FUTURE_DAYS):
        message = f"The document is dated {issued}, which is in the future."
        yield ExtractionCheck(name="plausible_date", outcome="unsure", message=message, fields=[known["issue_date"][0]])
    if issued is None or due is None:
        return
    fields = [known["issue_date"][0], known["due_date"][0]]
    if issued <= due <= issued + timedelta(days=MAX_DUE_DAYS):
        yield ExtractionCheck(name="due_after_issue", outcome="passed", fields=fields)
    else:
        yield ExtractionCheck(name="due_after_issue", outcome="failed", message=f"Issued {issued}, due {due}.", fields=fields)


def _day_of(value: Candidate) -> date | None:
    try:
        return date.fromisoformat(str(value.value))
    except ValueError:
        return None


def _currency(known: _Known) -> Iterator[ExtractionCheck]:
    """Yield whether the currency is the one that stands beside the total."""
    if "currency" not in known or "grand_total" not in known:
        return
    (at, named), (total_at, total) = known["currency"], known["grand_total"]
    said = {one.value for one in find_currencies(str(named.value))}
    beside = {one.value for place in total.places for one in find_currencies(place.segment.text)}
    if said and beside:
        outcome: CheckOutcome = "passed" if said & beside else "failed"
        message = "" if said & beside else f"The total is in {' or '.join(sorted(beside))}."
        yield ExtractionCheck(name="currency_of_total", outcome=outcome, message=message, fields=[at, total_at])


def _notes(chosen: Chosen) -> Iterator[ExtractionCheck]:
    """Yield which values could be others as well, as a date whose day and month could be exchanged."""
    for pointer, one in chosen.items():
        if one.value is not None and one.value.note:
            yield ExtractionCheck(name="unambiguous", outcome="unsure", message=one.value.note, fields=[pointer])


def _digits(chosen: Chosen) -> Iterator[ExtractionCheck]:
    """Yield whether the check digits of accounts, VAT ids and cards are right."""
    for pointer, one in chosen.items():
        rule = _RULES.get(one.role)
        if rule is None or one.value is None:
            continue
        right = rule(str(one.value.value))
        outcome: CheckOutcome = "unsure" if right is None else "passed" if right else "failed"
        yield ExtractionCheck(name=one.role, outcome=outcome, message=_MESSAGES[outcome], fields=[pointer])


_RULES: Mapping[str, Callable[[str], bool | None]] = {"iban": is_iban, "vat_id": is_vat_id, "luhn": is_luhn}
"""The rule of the check digits of each role that has them. None says that the number's own rule is not known."""
_MESSAGES: Mapping[CheckOutcome, str] = {
    "passed": "",
    "failed": "The check digits of the number are wrong.",
    "unsure": "The check digits of numbers of this form are not known.",
}
