"""Write the Document as JSON, as the models define it. All blocks are in it; running heads are known by their kinds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.models import Document, Options, Page


def write_json(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write one JSON object, page after page."""
    del options, figures  # what is left out of a text is still in the record
    head = document.model_dump_json(exclude={"pages"})
    out.write(head.removesuffix("}").encode() + b',"pages":[')
    for count, page in enumerate(pages):
        out.write((b",\n" if count else b"\n") + page.model_dump_json().encode())
    out.write(b"\n]}\n")
