"""Read drawn documents with the product: Markdown, blocks, and where the text layer says the words are."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.drawn.truth import WordBox
from document_parser.errors import DocumentParserError
from document_parser.models import Block
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.settings import EngineSettings, Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers


@dataclass
class DrawnReading:
    """What the product made of one document. ``error`` is the code with which it was refused."""

    markdown: str = ""
    blocks: list[Block] = field(default_factory=list)
    words: list[WordBox] = field(default_factory=list)
    pages: int = 0
    seconds: float = 0.0
    engines: Sequence[str] = ()
    error: str = ""


class DrawnReader:
    """Reads one document after the other on the CPU. An async context manager."""

    def __init__(self, packs: str = "") -> None:
        """``packs`` is the folder of language packs; empty: as the settings say."""
        self._parser = DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu", tessdata_dir=packs)))
        self._openers = Openers.start(OpenerLimits())

    async def read(self, path: Path, *, words: bool = False) -> DrawnReading:
        """Read a file; with ``words`` also the places of its text layer's words, in points. A refused file is an empty reading."""
        started = time.monotonic()
        try:
            with await self._parser.read(path) as result:
                out = io.BytesIO()
                result.write("markdown", out)
                pages = list(result.document().pages)
        except DocumentParserError as error:
            return DrawnReading(seconds=time.monotonic() - started, error=error.code)
        seconds = time.monotonic() - started
        return DrawnReading(
            out.getvalue().decode(),
            [block for page in pages for block in page.blocks],
            await self._words(path, [(page.width, page.height) for page in pages]) if words else [],
            len(pages),
            seconds,
            sorted({page.engine or page.status for page in pages}),
        )

    async def _words(self, path: Path, sizes: Sequence[tuple[float, float]]) -> list[WordBox]:
        """Return the words of a PDF's text layer with their boxes in points."""
        async with await self._openers.open(path, "pdf") as source:
            return [
                WordBox(word.text, number, word.left * width, word.top * height, word.right * width, word.bottom * height)
                for number, (width, height) in enumerate(sizes, start=1)
                for word in await source.words(number)
            ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._parser.aclose()
        self._openers.close()
