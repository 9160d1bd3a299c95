"""What runs beside the web server: the embedded Valkey when REDIS_URL is empty, and the worker pool.

One keeper per DATA_DIR and host. It is its own process, started by whichever web worker finds none, and belongs to the web
server's master: it watches the master by pidfd, and when that ends, however it ends, lets running pages finish until a
deadline, stops the pool, then Valkey, then itself.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from document_parser import logs
from document_parser.processes import Lock, Watched, birth
from document_parser.settings import Settings
from document_parser.startup import keep_data_private, settings_or_exit

if TYPE_CHECKING:
    from document_parser.valkey import EmbeddedValkey

log = logs.get(__name__)

TICK_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0


def keeper_lock(settings: Settings) -> Lock:
    return Lock(settings.data_dir / "keeper.lock")


def identity(pid: int) -> str:
    """A name for a process that no later process can have. Raises ProcessLookupError."""
    return f"{pid} {birth(pid)}"


class Pool:
    """The worker pool as a child process, started again when it dies, at growing intervals."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.pause = 0.5
        self.started = 0.0

    def ensure(self) -> None:
        if self.process is None or (self.process.poll() is not None and time.monotonic() - self.started > self.pause):
            self._start()

    def _start(self) -> None:
        if self.process is not None:
            log.warning("pool_died", exit_code=self.process.returncode)
            lasted = time.monotonic() - self.started
            self.pause = 0.5 if lasted > 60 else min(LONGEST_PAUSE_SECONDS, self.pause * 2)
        self.started = time.monotonic()
        command = [sys.executable, "-m", "document_parser.worker", "--parent", str(os.getpid())]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        log.info("pool_started", pid=self.process.pid)

    def stop(self, drain_seconds: float) -> None:
        """Let running pages finish, then end. Below the pool every process dies with its parent."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(drain_seconds)
        except subprocess.TimeoutExpired:
            log.warning("drain_deadline_passed", seconds=drain_seconds)
            self.process.kill()
            self.process.wait()


class Keeper:
    """The loop of the keeper process."""

    def __init__(self, settings: Settings, owner: Watched, *, with_pool: bool = True) -> None:
        self.settings = settings
        self.owner = owner
        self.stopping = threading.Event()
        self.valkey = _embedded_valkey(settings) if settings.embedded else None
        self.pool = Pool() if with_pool and settings.workers.num_workers else None

    def run(self) -> None:
        """Returns when the owner has ended or a stop was asked for, and all below has ended."""
        signal.signal(signal.SIGTERM, lambda *_: self.stopping.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while not self.stopping.is_set() and not self.owner.ended(TICK_SECONDS):
            self._keep()
        if self.pool is not None:
            self.pool.stop(self.settings.workers.drain_seconds)
        if self.valkey is not None:
            self.valkey.stop()

    def _keep(self) -> None:
        ready = self.valkey is None or self.valkey.ensure()
        if ready and self.pool is not None:
            self.pool.ensure()


def _embedded_valkey(settings: Settings) -> EmbeddedValkey:
    from document_parser.valkey import EmbeddedValkey  # web workers import this module as well, and need none of it

    return EmbeddedValkey(settings)


class KeeperWatch(threading.Thread):
    """In each web worker: sees to it that the owner has a keeper, whatever happens to the keeper.

    A thread, so that it needs no hook of the web server and works with and without ``gunicorn.conf.py``. The keeper is its own
    session: it outlives the web worker that happened to start it.
    """

    def __init__(self, settings: Settings, owner_pid: int) -> None:
        super().__init__(name="keeper-watch", daemon=True)
        self.lock = keeper_lock(settings)
        self.owner_pid = owner_pid
        self.owner = identity(owner_pid)
        self.child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while self._owner_lives():
            running = self.child is not None and self.child.poll() is None
            if not running and self.lock.holder() != self.owner:
                self.child = self._start()
            time.sleep(1.0)

    def _owner_lives(self) -> bool:
        try:
            return identity(self.owner_pid) == self.owner
        except ProcessLookupError:
            return False

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "document_parser.keeper", "--owner", str(self.owner_pid)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def keep_beside(settings: Settings, owner_pid: int) -> None:
    """Have a keeper run beside ``owner_pid`` for as long as that lives, if these settings need one."""
    if settings.embedded or settings.workers.num_workers:
        KeeperWatch(settings, owner_pid).start()


def take_lock(lock: Lock, owner: Watched) -> bool:
    """Wait for the lock: a keeper of an earlier start may still be draining.

    False where the owner ended, or another keeper of the same owner has it.
    """
    try:
        mine = identity(owner.pid)
    except ProcessLookupError:
        return False
    while not lock.acquire(mine):
        if lock.holder() == mine or owner.ended(0.1):
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m document_parser.keeper", description=__doc__)
    parser.add_argument("--owner", type=int, required=True, help="pid of the web server's master")
    parser.add_argument("--valkey-only", action="store_true", help="keep the embedded Valkey, start no workers")
    options = parser.parse_args()
    settings = settings_or_exit()
    logs.configure(settings.logs)
    keep_data_private(settings)
    try:
        owner = Watched(options.owner)
    except ProcessLookupError:
        return
    if options.valkey_only:
        # Whoever needs Valkey keeps it; its own lock sees to it that one of them runs it.
        Keeper(settings, owner, with_pool=False).run()
        return
    lock = keeper_lock(settings)
    if take_lock(lock, owner):
        Keeper(settings, owner).run()
        lock.release()


if __name__ == "__main__":
    main()
