"""Values of a schema, from stored and from new documents: each with its place, and nothing that the document does not have."""

from __future__ import annotations

import json

import pikepdf
import pytest

from tests.support.drawn_invoices import draw_invoice
from tests.support.invoices import CII
from tests.support.service import Service, wait_until

SCHEMA = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string"},
        "invoice_date": {"type": "string", "format": "date"},
        "your_reference": {"type": "string"},
        "iban": {"type": "string"},
        "total": {"type": "number"},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"description": {"type": "string"}, "quantity": {"type": "number"}, "amount": {"type": "number"}},
            },
        },
    },
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("extraction"), NUM_WORKERS=1, WEB_WORKERS=1) as running:
        yield running


@pytest.fixture(scope="module")
def invoice(tmp_path_factory):
    return draw_invoice(tmp_path_factory.mktemp("documents") / "invoice.pdf")


@pytest.fixture(scope="module")
def job_id(service, invoice):
    found = service.submit(invoice)
    service.ended(found)
    return found


def extract(service, job_id, **order):
    return service.client.post(f"/v1/jobs/{job_id}/extract", json=order)


def test_every_value_has_the_place_of_its_words(service, job_id):
    answer = extract(service, job_id, json_schema=SCHEMA).json()
    assert answer["data"] == {
        "invoice_number": "QS-2026-0471",
        "invoice_date": "2026-03-05",
        "your_reference": None,
        "iban": None,
        "total": 259.42,
        "lines": [
            {"description": "Dividers A4", "quantity": 20, "amount": 198.0},
            {"description": "Ring binder", "quantity": 5, "amount": 20.0},
        ],
    }
    number = answer["evidence"]["invoice_number"]
    assert (number["page"], number["quote"], number["match"], number["state"], number["source"]) == (
        1,
        "QS-2026-0471",
        "exact",
        "found",
        "text_layer",
    )
    box = number["boxes"][0]
    assert box["left"] == pytest.approx(200 / 595, abs=0.01)
    assert box["top"] < 1 - 700 / 842 < box["bottom"] + 0.01
    assert answer["evidence"]["invoice_date"]["match"] == "normalised"
    assert answer["evidence"]["lines"][1]["amount"]["quote"] == "20.00"
    assert answer["rows_seen"] == answer["rows_returned"] == {"/lines": 2}


def test_a_label_without_a_value_is_blank_and_what_is_not_there_is_absent(service, job_id):
    evidence = extract(service, job_id, json_schema=SCHEMA).json()["evidence"]
    assert evidence["your_reference"]["state"] == "blank"
    assert evidence["your_reference"]["boxes"]
    assert evidence["iban"] == evidence["iban"] | {"state": "absent", "page": None, "boxes": []}


def test_totals_are_checked_and_never_corrected(service, job_id):
    checks = {check["name"]: check["outcome"] for check in extract(service, job_id, schema="invoice").json()["checks"]}
    assert checks["net_plus_tax"] == "passed"
    assert checks["sum_of_lines"] == "passed"


def test_the_same_order_is_answered_from_storage(service, job_id):
    first = extract(service, job_id, fields=["invoice number"])
    again = extract(service, job_id, fields=["invoice number"])
    assert first.json() == again.json()
    assert first.json()["data"] == {"invoice number": "QS-2026-0471"}
    events = service.client.get(f"/v1/jobs/{job_id}/status").json()
    assert events["status"] == "completed"


def test_a_new_document_is_read_and_answered_at_once(service, invoice):
    with invoice.open("rb") as file:
        answer = service.client.post(
            "/v1/extract", files={"file": ("new.pdf", file)}, data={"json_schema": json.dumps(SCHEMA), "output_format": "text"}
        )
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["total"] == 259.42


def test_each_page_and_each_row_can_be_what_the_schema_describes(service, job_id):
    row = SCHEMA["properties"]["lines"]["items"]
    rows = extract(service, job_id, json_schema=row, scope="row").json()
    assert [one["description"] for one in rows["data"]] == ["Dividers A4", "Ring binder"]
    pages = extract(service, job_id, fields=["total"], scope="page").json()
    assert [one["total"] for one in pages["data"]] == ["259.42"]


def test_what_an_electronic_invoice_says_wins_and_the_page_is_compared_with_it(service, invoice, tmp_path):
    with pikepdf.open(invoice) as pdf:
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(pdf, CII.encode(), mime_type="text/xml")
        pdf.save(tmp_path / "facturx.pdf")
    job_id = service.submit(tmp_path / "facturx.pdf")
    service.ended(job_id)
    child = service.client.get(f"/v1/jobs/{job_id}/children").json()["children"][0]
    service.ended(child["job_id"])
    answer = extract(service, job_id, schema="invoice").json()
    assert (answer["data"]["invoice_number"], answer["data"]["buyer_name"]) == ("471102", "Buyer AG")
    evidence = answer["evidence"]["invoice_number"]
    assert (evidence["source"], evidence["attachment"], evidence["quote"]) == ("xml", "factur-x.xml", "471102")
    agreement = {check["fields"][0]: check["outcome"] for check in answer["checks"] if check["name"] == "xml_agrees"}
    assert agreement["/invoice_number"] == "failed"
    assert agreement["/issue_date"] == "passed"
    assert answer["evidence"]["issue_date"]["boxes"]


def test_deleting_the_job_deletes_its_extractions(service, invoice):
    job_id = service.submit(invoice)
    service.ended(job_id)
    assert extract(service, job_id, fields=["total"]).status_code == 200
    folder = next(service.data_dir.rglob(f"{job_id}/extractions"))
    assert list(folder.iterdir())
    headers = {"Authorization": f"Bearer {service.operator_token}"}
    assert service.client.delete(f"/v1/jobs/{job_id}", headers=headers).status_code == 200
    wait_until(lambda: not folder.exists(), 20, "the files are gone")
    assert extract(service, job_id, fields=["total"]).status_code in (404, 410)


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "object", "properties": {"a": {"oneOf": []}}}, "/properties/a/type"),
        ({"type": "array", "items": {"type": "string"}}, ""),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}, "/properties/a/pattern"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.org/x"}}}, "/properties/a/$ref"),
    ],
)
def test_what_is_not_supported_is_named_by_its_pointer(service, job_id, schema, pointer):
    answer = service.client.post("/v1/extract/validate", json={"json_schema": schema})
    assert answer.status_code == 200
    assert pointer in [problem["pointer"] for problem in answer.json()["problems"]]
    refused = extract(service, job_id, json_schema=schema)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "SCHEMA_UNSUPPORTED")


def test_orders_that_say_nothing_or_too_much_are_refused(service, job_id):
    for order in ({}, {"fields": ["a"], "schema": "invoice"}, {"fields": []}, {"fields": ["a"], "scope": "word"}, {"hint": 1}):
        assert extract(service, job_id, **order).status_code == 422
    for size, expected in ((5 << 20, (400, "BAD_REQUEST")), (2 << 20, (422, "SCHEMA_UNSUPPORTED"))):
        large = extract(service, job_id, fields=["a" * size])
        assert (large.status_code, large.json()["error"]["code"]) == expected
    unknown = extract(service, job_id, schema="novel")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "SCHEMA_NOT_FOUND")
    missing = service.client.get(f"/v1/jobs/{job_id}/extractions/{'0' * 32}")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "EXTRACTION_NOT_FOUND")


def test_the_prebuilt_schemas_are_listed(service):
    names = [one["name"] for one in service.client.get("/v1/schemas").json()["schemas"]]
    expected = ["contract", "form", "invoice", "legal_document", "medical_record", "purchase_order", "receipt"]
    assert names == expected
