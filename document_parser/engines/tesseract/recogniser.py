"""The interface of what recognises writing for this engine: Tesseract's library, or its program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from PIL import Image

WORD_LEVEL = 5
"""The ``level`` of a word in Tesseract's table."""
COLUMNS = 12
"""Columns of the table; the last one is the text."""
AUTOMATIC_MODE, SINGLE_LINE_MODE = 3, 7
"""Tesseract's page segmentation modes for a page and for a picture of a single line."""


class FoundWord(NamedTuple):
    """A word in a picture, in pixels from the top left, with Tesseract's confidence from 0 to 100."""

    text: str
    left: int
    top: int
    width: int
    height: int
    confidence: float


class Orientation(NamedTuple):
    """How a page lies and what it is written in, with Tesseract's confidences, which have no upper bound.

    ``turn`` is the clockwise turn in degrees that makes the page upright.
    """

    turn: int
    turn_confidence: float
    script: str
    script_confidence: float


class Recogniser(Protocol):
    """Reads pictures with the packs of one folder. Several threads may call it at once.

    ``languages`` are names of packs, joined by ``+``. All methods raise EngineError, EngineTimeout, EngineUnavailable.
    """

    def describe(self) -> str:
        """Return the version of Tesseract."""

    def read_page(self, picture: Image.Image, languages: str, folder: Path, dpi: float) -> list[FoundWord]:
        """Return the words of a page."""

    def read_lines(self, pieces: Sequence[Image.Image], languages: str, folder: Path, dpi: float) -> list[list[FoundWord]]:
        """Return the words of each picture of a single line."""

    def detect_orientation(self, picture: Image.Image, folder: Path) -> Orientation | None:
        """Return how a page lies; None if it has too little text. The folder has the pack ``osd``."""


def parse_table(table: str, page_number: int = 1) -> Iterator[FoundWord]:
    """Yield the words of one picture in Tesseract's table of tab-separated values."""
    for line in table.splitlines():
        columns = line.split("\t", COLUMNS - 1)
        if len(columns) < COLUMNS or columns[:2] != [str(WORD_LEVEL), str(page_number)]:
            continue
        *_, left, top, width, height, sure, text = columns
        if word := text.strip():
            yield FoundWord(word, int(left), int(top), int(width), int(height), max(0.0, float(sure)))
