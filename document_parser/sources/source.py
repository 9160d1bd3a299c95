"""Open documents, seen from the reading process: facts, words and images of pages, each requested from an opener child.

A child that dies or exceeds its deadline costs the page that was requested; the next call gets a new child. Opening a document
is tried twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self, get_args

from pydantic import Field, TypeAdapter

from document_parser.errors import (
    DamagedDocument,
    DocumentError,
    OpenerCrashed,
    OpeningTimeout,
    PageCrashed,
    PageTooSlow,
    PageUnreadable,
    ProgramAbsent,
)
from document_parser.host.work_folders import WorkFolder
from document_parser.models import (
    BoundingBox,
    Confinement,
    ConvertedKind,
    Damage,
    FoundTable,
    Member,
    PageFacts,
    PageImage,
    PageImageSpec,
    Part,
    RulingLine,
    SourceKind,
    Word,
)
from document_parser.models.page_picture import PagePicture
from document_parser.models.skew import Skew
from document_parser.sources import arrays, protocol
from document_parser.sources.base import MAX_FOUND_CELLS, OpenerLimits
from document_parser.sources.child import Child, request_child
from document_parser.sources.protocol import FORK_REQUEST, TEXT_SECTIONS, Reply, Request
from document_parser.sources.zygote import Zygote, start_zygote
from document_parser.telemetry import logs

__all__ = ["OpenerLimits", "Openers", "Source"]

log = logs.get_logger(__name__)

REQUESTS_PER_CHILD = 128
"""Requests after which a child is replaced. PDFium keeps what it has read for as long as a document is open; a new child opens
the document again in about 10 ms."""
MAX_LOADED_SECTIONS = 12
"""Sections that wait until they are wanted, besides those of the page that was asked for last. If nobody wants them, they are
dropped."""
MAX_LOADED_BYTES = 1 << 24
"""Bytes of a page's sections up to which they wait; those of a page with more are asked for again."""
PDFPLUMBER_SECONDS = 15.0
"""A request that pdfplumber answers may take this long at most, and no longer than any other request. Of 250 pages of the
development corpus all but one take less than 3 s on a busy machine, and that one, full of short lines, 9 s."""
LAYING_SECONDS = 0.2
"""Seconds by which each page lengthens the deadline of laying texts over a document. A page with an earlier OCR is parsed for
it, in up to 0.1 s."""
_DAMAGE = TypeAdapter(Annotated[list[Damage], Field(max_length=64)])
_MEMBERS = TypeAdapter(Annotated[list[Member], Field(max_length=100_000)])
_TABLES = TypeAdapter(Annotated[list[FoundTable], Field(max_length=64)])
WORK_FOLDERS = "docparse-converted-"
"""How the names of the folders begin in which LibreOffice converts documents."""
_CHILD_FAILURES = (OSError, EOFError, ValueError)
"""Raised by reading from a child that is dead, or that sends invalid replies."""


