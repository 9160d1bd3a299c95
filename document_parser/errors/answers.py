"""Errors of what is made of the pages: formats, extractions, classifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from document_parser.errors.base import DocumentParserError
from document_parser.errors.requests import InvalidOption


class FormatFailed(DocumentParserError):
    """A result format that was requested after the end of the job could not be written."""

    code = "FORMAT_FAILED"
    status = 500
    message = "This format could not be written. Ask for another one; the request_id finds the reason in the logs."


class FormatNeedsPages(DocumentParserError):
    """A searchable PDF was requested of a document that has no pages to lay words over."""

    code = "FORMAT_NEEDS_PAGES"
    status = 409
    message = "Only scans, images and PDFs have pages that words can be laid over. Ask for another format of this document."


class ExtractionFailed(DocumentParserError):
    """The values of a schema could not be extracted from a document that was read."""

    code = "EXTRACTION_FAILED"
    status = 500
    message = "The values could not be extracted. The document's text is there; the request_id finds the reason in the logs."


class ExtractionNotFound(DocumentParserError):
    """Nothing was asked of this document under this id."""

    code = "EXTRACTION_NOT_FOUND"
    status = 404
    message = "There is no such extraction of this document. POST the schema to /v1/jobs/{id}/extract, which returns its id."


class ClassificationFailed(DocumentParserError):
    """A document that was read could not be classified."""

    code = "CLASSIFICATION_FAILED"
    status = 500
    message = "The document could not be classified. Its text is there; the request_id finds the reason in the logs."


class ClassificationNotFound(DocumentParserError):
    """Nothing was asked of this document under this id."""

    code = "CLASSIFICATION_NOT_FOUND"
    status = 404
    message = (
        "There is no such classification of this document. POST the labels to /v1/jobs/{id}/classify, which returns its id."
    )


class LabelUnknown(InvalidOption):
    """A type of documents was asked for that nobody has described."""

    code = "LABEL_UNKNOWN"
    message = "There is no such label. Use those of details.known, or describe it with example words in the file LABELS_FILE."

    @classmethod
    def for_names(cls, names: Sequence[str], known: Sequence[str]) -> LabelUnknown:
        """Return the error for these names. ``known`` are all that there are."""
        listed = ", ".join(names[: cls.MAX_NAMED_FIELDS])
        message = f"Unknown labels: {listed}. Use {', '.join(known)}, or describe yours with example words in LABELS_FILE."
        return cls(message, unknown=list(names), known=list(known))


class OwnFileBroken(DocumentParserError):
    """LABELS_FILE, or a file of SCHEMAS_DIR, was broken after the start, or is not there any more."""

    code = "OWN_FILE_BROKEN"
    status = 503
    message = (
        "A file of types or schemas of this server cannot be used. Its operator runs `docparse doctor --only own-files`, which "
        "names the file and the fault."
    )


class SchemaUnsupported(InvalidOption):
    """A JSON Schema has parts that are not supported."""

    code = "SCHEMA_UNSUPPORTED"
    message = "Parts of the schema are not supported. details.problems names each by its JSON pointer."

    @classmethod
    def for_problems(cls, problems: list[dict[str, Any]]) -> SchemaUnsupported:
        """Return one error for all these problems, each with its ``pointer`` and ``message``.

        The message has the first ones: the errors of facades have no details.
        """
        named = " ".join(f"{one['pointer'] or 'the schema'}: {one['message']}" for one in problems[: cls.MAX_NAMED_FIELDS])
        return cls(f"{cls.message} {named}", problems=problems)


class SchemaNotFound(DocumentParserError):
    """No schema has this name."""

    code = "SCHEMA_NOT_FOUND"
    status = 404
    message = "There is no schema of this name. GET /v1/schemas lists them."
