"""Read small documents of our own in the zygote, before it forks children for the documents of others.

What is read or made once in a process is then shared by all children: PDFium lists the fonts of the machine when a page first
names one that is not embedded (10 ms), libraries load parts of themselves at first use, and the interpreter adapts its code.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from document_parser.models import FlowingKind, PageImageSpec
from document_parser.sources import arrays
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import flowing_modules, open_flowing
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


def idle_tasks(limits: OpenerLimits) -> list[Callable[[], object]]:
    """Return what may be done while no request waits, the last first: load the modules of all kinds, then read office files.

    A child then takes about 3 ms less of processor time for an office file. A task raises ImportError where a library of its
    kind is missing, DocumentError where the installation lacks the document.
    """
    reading = [partial(_read_parts, kind, limits) for kind in reversed(_OFFICE)]
    return [*reading, *(partial(import_module, name) for name in flowing_modules())]


def _read_parts(kind: FlowingKind, limits: OpenerLimits) -> None:
    """Read all parts of our own document of a kind, as a child would."""
    document = open_flowing(_DOCUMENT.with_suffix(f".{kind}"), kind, limits, None)
    for number in range(1, document.page_count + 1):
        document.location(number)
        document.part(number).model_dump_json()
