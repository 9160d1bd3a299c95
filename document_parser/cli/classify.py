"""Run ``docparse classify``: read documents here or on a server and print what each file holds, and why."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from document_parser.classification.labels import UnknownLabels, load_labels, order_of, parse_names
from document_parser.cli.answers import print_answers
from document_parser.cli.inputs import existing_file
from document_parser.cli.outcome import INTERRUPTED
from document_parser.cli.server_arguments import add_server_arguments
from document_parser.errors import LabelUnknown
from document_parser.models import Classification
from document_parser.settings import Settings, cap_threads
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit


def main(arguments: list[str] | None = None) -> int:
    """Print the documents that each file holds as JSON, a line for each file: types, pages, confidence, reasons."""
    parser = argparse.ArgumentParser(prog="docparse classify", description=main.__doc__)
    parser.add_argument("files", nargs="+", type=existing_file, metavar="FILE", help="documents")
    parser.add_argument("--labels", default="", help="the types that the files may hold, separated by commas; without it, all")
    parser.add_argument("--pages", default="", help="pages to read, as in 1,3-5")
    add_server_arguments(parser)
    given = parse_arguments(parser, arguments)
    settings = settings_or_exit()
    if given.server:
        from document_parser.cli.classify_remote import classify_on_server

        return classify_on_server(parser, given, settings)
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

    def classify(path: Path) -> Classification:
        document = parse(path, settings=settings, page_range=given.pages, classify=True, labels=given.labels)
        complete = all(page.status != "failed" for page in document.pages)
        return Classification(segments=document.segments or [], complete=complete)

    return print_answers((path, partial(classify, path)) for path in given.files)
