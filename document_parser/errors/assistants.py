"""Errors of an assistant's tools."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError


class FileNotAllowed(DocumentParserError):
    """An assistant asks for a file outside of the folders that it may read."""

    code = "FILE_NOT_ALLOWED"
    status = 403
    message = (
        "This file may not be read. Files are read below the folders that docparse mcp is started with (--folder FOLDER) or "
        "that the assistant's program names as its roots; names that begin with a dot are left out."
    )


class PlaceNotFound(DocumentParserError):
    """The document has no such page, block or heading."""

    code = "PLACE_NOT_FOUND"
    status = 404
    message = "The document has no such place. Ask status for its pages and headings."


class QuoteNotFound(DocumentParserError):
    """The document does not have the text that is to be cited."""

    code = "QUOTE_NOT_FOUND"
    status = 404
    message = "The document does not have this text. Cite a shorter part of it, word by word as read and search show it."
