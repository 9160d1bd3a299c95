"""``llama-cloud`` pointed at this service."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.client_packages import client_package
from tests.support.service import Service

package = client_package("llama_cloud")
SENTENCES = [f"This is the sentence of page {number}, and of no other one." for number in range(1, 6)]
AGENTIC = {"tier": "agentic", "version": "latest"}
FAST = {"polling_interval": 0.2}
SHORT = {"expand": ["text"], **AGENTIC, **FAST}


@pytest.fixture(scope="module")
def client(address, key):
    with package.LlamaCloud(api_key=key, base_url=address) as client:
        yield client


def test_a_file_is_sent_and_read_in_one_call(client, five_pages):
    found = client.parsing.parse(upload_file=five_pages, expand=["markdown", "text", "items", "metadata"], **AGENTIC, **FAST)
    assert found.job.status == "COMPLETED"
    assert [page.markdown for page in found.markdown.pages] == SENTENCES
    assert [page.text for page in found.text.pages] == SENTENCES
    assert [page.items[0].value for page in found.items.pages] == SENTENCES
    assert all(page.items[0].bbox[0].w > 100 for page in found.items.pages)
    assert [page.page_number for page in found.metadata.pages] == [1, 2, 3, 4, 5]


def test_a_stored_file_is_read_twice_fetched_twice_and_deleted(client, five_pages):
    file = client.files.create(file=five_pages, purpose="parse")
    assert client.files.retrieve(file.id).name == "five.pdf"
    job = client.parsing.create(file_id=file.id, **AGENTIC, page_ranges={"target_pages": "2-3"})
    client.parsing.wait_for_completion(job.id, **FAST)
    once, twice = (client.parsing.get(job.id, expand=["markdown"]) for _ in range(2))
    assert [page.markdown for page in once.markdown.pages] == SENTENCES[1:3]
    assert once.markdown == twice.markdown
    assert job.id in [one.id for one in client.parsing.list(page_size=50).items]
    assert client.parsing.delete(job.id).id == job.id
    client.files.delete(file.id)
    with pytest.raises(package.NotFoundError):
        client.files.retrieve(file.id)
    assert client.parsing.list_versions().latest.agentic


def test_the_async_client_and_a_base_address_with_a_path(address, key, five_pages):
    async def read():
        async with package.AsyncLlamaCloud(api_key=key, base_url=f"{address}/compat/llamaparse") as client:
            return await client.parsing.parse(upload_file=five_pages, expand=["markdown"], **AGENTIC, **FAST)

    assert [page.markdown for page in asyncio.run(read()).markdown.pages] == SENTENCES


def test_a_lost_page_is_a_failed_page_and_a_broken_file_a_failed_job(client, lost_page, tmp_path, five_pages):
    found = client.parsing.parse(upload_file=lost_page, expand=["markdown", "items"], **AGENTIC, **FAST)
    assert [page.success for page in found.markdown.pages] == [True, False, True, True, True]
    assert "PAGE_DAMAGED" in found.items.pages[1].error
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(five_pages.read_bytes()[:200])
    with pytest.raises(client_package("llama_cloud._polling").PollingError, match="damaged"):
        client.parsing.parse(upload_file=broken, **SHORT)


def test_wrong_keys_and_wrong_options_are_the_exceptions_of_the_client(client, address, five_pages):
    with package.LlamaCloud(api_key="dp_wrong", base_url=address) as stranger, pytest.raises(package.AuthenticationError):
        stranger.parsing.parse(upload_file=five_pages, **SHORT)
    with pytest.raises(package.UnprocessableEntityError, match="page_range"):
        client.parsing.create(source_url="https://example.org/a.pdf", page_ranges={"target_pages": "none"}, **AGENTIC)
    with pytest.raises(package.NotFoundError):
        client.parsing.get("00000000-0000-4000-8000-000000000000")


def test_a_full_queue_says_when_to_come_back(full_address, five_pages):
    with (
        package.LlamaCloud(api_key="any", base_url=full_address, max_retries=0) as client,
        pytest.raises(package.InternalServerError) as refused,
    ):
        client.parsing.create(upload_file=five_pages, **AGENTIC)
    assert refused.value.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0


def test_options_without_a_meaning_here_are_named(client, five_pages, ignored):
    client.parsing.create(upload_file=five_pages, crop_box={"top": 0.1}, **AGENTIC)
    assert "crop_box" in ignored


def test_values_and_types_of_what_was_read(client, rich):
    job = client.parsing.parse(upload_file=rich, **SHORT).job
    row = {"type": "object", "properties": {"Item": {"type": "string"}, "Pieces": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": row}}}
    assert client.extract.validate_schema(data_schema=schema).data_schema == schema
    found = client.extract.run(file_input=job.id, configuration={"data_schema": schema, "cite_sources": True}, **FAST)
    assert found.extract_result["items"][0] == {"Item": "Brake lining", "Pieces": 12}
    cited = found.extract_metadata.field_metadata.document_metadata["items"][0]["Pieces"]
    assert (cited["citation"][0]["page"], cited["citation"][0]["matching_text"]) == (1, "12")
    rules = [{"type": "shop_report", "description": "a quarterly report with goods, pieces and amounts sold by a shop"}]
    classified = client.classify.run(file_input=job.id, configuration={"rules": rules}, **FAST)
    assert classified.status == "COMPLETED"
    assert classified.configuration.rules[0].type == "shop_report"
    assert classified.result.reasoning


def test_a_restart_and_too_many_requests_are_waited_out(tmp_path, five_pages):
    limited = {"FACADES": "llamaparse", "RATE_LIMIT_UPLOADS": "1/second"}
    with (
        Service(tmp_path, NUM_WORKERS=1, WEB_WORKERS=1, **limited) as service,
        package.LlamaCloud(api_key="any", base_url=f"http://127.0.0.1:{service.port}", max_retries=8) as client,
    ):
        jobs = [client.parsing.create(upload_file=five_pages, **AGENTIC) for _ in range(3)]
        service.stop()
        service.start().ready()
        for job in jobs:
            client.parsing.wait_for_completion(job.id, **FAST)
            assert len(client.parsing.get(job.id, expand=["text"]).text.pages) == 5
