"""Azure Document Intelligence, as its clients speak it; tests/clients has these themselves."""

from __future__ import annotations

import base64

import pytest

from tests.support.documents import illustrated_pdf, report_pdf
from tests.support.drawn_invoices import draw_invoice

MODELS = "/documentintelligence/documentModels"
VERSION = {"api-version": "2024-11-30"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return report_pdf(tmp_path_factory.mktemp("azure") / "report.pdf").read_bytes()


@pytest.fixture
def analyze(anyone, alice_key):
    def send(content, model="prebuilt-layout", *, key=alice_key, prefix="", **query):
        headers = {"Ocp-Apim-Subscription-Key": key}
        body = {"json": content} if isinstance(content, dict) else {"content": content}
        headers |= {} if isinstance(content, dict) else {"Content-Type": "application/octet-stream"}
        return anyone.post(f"{prefix}{MODELS}/{model}:analyze", params=VERSION | query, headers=headers, **body)

    return send


@pytest.fixture
def poll(anyone, alice_key):
    def wait(accepted):
        assert (accepted.status_code, accepted.content) == (202, b""), accepted.text
        while (answer := _get(anyone, alice_key, accepted.headers["Operation-Location"]).json())["status"] in (
            "notStarted",
            "running",
        ):
            assert set(answer) == {"status", "createdDateTime", "lastUpdatedDateTime"}
        return answer

    return wait


def _get(client, key, address):
    return client.get(address, headers={"Ocp-Apim-Subscription-Key": key})


def cut(content, span, counted):
    if counted == "utf16CodeUnit":
        data = content.encode("utf-16-le")
        return data[2 * span["offset"] : 2 * (span["offset"] + span["length"])].decode("utf-16-le")
    return content[span["offset"] : span["offset"] + span["length"]]


@pytest.mark.parametrize("prefix", ["", "/compat/azure"])
def test_a_document_is_analyzed_and_its_words_tables_and_sections_come_back(analyze, poll, report, anyone, alice_key, prefix):
    accepted = analyze(report, prefix=prefix, outputContentFormat="markdown", stringIndexType="utf16CodeUnit")
    assert accepted.headers["Retry-After"] == "1"
    answer = poll(accepted)
    result = answer["analyzeResult"]
    assert (answer["status"], result["modelId"], result["apiVersion"]) == ("succeeded", "prebuilt-layout", "2024-11-30")
    assert (result["contentFormat"], result["stringIndexType"]) == ("markdown", "utf16CodeUnit")
    assert result["content"].startswith("# Quarterly report\n\n")
    assert [page["pageNumber"] for page in result["pages"]] == [1, 2]
    for word in result["pages"][0]["words"]:
        assert cut(result["content"], word["span"], "utf16CodeUnit") == word["content"]
        assert len(word["polygon"]) == 8
    (table,) = result["tables"]
    assert (table["rowCount"], table["columnCount"], table["cells"][3]["content"]) == (4, 3, "Brake lining")
    assert {"columnHeader"} == {cell["kind"] for cell in table["cells"][:3]}
    again = _get(anyone, alice_key, accepted.headers["Operation-Location"])
    assert again.json() == answer


def test_documents_come_as_base64_and_some_pages_are_asked_for(analyze, poll, report):
    answer = poll(analyze({"base64Source": base64.b64encode(report).decode()}, "prebuilt-read", pages="2, 2-2"))
    assert [page["pageNumber"] for page in answer["analyzeResult"]["pages"]] == [2]


def test_emoji_count_as_the_client_asked(analyze, poll):
    text = "Hi 👩🏽‍🚀 du 🇩🇪 end"
    page = f'<!DOCTYPE html><html><meta charset="utf-8"><body><p>{text}</p></body></html>'.encode()
    spans = {}
    for counted in ("textElements", "unicodeCodePoint", "utf16CodeUnit"):
        result = poll(analyze(page, "prebuilt-read", stringIndexType=counted))["analyzeResult"]
        spans[counted] = result["pages"][0]["words"][-1]["span"]["offset"]
        assert result["content"] == text
    assert spans == {"textElements": 12, "unicodeCodePoint": 14, "utf16CodeUnit": 19}


def test_an_invoice_has_its_fields_typed_and_in_place(analyze, poll, tmp_path):
    invoice = draw_invoice(tmp_path / "invoice.pdf").read_bytes()
    result = poll(analyze(invoice, "prebuilt-invoice", features="queryFields", queryFields="Your reference"))["analyzeResult"]
    (document,) = result["documents"]
    fields = document["fields"]
    assert document["docType"] == "invoice"
    assert (fields["InvoiceId"]["valueString"], fields["InvoiceDate"]["valueDate"]) == ("QS-2026-0471", "2026-03-05")
    assert fields["InvoiceTotal"]["valueCurrency"]["amount"] == 259.42
    first = fields["Items"]["valueArray"][0]["valueObject"]
    assert (first["Description"]["valueString"], first["Quantity"]["valueNumber"]) == ("Dividers A4", 20)
    for name, written in (("InvoiceId", "QS-2026-0471"), ("InvoiceDate", "5 March 2026"), ("InvoiceTotal", "259.42")):
        (span,) = fields[name]["spans"]
        assert cut(result["content"], span, "textElements") == fields[name]["content"] == written
        assert fields[name]["boundingRegions"][0]["pageNumber"] == 1


def test_a_figure_is_fetched_by_its_id_and_a_result_deleted_by_the_one_who_made_it(
    analyze, poll, anyone, alice_key, bob_key, tmp_path
):
    accepted = analyze(illustrated_pdf(tmp_path / "illustrated.pdf").read_bytes(), output="figures")
    (figure,) = poll(accepted)["analyzeResult"]["figures"]
    address = accepted.headers["Operation-Location"].partition("?")[0]
    assert _get(anyone, alice_key, f"{address}/figures/{figure['id']}").content[:2] == b"\xff\xd8"
    missing = _get(anyone, alice_key, f"{address}/figures/9.9").json()["error"]
    assert (missing["code"], missing["innererror"]["code"]) == ("NotFound", "FigureNotFound")
    headers = {"Ocp-Apim-Subscription-Key": bob_key}
    assert anyone.delete(address, headers=headers).status_code == 404
    assert anyone.delete(address, headers={"Ocp-Apim-Subscription-Key": alice_key}).status_code == 204
    gone = _get(anyone, alice_key, address)
    assert (gone.status_code, gone.json()["error"]["innererror"]["code"]) == (404, "OperationNotFound")


def test_what_has_no_meaning_here_is_named_and_what_is_wrong_is_refused(analyze, report):
    accepted = analyze(report, features="barcodes,languages,styleFont", output="pdf,figures", locale="de-DE", pages="1")
    ignored = accepted.headers["X-Ignored-Options"].split(", ")
    assert ignored == ["features.barcodes", "features.languages", "output.pdf", "locale"]
    refused = {
        "ModelNotFound": analyze(report, "prebuilt-tax.us.w2"),
        "InvalidParameter": analyze(report, outputContentFormat="html"),
        "InvalidContent": analyze(b"\x00\x01\x02\x03" * 100),
        "ContentMissing": analyze({}),
    }
    for inner, answer in refused.items():
        error = answer.json()["error"]
        assert error["innererror"]["code"] == inner, answer.text
        assert set(error) == {"code", "message", "innererror", "details"}
    assert [answer.status_code for answer in refused.values()] == [404, 400, 400, 400]


def test_a_wrong_key_is_401_and_a_failed_document_a_failed_operation(analyze, poll, report, tmp_path):
    assert analyze(report, key="dp_live_wrong").json()["error"]["code"] == "401"
    answer = poll(analyze(report[:600]))
    assert (answer["status"], answer["error"]["details"][0]["code"]) == ("failed", "DAMAGED_DOCUMENT")


def test_models_are_listed(anyone):
    assert [one["modelId"] for one in anyone.get(MODELS).json()["value"]][:3] == [
        "prebuilt-read",
        "prebuilt-layout",
        "prebuilt-invoice",
    ]
    assert anyone.get(f"{MODELS}/prebuilt-read").json()["apiVersion"] == "2024-11-30"
    assert anyone.get(f"{MODELS}/prebuilt-other").status_code == 404
    assert anyone.get("/documentintelligence/info").json() == {"customDocumentModels": {"count": 0, "limit": 0}}
