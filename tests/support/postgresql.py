"""A real PostgreSQL for tests, in a folder of its own, run by another user than root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.service import free_port, wait_until

USERS = ("postgres", "nobody")
"""Users that the server runs as if the tests run as root, which it refuses."""
DATABASE = "postgres"


def why_no_postgresql() -> str:
    """Why there is no PostgreSQL here; empty if there is one."""
    return "" if _program("initdb") and _program("postgres") else "no PostgreSQL server here (apt install postgresql)"


def _program(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, versions), os.environ.get("PATH", "")]))


class PostgreSQL:
    """One server on loopback. It can be killed and started again, and keeps its data."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._as_user = _as_other_user(folder) if os.getuid() == 0 else {}
        self._run("initdb", "-D", folder / "data", "-U", "docparse", "--auth=trust", "--encoding=UTF8", "--no-sync")

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgresql://docparse@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        # A server that was killed has taken nothing of the operating system's memory with it: no need to wait for the disk.
        options = ("-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k", self.folder)
        command = [_program("postgres"), "-D", self.folder / "data", "-p", str(self.port), *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self._as_user)
        wait_until(self._answers, 60, "PostgreSQL answers")

    def kill(self) -> None:
        """End it without a chance to say so."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not self._answers(), 30, "PostgreSQL is gone")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def create_database(self, name: str) -> str:
        """An empty database, given by its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "docparse", name)
        return self.url_of(name)

    def _answers(self) -> bool:
        command = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, name: str, *arguments: object) -> None:
        subprocess.run(
            [_program(name), *map(str, arguments)], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self._as_user
        )


def _as_other_user(folder: Path) -> dict[str, object]:
    """Arguments of Popen that make a process another user's, to whom the folder is given."""
    for name in USERS:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            os.chown(folder, user.pw_uid, user.pw_gid)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError(f"none of these users: {USERS}")


@contextlib.contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """A server that runs until the end of the block. Its folder is in none that only root can enter."""
    folder = Path(tempfile.mkdtemp(prefix="docparse-postgresql-"))
    server = PostgreSQL(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
