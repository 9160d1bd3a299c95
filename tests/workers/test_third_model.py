"""A model that settings alone describe reads for the whole service, and is left out if its answers are in another form."""

from __future__ import annotations

import pytest

from tests.support.documents import stamped_pdf
from tests.support.service import Service
from tests.support.vllm_answers import VLM_MODELS, answer_for
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

KEY = "a key of its own"


@pytest.fixture(scope="module")
def server():
    with served_from_thread(ModelServer(VLM_MODELS["chandra"], "chandra", Speed(), tokens=60)) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory, server):
    """A service with this model alone: the other two have no address."""
    own = {"VLLM_VLM_URL": server.url, "VLLM_VLM_MODEL": server.model, "VLLM_VLM_GRAMMAR": "chandra", "VLLM_VLM_API_KEY": KEY}
    without = {"VLLM_DEEPSEEK_URL": "", "VLLM_NANONETS_URL": ""}
    with Service(
        tmp_path_factory.mktemp("third"), INFERENCE_MODE="auto", CHECK_IMAGE_PAGES="suspicious", **own, **without
    ) as one:
        yield one


def test_it_reads_pages_and_is_counted_like_the_other_models(service, tmp_path):
    job_id = service.submit(stamped_pdf(tmp_path / "scan.pdf", [1, 2]), figures="none")
    status = service.ended(job_id)
    assert (status["status"], status["progress"]["vlm_pages"]) == ("completed", 2), status
    view = service.client.get(f"/v1/jobs/{job_id}/pages/1").json()
    (attempt,) = view["attempts"]
    assert (attempt["engine"], attempt["outcome"]) == ("vlm", "accepted")
    assert (attempt["model"], attempt["grammar"]) == (VLM_MODELS["chandra"], "chandra")
    assert view["page"]["attempts"] == view["attempts"]
    title = view["page"]["blocks"][0]
    assert title["text"] == "Report stamp-1"
    assert title["box"] == {"left": 0.1, "top": 0.06, "right": 0.9, "bottom": 0.1}
    system = service.client.get("/v1/system").json()
    assert system["engines"]["vlm"]["ok"]
    assert "deepseek" not in system["engines"]
    assert [one["engine"] for one in service.client.get("/v1/breakers").json()["breakers"]] == ["vlm"]
    assert 'docparse_pages_total{engine="vlm",outcome="done"} 2' in service.client.get("/v1/metrics").text
    assert '<option value="vlm">' in service.client.get("/").text


def test_answers_in_another_form_leave_a_record_and_another_engine_reads(service, server, tmp_path):
    server.answer = lambda _: answer_for(3, "dots_mocr", 60)
    try:
        job_id = service.submit(stamped_pdf(tmp_path / "scan.pdf", [3]), figures="none")
        assert service.ended(job_id)["status"] == "completed"
    finally:
        server.answer = None
    view = service.client.get(f"/v1/jobs/{job_id}/pages/1").json()
    first, second = view["attempts"][:2]
    assert (first["engine"], first["outcome"], first["code"]) == ("vlm", "error", "ANSWER_UNREADABLE")
    assert "Set VLLM_VLM_GRAMMAR=dots_mocr." in first["reason"]
    assert (second["engine"], view["page"]["engine"]) == ("rapidocr", "rapidocr")
    assert "engine_fallback" in [warning["code"] for warning in view["warnings"]]
    again = service.client.post(f"/v1/jobs/{job_id}/pages/1/retry", json={"engine": "vlm"})
    assert again.status_code == 202, again.text
