"""A model is heard in extractions of stored documents: flagged, counted, cached under its name, and never a must."""

from __future__ import annotations

from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.support.service import Service
from tests.support.vllm_extract import Asking, ExtractServer, heard_at, used_tokens
from tests.support.vllm_server import served_from_thread

LINES = ((60, 700, "Invoice number:"), (200, 700, "QS-2026-0471"), (60, 660, "Prepared by Ruth Ashworth"))


@pytest.fixture(scope="module")
def server():
    with served_from_thread(ExtractServer()) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory, server):
    settings = heard_at(server.url)
    with Service(tmp_path_factory.mktemp("service"), NUM_WORKERS=1, WEB_WORKERS=1, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def job_id(service, tmp_path_factory):
    path = tmp_path_factory.mktemp("documents") / "invoice.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    for x, y, text in LINES:
        canvas.drawString(x, y, text)
    canvas.save()
    found = service.submit(path)
    service.ended(found)
    return found


@pytest.fixture(autouse=True)
def forgetful(server):
    server.reset()
    server.bodies.clear()
    server.fill = lambda asking: {name: VALUES.get(name) for name in asking.names}


VALUES = {"clerk": "Ruth Ashworth", "invoice_number": "QS-2026-0471", "captain": "John Doe"}


def extract(service: Service, job_id: str, *fields: str, **order: Any) -> dict[str, Any]:
    answer = service.client.post(f"/v1/jobs/{job_id}/extract", json={"fields": list(fields), **order})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_model_sees_text_and_image_of_the_page_and_its_values_have_their_place(service, server, job_id):
    answer = extract(service, job_id, "clerk", "invoice_number", "captain")
    assert answer["data"] == VALUES
    clerk = answer["evidence"]["clerk"]
    assert (clerk["source"], clerk["match"], clerk["page"], len(clerk["boxes"])) == ("model", "exact", 1, 2)
    assert answer["evidence"]["invoice_number"]["source"] == "text_layer"
    assert [(one["code"], one["field"]) for one in answer["warnings"]] == [("ungrounded", "/captain")]
    assert [Asking(body).pictures for body in server.bodies] == [1]
    assert "Prepared by Ruth Ashworth" in Asking(server.bodies[0]).text


def test_the_same_order_is_answered_from_storage_and_its_tokens_are_counted_once(service, server, job_id):
    before = used_tokens(service)
    first = extract(service, job_id, "clerk")
    spent = used_tokens(service) - before
    assert spent > 0
    assert extract(service, job_id, "clerk") == first
    assert (len(server.bodies), used_tokens(service) - before) == (1, spent)


def test_an_answer_without_the_model_is_given_while_it_is_away_and_asked_again_when_it_is_back(service, server, job_id):
    server.script("fail_503", sticky=True)
    answer = extract(service, job_id, "clerk", "invoice_number")
    assert answer["data"] == {"clerk": None, "invoice_number": "QS-2026-0471"}
    assert [one["code"] for one in answer["warnings"]] == ["model_unavailable"]
    assert answer["complete"]
    server.reset()
    answer = extract(service, job_id, "clerk", "invoice_number")
    assert (answer["data"]["clerk"], answer["warnings"]) == ("Ruth Ashworth", [])


def test_values_that_are_on_no_page_are_null_on_request(service, job_id):
    answer = extract(service, job_id, "captain", on_ungrounded="null")
    assert answer["data"] == {"captain": None}
    assert [one["code"] for one in answer["warnings"]] == ["ungrounded"]


def test_the_model_is_among_the_checks_and_the_breakers(service, server):
    assert service.client.get("/v1/health").json()["checks"]["extract"]["ok"]
    headers = {"Authorization": f"Bearer {service.operator_token}"}
    listed = service.client.get("/v1/breakers", headers=headers).json()["breakers"]
    assert [(one["engine"], one["state"]) for one in listed][-1:] == [("extract", "closed")]
