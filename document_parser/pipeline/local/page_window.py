"""Read the pages of a document in this process, several at a time."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path

from document_parser.engines.registry import Engines
from document_parser.errors import DocumentParserError, PageTimeout, PageUnreadable
from document_parser.models import VLM_ENGINES, Options, Page
from document_parser.pipeline.reading.figures import KeepFigure, with_figures
from document_parser.pipeline.reading.page_result import fail_page
from document_parser.pipeline.reading.read_page import read_page, read_plain
from document_parser.settings import Settings
from document_parser.sources.base import PageSource

_Task = asyncio.Task[Page | None]
"""The task that reads one page; its result is None if the page goes to the engines."""


class PageWindow:
    """Read pages of one open document: sound text layers one by one, the other pages several at a time."""

    def __init__(
        self,
        source: PageSource,
        options: Options,
        engines: Engines,
        settings: Settings,
        keep_figure: KeepFigure | None = None,
    ) -> None:
        """Remember the document; nothing is read yet. ``keep_figure`` stores the images of figures; None stores none."""
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
        """Yield all these pages in the order in which they are finished. A page that raises an error is yielded as failed.

        Ending the generator early cancels what is still being read.
        """
        self.unsorted.extend(numbers)
        try:
            while self.unsorted or self.for_engines or self.sorting or self.reading:
                await self._start_tasks()
                done, _ = await asyncio.wait(self.sorting | self.reading, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    page = self._take_result(task)
                    if page is not None:
                        yield page
        finally:
            await self._cancel_tasks()

    async def _start_tasks(self) -> None:
        """Start reading as many pages as the window allows."""
        if self.unsorted and not self.sorting:
            number = self.unsorted.popleft()
            self.sorting[asyncio.create_task(self._read_plain(number))] = number
        if self.for_engines:
            window = await self._window_size()
            while self.for_engines and len(self.reading) < window:
                number = self.for_engines.popleft()
                self.reading[asyncio.create_task(self._read(number))] = number

    def _take_result(self, task: _Task) -> Page | None:
        """Return the page of a finished task; None if it goes to the engines now."""
        number = self.sorting.pop(task) if task in self.sorting else self.reading.pop(task)
        error = task.exception()
        if error is not None:
            return fail_page(Page(number=number), error if isinstance(error, DocumentParserError) else _internal_error(error))
        page = task.result()
        if page is None:
            self.for_engines.append(number)
        return page

    async def _window_size(self) -> int:
        """Return how many pages may be read at a time.

        On model servers PAGE_CONCURRENCY; on the CPU one a core, and one more that is being rendered.
        """
        with_models = (await self.engines.find_available()).intersection(VLM_ENGINES)
        return self.settings.workers.page_concurrency if with_models else self.settings.cpu_window + 1

    async def _read_plain(self, number: int) -> Page | None:
        """Return the page if its text layer is enough, or None. A page that cannot be opened is left to the engines."""
        try:
            facts = await self.source.facts(number)
            page = await read_plain(self.source, facts, self.options.accuracy_mode, self.engines)
            return page and await with_figures(self.source, page, self.keep_figure, facts)
        except PageUnreadable:
            return None

    async def _read(self, number: int) -> Page:
        """Read one page with the engines. Raises PageTimeout after PAGE_TIMEOUT_SECONDS."""
        seconds = self.settings.workers.page_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                page = await read_page(
                    self.source, number, self.options, self.engines, self.settings.engines.retry_temperatures
                )
                return await with_figures(self.source, page, self.keep_figure)
        except TimeoutError:
            raise PageTimeout(seconds=seconds) from None

    async def _cancel_tasks(self) -> None:
        """Cancel what is still being read and wait until it has ended."""
        tasks = [*self.sorting, *self.reading]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _internal_error(error: BaseException) -> DocumentParserError:
    """Return an unexpected error as one of ours, with its place in the code but not its text, which may quote the document."""
    places = traceback.extract_tb(error.__traceback__)
    place = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "an unknown place"
    return DocumentParserError(
        f"An internal error occurred while this page was read: {type(error).__name__} at {place}. Please report it."
    )
