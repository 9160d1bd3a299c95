"""The processes that open documents: a zygote, and one child of it for every open document.

A document that crashes its parser, hangs it or uses up memory ends a child and nothing else. A document that takes its parser
over has a process that can reach nothing: see ``confinement``. The zygote has the reading libraries loaded and little else, so
a child costs a small fork. Everything here runs in those processes; ``zygote`` is the side of the process that starts them.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
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
from _thread import start_new_thread
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn, cast, get_args

import numpy.ma  # noqa: F401 - numpy's median loads it: once in the zygote instead of in each child
from PIL import Image

from document_parser.errors import DamagedDocument, DocumentParserError, PageUnreadable
from document_parser.host import huge_pages
from document_parser.host.processes import die_with_parent, name_process
from document_parser.imaging.page_image import RenderedPage
from document_parser.models import Confinement, ConvertedKind, PageFacts, PageImageSpec, stored_json
from document_parser.sources import arrays, confinement, decoder_messages, protocol
from document_parser.sources.base import Container, OpenedDocument, OpenerLimits
from document_parser.sources.containers.member_pieces import MemberPieces
from document_parser.sources.converted import ConvertedDocument
from document_parser.sources.flowing import FlowingDocument, open_flowing
from document_parser.sources.image_file import ImageFile
from document_parser.sources.libreoffice import convert
from document_parser.sources.old_encryption import refuse_encrypted
from document_parser.sources.pdf.file import PdfFile
from document_parser.sources.protocol import MAX_FORK_REQUEST_BYTES, TEXT_SECTIONS, Reply, Request
from document_parser.sources.stream_pieces import Readable, StreamPieces
from document_parser.sources.warm_up import Preparation, warm_up
from document_parser.telemetry import logs

_LOGGER = "document_parser.sources.opener"
"""Not ``__name__``, which is ``__main__`` in the zygote: only the messages of our own loggers are logged in full."""
_MAX_OPEN_FILES = 64
"""Descriptors that a child may have open."""
_MOST_DESCRIPTORS = os.sysconf("SC_OPEN_MAX")
"""No descriptor of this process has this number or a higher one."""
_EXTRA_PROCESSOR_SECONDS = 2
"""Processor time beyond the seconds of a request before the kernel ends the child."""
_FORKS_BEFORE_HUGE_PAGES = 32
"""Documents after which the zygote puts its memory into huge pages: that takes 50 ms, and saves each fork one to two."""
_IDLE_MILLISECONDS = 5000
"""The zygote prepares further kinds when no request has come for this long: while documents come one after the other, all that
the machine does is for them."""
_CONVERTED_KINDS = frozenset(get_args(ConvertedKind))
"""Kinds of which LibreOffice makes the file that is read."""


_IGNORED_SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGQUIT,
    signal.SIGALRM,
)
"""Signals meant for the parent: a zygote and its children ignore them, and end with the parent."""


OpenDocument = Callable[[Request, OpenerLimits], OpenedDocument]
"""Opens the file that a request names. Raises DocumentError and its subclasses."""


def open_document(request: Request, limits: OpenerLimits) -> OpenedDocument:
    """Open the file that a request names; for an old format the path is that of the converted file.

    Raises DocumentError, DamagedDocument, EncryptedDocument, WrongPassword or OversizedImage.
    """
    path = Path(request.path)
    if request.kind in _CONVERTED_KINDS:
        return ConvertedDocument(path, cast(ConvertedKind, request.kind), limits)
    if request.kind == "pdf":
        return PdfFile(path, request.password)
    if request.kind == "image":
        return ImageFile(path, limits.max_image_megapixels, limits.max_image_memory_mb)
    return open_flowing(path, request.kind, limits, request.password)


def run_zygote(open_document: OpenDocument = open_document) -> NoReturn:
    """Fork a child for each request on descriptor 0, until no process holds the other end. Never returns.

    The first command line argument is JSON with the parent's pid, the limits and the log format.
    """
    try:
        arguments = json.loads(sys.argv[1])
        control = socket.socket(fileno=os.dup(0))
        _detach_from_parent(arguments["parent"], control.fileno())
        if arguments["log_format"]:
            logs.configure(logs.LogStyle("ERROR", arguments["log_format"]))
        _redirect_output()
        # Credentials may change with the network, and a change of credentials cancels the parent-death signal.
        in_own_network = confinement.leave_network()
        confinement.drop_capabilities()
        die_with_parent(arguments["parent"])
        confinement.give_up_privileges()
        Image.preinit()  # Pillow loads its formats at first use: here once instead of in each child
        warm_up()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
        limits = OpenerLimits(**arguments["limits"])
        opener = Opener(limits, open_document, in_own_network=in_own_network)
        preparation = Preparation(limits)
        for number in itertools.count():
            if number == _FORKS_BEFORE_HUGE_PAGES:
                huge_pages.collapse()
            _prepare_while_idle(control, preparation)
            message, descriptors, _, _ = socket.recv_fds(control, MAX_FORK_REQUEST_BYTES, 1)
            if not message:
                break
            preparation.prepare(message.decode())
            _fork_opener(descriptors, opener)
    finally:
        _exit()


def _prepare_while_idle(control: socket.socket, preparation: Preparation) -> None:
    """Prepare one kind of documents after the other while no request comes: the first child of a kind would wait for that."""
    poll = select.poll()
    poll.register(control.fileno(), select.POLLIN)
    while not preparation.is_done and not poll.poll(_IDLE_MILLISECONDS):
        preparation.prepare_next()


def _fork_opener(descriptors: list[int], opener: Opener) -> None:
    """Fork a child that serves the socket among these descriptors, and close them here."""
    parent = os.getpid()
    gc.freeze()  # also what was loaded since the last fork
    try:
        if descriptors and os.fork() == 0:
            opener.run_child(socket.socket(fileno=descriptors[0]), parent)
    except BlockingIOError:
        pass  # no process can be made: the closed socket shows that to the asking process
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _exit_when_closed(descriptor: int) -> None:
    """End this process when the process it works for is gone, even in the middle of a page: it is not our parent."""
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP | select.POLLHUP)
    poll.poll()
    os._exit(0)


def _exit() -> NoReturn:
    """End this process, never returning into the stack it was forked from. Logs the error if it is a fault of ours."""
    error = sys.exc_info()[0]
    try:
        if error is not None and not issubclass(error, (BrokenPipeError, ConnectionResetError, MemoryError)):
            logging.getLogger(_LOGGER).error("opener_crashed", exc_info=True)
    finally:
        os._exit(int(error is not None))


def _detach_from_parent(parent: int, keep: int) -> None:
    """Make the zygote a process of its own: it ends with its parent, holds nothing of it, and ignores its signals.

    Its children inherit what concerns the collector and the signals: each setting made again there would copy memory.
    """
    gc.freeze()  # inherited objects last as long as the process; the collector would only copy their memory by touching it
    gc.disable()
    die_with_parent(parent)
    name_process("docparse-zygote")
    signal.set_wakeup_fd(-1)
    for number in _IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.setitimer(signal.ITIMER_REAL, 0)
    _close_inherited(keep)
    _redirect_to_null(0, os.O_RDONLY)


def _close_inherited(keep: int) -> None:
    """Close all descriptors except 0 to 2 and ``keep``, whatever their numbers are and the limit is."""
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208 - no Path objects after a fork
        if descriptor > 2 and descriptor != keep:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the descriptor of the listing itself


def _close_all_but(*keep: int) -> None:
    """Close all descriptors except 0 to 2 and those of ``keep``, by one call for each gap: a child copies what it touches."""
    first = 3
    for kept in sorted(keep):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, _MOST_DESCRIPTORS)


def _redirect_output() -> None:
    """Keep what C libraries of the children write on descriptor 1 from anybody, and give our own messages a descriptor.

    Done in the zygote. A child then only replaces descriptor 2 by a pipe of its own, which is read after each request: what
    libraries write there may be the only sign of damage.
    """
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="replace")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    logging.disable(logging.WARNING)
    _redirect_to_null(1, os.O_WRONLY)
    warnings.simplefilter("ignore")


def _redirect_to_null(descriptor: int, mode: int) -> None:
    """Make a descriptor one of /dev/null."""
    null = os.open(os.devnull, mode)
    os.dup2(null, descriptor)
    os.close(null)


def _set_limits(limits: OpenerLimits) -> None:
    """Limit the memory, written files, core dumps and open files of this process."""
    pages = int(_read_start("/proc/self/statm").split()[0])
    memory = pages * resource.getpagesize() + (limits.memory_mb << 20)
    _offer_to_oom_killer()
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _offer_to_oom_killer() -> None:
    """Let the kernel kill this process first if the machine runs out of memory."""
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return  # a sandbox may forbid this
    try:
        with contextlib.suppress(OSError):
            os.write(descriptor, b"1000")
    finally:
        os.close(descriptor)


def _read_start(path: str) -> bytes:
    """Return the first bytes of a file of the kernel. No Path or file object: they would copy memory after a fork."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 256)
    finally:
        os.close(descriptor)


