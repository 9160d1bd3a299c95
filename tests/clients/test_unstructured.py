"""``unstructured-client`` and LangChain's loader on it, pointed at this service."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.client_packages import client_package
from tests.support.service import Service

package = client_package("unstructured_client")
errors = client_package("unstructured_client.models.errors")
general = client_package("unstructured_client.general")
retries = client_package("unstructured_client.utils")
PATIENT = retries.RetryConfig("backoff", retries.BackoffStrategy(300, 2000, 1.5, 60_000), retry_connection_errors=True)


@pytest.fixture(scope="module")
def client(address, key):
    return package.UnstructuredClient(api_key_auth=key, server_url=address)


def request(path, **parameters):
    return {"partition_parameters": {"files": {"content": path.read_bytes(), "file_name": path.name}, **parameters}}


def partition(client, path, **parameters):
    return client.general.partition(request=request(path, **parameters))


def sentences(elements):
    return [(one["metadata"]["page_number"], one["text"]) for one in elements]


EXPECTED = [(number, f"This is the sentence of page {number}, and of no other one.") for number in range(1, 6)]


def test_a_pdf_that_the_client_splits_reads_as_the_whole_one(client, five_pages):
    parted, whole = partition(client, five_pages), partition(client, five_pages, split_pdf_page=False)
    assert sentences(parted.elements) == sentences(whole.elements) == EXPECTED
    assert {one["metadata"]["filename"] for one in parted.elements} == {"five.pdf"}
    some = partition(client, five_pages, split_pdf_page_range=[2, 4], starting_page_number=1)
    assert sentences(some.elements) == EXPECTED[1:4]


def test_the_async_client_and_a_base_address_with_a_path(address, key, five_pages):
    async def read():
        async with package.UnstructuredClient(api_key_auth=key, server_url=f"{address}/compat/unstructured") as client:
            return await client.general.partition_async(request=request(five_pages))

    assert sentences(asyncio.run(read()).elements) == EXPECTED


@pytest.mark.parametrize("split", [True, False])
def test_lines_come_as_a_file_and_tables_as_csv(client, five_pages, rich, split):
    lines = client.general.partition(
        request=request(five_pages, split_pdf_page=split),
        accept_header_override=general.PartitionAcceptEnum.APPLICATION_X_NDJSON,
    )
    kept = Path(lines.elements_file)
    assert sentences(map(json.loads, kept.read_text().splitlines())) == EXPECTED
    kept.unlink()
    if not split:
        table = client.general.partition(
            request=request(rich, split_pdf_page=False, output_format="text/csv"),
            accept_header_override=general.PartitionAcceptEnum.TEXT_CSV,
        )
        rows = list(csv.DictReader(io.StringIO(table.csv_elements)))
        assert [row["type"] for row in rows if row["text_as_html"]] == ["Table"]


def test_chunks_of_a_split_document(client, five_pages):
    found = partition(client, five_pages, chunking_strategy="by_title", max_characters=200).elements
    assert {one["type"] for one in found} == {"CompositeElement"}
    assert all(sentence in "".join(one["text"] for one in found) for _, sentence in EXPECTED)


def test_a_page_that_could_not_be_read_is_an_element_with_its_error(client, lost_page):
    # The client, when it splits a document, copies such a page as a blank one.
    found = partition(client, lost_page, split_pdf_page=False).elements
    assert [text for _, text in sentences(found)] == [text if page != 2 else "" for page, text in EXPECTED]
    assert [one["metadata"].get("error", {}).get("code") for one in found] == [None, "PAGE_DAMAGED", None, None, None]


def test_failures_are_the_exceptions_of_the_client(client, address, tmp_path, five_pages):
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(five_pages.read_bytes()[:200])
    with pytest.raises(errors.HTTPValidationError, match="DAMAGED_DOCUMENT"):
        partition(client, damaged, split_pdf_page=False)
    with pytest.raises(errors.HTTPValidationError, match="max_characters"):
        partition(client, five_pages, split_pdf_page=False, chunking_strategy="basic", max_characters=0)
    stranger = package.UnstructuredClient(api_key_auth="dp_wrong", server_url=address)
    for split in (True, False):
        with pytest.raises(errors.SDKError) as refused:
            partition(stranger, five_pages, split_pdf_page=split)
        assert refused.value.status_code == 401


def test_a_full_queue_says_when_to_come_back(full_address, five_pages):
    client = package.UnstructuredClient(server_url=full_address, retry_config=retries.RetryConfig("none", None, False))
    with pytest.raises(errors.ServerError) as refused:
        partition(client, five_pages, split_pdf_page=False)
    assert refused.value.status_code == 503
    assert int(refused.value.headers["Retry-After"]) > 0


def test_options_without_a_meaning_here_are_named(client, five_pages, ignored):
    partition(client, five_pages, split_pdf_page=False, hi_res_model_name="yolox")
    assert "hi_res_model_name" in ignored


def test_too_many_requests_and_a_restart_are_waited_out(tmp_path, five_pages):
    with Service(tmp_path, NUM_WORKERS=1, WEB_WORKERS=1, FACADES="unstructured", RATE_LIMIT_UPLOADS="2/second") as service:
        client = package.UnstructuredClient(server_url=f"http://127.0.0.1:{service.port}", retry_config=PATIENT)
        assert sentences(partition(client, five_pages, split_pdf_concurrency_level=3).elements) == EXPECTED
        for _ in range(3):
            assert len(partition(client, five_pages, split_pdf_page=False).elements) == 5
        service.stop()
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(partition, client, five_pages, split_pdf_page=False)
            service.start().ready()
            found = asked.result(timeout=120).elements
        assert found == partition(client, five_pages, split_pdf_page=False).elements, "the same, whenever it is asked for"


def test_langchain_loads_documents_with_their_pages(address, key, five_pages, rich):
    loaders = client_package("langchain_unstructured")
    asked = {"partition_via_api": True, "api_key": key, "url": address, "coordinates": True}
    loader = loaders.UnstructuredLoader([five_pages, rich], **asked)
    found = loader.load()
    assert [(one.metadata["page_number"], one.page_content) for one in found[:5]] == EXPECTED
    assert {one.metadata["category"] for one in found[5:]} >= {"Title", "Table"}
    assert found[0].metadata["source"] == str(five_pages)
    assert [one.page_content for one in asyncio.run(loader.aload())] == [one.page_content for one in found]
