"""``python -m document_parser.cli.wait_drained``: wait until no keeper of this DATA_DIR runs.

What a supervisor calls after it has stopped the web server.
"""

from __future__ import annotations

import time

from document_parser.settings.startup import settings_or_exit
from document_parser.supervisor.supervisor import keeper_lock

TICK_SECONDS = 0.1


def main() -> None:
    """Returns when the keeper, and all below it, have ended; the caller sets the deadline."""
    lock = keeper_lock(settings_or_exit())
    while lock.holder() is not None:
        time.sleep(TICK_SECONDS)


if __name__ == "__main__":
    main()
