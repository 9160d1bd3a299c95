"""``docparse parse`` reads links, in its own process and on a server, by the same rules and with the same errors."""

from __future__ import annotations

import json

import pytest

from tests.support.desk import Desk
from tests.support.document_host import SECRET, Served, document_host
from tests.support.service import ROOT, Service

PAPER = (ROOT / "samples" / "paper.pdf").read_bytes()
ALLOWED = {"FETCH_ALLOW_HOSTS": '["127.0.0.1"]'}
SIGNED = {"Content-Disposition": 'attachment; filename="counts.csv"'}


@pytest.fixture(scope="module")
def host():
    with document_host() as found:
        found.paths["/in/paper.pdf"] = Served(PAPER)
        found.paths["/download"] = Served(b"year,birds\n2025,17\n", headers=SIGNED)
        yield found


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service"), **ALLOWED) as started:
        yield started


@pytest.fixture(params=["here", "on a server"])
def options(request):
    if request.param == "here":
        return ()
    return ("--server", f"http://127.0.0.1:{request.getfixturevalue('service').port}")


def test_a_link_is_read_to_standard_output_and_its_query_is_not_shown(tmp_path, host, options):
    done = Desk(tmp_path).parse(host.url("/in/paper.pdf", SECRET), *options, **ALLOWED)
    assert done.returncode == 0, done.stderr
    assert "# Counting Swifts at Dusk" in done.stdout
    assert SECRET not in done.stderr
    assert host.asked[-1].path.endswith(SECRET)


def test_links_are_written_beside_files_under_the_names_of_their_addresses(tmp_path, host, options):
    (tmp_path / "note.txt").write_text("A note.")
    desk = Desk(tmp_path)
    done = desk.parse("note.txt", host.url("/in/paper.pdf", SECRET), "-o", "out", "--json", *options, **ALLOWED)
    assert done.returncode == 0, done.stderr
    assert {"note.md", "paper.md"} <= set(desk.files())
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == ["note.txt", host.url("/in/paper.pdf")]


def test_the_name_that_the_host_says_decides_how_text_is_read(tmp_path, host, options):
    done = Desk(tmp_path).parse(host.url("/download", "id=3"), *options, **ALLOWED)
    assert "| year | birds |" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://10.0.0.1/x.pdf", "FETCH_REFUSED"),
        ("http://user:hush@127.0.0.1/x.pdf", "FETCH_REFUSED"),
        ("{host}/nothing.pdf", "FETCH_NOT_FOUND"),
        ("s3://inbox/x.pdf", "BUCKET_REFUSED"),
    ],
)
def test_a_link_that_cannot_be_read_is_an_error_with_the_same_code(tmp_path, host, options, address, code):
    link = address.format(host=host.url(""))
    done = Desk(tmp_path).parse(link, "-o", "out/", "--json", *options, **ALLOWED)
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, line["status"], line["error"]["code"]) == (3, "failed", code)
    assert "hush" not in done.stderr + done.stdout


def test_what_is_no_address_is_an_error_of_the_command_line(tmp_path):
    for address in ("s3://", "http://[::"):
        done = Desk(tmp_path).parse(address)
        assert (done.returncode, "is no address of a document" in done.stderr) == (2, True)
