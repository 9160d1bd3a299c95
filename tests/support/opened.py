"""Questions to a document that is open in an opener child."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from document_parser.models import SourceKind
from document_parser.sources.source import Openers, Source


def ask_document(
    openers: Openers, path: Path, ask: Callable[[Source], Awaitable[Any]], kind: SourceKind = "pdf", password: str = ""
) -> Any:
    """What ``ask`` finds in the opened document."""

    async def run() -> Any:
        async with await openers.open(path, kind, password) as source:
            return await ask(source)

    return asyncio.run(run())
