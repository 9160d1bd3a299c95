"""Run ``docparse classify``: read documents in this process and print what each file holds, and why."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from document_parser.classification.labels import UnknownLabels, load_labels, order_of, parse_names
from document_parser.cli.outcome import INTERRUPTED
from document_parser.errors import DocumentParserError, LabelUnknown
from document_parser.models import Classification
from document_parser.settings import Settings, cap_threads
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit

INCOMPLETE, NOTHING = 1, 3
"""Exit statuses: some document or page could not be read, nothing could be read. 2 is a wrong command line."""


def main(arguments: list[str] | None = None) -> int:
    """Print the documents that each file holds as JSON, a line for each file: types, pages, confidence, reasons."""
    parser = argparse.ArgumentParser(prog="docparse classify", description=main.__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="documents")
    parser.add_argument("--labels", default="", help="the types that the files may hold, separated by commas; without it, all")
    parser.add_argument("--pages", default="", help="pages to read, as in 1,3-5")
    given = parse_arguments(parser, arguments)
    settings = settings_or_exit()
    try:
        order_of(parse_names(given.labels), load_labels(settings.extraction.labels_file))
    except UnknownLabels as error:
        parser.error(str(LabelUnknown.for_names(error.names, error.known)))
    except ValueError as error:
        parser.error(f"LABELS_FILE: {error}")
    cap_threads()  # before anything numeric is imported
    try:
        return _classify_all(given, settings)
    except KeyboardInterrupt:
        return INTERRUPTED


def _classify_all(given: argparse.Namespace, settings: Settings) -> int:
    """Read each file and print its documents. Return the exit status."""
    from document_parser.pipeline.local.reader import parse

    failed = incomplete = 0
    for path in given.files:
        try:
            document = parse(path, settings=settings, page_range=given.pages, classify=True, labels=given.labels)
        except (DocumentParserError, OSError) as error:
            failed += 1
            print(f"{path}: {error}", file=sys.stderr)
            continue
        answer = Classification(
            segments=document.segments or [], complete=all(page.status != "failed" for page in document.pages)
        )
        incomplete += not answer.complete
        print(json.dumps({"file": str(path), **answer.model_dump(mode="json")}, ensure_ascii=False), flush=True)
    if failed == len(given.files):
        return NOTHING
    return INCOMPLETE if failed or incomplete else 0
