"""``docparse webhook-secret``: for the servers that verify webhooks."""

from __future__ import annotations

import argparse
import os
import sys

from document_parser.arguments import parse_arguments
from document_parser.jobs.secrets import (
    kept_webhook_secrets,
    new_webhook_secret,
    retire_webhook_secrets,
    rotate_webhook_secret,
    webhook_secret_file,
    webhook_secrets,
)
from document_parser.settings import Settings
from document_parser.startup import PRIVATE_UMASK, settings_or_exit

INSTALLED = "For the service that deploy/install.sh installs: docparse-admin webhook-secret."


def main(arguments: list[str] | None = None) -> int:
    """Print the secret that webhooks are signed with: WEBHOOK_SECRET, or the one in DATA_DIR.

    1 where there is none. Nothing is made or changed but by --create, --rotate and --retire.
    """
    options = parse_arguments(_parser(), arguments)
    settings = settings_or_exit()
    os.umask(PRIVATE_UMASK)
    if settings.webhooks.secret and (options.rotate or options.retire or options.create):
        return _refuse(_by_hand(settings, rotate=options.rotate))
    try:
        secrets = webhook_secrets(settings) if options.create else settings.webhooks.secrets or kept_webhook_secrets(settings)
        if not secrets:
            return _refuse(_none_yet(settings))
        if options.rotate or options.retire:
            secrets = (rotate_webhook_secret if options.rotate else retire_webhook_secrets)(settings)
    except OSError as error:
        return _refuse(_out_of_reach(settings, error))
    print("\n".join(secrets if options.all else secrets[:1]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docparse webhook-secret",
        description="Print the secret that webhooks are signed with: WEBHOOK_SECRET, or the one in DATA_DIR.",
        epilog="Exit status: 0, or 1 where there is no secret. Without an option nothing is made or changed.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="print every secret that signs, newest first")
    which.add_argument("--create", action="store_true", help="make one in DATA_DIR where there is none; print it")
    which.add_argument(
        "--rotate", action="store_true", help="make a new one, sign with those before as well; print the new one"
    )
    which.add_argument("--retire", action="store_true", help="after a rotation: sign with the newest only; print it")
    return parser


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def _none_yet(settings: Settings) -> str:
    return (
        f"No secret was made yet: there is no {webhook_secret_file(settings)}. The service makes it when it starts. "
        "Start it, or make one now with --create, or set WEBHOOK_SECRET. Where the service runs already, its DATA_DIR "
        f"is another: run this command in its folder and with its settings. {INSTALLED}"
    )


def _out_of_reach(settings: Settings, error: OSError) -> str:
    return (
        f"{webhook_secret_file(settings)}: {error.strerror}. Run this command as the service's user "
        f"(this is uid {os.getuid()}). {INSTALLED}"
    )


def _by_hand(settings: Settings, *, rotate: bool) -> str:
    """What to write where the operator keeps the secrets."""
    secrets = webhook_secrets(settings)
    secrets = (new_webhook_secret(), *secrets) if rotate else secrets[:1]
    return f'The secret is yours to change, on every host; then restart:\nWEBHOOK_SECRET="{" ".join(secrets)}"'
