"""Compare what two builds read from text layers, byte for byte: for changes that may alter the speed, and nothing else.

    python -m benchmarks.same_reading FOLDER [FOLDER ...] --write before.json
    python -m benchmarks.same_reading FOLDER [FOLDER ...] --against before.json

Of every page: its facts, damage, words and ruling lines. Of every document: Markdown, JSON and HTML, as far as its pages have a
text layer. All in this process, without an engine. Ends with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import sys
from pathlib import Path

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks.quality.parts import InProcess  # noqa: E402
from document_parser.errors import DocumentParserError  # noqa: E402
from document_parser.models import Document, Options, OutputFormat, Page  # noqa: E402
from document_parser.pipeline.local.result import ParseResult  # noqa: E402
from document_parser.pipeline.reading.figures import with_figures  # noqa: E402
from document_parser.pipeline.reading.read_page import read_text_layer  # noqa: E402

FORMATS: tuple[OutputFormat, ...] = ("markdown", "json", "html")

Digests = dict[str, str]
"""Digests of what was read from a document, by the page and the part of it, or by the format."""


def main() -> None:
    options = _options()
    paths = sorted(path for folder in options.folders for path in folder.rglob("*.pdf"))
    found = {str(path): asyncio.run(read(path)) for path in paths}
    if options.write:
        options.write.write_text(json.dumps(found, indent=0))
        return
    before = json.loads(options.against.read_text())
    different = [line for path in found for line in differences(path, before.get(path, {}), found[path])]
    print("\n".join(different) or f"{len(found)} documents are read as before.")
    sys.exit(bool(different))


def differences(path: str, before: Digests, now: Digests) -> list[str]:
    """Return a line that names the parts of a document that differ; none if all are the same."""
    parts = [part for part in {**before, **now} if before.get(part) != now.get(part)]
    return [f"{path}: {', '.join(parts)}"] if parts else []


async def read(path: Path) -> Digests:
    """Return the digests of a document; those of an error if it cannot be opened."""
    try:
        source = InProcess(path)
    except DocumentParserError as error:
        return {"error": repr(error)}
    found: Digests = {}
    pages = []
    for number in range(1, source.file.page_count + 1):
        try:
            pages += await _read_page(source, number, found)
        except DocumentParserError as error:
            found[f"page {number}"] = repr(error)
    head = Document(filename=path.name, media_type="application/pdf", page_count=source.file.page_count)
    with ParseResult(head, Options(), len(pages)) as document:
        for page in pages:
            document.keep(page)
        for name in FORMATS:
            out = io.BytesIO()
            document.write(name, out)
            found[name] = _digest(out.getvalue())
    source.file.close()
    return found


async def _read_page(source: InProcess, number: int, found: Digests) -> list[Page]:
    """Add the digests of what the opener answers for a page, and return the page if it has a text layer."""
    facts = await source.facts(number)
    answers = {
        "facts": facts.model_dump_json(),
        "damage": repr(await source.damage(number)),
        "words": repr(await source.words(number)),
        "rulings": repr(await source.rulings(number)),
    }
    found.update({f"page {number} {name}": _digest(answer.encode("utf-8", "replace")) for name, answer in answers.items()})
    if not facts.characters:
        return []
    page = await with_figures(source, await read_text_layer(source, facts), None, facts)
    for attempt in page.attempts:
        attempt.milliseconds = 0
    return [page]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders with PDF files")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--write", type=Path, help="write the digests to this file")
    which.add_argument("--against", type=Path, help="compare with the digests in this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