def _extend_processor_limit(seconds: float) -> None:
    """Raise the limit of processor time for one more request; beyond it the process dies of SIGXCPU."""
    soft = math.ceil(_processor_seconds() + seconds) + _EXTRA_PROCESSOR_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _describe(opened: OpenedDocument, confined: Confinement | None) -> tuple[Reply, bytes]:
    """Return the reply about a document that has just been opened, and the facts of its first parts if it has parts."""
    members = len(opened.members()) if isinstance(opened, Container) else 0
    reply = Reply(page_count=opened.page_count, member_count=members, confinement=confined)
    facts: list[PageFacts] = []
    if isinstance(opened, FlowingDocument):
        with contextlib.suppress(PageUnreadable):  # who asks for the facts of that part will say it
            facts.extend(map(opened.facts, range(1, min(opened.page_count, protocol.MAX_FIRST_FACTS) + 1)))
    return reply, protocol.encode_facts(facts)


def _answer(opened: OpenedDocument | None, request: Request) -> tuple[Reply, bytes]:
    """Return the reply to a request about a page, and its payload."""
    if opened is None:
        raise PageUnreadable("No document is open.")
    if request.op == "members":
        return Reply(), protocol.encode_members(opened.members() if isinstance(opened, Container) else [])
    if request.op == "facts":
        return Reply(), opened.facts(request.page).model_dump_json().encode()
    if request.op in TEXT_SECTIONS:
        return Reply(), _section(opened, request.op, request.page)
    if request.op == "text":
        return Reply(), arrays.join_sections([_try_section(opened, name, request.page) for name in TEXT_SECTIONS])
    if request.op == "tables":
        return Reply(), protocol.encode_tables(opened.tables(request.page, request.regions))
    if request.op == "pdfplumber_words":
        return Reply(), arrays.encode_words(opened.pdfplumber_words(request.page))
    if request.op == "page_picture":
        return Reply(), _picture_of(opened, request.page)
    if request.op == "part":
        return Reply(), stored_json(_flowing(opened).part(request.page))
    spec = request.spec or PageImageSpec()
    if request.op == "picture":
        return _answer_with_image(_flowing(opened).picture(request.page, request.index, spec))
    return _answer_with_image(opened.render(request.page, spec, request.turn))


