"""Extract the values of a schema from a document in this process, with the model of VLLM_EXTRACT_URL if one is set."""

from __future__ import annotations

import contextlib
from os import PathLike
from pathlib import Path

from document_parser.errors import DocumentParserError
from document_parser.extraction.scopes import extract_pages
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.sniff import HEAD_BYTES, safe_filename, sniff
from document_parser.models import Document, PageImageSpec
from document_parser.models.extraction import Extraction, ExtractionOrder
from document_parser.pipeline.local.reader import parse
from document_parser.settings import Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers, Source


def extract_document(
    path: str | PathLike[str], order: ExtractionOrder, settings: Settings, *, page_range: str = ""
) -> Extraction:
    """Read a document and return the answer to an order. To be called outside of event loops.

    Raises SchemaProblems, and what ``parse`` raises. A model that is away is named in the warnings.
    """
    document = parse(path, settings=settings, page_range=page_range)
    if not settings.asks_extract_model:
        return extract_pages(document.pages, order)
    from document_parser.extraction.model.adviser import ModelAdviser, Pictures

    images = _PageImages(Path(path).absolute(), document, settings)
    with ModelAdviser(settings, pictures=Pictures(images.page, images.close)) as adviser:
        return extract_pages(document.pages, order, adviser=adviser)


class _PageImages:
    """Images of a document's pages for a model; the document is opened when the first is asked for."""

    def __init__(self, path: Path, document: Document, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._spec = PageImageSpec(dpi=settings.extract.picture_dpi, max_long_side=settings.extract.picture_long_side)
        shown = (page for page in document.pages if page.location is None and page.status == "done")
        self._rotations = {page.number: page.rotation for page in shown}
        self._stack = contextlib.AsyncExitStack()
        self._source: Source | None = None

    async def page(self, number: int) -> bytes | None:
        """Return the image of a page; None if it has none or cannot be drawn."""
        if number not in self._rotations:
            return None
        with contextlib.suppress(DocumentParserError, OSError):
            source = self._source or await self._open()
            return (await source.render(number, self._spec, self._rotations[number])).data
        return None

    async def _open(self) -> Source:
        openers = Openers.start(OpenerLimits.from_settings(self._settings))
        self._stack.callback(openers.close)
        with self._path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        found = sniff(head, safe_filename(self._path.name), self._path.stat().st_size, missing_needs(self._settings))
        self._source = await self._stack.enter_async_context(await openers.open(self._path, found.kind, None))
        return self._source

    async def close(self) -> None:
        """Close the document."""
        await self._stack.aclose()
