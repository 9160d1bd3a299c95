"""Extract the values of a schema from the pages of a document. Each is a text of it, unless a model names others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from document_parser.extraction.candidates import Blank, Candidate, Findings, Pages, Place
from document_parser.extraction.checks import Checked, check_values
from document_parser.extraction.conventions import Conventions, conventions_of
from document_parser.extraction.dates import first_dates, signing_dates
from document_parser.extraction.einvoice import InvoiceData, item_views, prefer_data, values_of, with_places
from document_parser.extraction.labels import (
    Concept,
    LabelHit,
    LabelIndex,
    concept_of,
    group_by_key,
    key_of_known,
    labels_for,
    load_concepts,
    role_of,
)
from document_parser.extraction.parties import PARTY_ROLES, find_party
from document_parser.extraction.rows import Row, Rows, find_rows, rows_of_data
from document_parser.extraction.schema import Field, Group, Leaf, ListOf, leaves_of, lists_of, step_to
from document_parser.extraction.search import search_field
from document_parser.extraction.signatures import SIGNER_ROLE, find_signers
from document_parser.extraction.totals import WITNESSES, choose_totals
from document_parser.extraction.values import find_currencies
from document_parser.extraction.view import PageView
from document_parser.models.extraction import (
    Extraction,
    ExtractionCheck,
    ExtractionWarning,
    FieldEvidence,
    Match,
    OnUngrounded,
)

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
MIN_SCORE = 0.3
"""How sure a candidate must be to become a value."""
MAX_SHOWN = 80
"""Characters of a value that a warning shows, at most."""


class Result(NamedTuple):
    """A field with what was chosen for it; None if nothing was found, or only labels without a value."""

    leaf: Leaf
    concept: Concept | None
    chosen: Candidate | None
    blank: Blank | None


class Advice(NamedTuple):
    """What becomes of the values and rows that were found when someone else is heard too."""

    chosen: Mapping[str, Candidate | None]
    rows: Mapping[str, Rows]
    checks: Sequence[ExtractionCheck]
    warnings: Sequence[ExtractionWarning]
    complete: bool


class Adviser(Protocol):
    """Someone who says values of the document too, such as a model."""

    def advise(
        self, root: Group, chosen: Mapping[str, tuple[Leaf, Candidate | None]], rows: Mapping[str, Rows], pages: Pages
    ) -> Advice:
        """Return the values and rows after both were heard. Those that are on no page are candidates without places."""


def extract(
    root: Group,
    views: Sequence[PageView],
    data: InvoiceData | None = None,
    adviser: Adviser | None = None,
    on_ungrounded: OnUngrounded = "flag",
) -> Extraction:
    """Return the values of the schema's fields that the pages have, each with its evidence; others are null.

    The values of ``data``, the electronic invoice inside the document, win; where a page says otherwise, a check says so.
    A value of ``adviser`` that is on no page is named in the warnings, and null if ``on_ungrounded`` says so.
    """
    leaves = leaves_of(root)
    concepts = {pointer: concept_of(leaf) for pointer, leaf in leaves.items()}
    pages = _index(leaves, concepts, views)
    results = _choose(leaves, concepts, pages)
    rows = {pointer: find_rows(field, views, pages) for pointer, field in lists_of(root).items()}
    checks: list[ExtractionCheck] = []
    answer = Extraction(data=None, evidence=None)
    if adviser is not None:
        advice = adviser.advise(root, {pointer: (one.leaf, one.chosen) for pointer, one in results.items()}, rows, pages)
        results = {pointer: one._replace(chosen=advice.chosen[pointer]) for pointer, one in results.items()}
        rows = dict(advice.rows)
        checks += advice.checks
        answer = answer.model_copy(update={"warnings": [*advice.warnings], "complete": advice.complete})
    if data is not None:
        checks += _use_data(data, root, results, rows, pages)
    answer.warnings += _flag_ungrounded(results, rows, on_ungrounded)
    values, evidence = _build(root, "", results, rows, pages)
    checks += check_values({p: Checked(r.concept, role_of(r.leaf, r.concept), r.chosen) for p, r in results.items()}, rows)
    answer = answer.model_copy(update={"data": values, "evidence": evidence, "checks": checks})
    for pointer, found in rows.items():
        answer.rows_seen[pointer], answer.rows_returned[pointer] = found.seen, len(found.rows)
        if found.seen != len(found.rows):
            message = f"The document has {found.seen} rows for this list, and {len(found.rows)} could be read."
            answer.warnings.append(ExtractionWarning(code="rows_differ", message=message, field=pointer))
        for number in found.unplaced:
            message = "Cells of a table are not among the words of this page: their boxes are that of the table."
            answer.warnings.append(ExtractionWarning(code="cells_not_placed", message=message, field=pointer, page=number))
    return answer


def _flag_ungrounded(
    results: dict[str, Result], rows: dict[str, Rows], on_ungrounded: OnUngrounded
) -> Iterator[ExtractionWarning]:
    """Yield a warning for each value that is on no page of the document; with ``null`` take it away.

    A row none of whose values is on a page is taken away as a whole.
    """
    for pointer, result in results.items():
        if _is_ungrounded(result.chosen):
            yield _ungrounded(pointer, result.chosen)
            if on_ungrounded == "null":
                results[pointer] = result._replace(chosen=None)
    for pointer, found in rows.items():
        kept: list[Row] = []
        for row in found.rows:
            nowhere = {key: one for key, one in row.items() if _is_ungrounded(one)}
            gone = on_ungrounded == "null" and len(nowhere) == len(row) > 0
            for key, one in nowhere.items():
                yield _ungrounded(pointer if gone else f"{pointer}/{len(kept)}{key}", one)
            if not gone:
                dropped = nowhere if on_ungrounded == "null" else {}
                kept.append({key: one for key, one in row.items() if key not in dropped})
        rows[pointer] = replace(found, rows=kept)


def _is_ungrounded(value: Candidate | None) -> bool:
    """Return whether a value of a model was found on no page."""
    return value is not None and value.origin == "model" and value.match == "none"


def _ungrounded(pointer: str, value: Candidate | None) -> ExtractionWarning:
    shown = repr(value.value if value is not None else None)[:MAX_SHOWN]
    message = f"The model says {shown}, and no page has it."
    return ExtractionWarning(code="ungrounded", message=message, field=pointer)


def _use_data(
    data: InvoiceData, root: Group, results: dict[str, Result], rows: dict[str, Rows], pages: Pages
) -> list[ExtractionCheck]:
    """Put the values of an electronic invoice in the place of those of the pages. Return what agrees and what does not."""
    known = values_of(data, {pointer: (result.leaf, result.concept) for pointer, result in results.items()})
    chosen, checks = prefer_data({pointer: result.chosen for pointer, result in results.items()}, known, pages.views)
    for pointer, value in chosen.items():
        results[pointer] = results[pointer]._replace(chosen=value)
    views = item_views(data)
    inside = replace(pages, views=views, hits={}, conventions=Conventions(decimal="."))
    for pointer, field in lists_of(root).items():
        found = rows_of_data(field, views, inside)
        if found.rows:
            rows[pointer] = Rows(with_places(found.rows, rows[pointer].rows, data.attachment), found.seen, found.amount)
    return checks


def _index(leaves: Mapping[str, Leaf], concepts: Mapping[str, Concept | None], views: Sequence[PageView]) -> Pages:
    """Find all labels on the pages, once."""
    index = LabelIndex()
    for pointer, leaf in leaves.items():
        index.add(pointer, labels_for(leaf, concepts[pointer]))
    index.add_known()
    hits = {}
    for view in views:
        fuzzy = view.origin == "ocr"
        for segment in view.segments:
            if found := index.find(segment, fuzzy=fuzzy):
                hits[view.number, segment.number] = found
    conventions = conventions_of(segment.text for view in views for segment in view.segments)
    return Pages(views, hits, conventions)


def _choose(leaves: Mapping[str, Leaf], concepts: Mapping[str, Concept | None], pages: Pages) -> dict[str, Result]:
    """Choose a candidate for each field; totals are chosen together, so that they add up where they can."""
    by_key = group_by_key(hit for hits in pages.hits.values() for hit in hits)
    found: dict[str, Findings] = {}
    for pointer, leaf in leaves.items():
        concept = concepts[pointer]
        role = role_of(leaf, concept)
        if role in PARTY_ROLES and leaf.kind == "string":
            found[pointer] = Findings(find_party(role, by_key.get(pointer, []), pages))
        elif role == SIGNER_ROLE and leaf.kind == "string":
            found[pointer] = find_signers(by_key.get(pointer, []), pages)
        else:
            found[pointer] = search_field(leaf, concept, by_key.get(pointer, []), pages)
            if role == "currency" and leaf.kind == "string" and not found[pointer].candidates:
                found[pointer].candidates = _currency_of(pages)
        if leaf.kind in ("string", "date") and concept is not None and concept.name == "issue_date":
            candidates = [*found[pointer].candidates, *signing_dates(pages)]
            if not candidates and not found[pointer].blanks:
                candidates = first_dates(pages)
            found[pointer].candidates = sorted(candidates, key=lambda one: -one.score)
    amounts = {
        concept.name: pointer
        for pointer, concept in concepts.items()
        if concept is not None and concept.role == "amount" and leaves[pointer].kind in ("string", "number", "integer")
    }
    witnesses = {name: _amounts_of(load_concepts()[name], by_key, pages) for name in WITNESSES} if amounts else {}
    together = choose_totals({name: found[pointer].candidates for name, pointer in amounts.items()}, set(amounts), witnesses)
    results = {}
    for pointer, findings in found.items():
        concept = concepts[pointer]
        best = together.get(concept.name) if concept is not None and pointer in amounts.values() else None
        if best is None and findings.candidates:
            best = findings.candidates[0]
        chosen = best if best is not None and best.score >= MIN_SCORE else None
        results[pointer] = Result(leaves[pointer], concept, chosen, findings.blanks[0] if findings.blanks else None)
    return results


def _amounts_of(concept: Concept, by_key: Mapping[str, Sequence[LabelHit]], pages: Pages) -> list[Candidate]:
    """Return the amounts of something that no field needs to ask for."""
    hits = by_key.get(key_of_known(concept), ())
    return search_field(Leaf(concept.name, "number"), concept, hits, pages).candidates


def _currency_of(pages: Pages) -> list[Candidate]:
    """Return the currency that most amounts of the document name."""
    found: dict[str, list[Candidate]] = {}
    for view in pages.views:
        for segment in view.segments:
            for value in find_currencies(segment.text):
                place = Place(segment, value.start, value.end)
                found.setdefault(value.value, []).append(Candidate(value.value, (place,), 0.7, note=value.ambiguous))
    if not found:
        return []
    most = max(found.values(), key=len)
    return most[:1]


def _build(field: Field, pointer: str, results: Mapping[str, Result], rows: Mapping[str, Any], pages: Pages) -> tuple[Any, Any]:
    """Return the data and the evidence of a field, both in the schema's shape."""
    if isinstance(field, Group):
        data, evidence = {}, {}
        for key, inner in field.fields.items():
            data[key], evidence[key] = _build(inner, step_to(pointer, key), results, rows, pages)
        return data, evidence
    if isinstance(field, ListOf):
        found = rows[pointer].rows
        built = [_build_row(field.item, "", row, pages) for row in found]
        return [one for one, _ in built], [one for _, one in built]
    result = results[pointer]
    return value_of(result.leaf, result.chosen), evidence_of(result.leaf, result.chosen, result.blank, pages)


