"""The processes that open documents: a zygote, and one child of it for every open document.

A document that crashes its parser, hangs it or eats memory ends a child and nothing else, and one that takes its parser over
has a process that can reach nothing: see ``confinement``. The zygote has the reading libraries loaded and little else, so a
child costs a small fork. Everything here runs in those processes; ``zygote`` has the side of the process that starts them.
"""

from __future__ import annotations

import gc
import json
import logging
import math
import os
import platform
import resource
import select
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import NoReturn, Protocol

import numpy.ma  # noqa: F401 - numpy's median loads it: once in the zygote instead of once a child
from PIL import Image

from document_parser import logs
from document_parser.errors import DocumentParserError, PageUnreadable
from document_parser.models import Confinement, Damage, PageFacts, PictureSpec, Rule, Word
from document_parser.pipeline import confinement, decoder_messages, frames
from document_parser.pipeline.frames import Reply, Request
from document_parser.pipeline.image_file import ImageFile
from document_parser.pipeline.pdf_file import PdfFile
from document_parser.pipeline.picture import Picture
from document_parser.pipeline.zygote import FORK_REQUEST, OpenerLimits
from document_parser.processes import die_with_parent, name_process
from document_parser.settings import LogSettings

_LOGGER = "document_parser.pipeline.opener"
"""Not ``__name__``, which is ``__main__`` in the zygote: the log tells in full only what our own loggers say."""
_OPEN_FILES = 64
_SPARED_SECONDS = 2


class OpenedDocument(Protocol):
    """An opened file of any kind, pages from 1."""

    page_count: int

    def facts(self, number: int) -> PageFacts: ...
    def words(self, number: int) -> list[Word]: ...
    def rules(self, number: int) -> list[Rule]: ...
    def damage(self, number: int) -> list[Damage]: ...
    def render(self, number: int, spec: PictureSpec, turn: int) -> Picture: ...


OpenDocument = Callable[[Request, OpenerLimits], OpenedDocument]
"""Opens the file that a request names. Raises DocumentError."""

_IGNORED_SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGQUIT,
    signal.SIGALRM,
)


def open_document(request: Request, limits: OpenerLimits) -> OpenedDocument:
    path = Path(request.path)
    return (
        PdfFile(path, request.password)
        if request.kind == "pdf"
        else ImageFile(path, limits.max_image_megapixels, limits.max_image_memory_mb)
    )


def run_zygote(open_document: OpenDocument = open_document) -> NoReturn:
    """Fork a child for each request on descriptor 0, until whoever sends them is gone. The command line has what it needs."""
    try:
        told = json.loads(sys.argv[1])
        control = socket.socket(fileno=os.dup(0))
        _leave_parent(told["parent"], control.fileno(), "docparse-zygote")
        if told["log_format"]:
            logs.configure(LogSettings.model_construct(log_level="ERROR", log_format=told["log_format"]))
        # Credentials may change with the network, and a change of them switches the parent's death signal off.
        in_own_network = confinement.leave_network()
        die_with_parent(told["parent"])
        confinement.give_up_privileges()
        Image.preinit()  # Pillow loads its formats at first use; once here instead of once a child
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
        opener = Opener(OpenerLimits(**told["limits"]), open_document, in_own_network=in_own_network)
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, len(FORK_REQUEST), 1)
            if not message:
                break
            _fork_opener(descriptors, opener)
    finally:
        _exit()


def _fork_opener(descriptors: list[int], opener: Opener) -> None:
    parent = os.getpid()
    try:
        if descriptors and os.fork() == 0:
            opener.run(socket.socket(fileno=descriptors[0]), parent)
    except BlockingIOError:
        pass  # no process to be had: the closed socket says so to the one who asked
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _end_with(descriptor: int) -> None:
    """End this process when the one it works for is gone, even in the middle of a page: it is not our parent."""
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP | select.POLLHUP)
    poll.poll()
    os._exit(0)


def _exit() -> NoReturn:
    """End this process, never returning into the stack it was forked from. Says why, where that is a fault of ours."""
    error = sys.exc_info()[0]
    try:
        if error is not None and not issubclass(error, (BrokenPipeError, ConnectionResetError, MemoryError)):
            logging.getLogger(_LOGGER).error("opener_crashed", exc_info=True)
    finally:
        os._exit(int(error is not None))


def _leave_parent(parent: int, keep: int, name: str) -> None:
    """Become a process of its own: ends with its parent, holds nothing of it, does not answer to its signals."""
    gc.freeze()  # inherited objects live as long as the process: no need to look at them, and copy their memory
    gc.disable()
    die_with_parent(parent)
    name_process(name)
    signal.set_wakeup_fd(-1)
    for number in _IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.setitimer(signal.ITIMER_REAL, 0)
    _close_all_but(keep)


