"""What was extracted is found later by what it says, by its owner, and deleted when its owner wants it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.support.owners import client_of, make_key
from tests.support.service import Service, wait_until


@pytest.fixture(scope="module")
def callers(tmp_path_factory):
    """Alice, Bob and an admin, each with a client."""
    with Service(tmp_path_factory.mktemp("documents"), AUTH_MODE="required") as service, ExitStack() as undo:
        scopes = {"alice": ("process", "read", "extract"), "bob": ("process", "read", "extract"), "boss": ("admin",)}
        keys = {owner: make_key(service.data_dir, owner, held).secret for owner, held in scopes.items()}
        yield {owner: undo.enter_context(client_of(service.port, key)) for owner, key in keys.items()}


@pytest.fixture(scope="module")
def job_id(callers, tmp_path_factory):
    """A document of Alice's from which the values of an invoice were extracted."""
    path = tmp_path_factory.mktemp("paper") / "paper.pdf"
    canvas = Canvas(str(path))
    for y, text in (
        (780, "INVOICE"),
        (740, "Invoice number: QS-2026-0471"),
        (720, "Invoice date: 5 March 2026"),
        (700, "Total: EUR 12.50"),
    ):
        canvas.drawString(60, y, text)
    canvas.save()
    with path.open("rb") as stream:
        answer = callers["alice"].post("/v1/extract", files={"file": stream}, data={"schema": "invoice"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["invoice_number"] == "QS-2026-0471"
    wait_until(lambda: listed(callers["alice"]), 30, "the document is listed")
    return listed(callers["alice"])[0]["job_id"]


def listed(client, **query):
    answer = client.get("/v1/documents", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["documents"]


def test_a_document_is_found_by_type_number_and_date(callers, job_id):
    (found,) = listed(callers["alice"], type="invoice", invoice_number="qs-2026-0471", **{"from": "2020-01-01T00:00:00Z"})
    assert (found["job_id"], found["dated"], found["filename"]) == (job_id, "2026-03-05", "paper.pdf")
    assert (found["fields"]["grand_total"], found["ungrounded"]) == (12.5, [])
    answer = callers["alice"].get(f"/v1/jobs/{job_id}/extractions/{found['extraction_id']}").json()
    assert answer["data"] == found["fields"], "the entry leads to the answer with its evidence"
    assert listed(callers["alice"], type="contract") == listed(callers["alice"], dated_from="2026-03-06") == []


def test_other_owners_find_nothing_and_admins_everything(callers, job_id):
    assert listed(callers["bob"]) == []
    assert callers["bob"].get("/v1/documents", params={"owner": "alice"}).status_code == 403
    assert [one["owner"] for one in listed(callers["boss"], owner="*")] == ["alice"]


def test_the_list_goes_on_from_a_cursor(callers, job_id):
    answer = callers["alice"].get("/v1/documents", params={"limit": 1}).json()
    rest = callers["alice"].get("/v1/documents", params={"limit": 1, "cursor": answer["next_cursor"]}).json()
    assert (rest["documents"], rest["next_cursor"]) == ([], None)


@pytest.mark.parametrize(
    "wrong", [{"from": "yesterday"}, {"dated_to": "2026-13-01"}, {"cursor": "x"}, {"limit": "0"}, {"kind": "invoice"}]
)
def test_a_query_that_is_not_understood_is_refused_by_name(callers, wrong):
    answer = callers["alice"].get("/v1/documents", params=wrong)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_OPTION")


def test_only_the_owner_deletes_values_and_the_job_stays(callers, job_id):
    assert callers["bob"].delete(f"/v1/documents/{job_id}").json()["error"]["code"] == "JOB_NOT_FOUND"
    assert callers["alice"].delete(f"/v1/documents/{job_id}").json() == {"deleted": 1}
    assert listed(callers["alice"]) == []
    assert callers["alice"].get(f"/v1/jobs/{job_id}/status").status_code == 200
    usage = callers["alice"].get("/v1/usage").json()
    assert usage["total"]["extractions"] == 1
