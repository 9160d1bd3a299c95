"""Azure's own client of Document Intelligence read documents with this service."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.client_packages import client_package
from tests.support.documents import illustrated_pdf, pdf_of_text, report_pdf
from tests.support.drawn_invoices import draw_invoice
from tests.support.owners import make_key
from tests.support.service import Service

package = client_package("azure.ai.documentintelligence")
asynchronous = client_package("azure.ai.documentintelligence.aio")
models = client_package("azure.ai.documentintelligence.models")
credentials = client_package("azure.core.credentials")
exceptions = client_package("azure.core.exceptions")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    tiers = tmp_path_factory.mktemp("tiers") / "tiers.toml"
    tiers.write_text("[key]\n\n[slow]\nrequests_per_minute = 1\n")
    settings = {"AUTH_MODE": "required", "FACADES": "azure", "TIERS_FILE": tiers, "RATE_LIMIT_READS": "none"}
    settings["OPENER_TIMEOUT_SECONDS"] = 2
    with Service(tmp_path_factory.mktemp("azure"), NUM_WORKERS=1, WEB_WORKERS=1, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def key(served):
    return make_key(served.data_dir, "alice").secret


def client_of(served, key, path="", kind=None, **options):
    made = {"retry_total": 0, "polling_interval": 1, **options}
    address = f"http://127.0.0.1:{served.port}{path}"
    return (kind or package.DocumentIntelligenceClient)(address, credentials.AzureKeyCredential(key), **made)


@pytest.fixture(scope="module")
def client(served, key):
    with client_of(served, key) as client:
        yield client


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return report_pdf(tmp_path_factory.mktemp("documents") / "report.pdf").read_bytes()


@pytest.mark.parametrize("path", ["", "/compat/azure"])
def test_a_report_is_analyzed(served, key, report, path):
    with client_of(served, key, path) as client:
        poller = client.begin_analyze_document("prebuilt-layout", report, output_content_format="markdown")
        result = poller.result()
        assert poller.details["operation_id"].count("-") == 4
    assert result.content.startswith("# Quarterly report\n\n")
    assert (len(result.pages), result.tables[0].row_count, result.tables[0].column_count) == (2, 4, 3)
    assert result.tables[0].cells[3].content == "Brake lining"
    assert result.paragraphs[0].role in ("title", "sectionHeading")
    word = result.pages[0].words[0]
    assert result.content[word.span.offset : word.span.offset + word.span.length] == word.content == "Quarterly"


def test_the_asynchronous_client_reads_several_at_once(served, key, report):
    async def work():
        async with client_of(served, key, kind=asynchronous.DocumentIntelligenceClient) as client:
            asked = [client.begin_analyze_document("prebuilt-read", report, pages=str(number)) for number in (1, 2)]
            return [await poller.result() for poller in await asyncio.gather(*asked)]

    assert [[page.page_number for page in result.pages] for result in asyncio.run(work())] == [[1], [2]]


@pytest.mark.parametrize("counted", ["textElements", "unicodeCodePoint", "utf16CodeUnit"])
def test_offsets_are_exact_however_they_are_counted(client, counted):
    page = '<!DOCTYPE html><meta charset="utf-8"><p>Hi 👩🏽‍🚀 du 🇩🇪 end</p>'.encode()
    result = client.begin_analyze_document("prebuilt-read", page, string_index_type=counted).result()
    units = result.content.encode("utf-16-le") if counted == "utf16CodeUnit" else None
    for word in result.pages[0].words:
        start, end = word.span.offset, word.span.offset + word.span.length
        if units is not None:
            assert units[2 * start : 2 * end].decode("utf-16-le") == word.content
        elif counted == "unicodeCodePoint":
            assert result.content[start:end] == word.content
    assert result.string_index_type == counted


def test_an_invoice_is_read_as_langchain_and_others_send_it(client, tmp_path):
    """They send base64 inside JSON, as AnalyzeDocumentRequest."""
    request = models.AnalyzeDocumentRequest(bytes_source=draw_invoice(tmp_path / "invoice.pdf").read_bytes())
    found = client.begin_analyze_document("prebuilt-invoice", request).result().documents[0]
    assert found.fields["InvoiceId"].value_string == "QS-2026-0471"
    assert found.fields["InvoiceDate"].value_date.isoformat() == "2026-03-05"
    assert found.fields["InvoiceTotal"].value_currency.amount == 259.42
    assert [item.value_object["Description"].value_string for item in found.fields["Items"].value_array] == [
        "Dividers A4",
        "Ring binder",
    ]
    assert found.fields["InvoiceId"].confidence > 0.5
    assert found.fields["InvoiceId"].bounding_regions[0].page_number == 1


def test_figures_are_fetched_and_results_deleted(client, tmp_path):
    document = illustrated_pdf(tmp_path / "illustrated.pdf").read_bytes()
    poller = client.begin_analyze_document("prebuilt-layout", document, output=["figures"])
    (figure,) = poller.result().figures
    names = {"model_id": "prebuilt-layout", "result_id": poller.details["operation_id"]}
    assert b"".join(client.get_analyze_result_figure(figure_id=figure.id, **names))[:2] == b"\xff\xd8"
    client.delete_analyze_result(**names)
    with pytest.raises(exceptions.ResourceNotFoundError):
        b"".join(client.get_analyze_result_figure(figure_id=figure.id, **names))


def test_errors_are_those_of_azure(served, client, key, report):
    with pytest.raises(exceptions.ResourceNotFoundError) as caught:
        client.begin_analyze_document("prebuilt-tax.us.w2", report)
    assert caught.value.error.innererror["code"] == "ModelNotFound"
    with pytest.raises(exceptions.HttpResponseError, match="InvalidRequest"):
        client.begin_analyze_document("prebuilt-read", b"\x00\x01\x02\x03" * 100)
    with pytest.raises(exceptions.ClientAuthenticationError), client_of(served, "dp_live_wrong") as other:
        other.begin_analyze_document("prebuilt-read", report)
    with pytest.raises(exceptions.HttpResponseError, match="damaged"):
        client.begin_analyze_document("prebuilt-read", report[:600]).result()


def test_too_many_requests_are_told_when_to_come_again(served, report):
    slow = make_key(served.data_dir, "bob", tier="slow").secret
    with client_of(served, slow) as client:
        client.begin_analyze_document("prebuilt-read", report, polling=False)
        with pytest.raises(exceptions.HttpResponseError) as caught:
            client.begin_analyze_document("prebuilt-read", report, polling=False)
    assert (caught.value.status_code, caught.value.error.code) == (429, "429")
    assert 0 < int(caught.value.response.headers["Retry-After"]) <= 60


def test_a_full_queue_says_when_to_come_back(full_address, report):
    with (
        package.DocumentIntelligenceClient(full_address, credentials.AzureKeyCredential("any"), retry_total=0) as client,
        pytest.raises(exceptions.HttpResponseError) as refused,
    ):
        client.begin_analyze_document("prebuilt-read", report)
    assert refused.value.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0


def test_options_without_a_meaning_here_are_named(client, report):
    answers = []
    poller = client.begin_analyze_document(
        "prebuilt-read", report, features=["barcodes"], locale="de-DE", raw_response_hook=answers.append
    )
    poller.result()
    assert answers[0].http_response.headers["X-Ignored-Options"] == "features.barcodes, locale"


def test_a_page_that_cannot_be_read_is_a_warning_and_said_in_the_content(client, half_readable):
    result = client.begin_analyze_document("prebuilt-layout", half_readable.read_bytes()).result()
    assert (result.warnings[0].code, {warning.target for warning in result.warnings}) == ("PAGE_TOO_SLOW", {"page 2"})
    assert result.content.startswith("A good page")
    assert "PAGE_TOO_SLOW" in result.content


def test_the_models_are_listed(served, key):
    with client_of(served, key, kind=package.DocumentIntelligenceAdministrationClient) as client:
        assert "prebuilt-invoice" in [model.model_id for model in client.list_models()]
        assert client.get_model("prebuilt-layout").api_version == "2024-11-30"
        assert client.get_resource_details().custom_document_models.limit == 0


def test_a_crash_between_submission_and_polling_changes_nothing(served, key, tmp_path):
    pages = [f"Page {number} of a document that outlives its server." for number in range(1, 7)]
    document = pdf_of_text(tmp_path / "long.pdf", pages).read_bytes()
    with client_of(served, key) as client:
        token = client.begin_analyze_document("prebuilt-read", document).continuation_token()
        served.kill_everything()
        served.start().ready()
        first, again = (
            client.begin_analyze_document("prebuilt-read", document, continuation_token=token).result() for _ in range(2)
        )
    assert [page.page_number for page in first.pages] == [1, 2, 3, 4, 5, 6]
    assert first.as_dict() == again.as_dict()
