"""Downloads: bounded in bytes, time and redirects, continued where they broke, and only from hosts that may be asked."""

from __future__ import annotations

import asyncio
import gzip
import os
import threading
import zlib
from contextlib import closing

import pytest

from document_parser.errors import (
    FetchCutOff,
    FetchDenied,
    FetchEncoding,
    FetchHostFailed,
    FetchNotFound,
    FetchRedirects,
    FetchRefused,
    FetchRejected,
    FetchTimeout,
    FetchUnreachable,
    FetchUntrusted,
    FileTooLarge,
)
from document_parser.ingest.download_name import download_name
from document_parser.ingest.http_download import HttpDownload
from document_parser.ingest.staged_file import StagedFile
from document_parser.settings import FetchSettings
from document_parser.ssrf import MAX_URL_CHARACTERS
from tests.support.addresses import REFUSED
from tests.support.document_host import SECRET, Served, document_host
from tests.support.peer import good, peer
from tests.support.service import free_port
from tests.support.tls import certificate

LETTER = b"%PDF-1.7 " + os.urandom(300_000)
MEBIBYTE = 1 << 20


@pytest.fixture
def host():
    with document_host() as found:
        yield found


@pytest.fixture
def download(tmp_path):
    """Download an address; what came of it, and under which name."""

    def run(url, max_bytes=MEBIBYTE, notes=None, **settings):
        limits = FetchSettings(**{"allow_hosts": ("127.0.0.1", "localhost"), "stall_seconds": 5, **settings})
        with closing(StagedFile(tmp_path)) as staged:
            on_progress = (lambda received, announced: notes.append((received, announced))) if notes is not None else None
            more = {"on_progress": on_progress} if on_progress else {}
            name = asyncio.run(HttpDownload(limits, max_bytes, staged, pauses=(0, 0), **more).run(url))
            return name, staged.path.read_bytes(), staged

    return run


def test_a_document_comes_whole_and_counted(host, download):
    host.paths["/in/letter.pdf"] = Served(LETTER)
    notes = []
    name, body, staged = download(host.url("/in/letter.pdf", SECRET), notes=notes)
    assert (name, body, staged.size) == ("letter.pdf", LETTER, len(LETTER))
    assert notes[-1] == (len(LETTER), len(LETTER))
    assert host.asked[0].path.endswith(SECRET)
    assert host.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("url", [url for url in REFUSED if len(url) < MAX_URL_CHARACTERS])
def test_an_address_that_is_not_a_public_hosts_is_refused(url, download):
    with pytest.raises(FetchRefused):
        download(url, allow_hosts=())


def test_an_address_that_is_signed_at_length_is_taken_and_an_endless_one_is_not(host, download):
    host.paths["/letter.pdf"] = Served(LETTER)
    assert download(host.url("/letter.pdf", "X-Amz-Security-Token=" + "a" * 4000))[1] == LETTER
    with pytest.raises(FetchRefused):
        download(host.url("/letter.pdf", "a" * 9000))


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:{port}/letter.pdf", "http://169.254.169.254/latest/meta-data/", "ftp://files.example/x"]
)
def test_a_redirect_is_checked_like_the_address_itself(host, download, target):
    to = target.format(port=host.port)
    host.paths["/go"] = Served(status=302, headers={"Location": f"{to}?{SECRET}"})
    host.paths["/letter.pdf"] = Served(LETTER)
    with pytest.raises(FetchRefused) as caught:
        download(host.url("/go"))
    assert host.count("/letter.pdf") == 0
    assert to.startswith(caught.value.details["address"])
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    "spelling", ["http://0177.0.0.1/x", "http://2130706433/x", "//0x7f000001/x", "http://[::ffff:7f00:1]/"]
)
def test_a_redirect_to_an_unusual_spelling_of_an_address_is_refused(host, download, spelling):
    host.paths["/go"] = Served(status=302, headers={"Location": spelling})
    with pytest.raises(FetchRefused):
        download(host.url("/go"))


