"""Have documents read by a server, and print what it says that they hold."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from document_parser.classification.labels import parse_names
from document_parser.cli.answers import USAGE, print_answers
from document_parser.cli.outcome import INTERRUPTED
from document_parser.client import Client, error_of
from document_parser.errors import DocumentParserError, LabelUnknown
from document_parser.models import Classification
from document_parser.settings import Settings


def classify_on_server(parser: argparse.ArgumentParser, given: argparse.Namespace, settings: Settings) -> int:
    """Have a server read the documents, and print its answers in their order. Return the exit status."""
    try:
        client = Client(given.server, given.token or settings.client.token)
    except ValueError as error:
        parser.error(str(error))
    with client:
        try:
            return _answers_of(client, given)
        except KeyboardInterrupt:
            return INTERRUPTED


def _answers_of(client: Client, given: argparse.Namespace) -> int:
    """Send the documents, then print the answers. Return the exit status."""
    names = parse_names(given.labels)
    asked = {"classify": "true", "labels": ",".join(names), "page_range": given.pages}
    jobs: list[tuple[Path, str | Exception]] = []
    for path in given.files:
        try:
            jobs.append((path, client.submit(path, **asked)))
        except LabelUnknown as error:
            print(error, file=sys.stderr)
            return USAGE
        except (DocumentParserError, OSError) as error:
            jobs.append((path, error))
    return print_answers((path, partial(_answer_of, client, sent, names)) for path, sent in jobs)


def _answer_of(client: Client, sent: str | Exception, names: tuple[str, ...]) -> Classification:
    """Return what a document holds that was sent. Raises the error of its sending or of its job."""
    if isinstance(sent, Exception):
        raise sent
    status = client.wait(sent)
    if status.error is not None:
        raise error_of(status.error)
    return client.classify(sent, names)
