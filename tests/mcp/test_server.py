"""The tools of a real service, as assistants' programs call them: by standard input and output, and by HTTP."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import contextmanager

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ListRootsResult, Root

from document_parser.mcp.library import Library
from document_parser.mcp.server import make_server
from tests.support import documents
from tests.support.assistant import COMMAND, assistant, served_by_http, started
from tests.support.peer import good, peer, problem
from tests.support.service import ROOT, Service, free_port, processes_of, wait_until

SAMPLES = ROOT / "samples"
JOB = "11111111-1111-4111-8111-111111111111"
TOOLS = {"parse", "status", "read", "search", "extract", "cite"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def url(service):
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture(scope="module")
def connected(service, url):
    """By standard input and output, as a process of its own."""
    with assistant(started("--server", url, "--folder", SAMPLES, PYTHONPATH=str(ROOT))) as connected:
        yield connected


@pytest.fixture(scope="module")
def paper(connected):
    """What ``parse`` answers for the sample paper."""
    return connected.facts("parse", path="paper.pdf")


@contextmanager
def within(url: str, folders=(), **options):
    """A connection to a server in this process, which starts at once."""
    library = Library(url, "")
    with assistant(make_server(library, folders), **options) as connected:
        yield connected
    library.close()


# --- standard input and output ----------------------------------------------------------------------------------------


def test_the_tools_say_what_they_take_and_answer_and_which_only_read(connected):
    tools = {tool.name: tool for tool in connected.portal.call(connected.client.list_tools).tools}
    assert tools.keys() == TOOLS
    assert {name for name, tool in tools.items() if not tool.annotations.read_only_hint} == {"parse"}
    assert all(tool.description and tool.title and tool.output_schema for tool in tools.values())
    assert "roots" not in tools["parse"].input_schema["properties"], "the assistant does not fill it in"
    described = [one for tool in tools.values() for one in tool.input_schema["properties"].values()]
    assert all("description" in one for one in described)


def test_a_document_is_read_whole_in_pieces_that_are_its_markdown(connected, paper, service):
    assert paper["status"] == "completed"
    assert paper["headings"][0]["text"]
    pieces = list(connected.follow("read", document=paper["document"]))
    whole = "".join(passage["text"] for piece in pieces for passage in piece["passages"])
    assert whole == service.result(paper["document"])["markdown"]
    assert paper["characters"] == len(whole)


def test_a_section_and_a_page_are_read_and_what_follows_is_named(connected, paper):
    second = paper["headings"][1]
    found = connected.facts("read", document=paper["document"], heading=second["text"])
    assert found["passages"][0]["start"] == second["start"]
    page = connected.facts("read", document=paper["document"], page=1)
    assert {passage["page"] for passage in page["passages"]} == {1}
    assert page["next"][0]["arguments"] == {"document": paper["document"], "page": 2}


def test_a_hit_leads_to_the_place_on_its_page_and_to_a_picture_of_it(connected, paper, service):
    quote = connected.facts("read", document=paper["document"], page=1)["passages"][1]["text"].split(". ")[0][:60]
    hit = connected.facts("search", document=paper["document"], query=quote.upper())["hits"][0]
    assert hit["page"] == hit["box"]["page"] == 1
    found = connected.facts("cite", document=paper["document"], quote=quote)
    place = found["places"][0]
    assert place["page"] == 1
    for box in place["boxes"]:
        assert box["top"] >= hit["box"]["top"] - 0.01
        assert box["bottom"] <= hit["box"]["bottom"] + 0.01
    picture = service.client.get(place["marked_image_url"])
    assert picture.content.startswith(b"\x89PNG")


def test_values_come_with_their_evidence(connected, service, tmp_path):
    made = documents.pdf_of_text(tmp_path / "invoice.pdf", ["Invoice number: RE-2041\n\nTotal: 119.00 EUR"])
    content = base64.b64encode(made.read_bytes()).decode()
    sent = connected.facts("parse", content=content, filename="invoice.pdf")
    assert sent["filename"] == "invoice.pdf"
    found = connected.facts("extract", document=sent["document"], fields=["invoice number"])
    (value,) = found["values"]
    assert (value["value"], value["page"], value["state"]) == ("RE-2041", 1, "found")
    assert value["box"]["page"] == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("read", {"document": JOB}, "JOB_NOT_FOUND"),
        ("read", {"document": "x" * 90_000}, "INVALID_OPTION"),
        ("read", {"doc": JOB}, "INVALID_OPTION"),
        ("status", {"document": JOB, "wait_seconds": "soon"}, "INVALID_OPTION"),
        ("search", {"document": JOB, "query": ""}, "INVALID_OPTION"),
        ("parse", {}, "INVALID_OPTION"),
        ("parse", {"path": "paper.pdf", "url": "http://127.0.0.1/"}, "INVALID_OPTION"),
        ("parse", {"content": "no Base64!"}, "INVALID_OPTION"),
        ("parse", {"path": "/etc/hostname"}, "FILE_NOT_ALLOWED"),
        ("parse", {"path": "missing.pdf"}, "FILE_UNREADABLE"),
        ("parse", {"path": "paper.pdf", "pages": "none"}, "INVALID_OPTION"),
        ("parse", {"content": base64.b64encode(b"\0\1" * 99).decode()}, "UNSUPPORTED_FORMAT"),
        ("nothing" * 5000, {"x" * 9000: 1}, "INVALID_OPTION"),
    ],
)
def test_what_is_wrong_is_answered_with_the_code_and_the_sentence_of_the_service(connected, tool, arguments, code):
    error = connected.refusal(tool, **arguments)
    assert error["code"] == code
    assert "Input should" not in error["message"]
    assert "validation error" not in error["message"]


def test_places_that_are_not_there_are_refused_with_what_is(connected, paper):
    document = paper["document"]
    assert paper["headings"][0]["text"][:20] in connected.refusal("read", document=document, heading="Nowhere")["message"]
    assert connected.refusal("read", document=document, page=99)["code"] == "PLACE_NOT_FOUND"
    assert connected.refusal("cite", document=document, quote="Nobody wrote this.")["code"] == "QUOTE_NOT_FOUND"
    assert connected.refusal("extract", document=document)["code"] == "INVALID_OPTION"


# --- within this process ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_files_below_the_roots_of_the_assistants_program_are_read(url, mode):
    async def roots(_context):
        return ListRootsResult(roots=[Root(uri=SAMPLES.as_uri())])

    with within(url, list_roots_callback=roots, mode=mode) as connected:
        assert connected.facts("parse", path=str(SAMPLES / "paper.pdf"), pages="1")["pages"] == 1
        assert connected.refusal("parse", path=str(ROOT / "setup.cfg"))["code"] == "FILE_NOT_ALLOWED"


def test_progress_is_told_and_a_call_that_is_cancelled_ends_its_job(url, service, tmp_path):
    scan = documents.scanned_pdf(tmp_path / "long.pdf", [f"Page {number}" for number in range(1, 31)])
    heard = []
    library = Library(url, "")

    async def cancelled() -> None:
        with anyio.CancelScope() as scope:

            async def hear(progress: float, total: float | None, message: str | None) -> None:
                heard.append((progress, total, message))
                if total:
                    scope.cancel()

            async with Client(make_server(library, [tmp_path])) as client:
                await client.call_tool("parse", {"path": str(scan)}, progress_callback=hear)
        await anyio.sleep(0)

    anyio.run(cancelled)
    assert heard[-1][1] == 30
    assert heard[-1][2].endswith("of 30 pages are read.")
    (newest,) = service.client.get("/v1/jobs", params={"limit": 1}).json()["jobs"]
    assert newest["filename"] == "long.pdf"
    assert service.ended(newest["job_id"])["status"] == "cancelled"
    with within(url) as connected:
        assert connected.refusal("read", document=newest["job_id"])["code"] == "JOB_ENDED"
    library.close()


def test_a_document_that_is_still_read_is_waited_for_and_says_how_far_it_is():
    status = {
        "job_id": JOB, "status": "processing", "filename": "a.pdf", "created_at": "2026-01-01T00:00:00Z",
        "progress": {"current_page": 412, "total_pages": 1000, "eta_seconds": 60},
    }  # fmt: skip
    with peer(lambda _: good(status)) as busy, within(busy.url) as connected:
        found = connected.facts("status", document=JOB, wait_seconds=0)
        assert (found["pages_read"], found["pages"], found["eta_seconds"]) == (412, 1000, 60)
        assert found["next"][0]["tool"] == "status"
        error = connected.refusal("read", document=JOB)
    assert (error["code"], error["retryable"]) == ("JOB_NOT_COMPLETE", True)
    assert "412 of 1000 pages" in error["message"]


def test_a_text_that_is_still_written_is_waited_for_by_status_and_read_says_so():
    status = {
        "job_id": JOB, "status": "completed", "filename": "a.pdf", "created_at": "2026-01-01T00:00:00Z", "complete": True,
        "progress": {"current_page": 1000, "total_pages": 1000},
    }  # fmt: skip

    def respond(asked):
        if "/chunks" in asked.path:
            return problem(409, "JOB_NOT_COMPLETE")
        return good({"pages": []} if "/pages" in asked.path else status)

    with peer(respond) as busy, within(busy.url) as connected:
        found = connected.facts("status", document=JOB)
        assert (found["status"], found["pages_read"]) == ("completed", 1000)
        assert "characters" not in found
        assert [(call["tool"], call["why"]) for call in found["next"]] == [("status", "waits for the text")]
        assert connected.refusal("read", document=JOB)["code"] == "JOB_NOT_COMPLETE"


# --- HTTP -------------------------------------------------------------------------------------------------------------


def opening(address: str, **headers: str) -> int:
    """The status of the first request of a program with these headers."""
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    sent = {"Accept": "application/json, text/event-stream", **headers}
    return httpx2.post(address, json=call, headers=sent, timeout=30).status_code


def test_by_http_each_callers_key_is_passed_on_and_foreign_pages_are_refused(tmp_path):
    with (
        peer(lambda _: problem(401, "LOGIN_REQUIRED")) as needing,
        served_by_http("--server", needing.url, DOCPARSE_API_KEY="own") as address,
    ):

        async def ask() -> str:
            theirs = httpx2.AsyncClient(headers={"Authorization": "Bearer dp_theirs"}, timeout=30)
            async with theirs as http, Client(streamable_http_client(address, http_client=http)) as client:
                found = await client.call_tool("status", {"document": JOB})
                refused = await client.call_tool("parse", {"path": str(SAMPLES / "paper.pdf")})
                return json.dumps([found.structured_content, refused.structured_content])

        answer = anyio.run(ask)
        assert opening(address) == 200
        assert opening(address, Origin="https://elsewhere.example") == 403
        assert opening(address, Host="elsewhere.example") == 421
        assert opening(address, Origin="http://localhost:3000") == 200
    assert {asked.headers.get("Authorization") for asked in needing.asked} == {"Bearer dp_theirs"}
    assert "LOGIN_REQUIRED" in answer
    assert "FILE_NOT_ALLOWED" in answer, "paths need a folder of the operator"


def test_other_machines_reach_it_only_where_callers_need_a_key():
    with peer(lambda _: good({"owner": ""})) as open_to_all:
        command = [*COMMAND, "--http", "--host", "0.0.0.0", "--port", str(free_port()), "--server", open_to_all.url]
        refused = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=200)
    assert refused.returncode == 2
    assert "AUTH_MODE=required" in refused.stderr
    with (
        peer(lambda _: problem(401, "LOGIN_REQUIRED")) as closed,
        served_by_http("--host", "0.0.0.0", "--server", closed.url) as address,
    ):
        assert opening(address) == 401
        assert opening(address, Authorization="Bearer dp_theirs") == 200
        assert opening(address, Authorization="Bearer dp_theirs", Origin="http://localhost:3000") == 403


# --- nothing running --------------------------------------------------------------------------------------------------


def test_with_nothing_running_documents_are_read_and_still_there_at_the_next_start(tmp_path):
    own = {"DATA_DIR": str(tmp_path / "data"), "INFERENCE_MODE": "cpu", "NUM_WORKERS": "1", "PYTHONPATH": str(ROOT)}
    with assistant(started("--folder", SAMPLES, **own)) as first:
        document = first.facts("parse", path="paper.pdf", pages="1")["document"]
    with assistant(started(**own)) as second:
        assert second.facts("read", document=document)["passages"]
    wait_until(lambda: not processes_of(tmp_path / "data"), 40, "all processes end")


def test_the_command_says_what_to_install_and_other_commands_do_not_load_the_protocol():
    told = "import sys; sys.modules['mcp'] = None; from document_parser.cli import main; main(['mcp'])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "pip install 'document-parser[mcp]'" in done.stderr
    loaded = "import sys, document_parser.cli, document_parser.cli.parse; print('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, cwd=ROOT).stdout == "False\n"
