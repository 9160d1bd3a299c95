"""How much of a drawn document's truth a reading has. What needs the corpus's scorer is in ``text_scores.py``.

Texts are compared by their letters and digits. Two are the same if their similarity reaches ALIKE_SHARE: a scan may have a
wrong letter in a heading, and the heading is found nevertheless.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from html import unescape
from itertools import pairwise
from statistics import mean

from benchmarks.drawn.reading import DrawnReading
from benchmarks.drawn.truth import EITHER_WAY, Block, Cell, Kind, Truth, WordBox
from document_parser.models import Block as ReadBlock
from document_parser.models import Continuation, Table

ALIKE_SHARE = 0.9
HEAD_LETTERS = 24
"""By so many letters at its beginning a block is found in what was read."""
CHECKED = re.compile(r"^\s*(?:\[[xX✓✗]\]|[☑☒✓✔✗✘■⊠])")
UNCHECKED = re.compile(r"^\s*(?:\[\s?\]|[☐□▢❏])")
_MARK = re.compile(r"^\s*(?:[-*+•▪–·◦]\s+|\[[ xX✓✗]?\]\s*|[☐□▢❏☑☒✓✔✗✘■⊠]\s*)+")
_SPACELESS = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff"
"""Thai, Japanese and Chinese letters."""
_WORD = re.compile(f"[{_SPACELESS}]|[^\\s{_SPACELESS}]+")
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
    damages: tuple[str, ...] = ()
    """What a scan's pages suffered, as in ``scan.Scan``."""

    @property
    def worst(self) -> float:
        """Return the mean of all metrics, to find the documents to look at first."""
        return mean(self.metrics.values()) if self.metrics else 0.0


def block_scores(truth: Truth, reading: DrawnReading) -> dict[str, float]:
    """Return the metrics that the blocks and the Markdown decide, without any scorer."""
    found = letters(reading.markdown)
    reading = replace(reading, blocks=joined(reading.blocks))
    headings, items = truth.of(Kind.HEADING), [b for b in truth.of(Kind.ITEM) if not b.may_be_heading]
    scores = {
        "headings": _f1(
            [letters(b.text) for b in headings],
            _found(reading, "title", "heading"),
            [_item_letters(b) for b in truth.body() if b.may_be_heading],
        ),
        "items": _f1(
            [_item_letters(b) for b in items],
            _found(reading, "list_item"),
            [_item_letters(b) for b in truth.body() if b.kind in EITHER_WAY or b.may_be_heading],
        ),
        "heading_levels": _levels([(letters(b.text), b.level) for b in headings], reading, "title", "heading"),
        "item_levels": _levels([(_item_letters(b), b.level) for b in items], reading, "list_item"),
        "clauses": _share([_item_letters(b) in _found(reading, "list_item", "paragraph") for b in truth.of(*EITHER_WAY)]),
        "tables_same": _share([_cells(b.cells) in [_read_cells(t) for t in reading.blocks] for b in truth.of(Kind.TABLE)]),
        "sequence": max(_sequence(blocks, found) for blocks in truth.block_orders()),
        "checkboxes": _checkboxes(truth.of(Kind.CHECKBOX), reading.blocks),
        "pairs": _share([letters(b.text + b.value) in found for b in truth.of(Kind.PAIR)]),
        "struck": _share([f"~~{text}~~" in reading.markdown for text in _struck(truth)]),
        "hidden_kept_out": _share([letters(b.text) not in found for b in truth.of(Kind.HIDDEN)]),
        "furniture_kept_out": _share([text not in found for text in _furniture(truth)]),
        "watermark_kept_out": _share([not _leaks(b.text, reading) for b in truth.of(Kind.WATERMARK)]),
        "no_invented_table": _no_invented_table(truth, reading),
        "word_boxes": word_iou(truth, reading.words) if truth.has_boxes and reading.words else None,
    }  # fmt: skip
    return {name: value for name, value in scores.items() if value is not None}


