"""Parse form bodies. Every byte of a part arrives as it was sent, whatever the size of the body and of its pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from io import BytesIO
from typing import IO

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from document_parser.api.intake.arrivals import PIECE_BYTES
from document_parser.api.intake.draining import drain_request
from document_parser.errors import BadRequest, DocumentParserError, InvalidOption
from document_parser.ingest.staged_file import StagedFile

MULTIPART = "multipart/form-data"
"""Media type of multipart forms."""
URLENCODED = "application/x-www-form-urlencoded"
"""Media type of URL-encoded forms."""
MAX_HEADER_BYTES = 8190
"""Maximum size of one header of a part: what gunicorn allows a header of the request."""
TOO_MANY_PARTS = "segment count"
"""Words in the parser's error for too many parts. Its other limits are those of a part's headers."""
CHARSETS = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})
"""Charsets that a text part may name, as in werkzeug. A part with any other charset is read as UTF-8."""

Form = MultiDict[str, str]
"""Text fields of a form."""
Files = MultiDict[str, FileStorage]
"""Files of a form."""


class FormParser(FormDataParser):
    """Parse multipart bodies with the library ``multipart``, and all other bodies as werkzeug does, within the same bounds.

    werkzeug 3.1.9 appends a CR to a part if a piece of the body ends one byte after the boundary that follows the part.
    ``multipart`` follows RFC 2046 (a delimiter begins with CRLF) and takes a third of the time.
    """

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], Form, Files]:
        """Return the stream, the text fields and the files.

        Raises BadRequest if the body is no multipart form or has more than ``max_form_parts`` parts, InvalidOption if a field
        is no text or the text fields exceed ``max_form_memory_size`` bytes, and the errors of reading and staging:
        UploadCutOff, UploadTooSlow, ServerBusy, StorageFull, StorageUnavailable.
        """
        if mimetype != MULTIPART:
            return self._parse_plain(stream, mimetype, content_length, options)
        try:
            form, files = self._parse_parts(stream, (options or {}).get("boundary", ""))
        except ParserLimitReached as error:
            raise _refuse(self._limit_error(error)) from None
        except (MultipartError, UnicodeEncodeError) as error:
            raise _refuse(_undecodable() if _is_of_decoding(error) else _malformed()) from None
        return stream, form, files

    def _parse_plain(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None
    ) -> tuple[IO[bytes], Form, Files]:
        if mimetype != URLENCODED:
            return super().parse(stream, mimetype, content_length, options)
        data = self._read_whole(stream)
        if not _is_utf8(data):
            raise _refuse(_undecodable())
        return super().parse(BytesIO(data), mimetype, len(data), options)

    def _read_whole(self, stream: IO[bytes]) -> bytes:
        """Return the body of a URL-encoded form. werkzeug alone would read it whole without a bound."""
        most = math.inf if self.max_form_memory_size is None else self.max_form_memory_size
        data = bytearray()
        while piece := stream.read(PIECE_BYTES):
            data += piece
            if len(data) > most:
                raise _refuse(_too_much_text(self.max_form_memory_size))
        return bytes(data)

    def _parse_parts(self, stream: IO[bytes], boundary: str) -> tuple[Form, Files]:
        """Parse a multipart body. Raises the errors of the parser, and InvalidOption for text that is too long or no text."""
        most_parts = math.inf if self.max_form_parts is None else self.max_form_parts
        parser = PushMultipartParser(boundary.encode("ascii"), max_header_size=MAX_HEADER_BYTES, max_segment_count=most_parts)
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        part: _TextPart | _FilePart | None = None
        text_bytes = 0
        for event in _events(parser, stream):
            if isinstance(event, MultipartSegment):
                part = self._start_part(event, text_bytes)
            elif event is not None:
                part.write(event)  # type: ignore[union-attr]  # the parser gives a segment before its data
            elif isinstance(part, _FilePart):
                files.append((part.name, part.end()))
            elif part is not None:
                fields.append((part.name, part.end()))
                text_bytes = part.bytes_so_far
        return MultiDict(fields), MultiDict(files)

    def _start_part(self, segment: MultipartSegment, text_bytes: int) -> _TextPart | _FilePart:
        """Return a new text field, or a new file if the part has a filename."""
        disposition = parse_options_header(segment.header("Content-Disposition"))[1]
        name, filename = disposition.get("name", ""), disposition.get("filename")
        headers = Headers(segment.headerlist)
        if filename is None:
            return _TextPart(name, headers, text_bytes, self.max_form_memory_size)
        stream = self.stream_factory(total_content_length=None, content_type=headers.get("content-type"), filename=filename)
        return _FilePart(name, FileStorage(stream, filename, name, headers=headers))

    def _limit_error(self, error: ParserLimitReached) -> BadRequest:
        """Return the error for a form that exceeds one of the parser's limits."""
        if TOO_MANY_PARTS in str(error):
            return BadRequest(
                f"The form has more than {self.max_form_parts} parts. Send the document in the field 'file' and each option "
                "once.",
                reason="parts",
                max_parts=self.max_form_parts,
            )
        return BadRequest(
            "A part of the form has too many headers, or too long ones. Shorten the names of the file and of the fields to "
            f"{MAX_HEADER_BYTES} bytes.",
            reason="headers",
            max_header_bytes=MAX_HEADER_BYTES,
        )


