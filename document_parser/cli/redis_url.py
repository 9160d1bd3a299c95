"""``docparse redis-url``: for ``rq info``, ``redis-cli`` and rq-dashboard."""

from __future__ import annotations

import argparse

from document_parser.startup import settings_or_exit


def main(arguments: list[str] | None = None) -> None:
    """Print the address of the Redis or embedded Valkey in use."""
    argparse.ArgumentParser(prog="docparse redis-url", description=main.__doc__).parse_args(arguments)
    print(settings_or_exit().redis_url)
