"""Run ``docparse overlay``: draw how the pages of a document were read, to see why a result is as it is."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import get_args

from document_parser.cli.inputs import existing_file
from document_parser.cli.outcome import INTERRUPTED
from document_parser.errors import DocumentParserError
from document_parser.host.files import atomic_write
from document_parser.models import AccuracyMode
from document_parser.settings import Settings, cap_threads
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit

INCOMPLETE, USAGE, NOTHING = 1, 2, 3
"""Exit statuses: some page could not be read, the command line is wrong, nothing could be read."""


def main(arguments: list[str] | None = None) -> int:
    """Draw the pages of a document with their blocks by kind, words and reading order, a PNG for each page."""
    parser = argparse.ArgumentParser(prog="docparse overlay", description=main.__doc__)
    parser.add_argument("file", type=existing_file, metavar="FILE", help="a scan, an image or a PDF")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where page-0001.png and so on go")
    parser.add_argument("--pages", default="", metavar="RANGE", help="pages to draw, such as 1,3-5; default all")
    parser.add_argument("--mode", choices=get_args(AccuracyMode), help="default DEFAULT_ACCURACY_MODE")
    parser.add_argument("--password", default="", help="opens an encrypted document")
    given = parse_arguments(parser, arguments)
    if given.output.exists() and not given.output.is_dir():
        parser.error(f"{str(given.output)!r} is a file, but the pages need a folder.")
    settings = settings_or_exit()
    cap_threads()  # before anything numeric is imported
    try:
        return asyncio.run(_draw_all(given, settings))
    except (DocumentParserError, OSError) as error:
        print(f"{given.file}: {error}", file=sys.stderr)
        return NOTHING
    except KeyboardInterrupt:
        return INTERRUPTED


async def _draw_all(given: argparse.Namespace, settings: Settings) -> int:
    """Write a PNG for each page and print its path. Return the exit status."""
    from document_parser.pipeline.local.overlay import draw_overlays
    from document_parser.pipeline.local.reader import DocumentParser, make_options

    fields = {"page_range": given.pages, "headers_footers": "keep"}
    options = make_options(settings, fields | ({"accuracy_mode": given.mode} if given.mode else {}))
    status = 0
    async with (
        DocumentParser(settings) as reader,
        aclosing(draw_overlays(reader, given.file, options, given.password)) as pages,
    ):
        async for page in pages:
            if page.image is None or page.status == "failed":
                status = INCOMPLETE
                print(f"{given.file}: page {page.number} could not be {'read' if page.image else 'shown'}.", file=sys.stderr)
            if page.image is not None:
                given.output.mkdir(parents=True, exist_ok=True)  # not before: a document that nothing reads leaves none
                target = given.output / f"page-{page.number:04d}.png"
                with atomic_write(target) as out:
                    out.write(page.image)
                print(target, flush=True)
    return status
