"""Call Tesseract's program where its library cannot be imported, or where TESSERACT_PROGRAM names another program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytesseract
from PIL import Image

from document_parser.engines.tesseract.recogniser import AUTOMATIC_MODE, SINGLE_LINE_MODE, FoundWord, Orientation, parse_table
from document_parser.errors import EngineError, EngineTimeout, EngineUnavailable


class ProgramRecogniser:
    """Starts the program for each page, each group of lines and each detection."""

    def __init__(self, program: str, deadline_seconds: float) -> None:
        pytesseract.pytesseract.tesseract_cmd = program
        self._deadline_seconds = deadline_seconds

    def describe(self) -> str:
        """Return the program's version. Raises EngineError, EngineUnavailable."""
        with _engine_errors():
            return str(pytesseract.get_tesseract_version())

    def read_page(self, picture: Image.Image, languages: str, folder: Path, dpi: float) -> list[FoundWord]:
        """Return the words of a page. Raises EngineError, EngineTimeout, EngineUnavailable."""
        return list(parse_table(self._run(picture, languages, folder, dpi, AUTOMATIC_MODE)))

    def read_lines(self, pieces: Sequence[Image.Image], languages: str, folder: Path, dpi: float) -> list[list[FoundWord]]:
        """Return the words of single lines, read in one call because the program loads its packs once per call.

        Raises EngineError, EngineTimeout, EngineUnavailable.
        """
        with TemporaryDirectory(prefix="lines-") as name:
            paths = [Path(name, f"{number}.png") for number in range(len(pieces))]
            for path, piece in zip(paths, pieces, strict=True):
                piece.save(path, compress_level=1)
            listed = Path(name, "lines.txt")
            listed.write_text("\n".join(map(str, paths)))
            table = self._run(str(listed), languages, folder, dpi, SINGLE_LINE_MODE)
        return [list(parse_table(table, number)) for number in range(1, len(pieces) + 1)]

    def detect_orientation(self, picture: Image.Image, folder: Path) -> Orientation | None:
        """Return how a page lies; None if it has too little text. Raises EngineTimeout, EngineUnavailable."""
        with _engine_errors():
            try:
                found: dict[str, Any] = pytesseract.image_to_osd(
                    picture, config=_folder_option(folder), timeout=self._deadline_seconds, output_type=pytesseract.Output.DICT
                )
            except pytesseract.TesseractError:
                return None
        return Orientation(
            int(found["rotate"]) % 360, float(found["orientation_conf"]), str(found["script"]), float(found["script_conf"])
        )

    def _run(self, picture: Image.Image | str, languages: str, folder: Path, dpi: float, mode: int) -> str:
        """Run the program on a picture, or on the pictures listed in a text file, and return its table without its head."""
        with _engine_errors():
            table: str = pytesseract.image_to_data(
                picture,
                lang=languages,
                config=f"{_folder_option(folder)} --dpi {dpi:.0f} --psm {mode}",
                timeout=self._deadline_seconds,
            )
        return table.partition("\n")[2]


def _folder_option(folder: Path) -> str:
    return f'--tessdata-dir "{folder}"'


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turn pytesseract's errors into engine errors."""
    try:
        yield
    except pytesseract.TesseractNotFoundError:
        raise EngineUnavailable("Tesseract is not installed.") from None
    except pytesseract.TesseractError as error:
        raise EngineError(f"Tesseract ended with status {error.status}; are its languages installed?") from None
    except RuntimeError:  # what pytesseract raises for its timeout
        raise EngineTimeout("Tesseract did not finish the page within its deadline.") from None
