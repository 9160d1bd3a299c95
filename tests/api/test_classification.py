"""What documents a file holds: asked with an upload or of a stored document, split, restricted to labels, deleted with it."""

from __future__ import annotations

import json

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.support.service import Service, wait_until

INVOICE = (
    (60, 780, "Quay Supplies Ltd", 11),
    (60, 764, "12 Harbour Road, 80333 Munich", 9),
    (60, 720, "INVOICE", 20),
    (60, 690, "Invoice number: {number}", 10),
    (60, 674, "Invoice date: 5 March 2026", 10),
    (60, 658, "Due date: 4 April 2026", 10),
    (60, 620, "Bill to: Northgate AG", 10),
    (60, 580, "Description", 10),
    (260, 580, "Quantity", 10),
    (340, 580, "Unit price", 10),
    (440, 580, "Amount", 10),
    (60, 560, "Dividers A4", 10),
    (260, 560, "20", 10),
    (340, 560, "9.90", 10),
    (440, 560, "198.00", 10),
    (340, 520, "VAT 19 %", 10),
    (440, 520, "37.62", 10),
    (340, 500, "Grand total", 10),
    (440, 500, "235.62", 10),
    (60, 440, "Please transfer the amount within 30 days. IBAN: DE02120300000000202051", 9),
)
"""A page of an invoice: x and y in points, y from the bottom as PDF counts it, the text there and its size."""
OWN = [{"name": "delivery_note", "description": "What was delivered", "words": ["delivery note", "Lieferschein"]}]


def draw(path, *pages):
    canvas = Canvas(str(path), pagesize=(595, 842))
    for page in pages:
        for x, y, text, size in page:
            canvas.setFont("Helvetica", size)
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return path


def invoice_page(number):
    return [(x, y, text.format(number=number), size) for x, y, text, size in INVOICE]


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """The file of the operator's own types."""
    path = tmp_path_factory.mktemp("labels") / "labels.json"
    path.write_text(json.dumps(OWN))
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory, labels):
    with Service(tmp_path_factory.mktemp("classification"), NUM_WORKERS=1, WEB_WORKERS=1, LABELS_FILE=labels) as running:
        yield running


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("documents") / "bundle.pdf", invoice_page("QS-2026-0471"), invoice_page("QS-2026-0499"))


@pytest.fixture(scope="module")
def job_id(service, bundle):
    found = service.submit(bundle)
    service.ended(found)
    return found


def classify(service, job_id, **body):
    return service.client.post(f"/v1/jobs/{job_id}/classify", json=body)


def test_a_bundle_is_split_and_each_part_says_why(service, job_id):
    answer = classify(service, job_id).json()
    assert [(one["type"], one["pages"]) for one in answer["segments"]] == [("invoice", [1]), ("invoice", [2])]
    first, second = answer["segments"]
    assert "title 'INVOICE' on page 1" in first["reasons"]
    assert any("another number on page 2" in reason for reason in second["reasons"])
    assert answer["complete"] is True


def test_the_same_question_is_answered_from_storage(service, job_id):
    first = classify(service, job_id, labels=["invoice", "receipt"])
    again = classify(service, job_id, labels=["receipt", "invoice"])
    assert first.content == again.content
    stored = [*next(service.data_dir.rglob(f"{job_id}/classifications")).glob("*.json")]
    digests = {path.name.partition(".")[0] for path in stored}
    found = service.client.get(f"/v1/jobs/{job_id}/classifications/{sorted(digests)[0]}")
    assert found.status_code == 200


def test_nothing_fits_if_the_type_is_not_among_the_labels(service, job_id):
    answer = classify(service, job_id, labels=["contract", "medical_record"]).json()
    assert {one["type"] for one in answer["segments"]} == {None}
    assert all("invoice" in one["reasons"][0] for one in answer["segments"])


