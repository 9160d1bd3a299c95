"""Read a small document of our own in the zygote, before it forks children for the documents of others.

What is read or made once in a process is then shared by all children: PDFium lists the fonts of the machine when a page first
names one that is not embedded (10 ms), libraries load parts of themselves at first use, and the interpreter adapts its code.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from document_parser.models import PageImageSpec
from document_parser.sources import arrays
from document_parser.sources.pdf.file import PdfFile

_DOCUMENT = Path(__file__).with_name("warm_up.pdf")
"""Two pages: words in fonts that are not embedded, raised ones, ruling lines, filled boxes, and a link. An editor shows it."""
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
