"""Run ``docparse keys``: create, list, rotate and revoke API keys, and show what each has used."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from document_parser.accounts.database import Database
from document_parser.accounts.identity import DEFAULT_TIER, SCOPES
from document_parser.accounts.keys import Keys
from document_parser.accounts.records import MAX_GRACE_DAYS, NewKey
from document_parser.accounts.usage import Usage
from document_parser.cli.accounts import announce_change, moment, note, run_with_database
from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments, whole_number

COLUMNS = ("id", "key", "owner", "tier", "scopes", "state", "created", "expires", "last used", "name")
"""Columns of the list."""
USAGE_COLUMNS = ("key", "documents", "pages", "bytes", "seconds", "tokens", "extractions")
"""Columns of the usage of keys."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Create, list, rotate and revoke API keys."""
    options = parse_arguments(_parser(), arguments)
    run = {"create": _create, "list": _list, "rotate": _rotate, "revoke": _revoke, "usage": _usage}[options.action]
    return run_with_database(f"keys {options.action}", lambda settings, database: run(settings, database, options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docparse keys", description=main.__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key and print it; it is shown this once")
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument("--owner", required=True, help="whose documents it sends and sees")
    create.add_argument("--tier", default=DEFAULT_TIER, help=f"the tier of its limits; default {DEFAULT_TIER}")
    create.add_argument(
        "--scopes", default="process,read", type=_words, help=f"some of {','.join(SCOPES)}; as default process,read"
    )
    create.add_argument("--expires", type=moment, help="when it ends, like 2027-01-31; without it, never")
    create.add_argument(
        "--origins",
        default=[],
        type=_words,
        help="web pages that may use it, like https://app.example.org, with commas; without it, those of CORS_ORIGINS",
    )
    shown = actions.add_parser("list", help="list all keys, without the keys themselves")
    shown.add_argument("--owner", help="only keys of this owner")
    rotate = actions.add_parser("rotate", help="replace a key by a new one, and print that")
    rotate.add_argument("id", help="the id of the key, as the list shows it")
    rotate.add_argument(
        "--grace-hours",
        type=whole_number(0),
        default=0,
        help=f"hours for which the old key goes on working, at most {MAX_GRACE_DAYS * 24}; default 0: it ends at once",
    )
    revoke = actions.add_parser("revoke", help="end a key for good")
    revoke.add_argument("id", help="the id of the key, as the list shows it")
    usage = actions.add_parser("usage", help="show what each key has used")
    usage.add_argument("--owner", help="only keys of this owner")
    return parser


def _words(given: str) -> list[str]:
    return [word.strip() for word in given.split(",") if word.strip()]


def _create(settings: Settings, database: Database, options: argparse.Namespace) -> None:
    made = Keys(database, settings.accounts.tiers).create(
        name=options.name,
        owner=options.owner,
        tier=options.tier,
        scopes=options.scopes,
        expires_at=options.expires,
        origins=options.origins,
        now=datetime.now(UTC),
    )
    if made.key.origins:
        announce_change(settings)
    note(database, "key.create", made.key.id)
    _print_made(made)


def _print_made(made: NewKey) -> None:
    print(f"id:    {made.key.id}\nowner: {made.key.owner}\nkey:   {made.secret}")


def _list(_: Settings, database: Database, options: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    rows = [
        (
            *(key.id, f"{key.hint}…", key.owner, key.tier, ",".join(key.scopes), key.state(now)),
            *(_day(key.created_at), _day(key.expires_at), _day(key.last_used_at), key.name),
        )
        for key in Keys(database).list(options.owner)
    ]
    _print_table(COLUMNS, rows)


def _rotate(settings: Settings, database: Database, options: argparse.Namespace) -> None:
    made = Keys(database).rotate(options.id, now=datetime.now(UTC), grace=timedelta(hours=options.grace_hours))
    announce_change(settings)
    note(database, "key.rotate", made.key.id)
    _print_made(made)


def _revoke(settings: Settings, database: Database, options: argparse.Namespace) -> None:
    ended = Keys(database).revoke(options.id, now=datetime.now(UTC))
    announce_change(settings)
    note(database, "key.revoke", ended.id)
    print(f"revoked: {ended.hint}… of {ended.owner}, {ended.name}")


def _usage(_: Settings, database: Database, options: argparse.Namespace) -> None:
    found = Usage(database).sums(by=("key",), owner=options.owner)
    counted = (
        (one.key_id or "(no key)", one.documents, one.pages, one.bytes, f"{one.seconds:.1f}", one.tokens, one.extractions)
        for one in found
    )
    _print_table(USAGE_COLUMNS, [tuple(map(str, row)) for row in counted])


def _day(at: datetime | None) -> str:
    return "-" if at is None else at.strftime("%Y-%m-%d %H:%M")


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns that are as wide as their longest text."""
    table = [head, *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(head))]
    for row in table:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
