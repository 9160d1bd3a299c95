"""Values through the client: extracted, checked, and fetched as CSV."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest

from document_parser.client import Client
from document_parser.errors import SchemaNotFound
from tests.support.drawn_invoices import draw_invoice
from tests.support.service import Service, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service"), NUM_WORKERS=1, WEB_WORKERS=1) as service:
        yield service


@pytest.fixture
def client(service):
    with Client(f"127.0.0.1:{service.port}", service.operator_token) as client:
        yield client


@pytest.fixture(scope="module")
def invoice(tmp_path_factory):
    return draw_invoice(tmp_path_factory.mktemp("documents") / "invoice.pdf")


def test_values_are_asked_for_with_the_document_and_afterwards(client, invoice, tmp_path):
    job_id = client.submit(invoice, schema="invoice")
    (asked,) = client.wait(job_id).extractions
    assert (asked.status, asked.schema_name) == ("completed", "invoice")
    assert client.result(job_id).extraction.data["invoice_number"] == "QS-2026-0471"
    assert client.extraction(job_id, asked.id).evidence["invoice_number"]["page"] == 1
    assert client.extract(job_id, fields=["total"]).data == {"total": "259.42"}
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    assert client.extract(job_id, json_schema=schema, scope="page").data == [{"total": 259.42}]
    client.download_extraction(job_id, asked.id, tmp_path / "values.csv")
    assert next(csv.DictReader((tmp_path / "values.csv").read_text().splitlines()))["invoice_number"] == "QS-2026-0471"


def test_the_values_of_a_batch_are_one_list_and_one_table(client, tmp_path):
    paths = [draw_invoice(tmp_path / f"{number}.pdf", number) for number in ("QS-1", "QS-2")]
    batch = client.submit_batch(paths, schema="invoice")
    assert client.batch(batch.batch_id, wait=30).status == "completed"
    found = client.batch_extractions(batch.batch_id)
    assert [(one.file, one.status, one.data["invoice_number"]) for one in found] == [
        ("QS-1.pdf", "completed", "QS-1"),
        ("QS-2.pdf", "completed", "QS-2"),
    ]
    client.download_extractions(batch.batch_id, tmp_path / "all.csv", fields=["invoice number"])
    assert [row["invoice number"] for row in csv.DictReader((tmp_path / "all.csv").read_text().splitlines())] == [
        "QS-1",
        "QS-2",
    ]


def test_documents_are_found_by_their_values_and_forgotten(client, tmp_path):
    job_id = client.submit(draw_invoice(tmp_path / "kept.pdf", "KEPT-7"), schema="invoice")
    client.wait(job_id)
    wait_until(lambda: client.documents(invoice_number="kept-7").documents, 30, "the document is listed")
    asked = {"type": "invoice", "since": datetime(2020, 1, 1, tzinfo=UTC), "sha256": ""}
    (found,) = client.documents(invoice_number="KEPT-7", **asked).documents
    assert (found.job_id, found.fields["invoice_number"]) == (job_id, "KEPT-7")
    assert client.delete_values(job_id) == 1
    assert client.documents(invoice_number="KEPT-7").documents == []


def test_schemas_are_listed_and_checked(client, invoice):
    assert "invoice" in [one.name for one in client.schemas()]
    assert client.validate_schema({"type": "object", "properties": {"a": {"type": "string"}}}).valid
    (problem,) = client.validate_schema({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}).problems
    assert problem.pointer == "/properties/a/pattern"
    with pytest.raises(SchemaNotFound):
        client.submit(invoice, schema="novel")
