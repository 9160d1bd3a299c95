"""The routes of LlamaParse, as its client calls them; the client itself is in tests/clients."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.documents import report_pdf
from tests.support.service import wait_until

UPLOAD = "/api/v2/parse/upload"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return report_pdf(tmp_path_factory.mktemp("llamaparse") / "report.pdf").read_bytes()


def job_of(client, document, name="report.pdf", **configuration):
    sent = {"tier": "agentic", "version": "latest", **configuration}
    answer = client.post(UPLOAD, files={"file": (name, document)}, data={"configuration": json.dumps(sent)})
    assert answer.status_code == 200, answer.text
    return answer


def ended(client, path, **query):
    """The answer of a job that has ended."""
    found = []

    def is_over():
        answer = client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found[:] = [answer]
        return (answer.json().get("job") or answer.json())["status"] in ("COMPLETED", "FAILED", "CANCELLED")

    wait_until(is_over, 60, "the job ends", pause=0.3)
    return found[0]


@pytest.fixture(scope="module")
def parsed(alice, report):
    """The id of a job that has read the report."""
    job_id = job_of(alice, report).json()["id"]
    ended(alice, f"/api/v2/parse/{job_id}")
    return job_id


def test_pages_come_as_markdown_text_and_items_with_boxes(alice, parsed):
    names = ["markdown", "text", "items,metadata", "markdown_full", "text_full", "unknown"]
    answer = alice.get(f"/api/v2/parse/{parsed}", params={"expand": names})
    found = answer.json()
    assert answer.headers["x-ignored-options"] == "expand.unknown"
    assert (found["job"]["status"], found["job"]["name"], found["job"]["tier"]) == ("COMPLETED", "report.pdf", "agentic")
    assert [page["page_number"] for page in found["markdown"]["pages"]] == [1, 2]
    first = found["items"]["pages"][0]
    assert (round(first["page_width"]), round(first["page_height"])) == (595, 842)
    heading, table = (next(one for one in first["items"] if one["type"] == kind) for kind in ("heading", "table"))
    assert (heading["value"], heading["level"], heading["md"]) == ("Quarterly report", 1, "# Quarterly report")
    assert abs(heading["bbox"][0]["x"] - 72) < 3
    assert table["rows"][1] == ["Brake lining", "12", "148.50"]
    assert table["csv"].splitlines()[1] == "Brake lining,12,148.50"
    assert "<td>Brake lining</td>" in table["html"]
    assert table["md"] in found["markdown"]["pages"][0]["markdown"]
    assert "Brake lining\t12\t148.50" in found["text"]["pages"][0]["text"]
    assert found["markdown_full"].split() == "".join(f"{page['markdown']} " for page in found["markdown"]["pages"]).split()
    assert alice.get(f"/api/v2/parse/{parsed}").json().keys() == {"job"}


def test_a_page_that_could_not_be_read_is_a_failed_page(alice, report):
    second = list(re.finditer(rb"/Contents (\d+) 0 R", report))[1]
    lost = report[: second.start(1)] + b"9" * len(second[1]) + report[second.end(1) :]
    job_id = job_of(alice, lost, "lost.pdf").json()["id"]
    found = ended(alice, f"/api/v2/parse/{job_id}", expand="markdown,items").json()
    for part in ("markdown", "items"):
        good, bad = found[part]["pages"]
        assert (good["success"], bad["success"], bad["page_number"]) == (True, False, 2)
        assert "PAGE_DAMAGED" in bad["error"]


def test_options_are_ours_or_named_and_a_failed_job_says_why(alice, report):
    chosen = {"page_ranges": {"target_pages": "1"}, "disable_cache": True, "crop_box": {"top": 0.1}}
    answer = job_of(alice, report, tier="fast", **chosen)
    assert answer.headers["x-ignored-options"] == "crop_box"
    found = ended(alice, f"/api/v2/parse/{answer.json()['id']}", expand="text").json()
    assert (found["job"]["tier"], len(found["text"]["pages"])) == ("fast", 1)
    few = job_of(alice, report, page_ranges={"max_pages": 7}).json()["id"]
    assert len(ended(alice, f"/api/v2/parse/{few}", expand="text").json()["text"]["pages"]) == 2
    broken = job_of(alice, report[:300]).json()["id"]
    job = ended(alice, f"/api/v2/parse/{broken}").json()["job"]
    assert job["status"] == "FAILED"
    assert "damaged" in job["error_message"]
    wrong = alice.post(UPLOAD, files={"file": ("a.pdf", report)}, data={"configuration": "[]"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "INVALID_OPTION")


def test_files_are_read_later_listed_and_deleted_and_are_their_owners(alice, bob, report):
    file = alice.post("/api/v1/beta/files", files={"file": ("r.pdf", report)}, data={"purpose": "parse"}).json()
    assert (file["name"], file["file_type"], file["purpose"]) == ("r.pdf", "pdf", "parse")
    assert alice.get(f"/api/v1/beta/files/{file['id']}").json() == file
    asked = {"file_id": file["id"], "tier": "agentic", "version": "latest"}
    assert bob.post("/api/v2/parse", json=asked).status_code == 404
    job_id = alice.post("/api/v2/parse", json=asked).json()["id"]
    assert ended(alice, f"/api/v2/parse/{job_id}").json()["job"]["name"] == "r.pdf"
    listed = alice.get("/api/v2/parse", params={"page_size": 1})
    assert [one["id"] for one in listed.json()["items"]] == [job_id]
    assert alice.get("/api/v2/parse", params={"page_token": listed.json()["next_page_token"]}).status_code == 200
    assert alice.post(f"/api/v2/parse/{job_id}/cancel").status_code == 409
    assert alice.delete(f"/api/v2/parse/{job_id}").json() == {"id": job_id, "project_id": "default"}
    assert alice.get(f"/api/v2/parse/{job_id}").status_code == 404
    assert [alice.delete(f"/api/v1/beta/files/{file['id']}").status_code for _ in range(2)] == [204, 204], "jobs take it along"
    assert alice.post("/api/v2/parse", json=asked).status_code == 404
    assert alice.get("/api/v2/parse/versions").json()["latest"]["agentic"]


SCHEMA = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"type": "object", "properties": {"Item": {"type": "string"}}}}},
}


def test_values_are_extracted_from_a_parse_job_and_from_a_file(alice, bob, parsed, report):
    assert alice.post("/api/v2/extract/schema/validation", json={"data_schema": SCHEMA}).json() == {"data_schema": SCHEMA}
    wrong = {"type": "object", "properties": {"a": {"oneOf": []}}}
    refused = alice.post("/api/v2/extract/schema/validation", json={"data_schema": wrong})
    assert (refused.status_code, refused.json()["code"]) == (422, "SCHEMA_UNSUPPORTED")
    assert "/properties/a/oneOf: " in refused.json()["detail"]
    file = alice.post("/api/v1/beta/files", files={"file": ("r.pdf", report)}, data={"purpose": "extract"}).json()
    answers = []
    for given in (parsed, file["id"]):
        asked = {
            "file_input": given,
            "configuration": {"data_schema": SCHEMA, "cite_sources": True, "system_prompt": "Be kind."},
        }
        assert bob.post("/api/v2/extract", json=asked).status_code == 404
        sent = alice.post("/api/v2/extract", json=asked)
        assert sent.status_code == 200, sent.text
        assert sent.headers["x-ignored-options"] == "configuration.system_prompt"
        job = ended(alice, f"/api/v2/extract/{sent.json()['id']}").json()
        assert job["status"] == "COMPLETED", job
        answers.append(job["extract_result"])
        (cited, *_) = job["extract_metadata"]["field_metadata"]["document_metadata"]["items"]
        assert cited["Item"]["citation"][0]["page"] == 1
        assert cited["Item"]["citation"][0]["matching_text"] == "Brake lining"
        assert bob.get(f"/api/v2/extract/{sent.json()['id']}").status_code == 404
    assert answers[0] == answers[1]
    assert [row["Item"] for row in answers[0]["items"]] == ["Brake lining", "Door roller", "Gear oil"]


def test_documents_are_classified_by_rules(alice, bob, parsed, report):
    rules = [
        {"type": "Shop Report", "description": "a quarterly report of a shop with pieces sold, goods and amounts"},
        {"type": "invoice", "description": "an invoice number, a total due and a date of payment"},
    ]
    file = alice.post("/api/v1/beta/files", files={"file": ("r.pdf", report)}, data={"purpose": "classify"}).json()
    for given in (parsed, file["id"]):
        asked = {"file_input": given, "configuration": {"rules": rules}}
        assert bob.post("/api/v2/classify", json=asked).status_code == 404
        sent = alice.post("/api/v2/classify", json=asked)
        assert sent.status_code == 200, sent.text
        job = ended(alice, f"/api/v2/classify/{sent.json()['id']}").json()
        assert (job["status"], job["configuration"]["rules"]) == ("COMPLETED", rules)
        assert job["result"]["type"] == "Shop Report", job["result"]
        assert job["result"]["reasoning"]
    assert alice.post("/api/v2/classify", json={"file_input": parsed, "configuration": {"rules": []}}).status_code == 422


def test_the_id_of_another_kind_of_job_is_not_found_in_the_shape_of_the_client(alice, parsed):
    for kind, code in (("extract", "EXTRACTION_NOT_FOUND"), ("classify", "CLASSIFICATION_NOT_FOUND")):
        answer = alice.get(f"/api/v2/{kind}/{parsed}")
        assert (answer.status_code, answer.json()["code"]) == (404, code)
        assert answer.json()["detail"]
