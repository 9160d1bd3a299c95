"""Exit with 0 if a worker of this host is alive: ``python -m document_parser.cli.worker_alive``.

A container's health check calls this. While Redis is away the workers wait for it, so their host is then not called unhealthy:
a restart would mend nothing.
"""

from __future__ import annotations

import contextlib
import socket
import sys

from document_parser.jobs.queue import living_workers
from document_parser.jobs.redis.connection import RedisError, connect
from document_parser.settings.startup import settings_or_exit


def main() -> int:
    """Return 0 if a worker of this host sent a heartbeat lately or Redis does not answer, 1 otherwise."""
    with contextlib.closing(connect(settings_or_exit(), answer_seconds=2.0, retries=0)) as redis:
        try:
            alive = any(worker.host == socket.gethostname() for worker in living_workers(redis))
        except RedisError as error:
            print(f"Redis does not answer ({type(error).__name__}); the workers wait for it.")
            return 0
    print("A worker is alive." if alive else "No worker of this host has sent a heartbeat lately.")
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main())
