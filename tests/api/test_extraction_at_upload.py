"""Values that are asked for with the document: on every way in, beside the result, and told to a webhook."""

from __future__ import annotations

import csv
import io
import json
import sys
import uuid
import zipfile
from datetime import UTC, datetime

import pikepdf
import pytest
from standardwebhooks import Webhook

from document_parser.jobs import queue
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job, JobCard
from document_parser.jobs.redis.connection import connect
from document_parser.models import JobExtraction, JobState, Options
from document_parser.models.extraction import ExtractionOrder
from document_parser.settings import Settings, StoreSettings
from tests.support.document_host import Served, document_host
from tests.support.drawn_invoices import draw_invoice
from tests.support.invoices import CII
from tests.support.owners import client_of, make_key
from tests.support.receiver import receiving, secret_of, settings, told
from tests.support.service import Service, wait_until

NAMES = {"invoice number": "QS-2026-0471", "total": "259.42"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    more = settings(NUM_WORKERS=1, WEB_WORKERS=1, FETCH_ALLOW_HOSTS='["127.0.0.1"]')
    with Service(tmp_path_factory.mktemp("extraction"), **more) as running:
        yield running


@pytest.fixture(scope="module")
def invoice(tmp_path_factory):
    return draw_invoice(tmp_path_factory.mktemp("documents") / "invoice.pdf")


def at_rest(service, job_id):
    """The status of a job once all is there that was asked for."""
    wait_until(
        lambda: service.status(job_id, wait=5)["stage"] in ("completed", "failed", "cancelled"), 60, "the job is at rest"
    )
    return service.status(job_id)


def upload(service, path):
    """Send a file as a resumable upload, and return its id."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(path.stat().st_size)}
    headers |= {"Content-Type": "application/offset+octet-stream"}
    made = service.client.post("/v1/uploads", headers=headers, content=path.read_bytes())
    assert made.status_code == 201, made.text
    return made.headers["Location"].rpartition("/")[2]


@pytest.mark.parametrize("way", ["form", "raw", "upload", "url", "sync"])
def test_every_way_in_takes_what_is_to_be_extracted(service, invoice, way):
    client, names = service.client, "invoice number, total"
    if way == "form":
        answer = client.post(
            "/v1/process/async", files={"file": ("invoice.pdf", invoice.read_bytes())}, data={"extract_fields": names}
        )
    elif way == "raw":
        query = {"filename": "a.pdf", "extract_fields": json.dumps(list(NAMES))}
        answer = client.post("/v1/process/async", content=invoice.read_bytes(), params=query)
    elif way == "upload":
        body = {"upload_id": upload(service, invoice), "extract_fields": list(NAMES)}
        answer = client.post("/v1/process/async", json=body)
    elif way == "sync":
        answer = client.post(
            "/v1/process/sync", files={"file": ("invoice.pdf", invoice.read_bytes())}, data={"extract_fields": names}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["extraction"]["data"] == NAMES
    else:
        with document_host() as host:
            host.paths["/invoice.pdf"] = Served(invoice.read_bytes())
            answer = client.post("/v1/process/url", json={"url": host.url("/invoice.pdf"), "extract_fields": names})
            at_rest(service, answer.json()["job_id"])
    job_id = answer.json()["job_id"]
    (listed,) = at_rest(service, job_id)["extractions"]
    assert (listed["status"], listed["schema_name"], listed["error"]) == ("completed", None, None)
    assert client.get(listed["url"]).json()["data"] == NAMES


def test_the_result_has_the_answer_beside_the_document(service, invoice):
    job_id = service.submit(invoice, schema="invoice", output_format="json")
    service.ended(job_id)
    result = service.result(job_id)
    found = result["extraction"]
    assert (found["status"], found["schema_name"], found["data"]["invoice_number"]) == ("completed", "invoice", "QS-2026-0471")
    assert found["evidence"]["invoice_number"]["page"] == result["document"]["pages"][0]["number"] == 1
    assert service.result(job_id, format="markdown")["extraction"]["data"] == found["data"]
    file = service.client.get(f"/v1/jobs/{job_id}/download", params={"format": "json"}).json()
    assert "extraction" not in file


def test_a_result_without_an_order_has_no_extraction(service, invoice):
    job_id = service.submit(invoice, extract_scope="document", on_ungrounded="flag")
    assert service.ended(job_id)["extractions"] == []
    assert "extraction" not in service.result(job_id)


def test_a_later_extraction_is_listed_too(service, invoice):
    job_id = service.submit(invoice)
    service.ended(job_id)
    for fields in (["total"], ["invoice number"], ["total"]):
        assert service.client.post(f"/v1/jobs/{job_id}/extract", json={"fields": fields}).status_code == 200
    status = at_rest(service, job_id)
    assert [(one["status"], one["number"]) for one in status["extractions"]] == [("completed", 1), ("completed", 2)]
    assert "extraction" not in service.result(job_id)


@pytest.mark.parametrize(
    ("sent", "status", "code", "says"),
    [
        ({"schema": "novel"}, 404, "SCHEMA_NOT_FOUND", "invoice"),
        ({"json_schema": '{"type": "object", "properties": {"a": {"oneOf": []}}}'}, 422, "SCHEMA_UNSUPPORTED", "/properties/a"),
        ({"json_schema": "{"}, 422, "INVALID_OPTION", "json_schema: is no JSON"),
        ({"extract_fields": "[1]"}, 422, "INVALID_OPTION", "fields"),
        ({"extract_fields": "a", "schema": "invoice"}, 422, "INVALID_OPTION", "send one of"),
        ({"extract_scope": "row"}, 422, "INVALID_OPTION", "send one of"),
        ({"schema": "invoice", "extract_scope": "word"}, 422, "INVALID_OPTION", "scope"),
        ({"schema": "invoice", "extract_scope": "row", "scope": "row"}, 422, "INVALID_OPTION", "twice"),
        ({"extract_field": "a"}, 422, "INVALID_OPTION", "did you mean extract_fields"),
    ],
)
@pytest.mark.parametrize("route", ["process/async", "process/batch", "process/url"])
def test_what_cannot_be_asked_is_refused_before_anything_is_read(service, invoice, route, sent, status, code, says):
    before = [job["job_id"] for job in service.client.get("/v1/jobs").json().get("jobs", [])]
    if route == "process/url":
        answer = service.client.post(f"/v1/{route}", json={"url": "http://127.0.0.1:1/a.pdf", **sent})
    else:
        field = "files" if route.endswith("batch") else "file"
        answer = service.client.post(f"/v1/{route}", files={field: ("invoice.pdf", invoice.read_bytes())}, data=sent)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert says in json.dumps(error)
    assert before == [job["job_id"] for job in service.client.get("/v1/jobs").json().get("jobs", [])]


def test_the_same_key_with_another_order_is_refused(service, invoice):
    def send(**fields):
        headers = {"Idempotency-Key": "one-order"}
        return service.client.post(
            "/v1/process/async", files={"file": ("invoice.pdf", invoice.read_bytes())}, data=fields, headers=headers
        )

    first = send(schema="invoice")
    assert send(schema="invoice").json()["job_id"] == first.json()["job_id"]
    assert send(schema="receipt").json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_documents_inside_an_archive_are_extracted_from_as_well(service, tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number in ("QS-1", "QS-2"):
            archive.write(draw_invoice(tmp_path / f"{number}.pdf", number), f"{number}.pdf")
    (tmp_path / "all.zip").write_bytes(held.getvalue())
    job_id = service.submit(tmp_path / "all.zip", extract_fields="invoice number")
    at_rest(service, job_id)
    inside = [child["job_id"] for child in service.client.get(f"/v1/jobs/{job_id}/children").json()["children"]]
    found = [service.result(one)["extraction"]["data"]["invoice number"] for one in inside if at_rest(service, one)]
    assert sorted(found) == ["QS-1", "QS-2"]


def test_an_extraction_waits_for_the_electronic_invoice_inside(service, invoice, tmp_path):
    with pikepdf.open(invoice) as pdf:
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(pdf, CII.encode(), mime_type="text/xml")
        pdf.save(tmp_path / "facturx.pdf")
    job_id = service.submit(tmp_path / "facturx.pdf", schema="invoice")
    service.ended(job_id)
    found = service.result(job_id)["extraction"]
    assert (found["data"]["invoice_number"], found["evidence"]["invoice_number"]["source"]) == ("471102", "xml")


def test_an_extraction_that_fails_leaves_the_document_as_it_is(tmp_path, invoice):
    with Service(tmp_path, NUM_WORKERS=0, WEB_WORKERS=1) as service:
        job_id = service.submit(invoice, schema="invoice")
        assert service.status(job_id)["extractions"][0]["status"] == "pending"
        for order in service.data_dir.rglob(f"{job_id}/extractions/*.order.json"):
            order.write_text("damaged")
        service.also([sys.executable, "-m", "document_parser.worker"])
        status = at_rest(service, job_id)
        assert (status["status"], status["complete"]) == ("completed", True)
        assert (status["extractions"][0]["status"], status["extractions"][0]["error"]["code"]) == (
            "failed",
            "EXTRACTION_FAILED",
        )
        result = service.result(job_id)
        assert "Grand total" in result["markdown"]
        assert (result["extraction"]["status"], result["extraction"]["error"]["code"]) == ("failed", "EXTRACTION_FAILED")


def test_of_a_document_that_cannot_be_read_nothing_is_extracted(service, tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing\n%%EOF")
    job_id = service.submit(broken, schema="invoice")
    status = service.ended(job_id)
    assert (status["status"], status["extractions"][0]["status"], status["stage"]) == ("failed", "skipped", "failed")


def test_a_webhook_tells_that_the_values_are_there_and_never_the_values(service, invoice):
    with receiving() as receiver:
        job_id = service.submit(invoice, schema="invoice", webhook_url=receiver.url)
        told(service, job_id, which="extracted_webhook")
        assert service.client.post(f"/v1/jobs/{job_id}/extract", json={"fields": ["total"]}).status_code == 200
        wait_until(lambda: len(receiver.about(job_id)) == 3, 40, "both extractions are told")
        ended, first, second = sorted(receiver.about(job_id), key=lambda call: call.id)
        assert [call.content["type"] for call in (ended, first, second)] == ["job.completed", "job.extracted", "job.extracted"]
        assert [call.id for call in (first, second)] == [f"msg_{job_id}_x1", f"msg_{job_id}_x2"]
        extraction = first.content["data"]["extraction"]
        assert (extraction["schema_name"], extraction["status"]) == ("invoice", "completed")
        assert service.client.get(extraction["url"]).json()["data"]["invoice_number"] == "QS-2026-0471"
        assert not any(b"QS-2026-0471" in call.body for call in receiver.about(job_id))
        for call in receiver.about(job_id):
            Webhook(secret_of(service)).verify(call.body, call.headers)


def test_an_extraction_as_csv_has_a_line_for_each_row_and_no_cell_runs_as_a_formula(service, tmp_path):
    job_id = service.submit(draw_invoice(tmp_path / "a.pdf", article="=SUM(A1)"), schema="invoice")
    at_rest(service, job_id)
    url = service.status(job_id)["extractions"][0]["url"]
    answer = service.client.get(url, params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["list"], row["row"], row["lines.line_total"]) for row in rows] == [
        ("lines", "1", "198.0"),
        ("lines", "2", "20.0"),
    ]
    assert {row["grand_total"] for row in rows} == {"259.42"}
    assert service.client.get(url, headers={"Accept": "text/csv"}).text == answer.text
    assert service.client.get(url).json()["data"]["lines"][0]["name"] == "=SUM(A1)"
    assert rows[0]["lines.name"] == "'=SUM(A1)"


def send_batch(service, *paths, **fields):
    files = [("files", (path.name, path.read_bytes())) for path in paths]
    sent = service.client.post("/v1/process/batch", files=files, data=fields)
    assert sent.status_code == 202, sent.text
    batch = sent.json()
    wait_until(lambda: service.client.get(batch["status_url"]).json()["completed_at"], 60, "the batch has ended")
    return batch


def test_a_batch_is_one_table_with_the_files_that_have_no_values_in_it(service, tmp_path):
    good = [draw_invoice(tmp_path / f"{number}.pdf", number) for number in ("QS-1", "QS-2")]
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing\n%%EOF")
    (tmp_path / "strange.bin").write_bytes(bytes(range(256)))
    sent = (good[0], tmp_path / "broken.pdf", tmp_path / "strange.bin", good[1])
    batch = send_batch(service, *sent, schema="invoice")
    path = f"/v1/batches/{batch['batch_id']}/extractions"
    answer = service.client.get(path, params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    shown = [(row["file"], row["status"], bool(row["error"]), row["invoice_number"], row["row"]) for row in rows]
    assert shown == [
        ("QS-1.pdf", "completed", False, "QS-1", "1"),
        ("QS-1.pdf", "completed", False, "QS-1", "2"),
        ("broken.pdf", "failed", True, "", ""),
        ("strange.bin", "refused", True, "", ""),
        ("QS-2.pdf", "completed", False, "QS-2", "1"),
        ("QS-2.pdf", "completed", False, "QS-2", "2"),
    ]
    listed = service.client.get(path).json()["extractions"]
    assert [one["file"] for one in listed] == [path.name for path in sent]
    assert listed[3]["data"]["invoice_number"] == "QS-2"


def test_other_values_of_a_batch_are_extracted_when_they_are_asked_for(service, tmp_path):
    batch = send_batch(service, draw_invoice(tmp_path / "a.pdf", "QS-7"))
    path = f"/v1/batches/{batch['batch_id']}/extractions"
    nothing = service.client.get(path)
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (404, "EXTRACTION_NOT_FOUND")
    answer = service.client.get(path, params={"extract_fields": "invoice number,total"}, headers={"Accept": "text/csv"})
    assert next(csv.DictReader(io.StringIO(answer.text)))["invoice number"] == "QS-7"
    assert service.client.get(path, params={"schema": "receipt"}).json()["extractions"][0]["status"] == "completed"
    unknown = service.client.get(path, params={"schema": "novel"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "SCHEMA_NOT_FOUND")


def test_nothing_is_asked_of_what_has_not_ended_or_was_cancelled(tmp_path, invoice):
    with Service(tmp_path, NUM_WORKERS=0, WEB_WORKERS=1) as service:
        sent = service.client.post(
            "/v1/process/batch", files=[("files", ("a.pdf", invoice.read_bytes()))], data={"schema": "invoice"}
        )
        answer = service.client.get(f"/v1/batches/{sent.json()['batch_id']}/extractions")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "BATCH_NOT_COMPLETE")
        job = f"/v1/jobs/{service.submit(invoice)}"
        for ask, body in (("extract", {"schema": "invoice"}), ("classify", {})):
            assert service.client.post(f"{job}/{ask}", json=body).json()["error"]["code"] == "JOB_NOT_COMPLETE"
        service.client.post(f"{job}/cancel")
        for ask, body in (("extract", {"schema": "invoice"}), ("classify", {})):
            error = service.client.post(f"{job}/{ask}", json=body).json()["error"]
            assert (error["code"], error["retryable"]) == ("JOB_ENDED", False)


def test_a_key_that_may_not_extract_may_still_send_documents(tmp_path, invoice):
    with Service(tmp_path, AUTH_MODE="required", NUM_WORKERS=0, WEB_WORKERS=1) as service:
        key = make_key(service.data_dir, "alice", ("process", "read")).secret
        with client_of(service.port, key) as alice:
            file = {"file": ("a.pdf", invoice.read_bytes())}
            for order in ({"schema": "invoice"}, {"classify": "true"}, {"labels": "invoice,receipt"}):
                refused = alice.post("/v1/process/async", files=file, data=order)
                assert (refused.status_code, refused.json()["error"]["code"]) == (403, "SCOPE_MISSING"), order
            assert alice.post("/v1/process/async", files=file).status_code == 202


def test_a_document_that_ends_with_its_reading_is_kept_until_its_values_are_there(service, invoice):
    with connect(Settings(store=StoreSettings(data_dir=service.data_dir, redis_url=""))) as redis:
        job_id = service.submit(invoice, schema="invoice", retention_hours="0")
        at_rest(service, job_id)
        listed = redis.hget(f"job:{job_id}", "extractions")
        redis.hset(f"job:{job_id}", "extractions", listed.replace(b'"completed"', b'"pending"'))
        assert service.result(job_id)["extraction"]["data"]["invoice_number"] == "QS-2026-0471"
        redis.hset(f"job:{job_id}", "extractions", listed)
    assert service.result(job_id)["extraction"]["status"] == "completed"
    wait_until(lambda: service.client.get(f"/v1/jobs/{job_id}").status_code == 410, 40, "it was read once, whole")


def test_a_job_that_redis_has_lost_comes_back_with_what_was_to_be_extracted(service):
    extraction = JobExtraction(id="0" * 32, schema_name="invoice")
    card = JobCard(
        job_id=str(uuid.uuid4()),
        filename="a.pdf",
        media_type="application/pdf",
        kind="pdf",
        sha256="0" * 64,
        size=1,
        options=Options(),
        extraction=extraction,
        created_at=datetime.now(UTC),
    )
    ended = Job(card=card, state=JobState.COMPLETED, extractions=[extraction], completed_at=card.created_at)
    with connect(Settings(store=StoreSettings(data_dir=service.data_dir, redis_url=""))) as redis:
        record.restore(redis, ended, 600_000, 1000)
        assert service.status(card.job_id)["extractions"][0]["id"] == extraction.id
        wait_until(lambda: service.status(card.job_id, wait=5)["stage"] == "completed", 60, "the sweep has it tried again")
        assert service.status(card.job_id)["extractions"][0]["error"]["code"] == "EXTRACTION_FAILED", "nothing of it was stored"


def test_an_extraction_that_an_older_web_process_asks_for_is_made_though_it_lists_none_and_counts_otherwise(service, invoice):
    asked = "f" * 32
    job_id = service.submit(invoice)
    at_rest(service, job_id)
    order = service.data_dir / storage_keys.extraction_order(job_id, asked)
    order.parent.mkdir(parents=True, exist_ok=True)
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    order.write_text(ExtractionOrder(json_schema=schema).model_dump_json(exclude={"model"}))
    with connect(Settings(store=StoreSettings(data_dir=service.data_dir, redis_url=""))) as redis:
        queue.enqueue_stage(redis, job_id, queue.extraction_stage(asked))
        answer = service.data_dir / storage_keys.extraction(job_id, asked)
        wait_until(answer.exists, 60, "the values are there")
        assert json.loads(answer.read_text())["data"] == {"total": 259.42}