def _picture_of(opened: OpenedDocument, number: int) -> bytes:
    """Return the picture of a page as a PDF can hold it, encoded. Raises PageUnreadable."""
    if not isinstance(opened, ImageFile | PdfFile):
        raise PageUnreadable("The document has no pages.")
    packed = opened.page_picture(number)
    if len(packed.data) > protocol.MAX_PAYLOAD_BYTES // 2:
        raise PageUnreadable("The picture of the page is too large.")
    return protocol.encode_picture(*packed)


def _lay_texts(opened: OpenedDocument | None, request: Request) -> Readable:
    """Return the document with texts over its pages, to be read. Raises PageUnreadable."""
    if not isinstance(opened, PdfFile):
        raise PageUnreadable("The document is no PDF.")
    return opened.with_texts(Path(request.texts))


def _flowing(opened: OpenedDocument) -> FlowingDocument:
    """Return the document if it is one of parts. Raises PageUnreadable."""
    if not isinstance(opened, FlowingDocument):
        raise PageUnreadable("A page that is drawn has no parts.")
    return opened


def _answer_with_image(picture: RenderedPage) -> tuple[Reply, bytes]:
    """Return the reply that describes an image, and its data."""
    reply = Reply(
        width_pixels=picture.width_pixels,
        height_pixels=picture.height_pixels,
        ink=picture.ink,
        sideways=picture.sideways_score,
        marks=picture.ink_facts,
        askew=picture.skew.degrees,
        shrunk=picture.skew.scale,
    )
    return reply, picture.data


