"""A model is asked about documents of stored jobs whose type is not sure: counted, kept under its name, and never a must."""

from __future__ import annotations

from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.support.service import Service
from tests.support.vllm_extract import MODEL, ExtractServer, heard_at, used_tokens
from tests.support.vllm_server import served_from_thread

SAYS_SO = f"the model server ({MODEL}) says so"


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
def unsure(tmp_path_factory):
    path = tmp_path_factory.mktemp("documents") / "unsure.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    for place, text in enumerate(("qwertz asdfgh yxcvbn uiopue", "poiuzt lkjhgf mnbvcx")):
        canvas.drawString(60, 700 - 20 * place, text)
    canvas.save()
    return path


@pytest.fixture(scope="module")
def job_id(service, unsure):
    found = service.submit(unsure)
    service.ended(found)
    return found


@pytest.fixture(autouse=True)
def forgetful(server):
    server.reset()
    server.bodies.clear()
    server.fill = lambda _: {"type": "form"}


def classify(service: Service, job_id: str, *labels: str) -> dict[str, Any]:
    answer = service.client.post(f"/v1/jobs/{job_id}/classify", json={"labels": list(labels)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_answer_of_the_model_is_kept_and_its_tokens_are_counted_once(service, server, job_id):
    before = used_tokens(service)
    first = classify(service, job_id, "invoice", "form")
    assert [(one["type"], one["reasons"]) for one in first["segments"]] == [("form", [SAYS_SO])]
    spent = used_tokens(service) - before
    assert spent > 0
    assert classify(service, job_id, "form", "invoice") == first
    assert (len(server.bodies), used_tokens(service) - before) == (1, spent)


def test_an_upload_that_asks_has_the_answer_of_the_model_and_its_tokens_are_counted(service, server, unsure):
    before = used_tokens(service)
    found = service.submit(unsure, labels="contract,form")
    service.ended(found)
    (segment,) = service.result(found)["segments"]
    assert (segment["type"], segment["reasons"]) == ("form", [SAYS_SO])
    assert used_tokens(service) > before
    assert len(server.bodies) == 1


def test_an_answer_without_the_model_is_given_while_it_is_away_and_asked_again_when_it_is_back(service, server, job_id):
    server.script("fail_503", sticky=True)
    answer = classify(service, job_id, "receipt", "form")
    assert [one["type"] for one in answer["segments"]] == [None]
    assert [one["code"] for one in answer["warnings"]] == ["model_unavailable"]
    assert MODEL in answer["segments"][0]["reasons"][-1]
    server.reset()
    answer = classify(service, job_id, "receipt", "form")
    assert ([one["type"] for one in answer["segments"]], answer["warnings"]) == (["form"], [])
