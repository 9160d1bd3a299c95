"""Check values against each other and against rules. A check says what does not agree; it corrects nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from document_parser.extraction.labels import Concept
from document_parser.extraction.rows import Rows
from document_parser.extraction.search import Candidate
from document_parser.extraction.totals import CENT
from document_parser.models.extraction import ExtractionCheck

Chosen = Mapping[str, tuple[Concept | None, Candidate | None]]
"""The fields by JSON pointer: what each stands for, and its value; None if it has none."""
MAX_DUE_DAYS = 400
"""A document that is due later than this after its date is odd."""


def check_values(chosen: Chosen, rows: Mapping[str, Rows]) -> list[ExtractionCheck]:
    """Return the checks that the values allow: sums, dates, and the check digits of numbers."""
    by_concept = {
        concept.name: (pointer, value)
        for pointer, (concept, value) in chosen.items()
        if concept is not None and value is not None
    }
    amounts = {name: one for name, one in by_concept.items() if isinstance(one[1].value, int | float)}
    return [*_sums(amounts), *_lines(amounts, rows), *_dates(by_concept), *_digits(chosen)]


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
    """Yield whether the dates are in an order that makes sense."""
    if "issue_date" not in known or "due_date" not in known:
        return
    try:
        issued, due = (date.fromisoformat(str(known[name][1].value)) for name in ("issue_date", "due_date"))
    except ValueError:
        return
    fields = [known["issue_date"][0], known["due_date"][0]]
    if issued <= due <= issued + timedelta(days=MAX_DUE_DAYS):
        yield ExtractionCheck(name="due_after_issue", outcome="passed", fields=fields)
    else:
        yield ExtractionCheck(name="due_after_issue", outcome="failed", message=f"Issued {issued}, due {due}.", fields=fields)


def _digits(chosen: Chosen) -> Iterator[ExtractionCheck]:
    """Yield whether the check digits of IBANs are right, and whether dates are unambiguous."""
    for pointer, (concept, candidate) in chosen.items():
        if candidate is None:
            continue
        if candidate.note:
            yield ExtractionCheck(name="unambiguous", outcome="unsure", message=candidate.note, fields=[pointer])
        if concept is not None and concept.role == "iban":
            right = is_iban(str(candidate.value))
            message = "" if right else "The check digits of the IBAN are wrong."
            yield ExtractionCheck(name="iban", outcome="passed" if right else "failed", message=message, fields=[pointer])


def is_iban(text: str) -> bool:
    """Return whether a text is an IBAN with right check digits. Source: ISO 13616, ISO 7064 MOD 97-10."""
    plain = re.sub(r"\s", "", text).upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", plain):
        return False
    digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return int(digits) % 97 == 1