def _build_row(item: Field, pointer: str, row: Row, pages: Pages) -> tuple[Any, Any]:
    """Return the data and the evidence of a part of a row; ``pointer`` leads to it from the row."""
    if isinstance(item, Leaf):
        chosen = row.get(pointer)
        return value_of(item, chosen), evidence_of(item, chosen, None, pages)
    fields = item.fields if isinstance(item, Group) else {}
    built = {key: _build_row(inner, step_to(pointer, key), row, pages) for key, inner in fields.items()}
    return {key: one for key, (one, _) in built.items()}, {key: one for key, (_, one) in built.items()}


def value_of(leaf: Leaf, chosen: Candidate | None) -> Any:
    """Return a value in the type of its field: a text keeps numbers and dates as the document writes them. None without one."""
    if chosen is None:
        return None
    by_notation = (
        chosen.quote and leaf.kind == "string" and (not isinstance(chosen.value, str) or _ISO_DATE.fullmatch(chosen.value))
    )
    return chosen.quote if by_notation else chosen.value


def evidence_of(leaf: Leaf, chosen: Candidate | None, blank: Blank | None, pages: Pages) -> FieldEvidence:
    """Return where a value stands, or why there is none."""
    if chosen is None:
        return _evidence_of_nothing(blank, pages)
    page = chosen.places[0].segment.page if chosen.places else None
    confidences = [place.segment.confidence(place.start, place.end) for place in chosen.places]
    known = [one for one in confidences if one is not None]
    return FieldEvidence(
        page=page,
        boxes=[box for place in chosen.places for box in place.segment.boxes(place.start, place.end)],
        quote=chosen.quote,
        source=chosen.origin or pages.view(chosen.places[0].segment).origin,
        match=chosen.match or match_of(value_of(leaf, chosen), chosen.quote),
        confidence=round(min(1.0, chosen.score) * min(known, default=1.0), 3),
        state="found",
        label=chosen.label,
        note=chosen.note,
        attachment=chosen.attachment,
    )


def _evidence_of_nothing(blank: Blank | None, pages: Pages) -> FieldEvidence:
    """Return the evidence of a field without a value: its label is there, or nothing is."""
    if blank is None:
        return FieldEvidence()
    hit = blank.hit
    return FieldEvidence(
        page=hit.segment.page,
        boxes=hit.segment.boxes(hit.start, hit.end),
        quote=blank.unreadable,
        source=pages.view(hit.segment).origin,
        state="unreadable" if blank.unreadable else "blank",
        label=hit.segment.text[hit.start : hit.end],
    )


def match_of(value: Any, quote: str) -> Match:
    """Return how a value agrees with the text that it was taken from."""
    if isinstance(value, str) and " ".join(value.split()) == " ".join(quote.split()):
        return "exact"
    return "exact" if str(value) == quote else "normalised"
