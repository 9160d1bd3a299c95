"""Where the pictures of figures are, and how a result shows them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from document_parser.models import Block, Options

MOST_EMBEDDED_BYTES = 2 << 20
"""A larger picture is linked, not embedded."""
MOST_EMBEDDED_IN_ALL = 32 << 20
"""Beyond so many bytes of pictures in one result the rest is linked."""


def _missing(name: str) -> bytes | None:
    del name
    return None


@dataclass(frozen=True, slots=True)
class Figures:
    """The pictures of a document.

    ``load`` gives the JPEG of a name, None where it is not there. ``folder`` is where results link to, as a path relative to
    themselves; None where the pictures lie nowhere that could be linked.
    """

    load: Callable[[str], bytes | None] = _missing
    folder: str | None = None


NO_FIGURES = Figures()


class Shown:
    """How one result shows its figures. Keeps count of what it has embedded."""

    def __init__(self, options: Options, figures: Figures) -> None:
        self._mode = options.figures
        self._figures = figures
        self._left = MOST_EMBEDDED_IN_ALL

    @property
    def at_all(self) -> bool:
        return self._mode != "none"

    def address(self, block: Block) -> str | None:
        """What an image of this figure refers to: its picture as a data URI, or a link; None where there is no picture."""
        if block.picture is None:
            return None
        if self._mode == "embed":
            data = self._figures.load(block.picture)
            if data is not None and len(data) <= min(MOST_EMBEDDED_BYTES, self._left):
                self._left -= len(data)
                return "data:image/jpeg;base64," + base64.b64encode(data).decode()
        if self._figures.folder is None:
            return None
        return f"{quote(self._figures.folder)}/{quote(block.picture)}"
