"""Search the values of a field at its labels, and say how sure each is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from document_parser.extraction.candidates import MIN_STOP_QUALITY, Blank, Candidate, Findings, Pages, Place
from document_parser.extraction.field_values import BRACKETS, MAX_PLACE_CHARACTERS, find_values, free_text
from document_parser.extraction.label_places import (
    CAPTION,
    MAX_BELOW_HEIGHTS,
    RIGHT,
    SAME_LINE,
    box_before,
    column_of,
    is_another_label,
    place_behind,
    places_of,
)
from document_parser.extraction.labels import MIN_COLUMN_LETTERS, Concept, LabelHit, fold, names_several, role_of
from document_parser.extraction.names import goes_on
from document_parser.extraction.schema import Leaf
from document_parser.extraction.values import find_box_before, find_currencies, find_dates, has_pattern

RANK_LOSS = 0.35
"""How much less sure the last of a field's labels is than the first."""
IN_SENTENCE = 0.3
"""How much less sure a value is at a label that is a word of a sentence."""
IN_COLUMN = 0.5
"""How much less sure a date is that is the first one of a column."""
MAX_WORDS_WITHOUT_MARK = 6
"""Words behind a label in small letters, at most, if no colon stands between: more are a sentence."""
LOSS_A_WORD = 0.93
"""How much less sure a value is for each word between it and its label."""
OTHER_LABEL = 0.6
"""How much less sure an amount is for each of the first two words that follow its label."""
AMOUNT_WORDS = frozenset(
    {"amount", "due", "incl", "inclusive", "including", "of", "gst", "vat", "tax", "payable", "rm", "net", "sum"}
)
"""Words after a label that leave it the label of an amount."""
WHOLE_AMOUNT = 0.7
"""How much less sure an amount without decimals is: it may be a count."""
ADJACENT = 0.5
"""How sure a date, number or identifier is, at least, that follows its label at once."""
FILLERS = frozenset(
    {"nr", "no", "n", "num", "number", "nummer", "numero", "id", "#", "№", "is", "der", "the", "de", "vom", "from"}
)
"""Words that may stand between a label and its identifier."""
_APOSTROPHES = ("'", "’")
_WORD = re.compile(r"\w+")


def search_field(leaf: Leaf, concept: Concept | None, hits: Sequence[LabelHit], pages: Pages) -> Findings:
    """Return what stands at a field's labels."""
    role = role_of(leaf, concept)
    found = Findings()
    most = max((hit.rank for hit in hits), default=0) + 1
    for hit in hits:
        trust = hit.quality * (1 - RANK_LOSS * hit.rank / max(most, 8))
        if _is_in_sentence(hit):
            trust *= IN_SENTENCE
        if role == "amount":
            trust *= OTHER_LABEL ** min(2, _further_words(hit))
        candidates = list(_at_label(leaf, role, hit, trust, pages))
        found.candidates += candidates
        if not candidates and hit.quality >= MIN_STOP_QUALITY and not _is_in_sentence(hit) and _says_enough(hit, role):
            found.blanks.append(_blank_of(hit, pages))
    found.candidates.sort(key=lambda one: -one.score)
    return found


def _says_enough(hit: LabelHit, role: str) -> bool:
    """Return whether a label without a value shows that its field is there.

    "Nr." is a word, and "VAT 19 %" a tax, not the label of a number that is missing.
    """
    label = hit.segment.text[hit.start : hit.end]
    return not _is_short(hit, role) and not (has_pattern(role) and names_several(label))


def _is_short(hit: LabelHit, role: str) -> bool:
    """Return whether a label of a number is so short that it is a word of running text as well, as "Nr." is."""
    return role == "identifier" and hit.end - hit.start < MIN_COLUMN_LETTERS


def _further_words(hit: LabelHit) -> int:
    """Return how many words go on after a label and make it another one, as in "Total items" and "Total excluding tax"."""
    behind = hit.segment.text[hit.end : hit.end + MAX_PLACE_CHARACTERS]
    rest = BRACKETS.sub(" ", re.split(r"[\d:=]", behind, maxsplit=1)[0])
    words = [fold(word) for word in _WORD.findall(rest)]
    return sum(len(word) > 1 and word not in AMOUNT_WORDS and not find_currencies(word.upper()) for word in words)