class Openers:
    """Makes opener children through a zygote. One per process; close it, or use it as a context manager."""

    def __init__(self, limits: OpenerLimits, shared: Zygote | None = None) -> None:
        """Take ``shared``, a zygote that an ancestor of this process keeps.

        Without it, one of our own is started when it is needed.
        """
        self.limits = limits
        self._shared = shared
        self._own: Zygote | None = None

    @classmethod
    def start(cls, limits: OpenerLimits, shared: Zygote | None = None) -> Self:
        """Return openers whose zygote has begun to load. Call this from the thread that lives longest.

        Raises OSError if a zygote cannot be started.
        """
        openers = cls(limits, shared)
        openers._zygote()
        return openers

    async def open(self, path: Path, kind: SourceKind, password: str | None = None, *, texts: Path | None = None) -> Source:
        """Open a document in a child of its own. ``texts`` is a PDF of our own that ``Source.searchable`` lays over its pages.

        Raises EncryptedDocument, WrongPassword, DamagedDocument, OversizedImage or DocumentError if it cannot be read,
        ProgramAbsent if that takes a program that is not installed, and OpenerCrashed if opening it met a limit or crashed the
        parser, twice. An old workbook that our reader refuses is converted if it can be.
        """
        try:
            return await self._open(path, kind, password, texts)
        except DamagedDocument:
            if kind != "xls" or not self.limits.libreoffice:
                raise
            return await self._open(path, "damaged xls", password)

    async def _open(self, path: Path, kind: SourceKind, password: str | None, texts: Path | None = None) -> Source:
        """Open a document as one of a kind. Raises the errors of ``open``."""
        source = Source(self, path, kind, password, texts)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(source.close)
            await source._open()
            undo.pop_all()
        return source

    async def confinement(self) -> Confinement:
        """Return what confines a child to its document, as far as the kernel allowed it. Raises OpenerCrashed."""
        child = await self.start_child()
        try:
            reply, _ = await child.ask(Request(op="confine", seconds=self.limits.timeout_seconds))
        except _CHILD_FAILURES as error:
            raise OpenerCrashed("The process that opens documents does not answer.") from error
        finally:
            child.close()
        return reply.confinement or Confinement()

    @property
    def zygote_pid(self) -> int:
        """Return the pid of the zygote, which is started if none runs. Raises OSError if it cannot be started."""
        return self._zygote().pid

    def is_alive(self) -> bool:
        """Return whether the zygote that was used last still runs."""
        zygote = self._own or self._shared
        return zygote is not None and zygote.is_alive()

    def close(self) -> None:
        """End the zygote if it is our own. Its children end with it."""
        if self._own is not None:
            self._own.control.close()
            if self._own.is_alive():
                signal.pidfd_send_signal(self._own.handle, signal.SIGKILL)
            os.waitpid(self._own.pid, 0)
            os.close(self._own.handle)
            self._own = None

    def _zygote(self) -> Zygote:
        """Return the shared zygote; if there is none or it has died, our own, which is started again if it dies."""
        if self._own is None and self._shared is not None and self._shared.is_alive():
            return self._shared
        if self._own is None or not self._own.is_alive():
            self.close()
            self._own = start_zygote(self.limits)
        return self._own

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def start_child(self, kind: str = FORK_REQUEST) -> Child:
        """Return a new child, for a document of this kind if it is known.

        A zygote that does not answer is replaced once. Raises OpenerCrashed if that fails too.
        """
        for _ in range(2):
            try:
                return await self._try_child(kind)
            except _CHILD_FAILURES:
                self.close()
                self._shared = None
        raise OpenerCrashed("The process that opens documents cannot be started.")

    async def _try_child(self, kind: str) -> Child:
        """Return a new child of the current zygote. Raises OSError, EOFError or ValueError if it does not start."""
        child = Child(request_child(self._zygote(), kind))
        with ExitStack() as undo:
            undo.callback(child.close)
            await child.receive_pid()
            undo.pop_all()
        return child


