"""Wait until no supervisor of this DATA_DIR runs: ``python -m document_parser.cli.wait_drained``.

A process manager calls this after it has stopped the web server.
"""

from __future__ import annotations

import time

from document_parser.settings.startup import settings_or_exit
from document_parser.supervisor.supervisor import keeper_lock

CHECK_SECONDS = 0.1
"""Interval of checks in seconds."""


def main() -> None:
    """Return when the supervisor and all processes below it have ended. The caller sets the deadline."""
    lock = keeper_lock(settings_or_exit())
    while lock.holder() is not None:
        time.sleep(CHECK_SECONDS)


if __name__ == "__main__":
    main()
