"""One peer reads files and prints its seconds as JSON. Runs in the environment of the peers: nothing of ours is there.

    python peer.py NAME < LIST

A line of the list is a path. The first file is read once before, so that what is loaded late is loaded.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable


def reader(name: str) -> Callable[[str], object]:
    """Return the peer's function."""
    if name == "markitdown":
        from markitdown import MarkItDown

        return MarkItDown().convert
    if name == "all2md":
        from all2md import to_markdown

        return lambda path: to_markdown(path)
    from python_calamine import CalamineWorkbook

    return lambda path: CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()


def main() -> None:
    read, paths = reader(sys.argv[1]), sys.stdin.read().splitlines()
    failed = 0
    for number, path in enumerate([paths[0], *paths]):
        if number == 1:
            started = time.perf_counter()
        try:
            read(path)
        except Exception:  # noqa: BLE001 - whatever a peer raises, it has not read the file
            failed += number > 0
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - started, "failed": failed}))


if __name__ == "__main__":
    main()
