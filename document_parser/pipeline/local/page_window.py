"""The pages of a document on their way to their readers, several at a time."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path

from document_parser.engines.registry import Engines
from document_parser.errors import DocumentParserError, PageTimeout, PageUnreadable
from document_parser.models import Options, Page
from document_parser.pipeline.reading.figures import KeepFigure, with_figures
from document_parser.pipeline.reading.page_result import failed
from document_parser.pipeline.reading.read_page import read_page, read_plain
from document_parser.pipeline.reading.routing import MODELS
from document_parser.settings import Settings
from document_parser.sources.base import PageSource

_Task = asyncio.Task[Page | None]


class PageWindow:
    """The pages of one open document on their way: sound text layers one by one, the others in a window."""

    def __init__(
        self,
        source: PageSource,
        options: Options,
        engines: Engines,
        settings: Settings,
        keep_figure: KeepFigure | None = None,
    ) -> None:
        self.keep_figure = keep_figure
        self.source = source
        self.options = options
        self.engines = engines
        self.settings = settings
        self.unsorted: deque[int] = deque()
        self.for_engines: deque[int] = deque()
        self.sorting: dict[_Task, int] = {}
        self.reading: dict[_Task, int] = {}

    async def read(self, numbers: list[int]) -> AsyncGenerator[Page, None]:
        """All these pages, in the order in which they are finished. One that raises, whatever it is, comes as failed."""
        self.unsorted.extend(numbers)
        try:
            while self.unsorted or self.for_engines or self.sorting or self.reading:
                await self._begin()
                done, _ = await asyncio.wait(self.sorting | self.reading, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    page = self._outcome(task)
                    if page is not None:
                        yield page
        finally:
            await self._end()

    async def _begin(self) -> None:
        if self.unsorted and not self.sorting:
            number = self.unsorted.popleft()
            self.sorting[asyncio.create_task(self._sort(number))] = number
        if self.for_engines:
            window = await self._window()
            while self.for_engines and len(self.reading) < window:
                number = self.for_engines.popleft()
                self.reading[asyncio.create_task(self._read(number))] = number

    def _outcome(self, task: _Task) -> Page | None:
        """The page of a finished task; None where it goes to the engines now."""
        number = self.sorting.pop(task) if task in self.sorting else self.reading.pop(task)
        error = task.exception()
        if error is not None:
            return failed(Page(number=number), error if isinstance(error, DocumentParserError) else _fault(error))
        page = task.result()
        if page is None:
            self.for_engines.append(number)
        return page

    async def _window(self) -> int:
        """Pages in flight: many at a model server, one a core on the CPU and one more being drawn."""
        with_models = (await self.engines.available()).intersection(MODELS)
        return self.settings.workers.page_concurrency if with_models else self.settings.cpu_window + 1

    async def _sort(self, number: int) -> Page | None:
        """The page, read at once where its text layer suffices. What cannot be looked at is for the engines to find out."""
        try:
            facts = await self.source.facts(number)
            page = await read_plain(self.source, facts, self.options.accuracy_mode, self.engines)
            return page and await with_figures(self.source, page, self.keep_figure, facts)
        except PageUnreadable:
            return None

    async def _read(self, number: int) -> Page:
        seconds = self.settings.workers.page_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                page = await read_page(
                    self.source, number, self.options, self.engines, self.settings.engines.retry_temperatures
                )
                return await with_figures(self.source, page, self.keep_figure)
        except TimeoutError:
            raise PageTimeout(seconds=seconds) from None

    async def _end(self) -> None:
        tasks = [*self.sorting, *self.reading]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _fault(error: BaseException) -> DocumentParserError:
    """A fault of ours, with its place in the code. Its text stays out: it may quote the document."""
    places = traceback.extract_tb(error.__traceback__)
    place = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "an unknown place"
    return DocumentParserError(f"Reading this page broke on our side: {type(error).__name__} at {place}. Please report it.")
