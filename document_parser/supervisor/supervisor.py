"""Run the worker pool beside the web server, and the embedded Valkey when REDIS_URL is empty.

There is one supervisor for each DATA_DIR and host. It is a process of its own, started by a web worker that finds none, and
belongs to the web server's master: it watches the master by pidfd. When the master ends in any way, the supervisor lets running
pages finish until a deadline, stops the pool, then Valkey, then itself.
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

from document_parser.host.processes import Lock, WatchedProcess, start_time
from document_parser.settings import Settings
from document_parser.settings.startup import keep_data_private, settings_or_exit
from document_parser.telemetry import logs

if TYPE_CHECKING:
    from document_parser.supervisor.valkey import EmbeddedValkey

log = logs.get_logger(__name__)

TICK_SECONDS = 0.25
"""The interval at which the child processes are checked."""
MAX_PAUSE_SECONDS = 10.0
"""The longest pause before a pool that dies repeatedly is started again."""


def supervisor_lock(settings: Settings) -> Lock:
    """Return the lock that the one supervisor of DATA_DIR on this host holds."""
    return Lock(settings.data_dir / "keeper.lock")


def starting_lock(settings: Settings) -> Lock:
    """Return the lock of the web worker whose supervisor is just starting."""
    return Lock(settings.data_dir / "keeper.starting")


def identity_of(pid: int) -> str:
    """Return a name of a process that no later process can have. Raises ProcessLookupError if there is no such process."""
    return f"{pid} {start_time(pid)}"


class Pool:
    """The worker pool as a child process. It is started again when it dies, after growing pauses."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.pause = 0.5
        self.started = 0.0

    def ensure(self) -> None:
        """Start the pool unless it runs. A pool that died is started again only after a pause."""
        if self.process is None or (self.process.poll() is not None and time.monotonic() - self.started > self.pause):
            self._start()

    def _start(self) -> None:
        if self.process is not None:
            log.warning("pool_died", exit_code=self.process.returncode)
            lasted = time.monotonic() - self.started
            self.pause = 0.5 if lasted > 60 else min(MAX_PAUSE_SECONDS, self.pause * 2)
        self.started = time.monotonic()
        command = [sys.executable, "-m", "document_parser.worker", "--parent", str(os.getpid())]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        log.info("pool_started", pid=self.process.pid)

    def stop(self, drain_seconds: float) -> None:
        """End the pool: let running pages finish within ``drain_seconds``, then kill it. Its children die with it."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(drain_seconds)
        except subprocess.TimeoutExpired:
            log.warning("drain_deadline_passed", seconds=drain_seconds)
            self.process.kill()
            self.process.wait()


class Supervisor:
    """The main loop of the supervisor process."""

    def __init__(self, settings: Settings, owner: WatchedProcess, *, with_pool: bool = True) -> None:
        self.settings = settings
        self.owner = owner
        self.stopping = threading.Event()
        self.valkey = _embedded_valkey(settings) if settings.embedded else None
        self.pool = Pool() if with_pool and settings.workers.num_workers else None

    def run(self) -> None:
        """Keep Valkey and the pool running until the owner ends or a stop is requested; then stop both."""
        signal.signal(signal.SIGTERM, lambda *_: self.stopping.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ended = self.owner.has_ended()
        while not (ended or self.stopping.is_set()):
            self._ensure_all()
            ended = self.owner.has_ended(TICK_SECONDS)
        if self.pool is not None:
            self.pool.stop(self.settings.workers.drain_seconds)
        if self.valkey is not None:
            self.valkey.stop()

    def _ensure_all(self) -> None:
        ready = self.valkey is None or self.valkey.ensure()
        if ready and self.pool is not None:
            self.pool.ensure()


def _embedded_valkey(settings: Settings) -> EmbeddedValkey:
    from document_parser.supervisor.valkey import EmbeddedValkey  # web workers import this module too and do not need it

    return EmbeddedValkey(settings)


class SupervisorWatch(threading.Thread):
    """A thread of each web worker that starts the owner's supervisor whenever none runs.

    As a thread it needs no hook of the web server and works with and without ``gunicorn.conf.py``. The supervisor has its own
    session, so it outlives the web worker that started it.
    """

    def __init__(self, settings: Settings, owner_pid: int) -> None:
        super().__init__(name="supervisor-watch", daemon=True)
        self.lock = supervisor_lock(settings)
        self.starting = starting_lock(settings)
        self.owner_pid = owner_pid
        self.owner = identity_of(owner_pid)
        self.child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Check every second until the owner ends."""
        while self._is_owner_alive():
            found = self.lock.holder() == self.owner
            running = self.child is not None and self.child.poll() is None
            if found or not running:
                self.starting.release()
            if not (found or running) and self.take_turn():
                self.child = self._start()
            time.sleep(1.0)

    def take_turn(self) -> bool:
        """Return whether no other web worker is starting a supervisor: all see at once that none runs, and one is enough."""
        try:
            return self.starting.acquire(self.owner)
        except OSError:
            return True  # a disk may be full: the supervisor then says so

    def _is_owner_alive(self) -> bool:
        try:
            return identity_of(self.owner_pid) == self.owner
        except ProcessLookupError:
            return False

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "document_parser.supervisor.supervisor", "--owner", str(self.owner_pid)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def start_supervisor_watch(settings: Settings, owner_pid: int) -> None:
    """Keep a supervisor running beside the process ``owner_pid`` until that ends, if these settings need one.

    Raises ProcessLookupError if there is no such process.
    """
    if settings.embedded or settings.workers.num_workers:
        SupervisorWatch(settings, owner_pid).start()


def take_lock(lock: Lock, owner: WatchedProcess) -> bool:
    """Wait for the lock, since a supervisor of an earlier start may still be draining.

    Return False if the owner has ended, or another supervisor of the same owner has the lock.
    """
    try:
        mine = identity_of(owner.pid)
    except ProcessLookupError:
        return False
    while not lock.acquire(mine):
        if lock.holder() == mine or owner.has_ended(0.1):
            return False
    return True


def main() -> None:
    """Run the supervisor for the process that ``--owner`` names; return at once if that has ended or has another supervisor."""
    parser = argparse.ArgumentParser(prog="python -m document_parser.supervisor.supervisor", description=__doc__)
    parser.add_argument("--owner", type=int, required=True, help="pid of the web server's master")
    parser.add_argument("--valkey-only", action="store_true", help="keep the embedded Valkey, start no workers")
    options = parser.parse_args()
    settings = settings_or_exit()
    logs.configure(settings.logs, settings.tracing.service_name)
    keep_data_private(settings)
    try:
        owner = WatchedProcess(options.owner)
    except ProcessLookupError:
        return
    if options.valkey_only:
        # Every process that needs Valkey keeps it running; Valkey's own lock ensures that only one of them does.
        Supervisor(settings, owner, with_pool=False).run()
        return
    lock = supervisor_lock(settings)
    if take_lock(lock, owner):
        Supervisor(settings, owner).run()
        lock.release()


if __name__ == "__main__":
    main()
