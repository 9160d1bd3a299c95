"""Run ``docparse usage``: print what was used, by owner, day, key and engine."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from datetime import date

from document_parser.accounts.database import Database
from document_parser.accounts.records import GROUPINGS, Grouping
from document_parser.accounts.usage import Usage
from document_parser.cli.accounts import run_with_database
from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments

MEASURES = ("documents", "pages", "bytes", "seconds", "tokens", "extractions")
"""Columns of the counts."""
DEFAULT_GROUPINGS: tuple[Grouping, ...] = ("owner", "day", "key", "engine")
"""What is added up apart if the command does not say."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was used: documents, pages, bytes, seconds of engines, tokens of models, extractions."""
    parser = argparse.ArgumentParser(prog="docparse usage", description=main.__doc__)
    parser.add_argument("--by", type=_groupings, default=DEFAULT_GROUPINGS, help=f"some of {','.join(GROUPINGS)}; default all")
    parser.add_argument("--owner", help="only this owner")
    parser.add_argument("--from", dest="since", type=_day, help="the first day, like 2027-01-01, in UTC")
    parser.add_argument("--to", dest="until", type=_day, help="the last day")
    parser.add_argument("--csv", action="store_true", help="values separated by commas instead of tabs, for a spreadsheet")
    options = parse_arguments(parser, arguments)

    def work(_: Settings, database: Database) -> None:
        found = Usage(database).sums(by=options.by, owner=options.owner, since=options.since, until=options.until)
        out = csv.writer(sys.stdout, delimiter="," if options.csv else "\t", lineterminator="\n")
        out.writerow((*options.by, *MEASURES))
        for one in found:
            named = {"owner": one.owner, "day": one.day, "key": one.key_id, "engine": one.engine}
            counts = (one.documents, one.pages, one.bytes, f"{one.seconds:.3f}", one.tokens, one.extractions)
            out.writerow((*(named[name] for name in options.by), *counts))

    return run_with_database("usage", work)


def _groupings(given: str) -> tuple[Grouping, ...]:
    named = tuple(dict.fromkeys(word.strip() for word in given.split(",") if word.strip()))
    if not named or set(named).difference(GROUPINGS):
        raise argparse.ArgumentTypeError(f"name some of {','.join(GROUPINGS)}, separated by commas")
    return named  # type: ignore[return-value]


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is not a day like 2027-01-31") from None
