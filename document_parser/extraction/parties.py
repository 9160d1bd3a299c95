"""Find who issued a document and who receives it: by section, by the form of companies' names, and by where names stand.

Letters and invoices have the issuer at the head or in a section of its own, and the recipient in an address block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from document_parser.extraction.candidates import Candidate, Pages, Place
from document_parser.extraction.labels import LabelHit, fold, tokens_of
from document_parser.extraction.values import find_by_pattern, find_dates
from document_parser.extraction.view import PageView, Segment

PARTY_ROLES = frozenset({"issuer_name", "issuer_address", "recipient_name", "recipient_address"})
"""Roles that are found here."""
HEAD_SHARE = 0.4
"""Share of the first page, from the top, in which the issuer names itself."""
ADDRESS_SHARE = 0.5
"""Share of the first page, from the top, in which the recipient's address stands."""
MAX_ADDRESS_LINES = 6
"""Lines of an address, at most."""
MIN_NAME_LETTERS = 3
"""Letters of a name, at least."""
MIN_PROSE_WORDS = 7
"""Words of a line that may be prose, at least: most of them begin with a small letter, which an address seldom has."""
MAX_SECTION_LINES = 8
"""Lines below the heading of a party among which its name is looked for."""

_COMPANY = re.compile(
    r"\b(?:gmbh|mbh|ag|kg|ohg|ug|e\.?k\.?|s\.?a\.?r\.?l\.?|s\.?a\.?s?|b\.?v\.?|n\.?v\.?|ltd|limited|inc|incorporated|llc|llp"
    r"|corp|corporation|plc|company|co|sdn\.? ?bhd|bhd|s/b|pte|s\.?p\.?a\.?|s\.?r\.?l\.?|s\.?l\.?|a/s|aps|ab|oy"
    r"|sp\. ?z ?o\.? ?o\.?|s\.?r\.?o\.?|gbr|trading"
    r"|enterprises?|restaurant|restoran|stores?|shop|mart|supermarket|hotel|cafe|group|services|industries"
    r"|holdings)\b\.?",
    re.IGNORECASE,
)
_ADDRESS_WORD = re.compile(
    r"\b(?:jalan|jln|lot|no|taman|street|st|road|rd|avenue|ave|lane|drive|suite|floor|block|box|bandar|lorong|kampung|persiaran|plaza|tower"
    r"|wisma|strasse|platz|allee|weg|gasse|ring|rue|via|calle|plaza|avenida|straat|laan|plein|building|mall|centre|center|unit|level)\b",
    re.IGNORECASE,
)
_OTHER_FACT = re.compile(
    r"\W*(?:tel|telephone|phone|fax|hp|gst|tax|reg|roc|vat|invoice|receipt|date|ust|steuer|email|e-mail|cashier|bill"
    r"|mobile|whatsapps?|taxinvoice|simplified|official|no\.? ?tel|co\.? ?reg|company)\b|\W*\d{5,7} ?-? ?[a-z]\W*$"
)
_REGISTRATION = re.compile(
    r"\s*\(?\b(?:co\.? ?(?:reg\.?)? ?no\.? ?:?)? ?[\dA-Z]*\d{5,}[\dA-Z]* ?[-·.~]? ?[A-Z]?\)?\s*$", re.IGNORECASE
)
"""The number of a company's registration behind its name."""
_LEGAL_FORM = re.compile(
    r"(?:^|[\s,])(?:sdn\.? ?bhd|bhd|s/b|pte\.? ?ltd|gmbh(?: & co\.? kg)?|ltd|limited|inc|llc|llp|plc"
    r"|s\.?a\.?r\.?l|s\.?r\.?l|s\.?p\.?a|b\.?v|a/s|oy|sp\. ?z ?o\.? ?o|s\.?r\.?o)\.?\W*$",
    re.IGNORECASE,
)
"""The legal form at the end of a company's name."""
_SENTENCE_END = re.compile(r"[^\W\d_]{4}\. +[A-Z][a-z]+ [a-z]")
_PARTED = re.compile(r"\s+[-–—·•|*]\s+|,\s+")
_STREET = re.compile(r"(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|straat|laan)\b", re.IGNORECASE)
_POSTCODE = re.compile(
    r"(?<!\d)(?:[A-Z]{1,2}[- ])?\d{4,6}(?!\d)(?=\W+[^\W\d_])|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]{2} \d{5}\b"
)
_NOT_A_NAME = re.compile(
    r"\b(?:invoice|receipt|rechnung|facture|factura|fattura|factuur|tax|bill|page|seite|date|datum|no|copy|original|welcome|thank|official"
    r"|cash|tel|phone|fax|gst|reg|roc|e-?mail|www|report|bericht|rapport|statement|quotation|schedule|certificate|agreement|contract"
    r"|delivery note|lieferschein)\b|@|https?:",
    re.IGNORECASE,
)


