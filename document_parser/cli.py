"""``docparse``: the product's commands."""

from __future__ import annotations

import argparse
import sys

import document_parser
from document_parser.settings import load_settings


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Errors in the settings are told in a line each, without a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="docparse", description="Read documents page by page.")
    parser.add_argument("--version", action="version", version=document_parser.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("serve", help="serve the API, with workers beside it")
    commands.add_parser("worker", help="run workers alone", add_help=False)
    commands.add_parser("redis-url", help="print the address of the Redis or embedded Valkey in use")
    known, rest = parser.parse_known_args(arguments)
    if rest and known.command != "worker":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    _COMMANDS[known.command](rest)


def _serve(_: list[str]) -> None:
    from document_parser.api.__main__ import main as serve

    serve()


def _worker(rest: list[str]) -> None:
    from document_parser.worker import main as work

    work(rest)


def _redis_url(_: list[str]) -> None:
    print(load_settings().redis_url)


_COMMANDS = {"serve": _serve, "worker": _worker, "redis-url": _redis_url}


if __name__ == "__main__":
    main()
