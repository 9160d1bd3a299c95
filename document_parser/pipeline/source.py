"""Open documents, seen from the reading process: facts, words and pictures of pages, each asked of an opener child.

A child that dies or overruns its deadline costs the page that was asked for; the next call gets a fresh child. Opening a
document is tried twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter

from document_parser import logs
from document_parser.errors import OpenerCrashed, PageCrashed, PageUnreadable
from document_parser.models import Confinement, Damage, PageFacts, PageImage, PictureSpec, Rule, SourceKind, Word
from document_parser.pipeline import frames
from document_parser.pipeline.frames import Reply, Request
from document_parser.pipeline.opener_child import Child, ask_for_child
from document_parser.pipeline.zygote import OpenerLimits, Zygote, start_zygote
from document_parser.skew import Skew

__all__ = ["OpenerLimits", "Openers", "Source"]

log = logs.get(__name__)

REQUESTS_PER_CHILD = 128
"""PDFium keeps what it has read for as long as a document is open; a fresh child opens it anew in about 10 ms."""
_WORDS = TypeAdapter(tuple[list[Word], list[tuple[str, list[int]]]], config=ConfigDict(allow_inf_nan=False))
_DAMAGE = TypeAdapter(Annotated[list[Damage], Field(max_length=64)])
_RULES = TypeAdapter(list[Rule], config=ConfigDict(allow_inf_nan=False))
# What a child that is dead, or no longer itself, does to the one who reads from it.
_BROKEN = (OSError, EOFError, ValueError)


class Openers:
    """Makes opener children, by way of a zygote. One a process; close it, or use it as a context manager."""

    def __init__(self, limits: OpenerLimits, shared: Zygote | None = None) -> None:
        """``shared`` is a zygote that an ancestor of this process keeps; without it, one of our own is started."""
        self.limits = limits
        self._shared = shared
        self._own: Zygote | None = None

    @classmethod
    def start(cls, limits: OpenerLimits, shared: Zygote | None = None) -> Self:
        """Have a zygote begin to load. Call it from the thread that lives longest."""
        openers = cls(limits, shared)
        openers._zygote()
        return openers

    async def open(self, path: Path, kind: SourceKind, password: str | None = None) -> Source:
        """Open a document in a child of its own.

        Raises EncryptedDocument, WrongPassword, DamagedDocument, DocumentError where it cannot be read, OpenerCrashed where
        opening it met a limit or crashed the parser, twice.
        """
        source = Source(self, path, kind, password)
        await source._open()
        return source

    async def confinement(self) -> Confinement:
        """Return what keeps a child from anything but its document, as the kernel let one. Raises OpenerCrashed."""
        child = await self.child()
        try:
            reply, _ = await child.ask(Request(op="confine", seconds=self.limits.timeout_seconds))
        except _BROKEN as error:
            raise OpenerCrashed("The process that opens documents does not answer.") from error
        finally:
            child.close()
        return reply.confinement or Confinement()

    @property
    def zygote_pid(self) -> int:
        return self._zygote().pid

    def alive(self) -> bool:
        """Whether the zygote that was asked last still runs."""
        zygote = self._own or self._shared
        return zygote is not None and zygote.alive()

    def close(self) -> None:
        """End the zygote, if it is our own. Its children end with it."""
        if self._own is not None:
            self._own.control.close()
            if self._own.alive():
                signal.pidfd_send_signal(self._own.handle, signal.SIGKILL)
            os.waitpid(self._own.pid, 0)
            os.close(self._own.handle)
            self._own = None

    def _zygote(self) -> Zygote:
        """The shared zygote; where there is none or it has died, our own, started anew when that dies."""
        if self._own is None and self._shared is not None and self._shared.alive():
            return self._shared
        if self._own is None or not self._own.alive():
            self.close()
            self._own = start_zygote(self.limits)
        return self._own

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def child(self) -> Child:
        """A fresh child. A zygote that does not answer is replaced once; then OpenerCrashed is raised."""
        for _ in range(2):
            try:
                return await self._try_child()
            except _BROKEN:
                self.close()
                self._shared = None
        raise OpenerCrashed("The process that opens documents cannot be started.")

    async def _try_child(self) -> Child:
        child = Child(ask_for_child(self._zygote()))
        with ExitStack() as undo:
            undo.callback(child.close)
            await child.greet()
            undo.pop_all()
        return child


class Source:
    """An open document. Pages count from 1. Many tasks may call at once; their calls are served one after the other.

    The calls raise PageUnreadable where the page cannot be read, PageCrashed where asking for it ended the child. A call that
    is cancelled ends the child too, and the next one opens the document anew.
    """

    def __init__(self, openers: Openers, path: Path, kind: SourceKind, password: str | None) -> None:
        self._openers = openers
        self._seconds = openers.limits.timeout_seconds
        self._open_request = Request(op="open", seconds=self._seconds, path=str(path), kind=kind, password=password or None)
        self._lock = asyncio.Lock()
        self._child: Child | None = None
        self._asked = 0
        self._closed = False
        self.page_count = 0
        self._used = 0.0
        self._used_by_child = 0.0
        self.confinement = Confinement()
        """What keeps the child that opened it last from anything else."""

    @property
    def pid(self) -> int | None:
        """The child that holds the document at the moment."""
        return self._child.pid if self._child else None

    async def facts(self, number: int) -> PageFacts:
        _, payload = await self._page("facts", number)
        with self._trusting(number):
            return PageFacts.model_validate_json(payload)

    async def words(self, number: int) -> list[Word]:
        """The text layer, in the order of its content stream; empty for pictures."""
        _, payload = await self._page("words", number)
        with self._trusting(number):
            return frames.linked(*_WORDS.validate_json(payload))

    async def rules(self, number: int) -> list[Rule]:
        """The level and upright lines that a PDF page draws; empty for pictures."""
        _, payload = await self._page("rules", number)
        with self._trusting(number):
            return _RULES.validate_json(payload)

    async def damage(self, number: int) -> list[Damage]:
        """What of the page's data is damaged, as far as that can be found."""
        _, payload = await self._page("damage", number)
        with self._trusting(number):
            return _DAMAGE.validate_json(payload)

    async def render(self, number: int, spec: PictureSpec, turn: int = 0) -> PageImage:
        """The picture of a page, turned by ``turn`` degrees clockwise (0, 90, 180, 270) from what a viewer shows."""
        turn %= 360
        if turn % 90:
            raise ValueError(f"a page turns by quarters, not by {turn} degrees")
        reply, data = await self._page("render", number, spec=spec, turn=turn)
        with self._trusting(number):
            return _page_image(number, reply, data, spec, turn)

    def take_processor_seconds(self, least: float = 0.0) -> float:
        """Return what the document has used since the last call, as its children say; 0 while it is less than ``least``.

        Of a child that was lost, the time for which it was waited.
        """
        if self._used < least:
            return 0.0
        taken, self._used = self._used, 0.0
        return taken

    async def _count(self, child: Child, request: Request) -> tuple[Reply, bytes]:
        """Ask, and count what it takes. Errors as of ``Child.ask``."""
        began = time.monotonic()
        try:
            reply, payload = await child.ask(request)
        except _BROKEN:
            self._used += time.monotonic() - began
            raise
        self._used += max(0.0, reply.processor_seconds - self._used_by_child)
        self._used_by_child = reply.processor_seconds
        return reply, payload

    async def close(self) -> None:
        """Let go of the document. A call in flight ends first."""
        async with self._lock:
            self._closed = True
            self._drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _open(self) -> None:
        """Open the document, in a second child where the first one was lost: it may have died of something else.

        Errors as of ``Openers.open``.
        """
        try:
            await self._try_to_open()
        except OpenerCrashed as crash:
            log.warning("opened_again", reason=crash.details.get("reason"))
            await self._try_to_open()

    async def _try_to_open(self) -> None:
        self._child = await self._openers.child()
        self._used_by_child = 0.0
        with ExitStack() as undo:
            undo.callback(self._drop)
            try:
                reply, _ = await self._count(self._child, self._open_request)
                reply.raise_error()
            except _BROKEN as error:
                raise OpenerCrashed(reason=_reason(error)) from error
            undo.pop_all()
        self.page_count = reply.page_count
        self.confinement = reply.confinement or Confinement()

    async def _page(self, op: Any, number: int, **what: Any) -> tuple[Reply, bytes]:
        if not 1 <= number <= self.page_count:
            raise PageUnreadable(f"There is no page {number}; the document has {self.page_count}.", page=number)
        request = Request(op=op, seconds=self._seconds, page=number, **what)
        async with self._lock:
            if self._closed:
                raise PageUnreadable("The document has been closed.", page=number)
            try:
                return await self._ask(request)
            except asyncio.CancelledError:
                # What is left of an answer must not be taken for the next one.
                self._drop()
                raise

    async def _ask(self, request: Request) -> tuple[Reply, bytes]:
        """One exchange. A child lost together with its zygote says nothing of the page, which then gets a second one."""
        for last in (False, True):
            child = await self._ready(request.page)
            try:
                reply, payload = await self._count(child, request)
                reply.raise_error(page=request.page)
            except _BROKEN as error:
                self._drop()
                if last or self._openers.alive():
                    raise PageCrashed(page=request.page, reason=_reason(error)) from error
            else:
                return reply, payload
        raise AssertionError("the second try answers or raises")

    async def _ready(self, number: int) -> Child:
        self._asked += 1
        if self._asked > REQUESTS_PER_CHILD:
            self._drop()
            self._asked = 1
        if self._child is None:
            try:
                await self._open()
            except OpenerCrashed as error:
                raise PageCrashed(page=number, reason=error.details.get("reason", "")) from error
        assert self._child is not None
        return self._child

    @contextmanager
    def _trusting(self, number: int) -> Iterator[None]:
        """An answer that makes no sense comes from a child that is no longer itself."""
        try:
            yield
        except ValueError as error:
            self._drop()
            raise PageCrashed(page=number, reason="answer") from error

    def _drop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


def _reason(error: Exception) -> str:
    """``timeout``, ``died`` or ``answer``: why a child was given up."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "answer" if isinstance(error, ValueError) else "died"


def _page_image(number: int, reply: Reply, data: bytes, spec: PictureSpec, turn: int) -> PageImage:
    width, height = reply.width_pixels, reply.height_pixels
    if spec.encoding == "rgb" and len(data) != width * height * 3:
        raise ValueError(f"{len(data)} bytes are no picture of {width} x {height}")
    if spec.encoding == "jpeg" and not data.startswith(b"\xff\xd8"):
        raise ValueError("not a JPEG file")
    skew = Skew(reply.askew, reply.shrunk, width / height) if reply.askew else Skew()
    said = Damage(part="picture", fault="corrupt", decoder=reply.decoder) if reply.messages else None
    image = PageImage(number, width, height, spec.encoding, data, turn, reply.ink, reply.sideways, reply.marks, skew=skew)
    return replace(image, damage=said)
