"""Run ``docparse parse``: read documents here or on a server, and write the results in one of the formats."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from document_parser.cli import inputs, outputs
from document_parser.cli.inputs import Found, UsageError
from document_parser.cli.outcome import INTERRUPTED, PIPE_CLOSED, Outcome, Tally, Work
from document_parser.cli.outputs import StandardOutput
from document_parser.cli.passwords import Passwords
from document_parser.cli.progress import Display, describe_left_out, display
from document_parser.cli.server_arguments import add_server_arguments
from document_parser.models import (
    DEFAULT_CHUNK_TOKENS,
    MAX_CHUNK_TOKENS,
    MIN_CHUNK_TOKENS,
    AccuracyMode,
    ChunkStrategy,
    FigureMode,
    LowQuality,
    Options,
    OutputFormat,
)
from document_parser.settings import cap_threads
from document_parser.settings.arguments import parse_arguments, whole_number
from document_parser.settings.startup import settings_or_exit
from document_parser.settings.validation import wrong_fields
from document_parser.text.documents_inside import APPENDABLE

Outcomes = Generator[Outcome, None, None]
"""Outcomes in the order of the documents."""
Reads = Callable[[list[Work], Passwords, Display, StandardOutput], Outcomes]
"""A function that reads documents and yields their outcomes in order."""

_FLAGS = {
    "accuracy_mode": "--mode",
    "output_format": "--format",
    "page_range": "--pages",
    "headers_footers": "--headers-footers",
    "layers": "--layers",
    "on_low_quality": "--on-low-quality",
    "page_separator": "--page-separator",
    "figures": "--figures",
    "csv_safe": "--csv-safe",
    "chunk_strategy": "--chunk-strategy",
    "chunk_max_tokens": "--chunk-max-tokens",
    "chunk_overlap": "--chunk-overlap",
    "retention_hours": "--retention-hours",
}
"""Options of the command line, by their names in models.Options."""

EXIT_STATUSES = """exit status:
  0    every document was read completely
  1    some pages or documents could not be read
  2    the command line is wrong; nothing was read
  3    nothing could be read
  4    the server does not answer, or refuses
  130  interrupted
"""
"""Last part of the command's help."""


