"""Hold what was extracted from drawn documents against their records: values, blank fields, pages and boxes of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.drawn.truth import WordBox
from benchmarks.extraction.comparing import is_equal
from benchmarks.extraction.drawn.documents import DrawnPaper
from document_parser.extraction.schema import step_to
from document_parser.models import Page
from document_parser.models.extraction import Extraction, FieldEvidence

LEAST_OVERLAP = 0.5
"""Share of two boxes' union that they have in common, at least, if they are the same word."""


@dataclass
class Counts:
    """Values that are right, expected and returned; blank fields, and those with a value; right values with their places."""

    right: int = 0
    expected: int = 0
    returned: int = 0
    blank: int = 0
    filled: int = 0
    placed: int = 0
    on_page: int = 0
    words: int = 0
    in_box: int = 0

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, self.expected + self.returned)

    def add(self, paper: DrawnPaper, found: Extraction, pages: Mapping[int, Page], only: str = "") -> list[str]:
        """Count the values of a document whose pointers begin with ``only``. Return what is wrong, a line each."""
        expected, returned = dict(leaves(paper.data)), dict(leaves(found.data))
        evidence = dict(leaves(found.evidence))
        wrong = []
        for pointer in sorted({*expected, *returned}):
            if not pointer.startswith(only):
                continue
            wanted, value = expected.get(pointer), returned.get(pointer)
            right = wanted is not None and value is not None and is_equal(value, wanted)
            self.expected += wanted is not None
            self.returned += value is not None
            self.right += right
            if pointer in paper.blanks:
                self.blank += 1
                self.filled += value is not None
            if right and pointer in paper.words:
                self._place(evidence[pointer], paper.words[pointer], pages)
            if not right and (wanted is not None or value is not None):
                wrong.append(f"{pointer}: {wanted!r} expected, {value!r} found")
        return wrong

    def _place(self, found: FieldEvidence, words: list[WordBox], pages: Mapping[int, Page]) -> None:
        self.placed += 1
        self.words += len(words)
        if found.page != words[0].page:
            return
        self.on_page += 1
        page = pages[found.page]
        width, height = page.width or 1.0, page.height or 1.0
        boxes = [(box.left * width, box.top * height, box.right * width, box.bottom * height) for box in found.boxes]
        self.in_box += sum(any(overlap(box, tuple(word[2:])) >= LEAST_OVERLAP for box in boxes) for word in words)


def leaves(data: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """The single values of data or evidence by their JSON pointers."""
    if isinstance(data, dict):
        for key, inner in data.items():
            yield from leaves(inner, step_to(pointer, key))
    elif isinstance(data, list):
        for place, inner in enumerate(data):
            yield from leaves(inner, f"{pointer}/{place}")
    else:
        yield pointer, data


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The share of two boxes' union that they have in common. Boxes are left, top, right, bottom."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return across * down / (area - across * down)
