"""Run ``docparse extract``: read documents here or on a server and print the values of a schema, each with its place."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from document_parser.cli.answers import print_answers
from document_parser.cli.inputs import existing_file
from document_parser.cli.outcome import INTERRUPTED
from document_parser.cli.server_arguments import add_server_arguments
from document_parser.extraction.registry import load_schemas
from document_parser.extraction.schema import SchemaProblems, compile_schema, schema_of_names
from document_parser.models.extraction import ExtractionOrder
from document_parser.settings import Settings, cap_threads
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit


def main(arguments: list[str] | None = None) -> int:
    """Print the values of a schema as JSON, a line for each document: data, evidence, checks."""
    parser = _parser()
    given = parse_arguments(parser, arguments)
    settings = settings_or_exit()
    if given.server:
        from document_parser.cli.extract_remote import extract_on_server

        return extract_on_server(parser, given, settings)
    try:
        order = _order(given, settings)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    cap_threads()  # before anything numeric is imported
    try:
        return _extract_all(given, settings, order)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docparse extract", description=main.__doc__)
    parser.add_argument("files", nargs="+", type=existing_file, metavar="FILE", help="documents")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument(
        "--schema", metavar="S", help="a file with a JSON Schema, or the name of a prebuilt one, such as invoice"
    )
    asked.add_argument("--fields", help="names of fields, separated by commas")
    parser.add_argument("--scope", choices=("document", "page", "row"), default="document", help="what the schema describes")
    parser.add_argument("--pages", default="", help="pages to read, as in 1,3-5")
    parser.add_argument(
        "--on-ungrounded",
        choices=("flag", "null"),
        default="flag",
        help="what becomes of a model's value that is on no page (a model is asked if VLLM_EXTRACT_URL is set)",
    )
    parser.add_argument("--data", action="store_true", help="print the data alone, without evidence and checks")
    add_server_arguments(parser)
    return parser


def _order(given: argparse.Namespace, settings: Settings) -> ExtractionOrder:
    """Return what the command line asks. Raises ValueError if the schema is not supported, OSError if it cannot be read."""
    known = load_schemas(settings.extraction.schemas_dir)
    if given.fields:
        schema = schema_of_names([name.strip() for name in given.fields.split(",") if name.strip()])
    elif given.schema in known:
        schema = known[given.schema].json_schema
    elif not Path(given.schema).is_file():
        raise ValueError(f"{given.schema} is no file, and none of the prebuilt schemas: {', '.join(sorted(known))}.")
    else:
        schema = json.loads(Path(given.schema).read_bytes())
    try:
        compile_schema(schema, of_row=given.scope == "row")
    except SchemaProblems as error:
        problems = "; ".join(f"{one.pointer or '/'}: {one.message}" for one in error.problems)
        raise ValueError(f"The schema is not supported. {problems}") from None
    return ExtractionOrder(
        json_schema=schema,
        name=given.schema if given.schema in known else "",
        scope=given.scope,
        on_ungrounded=given.on_ungrounded,
    )


def _extract_all(given: argparse.Namespace, settings: Settings, order: ExtractionOrder) -> int:
    """Read each document and print its answer. Return the exit status."""
    from document_parser.pipeline.local.extraction import extract_document

    answers = (
        (path, partial(extract_document, path, order, settings, page_range=given.pages)) for path in map(Path, given.files)
    )
    return print_answers(answers, data_alone=given.data)