def _close_all_but(keep: int) -> None:
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208 - no Path objects after a fork
        if descriptor > 2 and descriptor != keep:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the listing's own
    _point_at_nothing(0, os.O_RDONLY)


def _keep_stderr_clean() -> None:
    """C libraries write about odd files on descriptors 1 and 2; only our own last words go to the real stderr.

    What they write on 2 is read after each request: it may be the only sign of damage.
    """
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="replace")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    logging.disable(logging.WARNING)
    _point_at_nothing(1, os.O_WRONLY)
    decoder_messages.redirect()
    warnings.simplefilter("ignore")


def _point_at_nothing(descriptor: int, mode: int) -> None:
    nothing = os.open(os.devnull, mode)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def _limit(limits: OpenerLimits) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + (limits.memory_mb << 20)
    _offer_to_oom_killer()
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _offer_to_oom_killer() -> None:
    """Where the machine itself runs out of memory, let the kernel take this process first."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return  # a sandbox may forbid it


def _limit_processor(seconds: float) -> None:
    """Raise the limit of processor time for one more request; the process dies of SIGXCPU beyond it."""
    soft = math.ceil(_used_seconds() + seconds) + _SPARED_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _answered(opened: OpenedDocument | None, request: Request) -> tuple[Reply, bytes]:
    if opened is None:
        raise PageUnreadable("No document is open.")
    if request.op == "facts":
        return Reply(), opened.facts(request.page).model_dump_json().encode()
    if request.op == "words":
        return Reply(), frames.words_payload(opened.words(request.page))
    if request.op == "rules":
        return Reply(), frames.rows_payload(opened.rules(request.page))
    if request.op == "damage":
        return Reply(), frames.damage_payload(opened.damage(request.page))
    picture = opened.render(request.page, request.spec or PictureSpec(), request.turn)
    reply = Reply(
        width_pixels=picture.width_pixels,
        height_pixels=picture.height_pixels,
        ink=picture.ink,
        sideways=picture.sideways,
        marks=picture.marks,
        askew=picture.skew.degrees,
        shrunk=picture.skew.scale,
    )
    return reply, picture.data


def _used_seconds() -> float:
    """Processor time of this process since it was forked."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Opener:
    """What a child does with its life; made in the zygote."""

    def __init__(self, limits: OpenerLimits, open_document: OpenDocument, *, in_own_network: bool) -> None:
        self._limits = limits
        self._open_document = open_document
        self._libraries = confinement.library_places()
        self._filter = confinement.SystemCallFilter(platform.machine())
        self._in_own_network = in_own_network

    def run(self, sock: socket.socket, parent: int) -> NoReturn:
        """Answer on ``sock``, in a process just forked from ``parent``."""
        try:
            _leave_parent(parent, sock.fileno(), "docparse-opener")
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep_stderr_clean()
            _limit(self._limits)
            self._serve(sock)
        finally:
            _exit()

    def _serve(self, sock: socket.socket) -> None:
        """Answer requests until the socket closes. The first one must open the file; no other file can be opened after it."""
        frames.send(sock, Reply(pid=os.getpid()))
        opened: OpenedDocument | None = None
        confined: Confinement | None = None
        while (frame := frames.receive(sock)) is not None:
            request = Request.model_validate_json(frame[0])
            if request.op in ("open", "confine") and confined is None:
                confined = self._confine(sock, Path(request.path) if request.op == "open" else None)
            decoder_messages.take()
            _limit_processor(request.seconds)
            try:
                if request.op == "open":
                    opened = self._open_document(request, self._limits)
                    reply, payload = Reply(page_count=opened.page_count, confinement=confined), b""
                elif request.op == "confine":
                    reply, payload = Reply(confinement=confined), b""
                else:
                    reply, payload = _answered(opened, request)
            except DocumentParserError as error:
                reply, payload = Reply.refusing(error), b""
            messages = decoder_messages.take()
            told = {"processor_seconds": _used_seconds(), "messages": len(messages), "decoder": next(iter(messages), "")}
            frames.send(sock, reply.model_copy(update=told), payload)

    def _confine(self, sock: socket.socket, document: Path | None) -> Confinement:
        """Give up everything but the document; then watch, in a thread, that whoever asks is still there.

        The thread comes afterwards, for the kernel confines a thread and those that it starts.
        """
        confined = confinement.confine(document, self._libraries, self._filter)
        Thread(target=_end_with, args=(sock.fileno(),), daemon=True).start()
        return confined.model_copy(update={"network_namespace": self._in_own_network})


if __name__ == "__main__":
    run_zygote()
