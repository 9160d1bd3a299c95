"""Have documents read by a server, and print the values that it extracts from them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from document_parser.cli.remote_answers import print_answers_of_server
from document_parser.client import Client
from document_parser.errors import SchemaNotFound, SchemaUnsupported
from document_parser.extraction.registry import load_schemas
from document_parser.models import JobStatus
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
        client = Client(given.server, given.token or settings.client.key)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    wrong = (SchemaNotFound, SchemaUnsupported)

    def values(status: JobStatus) -> Extraction:
        return client.extraction(status.job_id, status.extractions[0].id)

    return print_answers_of_server(client, given.files, asked, wrong, values, data_alone=given.data)