def find_party(role: str, hits: Sequence[LabelHit], pages: Pages) -> list[Candidate]:
    """Return the names or addresses of the issuer or recipient, the surest first."""
    found = list(_in_sections(role, hits, pages))
    if role.startswith("issuer"):
        found += _at_the_head(role, pages)
    else:
        found += _in_address_blocks(role, pages)
    return sorted(found, key=lambda one: -one.score)


def _in_sections(role: str, hits: Sequence[LabelHit], pages: Pages) -> Iterator[Candidate]:
    """Yield what stands in the sections that name the party: beside its label, or in the lines below it."""
    for hit in hits:
        view, label = pages.view(hit.segment), hit.segment.text[hit.start : hit.end]
        behind = Place(hit.segment, hit.end, len(hit.segment.text))
        stripped = behind.text.lstrip(" :.")
        if stripped and hit.quality >= 0.9 and ":" in behind.text[:3]:
            start = len(hit.segment.text) - len(stripped)
            column = [hit.segment, *_column_below(hit.segment, view, pages)]
            yield from _named(role, column, start, hit.quality * 0.95, label)
            continue
        if stripped or hit.quality < 0.9:
            continue
        beside = next((one for one in view.right_of(hit.segment) if not pages.begins_with_label(one, hit.key)), None)
        below = list(_column_below(hit.segment, view, pages))
        inner = _labelled_name(below, view, pages)
        if inner is not None:
            yield from _named(role, [inner, *_column_below(inner, view, pages)], 0, hit.quality, label)
        elif beside is not None and not below:
            yield from _named(role, [beside, *_column_below(beside, view, pages)], 0, hit.quality * 0.8, label)
        elif below:
            yield from _named(role, below, 0, hit.quality * 0.9, label)
        elif beside is not None:
            yield from _named(role, [beside], 0, hit.quality * 0.8, label)


def _column_below(segment: Segment, view: PageView, pages: Pages) -> Iterator[Segment]:
    """Yield the lines below a piece that begin where it begins, without a wide gap between them."""
    reach = segment.bottom
    for other in view.below(segment, MAX_SECTION_LINES * 2.2 * segment.height):
        if abs(other.left - segment.left) > 2 * segment.height:
            continue
        if other.top - reach > (3.5 if reach == segment.bottom else 2.2) * segment.height:
            return
        reach = other.bottom
        yield other


def _labelled_name(lines: Sequence[Segment], view: PageView, pages: Pages) -> Segment | None:
    """Return the value of the label "Name" in a section, else its first line that is no fact; None if there is none."""
    for line in lines[:MAX_SECTION_LINES]:
        tokens = [token.text for token in tokens_of(line.text)]
        if tokens in (["name"], ["firma"], ["company"], ["nom"], ["nombre"], ["nome"], ["naam"]):
            return next(view.right_of(line), None)
    return next((line for line in lines[:MAX_SECTION_LINES] if not _is_fact(line, view)), None)


def _is_fact(line: Segment, view: PageView) -> bool:
    """Return whether a line is a label with a value, marked by a colon."""
    return ":" in line.text or any(other.text.startswith(":") for other in view.right_of(line))


def _named(role: str, lines: Sequence[Segment], start: int, score: float, label: str) -> Iterator[Candidate]:
    """Yield the party's name, the first line, or its address, the lines after it."""
    if not lines:
        return
    if role.endswith("name"):
        place = Place(lines[0], start, len(lines[0].text))
        if any(map(str.isalpha, place.text)):
            yield Candidate(place.text.strip(), (place,), score, label)
        return
    address = [Place(line, 0, len(line.text)) for line in takewhile(_may_be_address, lines[1 : MAX_ADDRESS_LINES + 1])]
    if address:
        yield Candidate(_joined(address), tuple(address), score, label)


def _at_the_head(role: str, pages: Pages) -> Iterator[Candidate]:
    """Yield the names at the head of the first page, or the address lines that follow such a name."""
    if not pages.views:
        return
    view = pages.views[0]
    head = [one for one in view.segments if one.top < view.segments[0].top + HEAD_SHARE * view.height]
    names = [(place, _name_score(one, place, pages)) for place, one in enumerate(head)]
    ranked = sorted((one for one in names if one[1] > 0), key=lambda one: -one[1])[:3]
    for place, score in ranked:
        if role == "issuer_name":
            whole = Place(head[place], 0, _end_of_name(head[place].text))
            places = (whole, *_rest_of_name(head[place + 1 : place + 2]))
            yield Candidate(" ".join(one.text.strip() for one in places), places, score)
        else:
            yield from _address_after(head[place + 1 :], score, pages)


