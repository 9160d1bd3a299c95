"""Call Tesseract's library, which comes with the wheel of tesserocr, in the threads of this process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import tesserocr
from PIL import Image

from document_parser.engines.tesseract.recogniser import (
    AUTOMATIC_MODE,
    SINGLE_LINE_MODE,
    FoundWord,
    Orientation,
    parse_table,
)
from document_parser.errors import EngineError, EngineTimeout

MAX_LOADED = 4
"""Groups of packs that a thread keeps loaded. A group takes 10 to 20 MiB of memory."""
ORIENTATION_PACK = "osd"
"""The pack that detects orientation and script."""
QUIET = {"debug_file": "/dev/null"}
"""Variables of the library: by itself it writes remarks on pictures to standard error."""


_Loaded = OrderedDict[tuple[str, Path], tesserocr.PyTessBaseAPI]


class LibraryRecogniser:
    """Keeps the packs that each thread used last loaded: an object of the library belongs to one thread."""

    def __init__(self, deadline_seconds: float) -> None:
        self._deadline_seconds = deadline_seconds
        self._threads = threading.local()

    def describe(self) -> str:
        """Return the version of the library."""
        return str(tesserocr.PyTessBaseAPI.Version())

    def read_page(self, picture: Image.Image, languages: str, folder: Path, dpi: float) -> list[FoundWord]:
        """Return the words of a page. Raises EngineError, EngineTimeout."""
        return self._read(picture, languages, folder, dpi, AUTOMATIC_MODE, self._ends())

    def read_lines(self, pieces: Sequence[Image.Image], languages: str, folder: Path, dpi: float) -> list[list[FoundWord]]:
        """Return the words of each picture of a single line. Raises EngineError, EngineTimeout."""
        ends = self._ends()
        return [self._read(piece, languages, folder, dpi, SINGLE_LINE_MODE, ends) for piece in pieces]

    def detect_orientation(self, picture: Image.Image, folder: Path) -> Orientation | None:
        """Return how a page lies; None if it has too little text. Raises EngineError.

        The library knows no deadline for this.
        """
        loaded = self._load(ORIENTATION_PACK, folder)
        loaded.SetImage(picture)
        try:
            found = loaded.DetectOrientationScript()
        finally:
            loaded.Clear()
        if not found:
            return None
        turn = (360 - int(found["orient_deg"])) % 360
        return Orientation(turn, found["orient_conf"], found["script_name"], found["script_conf"])

    def _ends(self) -> float:
        return time.monotonic() + self._deadline_seconds

    def _read(self, picture: Image.Image, languages: str, folder: Path, dpi: float, mode: int, ends: float) -> list[FoundWord]:
        left = round((ends - time.monotonic()) * 1000)
        loaded = self._load(languages, folder)
        loaded.SetPageSegMode(mode)
        loaded.SetImage(picture)
        loaded.SetSourceResolution(round(dpi))
        try:
            if left <= 0 or not loaded.Recognize(left):
                raise EngineTimeout("Tesseract did not finish the page within its deadline.")
            return list(parse_table(loaded.GetTSVText(0)))
        finally:
            loaded.Clear()

    def _load(self, languages: str, folder: Path) -> tesserocr.PyTessBaseAPI:
        """Return this thread's object with these packs. Raises EngineError."""
        loaded: _Loaded = self._threads.__dict__.setdefault("loaded", OrderedDict())
        key = languages, folder
        if key not in loaded:
            while len(loaded) >= MAX_LOADED:
                loaded.popitem(last=False)[1].End()
            try:
                loaded[key] = tesserocr.PyTessBaseAPI(path=str(folder), lang=languages, variables=QUIET)
            except RuntimeError:
                raise EngineError(f"Tesseract cannot load {languages} from {folder.name}; is the pack whole?") from None
        loaded.move_to_end(key)
        return loaded[key]
