"""``docparse webhook-secret``: for the servers that verify webhooks."""

from __future__ import annotations

import argparse
import sys

from document_parser.jobs.secrets import new_webhook_secret, retire_webhook_secrets, rotate_webhook_secret, webhook_secrets
from document_parser.settings import Settings
from document_parser.startup import settings_or_exit


def main(arguments: list[str] | None = None) -> int:
    """Print the secret that webhooks are signed with; it is made where there is none."""
    parser = argparse.ArgumentParser(prog="docparse webhook-secret", description=main.__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="print every secret that signs, newest first")
    which.add_argument(
        "--rotate", action="store_true", help="make a new one, sign with those before as well; print the new one"
    )
    which.add_argument("--retire", action="store_true", help="after a rotation: sign with the newest only; print it")
    options = parser.parse_args(arguments)
    settings = settings_or_exit()
    if settings.webhooks.secret and (options.rotate or options.retire):
        print(_by_hand(settings, rotate=options.rotate), file=sys.stderr)
        return 1
    change = rotate_webhook_secret if options.rotate else retire_webhook_secrets if options.retire else webhook_secrets
    secrets = change(settings)
    print("\n".join(secrets if options.all else secrets[:1]))
    return 0


def _by_hand(settings: Settings, *, rotate: bool) -> str:
    """What to write where the operator keeps the secrets."""
    secrets = webhook_secrets(settings)
    secrets = (new_webhook_secret(), *secrets) if rotate else secrets[:1]
    return f'The secret is yours to change, on every host; then restart:\nWEBHOOK_SECRET="{" ".join(secrets)}"'
