"""Reading whole documents in this process: no server, no queue. Pages wait on disk, so that memory stays flat.

``parse`` is the library's front door, ``document_parser.parse``; DocumentReader is for many documents, or for large ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, aclosing
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from document_parser.engines import Engines
from document_parser.errors import NoSuchPages
from document_parser.ingest.sniff import HEAD_BYTES, safe_filename, sniff
from document_parser.models import Document, Options, Progress
from document_parser.pipeline.figures import KeepFigure
from document_parser.pipeline.read_document import ReadDocument
from document_parser.pipeline.source import OpenerLimits, Openers, Source
from document_parser.pipeline.window import PageWindow
from document_parser.settings import Settings, cores, load_settings
from document_parser.validation import invalid_option

Watch = Callable[[Progress], None]
"""Told of the counts once the document is open, and after each page."""


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
        raise invalid_option(error, Options) from None


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


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
                raise NoSuchPages.of(options.page_range, source.page_count)
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
        max_image_memory_mb=settings.workers.max_image_memory_mb,
    )
