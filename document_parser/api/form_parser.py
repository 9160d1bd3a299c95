"""Parsing of form bodies. Every byte of a part arrives as it was sent, whatever the size of the body and of its pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from io import BytesIO
from typing import IO

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from document_parser.api import problems
from document_parser.api.arrivals import PIECE_BYTES
from document_parser.errors import BadRequest, DocumentParserError, InvalidOption

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MAX_HEADER_BYTES = 8190
"""Of one header of a part; what gunicorn allows a header of the request."""
TOO_MANY_PARTS = "segment count"
"""In the text of the parser's error; its other limits are those of a part's headers."""
CHARSETS = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})
"""Charsets that a text part may name, as in werkzeug; any other is read as UTF-8."""

Form = MultiDict[str, str]
Files = MultiDict[str, FileStorage]


class FormParser(FormDataParser):
    """Parse multipart bodies with the library ``multipart``, all other bodies as werkzeug does, within the same bounds.

    werkzeug 3.1.9 appends a CR to a part if a piece of the body ends one byte after the boundary that follows the part.
    ``multipart`` follows RFC 2046 (a delimiter begins with CRLF) and takes a third of the time.
    """

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], Form, Files]:
        """Return the stream, the text fields and the files.

        Raises BadRequest if the body is no multipart form or has more than ``max_form_parts`` parts, InvalidOption if a
        field is no text or the text fields exceed ``max_form_memory_size`` bytes, and what reading and staging raise.
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
        data = self._whole(stream)
        if not _is_utf8(data):
            raise _refuse(_undecodable())
        return super().parse(BytesIO(data), mimetype, len(data), options)

    def _whole(self, stream: IO[bytes]) -> bytes:
        """The body of a plain form, which werkzeug reads whole and unbounded."""
        most = math.inf if self.max_form_memory_size is None else self.max_form_memory_size
        data = bytearray()
        while piece := stream.read(PIECE_BYTES):
            data += piece
            if len(data) > most:
                raise _refuse(_too_much_text(self.max_form_memory_size))
        return bytes(data)

    def _parse_parts(self, stream: IO[bytes], boundary: str) -> tuple[Form, Files]:
        most_parts = math.inf if self.max_form_parts is None else self.max_form_parts
        parser = PushMultipartParser(boundary.encode("ascii"), max_header_size=MAX_HEADER_BYTES, max_segment_count=most_parts)
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        part: _TextPart | _FilePart | None = None
        text_bytes = 0
        for event in _events(parser, stream):
            if isinstance(event, MultipartSegment):
                part = self._begin(event, text_bytes)
            elif event is not None:
                part.write(event)  # type: ignore[union-attr]  # the parser gives a segment before its data
            elif isinstance(part, _FilePart):
                files.append((part.name, part.end()))
            elif part is not None:
                fields.append((part.name, part.end()))
                text_bytes = part.bytes_so_far
        return MultiDict(fields), MultiDict(files)

    def _begin(self, segment: MultipartSegment, text_bytes: int) -> _TextPart | _FilePart:
        disposition = parse_options_header(segment.header("Content-Disposition"))[1]
        name, filename = disposition.get("name", ""), disposition.get("filename")
        headers = Headers(segment.headerlist)
        if filename is None:
            return _TextPart(name, headers, text_bytes, self.max_form_memory_size)
        stream = self.stream_factory(total_content_length=None, content_type=headers.get("content-type"), filename=filename)
        return _FilePart(name, FileStorage(stream, filename, name, headers=headers))

    def _limit_error(self, error: ParserLimitReached) -> BadRequest:
        if TOO_MANY_PARTS in str(error):
            return BadRequest(
                f"The form has more than {self.max_form_parts} parts. Send the document in the field 'file' and each option "
                "once.",
                reason="parts",
                max_parts=self.max_form_parts,
            )
        return BadRequest(
            "A part of the form has too many or too long headers: shorten the names of the file and of the fields to "
            f"{MAX_HEADER_BYTES} bytes.",
            reason="headers",
            max_header_bytes=MAX_HEADER_BYTES,
        )


class _TextPart:
    """A field, collected in memory."""

    def __init__(self, name: str, headers: Headers, bytes_so_far: int, most: int | None) -> None:
        """``bytes_so_far`` is the size of the fields up to here, ``most`` the limit for all of them together."""
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
        """Return the text. Raises InvalidOption if the bytes are no text: a replaced character would be another text."""
        charset = self._charset if self._charset in CHARSETS else "utf-8"
        try:
            return b"".join(self._pieces).decode(charset)
        except UnicodeDecodeError:
            raise _refuse(_wrong_field(self.name, f"it is not {charset.upper()} text")) from None


class _FilePart:
    """A file, written to where the request keeps files."""

    def __init__(self, name: str, storage: FileStorage) -> None:
        self.name = name
        self._storage = storage

    def write(self, data: bytes) -> None:
        self._storage.stream.write(data)

    def end(self) -> FileStorage:
        self._storage.stream.seek(0)
        return self._storage


def _events(parser: PushMultipartParser, stream: IO[bytes]) -> Iterator[MultipartSegment | bytes | None]:
    """Read to the end of the body, also past the closing boundary: only there is it known to have come whole."""
    while not parser.closed:
        yield from parser.parse(stream.read(PIECE_BYTES))


def _refuse(error: DocumentParserError) -> DocumentParserError:
    """The error, once the client has sent the rest: it would meet a closed connection instead of the answer."""
    problems.drain()
    return error


def _is_of_decoding(error: Exception) -> bool:
    """Whether the parser has met the header of a part that is no UTF-8: it hands on what Python said of it."""
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
        "The body is no complete multipart form. Send it with the boundary that its Content-Type names, lines that end in "
        "CRLF, and the closing boundary; HTTP clients do that by themselves if Content-Type is left to them."
    )


def _wrong_field(name: str, problem: str) -> InvalidOption:
    return InvalidOption.of({"field": name, "problem": problem})
