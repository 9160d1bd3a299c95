"""Run ``docparse``, the command line: each command is a function of its arguments that returns the exit status.

Every module of a command is imported only when the command runs. What only commands need belongs here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from document_parser.settings.validation import nearest_name
from document_parser.version import __version__


class Command(NamedTuple):
    """The help line of a command, and the module and function that run it."""

    help: str
    module: str
    function: str = "main"


COMMANDS: dict[str, Command] = {
    "parse": Command("read documents, in this process or on a server", "document_parser.cli.parse"),
    "extract": Command("read documents and print the values of a schema, each with its place", "document_parser.cli.extract"),
    "classify": Command("read documents and print what each file holds, and why", "document_parser.cli.classify"),
    "overlay": Command("draw how the pages of a document were read", "document_parser.cli.overlay"),
    "mcp": Command("let an assistant read, search and cite documents (MCP)", "document_parser.cli.mcp"),
    "serve": Command("serve the API, with workers beside it", "document_parser.api.__main__"),
    "worker": Command("run workers without the API", "document_parser.worker"),
    "doctor": Command("check this machine and the settings", "document_parser.cli.doctor"),
    "languages": Command("bring, list and remove language packs for scans", "document_parser.cli.languages"),
    "models": Command("print or start the two model servers", "document_parser.cli.models"),
    "redis-url": Command("print the address of the Redis or embedded Valkey in use", "document_parser.cli.redis_url"),
    "cleanup": Command("delete jobs that ended some days ago", "document_parser.cli.cleanup"),
    "keys": Command("create, list, rotate and revoke API keys", "document_parser.cli.keys"),
    "usage": Command("print what was used, for bills", "document_parser.cli.usage"),
    "db": Command("upgrade the database of keys and usage", "document_parser.cli.database"),
    "storage": Command("make a key that encrypts stored files, and move files to a new one", "document_parser.cli.storage"),
    "backup": Command("copy the whole service into a folder while it works", "document_parser.cli.backup"),
    "restore": Command("bring a service back from a backup", "document_parser.cli.backup", "restore"),
    "operator-token": Command("print the token that opens listing and deletion", "document_parser.cli.operator", "token"),
    "operator-link": Command(
        "print a one-time link that gives a browser the operator's rights", "document_parser.cli.operator", "link"
    ),
    "webhook-secret": Command("print the secret that webhooks are signed with", "document_parser.cli.webhook_secret"),
}
"""All commands by name."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        parser = _top_level()
        if arguments and not arguments[0].startswith("-"):
            parser.error(_no_command(arguments[0]))
        parser.parse_args(arguments)
        return
    run: Callable[[list[str]], int | None] = getattr(import_module(command.module), command.function)
    sys.exit(run(arguments[1:]))


def _no_command(name: str) -> str:
    meant = nearest_name(name, tuple(COMMANDS))
    question = f", did you mean {meant}?" if meant else "."
    return f"there is no command {name!r}{question} Known commands: {', '.join(COMMANDS)}."


def _top_level() -> argparse.ArgumentParser:
    """Return the parser that lists the commands and refuses unknown ones."""
    parser = argparse.ArgumentParser(prog="docparse", description="Read documents page by page.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help)
    return parser
