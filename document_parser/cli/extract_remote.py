"""Have documents read by a server, and print the values that it extracts from them."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from document_parser.cli.answers import USAGE, print_answers
from document_parser.cli.outcome import INTERRUPTED
from document_parser.client import Client, error_of
from document_parser.errors import DocumentParserError, SchemaNotFound, SchemaUnsupported
from document_parser.extraction.registry import load_schemas
from document_parser.models.extraction import Extraction
from document_parser.settings import Settings


def extract_on_server(parser: argparse.ArgumentParser, given: argparse.Namespace, settings: Settings) -> int:
    """Have a server read the documents, and print its answers in their order. Return the exit status."""
    asked = {"extract_scope": given.scope, "on_ungrounded": given.on_ungrounded, "page_range": given.pages}
    try:
        if given.fields:
            asked["extract_fields"] = json.dumps([name.strip() for name in given.fields.split(",") if name.strip()])
        elif given.schema not in load_schemas(settings.extraction.schemas_dir) and Path(given.schema).is_file():
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
    jobs: list[tuple[Path, str | Exception]] = []
    for path in given.files:
        try:
            jobs.append((path, client.submit(path, **asked)))
        except (SchemaNotFound, SchemaUnsupported) as error:
            print(f"{error} {json.dumps(error.details, ensure_ascii=False)}", file=sys.stderr)
            return USAGE
        except (DocumentParserError, OSError) as error:
            jobs.append((path, error))
    return print_answers(((path, partial(_answer_of, client, sent)) for path, sent in jobs), data_alone=given.data)


def _answer_of(client: Client, sent: str | Exception) -> Extraction:
    """Return the values of a document that was sent. Raises the error of its sending or of its job."""
    if isinstance(sent, Exception):
        raise sent
    status = client.wait(sent)
    if status.error is not None:
        raise error_of(status.error)
    return client.extraction(sent, status.extractions[0].id)
