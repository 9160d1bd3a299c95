"""The images of figures, and how a result shows them: as links, embedded, or not at all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from document_parser.models import Block, Options

MAX_EMBEDDED_BYTES = 2 << 20
"""Bytes of an embedded image at most; a larger one is linked."""
MAX_TOTAL_EMBEDDED_BYTES = 32 << 20
"""Bytes of all embedded images of one result at most, before base64; the others are linked."""


def _load_nothing(name: str) -> bytes | None:
    """Return no image for any name."""
    del name
    return None


@dataclass(frozen=True, slots=True)
class Figures:
    """The images of a document.

    ``load`` returns the JPEG of a name, None if it is not there; that of a worker raises StorageUnavailable. ``folder`` is the
    folder that results link to, as a path relative to themselves; None if there is no place to link to.
    """

    load: Callable[[str], bytes | None] = _load_nothing
    folder: str | None = None


NO_FIGURES = Figures()
"""A document without images."""


class ShownFigures:
    """How one result shows its figures. It counts the bytes that it has embedded."""

    def __init__(self, options: Options, figures: Figures) -> None:
        """Start with nothing embedded."""
        self._mode = options.figures
        self._figures = figures
        self._bytes_left = MAX_TOTAL_EMBEDDED_BYTES

    @property
    def are_shown(self) -> bool:
        """Return whether the result shows figures."""
        return self._mode != "none"

    def address_of(self, block: Block) -> str | None:
        """Return the address of a figure's image: a data URI, or a link. None if there is no image.

        The errors of ``Figures.load`` pass through.
        """
        if block.picture is None:
            return None
        if self._mode == "embed":
            data = self._figures.load(block.picture)
            if data is not None and len(data) <= min(MAX_EMBEDDED_BYTES, self._bytes_left):
                self._bytes_left -= len(data)
                return "data:image/jpeg;base64," + base64.b64encode(data).decode()
        if self._figures.folder is None:
            return None
        return f"{quote(self._figures.folder)}/{quote(block.picture)}"
