"""Write a document as the elements of unstructured-api, a JSON object a line, or as chunks of them.

Source: the elements, their hashes, their hierarchy and the two strategies of chunking are those of the library ``unstructured``
(Apache-2.0), so that its own functions go on with them. What it has no word for stays true: a page that could not be read is an
element without text whose metadata has the error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO

from document_parser.export.elements.chunking import chunks_of
from document_parser.export.elements.elements import elements_of
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.models import Document, ElementOptions, Options, Page


def write_elements(
    document: Document,
    pages: Iterable[Page],
    options: Options,
    out: IO[bytes],
    figures: Figures = NO_FIGURES,
    *,
    variant: str,
) -> None:
    """Write the elements that a variant asks for. Raises ValueError for what is none."""
    chosen = ElementOptions.parse(variant)
    elements = elements_of(document, pages, options, chosen, figures)
    for element in elements if chosen.chunking == "none" else chunks_of(elements, chosen):
        out.write(json.dumps(element.as_json(), ensure_ascii=False).encode() + b"\n")
