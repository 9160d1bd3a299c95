"""Find labels on a page: the names of fields, as a schema and the usual words of many languages give them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from document_parser.extraction.schema import Leaf
from document_parser.extraction.view import Segment

CONCEPTS = Path(__file__).with_name("concepts.json")
"""File with what documents commonly name, by concept: its role, and its labels by language."""
MAX_LABEL_TOKENS = 8
"""Words of a label, at most."""
MIN_FUZZY_LETTERS = 5
"""Letters of a word, at least, that may differ by one from the word of a label: OCR misreads a letter."""

MIN_KEY_LETTERS = 5
"""Letters of a label, at least, that alone says what a field of a schema stands for: ``nr`` and ``vom`` do not."""
MIN_COLUMN_LETTERS = 4
"""Letters of a column's head, at least, that also stands as a label outside of tables: "ME" and "un" are words as well."""

_TOKEN = re.compile(r"[^\W_]+|[#№%]")
_BEFORE = frozenset(":;|(,/•·-–—[")
"""Characters after which a label may begin within a line."""
_ENUMERATION = re.compile(r"[\W_]*(?:(?:\d{1,2}[a-z]?|[a-z]|[ivx]{1,4})[.)][\W_]*)?", re.IGNORECASE)
"""What may stand before the label that begins a piece: a mark, or the number of a question, as in "2. Registration No."."""


class Token(NamedTuple):
    """A word of a text in comparable form, and where it is."""

    text: str
    start: int
    end: int


class Concept(NamedTuple):
    """Something that documents commonly name."""

    name: str
    role: str
    is_column: bool
    labels: tuple[str, ...]
    is_stop: bool = True
    """Whether its labels end the value before them. "Cash" is a label, and a value as well."""


_WITNESS = "witness "


def key_of_known(concept: Concept) -> str:
    """Return the key of a concept's labels in an index, where no field asks for them."""
    return f"{'known ' if concept.is_stop else _WITNESS}{concept.name}"


class LabelHit(NamedTuple):
    """A label on a page: its place in the segment, its field's key in the index, and how good it is, from 0 to 1.

    ``rank`` is the place of the label among the field's labels: the first are the surest.
    """

    segment: Segment
    start: int
    end: int
    key: str
    quality: float
    rank: int

    @property
    def is_stop(self) -> bool:
        """Return whether the label ends the value before it."""
        return not self.key.startswith(_WITNESS)

    @property
    def begins_segment(self) -> bool:
        """Return whether nothing but a mark or the number of a question stands before the label."""
        return bool(_ENUMERATION.fullmatch(self.segment.text[: self.start]))


def fold(text: str) -> str:
    """Return a text in the form in which labels are compared: lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("º", "").replace("°", ""))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def tokens_of(text: str) -> list[Token]:
    """Return the words of a text for comparison, with their places in it."""
    found = (Token(fold(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(text))
    return [token for token in found if token.text]  # the ordinal sign of "N.º" is none


@lru_cache(maxsize=1 << 14)
def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a label or head for comparison. The same ones are compared again and again."""
    return tuple(token.text for token in tokens_of(text))


@cache
def load_concepts() -> dict[str, Concept]:
    """Return what documents commonly name, by concept and by every other key that stands for it."""
    found: dict[str, Concept] = {}
    for name, entry in json.loads(CONCEPTS.read_text("utf-8")).items():
        labels = tuple(dict.fromkeys(label for of_language in entry["labels"].values() for label in of_language))
        concept = Concept(name, entry["role"], entry.get("column", False), labels, entry.get("stop", True))
        for key in (name, *entry.get("also", [])):
            found.setdefault(f"{'column ' if concept.is_column else ''}{key}", concept)
    return found


@cache
def _concepts_by_label() -> dict[tuple[bool, tuple[str, ...]], Concept]:
    """Return what documents commonly name by each of its labels that names nothing else and is long enough to say so."""
    found: dict[tuple[bool, tuple[str, ...]], set[Concept]] = defaultdict(set)
    for concept in load_concepts().values():
        for label in concept.labels:
            found[concept.is_column, words_of(label)].add(concept)
    return {key: min(named) for key, named in found.items() if len(named) == 1 and len("".join(key[1])) >= MIN_KEY_LETTERS}


@cache
def _shared_labels() -> frozenset[tuple[str, ...]]:
    """Return the labels of values of several roles, such as "VAT": a tax, its rate, and the number of who pays it."""
    roles: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for concept in load_concepts().values():
        for label in concept.labels:
            roles[words_of(label)].add(concept.role)
    return frozenset(words for words, found in roles.items() if len(found) > 1)


def names_several(label: str) -> bool:
    """Return whether a label names several things, so that only its value shows which one it is."""
    return words_of(label) in _shared_labels()


def concept_of(leaf: Leaf, *, is_column: bool = False) -> Concept | None:
    """Return what a field stands for by its key, title or label, in any language; None if that is nothing common.

    ``is_column`` asks for what columns of lists of items hold.
    """
    for label in leaf.labels:
        key = fold(label).replace(" ", "_")
        found = load_concepts().get(f"column {key}" if is_column else key)
        if found is not None:
            return found
    by_label = (_concepts_by_label().get((is_column, words_of(label))) for label in leaf.labels)
    return next((found for found in by_label if found is not None), None)


