"""Run ``docparse operator-token`` and ``docparse operator-link``, which prove to the service that a caller is its operator."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from document_parser.api.server.options import local_address
from document_parser.settings import Settings
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.operator_access import create_link, operator_token
from document_parser.settings.startup import settings_or_exit

INSTALLED_COMMAND = "For the service that deploy/install.sh installs: docparse-admin"
"""Ending of messages: the command for a service installed by deploy/install.sh."""


def token(arguments: list[str] | None = None) -> int:
    """Print the token of this DATA_DIR, for programs that send it as 'Authorization: Bearer'."""
    parser = argparse.ArgumentParser(prog="docparse operator-token", description=token.__doc__)
    parse_arguments(parser, arguments)
    return _print_secret(operator_token, "operator-token")


def link(arguments: list[str] | None = None) -> int:
    """Print a link that makes one browser the operator's for a week. It works once, within a day."""
    parser = argparse.ArgumentParser(prog="docparse operator-link", description=link.__doc__)
    parser.add_argument(
        "--url",
        type=_base_url,
        help="address under which the browser reaches the service; default API_HOST and API_PORT on this machine",
    )
    given = parse_arguments(parser, arguments)

    def create(settings: Settings) -> str:
        return create_link(settings, given.url or f"http://{local_address(settings.api.api_host, settings.api.api_port)}/")

    return _print_secret(create, "operator-link")


def _base_url(text: str) -> str:
    """Return the address if a browser can open it. Raises ArgumentTypeError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError("give the address of the page, like https://documents.example.org/")
    return text


def _print_secret(make: Callable[[Settings], str], command: str) -> int:
    """Print what ``make`` returns. Return 1 if DATA_DIR does not exist or belongs to another user.

    A token made there would open nothing.
    """
    settings = settings_or_exit()
    if not settings.data_dir.is_dir():
        print(_no_service(settings, command), file=sys.stderr)
        return 1
    try:
        if settings.data_dir.stat().st_uid != os.getuid():
            raise PermissionError(errno.EPERM, "its folder belongs to another user")
        print(make(settings))
    except OSError as error:
        print(_out_of_reach(settings, error, command), file=sys.stderr)
        return 1
    return 0


def _no_service(settings: Settings, command: str) -> str:
    return (
        f"There is no {settings.data_dir}: no service with this DATA_DIR has been started yet. Start it. "
        f"If it runs already, run this command in its folder and with its settings. {INSTALLED_COMMAND} {command}."
    )


def _out_of_reach(settings: Settings, error: OSError, command: str) -> str:
    return (
        f"{settings.operator_token_file}: {error.strerror}. Run this command as the service's user "
        f"(this is uid {os.getuid()}). {INSTALLED_COMMAND} {command}."
    )
