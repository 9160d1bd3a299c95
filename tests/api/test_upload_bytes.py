"""What is sent is what is stored: every byte of the document and every text field, whatever the sizes of body and pieces."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import shutil
import subprocess

import pytest
from werkzeug.test import create_environ

from document_parser.api.intake import uploads
from document_parser.api.intake.arrivals import PIECE_BYTES
from tests.support.service import ROOT, Service

SEPARATOR = "— {page} —\r\nof «the» paper"
BOUNDARY = "------------------------d74496d66958873e"
ORDERS = {
    "file first": "file page_separator figures",
    "file last": "figures page_separator file",
    "file between": "figures file page_separator",
}
FIELDS = {"page_separator": SEPARATOR, "figures": "none"}


class Pieces(io.RawIOBase):
    """A request body that comes in pieces of these sizes, however much is asked for; the last size repeats."""

    def __init__(self, body: bytes, *sizes: int) -> None:
        self._body = io.BytesIO(body)
        self._sizes = list(sizes)

    def readable(self):
        return True

    def read(self, size=-1):
        most = self._sizes.pop(0) if len(self._sizes) > 1 else self._sizes[0]
        return self._body.read(most if size < 0 else min(size, most))

    def readinto(self, buffer):
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


NOISE = bytes(random.Random(1).choices(b"\r\n-ab", k=997)) * (PIECE_BYTES // 900)


def document(size):
    """Bytes of this number that pass for a PDF and hold many line ends."""
    return (b"%PDF-1.7\n" + NOISE[size % 997 :])[:size]


def form(content, order="file first", boundary=BOUNDARY):
    """A multipart body as browsers and curl write it."""
    body = b""
    for name in ORDERS[order].split():
        filename = '; filename="größe.pdf"\r\nContent-Type: application/pdf' if name == "file" else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode()
        body += (content if name == "file" else FIELDS[name].encode()) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


@pytest.fixture
def receive(app):
    """Receives a body as an upload is received, and returns what is staged, its name and the fields."""
    application = app().application

    def received(body, *sizes, boundary=BOUNDARY, announced=True, content_type=None, query=""):
        environ = create_environ(f"/v1/process/async{query}", method="POST")
        environ["CONTENT_TYPE"] = content_type or f'multipart/form-data; boundary="{boundary}"'
        environ["wsgi.input"] = Pieces(body, *(sizes or (PIECE_BYTES,)))
        chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        environ |= {"CONTENT_LENGTH": str(len(body))} if announced else chunked
        with application.request_context(environ), uploads.receive_upload() as (staged, filename, fields):
            stored = staged.path.read_bytes()
            assert (staged.sha256, staged.size) == (hashlib.sha256(stored).hexdigest(), len(stored))
            return stored, filename, fields

    return received


def came_whole(found, content):
    stored, filename, fields = found
    return (stored, filename, fields) == (content, "größe.pdf", FIELDS)


@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "chunked"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_form_arrives_as_sent_wherever_a_piece_ends(receive, order, announced):
    """A piece ends at every byte of every delimiter and of its neighbourhood, the closing one included."""
    content = document(3000)
    body = form(content, order)
    start = body.index(content)
    cuts = [*range(1, start + 9), *range(start + len(content) - 9, len(body))]
    wrong = [cut for cut in cuts if not came_whole(receive(body, cut, PIECE_BYTES, announced=announced), content)]
    assert wrong == []


@pytest.mark.parametrize("order", ORDERS)
def test_a_form_arrives_as_sent_at_every_size_around_a_full_piece(receive, order):
    """The body ends from so many bytes before the end of a piece of 64 KiB to so many after it."""
    least = PIECE_BYTES - len(form(b"", order)) - len(BOUNDARY) - 12
    wrong = []
    for size in range(least, least + 2 * len(BOUNDARY) + 24):
        content = document(size)
        if not came_whole(receive(form(content, order)), content):
            wrong.append(size)
    assert wrong == []


@pytest.mark.parametrize("length", [1, 2, 27, 69, 70])
def test_boundaries_of_every_length_are_found_in_pieces_of_every_size(receive, length):
    boundary = "b" * length
    content = b"%PDF-1.7\n" + b"\r\n--" + boundary[:-1].encode() + b"\n--" + boundary.encode() + b"\r\r\n-"
    body = form(content, boundary=boundary)
    for size in (1, 2, 3, 5, 8, 13, len(boundary) + 3, len(boundary) + 4, len(boundary) + 5, len(boundary) + 6):
        assert came_whole(receive(body, size, boundary=boundary), content), size


@pytest.mark.parametrize(
    "end",
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\r\n",
        b"\n\r",
        b"\r\n-",
        b"\r\n--",
        b"\r\n--" + BOUNDARY[:-1].encode(),
        b"--" + BOUNDARY.encode(),
    ],
)
def test_what_looks_like_the_start_of_a_delimiter_stays_in_the_document(receive, end):
    content = b"%PDF-1.7\n" + end + b"x" + end
    body = form(content, "file last")
    for cut in range(body.index(content), len(body)):
        assert came_whole(receive(body, cut, PIECE_BYTES), content), cut


def test_lines_that_end_in_a_line_feed_alone_are_content(receive):
    content = f"%PDF-1.7\n--{BOUNDARY}\nContent-Disposition: form-data; name=figures\n\nembed\n--{BOUNDARY}--\n".encode()
    assert came_whole(receive(form(content)), content)


@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "chunked"])
def test_a_raw_body_arrives_as_sent_at_every_size_around_a_full_piece(receive, announced):
    query = (
        "?filename=gr%C3%B6%C3%9Fe.pdf&figures=none&page_separator=%E2%80%94+%7Bpage%7D+%E2%80%94%0D%0Aof+%C2%ABthe%C2%BB+paper"
    )
    for size in range(PIECE_BYTES - 6, PIECE_BYTES + 7):
        content = document(size)
        for first in (1, PIECE_BYTES - 3, PIECE_BYTES):
            found = receive(content, first, PIECE_BYTES, announced=announced, content_type="application/pdf", query=query)
            assert came_whole(found, content), (size, first)


def test_the_filename_of_older_clients_is_read(receive):
    """urllib3 before its version 2 writes a name with other than ASCII letters so."""
    content = document(100)
    body = form(content).replace('filename="größe.pdf"'.encode(), b"filename*=utf-8''gr%C3%B6%C3%9Fe.pdf")
    assert came_whole(receive(body), content)


def refused(client, body, content_type=f"multipart/form-data; boundary={BOUNDARY}"):
    answer = client.post(
        "/v1/process/async", input_stream=io.BytesIO(body), content_length=len(body), content_type=content_type
    )
    return answer.status_code, answer.get_json()["error"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (form(b"%PDF-")[:-6], None),
        (form(b"%PDF-").replace(b"\r\n", b"\n"), None),
        (form(b"%PDF-"), "multipart/form-data"),
        (form(b"%PDF-"), "multipart/form-data; boundary=other"),
        (form(b"%PDF-"), "multipart/form-data; boundary=é"),
        (form(b"%PDF-").replace(b"Content-Disposition", b"Content-Dispensation"), None),
    ],
    ids=["cut off", "line feeds", "no boundary", "another boundary", "no ASCII", "no name"],
)
def test_what_is_no_whole_form_is_refused_in_a_sentence(app, tmp_path, body, content_type):
    given = {"content_type": content_type} if content_type else {}
    status, error = refused(app(), body, **given)
    assert (status, error["code"]) == (400, "BAD_REQUEST")
    assert error["message"].startswith("The body is not a complete multipart form. Send it with the boundary")
    assert list((tmp_path / "data").glob("staging/*")) == []


def test_a_text_that_is_no_text_is_refused_and_not_replaced(app):
    status, error = refused(app(), form(document(99)).replace(b"\xc2\xabthe\xc2\xbb", b"\xabthe\xbb"))
    assert (status, error["code"]) == (422, "INVALID_OPTION")
    assert error["details"]["fields"] == [{"field": "page_separator", "problem": "it is not UTF-8 text"}]


def test_fields_and_parts_are_bounded_and_the_answer_says_the_bound(app):
    long = form(document(99)).replace(b"none", b"x" * (1 << 20))
    status, error = refused(app(), long)
    assert (status, error["code"]) == (422, "INVALID_OPTION")
    assert re.search(r"figures: all fields together have more than 1,?048,?576 bytes", error["message"])
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="figures"\r\n\r\nnone\r\n'.encode()
    status, error = refused(app(), 50 * part + form(document(99)))
    assert (status, error["code"], error["details"]) == (400, "BAD_REQUEST", {"reason": "parts", "max_parts": 40})
    assert "more than 40 parts" in error["message"]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("bytes"), NUM_WORKERS=0, RATE_LIMIT_UPLOADS="none") as service:
        yield service


def curl(service, *options):
    """The id of the job, and the size of the body that curl sent."""
    command = ["curl", "-sS", "-w", "\n%{size_upload}", *options, f"http://127.0.0.1:{service.port}/v1/process/async"]
    answer, _, size = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    assert "job_id" in answer, answer
    return json.loads(answer)["job_id"], int(size)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("more", [[], ["-H", "Transfer-Encoding: chunked"]], ids=["with a length", "chunked"])
def test_what_curl_sends_through_gunicorn_is_stored_whichever_its_size(service, tmp_path, more):
    path = tmp_path / "scan.pdf"
    sample = (ROOT / "samples" / "scan.pdf").read_bytes()
    path.write_bytes(sample)
    options = ["-F", "accuracy_mode=balanced", "-F", "output_format=markdown"]
    _, body_size = curl(service, "-F", f"file=@{path}", *options)
    for over in range(-2, 9):
        content = sample + bytes((over - body_size) % PIECE_BYTES)
        path.write_bytes(content)
        for order in ([*options, "-F", f"file=@{path}"], ["-F", f"file=@{path}", *options]):
            job_id, size = curl(service, *more, *order)
            assert more or size % PIECE_BYTES == over % PIECE_BYTES
            folder = service.data_dir / "jobs" / job_id
            card = json.loads((folder / "job.json").read_text())["card"]
            assert hashlib.sha256((folder / "source").read_bytes()).digest() == hashlib.sha256(content).digest(), over
            assert (card["options"]["accuracy_mode"], card["options"]["output_format"]) == ("balanced", "markdown")
