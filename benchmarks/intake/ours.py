"""The product reads files to Markdown in this process and its openers, and prints its seconds as JSON.

    python -m benchmarks.intake.ours < LIST

Images are not read, as the peers do not read them either (``accuracy_mode=fast``).
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time

from document_parser import DocumentParser
from document_parser.errors import DocumentParserError
from document_parser.models import Options
from document_parser.settings import EngineSettings, Settings


async def read_all(paths: list[str]) -> dict[str, float]:
    """Return the seconds for all files, and how many were refused. The first is read once before."""
    failed, started = 0, 0.0
    async with DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu"))) as parser:
        for number, path in enumerate([paths[0], *paths]):
            if number == 1:
                started = time.perf_counter()
            try:
                with await parser.read(path, Options(accuracy_mode="fast")) as found:
                    found.write("markdown", io.BytesIO())
            except DocumentParserError:
                failed += number > 0
        return {"seconds": time.perf_counter() - started, "failed": failed}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(read_all(sys.stdin.read().splitlines()))))
