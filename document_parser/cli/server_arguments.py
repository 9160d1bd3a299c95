"""The arguments of commands that have a running service do the work."""

from __future__ import annotations

import argparse


def add_server_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add ``--server`` and ``--token`` to a command and return the group, for more of them."""
    group = parser.add_argument_group("server")
    group.add_argument("--server", metavar="URL", help="address of a service that reads them, such as http://127.0.0.1:1233")
    group.add_argument(
        "--token", help="an API key or its admin token; default DOCPARSE_API_KEY or DOCPARSE_TOKEN of the environment"
    )
    return group
