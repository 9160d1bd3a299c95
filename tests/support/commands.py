"""``docparse`` as a process of its own that starts at once: its modules are loaded once for all tests of this process."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.preloaded import socket_of

CALLER = Path(__file__).with_name("command_caller.py")


def docparse(*arguments: object) -> list[str]:
    """A command line of ``docparse``. What the loading of Python and of modules is part of calls ``sys.executable`` itself."""
    return [sys.executable, "-I", "-S", str(CALLER), str(socket_of("docparse")), *map(str, arguments)]
