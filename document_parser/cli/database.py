"""Run ``docparse db``: upgrade and downgrade the database of keys, usage, history and audit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from document_parser.accounts import schema
from document_parser.accounts.database import Database
from document_parser.accounts.migrations import HEAD
from document_parser.cli.accounts import run_with_database
from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Upgrade or downgrade the database of keys, usage, history and audit. SQLite is upgraded by itself."""
    parser = argparse.ArgumentParser(prog="docparse db", description=main.__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("upgrade", help="make the tables as new as this program")
    downgrade = actions.add_parser("downgrade", help="go back by one revision, before an older program is installed")
    downgrade.add_argument("--to", default="-1", metavar="REVISION", help="the revision to go back to; base for no tables")
    actions.add_parser("current", help="print the revision of the tables, and that of this program")
    options = parse_arguments(parser, arguments)

    def work(_: Settings, database: Database) -> None:
        with database.connection() as connection:
            if options.action == "upgrade":
                schema.upgrade(connection)
            elif options.action == "downgrade":
                schema.downgrade(connection, options.to)
            print(f"database: {schema.current(connection) or 'no tables'}\nprogram:  {HEAD}")

    return run_with_database(f"db {options.action}", work)