def test_a_redirect_with_a_password_is_refused_and_the_password_is_not_told(host, download):
    host.paths["/go"] = Served(status=302, headers={"Location": f"http://me:hush@127.0.0.1:{host.port}/letter.pdf"})
    with pytest.raises(FetchRefused) as caught:
        download(host.url("/go"))
    assert caught.value.details["reason"] == "credentials"
    assert "hush" not in caught.value.message + str(caught.value.details)


def test_redirects_are_followed_and_the_last_address_names_the_document(host, download):
    host.paths["/go"] = Served(status=301, headers={"Location": "there?x=1"})
    host.paths["/there"] = Served(status=307, headers={"Location": "/in/letter.pdf"})
    host.paths["/in/letter.pdf"] = Served(LETTER)
    assert download(host.url("/go"))[:2] == ("letter.pdf", LETTER)


@pytest.mark.parametrize(("headers", "asked"), [({"Location": "/go"}, 6), ({}, 1), ({"Location": "?a=\x01"}, 1)])
def test_redirects_without_end_or_aim_are_an_error(host, download, headers, asked):
    host.paths["/go"] = Served(status=302, headers=headers)
    with pytest.raises(FetchRedirects):
        download(host.url("/go"))
    assert host.count("/go") == asked


@pytest.mark.parametrize(
    ("status", "kind", "times"),
    [
        (401, FetchDenied, 1),
        (403, FetchDenied, 1),
        (404, FetchNotFound, 1),
        (410, FetchNotFound, 1),
        (400, FetchRejected, 1),
        (204, FetchRejected, 1),
        (429, FetchHostFailed, 3),
        (500, FetchHostFailed, 3),
        (503, FetchHostFailed, 3),
    ],
)
def test_each_refusal_of_the_host_has_its_code_and_is_tried_again_if_it_may_pass(host, download, status, kind, times):
    host.paths["/x"] = Served(status=status)
    with pytest.raises(kind) as caught:
        download(host.url("/x", SECRET))
    assert caught.value.details["http_status"] == status
    assert SECRET not in caught.value.message
    assert host.count("/x") == times


def test_what_is_announced_or_comes_beyond_the_limit_is_refused(host, download):
    host.paths["/announced"] = Served(b"", length=2 * MEBIBYTE)
    host.paths["/unannounced"] = Served(b"x" * (2 * MEBIBYTE), length=-1)
    for path in host.paths:
        with pytest.raises(FileTooLarge) as caught:
            download(host.url(path))
        assert caught.value.details["limit_mb"] == 1


def test_a_compressed_answer_is_unpacked_and_bounded_by_its_unpacked_size(host, download):
    text = b"a line of text\n" * 50_000
    host.paths["/a.txt"] = Served(gzip.compress(text), headers={"Content-Encoding": "gzip"})
    host.paths["/b.txt"] = Served(zlib.compress(text), headers={"Content-Encoding": "deflate"})
    host.paths["/two.txt"] = Served(gzip.compress(text[:30]) + gzip.compress(text[30:]), headers={"Content-Encoding": "gzip"})
    host.paths["/large.txt"] = Served(gzip.compress(bytes(4 * MEBIBYTE)), headers={"Content-Encoding": "gzip"})
    for path in ("/a.txt", "/b.txt", "/two.txt"):
        assert download(host.url(path))[1] == text
    with pytest.raises(FileTooLarge):
        download(host.url("/large.txt"))


