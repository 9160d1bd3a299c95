"""Have documents read by a server, and print the values that it extracts from them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from document_parser.cli.extract_output import USAGE, exit_status, print_answer
from document_parser.cli.outcome import INTERRUPTED
from document_parser.client import Client, error_of
from document_parser.errors import DocumentParserError, SchemaNotFound, SchemaUnsupported
from document_parser.models.extraction import Extraction
from document_parser.settings import Settings


def extract_on_server(parser: argparse.ArgumentParser, given: argparse.Namespace, settings: Settings) -> int:
    """Have a server read the documents, and print its answers in their order. Return the exit status."""
    asked = {"extract_scope": given.scope, "page_range": given.pages}
    try:
        if given.fields:
            asked["extract_fields"] = json.dumps([name.strip() for name in given.fields.split(",") if name.strip()])
        elif Path(given.schema).is_file():
            asked["json_schema"] = Path(given.schema).read_text()
        else:
            asked["schema"] = given.schema
        client = Client(given.server, given.token or settings.client.token)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    with client:
        try:
            return _answers_of(client, given, asked)
        except KeyboardInterrupt:
            return INTERRUPTED


def _answers_of(client: Client, given: argparse.Namespace, asked: dict[str, str]) -> int:
    """Send the documents, then print the answers. Return the exit status."""
    failed = incomplete = 0
    jobs: list[tuple[Path, str | Exception]] = []
    for path in given.files:
        try:
            jobs.append((path, client.submit(path, **asked)))
        except (SchemaNotFound, SchemaUnsupported) as error:
            print(f"{error} {json.dumps(error.details, ensure_ascii=False)}", file=sys.stderr)
            return USAGE
        except (DocumentParserError, OSError) as error:
            jobs.append((path, error))
    for path, sent in jobs:
        try:
            answer = _answer_of(client, sent)
        except (DocumentParserError, OSError) as error:
            failed += 1
            print(f"{path}: {error}", file=sys.stderr)
            continue
        incomplete += not answer.complete
        print_answer(path, answer, data_alone=given.data)
    return exit_status(given, failed, incomplete)


def _answer_of(client: Client, sent: str | Exception) -> Extraction:
    """Return the values of a document that was sent. Raises the error of its sending or of its job."""
    if isinstance(sent, Exception):
        raise sent
    status = client.wait(sent)
    if status.error is not None:
        raise error_of(status.error)
    return client.extraction(sent, status.extractions[0].id)
