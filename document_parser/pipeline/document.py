"""Reading whole documents in this process: no server, no queue. Pages wait on disk, so that memory stays flat.

``parse`` is the library's front door, ``document_parser.parse``; DocumentReader is for many documents, or for large ones.
"""

from __future__ import annotations

import asyncio
import tempfile
import traceback
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, aclosing
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from pydantic import ValidationError

from document_parser.engines import Engines
from document_parser.errors import DocumentParserError, InvalidOption, NoSuchPages, PageTimeout, PageUnreadable
from document_parser.export.figures import Figures
from document_parser.ingest.sniff import HEAD_BYTES, safe_filename, sniff
from document_parser.models import Document, Options, OutputFormat, Page, PageWarning, Progress
from document_parser.pipeline.assemble import assembled, write_document
from document_parser.pipeline.figures import KeepFigure, with_figures
from document_parser.pipeline.read import PageSource, failed, read_page, read_plain
from document_parser.pipeline.route import MODELS
from document_parser.pipeline.source import OpenerLimits, Openers, Source
from document_parser.settings import Settings, cores, load_settings

Watch = Callable[[Progress], None]
"""Told of the counts once the document is open, and after each page."""

_COUNTED = {"text_layer": "text_layer_pages", "deepseek": "deepseek_pages", "nanonets": "nanonets_pages"}


def parse(
    path: str | PathLike[str],
    *,
    password: str = "",
    settings: Settings | None = None,
    on_progress: Watch | None = None,
    figures_to: str | PathLike[str] | None = None,
    **options: Any,
) -> Document:
    """Read a document in this process, with all its pages; those that cannot be read are in it as failed pages.

    ``options`` are the fields of models.Options, ``accuracy_mode`` or ``page_range`` for example; ``settings`` are those of
    the environment unless given. The pictures of figures are written to the folder ``figures_to``.

    Raises OSError where the file cannot be read, InvalidOption, EmptyFile, UnsupportedFormat,
    ContentMismatch and the tree of DocumentError; RuntimeError inside a running event loop, where ``parse_async`` is for.
    """
    if _in_event_loop():
        raise RuntimeError(
            "parse() runs an event loop of its own. In a coroutine, await document_parser.parse_async() instead."
        )
    more: dict[str, Any] = {"settings": settings, "on_progress": on_progress, "figures_to": figures_to}
    return asyncio.run(parse_async(path, password=password, **more, **options))


async def parse_async(
    path: str | PathLike[str],
    *,
    password: str = "",
    settings: Settings | None = None,
    on_progress: Watch | None = None,
    figures_to: str | PathLike[str] | None = None,
    **options: Any,
) -> Document:
    """``parse`` for a running event loop. Cancelling it ends the work behind it."""
    settings = settings or load_settings()
    async with DocumentReader(settings) as reader:
        found = await reader.read(
            path,
            make_options(settings, options),
            password=password,
            on_progress=on_progress,
            figures=figures_to is not None,
        )
        with found:
            if figures_to is not None:
                found.save_figures(figures_to)
            return found.document()


