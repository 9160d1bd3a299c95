"""Choose the totals of a document together: of several candidates those that add up are the right ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import product

from document_parser.extraction.candidates import Candidate

MAX_CANDIDATES = 12
"""Candidates of each total that are tried in combination."""
CENT = 0.011
"""Difference of two amounts, at most, that are the same but for rounding."""
ABOUT_EQUAL = 0.12
"""Difference of scores within which two labels say the same."""
BONUS = 0.25
"""How much more the score of totals counts if they add up."""

SUMS = (
    ("grand_total", ("tax_basis_total", "tax_total")),
    ("due_payable", ("grand_total", "-prepaid")),
)
"""Totals that are the sum of others; those with a minus are subtracted."""


NOT_NAMED = "The document names no such amount. This is the amount that it equals if nothing was paid, added or deducted."
"""The note on a total that stands in for another."""
ONLY_SUBTOTAL = "No amount is named a total. This is the subtotal, and it equals what was paid less the change."
"""The note on a subtotal that stands in for the total."""
EQUALS = {"due_payable": ("grand_total", "prepaid"), "line_total": ("tax_basis_total", "discount")}
"""Totals that equal another one, unless the second is named."""


WITNESSES = ("rounding", "tendered", "change", "tax_basis_total")
"""Amounts that show which of several totals is the one to pay: it was rounded to it, or paid with change."""
EXACT = 0.006
"""Difference of two amounts that are the same to the cent."""
MAX_ROUNDING = 0.5
"""A total is rounded by less than this."""


def choose_totals(
    found: Mapping[str, Sequence[Candidate]], wanted: Set[str], witnesses: Mapping[str, Sequence[Candidate]] | None = None
) -> dict[str, Candidate]:
    """Return a candidate for each total that has any, so that as many sums as possible hold.

    ``found`` has the candidates of each total by its concept, the surest first. ``wanted`` are the totals asked for.
    ``witnesses`` are the amounts of ``WITNESSES``, whether or not they are asked for.
    """
    chosen = {name: candidates[0] for name, candidates in found.items() if candidates}
    totals = found.get("grand_total", ())
    paid = _paid(totals, witnesses) if "grand_total" in wanted and witnesses else None
    if totals:
        chosen["grand_total"] = _largest(totals)
    for total, parts in SUMS:
        names = [total, *(part.lstrip("-") for part in parts)]
        if not all(found.get(name) for name in names):
            continue
        options = [_distinct(found[name]) for name in names]
        best = max(product(*options), key=lambda pick: _worth(pick, parts))
        if _adds_up(best, parts):
            chosen.update(zip(names, best, strict=True))
    if paid is not None:
        chosen["grand_total"] = paid
    for name, (other, unless) in EQUALS.items():
        if name in wanted and name not in chosen and other in chosen and unless not in chosen:
            chosen[name] = replace(chosen[other], score=chosen[other].score * 0.7, note=NOT_NAMED)
    return chosen


def _paid(totals: Sequence[Candidate], witnesses: Mapping[str, Sequence[Candidate]]) -> Candidate | None:
    """Return the total that was rounded from another one, or for which change was given; None if nothing shows it.

    On receipts without tax the subtotal may be the only amount for which change was given.
    """
    subtotals = [replace(one, note=ONLY_SUBTOTAL) for one in witnesses.get("tax_basis_total", ())]
    distinct = _distinct([*totals, *subtotals])
    roundings = [one.value for one in _distinct(witnesses.get("rounding", ())) if 0 < abs(one.value) < MAX_ROUNDING]
    tendered, change = (_distinct(witnesses.get(name, ())) for name in ("tendered", "change"))

    def is_paid(total: float) -> bool:
        rounded = any(abs(other.value + by - total) < EXACT for other in distinct for by in roundings)
        return rounded or any(
            given.value > back.value >= 0 and abs(given.value - back.value - total) < EXACT
            for given in tendered
            for back in change
        )

    return next((one for one in distinct if one.value and is_paid(one.value)), None)


def _largest(totals: Sequence[Candidate]) -> Candidate:
    """Return the largest of the totals that are about equally sure: a total before tax or rounding is called a total too."""
    likely = [one for one in totals if one.score >= totals[0].score - ABOUT_EQUAL]
    return max(likely, key=lambda one: one.value)


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the surest candidates with different values."""
    found: dict[float, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.value, candidate)
    return list(found.values())[:MAX_CANDIDATES]


def _worth(pick: Sequence[Candidate], parts: Sequence[str]) -> float:
    """Return how good a choice is: how sure its candidates are, and whether they add up."""
    return sum(one.score for one in pick) / len(pick) + (BONUS if _adds_up(pick, parts) else 0.0)


def _adds_up(pick: Sequence[Candidate], parts: Sequence[str]) -> bool:
    """Return whether the first amount is the sum of the others, which are not all zero."""
    rest = sum(-one.value if part.startswith("-") else one.value for one, part in zip(pick[1:], parts, strict=True))
    return abs(pick[0].value - rest) < CENT and any(one.value for one in pick)