def joined(blocks: Sequence[ReadBlock]) -> list[ReadBlock]:
    """Return the blocks with those that run over a page's end as one: texts joined, tables without their repeated heads."""
    whole: list[ReadBlock] = []
    for block in blocks:
        first = next((n for n in reversed(range(len(whole))) if whole[n].continued_on is not None), None)
        if block.continues is None or first is None:
            whole.append(block)
        else:
            whole[first] = _continued(whole[first], block, block.continues)
    return whole


def _continued(first: ReadBlock, rest: ReadBlock, seam: Continuation) -> ReadBlock:
    text = first.text[: len(first.text) - seam.cut] + seam.between + rest.text
    table = first.table
    if table and rest.table:
        down = table.rows - seam.repeated_rows
        below = [c.model_copy(update={"row": c.row + down}) for c in rest.table.cells if c.row >= seam.repeated_rows]
        table = Table(rows=down + rest.table.rows, columns=table.columns, cells=[*table.cells, *below])
    return first.model_copy(update={"text": text, "table": table})


def letters(text: str) -> str:
    """Return the letters, marks and digits of a text alone, without case."""
    return _LETTERS.sub("", unicodedata.normalize("NFKC", text).casefold())


def word_f1(truth: str, found: str) -> float:
    """Return the F1 of two texts as bags of words, each its letters and digits; of letters if the script has no spaces."""
    one, other = (Counter(_WORD.findall(" ".join(map(letters, text.split())))) for text in (truth, found))
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def plain(markdown: str) -> str:
    """Return Markdown without tags, marks of emphasis, check boxes and pipes."""
    markdown = re.sub(r"^\s*[-*+] \[[ x]\]", " ", markdown, flags=re.MULTILINE)
    return unescape(re.sub(r"<[^<>]*>|\||~~|\*+|\\", " ", re.sub(r"</?su[bp]>|<!--.*?-->", "", markdown, flags=re.DOTALL)))


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
    return [letters(_MARK.sub("", block.text)) for block in _of(reading, *kinds)]


def _levels(true: Sequence[tuple[str, int]], reading: DrawnReading, *kinds: str) -> float | None:
    """Return the share of the texts found as one of these kinds whose level has the rank that it has among those of the truth.

    Ranks count the levels that occur: a list whose outermost items have level 2 is as right as one from level 1.
    """
    left = [(text, b.level or 1) for text, b in zip(_found(reading, *kinds), _of(reading, *kinds), strict=True)]
    pairs = []
    for text, level in true:
        best = next((one for one in left if _alike(text, one[0])), None)
        if best is not None:
            left.remove(best)
            pairs.append((level, best[1]))
    ranks = [{level: rank for rank, level in enumerate(sorted(set(levels)))} for levels in zip(*pairs, strict=True)]
    return _share([ranks[0][one] == ranks[1][other] for one, other in pairs])


def _of(reading: DrawnReading, *kinds: str) -> list[ReadBlock]:
    return [block for block in reading.blocks if block.kind in kinds]


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


def _furniture(truth: Truth) -> list[str]:
    """Return the letters of running heads and feet without their page numbers, but those that the body has too."""
    longest = [max(b.text.replace("{page}", "\t").split("\t"), key=len) for b in truth.of(Kind.HEAD, Kind.FOOT)]
    body = letters(truth.markdown())
    return [text for text in map(letters, longest) if text and text not in body]


def _no_invented_table(truth: Truth, reading: DrawnReading) -> float:
    """Return 0 if a table was read where nothing on the page may be taken for one."""
    may_be = truth.of(Kind.TABLE, Kind.PAIR, Kind.CONTENTS)
    return float(bool(may_be) or all(block.kind != "table" for block in reading.blocks))


def _leaks(watermark: str, reading: DrawnReading) -> bool:
    """Return whether a word of a watermark, in capitals as nothing else is, stands in another block than a watermark."""
    texts = [block.text for block in reading.blocks if block.kind != "watermark"]
    texts += [cell.text for block in reading.blocks if block.table for cell in block.table.cells]
    return any(word in text for word in watermark.split() for text in texts)


def _share(results: Sequence[bool]) -> float | None:
    return mean(map(float, results)) if results else None
