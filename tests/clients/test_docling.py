"""docling-client reads documents with this service, and docling-core accepts what it gets."""

from __future__ import annotations

import asyncio
import time
from io import BytesIO

import pytest

from tests.support.client_packages import client_package
from tests.support.documents import encrypted_pdf, illustrated_pdf, pdf_of_text

service_client = client_package("docling.service_client")
exceptions = client_package("docling.service_client.exceptions")
options = client_package("docling.datamodel.service.options")
client_module = client_package("docling.service_client.client")
streams = client_package("docling_core.types.io")


@pytest.fixture(scope="module")
def client(served):
    with service_client.DoclingServiceClient(url=served.url, api_key=served.key) as client:
        yield client


@pytest.mark.parametrize("path", ["", "/compat/docling"])
def test_a_report_is_converted_without_waiting_for_web_sockets(served, report, path):
    with service_client.DoclingServiceClient(url=f"{served.url}{path}", api_key=served.key) as client:
        result = client.convert(report)
    document = result.document
    assert (result.status.value, result.errors) == ("success", [])
    assert document.export_to_markdown().startswith("# Quarterly report")
    assert (document.tables[0].data.num_rows, document.tables[0].data.num_cols) == (4, 3)
    assert document.origin.filename == "report.pdf"
    assert all(item.prov for item, _ in document.iterate_items())


def test_the_client_gives_up_the_web_socket_at_once(served, report):
    with service_client.DoclingServiceClient(url=served.url, api_key=served.key, poll_server_wait=30) as client:
        client.convert(report)  # its pages are in the cache from now on
        begun = time.monotonic()
        client.convert(report)
        assert time.monotonic() - begun < 20, "it did not wait for a poll's end, nor try the socket again and again"


def test_pictures_are_embedded_if_they_are_asked_for(client, tmp_path):
    wanted = options.ConvertDocumentsOptions(image_export_mode="embedded")
    document = client.convert(illustrated_pdf(tmp_path / "picture.pdf"), options=wanted).document
    assert document.pictures[0].image.pil_image.width > 10
    plain = client.convert(illustrated_pdf(tmp_path / "picture.pdf")).document
    assert plain.pictures[0].image is None


def test_several_documents_at_once(client, report):
    names = [f"{number}.pdf" for number in range(3)]
    found = client.convert_all([streams.DocumentStream(name=name, stream=BytesIO(report.read_bytes())) for name in names])
    assert [(result.status.value, result.document.name) for result in found] == [("success", name[0]) for name in names]


def test_asynchronous_client(served, report):
    async def read():
        async with service_client.AsyncDoclingServiceClient(url=served.url, api_key=served.key) as client:
            job = await client.submit(report, target=client_module.InBodyTarget())
            return await job.result()

    assert asyncio.run(read()).document.export_to_markdown().startswith("# Quarterly report")


def test_chunks(client, report):
    for kind in client_module.ChunkerKind:
        found = client.chunk(report, kind)
        assert found.chunks[0].doc_items
        assert "Quarterly report" in found.chunks[0].text


def test_an_archive(client, report):
    job = client.submit(report, target=client_module.ZipTarget())
    assert job.result().content.startswith(b"PK")


def test_a_page_that_cannot_be_read_makes_a_part_of_a_document(client, half_readable):
    result = client.convert(half_readable)
    assert result.status.value == "partial_success"
    assert [error.page_no for error in result.errors] == [2]
    assert result.document.texts


def test_a_document_that_cannot_be_read_says_why(client, tmp_path):
    with pytest.raises(exceptions.TaskExecutionError, match="password"):
        client.convert(encrypted_pdf(tmp_path / "locked.pdf", "secret"))


def test_a_wrong_key(served, report):
    with (
        service_client.DoclingServiceClient(url=served.url, api_key="dp_live_wrong") as client,
        pytest.raises(exceptions.ServiceError) as refused,
    ):
        client.convert(report)
    assert refused.value.status_code == 401


def test_a_limit_is_told_with_when_to_come_back(served, report):
    with (
        service_client.DoclingServiceClient(url=served.url, api_key=served.slow_key, http_retries=0) as client,
        pytest.raises(exceptions.ServiceUnavailableError) as refused,
    ):
        # The client asks for signed addresses first, which is a request too.
        client.submit(report)
    assert refused.value.status_code == 429


def test_a_full_queue_is_told_with_when_to_come_back(full_address, report):
    # The client raises this error only if the answer has Retry-After.
    with (
        service_client.DoclingServiceClient(url=full_address, http_retries=0) as client,
        pytest.raises(exceptions.ServiceUnavailableError) as refused,
    ):
        client.submit(report, target=client_module.InBodyTarget())
    assert refused.value.status_code == 503


def test_options_without_a_meaning_here_are_named(client, report, ignored):
    wanted = options.ConvertDocumentsOptions(do_picture_classification=True, images_scale=1.5)
    assert client.convert(report, options=wanted).status.value == "success"
    assert {"do_picture_classification", "images_scale"} <= set(ignored)


def test_a_result_outlives_a_restart_and_is_fetched_twice(served, report, tmp_path):
    path = pdf_of_text(tmp_path / "restart.pdf", ["Words that outlive a restart."]) or tmp_path / "restart.pdf"
    with service_client.DoclingServiceClient(url=served.url, api_key=served.key) as client:
        job = client.submit(path)
        served.service.stop()
        served.service.start().ready()
        first, again = job.result(), job.result()
    assert first.document == again.document
    assert [item.text for item in first.document.texts] == ["Words that outlive a restart."]
