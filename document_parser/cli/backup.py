"""Run ``docparse backup`` and ``docparse restore``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from document_parser.backup.create import MAX_PAUSE_SECONDS, create_backup
from document_parser.backup.folder import Manifest
from document_parser.backup.restore import restore_backup, verify_backup
from document_parser.errors import DocumentParserError, OutputUnwritable
from document_parser.models import format_utc
from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import keep_data_private, settings_or_exit

REFUSED = 1
"""Exit status if the command cannot do what it was asked."""
NO_ANSWER = 4
"""Exit status if Redis, the database or the store does not answer."""
LINE_SECONDS = 2.0
"""Time between two lines about one step."""
MAX_NAMED = 5
"""Missing files that are named."""


class Lines:
    """Prints a line on standard error now and then, and one at the end of each step."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def advance(self, what: str, count: int, size: int) -> None:
        """Print a line if the last one is LINE_SECONDS ago."""
        if time.monotonic() - self._said_at > LINE_SECONDS:
            self._say(f"{what}: {_amount(count, size)} so far")

    def finish(self, what: str, count: int, size: int) -> None:
        """Print what a step has done."""
        self._say(f"{what}: {_amount(count, size)}")

    def _say(self, line: str) -> None:
        self._said_at = time.monotonic()
        print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Copy database, Redis, stored files and the secrets of DATA_DIR into a folder. The service may work meanwhile."""
    parser = argparse.ArgumentParser(prog="docparse backup", description=main.__doc__)
    parser.add_argument("path", type=Path, metavar="PATH", help="a new or empty folder")
    parser.add_argument(
        "--with-files", action="store_true", help="copy the files of a bucket too; without it they are listed, with their sizes"
    )
    parser.add_argument(
        "--without-secrets",
        action="store_true",
        help="leave out the files of DATA_DIR that hold secrets",
    )
    parser.add_argument(
        "--max-pause",
        type=float,
        default=MAX_PAUSE_SECONDS,
        metavar="SECONDS",
        help=f"how long Redis may make its clients wait; default {MAX_PAUSE_SECONDS:g}",
    )
    options = parse_arguments(parser, arguments)

    def work() -> None:
        manifest = create_backup(
            _settings(),
            options.path,
            Lines(),
            with_files=options.with_files,
            with_secrets=not options.without_secrets,
            max_pause_seconds=options.max_pause,
        )
        print(f"{options.path}: backup as of {_moment(manifest)}")

    return _run("backup", work)


def restore(arguments: list[str] | None = None) -> int:
    """Restore a backup into DATA_DIR, Redis, database and storage of the settings. The service must be stopped."""
    parser = argparse.ArgumentParser(prog="docparse restore", description=restore.__doc__)
    parser.add_argument("path", type=Path, metavar="PATH", help="the folder of a backup")
    parser.add_argument("--check", action="store_true", help="verify the backup and change nothing")
    parser.add_argument("--overwrite", action="store_true", help="delete what is there already, and replace it")
    options = parse_arguments(parser, arguments)

    def work() -> None:
        if options.check:
            print(f"{options.path}: complete and unchanged, as of {_moment(verify_backup(options.path, Lines()))}")
            return
        restored = restore_backup(_settings(), options.path, Lines(), overwrite=options.overwrite)
        if restored.missing:
            named = ", ".join(restored.missing[:MAX_NAMED])
            print(f"{len(restored.missing)} files of the backup are gone from the bucket: {named}", file=sys.stderr)
        print(f"{options.path}: restored, as of {_moment(restored.manifest)}")

    return _run("restore", work)


def _run(command: str, work: Callable[[], None]) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        work()
    except OSError as error:
        return _fail(command, OutputUnwritable(f"A file cannot be written: {error.strerror}. Free space, and run it again."))
    except DocumentParserError as error:
        return _fail(command, error)
    return 0


def _settings() -> Settings:
    """Return the settings. From now on, what this process writes is closed to other users."""
    settings = settings_or_exit()
    keep_data_private(settings)
    return settings


def _fail(command: str, error: DocumentParserError) -> int:
    reason = f" ({error.details['reason']})" if error.details.get("reason") else ""
    print(f"docparse {command}: {error.message}{reason} [{error.code}]", file=sys.stderr)
    return NO_ANSWER if error.status in (503, 507) else REFUSED


def _moment(manifest: Manifest) -> str:
    return format_utc(manifest.moment)


def _amount(count: int, size: int) -> str:
    return f"{count:,}, {size / (1 << 20):,.1f} MiB"