class Source:
    """An open document. Pages count from 1. Many tasks may call at once; their calls are served one after the other.

    The calls raise PageUnreadable if the page cannot be read, and PageCrashed if asking for it ended the child. A call that is
    cancelled ends the child too, and the next call opens the document again; if that is no longer possible, the call raises the
    DocumentError of ``Openers.open``.
    """

    def __init__(self, openers: Openers, path: Path, kind: SourceKind, password: str | None, texts: Path | None = None) -> None:
        self._openers = openers
        self._seconds = openers.limits.timeout_seconds
        self._pdfplumber_seconds = min(PDFPLUMBER_SECONDS, self._seconds)
        self._open_request = Request(
            op="open",
            seconds=self._seconds,
            path=str(path),
            kind=kind,
            password=password or None,
            texts=str(texts) if texts else "",
        )
        self._is_converted = kind in get_args(ConvertedKind)
        self._folder: WorkFolder | None = None
        self._lock = asyncio.Lock()
        self._child: Child | None = None
        self._requests = 0
        self._closed = False
        self.page_count = 0
        self.member_count = 0
        """How many files are inside the document."""
        self._first_facts: dict[int, PageFacts] = {}
        """Facts that came with the document and that nobody has asked for."""
        self._has_text: dict[int, bool] = {}
        self._loaded: dict[tuple[str, int], bytes] = {}
        self._used = 0.0
        self._used_by_child = 0.0
        self.confinement = Confinement()
        """What confines the child that opened the document last."""

    @property
    def pid(self) -> int | None:
        """Return the pid of the child that holds the document at the moment; None if there is none."""
        return self._child.pid if self._child else None

    async def facts(self, number: int) -> PageFacts:
        """Return what is known of a page before it is read."""
        known = None if self._closed else self._first_facts.pop(number, None)
        if known is not None:
            return known
        _, payload = await self._ask_page("facts", number)
        with self._validate_reply(number):
            facts = PageFacts.model_validate_json(payload)
        self._has_text[number] = facts.characters > 0
        return facts

    async def words(self, number: int) -> list[Word]:
        """Return the text layer in the order of its content stream; empty for image files."""
        payload = await self._ask_section("words", number)
        with self._validate_reply(number):
            return arrays.decode_words(payload)

    async def rulings(self, number: int) -> list[RulingLine]:
        """Return the level and upright ruling lines that a PDF page draws; empty for image files."""
        payload = await self._ask_section("rules", number)
        with self._validate_reply(number):
            return arrays.decode_rulings(payload)

    async def damage(self, number: int) -> list[Damage]:
        """Return the damaged parts of the page's data, as far as they can be found."""
        await self._load_sections(number)
        payload = await self._ask_section("damage", number)
        with self._validate_reply(number):
            return _DAMAGE.validate_json(payload)

    async def tables(self, number: int, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        """Return the tables that pdfplumber finds: inside lines on the page, by alignment in ``regions``; empty for images."""
        _, payload = await self._ask_page("tables", number, seconds=self._pdfplumber_seconds, regions=list(regions))
        with self._validate_reply(number):
            tables = _TABLES.validate_json(payload)
            if sum(len(row) for table in tables for row in table.rows) > MAX_FOUND_CELLS:
                raise ValueError("more cells than a child may return")
            return tables

    async def pdfplumber_words(self, number: int) -> list[Word]:
        """Return the words that pdfplumber finds; empty for images."""
        _, payload = await self._ask_page("pdfplumber_words", number, seconds=self._pdfplumber_seconds)
        with self._validate_reply(number):
            return arrays.decode_words(payload)

    async def render(self, number: int, spec: PageImageSpec, turn: int = 0) -> PageImage:
        """Return the image of a page, turned by ``turn`` degrees clockwise (0, 90, 180, 270) from what a viewer shows.

        Raises ValueError for another ``turn``.
        """
        turn %= 360
        if turn % 90:
            raise ValueError(f"a page turns by quarters, not by {turn} degrees")
        reply, data = await self._ask_page("render", number, spec=spec, turn=turn)
        with self._validate_reply(number):
            return _page_image(number, reply, data, spec, turn)

    async def part(self, number: int) -> Part:
        """Return the part of a flowing document; raises PageUnreadable for a page that is drawn."""
        _, payload = await self._ask_page("part", number)
        with self._validate_reply(number):
            return Part.model_validate_json(payload)

    async def picture(self, number: int, index: int, spec: PageImageSpec) -> PageImage:
        """Return an embedded image of a part, by its index (from 0) among the figures of the part that have one."""
        reply, data = await self._ask_page("picture", number, index=index, spec=spec)
        with self._validate_reply(number):
            return _page_image(number, reply, data, spec, 0)

    async def members(self) -> list[Member]:
        """Return the files inside the document, in their order; empty if it holds none. Raises as ``facts`` does."""
        if not self.member_count:
            return []
        _, payload = await self._ask_page("members", 1)
        with self._validate_reply(1):
            return _MEMBERS.validate_json(payload)

    async def member(self, index: int) -> AsyncIterator[bytes]:
        """Yield the contents of a member piece by piece, by its index. Raises as ``facts`` does."""
        offset = 0
        while True:
            _, piece = await self._ask_page("member", 1, index=index, offset=offset)
            if not piece:
                return
            yield piece
            offset += len(piece)

    async def page_picture(self, number: int) -> tuple[PagePicture, list[bytes]]:
        """Return the picture of a frame of an image file as a PDF can hold it, and the data of its tiles."""
        _, payload = await self._ask_page("page_picture", number)
        with self._validate_reply(number):
            return protocol.decode_picture(payload)

    async def searchable(self) -> AsyncIterator[bytes]:
        """Yield the PDF with the texts that it was opened with over its pages, piece by piece. Raises as ``facts`` does."""
        offset, seconds = 0, self._seconds + LAYING_SECONDS * self.page_count
        while True:
            _, piece = await self._ask_page("searchable", 1, seconds, texts=self._open_request.texts, offset=offset)
            if not piece:
                return
            yield piece
            offset += len(piece)

    def take_processor_seconds(self, least: float = 0.0) -> float:
        """Return the processor seconds that the document has used since the last call, as its children report.

        Returns 0 while that is less than ``least``. For a child that was lost, the time spent waiting for it counts.
        """
        if self._used < least:
            return 0.0
        taken, self._used = self._used, 0.0
        return taken

    async def _ask_and_count(self, child: Child, request: Request) -> tuple[Reply, bytes]:
        """Ask a child, and count the time that it takes. Raises the errors of ``Child.ask``."""
        began = time.monotonic()
        try:
            reply, payload = await child.ask(request)
        except _CHILD_FAILURES:
            self._used += time.monotonic() - began
            raise
        self._used += max(0.0, reply.processor_seconds - self._used_by_child)
        self._used_by_child = reply.processor_seconds
        return reply, payload

    async def close(self) -> None:
        """Close the document. A call in flight ends first."""
        async with self._lock:
            self._closed = True
            self._close_child()
            if self._folder is not None:
                await asyncio.to_thread(self._folder.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _open(self) -> None:
        """Open the document, in a second child if the first one was lost: it may have died of something else.

        Raises the errors of ``Openers.open``.
        """
        if self._is_converted and self._folder is None:
            await self._prepare_conversion()
        try:
            await self._try_to_open()
        except OpenerCrashed as crash:
            log.warning("opened_again", reason=crash.details.get("reason"))
            await self._try_to_open()

    async def _prepare_conversion(self) -> None:
        """Make the folder of a conversion, which lasts as long as the document is open. Raises ProgramAbsent, DocumentError."""
        if not self._openers.limits.libreoffice:
            raise ProgramAbsent.of("libreoffice")
        try:
            self._folder = await asyncio.to_thread(WorkFolder, WORK_FOLDERS)
        except OSError as error:
            raise DocumentError("There is no room on the disk for converting the document.") from error
        seconds = self._seconds + self._openers.limits.libreoffice_timeout_seconds
        self._open_request = self._open_request.model_copy(update={"folder": str(self._folder.path), "seconds": seconds})

    async def _try_to_open(self) -> None:
        """Open the document in a new child. Raises the errors of ``Openers.open`` after one crash."""
        self._child = await self._openers.start_child(self._open_request.kind)
        self._used_by_child = 0.0
        with ExitStack() as undo:
            undo.callback(self._close_child)
            try:
                reply, payload = await self._ask_and_count(self._child, self._open_request)
                reply.raise_error()
                facts = protocol.FACTS.validate_json(payload or b"[]")
            except _CHILD_FAILURES as error:
                if isinstance(error, TimeoutError):
                    raise OpeningTimeout.with_limit(self._seconds) from error
                raise OpenerCrashed(reason=_failure_reason(error)) from error
            undo.pop_all()
        self.page_count = reply.page_count
        self._first_facts = {one.number: one for one in facts}
        self.member_count = reply.member_count
        self.confinement = reply.confinement or Confinement()

    async def _load_sections(self, number: int) -> None:
        """Ask for all TEXT_SECTIONS of a page with a text layer at once: whoever wants one of them mostly wants the others.

        If the child is lost with that, nothing is loaded, and each is asked for by itself.
        """
        if not self._has_text.pop(number, False):
            return
        try:
            _, payload = await self._ask_page("text", number)
            with self._validate_reply(number):
                sections = arrays.split_sections(payload, len(TEXT_SECTIONS))
        except PageCrashed:
            return
        if len(payload) > MAX_LOADED_BYTES:
            return
        loaded = {(name, number): one for name, one in zip(TEXT_SECTIONS, sections, strict=True) if one is not None}
        self._loaded = {**dict([*self._loaded.items()][-MAX_LOADED_SECTIONS:]), **loaded}

    async def _ask_section(self, name: str, number: int) -> bytes:
        """Return one of TEXT_SECTIONS of a page, which is loaded or asked for. Raises the errors of ``_ask_page``."""
        loaded = None if self._closed else self._loaded.pop((name, number), None)
        return (await self._ask_page(name, number))[1] if loaded is None else loaded

    async def _ask_page(self, op: Any, number: int, seconds: float | None = None, **what: Any) -> tuple[Reply, bytes]:
        """Ask for something of a page. Raises PageUnreadable, PageCrashed and the errors of ``Openers.open``."""
        if not 1 <= number <= self.page_count:
            raise PageUnreadable(f"There is no page {number}; the document has {self.page_count}.", page=number)
        request = Request(op=op, seconds=seconds or self._seconds, page=number, **what)
        async with self._lock:
            if self._closed:
                raise PageUnreadable("The document has been closed.", page=number)
            try:
                return await self._ask_with_retry(request)
            except asyncio.CancelledError:
                # What remains of a reply must not be taken for the next one.
                self._close_child()
                raise

    async def _ask_with_retry(self, request: Request) -> tuple[Reply, bytes]:
        """Exchange one request, and close the child if it is lost.

        A child lost together with its zygote says nothing about the page, which then gets a second one.
        """
        for is_last in (False, True):
            child = await self._ensure_child(request.page)
            try:
                reply, payload = await self._ask_and_count(child, request)
                reply.raise_error(page=request.page)
            except _CHILD_FAILURES as error:
                self._close_child()
                if is_last or self._openers.is_alive():
                    raise _page_error(request, error) from error
            else:
                return reply, payload
        raise AssertionError("the second try answers or raises")

    async def _ensure_child(self, number: int) -> Child:
        """Return the child, renewed after REQUESTS_PER_CHILD requests.

        Raises PageCrashed and the errors of ``Openers.open``.
        """
        self._requests += 1
        if self._requests > REQUESTS_PER_CHILD:
            self._close_child()
            self._requests = 1
        if self._child is None:
            try:
                await self._open()
            except OpenerCrashed as error:
                raise PageCrashed(page=number, reason=error.details.get("reason", "")) from error
        assert self._child is not None
        return self._child

    @contextmanager
    def _validate_reply(self, number: int) -> Iterator[None]:
        """Treat a reply that makes no sense as a crash: its child can no longer be trusted. Raises PageCrashed."""
        try:
            yield
        except ValueError as error:
            self._close_child()
            raise PageCrashed(page=number, reason="answer") from error

    def _close_child(self) -> None:
        """Kill the child, if any."""
        if self._child is not None:
            self._child.close()
            self._child = None


def _page_error(request: Request, error: Exception) -> PageCrashed:
    """Return the error of the page for which a child was lost."""
    if isinstance(error, TimeoutError):
        return PageTooSlow(page=request.page, reason="timeout", limit_seconds=request.seconds)
    return PageCrashed(page=request.page, reason=_failure_reason(error))


def _failure_reason(error: Exception) -> str:
    """Return ``timeout``, ``died`` or ``answer``: why a child was given up."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "answer" if isinstance(error, ValueError) else "died"


def _page_image(number: int, reply: Reply, data: bytes, spec: PageImageSpec, turn: int) -> PageImage:
    """Return the page image of a reply. Raises ValueError if the data is not what the request asked for."""
    width, height = reply.width_pixels, reply.height_pixels
    if not (width and height):
        raise ValueError("a picture without pixels")
    if spec.encoding == "rgb" and len(data) != width * height * 3:
        raise ValueError(f"{len(data)} bytes are no picture of {width} x {height}")
    if spec.encoding == "jpeg" and not data.startswith(b"\xff\xd8"):
        raise ValueError("not a JPEG file")
    skew = Skew(reply.askew, reply.shrunk, width / height) if reply.askew else Skew()
    decoder_damage = Damage(part="picture", fault="corrupt", decoder=reply.decoder) if reply.messages else None
    image = PageImage(number, width, height, spec.encoding, data, turn, reply.ink, reply.sideways, reply.marks, skew=skew)
    return replace(image, damage=decoder_damage)
