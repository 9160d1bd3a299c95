"""JSON with documents in it: they come out byte for byte, wherever the pieces end."""

from __future__ import annotations

import base64
import json
import random

import pytest

from document_parser.api.compat import json_body
from document_parser.api.compat.json_body import InlineDocument, _Reader
from document_parser.errors import BadRequest
from document_parser.ingest.staged_file import StagedFile

LARGE = random.Random(7).randbytes(200_001)


@pytest.fixture
def read(tmp_path):
    staged = []

    def stage():
        staged.append(StagedFile(tmp_path))
        return staged[-1]

    def make(text, piece):
        reader = _Reader(stage)
        for start in range(0, len(text), piece):
            reader.feed(text[start : start + piece])
        return reader.end()

    yield make
    for file in staged:
        file.close()


@pytest.mark.parametrize("piece", [1 << 16, 7, 4099])
def test_long_texts_are_documents_and_short_ones_stay(read, piece):
    encoded = base64.b64encode(LARGE).decode()
    body = {"a": 'say "hi" \\ \n', "files": [{"data": encoded, "n": 1.5}, {"data": f"data:application/pdf;base64,{encoded}"}]}
    found = read(json.dumps(body).encode(), piece)
    assert (found["a"], found["files"][0]["n"]) == (body["a"], 1.5)
    for part, kind in zip(found["files"], ("", "application/pdf"), strict=True):
        assert isinstance(part["data"], InlineDocument)
        assert part["data"].media_type == kind
        assert part["data"].staged.path.read_bytes() == LARGE


@pytest.mark.parametrize("piece", [1 << 16, 13])
def test_escaped_and_url_safe_and_unpadded_base64_is_understood(read, piece):
    for encoded in (
        base64.b64encode(LARGE).replace(b"/", b"\\/"),
        base64.urlsafe_b64encode(LARGE).rstrip(b"="),
        base64.encodebytes(LARGE).replace(b"\n", b"\\n"),
    ):
        found = read(b'{"x":"' + encoded + b'"}', piece)
        assert found["x"].staged.path.read_bytes() == LARGE


def test_no_short_text_is_taken_for_the_place_of_a_document(read):
    encoded = base64.b64encode(LARGE).decode()
    for text in ("\0document:0", "\0document:-1", "\0document:9", "\0document:x"):
        assert read(json.dumps({"a": text}).encode(), 1 << 16) == {"a": text}
        assert read(json.dumps({"a": text, "b": encoded}).encode(), 1 << 16)["a"] == text


def test_what_is_no_json_and_no_base64_is_refused(read):
    for text in (b"", b"{", b'{"a": "b', b'{"a": "' + b"!" * 100_000 + b'"}', b'{"a": ' + b"1" * 5_000_000 + b"}"):
        with pytest.raises(BadRequest):
            read(text, 1 << 16)
    assert json_body.MAX_TEXT_BYTES < 100_000
