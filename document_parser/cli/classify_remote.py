"""Have documents read by a server, and print what it says that they hold."""

from __future__ import annotations

import argparse

from document_parser.classification.labels import parse_names
from document_parser.cli.remote_answers import print_answers_of_server
from document_parser.client import Client
from document_parser.errors import LabelUnknown
from document_parser.models import Classification, JobStatus
from document_parser.settings import Settings


def classify_on_server(parser: argparse.ArgumentParser, given: argparse.Namespace, settings: Settings) -> int:
    """Have a server read the documents, and print its answers in their order. Return the exit status."""
    try:
        client = Client(given.server, given.token or settings.client.key)
    except ValueError as error:
        parser.error(str(error))
    names = parse_names(given.labels)
    asked = {"classify": "true", "labels": ",".join(names), "page_range": given.pages}

    def documents(status: JobStatus) -> Classification:
        return client.classify(status.job_id, names)

    return print_answers_of_server(client, given.files, asked, (LabelUnknown,), documents)
