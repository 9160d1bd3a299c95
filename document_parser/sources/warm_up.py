"""Read small documents of our own in the zygote, before it forks children for the documents of others.

What is read or made once in a process is then shared by all children: PDFium lists the fonts of the machine when a page first
names one that is not embedded (10 ms), libraries load parts of themselves at first use, and the interpreter adapts its code.
"""

from __future__ import annotations

import codecs
from contextlib import suppress
from pathlib import Path
from typing import get_args

from document_parser.errors import DocumentError
from document_parser.models import FlowingKind, PageImageSpec
from document_parser.sources import arrays
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import load_reader, open_flowing
from document_parser.sources.pdf.file import PdfFile

_DOCUMENT = Path(__file__).with_name("warm_up.pdf")
"""Two pages: words in fonts that are not embedded, raised ones, ruling lines, filled boxes, and a link. An editor shows it."""
_OFFICE: tuple[FlowingKind, ...] = ("docx", "xlsx", "pptx")
"""Kinds of which a document lies beside this file: headings, lists, links, a table with spans, notes, typed cells."""
_SPEC = PageImageSpec(dpi=36)


def warm_up() -> None:
    """Read the document as a child would. Raises DocumentError if the installation lacks it."""
    codecs.lookup("cp437")  # of names in ZIP archives: looked for on disk at first use (2 ms for each office file)
    document = PdfFile(_DOCUMENT)
    for number in range(1, document.page_count + 1):
        document.facts(number)
        document.damage(number)
        arrays.encode_words(document.words(number))
        arrays.encode_rulings(document.rulings(number))
        document.render(number, _SPEC, 0)
    document.close()


class Preparation:
    """What children of a kind profit from if the zygote does it once: its reader is loaded, and an office file is read with it.

    A child then takes about 3 ms less of processor time for an office file.
    """

    def __init__(self, limits: OpenerLimits) -> None:
        """Plan it for all kinds of documents of parts."""
        self._limits = limits
        self._waiting: list[FlowingKind] = [*_OFFICE, *(kind for kind in get_args(FlowingKind) if kind not in _OFFICE)]

    @property
    def is_done(self) -> bool:
        """Return whether no kind waits any more."""
        return not self._waiting

    def prepare(self, kind: str) -> None:
        """Prepare a kind, unless that was done or it is no kind of these."""
        for one in self._waiting:
            if one == kind:
                self._prepare(one)
                return

    def prepare_next(self) -> None:
        """Prepare one of the kinds that wait."""
        self._prepare(self._waiting[0])

    def _prepare(self, kind: FlowingKind) -> None:
        """Prepare a kind. What cannot be done is left out: who opens a document of the kind will say it."""
        self._waiting.remove(kind)
        with suppress(ImportError, DocumentError):
            load_reader(kind)
            if kind in _OFFICE:
                _read_parts(kind, self._limits)


def _read_parts(kind: FlowingKind, limits: OpenerLimits) -> None:
    """Read all parts of our own document of a kind, as a child would."""
    document = open_flowing(_DOCUMENT.with_suffix(f".{kind}"), kind, limits, None)
    for number in range(1, document.page_count + 1):
        document.location(number)
        document.part(number).model_dump_json()
