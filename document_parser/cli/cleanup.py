"""Run ``docparse cleanup``: delete jobs that ended long ago, before they expire."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from document_parser.errors import DocumentParserError
from document_parser.job_manager import JobManager
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import PRIVATE_UMASK, settings_or_exit

NO_ANSWER = 4
"""Exit status if Redis or storage cannot be used."""


def main(arguments: list[str] | None = None) -> int:
    """Delete the jobs, and all their files, that ended some days ago."""
    parser = argparse.ArgumentParser(prog="docparse cleanup", description=main.__doc__)
    parser.add_argument("--days", type=_days, default=7.0, help="how long ago they ended; default 7")
    options = parse_arguments(parser, arguments)
    settings = settings_or_exit()
    os.umask(PRIVATE_UMASK)
    manager = JobManager(settings)
    try:
        print(f"deleted jobs: {manager.cleanup_old_jobs(days=options.days)}")
    except DocumentParserError as error:
        print(f"docparse cleanup: {error.message}", file=sys.stderr)
        return NO_ANSWER
    return 0


def _days(given: str) -> float:
    with contextlib.suppress(ValueError):
        if (days := float(given)) >= 0:
            return days
    raise argparse.ArgumentTypeError(f"{given!r} is not a number of days from 0 on")
