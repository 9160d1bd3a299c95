"""xberg reads files to Markdown and prints its seconds as JSON. Runs in an environment of its own: nothing of ours is there.

    python xberg_peer.py < LIST

A line of the list is a path. The first file is read once before, so that what is loaded late is loaded. No cache, no OCR.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from xberg import ExtractInput, ExtractionConfig, extract


async def main() -> None:
    paths = sys.stdin.read().splitlines()
    config = ExtractionConfig(use_cache=False, disable_ocr=True, output_format="markdown")
    failed = 0
    for number, path in enumerate([paths[0], *paths]):
        if number == 1:
            started = time.perf_counter()
        try:
            await extract(ExtractInput(kind="uri", uri=path), config)
        except Exception:  # noqa: BLE001 - whatever it raises, it has not read the file
            failed += number > 0
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - started, "failed": failed}))


if __name__ == "__main__":
    asyncio.run(main())
