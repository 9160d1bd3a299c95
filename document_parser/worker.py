"""Run the worker pool without a web server: ``python -m document_parser.worker``."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from document_parser.host.processes import die_with_parent
from document_parser.settings import Settings, WorkerSettings, cap_threads
from document_parser.settings.arguments import parse_arguments, whole_number
from document_parser.settings.startup import CANNOT_START, keep_data_private, settings_or_exit
from document_parser.telemetry import error_reports, logs, tracing

log = logs.get_logger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run workers until a signal stops them. Return 0, or 1 if no usable Redis was found within a minute.

    Without REDIS_URL the workers share an embedded Valkey with an API of the same DATA_DIR. Exits with status 2 if arguments
    or settings are invalid. Raises OSError if DATA_DIR cannot be created.
    """
    # Before anything numeric is imported: threads times workers would otherwise outnumber the cores.
    cap_threads()
    parser = argparse.ArgumentParser(prog="docparse worker", description="Run workers that read documents.")
    parser.add_argument("--workers", type=whole_number(0), metavar="N", help="number of workers; default NUM_WORKERS")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    options = parse_arguments(parser, arguments)
    if options.parent:
        die_with_parent(options.parent)
    settings = settings_or_exit()
    logs.configure(settings.logs, settings.tracing.service_name)
    tracing.configure(settings.tracing)
    error_reports.configure(settings.error_reports)
    keep_data_private(settings)
    if not _fits_storage(settings):
        return CANNOT_START
    default = settings.workers.num_workers or WorkerSettings.model_fields["num_workers"].default
    with _valkey_beside(settings, needed=not options.parent):
        if not _wait_for_redis(settings):
            return 1
        from document_parser.workers.pool import run_pool

        run_pool(settings, options.workers or default)
    return 0


def _fits_storage(settings: Settings) -> bool:
    """Return whether STORAGE_KEY fits the stored files. Where storage is away, its first use finds out."""
    from document_parser.errors import StorageKeyWrong, StorageUnavailable, StoredFileDamaged
    from document_parser.storage import check_storage_key

    try:
        check_storage_key(settings)
    except StorageKeyWrong as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal}\n")
        return False
    except (StorageUnavailable, StoredFileDamaged) as fault:
        log.warning("storage_key_not_checked", code=fault.code)
    return True


@contextlib.contextmanager
def _valkey_beside(settings: Settings, *, needed: bool) -> Iterator[None]:
    """Run a supervisor for Valkey only while the block runs, if the embedded server is needed.

    It is a separate process, because this process is going to fork.
    """
    supervisor = None
    if needed and settings.embedded:
        command = [sys.executable, "-m", "document_parser.supervisor.supervisor", "--owner", str(os.getpid()), "--valkey-only"]
        supervisor = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        if supervisor is not None:
            supervisor.terminate()
            supervisor.wait(30)


def _wait_for_redis(settings: Settings) -> bool:
    """Return whether a usable Redis answers within 60 seconds. Log once while it does not answer yet."""
    from document_parser.jobs.redis.connection import NO_CLUSTER, RedisError, connect, is_cluster

    deadline, said = time.monotonic() + 60, False
    with contextlib.closing(connect(settings)) as redis:
        while time.monotonic() < deadline:
            try:
                if is_cluster(redis):
                    log.error("redis_is_a_cluster", advice=NO_CLUSTER)
                    return False
                return True
            except RedisError as error:
                if not said:
                    log.warning("waiting_for_redis", error=type(error).__name__)
                said = True
                time.sleep(0.2)
    log.error("no_redis", advice="Start Redis, or set REDIS_URL; empty REDIS_URL uses the embedded server.")
    return False


if __name__ == "__main__":
    sys.exit(main())
