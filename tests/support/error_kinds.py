"""The classes of errors that the package knows."""

from __future__ import annotations

from document_parser.errors import DocumentParserError


def error_kinds(kind: type[DocumentParserError] = DocumentParserError) -> list[type[DocumentParserError]]:
    """This class of errors and all below it."""
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in error_kinds(child))]
