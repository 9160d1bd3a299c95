"""Gather what a page says about the kind of its document: titles, labels, shape, and where a document begins or goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from document_parser.classification.looks import PageLook, look_of
from document_parser.classification.tokens import TokenCounts, count_tokens
from document_parser.extraction.labels import LabelHit, LabelIndex, Token, fold, load_concepts, tokens_of
from document_parser.extraction.view import PageView, Segment
from document_parser.models import Page
from document_parser.models.classification import OwnLabel
from document_parser.text.common_words import share_of_common_words
from document_parser.text.page_words import OF_WORDS, PAGE_WORDS

WORDS = Path(__file__).with_name("words.json")
"""File with the titles and labels of each type by language. ``endings`` are those of compound words, such as Mietvertrag."""
OTHER = "other"
"""Stands for kinds of documents that are none of the types and are known by their titles: quotations, price lists."""
MAX_TITLE_TOKENS = 9
"""Words of a line with a title, at most."""
TOP_SHARE = 0.4
"""The part of the page in which a title in letters of the usual size counts."""
HEAD_SHARE = 0.14
"""The part of the page in which a letterhead or a running head is."""
LARGE = 1.22
"""Height of a title's letters over those of the page, at least, that makes it large."""
NAMES_ANYWHERE = frozenset({"contract", "legal_document", "medical_record", "generic"})
"""Types whose words count wherever they are. The others name fields: their words count where labels stand."""
MIN_MARK_QUALITY = 0.6
"""How surely a word names a field, at least, for the other types."""
NARROW = 0.55
"""Width of a page over its height, at most, that is a till's strip."""

PROSE = 0.25
"""Share of common words, such as articles, from which on a page is surely running text."""
MARGIN = 0.3
"""The left part of a page in which the numbers of lines stand."""
LINE_NUMBERS = 15
"""Lines with their numbers before them, from which on a page is surely one with numbered lines."""

_LINE_NUMBER = re.compile(r"(\d{1,2})(?:\s|$)")
_MONEY = re.compile(r"(?<![\d.,])\d{1,3}(?:[., ’']?\d{3})*[.,]\d{2}(?!\d)")
_CLAUSE = re.compile(
    r"^\s*(?:§\s*\d+|art(?:icle|icolo|ículo|igo|ikel|\.)?\s*\d+|\d{1,2}(?:\.\d{1,2}){0,3}[.)]?|\([a-z]\))\s+\S", re.I
)
_BLANK = re.compile(r"_{3,}|\.{6,}|…{2,}|(?:_ ){3,}")
_BOX = re.compile(r"[☐☑☒□■▢✓✔✗]|\[[ xX]?\]")
_PAGE_OF = re.compile(
    rf"\b(?:{PAGE_WORDS})?\s*"
    rf"(\d{{1,4}})(?:\s*(?:{OF_WORDS})\s*|\s+/\s+|(?<=[^\W\d]\s\d)/)(\d{{1,4}})\b",
    re.I,
)
_PAGE_WORD = re.compile(rf"\b(?:{PAGE_WORDS})", re.I)
_NUMBER = re.compile(r"(?=[^\s]*\d)[A-Za-z0-9][A-Za-z0-9/_.-]{2,30}")
_CARRIED = re.compile(
    r"carried forward|brought forward|continued|übertrag|fortsetzung|report à nouveau|à reporter|suite|suma y sigue|segue|"
    r"riporto|transport|vervolg|continua|a transportar|zu übertragen",
    re.I,
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")


class TitleHit(NamedTuple):
    """A title on a page, and how sure it is one, from 0 to 1."""

    type: str
    text: str
    page: int
    strength: float


@dataclass
class PageEvidence:
    """What one page says. ``titles`` has the best of each type; ``marks`` are labels by type, in comparable form, as shown.

    ``numbers`` are those beside labels of document numbers. ``page_of`` is the page's own number and how many there are.
    """

    number: int
    words: int = 0
    titles: dict[str, TitleHit] = field(default_factory=dict)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)
    concepts: set[str] = field(default_factory=set)
    shape: dict[str, float] = field(default_factory=dict)
    page_of: tuple[int, int] | None = None
    numbers: frozenset[str] = frozenset()
    head: frozenset[str] = frozenset()
    tokens: TokenCounts = field(default_factory=TokenCounts)
    size: tuple[float, float] = (0.0, 0.0)
    look: PageLook = field(default_factory=PageLook)
    starts_small: bool = False
    is_carried: bool = False
    has_table_end: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """All titles and labels that are looked for. ``endings`` are of compound words, by type."""

    index: LabelIndex
    endings: Mapping[str, str]
    own: Mapping[str, OwnLabel]


