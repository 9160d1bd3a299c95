"""Run ``docparse redis-url``, for ``rq info``, ``redis-cli`` and rq-dashboard."""

from __future__ import annotations

import argparse
import shlex
import sys

from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit


def main(arguments: list[str] | None = None) -> int:
    """Print the address of the Redis or embedded Valkey in use."""
    parser = argparse.ArgumentParser(prog="docparse redis-url", description=main.__doc__)
    parser.add_argument(
        "--cli", action="store_true", help="print it as the options of redis-cli, which takes no unix:// address"
    )
    options = parse_arguments(parser, arguments)
    settings = settings_or_exit()
    if settings.embedded and not settings.valkey_socket.exists():
        print(_not_running(settings), file=sys.stderr)
    if not options.cli:
        print(settings.redis_url)
    elif "+sentinel://" in settings.redis_url:
        print(
            "redis-cli cannot ask Sentinels. Ask one of them for the master: SENTINEL GET-MASTER-ADDR-BY-NAME.", file=sys.stderr
        )
        return 1
    else:
        print(_cli_options(settings))
    return 0


def _cli_options(settings: Settings) -> str:
    url = settings.redis_url
    return shlex.join(["-s", url.removeprefix("unix://")] if url.startswith("unix://") else ["-u", url])


def _not_running(settings: Settings) -> str:
    return (
        f"No service with this DATA_DIR is running: {settings.data_dir}. Start it. If it runs already, run this command "
        "in its folder and with its settings. For the service that deploy/install.sh installs: docparse-admin redis-url."
    )