def make_options(settings: Settings, given: dict[str, Any]) -> Options:
    """The options given, and the settings' mode where they name none. Raises InvalidOption naming each wrong field."""
    try:
        return Options.model_validate({"accuracy_mode": settings.api.default_accuracy_mode, **given})
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        named = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in wrong[:5])
        raise InvalidOption(f"Not understood: {named}.") from None


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class ReadDocument:
    """A document that has been read. Its pages lie in a file without a name; close it, or use it as a context manager."""

    def __init__(self, head: Document, options: Options, total_pages: int) -> None:
        self.head = head
        self.options = options
        self.progress = Progress(total_pages=total_pages)
        self.failed_pages: list[int] = []
        self._warnings: list[PageWarning] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._places: dict[int, int] = {}
        self._figures: tempfile.TemporaryDirectory[str] | None = None
        self._named: list[str] = []

    @property
    def complete(self) -> bool:
        """Whether every page asked for has been read."""
        return not self.failed_pages

    @property
    def warnings(self) -> list[PageWarning]:
        """The warnings of all pages, each with its page, ascending."""
        return sorted(self._warnings, key=lambda warning: warning.page or 0)

    def keep(self, page: Page) -> None:
        """Put a page away and count it. Raises OSError where the disk is full."""
        self._places[page.number] = self._file.seek(0, 2)
        self._file.write(page.model_dump_json().encode() + b"\n")
        self._warnings += [warning.model_copy(update={"page": page.number}) for warning in page.warnings]
        if page.status == "failed":
            self.failed_pages = sorted([*self.failed_pages, page.number])
        self.progress = _counted(self.progress, page)

    async def keep_figure(self, name: str, data: bytes) -> None:
        """Put the picture of a figure away. Raises OSError where the disk is full."""
        if self._figures is None:
            self._figures = tempfile.TemporaryDirectory(prefix="docparse-figures-")
        (Path(self._figures.name) / name).write_bytes(data)
        self._named.append(name)

    def figure(self, name: str) -> bytes | None:
        """The JPEG of a figure, by the name in its block; None where there is none."""
        if self._figures is None or name not in self._named:
            return None
        return (Path(self._figures.name) / name).read_bytes()

    def save_figures(self, folder: str | PathLike[str]) -> int:
        """Write the pictures of all figures into a folder, which is made where there are any. How many. Raises OSError."""
        for name in self._named:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_bytes(self.figure(name) or b"")
        return len(self._named)

    def pages(self) -> Iterator[Page]:
        """The pages, ascending, one at a time in memory."""
        for _, place in sorted(self._places.items()):
            self._file.seek(place)
            yield Page.model_validate_json(self._file.readline())

    def document(self) -> Document:
        """The document with all its pages, as parts of it: see pipeline.assemble."""
        return self.head.model_copy(update={"pages": list(assembled(self.pages))})

    def write(self, name: OutputFormat, out: BinaryIO, figures_folder: str | None = None) -> None:
        """Write the document in one of the formats, page by page.

        ``figures_folder`` is where links to figures lead, relative to what is written; without it they lead to their page.
        """
        write_document(self.head, self.pages, self.options, name, out, Figures(self.figure, figures_folder))

    def close(self) -> None:
        self._file.close()
        if self._figures is not None:
            self._figures.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _counted(progress: Progress, page: Page) -> Progress:
    field = f"{page.status}_pages" if page.status != "done" else _COUNTED.get(page.engine or "", "cpu_pages")
    finished = progress.current_page + 1
    counts = {"current_page": finished, field: getattr(progress, field) + 1}
    return progress.model_copy(update={**counts, "percent": round(100 * finished / (progress.total_pages or 1), 1)})


class DocumentReader:
    """Reads documents in this process; engines and the zygote of the openers are kept from one to the next.

    An async context manager of one event loop. Made while the process has one thread, where that can be chosen: it forks.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = _alone(settings or load_settings())
        self._openers = Openers.start(_opener_limits(self._settings))
        self._engines = Engines(self._settings)

    async def read(
        self,
        path: str | PathLike[str],
        options: Options | None = None,
        *,
        filename: str = "",
        password: str = "",
        on_progress: Watch | None = None,
        figures: bool | None = None,
    ) -> ReadDocument:
        """Read one document; ``filename`` is its name where the path does not tell. Errors as of ``parse``.

        ``figures`` says whether to cut their pictures out; unless told, where the result itself holds them: embedded, in a zip.
        """
        path, options = Path(path).absolute(), options or make_options(self._settings, {})
        name = safe_filename(filename or path.name)
        with path.open("rb") as file:
            found = sniff(file.read(HEAD_BYTES), name, path.stat().st_size)
        async with await self._openers.open(path, found.kind, password or None) as source:
            numbers = options.selects(source.page_count)
            if not numbers:
                raise NoSuchPages(pages=source.page_count, page_range=options.page_range)
            head = Document(filename=name, media_type=found.media_type, page_count=source.page_count)
            with ExitStack() as undo:
                document = undo.enter_context(ReadDocument(head, options, len(numbers)))
                keep = document.keep_figure if _cuts_figures(options, figures) else None
                await self._fill(document, source, numbers, on_progress or _unwatched, keep)
                undo.pop_all()
            return document

    async def _fill(
        self, document: ReadDocument, source: Source, numbers: list[int], watch: Watch, keep: KeepFigure | None
    ) -> None:
        watch(document.progress)
        window = PageWindow(source, document.options, self._engines, self._settings, keep)
        async with aclosing(window.read(numbers)) as pages:
            async for page in pages:
                document.keep(page)
                watch(document.progress)

    async def aclose(self) -> None:
        await self._engines.aclose()
        self._openers.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _cuts_figures(options: Options, wanted: bool | None) -> bool:
    inside = options.figures == "embed" or options.output_format == "zip"
    return options.figures != "none" and (inside if wanted is None else wanted)


def _unwatched(progress: Progress) -> None:
    """Nobody looks."""


def _alone(settings: Settings) -> Settings:
    """The settings of a process that reads alone: on the CPU, a page a core unless CPU_CONCURRENCY says otherwise."""
    concurrency = settings.workers.cpu_concurrency or cores()
    return settings.model_copy(update={"workers": settings.workers.model_copy(update={"cpu_concurrency": concurrency})})


def _opener_limits(settings: Settings) -> OpenerLimits:
    return OpenerLimits(
        memory_mb=settings.workers.opener_memory_mb,
        timeout_seconds=settings.workers.opener_timeout_seconds,
        max_image_megapixels=settings.workers.max_image_megapixels,
    )


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
