"""Passwords of documents: given once for all, or asked for at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from getpass import getpass
from typing import TypeVar

from document_parser.cli.progress import Display, printable
from document_parser.errors import EncryptedDocument, WrongPassword

TRIES = 3

_T = TypeVar("_T")


class Passwords:
    """``given`` opens every document; where none is given, a person at the terminal is asked for each that needs one.

    Asked in the main thread only, where Ctrl-C ends the question.
    """

    def __init__(self, given: str, display: Display, *, quiet: bool) -> None:
        self.given = given
        self._display = display
        self.asks = not given and not quiet and sys.stdin.isatty() and sys.stderr.isatty()

    def opening(self, name: str, read: Callable[[str], _T]) -> _T:
        """What ``read`` makes with the password. Raises EncryptedDocument and WrongPassword where none opens the document."""
        password, left = self.given, TRIES if self.asks else 0
        while True:
            try:
                return read(password)
            except (EncryptedDocument, WrongPassword) as error:
                if not left:
                    raise
                password = self._asked(name, error)
                if not password:
                    raise
            left -= 1

    def _asked(self, name: str, error: EncryptedDocument | WrongPassword) -> str:
        question = "Password" if isinstance(error, EncryptedDocument) else "That does not open it. Password"
        with self._display.paused():
            return getpass(f"{question} of {printable(name)}: ", sys.stderr)