def test_an_upload_that_asks_has_the_segments_in_its_result_and_its_json(service, bundle):
    with bundle.open("rb") as file:
        sent = service.client.post(
            "/v1/process/async", files={"file": ("new.pdf", file)}, data={"classify": "true", "output_format": "text"}
        )
    found = sent.json()["job_id"]
    service.ended(found)
    result = service.client.get(f"/v1/jobs/{found}/result").json()
    assert [one["pages"] for one in result["segments"]] == [[1], [2]]
    document = service.client.get(f"/v1/jobs/{found}/result?format=json").json()["document"]
    assert document["segments"] == result["segments"]
    assert classify(service, found).json()["segments"] == result["segments"]


def test_a_result_that_nobody_asked_to_classify_has_no_segments(service, job_id):
    assert "segments" not in service.client.get(f"/v1/jobs/{job_id}/result").json()


def test_labels_of_the_operator_s_own_are_found_by_their_words(service, tmp_path):
    note = draw(tmp_path / "note.pdf", [(60, 780, "DELIVERY NOTE", 20), (60, 740, "20 dividers for Northgate", 10)])
    with note.open("rb") as file:
        sent = service.client.post(
            "/v1/process/async", files={"file": ("n.pdf", file)}, data={"labels": "invoice,delivery_note"}
        )
    found = sent.json()["job_id"]
    service.ended(found)
    segments = service.client.get(f"/v1/jobs/{found}/result").json()["segments"]
    assert [one["type"] for one in segments] == ["delivery_note"]


def test_formats_that_are_written_later_have_the_same_segments_whatever_became_of_the_labels(service, labels, bundle):
    with bundle.open("rb") as file:
        sent = service.client.post(
            "/v1/process/async", files={"file": ("n.pdf", file)}, data={"labels": "invoice,delivery_note"}
        )
    found = sent.json()["job_id"]
    service.ended(found)
    first = service.client.get(f"/v1/jobs/{found}/result").json()["segments"]
    labels.write_text("[]")
    try:
        assert service.client.get(f"/v1/jobs/{found}/result?format=html").json()["segments"] == first
    finally:
        labels.write_text(json.dumps(OWN))


def test_unknown_labels_are_refused_with_those_that_there_are(service, job_id, bundle):
    refused = classify(service, job_id, labels=["novel", "invoice"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "LABEL_UNKNOWN")
    assert refused.json()["error"]["details"]["unknown"] == ["novel"]
    assert "delivery_note" in refused.json()["error"]["details"]["known"]
    with bundle.open("rb") as file:
        sent = service.client.post("/v1/process/async", files={"file": ("a.pdf", file)}, data={"labels": '["novel"]'})
    assert (sent.status_code, sent.json()["error"]["code"]) == (422, "LABEL_UNKNOWN")


@pytest.mark.parametrize("body", [{"labels": "invoice"}, {"labels": [1]}, {"label": ["invoice"]}])
def test_a_body_of_another_shape_is_refused(service, job_id, body):
    assert classify(service, job_id, **body).status_code == 422


def test_a_body_that_is_no_object_is_refused(service, job_id):
    refused = service.client.post(f"/v1/jobs/{job_id}/classify", json=["invoice"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BAD_REQUEST")


def test_what_was_not_asked_is_not_found(service, job_id):
    for name in ("0" * 32, "no-id"):
        missing = service.client.get(f"/v1/jobs/{job_id}/classifications/{name}")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "CLASSIFICATION_NOT_FOUND")


def test_deleting_the_job_deletes_its_classifications(service, bundle):
    found = service.submit(bundle)
    service.ended(found)
    assert classify(service, found).status_code == 200
    folder = next(service.data_dir.rglob(f"{found}/classifications"))
    assert any(folder.iterdir())
    headers = {"Authorization": f"Bearer {service.operator_token}"}
    assert service.client.delete(f"/v1/jobs/{found}", headers=headers).status_code == 200
    wait_until(lambda: not folder.exists(), 20, "the files are gone")
    assert classify(service, found).status_code in (404, 410)