def _section(opened: OpenedDocument, name: str, number: int) -> bytes:
    """Return one of TEXT_SECTIONS of a page, encoded. Raises PageUnreadable."""
    if name == "words":
        return arrays.encode_words(opened.words(number))
    if name == "rules":
        return arrays.encode_rulings(opened.rulings(number))
    return protocol.encode_damage(opened.damage(number))


def _try_section(opened: OpenedDocument, name: str, number: int) -> bytes | None:
    """Return one of TEXT_SECTIONS of a page, encoded; None if it cannot be read."""
    try:
        return _section(opened, name, number)
    except DocumentParserError:
        return None


def _processor_seconds() -> float:
    """Return the processor time of this process since it was forked."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Opener:
    """The work of a child; made in the zygote, so that children share what it holds."""

    def __init__(self, limits: OpenerLimits, open_document: OpenDocument, *, in_own_network: bool) -> None:
        self._limits = limits
        self._open_document = open_document
        self._libraries = confinement.find_library_paths()
        self._filter = confinement.SystemCallFilter(platform.machine())
        self._in_own_network = in_own_network

    def run_child(self, sock: socket.socket, parent: int) -> NoReturn:
        """Serve requests on ``sock``, in a process just forked from ``parent``. Never returns."""
        try:
            die_with_parent(parent)
            name_process("docparse-opener")
            _close_all_but(sock.fileno(), sys.stderr.fileno())
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            decoder_messages.redirect_to_pipe()
            self._serve(sock)
        finally:
            _exit()

    def _serve(self, sock: socket.socket) -> None:
        """Answer requests until the socket closes. The first one must open the file; no other file can be opened after it."""
        sock.sendall(protocol.PID.pack(os.getpid()))
        opened: OpenedDocument | None = None
        pieces, laid = MemberPieces(), StreamPieces()
        confined: Confinement | None = None
        while (frame := protocol.receive(sock)) is not None:
            request = Request.model_validate_json(frame[0])
            try:
                if confined is None:
                    request = self._converted(sock, request)
                if request.op in ("open", "confine") and confined is None:
                    confined = self._confine(sock, [Path(path) for path in (request.path, request.texts) if path])
                decoder_messages.take_messages()
                _extend_processor_limit(request.seconds)
                if request.op == "open":
                    opened = self._open_document(request, self._limits)
                    reply, payload = _describe(opened, confined)
                elif request.op == "confine":
                    reply, payload = Reply(confinement=confined), b""
                elif request.op == "member":
                    reply, payload = Reply(), pieces.read(opened, request.index, request.offset)
                elif request.op == "searchable":
                    reply, payload = Reply(), laid.read(request.texts, request.offset, partial(_lay_texts, opened, request))
                else:
                    reply, payload = _answer(opened, request)
            except DocumentParserError as error:
                reply, payload = Reply.from_error(error), b""
            messages = decoder_messages.take_messages()
            reply.processor_seconds = _processor_seconds()
            if messages:
                reply.messages, reply.decoder = len(messages), messages[0]
            protocol.send(sock, reply, payload)

    def _converted(self, sock: socket.socket, request: Request) -> Request:
        """Return a request to open a document of an old format as one that names the converted file; any other as it is.

        Raises the errors of ``convert``, and EncryptedDocument.
        """
        if request.op != "open" or request.kind not in _CONVERTED_KINDS:
            return request
        kind, folder = cast(ConvertedKind, request.kind), Path(request.folder)
        try:
            made = convert(Path(request.path), kind, folder, self._limits, sock.fileno())
        except DamagedDocument:
            self._confine(sock, [Path(request.path)])
            refuse_encrypted(Path(request.path), kind)
            raise
        return request.model_copy(update={"path": str(made)})

    def _confine(self, sock: socket.socket, documents: list[Path]) -> Confinement:
        """Give up everything but the document and what is laid over it; then watch, in a thread, that the asking process lives.

        The thread starts afterwards because the kernel confines a thread and those that it starts.
        """
        _set_limits(self._limits)
        confined = confinement.confine(documents, self._libraries, self._filter)
        start_new_thread(_exit_when_closed, (sock.fileno(),))  # a Thread object would copy more memory
        return confined.model_copy(update={"network_namespace": self._in_own_network})


if __name__ == "__main__":
    run_zygote()