def main(arguments: list[str] | None = None) -> int:
    """Read documents here or on a server. Return the exit status."""
    parser = _parser()
    given = parse_arguments(parser, arguments)
    signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        return _parse(given)
    except UsageError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe. Python would report that again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _raise_interrupt(number: int, frame: object) -> None:
    """End the command in order, as at Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def _parse(given: argparse.Namespace) -> int:
    """Read all documents and return the exit status. Raises UsageError."""
    _check_retention(given)
    found = inputs.find_documents(given.files)
    fields = _fields(given, several=found.several)
    works = _works(given, found, fields["output_format"])
    password = _password(given)
    # Before any thread starts, because reading in this process forks.
    if given.children == "append":
        _check_appending(given, fields["output_format"])
    reads = _remote_reader(given, fields) if given.server else _local_reader(fields, appends=given.children == "append")
    tally = Tally()
    with display(len(works), quiet=given.quiet) as shown:
        if found.left_out:
            shown.inform(describe_left_out(found.left_out))
        stdout = StandardOutput(fields["output_format"], shown)
        with closing(reads(works, Passwords(password, shown, quiet=given.quiet), shown, stdout)) as outcomes:
            for outcome in outcomes:
                tally.add(outcome)
                shown.show_outcome(outcome)
                if given.json:
                    with shown.pause():
                        print(outcome.line, flush=True)
        shown.show_total(tally)
    return tally.exit_status


def _check_retention(given: argparse.Namespace) -> None:
    """Refuse a time for which nothing is kept here. Raises UsageError."""
    if given.retention_hours is not None and not given.server:
        raise UsageError("--retention-hours is for --server: what is read here is kept nowhere.")


def _check_appending(given: argparse.Namespace, output_format: OutputFormat) -> None:
    """Refuse what cannot take documents one below the other. Raises UsageError."""
    if given.server:
        raise UsageError("--children append is for reading here. A server gives it at /v1/jobs/{id}/result?children=append.")
    if output_format not in APPENDABLE:
        raise UsageError(f"--children append needs --format {' or '.join(APPENDABLE)}, but the format is {output_format}.")


def _local_reader(fields: dict[str, Any], *, appends: bool) -> Reads:
    """Return a function that reads documents in this process."""
    cap_threads()  # before anything numeric is imported
    from document_parser.cli.local import LocalReader
    from document_parser.pipeline.local.reader import DocumentParser, make_options

    settings = settings_or_exit()
    options, reader = make_options(settings, fields), DocumentParser(settings)
    return lambda works, passwords, shown, stdout: LocalReader(
        reader, options, passwords, shown, stdout, settings.workers.max_nesting_depth, appends=appends
    ).read(works)


def _remote_reader(given: argparse.Namespace, fields: dict[str, Any]) -> Reads:
    """Return a function that has documents read by a server. Raises UsageError if its address is invalid."""
    from document_parser.cli.remote import RemoteReader, Stop
    from document_parser.client import Client

    stop = Stop()
    try:
        client = Client(given.server, given.token or settings_or_exit().client.key, pause=stop.pause)
    except ValueError as error:
        raise UsageError(str(error)) from None

    def reads(works: list[Work], passwords: Passwords, shown: Display, stdout: StandardOutput) -> Outcomes:
        with client:
            yield from RemoteReader(client, stop, fields, passwords, shown, stdout).read(works, given.jobs)

    return reads


def _fields(given: argparse.Namespace, *, several: bool) -> dict[str, Any]:
    """Return the options that were given, by their names in models.Options. Raises UsageError."""
    fields = {name: value for name in _FLAGS if (value := getattr(given, name)) is not None}
    if "output_format" not in fields:
        fields["output_format"] = outputs.format_of(given.output, several=several)
    try:
        Options.model_validate(fields)
    except ValidationError as error:
        wrong = wrong_fields(error, Options)
        raise UsageError("; ".join(f"{_FLAGS[one['field']]}: {one['problem']}" for one in wrong) + ".") from None
    return fields


def _works(given: argparse.Namespace, found: Found, output_format: OutputFormat) -> list[Work]:
    """Return what is read and where it goes. Raises UsageError."""
    outputs.check_table(given.table, given.output, output_format)
    works = outputs.plan_work(found.documents, given.output, output_format, several=found.several, table=given.table)
    if works[0].target is None:
        _check_standard_output(given, output_format, len(works))
    existing = [path for work in works if (path := outputs.existing_result(work)) is not None]
    if existing and not (given.force or given.skip_existing):
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(f"{str(existing[0])!r}{more} exists. --force overwrites, --skip-existing reads what is missing.")
    return [work for work in works if not (given.skip_existing and outputs.existing_result(work))]


def _check_standard_output(given: argparse.Namespace, output_format: OutputFormat, count: int) -> None:
    """Refuse results that standard output cannot take. Raises UsageError."""
    if given.json:
        raise UsageError("--json writes to standard output. Name a place for the documents with -o.")
    if output_format == "csv" and count > 1:
        raise UsageError("The tables of several documents need a folder. Name it with -o.")
    if output_format in ("zip", "pdf") and (count > 1 or sys.stdout.isatty()):
        kind = "zip archive" if output_format == "zip" else "PDF"
        raise UsageError(f"A {kind} needs a file or a pipe, and several need a folder. Use -o.")


def _password(given: argparse.Namespace) -> str:
    """Return the password given on the command line or in a file; empty if there is none. Raises UsageError."""
    if given.password_file is None:
        return given.password or ""
    try:
        return Path(given.password_file).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"The password file {given.password_file!r} cannot be read. Check its path and permissions.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docparse parse",
        description="Read documents in this process, or on a server with --server.",
        epilog=EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a file, a folder, a quoted pattern, a link, or - for standard input"
    )
    _add_output(parser.add_argument_group("output"))
    _add_options(parser.add_argument_group("reading"))
    server = add_server_arguments(parser)
    server.add_argument(
        "--jobs",
        type=whole_number(1),
        default=4,
        metavar="N",
        help="number of documents that are read at the server at the same time; default 4",
    )
    server.add_argument(
        "--retention-hours",
        type=float,
        metavar="HOURS",
        help="hours for which the server keeps each document and its result; 0: until the result was fetched",
    )
    return parser


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-o",
        "--output",
        default="",
        metavar="PATH",
        help="a file for one document, a folder for several; default standard output",
    )
    group.add_argument(
        "--format",
        dest="output_format",
        choices=get_args(OutputFormat),
        help="default: the extension of the output, else markdown",
    )
    group.add_argument(
        "--table", type=whole_number(1), metavar="N", help="with csv: only this table of a document, counted from 1"
    )
    existing = group.add_mutually_exclusive_group()
    existing.add_argument("--force", action="store_true", help="overwrite results that exist")
    existing.add_argument("--skip-existing", action="store_true", help="skip documents whose results exist")
    group.add_argument("--json", action="store_true", help="a line of JSON for each document on standard output; needs -o")
    group.add_argument("--quiet", action="store_true", help="print errors only, and ask no questions")


def _add_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--mode", dest="accuracy_mode", choices=get_args(AccuracyMode), help="default DEFAULT_ACCURACY_MODE")
    group.add_argument("--pages", dest="page_range", metavar="RANGE", help="pages to read, such as 1,3-5,8-; default all")
    group.add_argument(
        "--on-low-quality", choices=get_args(LowQuality), help="for pages in doubt: flag (default), fallback, fail"
    )
    group.add_argument(
        "--headers-footers", choices=("keep", "strip"), help="page headers, page footers, page numbers; default strip"
    )
    group.add_argument(
        "--layers",
        metavar="NAMES",
        help="of office files, mail and web pages: body,headers,notes (default), comments, revisions, hidden",
    )
    group.add_argument("--page-separator", metavar="TEXT", help="a line between pages; {page} is the next page's number")
    group.add_argument(
        "--figures",
        choices=get_args(FigureMode),
        help="none, placeholder (linked, written beside the result; the default) or embed",
    )
    group.add_argument(
        "--csv-safe", choices=("true", "false"), help="false: CSV cells that a spreadsheet would run as a formula stay as read"
    )
    group.add_argument("--chunk-strategy", choices=get_args(ChunkStrategy), help="with chunks: where they end; default heading")
    group.add_argument(
        "--chunk-max-tokens",
        type=whole_number(MIN_CHUNK_TOKENS),
        metavar="N",
        help=f"with chunks: tokens of each at most, up to {MAX_CHUNK_TOKENS}; default {DEFAULT_CHUNK_TOKENS}",
    )
    group.add_argument(
        "--chunk-overlap",
        type=whole_number(0),
        metavar="N",
        help="with chunks: tokens that each repeats of the one before; default 0",
    )
    group.add_argument(
        "--children",
        choices=("files", "append"),
        default="files",
        help="documents inside: files below the result (default), or append, below it in the same markdown or text",
    )
    password = group.add_mutually_exclusive_group()
    password.add_argument("--password", help="opens encrypted documents; other users of the machine may see it")
    password.add_argument("--password-file", metavar="FILE", help="a file that holds the password")
