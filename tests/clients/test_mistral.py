"""Mistral's own client, and Haystack's converter on top of it, read documents with this service."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from pydantic import BaseModel

from tests.support.client_packages import client_package

mistralai = client_package("mistralai.client")
extra = client_package("mistralai.extra")
converters = client_package("haystack_integrations.components.converters.mistral")
secrets = client_package("haystack.utils")
MODEL = "mistral-ocr-latest"


class Report(BaseModel):
    """What is asked of the report."""

    title: str | None
    brake_lining_amount: float | None


def client_of(served, key=None, path=""):
    return mistralai.Mistral(api_key=key or served.key, server_url=served.url + path)


@pytest.fixture
def client(served):
    with client_of(served) as client:
        yield client


def upload(client, path):
    return client.files.upload(file={"file_name": path.name, "content": path.read_bytes()}, purpose="ocr")


def refusal_of(call):
    with pytest.raises(mistralai.errors.MistralError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("path", ["", "/compat/mistral"])
def test_upload_signed_address_ocr_delete(served, report, path):
    with client_of(served, path=path) as client:
        file = upload(client, report)
        assert (file.filename, file.size_bytes, file.purpose) == ("report.pdf", report.stat().st_size, "ocr")
        assert file.id in [one.id for one in client.files.list().data]
        assert client.files.download(file_id=file.id).read() == report.read_bytes()
        address = client.files.get_signed_url(file_id=file.id).url
        answer = client.ocr.process(model=MODEL, document={"type": "document_url", "document_url": address})
        assert [page.index for page in answer.pages] == [0, 1]
        assert answer.pages[0].markdown.startswith("# Quarterly report\n\n")
        assert "| Brake lining | 12 | 148.50 |" in answer.pages[0].markdown
        assert answer.usage_info.pages_processed == 2
        assert client.files.delete(file_id=file.id).deleted
        assert refusal_of(lambda: client.files.retrieve(file_id=file.id)).status_code == 404


def test_the_result_of_a_file_is_the_same_each_time_and_in_both_flavours(served, client, report):
    file = upload(client, report)
    asked = {"model": MODEL, "document": {"type": "file", "file_id": file.id}}
    first, second = client.ocr.process(**asked), client.ocr.process(**asked)

    async def later():
        async with client_of(served) as other:
            return await other.ocr.process_async(**asked)

    assert first == second == asyncio.run(later())


def test_tables_blocks_scores_and_pages(client, report):
    inside = "data:application/pdf;base64," + base64.b64encode(report.read_bytes()).decode()
    answer = client.ocr.process(
        model=MODEL,
        document={"type": "document_url", "document_url": inside, "document_name": "report.pdf"},
        pages="0",
        table_format="html",
        confidence_scores_granularity="word",
        extract_header=True,
        include_image_base64=True,
    )
    (page,) = answer.pages
    assert page.markdown.count(f"[{page.tables[0].id}]({page.tables[0].id})") == 1
    assert page.tables[0].content.startswith("<table>")
    assert (page.dimensions.dpi, page.dimensions.width, page.dimensions.height) == (200, 1654, 2339)
    assert [block.type for block in page.blocks] == ["title", "text", "table"]
    assert all(block.top_left_x < block.bottom_right_x <= page.dimensions.width for block in page.blocks)
    assert page.blocks[2].table_id == page.tables[0].id
    scores = page.confidence_scores.word_confidence_scores
    assert all(page.markdown[score.start_index :].startswith(score.text) for score in scores)
    assert page.confidence_scores.average_page_confidence_score == 1.0


def test_a_pydantic_model_is_filled(client, report):
    file = upload(client, report)
    answer = client.ocr.process(
        model=MODEL,
        document={"type": "file", "file_id": file.id},
        document_annotation_format=extra.response_format_from_pydantic_model(Report),
    )
    assert set(json.loads(answer.document_annotation)) == set(Report.model_fields)


def test_a_page_that_cannot_be_read_is_there_and_says_so(client, half_readable):
    file = upload(client, half_readable)
    answer = client.ocr.process(model=MODEL, document={"type": "file", "file_id": file.id})
    assert answer.pages[0].markdown == "A good page"
    assert answer.pages[1].markdown == "<!-- page 2 could not be read: PAGE_TOO_SLOW -->"
    assert answer.usage_info.pages_processed == 1


def test_refusals_are_the_errors_of_the_client(served, client, report):
    broken = {"type": "document_url", "document_url": "data:application/pdf;base64,JVBERi0xLjQK"}
    error = refusal_of(lambda: client.ocr.process(model=MODEL, document=broken))
    assert error.status_code == 422
    assert json.loads(error.body)["detail"][0]["msg"]
    private = {"type": "document_url", "document_url": "http://10.0.0.1/a.pdf"}
    assert json.loads(refusal_of(lambda: client.ocr.process(model=MODEL, document=private)).body)["code"] == "FETCH_REFUSED"
    with client_of(served, "wrong") as stranger:
        assert refusal_of(stranger.files.list).status_code == 401
    file = upload(client, report)
    error = refusal_of(lambda: client.ocr.process(model=MODEL, document={"type": "file", "file_id": file.id}, pages="one"))
    assert json.loads(error.body)["detail"][0]["loc"] == ["body", "pages"]


def test_a_limit_says_when_to_come_back(served, report):
    with client_of(served, served.slow_key) as hasty:
        upload(hasty, report)
        error = refusal_of(lambda: upload(hasty, report))
    assert error.status_code == 429
    assert 0 < int(error.headers["Retry-After"]) <= 60


def test_a_full_queue_says_when_to_come_back(full_address, report):
    inside = "data:application/pdf;base64," + base64.b64encode(report.read_bytes()).decode()
    with mistralai.Mistral(api_key="any", server_url=full_address) as client:
        error = refusal_of(lambda: client.ocr.process(model=MODEL, document={"type": "document_url", "document_url": inside}))
    assert (error.status_code, json.loads(error.body)["code"]) == (503, "QUEUE_FULL")
    assert int(error.headers["Retry-After"]) > 0


def test_options_without_a_meaning_here_are_named(client, report, ignored):
    asked = {"type": "file", "file_id": upload(client, report).id}
    wanted = extra.response_format_from_pydantic_model(Report)
    client.ocr.process(model=MODEL, document=asked, bbox_annotation_format=wanted)
    assert "bbox_annotation_format" in ignored


def test_haystack_reads_files_and_gives_back_what_it_uploaded(served, client, report):
    converter = converters.MistralOCRDocumentConverter(api_key=secrets.Secret.from_token(served.key))
    converter.client = client
    before = len(client.files.list().data)
    found = converter.run(sources=[report], document_annotation_schema=Report)
    (document,) = found["documents"]
    assert document.content.startswith("# Quarterly report")
    assert document.content.count("\f") == 1
    assert document.meta["source_page_count"] == 2
    assert "source_title" in document.meta
    assert len(client.files.list().data) == before


def test_a_file_outlives_a_restart(served, client, report):
    file = upload(client, report)
    address = client.files.get_signed_url(file_id=file.id).url
    served.service.stop()
    served.service.start().ready()
    answer = client.ocr.process(model=MODEL, document={"type": "document_url", "document_url": address})
    assert len(answer.pages) == 2
