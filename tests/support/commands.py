"""``docparse`` as a process of its own that starts at once: its modules are loaded once for all tests of this process."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.support.service import CLEARED, ROOT, wait_until

CALLER = Path(__file__).with_name("command_caller.py")


def docparse(*arguments: object) -> list[str]:
    """A command line of ``docparse``. What the loading of Python and of modules is part of calls ``sys.executable`` itself."""
    return [sys.executable, "-I", "-S", str(CALLER), str(_server()), *map(str, arguments)]


@cache
def _server() -> Path:
    """The socket of a server of this process, which ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="docparse-commands-", dir="/tmp"))
    environment = {name: value for name, value in os.environ.items() if name not in CLEARED}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.command_server", str(folder / "socket")],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )

    def end() -> None:
        server.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    wait_until(lambda: (folder / "socket").exists() or server.poll() is not None, 60, "commands can be called")
    return folder / "socket"
