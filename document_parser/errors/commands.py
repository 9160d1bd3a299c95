"""Errors of the command line and of the client."""

from __future__ import annotations

from document_parser.errors.base import DocumentParserError


class FileUnreadable(DocumentParserError):
    """A local file given to the command cannot be read."""

    code = "FILE_UNREADABLE"
    status = 400
    message = "The file cannot be read from the disk."


class OutputUnwritable(DocumentParserError):
    """The result cannot be written to the path given to the command."""

    code = "OUTPUT_UNWRITABLE"
    message = "The result cannot be written to the given place. Choose another one."


class SeveralTables(OutputUnwritable):
    """One CSV file was requested for a document with several tables."""

    code = "SEVERAL_TABLES"
    status = 409
    message = "The document has several tables, and a CSV file holds one."


class ServerUnreachable(DocumentParserError):
    """The service did not answer, even after all retries."""

    code = "SERVER_UNREACHABLE"
    status = 503
    retryable = True
    message = "The server does not answer. Check that it runs, and check its address."


class UnexpectedAnswer(DocumentParserError):
    """The response is not one of this service: a proxy or another service answered."""

    code = "UNEXPECTED_ANSWER"
    status = 502
    message = "The answer does not come from this service. Check the server's address."


class LanguageUnknown(DocumentParserError):
    """No source has a language pack of this name."""

    code = "LANGUAGE_UNKNOWN"
    status = 404
    message = "There is no language pack of this name. Names are like rus, ukr, chi_sim; default brings the usual ones."


class LanguagesUnreachable(DocumentParserError):
    """No source of language packs answers."""

    code = "LANGUAGES_UNREACHABLE"
    status = 503
    retryable = True
    ADVICE = "Check the network, or copy packs (LANGUAGE.traineddata) to the folder that docparse languages list names."
    message = f"No language pack can be had here. {ADVICE}"


class LanguagesFolderUnusable(DocumentParserError):
    """The folder of the language packs cannot be read or written."""

    code = "LANGUAGES_FOLDER_UNUSABLE"
    message = "The folder of the language packs cannot be used. Set TESSDATA_DIR to one that this user may write."
