"""``docparse redis-url``: for ``rq info``, ``redis-cli`` and rq-dashboard."""

from __future__ import annotations

import argparse
import sys

from document_parser.settings import Settings
from document_parser.startup import settings_or_exit


def main(arguments: list[str] | None = None) -> None:
    """Print the address of the Redis or embedded Valkey in use."""
    argparse.ArgumentParser(prog="docparse redis-url", description=main.__doc__).parse_args(arguments)
    settings = settings_or_exit()
    if settings.embedded and not settings.valkey_socket.exists():
        print(_not_running(settings), file=sys.stderr)
    print(settings.redis_url)


def _not_running(settings: Settings) -> str:
    return (
        f"No service of this DATA_DIR runs now: {settings.data_dir}. Start it; or, where it runs, run this command in its "
        "folder and with its settings. For the service that deploy/install.sh installs: docparse-admin redis-url."
    )