class _TextPart:
    """Collect a text field in memory."""

    def __init__(self, name: str, headers: Headers, bytes_so_far: int, most: int | None) -> None:
        """Start a field. ``bytes_so_far`` is the size of the fields before it, ``most`` the limit for all of them."""
        self.name = name
        self._charset = parse_options_header(headers.get("content-type", ""))[1].get("charset", "").lower()
        self._pieces: list[bytes] = []
        self.bytes_so_far = bytes_so_far
        self._most = most

    def write(self, data: bytes) -> None:
        self.bytes_so_far += len(data)
        if self._most is not None and self.bytes_so_far > self._most:
            raise _refuse(_wrong_field(self.name, f"all fields together have more than {self._most} bytes"))
        self._pieces.append(data)

    def end(self) -> str:
        """Return the text.

        Raises InvalidOption if the bytes are no text: replacing a character would change the text.
        """
        charset = self._charset if self._charset in CHARSETS else "utf-8"
        try:
            return b"".join(self._pieces).decode(charset)
        except UnicodeDecodeError:
            raise _refuse(_wrong_field(self.name, f"it is not {charset.upper()} text")) from None


class _FilePart:
    """Write a file to where the request keeps files."""

    def __init__(self, name: str, storage: FileStorage) -> None:
        self.name = name
        self._storage = storage

    def write(self, data: bytes) -> None:
        self._storage.stream.write(data)

    def end(self) -> FileStorage:
        if isinstance(self._storage.stream, StagedFile):
            self._storage.stream.finish()
        return self._storage


def _events(parser: PushMultipartParser, stream: IO[bytes]) -> Iterator[MultipartSegment | bytes | None]:
    """Read to the end of the body, even past the closing boundary, because only there it is known to be complete."""
    while not parser.closed:
        yield from parser.parse(stream.read(PIECE_BYTES))


def _refuse(error: DocumentParserError) -> DocumentParserError:
    """Return the error after the client has sent the rest.

    The client would otherwise find a closed connection instead of the response.
    """
    drain_request()
    return error


def _is_of_decoding(error: Exception) -> bool:
    """Return whether a part's header is no UTF-8. The parser passes on Python's own error."""
    return any(isinstance(argument, UnicodeDecodeError) for argument in error.args)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _undecodable() -> BadRequest:
    return BadRequest(
        "The name of a field or of a file, or a plain form, is not UTF-8. Send names in UTF-8, or the document as the raw body "
        "of the request.",
        reason="names",
    )


def _too_much_text(most: int | None) -> BadRequest:
    return BadRequest(f"All fields together have more than {most} bytes. Shorten them.", reason="fields", max_bytes=most)


def _malformed() -> BadRequest:
    return BadRequest(
        "The body is not a complete multipart form. Send it with the boundary that its Content-Type names, lines that end in "
        "CRLF, and the closing boundary; HTTP clients do that if you do not set Content-Type yourself."
    )


def _wrong_field(name: str, problem: str) -> InvalidOption:
    return InvalidOption.for_fields({"field": name, "problem": problem})
