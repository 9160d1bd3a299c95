"""Large files go from the page in pieces, and go on where they were after a lost connection."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from document_parser.jobs.records import storage_keys
from tests.support.browser import done
from tests.support.cut_line import CutLine
from tests.support.documents import large_pdf
from tests.support.service import Service, wait_until

SIZE = 40_000_000
PIECE = 8 << 20
"""The page sends so much at a time."""
EXPECTED = {403, 409, 423}
"""The list is the operator's; and the page may go on before the server has stored what had come."""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("large"), WEB_WORKERS=1, NUM_WORKERS=1) as running:
        yield running


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    return large_pdf(tmp_path_factory.mktemp("documents") / "survey.pdf", "The survey of the harbour", SIZE)


def through(line):
    """The service as the browser sees it through a bad line."""
    return SimpleNamespace(port=line.port)


def test_after_a_lost_connection_the_page_goes_on_and_shows_that(service, opened, document):
    def stored():
        return sum(path.stat().st_size for path in (service.data_dir / "uploads").rglob("*") if path.is_file())

    def part_of_a_piece():
        wait_until(lambda: stored() > 3 * PIECE, 20, "a part of the piece that is cut off has come")

    # The line stays cut until the page says so: a piece that came back on a connection of its own would be no interruption.
    with CutLine(service.port, cut_after=[30_000_000], before_cut=part_of_a_piece, stays_cut=True) as line:
        watched = opened(through(line), operator=False, expected=EXPECTED)
        sent = []
        watched.page.on("request", lambda asked: sent.append(asked.headers) if asked.method == "PATCH" else None)
        page = watched.upload(document)
        expect(page.locator("#queue-rows")).to_contain_text(re.compile(r"Interrupted\. Going on in \d+ s\."))
        assert line.cuts == []
        line.mend()
        job_id = watched.job()
        done(page)
        # The browser itself may send a piece again: how many bytes pass, says nothing of the page.
        offsets = [int(headers["upload-offset"]) for headers in sent]
        assert offsets == sorted(offsets), "what had come is not sent again"
        assert any(offset % PIECE for offset in offsets), "nor what had come of the piece that was cut off"
        expect(page.locator("#paper")).to_contain_text("The survey of the harbour")
        page.close()  # it would go on asking over the line that ends here
        # Nothing but the lost connection may have been complained of.
        assert [said for said in watched.complaints if "net::ERR_" not in said] == []
        watched.complaints.clear()
    assert (service.data_dir / storage_keys.source(job_id)).read_bytes() == document.read_bytes()


def test_a_stopped_upload_is_deleted_on_the_server(service, opened, document):
    watched = opened(service)
    watched.page.route("**/v1/uploads/*", lambda route: route.continue_() if route.request.method != "PATCH" else None)
    page = watched.upload(document)
    expect(page.locator("#queue-rows")).to_contain_text("survey.pdf")
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        page.wait_for_timeout(300)
        page.get_by_role("button", name="Cancel").click()
    assert deleted.value.status == 204
    expect(page.locator("#queue-rows li")).to_have_count(0)
