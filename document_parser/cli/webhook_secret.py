"""``docparse webhook-secret``: for the servers that verify webhooks."""

from __future__ import annotations

import argparse

from document_parser.jobs.secrets import webhook_secret
from document_parser.settings import load_settings


def main(arguments: list[str] | None = None) -> None:
    """Print the secret that webhooks are signed with; it is made where there is none."""
    argparse.ArgumentParser(prog="docparse webhook-secret", description=main.__doc__).parse_args(arguments)
    print(webhook_secret(load_settings()))
