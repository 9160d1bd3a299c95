"""Print the values of documents, and say how a command that extracts has gone."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from document_parser.models.extraction import Extraction

INCOMPLETE, USAGE, NOTHING = 1, 2, 3
"""Exit statuses: some document or page could not be read, the command line is wrong, nothing could be read."""


def print_answer(path: Path, answer: Extraction, *, data_alone: bool) -> None:
    """Print the values of a document as a line of JSON: with evidence and checks, or the data alone."""
    shown = answer.model_dump(mode="json", include={"data"} if data_alone else None)
    print(json.dumps({"file": str(path), **shown}, ensure_ascii=False), flush=True)


def exit_status(given: argparse.Namespace, failed: int, incomplete: int) -> int:
    """Return the exit status: of so many documents no values were had, and of so many not of all pages."""
    if failed == len(given.files):
        return NOTHING
    return INCOMPLETE if failed or incomplete else 0