@dataclass
class LabelIndex:
    """All labels that are looked for, so that each text is gone through once.

    ``known`` are labels that no field asks for: what follows one of them belongs to it, and not to the field before.
    """

    _by_tokens: dict[tuple[str, ...], list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    _vocabulary: set[str] = field(default_factory=set)
    _longest: int = 1
    _by_ends: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The words of labels by their first two letters and by their last two: a word with one other letter shares one of them."""
    _known_as: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, labels: Iterable[str]) -> None:
        """Add the labels of a field, the surest first."""
        for rank, label in enumerate(labels):
            words = words_of(label)[:MAX_LABEL_TOKENS]
            if words and all(one != key for one, _ in self._by_tokens[words]):
                self._by_tokens[words].append((key, rank))
                for word in [one for one in dict.fromkeys(words) if one not in self._vocabulary]:
                    self._by_ends[f"{word[:2]}…"].append(word)
                    self._by_ends[f"…{word[-2:]}"].append(word)
                self._vocabulary.update(words)
                self._known_as.clear()
                self._longest = max(self._longest, len(words))

    def add_known(self) -> None:
        """Add the labels of what documents commonly name, for no field. Short heads of columns are words elsewhere."""
        for concept in load_concepts().values():
            # A sign such as "#" stands before numbers as well: it ends no value.
            labels = [one for one in concept.labels if any(map(str.isalnum, one))]
            if concept.is_column:
                labels = [one for one in labels if len(one) >= MIN_COLUMN_LETTERS]
            self.add(key_of_known(concept), labels)

    def find(self, segment: Segment, *, fuzzy: bool = False) -> list[LabelHit]:
        """Return the labels in a segment, from left to right; of labels in the same place only the longest.

        ``fuzzy`` accepts words that differ by a letter, as OCR reads them.
        """
        tokens = tokens_of(segment.text)
        words = [self._nearest(token.text) if fuzzy else token.text for token in tokens]
        hits: list[LabelHit] = []
        place = 0
        while place < len(tokens):
            for length in range(min(self._longest, len(tokens) - place), 0, -1):
                found = self._by_tokens.get(tuple(words[place : place + length]))
                if found:
                    start, end = tokens[place].start, tokens[place + length - 1].end
                    quality = _quality(segment.text, start, end, len(tokens), place)
                    hits += [LabelHit(segment, start, end, key, quality, rank) for key, rank in found]
                    place += length - 1
                    break
            place += 1
        return hits

    def _nearest(self, word: str) -> str:
        """Return the word of a label that a word is, or differs from by one letter."""
        if word in self._vocabulary or len(word) < MIN_FUZZY_LETTERS:
            return word
        if word not in self._known_as:
            near = (*self._by_ends.get(f"{word[:2]}…", ()), *self._by_ends.get(f"…{word[-2:]}", ()))
            self._known_as[word] = next((known for known in near if differs_by_one(word, known)), word)
        return self._known_as[word]


def _quality(text: str, start: int, end: int, tokens: int, place: int) -> float:
    """Return how surely words name a field here: at the start of a piece, before a colon, and not within a sentence."""
    before, after = text[:start].rstrip(), text[end:].lstrip(" .)")
    followed = not after or after[0] in ":#=№|"
    begins = not before or before[-1] in _BEFORE or bool(_ENUMERATION.fullmatch(before))
    quality = 1.0 if begins else 0.75
    if not followed:
        quality *= 0.9 if tokens <= MAX_LABEL_TOKENS + 4 else 0.5
        if place and not begins:
            quality *= 0.6
    return quality


def differs_by_one(one: str, other: str) -> bool:
    """Return whether two words differ by one letter that is another, too many or missing."""
    if abs(len(one) - len(other)) > 1 or len(other) < MIN_FUZZY_LETTERS:
        return False
    first = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[first + 1 :] == other[first + 1 :] or one[first:] == other[first + 1 :] or one[first + 1 :] == other[first:]


def role_of(leaf: Leaf, concept: Concept | None) -> str:
    """Return what a value is beside its kind, as the schema says it or as its name usually means; empty if nothing says it."""
    return leaf.role or (concept.role if concept is not None else "")


def labels_for(leaf: Leaf, concept: Concept | None) -> Sequence[str]:
    """Return all labels of a field: its own first, then the usual ones. Its own that are usual ones keep their place there."""
    if concept is None:
        return leaf.labels
    usual = set(map(words_of, concept.labels))
    return tuple(dict.fromkeys((*(label for label in leaf.labels if words_of(label) not in usual), *concept.labels)))


def group_by_key(hits: Iterable[LabelHit]) -> Mapping[str, list[LabelHit]]:
    """Return label hits by the key of their field."""
    found: dict[str, list[LabelHit]] = defaultdict(list)
    for hit in hits:
        found[hit.key].append(hit)
    return found
