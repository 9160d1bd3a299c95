"""Write words as the invisible text of a PDF page: a font without shapes, and the operators that place each word on its box.

Source: the way of Tesseract and OCRmyPDF (text rendering mode 3, a font with one empty glyph, ToUnicode). Unlike theirs, the
codes of the font are given to the characters of the document one by one, so that ToUnicode lists exactly these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from unicodedata import bidirectional, combining

from document_parser.export.searchable.words import PlacedRun, Point
from document_parser.text.direction import has_right_to_left

GLYPH_WIDTH = 500
"""Width of the one glyph in thousandths of its height."""
MAX_CODES = 65535
"""Characters that one font can tell apart; code 0 is none of them."""
MIN_LENGTH_SHARE = 0.02
"""Length of a word without a place of its own, in heights of its line for each letter."""
MIN_WHOLE_PERCENT = 50
"""From this share of the font's width on, that of a word is written in whole percent: no word is a hundredth off, and a page of
small letters is an eighth smaller."""
_ESCAPES = {byte: b"\\" + bytes([byte]) for byte in b"()\\"} | {13: b"\\r", 10: b"\\n"}


class Codes:
    """The codes of the characters of a document, in the order in which they come."""

    def __init__(self) -> None:
        """Begin without a character."""
        self._codes: dict[str, int] = {}

    @property
    def count(self) -> int:
        """Return how many characters have a code; codes count from 1."""
        return len(self._codes)

    def encode(self, text: str) -> bytes:
        """Return a text as a string of a content stream, two bytes for each character. What has no code left is left out."""
        codes = (self._codes.setdefault(letter, len(self._codes) + 1) for letter in text if self._has_room(letter))
        plain = b"".join(code.to_bytes(2, "big") for code in codes)
        return b"(" + b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in plain) + b")"

    def _has_room(self, letter: str) -> bool:
        return letter in self._codes or len(self._codes) < MAX_CODES

    def to_unicode(self) -> bytes:
        """Return the CMap from codes to characters."""
        lines = [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            "<0000> <FFFF>",
            "endcodespacerange",
        ]
        pairs = [f"<{code:04X}> <{letter.encode('utf-16-be').hex().upper()}>" for letter, code in self._codes.items()]
        for start in range(0, len(pairs), 100):
            some = pairs[start : start + 100]
            lines += [f"{len(some)} beginbfchar", *some, "endbfchar"]
        lines += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end"]
        return "\n".join(lines).encode("ascii")


def text_operators(runs: Iterable[PlacedRun], to_page: Callable[[Point], Point], codes: Codes, font: str) -> bytes:
    """Return the operators that write the words invisibly; empty if there are none.

    ``to_page`` maps a point of the upright page (fractions, origin top left) to the space of the content stream.
    """
    lines = [b"\n".join(_line_operators(list(line), to_page, codes)) for _, line in groupby(runs, key=lambda run: run.line)]
    written = [line for line in lines if line]
    if not written:
        return b""
    return b"\n".join([f"BT 3 Tr /{font} 1 Tf".encode(), *written, b"ET"])


def _line_operators(runs: Sequence[PlacedRun], to_page: Callable[[Point], Point], codes: Codes) -> Iterator[bytes]:
    """Yield the operators of the words of a line: one matrix for the line, then the width and place of each word."""
    first = runs[0]
    origin, above = to_page(first.start), to_page(first.above)
    height = math.dist(origin, above)
    ends = [to_page(run.end) for run in runs]
    far = max(ends, key=lambda end: math.dist(origin, end))
    length = math.dist(origin, far)
    if not (0 < height < math.inf) or not math.isfinite(length):
        return
    across = (
        ((far[0] - origin[0]) / length, (far[1] - origin[1]) / length) if length > height / 100 else _upright(origin, above)
    )
    # Words of right-to-left lines come from the right: their line still runs to the right.
    if (above[0] - origin[0]) * -across[1] + (above[1] - origin[1]) * across[0] < 0:
        across = (-across[0], -across[1])
    up = (-across[1], across[0])
    matrix = (across[0] * height, across[1] * height, up[0] * height, up[1] * height, *origin)
    yield " ".join(_number(value, 4 if place < 4 else 2) for place, value in enumerate(matrix)).encode() + b" Tm"
    at, last_scale = 0.0, ""
    for run, end in zip(runs, ends, strict=True):
        text = _shown_text(run.text)
        if not text:
            continue
        start = _along(origin, to_page(run.start), across) / height
        width = max(_along(origin, end, across) / height - start, MIN_LENGTH_SHARE * len(text))
        percent = 100 * width * 1000 / (GLYPH_WIDTH * len(text))
        scale = _number(percent, 0 if percent >= MIN_WHOLE_PERCENT else 1)
        if float(scale) <= 0:
            scale = "0.1"
        step = _number(start - at, 2)
        parts = [f"{step} 0 Td".encode()] if float(step) else []
        if scale != last_scale:
            parts.append(f"{scale} Tz".encode())
        parts.append(codes.encode(text + " ") + b"Tj")
        at, last_scale = at + float(step), scale
        yield b" ".join(parts)


def _upright(origin: Point, above: Point) -> Point:
    """Return the direction of writing below the way up."""
    length = math.dist(origin, above)
    return (above[1] - origin[1]) / length, -(above[0] - origin[0]) / length


def _along(origin: Point, point: Point, across: Point) -> float:
    """Return how far a point is from the start of a line in its direction."""
    return (point[0] - origin[0]) * across[0] + (point[1] - origin[1]) * across[1]


def _number(value: float, places: int) -> str:
    """Return a number as short as it can be written."""
    text = f"{value:.{places}f}".rstrip("0").rstrip(".") if places else f"{value:.0f}"
    return "0" if text in ("", "-0") else text


def _shown_text(text: str) -> str:
    """Return a word as its glyphs lie on the page from left to right, which is how programs expect to find it.

    Letters of right-to-left scripts are turned around, with their marks behind them; numbers among them are not.
    """
    if not has_right_to_left(text):
        return text
    clusters: list[str] = []
    for letter in text:
        if clusters and (combining(letter) or (_is_number(letter) and _is_number(clusters[-1][-1]))):
            clusters[-1] += letter
        else:
            clusters.append(letter)
    return "".join(reversed(clusters))


def _is_number(letter: str) -> bool:
    return bidirectional(letter) in ("EN", "AN", "ES", "ET", "CS")
