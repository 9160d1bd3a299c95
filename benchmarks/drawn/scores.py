"""How much of a drawn document's truth a reading has. What needs the corpus's scorer is in ``text_scores.py``.

Texts are compared by their letters and digits. Two are the same if their similarity reaches ALIKE_SHARE: a scan may have a wrong
letter in a heading, and the heading is found nevertheless.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import mean

from benchmarks.drawn.reading import DrawnReading
from benchmarks.drawn.truth import EITHER_WAY, Block, Cell, Kind, Truth, WordBox
from document_parser.models import Block as ReadBlock

ALIKE_SHARE = 0.9
HEAD_LETTERS = 24
"""By so many letters at its beginning a block is found in what was read."""
CHECKED = re.compile(r"^\s*(?:\[[xX✓✗]\]|[☑☒✓✔✗✘■⊠])")
UNCHECKED = re.compile(r"^\s*(?:\[\s?\]|[☐□▢❏])")
_MARK = re.compile(r"^\s*(?:[-*+•▪–·◦]\s+|\[[ xX✓✗]?\]\s*|[☐□▢❏☑☒✓✔✗✘■⊠]\s*)+")
_LETTERS = re.compile(r"[^\w\u0300-\u036f]|_", re.UNICODE)


@dataclass(frozen=True)
class Score:
    """One document's metrics, each from 0 to 1; a document without headings has none for headings, and so on."""

    seed: int
    kind: str
    typesetter: str
    language: str
    metrics: dict[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def worst(self) -> float:
        """Return the mean of all metrics, to find the documents to look at first."""
        return mean(self.metrics.values()) if self.metrics else 0.0


def block_scores(truth: Truth, reading: DrawnReading) -> dict[str, float]:
    """Return the metrics that the blocks and the Markdown decide, without any scorer."""
    found = letters(reading.markdown)
    scores = {
        "headings": _f1(
            [letters(b.text) for b in truth.of(Kind.HEADING)],
            _found(reading, "title", "heading"),
            [_item_letters(b) for b in truth.body() if b.may_be_heading],
        ),
        "items": _f1(
            [_item_letters(b) for b in truth.of(Kind.ITEM) if not b.may_be_heading],
            _found(reading, "list_item"),
            [_item_letters(b) for b in truth.body() if b.kind in EITHER_WAY or b.may_be_heading],
        ),
        "clauses": _share([_item_letters(b) in _found(reading, "list_item", "paragraph") for b in truth.of(*EITHER_WAY)]),
        "tables_same": _share([_cells(b.cells) in [_read_cells(t) for t in reading.blocks] for b in truth.of(Kind.TABLE)]),
        "sequence": max(_sequence(blocks, found) for blocks in truth.block_orders()),
        "checkboxes": _checkboxes(truth.of(Kind.CHECKBOX), reading.blocks),
        "pairs": _share([letters(b.text + b.value) in found for b in truth.of(Kind.PAIR)]),
        "struck": _share([f"~~{text}~~" in reading.markdown for text in _struck(truth)]),
        "hidden_kept_out": _share([letters(b.text) not in found for b in truth.of(Kind.HIDDEN)]),
        "furniture_kept_out": _share([_furniture_letters(b) not in found for b in truth.of(Kind.HEAD, Kind.FOOT) if _furniture_letters(b)]),
        "watermark_kept_out": _share([not _stands_alone(b.text, reading.markdown) for b in truth.of(Kind.WATERMARK)]),
        "no_invented_table": float(any(b.kind == "table" for b in reading.blocks) <= bool(truth.of(Kind.TABLE, Kind.PAIR, Kind.CONTENTS))),
        "word_boxes": word_iou(truth, reading.words) if truth.has_boxes and reading.words else None,
    }  # fmt: skip
    return {name: value for name, value in scores.items() if value is not None}


def letters(text: str) -> str:
    """Return the letters, marks and digits of a text alone, without case."""
    return _LETTERS.sub("", unicodedata.normalize("NFKC", text).casefold())


def word_f1(truth: str, found: str) -> float:
    """Return the F1 of two texts as bags of words, each word its letters and digits."""
    one, other = (Counter(filter(None, map(letters, plain(text).split()))) for text in (truth, found))
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def plain(markdown: str) -> str:
    """Return Markdown without tags, marks of emphasis and pipes."""
    return re.sub(r"<[^<>]*>|\||~~|\*+|\\", " ", re.sub(r"</?su[bp]>|<!--.*?-->", "", markdown, flags=re.DOTALL))


def word_iou(truth: Truth, words: Sequence[WordBox]) -> float:
    """Return the mean overlap (intersection over union) of each word's true box with the best box of the same word."""
    places: dict[tuple[int, str], list[WordBox]] = defaultdict(list)
    for word in words:
        places[word.page, letters(word.text)].append(word)
    true = [word for block in truth.body() for word in block.words if letters(word.text)]
    return mean(max((iou(word, other) for other in places[word.page, letters(word.text)]), default=0.0) for word in true)


def iou(one: WordBox, other: WordBox) -> float:
    """Return the overlap of two boxes: the area of what is common through that of both together."""
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return wide * high / (areas - wide * high)


def _found(reading: DrawnReading, *kinds: str) -> list[str]:
    """Return the letters of the blocks of these kinds that were read."""
    return [letters(_MARK.sub("", block.text)) for block in reading.blocks if block.kind in kinds]


def _f1(true: Sequence[str], found: Sequence[str], either: Sequence[str] = ()) -> float | None:
    """Return the F1 of two lists of texts, each counted once; None if there is nothing to find and nothing was found.

    Texts in ``either`` may be found or not.
    """
    left, matched = [text for text in found if text not in either], 0
    if not true and not left:
        return None
    wrong = len(left)
    for text in true:
        best = next((other for other in left if _alike(text, other)), None)
        if best is not None:
            left.remove(best)
            matched += 1
    return 2 * matched / (len(true) + wrong)


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    shorter, longer = sorted((len(one), len(other)))
    if shorter < 2 * longer * ALIKE_SHARE - longer:
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() >= ALIKE_SHARE and matcher.ratio() >= ALIKE_SHARE


def _sequence(blocks: Sequence[Block], found: str) -> float:
    """Return the share of neighbouring blocks that stand in their order in the letters of what was read."""
    heads = [_item_letters(block)[:HEAD_LETTERS] for block in blocks if block.kind is not Kind.TABLE]
    places = [found.find(head) for head in heads if len(head) > HEAD_LETTERS // 2 and heads.count(head) == 1]
    pairs = [one < other for one, other in pairwise(place for place in places if place >= 0)]
    return mean(map(float, pairs)) if pairs else 1.0


def _cells(cells: Iterable[Cell]) -> list[tuple[int, int, int, int, str]]:
    """Return a table's cells that hold something, with their places and spans."""
    return sorted((c.row, c.column, c.rowspan, c.colspan, text) for c in cells if (text := letters(c.text)))


def _read_cells(block: ReadBlock) -> list[tuple[int, int, int, int, str]]:
    cells = block.table.cells if block.table else []
    return sorted((c.row, c.column, c.row_span, c.column_span, text) for c in cells if (text := letters(c.text)))


def _item_letters(block: Block) -> str:
    return letters(block.marker) + letters(block.text)


def _checkboxes(boxes: Sequence[Block], blocks: Sequence[ReadBlock]) -> float | None:
    """Return the share of the check boxes that were found beside their label in the right state."""
    read = {
        letters(_MARK.sub("", b.text)): bool(CHECKED.match(b.text))
        for b in blocks
        if CHECKED.match(b.text) or UNCHECKED.match(b.text)
    }
    return _share([read.get(letters(box.text)) is box.checked for box in boxes])


def _struck(truth: Truth) -> list[str]:
    return [run.text for block in truth.body() for run in block.runs if run.struck]


def _furniture_letters(block: Block) -> str:
    """Return the letters of a running head or foot but its page number; nothing of a bare page number."""
    return letters(max(block.text.replace("{page}", "\t").split("\t"), key=len).strip())


def _stands_alone(text: str, markdown: str) -> bool:
    """Return whether a watermark stands in the Markdown, in its own case."""
    return re.search(rf"\b{re.escape(text)}\b", markdown) is not None


def _share(results: Sequence[bool]) -> float | None:
    return mean(map(float, results)) if results else None