def test_an_archive_that_is_also_called_an_encoding_stays_an_archive(host, download):
    packed = gzip.compress(b"a tar, say")
    host.paths["/a.tgz"] = Served(packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/x-gzip"})
    assert download(host.url("/a.tgz"))[1] == packed


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip"])
def test_an_unknown_or_damaged_encoding_is_an_error(host, download, encoding):
    host.paths["/x"] = Served(b"not compressed like that", headers={"Content-Encoding": encoding})
    with pytest.raises(FetchEncoding):
        download(host.url("/x"))


def test_a_broken_download_goes_on_where_it_broke_if_the_host_says_how(host, download):
    host.paths["/letter.pdf"] = Served(LETTER, cut_after=100_000, cuts=2, ranges=True)
    assert download(host.url("/letter.pdf"))[1] == LETTER
    assert [one.headers.get("Range") for one in host.asked] == [None, "bytes=100000-", "bytes=200000-"]


def test_a_broken_download_begins_anew_if_the_host_does_not_say_how(host, download):
    host.paths["/letter.pdf"] = Served(LETTER, cut_after=100_000, cuts=1)
    assert download(host.url("/letter.pdf"))[1] == LETTER
    assert [one.headers.get("Range") for one in host.asked] == [None, None]


def test_a_document_that_changed_meanwhile_begins_anew(host, download):
    after = Served(LETTER[::-1])
    host.paths["/letter.pdf"] = lambda asked: (
        after if host.count("/letter.pdf") > 1 else Served(LETTER, cut_after=9, ranges=True)
    )
    assert download(host.url("/letter.pdf"))[1] == LETTER[::-1]


@pytest.mark.parametrize("served", [Served(LETTER, cut_after=9), Served(LETTER, length=len(LETTER) + 5)])
def test_a_download_that_never_comes_to_its_end_is_an_error(host, download, served):
    host.paths["/letter.pdf"] = served
    with pytest.raises(FetchCutOff):
        download(host.url("/letter.pdf"))
    assert host.count("/letter.pdf") == 3


def test_a_host_that_sends_nothing_or_too_slowly_is_given_up(host, download):
    held = threading.Event()
    host.paths["/x"] = Served(LETTER, cut_after=9, hold=held)
    with pytest.raises(FetchTimeout):
        download(host.url("/x"), stall_seconds=0.2)
    with pytest.raises(FetchTimeout) as caught:
        download(host.url("/x"), seconds=0.3)
    held.set()
    assert caught.value.details["seconds"] == 0.3


def test_a_host_that_accepts_no_connection_is_an_error(download):
    with pytest.raises(FetchUnreachable):
        download(f"http://127.0.0.1:{free_port()}/x")


def test_a_certificate_that_is_not_trusted_is_an_error(download, tmp_path):
    with peer(lambda asked: good({}), certificate(tmp_path, "localhost")) as found, pytest.raises(FetchUntrusted):
        download(f"{found.url}/x")


@pytest.mark.parametrize(
    ("path", "disposition", "media_type", "name"),
    [
        ("/in/letter.pdf", "", "application/pdf", "letter.pdf"),
        ("/in/M%C3%A4rz%20letter.pdf", "", "", "März letter.pdf"),
        ("/in/..%2F..%2Fetc%2Fpasswd", "", "", "passwd"),
        ("/", "", "text/html; charset=utf-8", "host.example.html"),
        ("/download", 'attachment; filename="a b.csv"', "text/csv", "a b.csv"),
        ("/download", "attachment; filename*=UTF-8''%e2%82%ac.csv", "text/csv", "€.csv"),
        ("/download", 'attachment; filename="../../x.pdf"', "", "x.pdf"),
        ("/download", "attachment; filename*=no-such''%ff.pdf", "application/pdf", None),
        ("/download", "", "text/csv", "download.csv"),
        ("/v1.2", "", "application/json", "v1.2.json"),
        ("/notes", "", "text/plain", "notes"),
        ("/report.pdf", "", "text/html", "report.pdf"),
    ],
)
def test_the_name_comes_from_the_header_else_the_address_and_its_extension_from_the_media_type(
    path, disposition, media_type, name
):
    found = download_name(path, "host.example", disposition, media_type)
    assert found == name if name else "/" not in found and found.endswith(".pdf")
