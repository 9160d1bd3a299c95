"""The processes that open documents: a zygote forked from the worker, and one child of it for every open document.

A document that crashes its parser, hangs it or eats memory ends a child and nothing else. The zygote has the reading libraries
loaded and little else, so a child costs a small fork. Everything here runs in those processes, except ``fork_zygote``.
"""

from __future__ import annotations

import gc
import logging
import math
import os
import resource
import select
import signal
import socket
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import NoReturn, Protocol

from PIL import Image

from document_parser.errors import DocumentParserError, PageUnreadable
from document_parser.models import Damage, PageFacts, PictureSpec, Rule, Word
from document_parser.pipeline import decoder_messages, frames
from document_parser.pipeline.frames import Reply, Request
from document_parser.pipeline.image_file import ImageFile
from document_parser.pipeline.pdf_file import PdfFile
from document_parser.pipeline.picture import Picture
from document_parser.processes import die_with_parent, name_process

FORK_REQUEST = b"fork"

_OPEN_FILES = 64
_FORK_SECONDS = 10.0
_SPARED_SECONDS = 2


@dataclass(frozen=True)
class OpenerLimits:
    """What an opener child may take: MiB above what it was forked with, seconds a request, million pixels of a picture."""

    memory_mb: int = 2048
    timeout_seconds: float = 60.0
    max_image_megapixels: int = 200


class _Opened(Protocol):
    """An opened file of any kind, pages from 1."""

    page_count: int

    def facts(self, number: int) -> PageFacts: ...
    def words(self, number: int) -> list[Word]: ...
    def rules(self, number: int) -> list[Rule]: ...
    def damage(self, number: int) -> list[Damage]: ...
    def render(self, number: int, spec: PictureSpec, turn: int) -> Picture: ...


@dataclass(frozen=True)
class Zygote:
    """A running zygote, as seen from its parent and whoever that has forked since.

    ``control`` takes FORK_REQUEST together with one end of a socket pair for each child; ``handle`` is a pidfd.
    """

    pid: int
    control: socket.socket
    handle: int

    def alive(self) -> bool:
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return not poll.poll(0)


def fork_zygote(limits: OpenerLimits) -> Zygote:
    """Fork a zygote from this process.

    It ends with the thread that called this, and once nobody holds its socket any more. Best called while the process has one
    thread and little memory: every child costs what the zygote holds.
    """
    Image.preinit()  # Pillow loads its formats at first use; once here instead of once a child
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _run_zygote(theirs, limits, parent)
    theirs.close()
    ours.settimeout(_FORK_SECONDS)
    return Zygote(pid, ours, os.pidfd_open(pid))


def _run_zygote(control: socket.socket, limits: OpenerLimits, parent: int) -> NoReturn:
    try:
        _leave_parent(parent, control.fileno(), "docparse-zygote")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, len(FORK_REQUEST), 1)
            if not message:
                break
            _fork_opener(descriptors, limits)
    finally:
        _exit()


def _fork_opener(descriptors: list[int], limits: OpenerLimits) -> None:
    parent = os.getpid()
    try:
        if descriptors and os.fork() == 0:
            _run_opener(socket.socket(fileno=descriptors[0]), limits, parent)
    except BlockingIOError:
        pass  # no process to be had: the closed socket says so to the one who asked
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _run_opener(sock: socket.socket, limits: OpenerLimits, parent: int) -> NoReturn:
    try:
        _leave_parent(parent, sock.fileno(), "docparse-opener")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _keep_stderr_clean()
        _limit(limits)
        Thread(target=_end_with, args=(sock.fileno(),), daemon=True).start()
        _serve(sock, limits)
    finally:
        _exit()


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
            logging.getLogger(__name__).error("opener_crashed", exc_info=True)
    finally:
        os._exit(int(error is not None))


def _leave_parent(parent: int, keep: int, name: str) -> None:
    """Become a process of its own: ends with its parent, holds nothing of it, does not answer to its signals."""
    gc.freeze()  # inherited objects must not be collected: their descriptors are about to belong to others
    gc.disable()
    die_with_parent(parent)
    name_process(name)
    signal.set_wakeup_fd(-1)
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGQUIT,
        signal.SIGALRM,
    ):
        signal.signal(number, signal.SIG_IGN)
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
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + _SPARED_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _serve(sock: socket.socket, limits: OpenerLimits) -> None:
    """Answer requests until the socket closes. The first one must open the file."""
    frames.send(sock, Reply(pid=os.getpid()))
    opened: _Opened | None = None
    while (frame := frames.receive(sock)) is not None:
        request = Request.model_validate_json(frame[0])
        decoder_messages.take()
        _limit_processor(request.seconds)
        try:
            if request.op == "open":
                opened = _open(request, limits)
                reply, payload = Reply(page_count=opened.page_count), b""
            else:
                reply, payload = _answered(opened, request)
        except DocumentParserError as error:
            reply, payload = Reply.refusing(error), b""
        if messages := decoder_messages.take():
            reply = reply.model_copy(update={"messages": len(messages), "decoder": messages[0]})
        frames.send(sock, reply, payload)


def _open(request: Request, limits: OpenerLimits) -> _Opened:
    path = Path(request.path)
    return PdfFile(path, request.password) if request.kind == "pdf" else ImageFile(path, limits.max_image_megapixels)


def _answered(opened: _Opened | None, request: Request) -> tuple[Reply, bytes]:
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
