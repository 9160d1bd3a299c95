"""The notes of a document in Markdown: which marks become references, and which blocks are their notes.

Source: GitHub's footnotes. Their readers drop a note without a reference, so that one is written as a paragraph. Part readers
see to it that a mark which names a note comes before it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import count

from document_parser.models import Block, Options, parse_layers
from document_parser.text.spans import Run, Style, runs_of, spans_of, strip_runs, text_of

_AROUND_MARK = "^()[]{} "
"""What may be around the number of a note in its mark."""


class Notes:
    """The notes of the document that is being written: a reference is to the next note on its page that has its name."""

    def __init__(self, options: Options) -> None:
        """Begin without notes. Their marks stay as they are if the options show no notes."""
        self._are_shown = "notes" in parse_layers(options.layers)
        self._used: set[str] = set()
        self._awaited: dict[str, str] = {}

    def begin_page(self) -> None:
        """Begin a page, whose notes have names of their own."""
        self._awaited = {}

    def refer(self, runs: Sequence[Run]) -> list[Run]:
        """Return the runs of a text with the label of its note as the ``note`` of each mark that becomes a reference.

        A mark with emphasis or a link, which no reference can have, is text as any other.
        """
        return [self._refer(run) if run.style.note else run for run in runs]

    def _refer(self, run: Run) -> Run:
        name = run.style.note
        if name is None or not self._are_shown or run.style != Style(note=name) or not run.text.strip():
            return run._replace(style=run.style._replace(note=None))
        if name not in self._awaited:
            self._awaited[name] = self._new_label(run.text)
        return run._replace(style=Style(note=self._awaited[name]))

    def _new_label(self, mark: str) -> str:
        """Return a label that no other note of the document has: the mark itself if it is a number or a letter."""
        plain = unicodedata.normalize("NFKC", mark).strip(_AROUND_MARK).lower()
        first = plain if plain.isascii() and plain.isalnum() else "note"
        labels = (f"{first}-{number}" if number > 1 else first for number in count(1))
        label = next(label for label in labels if label not in self._used)
        self._used.add(label)
        return label

    def define(self, name: str) -> str | None:
        """Return the label for the beginning of a note; None if no reference to it was written."""
        return self._awaited.pop(name, None)


def with_own_mark(block: Block, *, shown: bool) -> Block:
    """Return the first block of a note with the mark at its beginning as plain text, or without it if it is not to be shown."""
    first, *rest = runs_of(block.text, block.spans) or [Run("")]
    if block.note is None or first.style.note != block.note:
        return block
    runs = [Run(first.text), *rest] if shown else strip_runs(rest)
    return block.model_copy(update={"text": text_of(runs), "spans": spans_of(runs)})
