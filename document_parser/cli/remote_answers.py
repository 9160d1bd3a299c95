"""Send documents to a server, and print what it says of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from document_parser.cli.answers import USAGE, print_answers
from document_parser.cli.outcome import INTERRUPTED
from document_parser.client import Client, error_of
from document_parser.errors import DocumentParserError
from document_parser.models import Classification, JobStatus
from document_parser.models.extraction import Extraction

Answer = Callable[[JobStatus], Extraction | Classification]
"""Returns what a server says of a job that has been read."""


def print_answers_of_server(
    client: Client,
    files: Iterable[Path],
    asked: Mapping[str, str],
    wrong: tuple[type[DocumentParserError], ...],
    answer: Answer,
    *,
    data_alone: bool = False,
) -> int:
    """Have a server read the documents, and print its answers in their order. Close the client, return the exit status.

    ``asked`` are the fields of each upload; ``wrong`` are the errors that say that these are wrong for all documents.
    """
    with client:
        try:
            jobs: list[tuple[Path, str | Exception]] = []
            for path in files:
                try:
                    jobs.append((path, client.submit(path, **asked)))
                except wrong as error:
                    print(error, *([json.dumps(error.details, ensure_ascii=False)] if error.details else []), file=sys.stderr)
                    return USAGE
                except (DocumentParserError, OSError) as error:
                    jobs.append((path, error))
            answers = ((path, partial(_answer_of, client, sent, answer)) for path, sent in jobs)
            return print_answers(answers, data_alone=data_alone)
        except KeyboardInterrupt:
            return INTERRUPTED


def _answer_of(client: Client, sent: str | Exception, answer: Answer) -> Extraction | Classification:
    """Return the answer for a document that was sent. Raises the error of its sending or of its job."""
    if isinstance(sent, Exception):
        raise sent
    status = client.wait(sent)
    if status.error is not None:
        raise error_of(status.error)
    return answer(status)
