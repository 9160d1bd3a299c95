"""Where the text layer's path spends its time: processor milliseconds a page by part, all in this process.

Each part is a function of the product, called as the product calls it; time that one part spends in another counts for the
other. What the processes around a document cost is not in it.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import pypdfium2

from document_parser.models import (
    BoundingBox,
    Damage,
    Document,
    FoundTable,
    Options,
    PageFacts,
    PageImage,
    PageImageSpec,
    Part,
    RulingLine,
    Word,
)
from document_parser.pipeline.local import result as local_result
from document_parser.pipeline.reading import figures, page_result
from document_parser.pipeline.reading.read_page import read_text_layer
from document_parser.sources import arrays
from document_parser.sources.pdf import file

PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "open: PDFium and qpdf": ((file, "PdfFile"),),
    "page: contents and text in PDFium": ((pypdfium2.PdfDocument, "get_page"), (pypdfium2.PdfPage, "get_textpage")),
    "objects of the page": ((file, "objects_of"),),
    "hidden text: what may be": ((file, "suspects_of"), (file, "find_texts_under_images")),
    "words, hidden text rendered": ((file, "split_visible_text"), (file, "extract_words")),
    "fonts: suspects": ((file, "find_suspect_fonts"),),
    "rulings, drawings, charts": (
        (file, "extract_rulings"), (file, "find_drawing_boxes"), (file, "find_bar_chart_boxes"), (file, "find_figure_boxes"),
    ),
    "links and fields": ((file, "add_links"), (file, "extract_fields")),
    "damage": ((file.PdfFile, "damage"),),
    "facts": ((file.PdfFile, "facts"),),
    "message": (
        (arrays, "encode_words"), (arrays, "decode_words"), (arrays, "encode_rulings"), (arrays, "decode_rulings"),
        (PageFacts, "model_dump_json"), (PageFacts, "model_validate_json"),
    ),
    "layout": ((page_result, "blocks_of"),),
    "figures and captions": ((figures, "insert_figures"), (figures, "with_captions")),
    "assembly and Markdown": ((local_result.ParseResult, "keep"), (local_result.ParseResult, "write")),
}  # fmt: skip
"""The functions of each part, as attributes of the modules that call them."""
REST = "rest"


class Timers:
    """Processor seconds by part; a part that runs inside another stops the other's clock."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._running = [REST]
        self._since = time.process_time()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time of the block for a part."""
        self._switch()
        self._running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    def _switch(self) -> None:
        """Count the time since the last call for the part that runs."""
        now = time.process_time()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted for a part; a generator is run to its end."""

        @wraps(function, updated=())
        def timed(*positional: Any, **named: Any) -> Any:
            with self.part(name):
                found = function(*positional, **named)
                return list(found) if isinstance(found, Iterator) else found

        return timed

    @contextmanager
    def on_the_product(self) -> Iterator[None]:
        """Count the time of PARTS inside the block."""
        with ExitStack() as undo:
            for name, places in PARTS.items():
                for owner, attribute in places:
                    undo.enter_context(mock.patch.object(owner, attribute, self.around(name, getattr(owner, attribute))))
            self._since = time.process_time()
            yield
            self._switch()


class InProcess:
    """A PDF of this process as a PageSource; what it answers goes through the messages of an opener child."""

    def __init__(self, path: Path) -> None:
        self.file = file.PdfFile(path)

    async def facts(self, number: int) -> PageFacts:
        return PageFacts.model_validate_json(self.file.facts(number).model_dump_json())

    async def words(self, number: int) -> list[Word]:
        return arrays.decode_words(arrays.encode_words(self.file.words(number)))

    async def rulings(self, number: int) -> list[RulingLine]:
        return arrays.decode_rulings(arrays.encode_rulings(self.file.rulings(number)))

    async def damage(self, number: int) -> list[Damage]:
        return self.file.damage(number)

    async def tables(self, number: int, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        raise NotImplementedError

    async def pdfplumber_words(self, number: int) -> list[Word]:
        raise NotImplementedError

    async def render(self, number: int, spec: PageImageSpec, turn: int = 0) -> PageImage:
        raise NotImplementedError

    async def part(self, number: int) -> Part:
        raise NotImplementedError

    async def picture(self, number: int, index: int, spec: PageImageSpec) -> PageImage:
        raise NotImplementedError


def milliseconds_by_part(paths: Sequence[Path]) -> dict[str, float]:
    """Read documents by their text layers and return the processor milliseconds a page of each part."""
    timers, pages = Timers(), 0
    with timers.on_the_product():
        for path in paths:
            pages += asyncio.run(_read(path))
    return {name: 1000 * timers.seconds[name] / pages for name in (*PARTS, REST)}


async def _read(path: Path) -> int:
    """Read a document to Markdown and return its number of pages."""
    source = InProcess(path)
    numbers = range(1, source.file.page_count + 1)
    head = Document(filename=path.name, media_type="application/pdf", page_count=len(numbers))
    with local_result.ParseResult(head, Options(), len(numbers)) as document:
        for number in numbers:
            facts = await source.facts(number)
            await source.damage(number)
            document.keep(await figures.with_figures(source, await read_text_layer(source, facts), None, facts))
        document.write("markdown", io.BytesIO())
    source.file.close()
    return len(numbers)
