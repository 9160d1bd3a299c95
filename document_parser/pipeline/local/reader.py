"""Read whole documents in this process, without a server or a queue. Pages wait on disk, so that memory stays flat.

``parse`` is the library's entry point, ``document_parser.parse``. DocumentParser is for many documents, or for large ones.
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

from document_parser.engines.registry import Engines
from document_parser.errors import NoSuchPages
from document_parser.ingest.needs import missing_needs
from document_parser.ingest.sniff import HEAD_BYTES, safe_filename, sniff
from document_parser.models import Document, Options, Progress
from document_parser.pipeline.assembly.searchable_pdf import Original
from document_parser.pipeline.local.page_window import PageWindow
from document_parser.pipeline.local.result import ParseResult
from document_parser.pipeline.local.segments import find_segments
from document_parser.pipeline.local.unpack import list_members, named_members
from document_parser.pipeline.reading.figures import KeepFigure
from document_parser.settings import Settings, cores, load_settings
from document_parser.settings.validation import invalid_option
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers, Source

OnProgress = Callable[[Progress], None]
"""Called with the counts when the document is open, and after each page."""


def parse(
    path: str | PathLike[str],
    *,
    password: str = "",
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    figures_to: str | PathLike[str] | None = None,
    **options: Any,
) -> Document:
    """Read a document in this process and return it with all its pages; pages that cannot be read are in it as failed pages.

    ``options`` are the fields of models.Options, for example ``accuracy_mode`` or ``page_range``. Without ``settings`` those of
    the environment are used. The images of figures are written to the folder ``figures_to``; None writes none.

    Raises OSError if the file cannot be read, the disk is full or no process can be started; InvalidOption, EmptyFile,
    UnsupportedFormat, ContentMismatch and the tree of DocumentError; RuntimeError inside a running event loop: use
    ``parse_async`` there.
    """
    if _in_event_loop():
        raise RuntimeError("parse() runs its own event loop. In a coroutine, await document_parser.parse_async() instead.")
    more: dict[str, Any] = {"settings": settings, "on_progress": on_progress, "figures_to": figures_to}
    return asyncio.run(parse_async(path, password=password, **more, **options))


async def parse_async(
    path: str | PathLike[str],
    *,
    password: str = "",
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    figures_to: str | PathLike[str] | None = None,
    **options: Any,
) -> Document:
    """Read a document as ``parse`` does, in a running event loop. Cancelling the call ends the work behind it."""
    settings = settings or load_settings()
    async with DocumentParser(settings) as reader:
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
    """Return the given options, with the settings' mode if they name none. Raises InvalidOption naming each wrong field."""
    try:
        return Options.model_validate({"accuracy_mode": settings.api.default_accuracy_mode, **given})
    except ValidationError as error:
        raise invalid_option(error, Options) from None


def _in_event_loop() -> bool:
    """Return whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class DocumentParser:
    """Read documents in this process; engines and the zygote of the openers are kept from one document to the next.

    An async context manager, to be used in one event loop. Make it while the process has one thread, if possible: it forks.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Start the zygote of the openers. Without ``settings`` those of the environment are used.

        Raises OSError if the zygote cannot be started.
        """
        self._settings = _standalone_settings(settings or load_settings())
        self._missing = missing_needs(self._settings)
        self._openers = Openers.start(OpenerLimits.from_settings(self._settings))
        self._engines = Engines(self._settings)

    async def read(
        self,
        path: str | PathLike[str],
        options: Options | None = None,
        *,
        filename: str = "",
        password: str = "",
        on_progress: OnProgress | None = None,
        figures: bool | None = None,
        inside: bool = False,
    ) -> ParseResult:
        """Read one document and return its result, which must be closed. Errors are those of ``parse``.

        ``filename`` is its name if the path does not say it. ``figures`` says whether to store the images of figures; with
        None they are stored if the result itself holds them, embedded or in a ZIP archive. ``inside`` says whether to take the
        documents inside it, such as attachments, out of it; they are listed in any case.
        """
        path, options = Path(path).absolute(), options or make_options(self._settings, {})
        name = safe_filename(filename or path.name)
        with path.open("rb") as file:
            found = sniff(file.read(HEAD_BYTES), name, path.stat().st_size, self._missing)
        async with await self._openers.open(path, found.kind, password or None) as source:
            numbers = options.select_pages(source.page_count)
            if not numbers:
                raise NoSuchPages.for_range(options.page_range, source.page_count)
            head = Document(filename=name, media_type=found.media_type, page_count=source.page_count)
            head = head.with_children(list_members(await named_members(source, name)))
            with ExitStack() as undo:
                document = undo.enter_context(ParseResult(head, options, len(numbers)))
                document.original = Original(self._openers, path, found.kind, password or None)
                keep = document.keep_figure if _keeps_figures(options, figures) else None
                await self._read_pages(document, source, numbers, on_progress or _ignore_progress, keep)
                segments = await asyncio.to_thread(find_segments, document, self._settings)
                document.head = document.head.model_copy(update={"segments": segments})
                if inside and source.member_count:
                    await document.unpack(source, self._settings.workers.max_unpacked_mb)
                undo.pop_all()
            return document

    async def _read_pages(
        self, document: ParseResult, source: Source, numbers: list[int], watch: OnProgress, keep: KeepFigure | None
    ) -> None:
        """Read these pages into the result and report the progress after each one."""
        watch(document.progress)
        window = PageWindow(source, document.options, self._engines, self._settings, keep)
        async with aclosing(window.read(numbers)) as pages:
            async for page in pages:
                document.keep(page)
                watch(document.progress)

    async def aclose(self) -> None:
        """Close the engines and end the openers."""
        await self._engines.aclose()
        self._openers.close()

    async def __aenter__(self) -> Self:
        """Return this object."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the engines and end the openers."""
        await self.aclose()


def _keeps_figures(options: Options, wanted: bool | None) -> bool:
    """Return whether images of figures are stored; ``wanted`` decides unless the options show no figures."""
    inside = options.figures == "embed" or options.output_format == "zip"
    return options.figures != "none" and (inside if wanted is None else wanted)


def _ignore_progress(progress: Progress) -> None:
    """Ignore the progress."""


def _standalone_settings(settings: Settings) -> Settings:
    """Return the settings of a process that reads alone: one page a core on the CPU unless CPU_CONCURRENCY says otherwise."""
    concurrency = settings.workers.cpu_concurrency or cores()
    return settings.model_copy(update={"workers": settings.workers.model_copy(update={"cpu_concurrency": concurrency})})