def _at_label(leaf: Leaf, role: str, hit: LabelHit, trust: float, pages: Pages) -> Iterator[Candidate]:
    """Yield the values at one label: behind it, right of it, or below it; only the nearest place that has any.

    A check box before the label says whether it is true.
    """
    if leaf.kind == "boolean" and (place := box_before(hit, pages)) is not None:
        value = find_box_before(place.text)[0].value
        yield Candidate(value, (place,), trust, hit.segment.text[hit.start : hit.end])
        return
    is_typed = leaf.kind != "string" or role in ("date", "identifier")
    is_text = not is_typed and role in ("", "text", "name", "title")
    if is_text and _begins_sentence(hit, pages):
        return
    for place, weight in places_of(hit, pages, is_typed=is_typed):
        if is_text and _is_caption(place, hit):
            continue
        values = find_values(leaf, role, place.text, pages.conventions)
        if role == "identifier":
            values = [value for value in values[:1] if _is_filler(place.text[: value.start])]
            if _is_short(hit, role):  # in "Nr. 14 UStG" more words follow
                values = [value for value in values if not any(map(str.isalnum, place.text[value.end :]))]
        for count, value in enumerate(values[:3]):
            at = Place(place.segment, place.start + value.start, place.start + value.end)
            label = hit.segment.text[hit.start : hit.end]
            between = len(_WORD.findall(place.text[: value.start]))
            score = trust * weight * 0.9**count * LOSS_A_WORD**between
            if role == "amount" and not isinstance(value.value, float):
                score *= WHOLE_AMOUNT
            if not between and weight == SAME_LINE and is_typed and not _is_in_sentence(hit):
                score = max(score, ADJACENT)
            if role == "date" and weight < RIGHT and _is_of_column(at, pages):
                score *= IN_COLUMN
            if role == "name":
                yield _name_at(at, hit, score, pages)
            else:
                yield Candidate(value.value, (at,), score, label, value.ambiguous)
        if values and role != "amount":
            return


def _is_caption(place: Place, hit: LabelHit) -> bool:
    """Return whether a text at a label is printed in brackets to say what is to be filled in."""
    return place.segment is not hit.segment and bool(CAPTION.fullmatch(place.text))


def _begins_sentence(hit: LabelHit, pages: Pages) -> bool:
    """Return whether the words of a label go on as a sentence, without a colon, so that they name no field there."""
    behind = place_behind(hit, pages).text
    words = behind.split(maxsplit=MAX_WORDS_WITHOUT_MARK + 1)
    if behind[:1] in _APOSTROPHES:
        return True
    if not words or not behind[:1].isspace() or not words[0][0].isalnum():
        return False
    label = hit.segment.text[hit.start]
    return words[0][0].islower() if label.isupper() else label.islower() and len(words) > MAX_WORDS_WITHOUT_MARK


def _is_of_column(at: Place, pages: Pages) -> bool:
    """Return whether another date stands below a date: its label is the head of a column."""
    segment = at.segment
    below = next(pages.view(segment).below(segment, MAX_BELOW_HEIGHTS * segment.height), None)
    return below is not None and bool(find_dates(below.text, pages.conventions))


def _is_in_sentence(hit: LabelHit) -> bool:
    """Return whether the word before a label shows that it is a word of a sentence, as in "the agreement dated"."""
    before = hit.segment.text[: hit.start].rsplit(maxsplit=1)
    if not before or not before[-1].rstrip(",").isalpha():
        return False
    is_clause = before[-1].endswith(",") and hit.segment.text[hit.start].islower()
    return is_clause or (before[-1].isalpha() and before[-1].islower())


def _name_at(at: Place, hit: LabelHit, score: float, pages: Pages) -> Candidate:
    """Return a name, with the next line if it goes on there."""
    places = [at]
    view = pages.view(at.segment)
    below = next(view.below(at.segment, 0.8 * at.segment.height), None)
    if below is not None and goes_on(below.text) and not is_another_label(below, hit, pages):
        start, end = below.within(*column_of(hit, view, pages))
        if start < end:
            places.append(Place(below, start, end))
    return Candidate(" ".join(one.text for one in places), tuple(places), score, hit.segment.text[hit.start : hit.end])


def _is_filler(text: str) -> bool:
    """Return whether nothing but a number in brackets and words such as "no." stands between a label and its identifier."""
    return all(fold(word) in FILLERS for word in _WORD.findall(BRACKETS.sub(" ", text)))


def _blank_of(hit: LabelHit, pages: Pages) -> Blank:
    """Return a label without a value; what stands there instead is unreadable as one."""
    for place, _ in places_of(hit, pages):
        is_label = place.segment is hit.segment and _begins_sentence(hit, pages)
        if free_text(place.text) and not is_label and not _is_caption(place, hit):
            return Blank(hit, place.text.strip(), (place,))
    return Blank(hit)
