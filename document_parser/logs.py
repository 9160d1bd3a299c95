"""Structured logs on standard output. Facts only: no document content, no secrets.

Every line of every process goes through one renderer, libraries and uncaught errors included. What a library says may quote
a document, a request or an address, so of most of them only the place is told; of an error its class and the lines of code.
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
from pathlib import Path
from types import TracebackType
from typing import Any

from document_parser.lean import without
from document_parser.settings import LogSettings

with without("rich"):  # 4 MiB in each of the processes that stay, for tracebacks that no log of ours has
    import structlog

MOST_PLACES = 6
QUOTABLE = re.compile(r"(document_parser|gunicorn\.error|rq)(\.|$)")
"""Loggers whose messages are told; they name processes, signals and ids."""
TAKEN_OVER = ("gunicorn.error", "RapidOCR")
"""Loggers that would otherwise write in their own way."""
QUIET = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "rq.worker", "rq.worker_pool", "rq.job")
TRACEBACK = "Traceback (most recent call last)"
PLACE = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
QUOTES_REQUEST = re.compile(r"^(Error handling request|Invalid request)\b.*", re.DOTALL)
"""gunicorn would go on with the address that was asked for."""


_configured: list[LogSettings] = []


def configured_format() -> str:
    """``json`` or ``text``; empty if this process writes no log of ours."""
    return _configured[-1].log_format if _configured else ""


def configure(settings: LogSettings) -> None:
    """Send structlog, the standard library's loggers, warnings and uncaught errors through one renderer."""
    _configured[:] = [settings]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        _name_process,
        _place_error,
    ]
    least = logging.getLevelNamesMapping()[settings.log_level]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _tame],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
        )
    )
    _take_over(handler, least)
    _catch_the_rest()


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that carries whatever was bound at the boundary (request_id, job_id)."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def where(error: BaseException | None) -> list[str]:
    """The lines of code on the way to the error. Its text stays out of the log: it may quote a document."""
    frames = traceback.extract_tb(error.__traceback__ if error else None)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-MOST_PLACES:]]


class CrashLogged(contextlib.ContextDecorator):
    """Around the whole of a forked process: what ends it is logged, not printed as a traceback."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            _tell_uncaught(error)
            raise SystemExit(1) from None


def _renderer(settings: LogSettings) -> structlog.types.Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())


def _take_over(handler: logging.Handler, least: int) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
    for name in TAKEN_OVER:
        logger = logging.getLogger(name)
        # The handler itself, not only its parents': RapidOCR adds its own where it finds none.
        logger.handlers, logger.propagate = [handler], False
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, least))


def _catch_the_rest() -> None:
    sys.excepthook = _on_uncaught
    threading.excepthook = lambda found: _tell_uncaught(found.exc_value)
    warnings.showwarning = _on_warning


def _on_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        _tell_uncaught(error)
    else:
        sys.__excepthook__(kind, error, trace)


def _tell_uncaught(error: BaseException | None) -> None:
    if error is not None:
        get(__name__).critical("uncaught_error", exc_info=error)


def _on_warning(message: Any, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
    get(__name__).warning("python_warning", category=category.__name__, where=[f"{Path(filename).name}:{lineno}"])


def _name_process(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    line["pid"] = os.getpid()
    return line


def _place_error(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """An error as its class and where it came from."""
    found = line.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        line["error"], line["where"] = type(error).__name__, where(error)
    return line


def _tame(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """A library's line without what it quotes."""
    record: logging.LogRecord = line["_record"]
    line.pop("stack_info", None)
    if not QUOTABLE.match(record.name):
        line["event"] = "library_message"
        line.setdefault("where", [f"{record.filename}:{record.lineno} {record.funcName}"])
        return line
    head, mark, rest = str(line["event"]).partition(TRACEBACK)
    if mark:
        line["error"] = rest.strip().rpartition("\n")[2].partition(":")[0]
        line["where"] = [f"{Path(file).name}:{number} {name}" for file, number, name in PLACE.findall(rest)[-MOST_PLACES:]]
    line["event"] = QUOTES_REQUEST.sub(r"\1", head.rstrip(" \n("))
    return line
