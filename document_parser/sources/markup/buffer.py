"""The text of a block while its HTML is walked: white space as browsers show it, raised text, images between words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from document_parser.text.spans import Run, Style, strip_runs, text_of

_WHITE = re.compile(r"[ \t\n\r\f]+")
_WIDE = re.compile(r" {2,}")
"""Spaces that only make room."""
_DROPPED = dict.fromkeys(map(ord, "\u00ad\ufeff\u200b"))
"""Characters that only say where a line may break."""
_SPACES = str.maketrans("\u00a0\u202f\u2007", "   ")
"""Spaces that keep words on one line."""


def shown_text(text: str) -> str:
    """Return a text as it is shown where it stands alone, as a buffer would give it."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    buffer = TextBuffer()
    buffer.add(text, Style())
    return text_of(buffer.take()[0])


class BufferedImage(NamedTuple):
    """An image among the runs of a buffer: the index of the run with its text, and its address if the file has the image."""

    run: int
    text: str
    address: str | None


class TextBuffer:
    """The runs of the block that is being read."""

    def __init__(self) -> None:
        """Begin without text."""
        self.runs: list[Run] = []
        self.images: list[BufferedImage] = []
        self._last = ""

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.runs)

    @property
    def last(self) -> str:
        """Return the last character; empty at the beginning."""
        return self._last

    def add(self, text: str, style: Style, *, keep_white: bool = False) -> None:
        """Add text; white space becomes one space, and none at the beginning of a line, unless it is kept."""
        text = text.translate(_DROPPED)
        if not keep_white:
            text = _WHITE.sub(" ", text)
            if self._last in {"", " ", "\n"}:
                text = text.lstrip(" ")
        text = text.translate(_SPACES)
        self._append(text if keep_white else _WIDE.sub(" ", text), style)

    def add_space(self) -> None:
        """Add a space if the text does not end with white space."""
        if self._last.strip():
            self._append(" ", Style())

    def break_line(self) -> None:
        """Add a line break, without spaces before it."""
        while self._last == " " and self.runs:
            run = self.runs[-1]
            kept = run.text.rstrip(" ")
            if kept or self._is_image(len(self.runs) - 1):
                self.runs[-1] = run._replace(text=kept)
                break
            self.runs.pop()
            self._last = self.runs[-1].text[-1:] if self.runs else ""
        self._append("\n", Style())

    def add_image(self, text: str, address: str | None, style: Style) -> None:
        """Add an image with the text that stands for it."""
        self.images.append(BufferedImage(len(self.runs), text, address))
        self.runs.append(Run(text if address is None else "", style))
        self._last = text[-1:] or self._last if address is None else self._last

    def change(self, start: int, form: Callable[[str], str]) -> None:
        """Change the text from a run on, as raising it does; images in it stay what they are."""
        runs = self.runs[start:]
        if not runs or any(image.run >= start for image in self.images):
            return
        self.runs[start:] = [Run(form(text_of(runs)), runs[0].style)]

    def take(self, *, keep_white: bool = False) -> tuple[list[Run], list[BufferedImage]]:
        """Return the text and begin anew.

        Images that stand alone are figures. Among words, those of the file are figures too, the others are their text.
        """
        places = {image.run for image in self.images}
        alone = not any(run.text.strip() for at, run in enumerate(self.runs) if at not in places)
        if alone:
            found: tuple[list[Run], list[BufferedImage]] = ([], self.images)
        else:
            found = (
                self.runs if keep_white else strip_runs(self.runs),
                [image for image in self.images if image.address is not None],
            )
        self.runs, self.images, self._last = [], [], ""
        return found

    def _append(self, text: str, style: Style) -> None:
        """Add a run as it is."""
        if text:
            self.runs.append(Run(text, style))
            self._last = text[-1]

    def _is_image(self, place: int) -> bool:
        """Return whether a run is the text of an image."""
        return any(image.run == place for image in self.images)