def _rest_of_name(lines: Sequence[Segment]) -> Iterator[Place]:
    """Yield the line below a name if it has nothing but the legal form of the company."""
    for line in lines:
        end = _end_of_name(line.text)
        if _LEGAL_FORM.match(line.text, 0, end):
            yield Place(line, 0, end)


def _in_address_blocks(role: str, pages: Pages) -> Iterator[Candidate]:
    """Yield the parties of the first page's address blocks, without the issuer's: lines of which one has a post code."""
    if not pages.views:
        return
    view = pages.views[0]
    issuers = {fold(one.value)[:12] for one in list(_at_the_head("issuer_name", pages))[:1]}
    for count, segment in enumerate(view.segments):
        if segment.top > ADDRESS_SHARE * view.height:
            return
        lines = [segment, *_column_below(segment, view, pages)]
        block = list(takewhile(_may_be_address, lines[: MAX_ADDRESS_LINES + 1]))
        codes = [place for place, line in enumerate(block) if _POSTCODE.search(line.text)]
        if not codes or not 1 <= codes[0] <= 4 or ":" in segment.text or _looks_like_address(segment.text):
            continue
        if (
            fold(segment.text)[:12] in issuers
            or pages.begins_with_label(segment, "")
            or find_dates(segment.text, pages.conventions)
        ):
            continue
        yield from _named(role, block, 0, 0.6 - 0.002 * count, "")


def _name_score(segment: Segment, place: int, pages: Pages) -> float:
    """Return how likely a piece at the head is the issuer's name: by its form, by how high and large it stands."""
    text = segment.text[: _end_of_name(segment.text)].strip()
    letters = sum(map(str.isalpha, text))
    if letters < MIN_NAME_LETTERS or letters < 0.5 * len(text.replace(" ", "")) or _LEGAL_FORM.match(text):
        return 0.0
    if (_NOT_A_NAME.search(fold(text)) and not _LEGAL_FORM.search(text)) or _is_prose(segment.text):
        return 0.0
    if find_dates(text, pages.conventions) or (pages.hits_in(segment) and pages.begins_with_label(segment, "")):
        return 0.0
    if _ADDRESS_WORD.match(text) or (_ADDRESS_WORD.search(text) and any(map(str.isdigit, text))):
        return 0.0
    score = 0.62 - 0.04 * min(place, 10)
    return score + (0.2 if _COMPANY.search(text) else 0.0)


def _end_of_name(text: str) -> int:
    """Return where a name ends in a line: before the address that follows it behind a dash, dot or comma."""
    match = _PARTED.search(text)
    if match and any(map(str.isdigit, text[match.end() :])):
        return match.start()
    registration = _REGISTRATION.search(text)
    return registration.start() if registration and registration.start() >= MIN_NAME_LETTERS else len(text)


def _address_after(lines: Sequence[Segment], score: float, pages: Pages) -> Iterator[Candidate]:
    """Yield the address in the lines after a name: from the first that looks like one to the last that does."""
    chosen: list[Segment] = []
    for line in lines[: MAX_ADDRESS_LINES + 3]:
        if not _may_be_address(line) or find_dates(line.text, pages.conventions):
            if chosen:
                break
            continue
        if chosen or _looks_like_address(line.text):
            chosen.append(line)
        if len(chosen) == MAX_ADDRESS_LINES:
            break
    if any(any(map(str.isdigit, line.text)) for line in chosen):
        places = [Place(line, 0, len(line.text)) for line in chosen]
        yield Candidate(_joined(places), tuple(places), score)


def _looks_like_address(text: str) -> bool:
    """Return whether a line has a street, a house number, a post code or the commas of an address."""
    return bool(_STREET.search(text) or _ADDRESS_WORD.search(text) or _POSTCODE.search(text))


def _may_be_address(segment: Segment) -> bool:
    """Return whether a line may belong to an address: no phone, no net address, no label of another thing."""
    folded = fold(segment.text)
    if find_by_pattern("email", segment.text) or find_by_pattern("url", segment.text):
        return False
    if _OTHER_FACT.match(folded) or _is_prose(segment.text):
        return False
    return any(map(str.isalpha, segment.text))


def _is_prose(text: str) -> bool:
    """Return whether a line is a piece of running text: it has the end of a sentence, or many words, most of them small."""
    if _SENTENCE_END.search(text):
        return True
    words = [word for word in text.split() if word[0].isalpha()]
    return len(words) >= MIN_PROSE_WORDS and sum(word[0].islower() for word in words) > 0.6 * len(words)


def _joined(places: Sequence[Place]) -> str:
    """Return the lines of an address as one text."""
    text = ""
    for place in places:
        line = place.text.strip()
        text += line if not text else (" " if text.endswith(",") else ", ") + line
    return text
