"""Supply the passwords of documents: one for all from the command line, or each asked for at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from getpass import getpass
from typing import TypeVar

from document_parser.cli.progress import Display, printable
from document_parser.errors import EncryptedDocument, WrongPassword

MAX_TRIES = 3
"""How many passwords a person may try for one document."""

_T = TypeVar("_T")


class Passwords:
    """Open documents with ``given``, or ask a person at the terminal for each password that is needed.

    The main thread alone asks, because Ctrl-C ends the question there.
    """

    def __init__(self, given: str, display: Display, *, quiet: bool) -> None:
        self.given = given
        self._display = display
        self.asks = not given and not quiet and sys.stdin.isatty() and sys.stderr.isatty()

    def open_with(self, name: str, read: Callable[[str], _T]) -> _T:
        """Return what ``read`` returns with the password.

        Raises EncryptedDocument or WrongPassword if no password opens the document, and what ``read`` raises.
        """
        password, left = self.given, MAX_TRIES if self.asks else 0
        while True:
            try:
                return read(password)
            except (EncryptedDocument, WrongPassword) as error:
                if not left:
                    raise
                password = self._ask(name, error)
                if not password:
                    raise
            left -= 1

    def _ask(self, name: str, error: EncryptedDocument | WrongPassword) -> str:
        question = "Password" if isinstance(error, EncryptedDocument) else "Wrong password. Password"
        with self._display.pause():
            return getpass(f"{question} of {printable(name)}: ", sys.stderr)
