"""Programs of ours as processes that start at once: their modules are loaded once for all tests of this process.

The process that has loaded them is ``tests.support.command_server``. What it starts are processes of their own, with their own
arguments, folder, environment and standard streams, also as ``/proc`` shows them. What a service starts beside its web server,
the supervisor, the pool of workers and the zygote of the openers, is forked in the same way: see also ``forked_zygote``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from document_parser.settings.example import environment_fields

ROOT = Path(__file__).resolve().parents[2]
CLEARED = (
    *("REDIS_URL", "DATABASE_URL", "AUTH_MODE", "TIERS_FILE", "STORAGE_URL", "S3_ENDPOINT_URL"),
    *("ADMIN_TOKEN", "SECRET_KEY", "INFERENCE_MODE"),
)
"""Variables that tests do not take over from whoever starts them."""
ROOM = "x" * 2**16
"""What a forked process overwrites with its own command line, and with its own environment."""
LOAD_SECONDS = 180
TESTING = "PYTEST_CURRENT_TEST"
"""What pytest sets while it runs a test."""
READ_LATE = frozenset({TESTING, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"})
"""Variables that nothing reads as it is loaded."""


def takes(environment: Mapping[str, str]) -> bool:
    """Whether a process that is forked reads of this environment all that one that is started would: all but our settings is
    the same for both. Only for tests: benchmarks measure what is started as users start it.
    """
    if TESTING not in environment:
        return False
    ours, loaded = _settings(), _environment()
    read = (environment.keys() | loaded.keys()) - ours - READ_LATE
    return all(environment.get(name) == loaded.get(name) for name in read)


@cache
def _settings() -> frozenset[str]:
    return frozenset(name for _, name, _ in environment_fields())


@cache
def _environment() -> dict[str, str]:
    """The environment in which modules are loaded."""
    return {name: value for name, value in os.environ.items() if name not in CLEARED} | {"PYTHONPATH": str(ROOT)}


@cache
def socket_of(program: str) -> Path:
    """The socket of a server of this process for a program, which ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="docparse-commands-", dir="/tmp"))
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.command_server", program, str(folder / "socket"), ROOM],
        cwd=ROOT,
        env=_environment() | {"ROOM": ROOM},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )

    def end() -> None:
        server.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    deadline = time.monotonic() + LOAD_SECONDS
    while not (folder / "socket").exists():
        assert server.poll() is None, f"{program} cannot be loaded"
        assert time.monotonic() < deadline, f"{program} is not loaded after {LOAD_SECONDS} s"
        time.sleep(0.05)
    return folder / "socket"