@cache
def shipped_words() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the titles, endings and labels of each type, of all languages together."""
    found = {}
    for name, entry in json.loads(WORDS.read_text("utf-8")).items():
        parts = {part: tuple(dict.fromkeys(one for of in entry[part].values() for one in of)) for part in ("titles", "marks")}
        found[name] = {**parts, "endings": tuple(entry["endings"])}
    return found


def vocabulary_of(own: Iterable[OwnLabel] = ()) -> Vocabulary:
    """Return what is looked for with these types beside the shipped ones. The index of the shipped ones is made once."""
    listed = tuple(own)
    return _vocabulary(listed)


@cache
def _vocabulary(own: tuple[OwnLabel, ...]) -> Vocabulary:
    index = LabelIndex()
    endings: dict[str, str] = {}
    for name, words in shipped_words().items():
        index.add(f"title {name}", words["titles"])
        index.add(f"mark {name}", words["marks"])
        endings |= {fold(ending): name for ending in words["endings"]}
    for label in own:
        index.add(f"title {label.name}", label.words)
        index.add(f"mark {label.name}", label.words)
    for concept in load_concepts().values():
        index.add(f"{'column' if concept.is_column else 'concept'} {concept.name}", concept.labels)
    return Vocabulary(index, endings, {one.name: one for one in own})


def page_evidence(page: Page, view: PageView, vocabulary: Vocabulary) -> PageEvidence:
    """Return what a page says about the kind of its document. ``view`` is that of the page."""
    found = PageEvidence(view.number, size=(0.0, 0.0) if view.origin == "file" else (view.width, view.height))
    depth = max((segment.bottom for segment in view.segments), default=view.height) or 1.0
    for place, segment in enumerate(view.segments):
        tokens = tokens_of(segment.text)
        hits = vocabulary.index.find(segment)
        _note_marks(found, hits, vocabulary)
        _note_title(found, view, segment, tokens, hits, vocabulary, is_first=place < 3)
    texts = [segment.text for segment in view.segments]
    found.tokens = count_tokens(texts)
    found.words = sum(len(_LETTERS.findall(text)) for text in texts)
    found.shape = _shape(page, view, texts, found)
    found.look = look_of(view)
    found.numbers = frozenset(_numbers(view, vocabulary))
    found.page_of = _page_of(view, depth)
    head = [segment.text for segment in view.segments if segment.bottom < HEAD_SHARE * view.height]
    found.head = frozenset(token.text for text in head for token in tokens_of(text) if len(token.text) > 2)
    first = next((text for text in texts if _LETTERS.search(text)), "")
    found.starts_small = first[:1].islower()
    found.is_carried = any(_CARRIED.search(text) for text in (*texts[:4], *texts[-4:]) if len(text) < 60)
    return found


def _note_marks(found: PageEvidence, hits: Sequence[LabelHit], vocabulary: Vocabulary) -> None:
    """Note the labels of types and the names of common fields in a segment."""
    for hit in hits:
        what, _, name = hit.key.partition(" ")
        if what in ("concept", "column"):
            if hit.quality >= MIN_MARK_QUALITY:
                found.concepts.add(hit.key)
        elif what == "mark" and (name in NAMES_ANYWHERE or name in vocabulary.own or hit.quality >= MIN_MARK_QUALITY):
            shown = hit.segment.text[hit.start : hit.end]
            found.marks.setdefault(name, {}).setdefault(fold(shown), shown)


def _note_title(
    found: PageEvidence,
    view: PageView,
    segment: Segment,
    tokens: Sequence[Token],
    hits: Sequence[LabelHit],
    vocabulary: Vocabulary,
    *,
    is_first: bool,
) -> None:
    """Note a segment that is a title: a short line in large letters, or in the upper part of the page by itself."""
    if not tokens or len(tokens) > MAX_TITLE_TOKENS:
        return
    is_large = segment.height >= LARGE * view.line_height
    if not is_large and segment.top > TOP_SHARE * view.height:
        return
    words = [token for token in tokens if not token.text.isdigit()]
    for name, start, end in _titles_in(segment.text, tokens, hits, vocabulary):
        covered = sum(start <= token.start < end for token in words) / max(1, len(words))
        begins = not _LETTERS.search(segment.text[:start])
        if not begins and not (is_large and covered >= 0.34):
            continue
        whole = covered > 0.99
        strength = (0.5 if is_large else 0.15) + 0.4 * covered + (0.1 if is_first else 0.0)
        if segment.text[start:end].isupper() and whole:
            strength += 0.1
        if not whole and not is_large:
            strength *= 0.7
        strength = min(1.0, strength)
        if name not in found.titles or found.titles[name].strength < strength:
            found.titles[name] = TitleHit(name, segment.text.strip(), view.number, round(strength, 3))


def _titles_in(
    text: str, tokens: Sequence[Token], hits: Sequence[LabelHit], vocabulary: Vocabulary
) -> Iterable[tuple[str, int, int]]:
    """Yield the types whose titles are in a text, with the places."""
    for hit in hits:
        what, _, name = hit.key.partition(" ")
        if what == "title":
            yield name, hit.start, hit.end
    known = {hit.start for hit in hits if hit.key.startswith("title ")}
    for token in tokens:
        if token.start in known:
            continue
        for ending, name in vocabulary.endings.items():
            if len(token.text) > len(ending) and token.text.endswith(ending):
                yield name, token.start, token.end


def _count_boxes(page: Page, texts: Sequence[str]) -> int:
    """Return how many boxes to tick a page has: in its words, or where these lack them in its blocks and cells."""
    in_blocks = 0
    for block in page.blocks:
        cells = [cell.text for cell in block.table.cells] if block.table is not None else []
        marks = sum(len(_BOX.findall(text)) for text in (block.text, *cells))
        in_blocks += max(marks, int(block.kind == "checkbox"))
    return max(in_blocks, sum(len(_BOX.findall(text)) for text in texts))


def _count_line_numbers(view: PageView) -> int:
    """Return how many lines have their number before them, as the papers of courts do."""
    first = (_LINE_NUMBER.match(one.text) for one in view.segments if one.left < MARGIN * view.width)
    numbers = [int(match[1]) for match in first if match]
    return sum(later == number + 1 for number, later in pairwise(numbers))


def _shape(page: Page, view: PageView, texts: Sequence[str], found: PageEvidence) -> dict[str, float]:
    """Return the looks of a page as numbers, most of them shares from 0 to 1."""
    lines, on_paper, boxes = max(1, len(texts)), view.origin != "file", _count_boxes(page, texts)
    tokens = [len(text.split()) for text in texts]
    with_digits = sum(any(char.isdigit() for char in word) for text in texts for word in text.split())
    return {
        "money": sum(bool(_MONEY.search(text)) for text in texts) / lines,
        "digits": with_digits / max(1, sum(tokens)),
        "clauses": sum(bool(_CLAUSE.match(text)) and len(text) > 12 for text in texts) / lines,
        "blanks": min(1.0, sum(bool(_BLANK.search(text)) for text in texts) / 4),
        "boxes": min(1.0, boxes / 4),
        "colons": sum(text.rstrip().endswith(":") or 0 < text.find(":") < 30 for text in texts) / lines,
        "long_lines": sum(count > 7 for count in tokens) / lines,
        "tables": min(1.0, len(view.tables) / 2),
        "columns": min(1.0, sum(name.startswith("column ") for name in found.concepts) / 4),
        "narrow": float(on_paper and view.width < NARROW * view.height),
        "landscape": float(on_paper and view.width > 1.15 * view.height),
        "few_words": float(found.words < 40),
        "prose": min(1.0, share_of_common_words(texts) / PROSE),
        "line_numbers": min(1.0, _count_line_numbers(view) / LINE_NUMBERS),
        **{kind: float(page.location is not None and page.location.kind == kind) for kind in ("message", "slide", "sheet")},
    }


def _numbers(view: PageView, vocabulary: Vocabulary) -> Iterable[str]:
    """Yield the numbers of documents that a page names, beside or below their labels."""
    for segment in view.segments:
        if len(segment.text) > 80:
            continue
        for hit in vocabulary.index.find(segment):
            if hit.key not in ("concept invoice_number", "concept order_number") or hit.quality < MIN_MARK_QUALITY:
                continue
            beside = next(iter(view.right_of(segment)), None)
            below = next(iter(view.below(segment, 2 * segment.height)), None)
            texts = [segment.text[hit.end :], *(one.text for one in (beside, below) if one is not None)]
            number = next((match[0] for text in texts if (match := _NUMBER.match(text.lstrip(" :.#№")))), None)
            if number is not None:
                yield fold(number)
                break


def _page_of(view: PageView, depth: float) -> tuple[int, int] | None:
    """Return what a page says of its own number, as in "page 2 of 3"; None if it says nothing."""
    for segment in view.segments:
        at_edge = segment.top < 0.15 * view.height or segment.bottom > 0.85 * min(view.height, depth)
        match = _PAGE_OF.search(segment.text)
        if (
            match
            and len(segment.text) < 120
            and (_PAGE_WORD.search(segment.text) or (at_edge and match[0] == segment.text.strip()))
        ):
            page, count = int(match[1]), int(match[2])
            if 1 <= page <= count:
                return page, count
    return None
