"""Wait until no supervisor of this DATA_DIR runs: ``python -m document_parser.cli.wait_drained``.

A process manager calls this after it has stopped the web server.
"""

from __future__ import annotations

from tenacity import Retrying, retry_if_result, wait_fixed

from document_parser.settings.startup import settings_or_exit
from document_parser.supervisor.supervisor import supervisor_lock

CHECK_SECONDS = 0.1
"""Interval of checks in seconds."""


def main() -> None:
    """Return when the supervisor and all processes below it have ended. The caller sets the deadline."""
    lock = supervisor_lock(settings_or_exit())
    Retrying(retry=retry_if_result(lambda holder: holder is not None), wait=wait_fixed(CHECK_SECONDS))(lock.holder)


if __name__ == "__main__":
    main()
