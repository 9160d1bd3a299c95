"""Print what is said of documents, and say how a command that asks for it has gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from document_parser.errors import DocumentParserError
from document_parser.models import Classification
from document_parser.models.extraction import Extraction

INCOMPLETE, USAGE, NOTHING = 1, 2, 3
"""Exit statuses: some document or page could not be read, the command line is wrong, nothing could be read."""


def print_answers(
    answers: Iterable[tuple[Path, Callable[[], Extraction | Classification]]], *, data_alone: bool = False
) -> int:
    """Print the answer for each document as a line of JSON, or why there is none. Return the exit status.

    Of an extraction a line has the evidence and the checks too, or the ``data_alone``.
    """
    answered = failed = incomplete = 0
    for path, make in answers:
        try:
            answer = make()
        except (DocumentParserError, OSError) as error:
            failed += 1
            print(f"{path}: {error}", file=sys.stderr)
            continue
        answered += 1
        incomplete += not answer.complete
        shown = answer.model_dump(mode="json", include={"data"} if data_alone else None)
        print(json.dumps({"file": str(path), **shown}, ensure_ascii=False), flush=True)
    if not answered:
        return NOTHING
    return INCOMPLETE if failed or incomplete else 0
