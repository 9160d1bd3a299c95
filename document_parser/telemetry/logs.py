"""Write structured logs to standard output, without document content or secrets.

Every line of every process goes through one renderer, including those of libraries and uncaught errors. A library's message may
quote a document, a request or an address, so for most libraries only the place in the code is logged; for an error, its class
and the lines of code.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from document_parser.host.lean_imports import block_import
from document_parser.telemetry import error_reports

with block_import("rich"):  # 4 MiB in each of the processes that stay, for tracebacks that no log of ours has
    import structlog

if TYPE_CHECKING:
    from document_parser.settings import LogSettings

SERVICE = "document-parser"
"""The name of the service unless OTEL_SERVICE_NAME gives another."""
MAX_PLACES = 6
"""The largest number of lines of code that are logged for an error, the innermost ones."""
QUOTABLE = re.compile(r"(document_parser|gunicorn\.error|rq)(\.|$)")
"""Loggers whose messages are logged; they name processes, signals and ids."""
TAKEN_OVER = ("gunicorn.error", "RapidOCR")
"""Loggers that would otherwise use their own handlers."""
QUIET = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "botocore", "urllib3", "rq.worker", "rq.worker_pool", "rq.job")
"""Loggers that log warnings and errors only."""
TRACEBACK = "Traceback (most recent call last)"
"""The first line of a traceback within a message."""
PLACE = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
"""A line of a traceback: file, line number and function."""
QUOTES_REQUEST = re.compile(r"^(Error handling request|Invalid request)\b.*", re.DOTALL)
"""Messages of gunicorn that continue with the requested address."""
NAMED_JOB = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
"""The id of a job within a message of RQ, which names its tasks by it."""


class LogStyle(NamedTuple):
    """What ``configure`` takes of the settings, for a process that does not load these."""

    log_level: str
    log_format: str


_configured: list[LogSettings | LogStyle] = []
_more_fields: list[Callable[[], Mapping[str, str]]] = []

ROUTE = "document_parser.route"
"""Where the WSGI environment of an answered request has the template of its route, for the access log."""


def configured_format() -> str:
    """Return the format of this process's log, ``json`` or ``text``; empty if ``configure`` was not called."""
    return _configured[-1].log_format if _configured else ""


def configure(settings: LogSettings | LogStyle, service: str = SERVICE) -> None:
    """Send structlog, the standard library's loggers, warnings and uncaught errors through one renderer.

    ``service`` is the name of the service in every line.
    """
    _configured[:] = [settings]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        partial(_name_process, service),
        _place_error,
    ]
    level = logging.getLevelNamesMapping()[settings.log_level]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _remove_quotes],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
        )
    )
    _take_over(handler, level)
    _catch_uncaught()


def add_to_every_line(fields: Callable[[], Mapping[str, str]]) -> None:
    """Add to every line of this process from now on what ``fields`` returns at that moment."""
    _more_fields[:] = [fields]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose lines include the bound context variables, such as request_id and job_id."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def places_of(error: BaseException | None) -> list[str]:
    """Return the innermost lines of code on the way to an error. Its text is not logged, since it may quote a document."""
    frames = traceback.extract_tb(error.__traceback__ if error else None)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-MAX_PLACES:]]


class CrashLogged(contextlib.ContextDecorator):
    """Wraps the whole of a forked process: an error that ends it is logged instead of printed as a traceback."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            _log_uncaught(error)
            raise SystemExit(1) from None


def _renderer(settings: LogSettings | LogStyle) -> structlog.types.Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())


def _take_over(handler: logging.Handler, level: int) -> None:
    """Make all loggers of the standard library use this handler."""
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in TAKEN_OVER:
        logger = logging.getLogger(name)
        # The handler itself, not only its parents': RapidOCR adds its own if it finds none.
        logger.handlers, logger.propagate = [handler], False
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, level))


def _catch_uncaught() -> None:
    """Log uncaught errors of all threads, and Python's warnings."""
    sys.excepthook = _on_uncaught
    threading.excepthook = lambda found: _log_uncaught(found.exc_value)
    warnings.showwarning = _on_warning


def _on_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        _log_uncaught(error)
    else:
        sys.__excepthook__(kind, error, trace)


def _log_uncaught(error: BaseException | None) -> None:
    if error is not None:
        get_logger(__name__).critical("uncaught_error", exc_info=error)
        if isinstance(error, Exception):
            error_reports.report(error, "uncaught_error")
            error_reports.flush()  # the process may be about to end


def _on_warning(message: Any, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
    get_logger(__name__).warning("python_warning", category=category.__name__, where=[f"{Path(filename).name}:{lineno}"])


def _name_process(service: str, _: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """Name the service and the process, and the trace that the line belongs to, if there is one."""
    line["service"], line["pid"] = service, os.getpid()
    for fields in _more_fields:
        line.update(fields())
    return line


def _place_error(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """Replace an error by its class and its lines of code."""
    found = line.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        line["error"], line["where"] = type(error).__name__, places_of(error)
    return line


def _remove_quotes(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """Remove from a library's line what it may quote."""
    record: logging.LogRecord = line["_record"]
    line.pop("stack_info", None)
    if not QUOTABLE.match(record.name):
        line["event"] = "library_message"
        line.setdefault("where", [f"{record.filename}:{record.lineno} {record.funcName}"])
        return line
    head, mark, rest = str(line["event"]).partition(TRACEBACK)
    if mark:
        line["error"] = rest.strip().rpartition("\n")[2].partition(":")[0]
        line["where"] = [f"{Path(file).name}:{number} {name}" for file, number, name in PLACE.findall(rest)[-MAX_PLACES:]]
    line["event"] = QUOTES_REQUEST.sub(r"\1", head.rstrip(" \n("))
    if "job_id" not in line and (named := NAMED_JOB.search(line["event"])):
        line["job_id"] = named[0]
    return line
