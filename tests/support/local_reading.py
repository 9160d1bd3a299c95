"""Read a document in this process, as a person without a server does."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from document_parser import DocumentParser
from document_parser.models import Document, Options
from document_parser.settings import Settings
from document_parser.settings.engines import EngineSettings


def read_locally(path: Path, **options: str) -> tuple[Document, str]:
    """The document, and its Markdown."""

    async def main() -> tuple[Document, str]:
        async with DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu"))) as parser:
            with await parser.read(path, Options.model_validate(options)) as found:
                out = io.BytesIO()
                found.write("markdown", out)
                return found.document(), out.getvalue().decode()

    return asyncio.run(main())
