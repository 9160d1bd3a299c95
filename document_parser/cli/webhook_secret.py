"""Run ``docparse webhook-secret``, for the servers that verify webhooks."""

from __future__ import annotations

import argparse
import os
import sys

from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.secrets import (
    new_webhook_secret,
    read_webhook_secrets,
    retire_webhook_secrets,
    rotate_webhook_secret,
    webhook_secret_file,
    webhook_secrets,
)
from document_parser.settings.startup import PRIVATE_UMASK, settings_or_exit

INSTALLED_SENTENCE = "For the service that deploy/install.sh installs: docparse-admin webhook-secret."
"""Ending of messages: the command for a service installed by deploy/install.sh."""


def main(arguments: list[str] | None = None) -> int:
    """Print the secret that signs webhooks: WEBHOOK_SECRET, or the one in DATA_DIR. Return 1 if there is none.

    Nothing is created or changed without --create, --rotate or --retire.
    """
    options = parse_arguments(_parser(), arguments)
    settings = settings_or_exit()
    os.umask(PRIVATE_UMASK)
    if settings.webhooks.secret and (options.rotate or options.retire or options.create):
        return _refuse(_manual_change(settings, rotate=options.rotate))
    try:
        secrets = webhook_secrets(settings) if options.create else settings.webhooks.secrets or read_webhook_secrets(settings)
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
        epilog="Exit status: 0, or 1 if there is no secret. Without an option nothing is made or changed.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="print every secret that signs, newest first")
    which.add_argument("--create", action="store_true", help="make one in DATA_DIR if there is none; print it")
    which.add_argument(
        "--rotate", action="store_true", help="make a new one and print it; webhooks are signed with the earlier ones too"
    )
    which.add_argument("--retire", action="store_true", help="after a rotation: sign with the newest one only, and print it")
    return parser


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def _none_yet(settings: Settings) -> str:
    return (
        f"No secret has been made yet: there is no {webhook_secret_file(settings)}. The service makes it when it starts. "
        "Start it, or make one now with --create, or set WEBHOOK_SECRET. If the service runs already, it has another "
        f"DATA_DIR: run this command in its folder and with its settings. {INSTALLED_SENTENCE}"
    )


def _out_of_reach(settings: Settings, error: OSError) -> str:
    return (
        f"{webhook_secret_file(settings)}: {error.strerror}. Run this command as the service's user "
        f"(this is uid {os.getuid()}). {INSTALLED_SENTENCE}"
    )


def _manual_change(settings: Settings, *, rotate: bool) -> str:
    """Return what the operator must write, if the operator keeps the secrets."""
    secrets = webhook_secrets(settings)
    secrets = (new_webhook_secret(), *secrets) if rotate else secrets[:1]
    return f'WEBHOOK_SECRET is set. Change it on every host, then restart the service:\nWEBHOOK_SECRET="{" ".join(secrets)}"'
