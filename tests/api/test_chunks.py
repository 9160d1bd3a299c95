"""Chunks and places of a document that was read: computed from what is stored, in any size, and shown on its pages."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageChops
from redis import Redis

from document_parser import Client
from document_parser.jobs.records import storage_keys
from document_parser.models import Chunk
from document_parser.text.tokens import count_tokens
from document_parser.workers.assemble import MAX_EXPORTS_BESIDE
from tests.support.documents import report_pdf
from tests.support.service import ROOT, Service, redis_url_of

PAPER = ROOT / "samples" / "paper.pdf"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def job(service):
    job_id = service.submit(PAPER)
    assert service.ended(job_id)["status"] == "completed"
    return job_id


@pytest.fixture(scope="module")
def markdown(service, job):
    return service.result(job, format="markdown")["markdown"]


def ask(service, job, path="chunks", **query):
    return service.client.get(f"/v1/jobs/{job}/{path}", params=query)


@pytest.mark.parametrize("query", [{}, {"max_tokens": 64}, {"max_tokens": 100, "strategy": "page"}, {"strategy": "block"}])
def test_the_chunks_of_a_stored_document_are_its_markdown(service, job, markdown, query):
    answer = ask(service, job, **query).json()
    chunks = [Chunk.model_validate(chunk) for chunk in answer["chunks"]]
    assert "".join(chunk.text for chunk in chunks) == markdown
    assert all(chunk.tokens == count_tokens(chunk.context_text) <= query.get("max_tokens", 512) for chunk in chunks)
    assert answer["chunking"] == {"max_tokens": 512, "overlap": 0, "strategy": "heading", "encoding": "cl100k_base"} | query


def test_overlap_begins_a_chunk_earlier_and_the_span_says_so(service, job, markdown):
    chunks = ask(service, job, max_tokens=100, overlap=30).json()["chunks"]
    spans = [(chunk["span"]["start"], chunk["span"]["end"]) for chunk in chunks]
    assert any(start < before for (start, _), (_, before) in zip(spans[1:], spans, strict=False))
    assert [markdown[start:end] for start, end in spans] == [chunk["text"] for chunk in chunks]


def test_nothing_is_read_again(service, job):
    before = service.client.get(f"/v1/jobs/{job}/pages").json()
    ask(service, job, max_tokens=90)
    assert service.client.get(f"/v1/jobs/{job}/pages").json() == before


def test_chunks_come_as_lines_as_a_file_and_as_the_format_of_a_job(service, job):
    lines = service.client.get(f"/v1/jobs/{job}/chunks", headers={"Accept": "application/x-ndjson"})
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    file = service.client.get(f"/v1/jobs/{job}/download", params={"format": "chunks"})
    assert 'filename="paper.chunks.jsonl"' in file.headers["Content-Disposition"]
    assert lines.content == file.content
    assert [json.loads(line) for line in lines.text.splitlines()] == service.result(job, format="chunks")["chunks"]
    own = service.submit(PAPER, output_format="chunks", chunk_max_tokens="80", chunk_strategy="page")
    assert service.ended(own)["status"] == "completed"
    assert ask(service, own).json()["chunks"] == ask(service, job, max_tokens=80, strategy="page").json()["chunks"]


def test_the_ids_of_chunks_are_those_of_another_job_with_the_same_document(service, job):
    other = service.submit(PAPER, cache="false")
    service.ended(other)
    assert [chunk["id"] for chunk in ask(service, other).json()["chunks"]] == [
        chunk["id"] for chunk in ask(service, job).json()["chunks"]
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"strategy": "sentence"}, "strategy"),
        ({"max_tokens": 31}, "max_tokens"),
        ({"max_tokens": 8193}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"overlap": -1}, "overlap"),
        ({"overlap": 256}, "overlap"),
        ({"max_tokens": 100, "overlap": 50}, "overlap"),
        ({"size": 100}, "size"),
    ],
)
def test_what_chunks_cannot_be_asked_for_is_named(service, job, query, field):
    answer = ask(service, job, **query)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["code"], error["details"]["fields"][0]["field"]) == ("INVALID_OPTION", field)


@pytest.mark.parametrize("fields", [{"chunk_max_tokens": "9000"}, {"chunk_overlap": "300"}, {"chunk_strategy": "word"}])
def test_a_document_is_refused_with_chunks_that_cannot_be(service, fields):
    answer = service.client.post("/v1/process/async", data=fields, files={"file": ("paper.pdf", PAPER.read_bytes())})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"][0]["field"] == next(iter(fields))


def around(boxes):
    """The edges of the box around boxes."""
    return [min(box["left"] for box in boxes), min(box["top"] for box in boxes)] + [
        max(box[edge] for box in boxes) for edge in ("right", "bottom")
    ]


def test_the_place_of_a_chunk_is_on_its_pages(service, job):
    for chunk in ask(service, job, max_tokens=100, strategy="page").json()["chunks"]:
        cited = ask(service, job, "cite", **chunk["span"]).json()
        assert cited["text"] == chunk["text"]
        assert [page["page"] for page in cited["pages"]] == chunk["pages"]
        for page in cited["pages"]:
            assert around(page["boxes"]) == pytest.approx(
                around([box for box in chunk["boxes"] if box["page"] == page["page"]]), abs=0.02
            )
        assert service.client.get(cited["pages"][0]["image_url"]).headers["Content-Type"] == "image/jpeg"


def test_a_quotation_has_the_boxes_of_its_own_words(service, job, markdown):
    sentence = max((line for line in markdown.split("\n\n") if not line.startswith(("#", "|", "-"))), key=len)
    start = markdown.index(sentence) + sentence.index(" ") + 1
    end = markdown.index(" ", start)
    (page,) = ask(service, job, "cite", start=start, end=end).json()["pages"]
    block = ask(service, job, "cite", start=markdown.index(sentence), end=markdown.index(sentence) + len(sentence)).json()
    (word,), around = page["boxes"], block["pages"][0]["boxes"][0]
    assert word["right"] - word["left"] < 0.5 * (around["right"] - around["left"])
    assert around["left"] <= word["left"] < word["right"] <= around["right"] + 0.01


def test_the_picture_of_a_place_has_its_boxes_drawn(service, job):
    chunk = next(chunk for chunk in ask(service, job, strategy="block").json()["chunks"] if chunk["pages"] == [2])
    page = ask(service, job, "cite", **chunk["span"]).json()["pages"][0]
    plain = Image.open(io.BytesIO(service.client.get(page["image_url"]).content)).convert("RGB")
    answer = service.client.get(page["marked_image_url"])
    assert answer.headers["Content-Type"] == "image/png"
    marked = Image.open(io.BytesIO(answer.content))
    left, top, right, bottom = ImageChops.difference(plain, marked).point(lambda value: 255 if value > 30 else 0).getbbox()
    box, near = page["boxes"][0], 0.01
    found = (left / plain.width, top / plain.height, right / plain.width, bottom / plain.height)
    assert found == pytest.approx(tuple(box[side] for side in ("left", "top", "right", "bottom")), abs=near)
    accepted = service.client.get(f"/v1/jobs/{job}/cite", params=chunk["span"], headers={"Accept": "image/png"})
    assert accepted.content == answer.content


def test_a_place_that_is_not_in_the_markdown_is_refused(service, job, markdown):
    whole = ask(service, job, "cite", start=0, end=len(markdown))
    assert whole.json()["text"] == markdown
    answer = ask(service, job, "cite", start=0, end=len(markdown) + 1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "SPAN_OUT_OF_RANGE")
    assert answer.json()["error"]["details"]["characters"] == len(markdown)
    assert ask(service, job, "cite", start=10**9, end=10**9 + 1).json()["error"]["code"] == "SPAN_OUT_OF_RANGE"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": 5, "end": 5}, "end"),
        ({"start": -1, "end": 5}, "start"),
        ({"start": 0}, "end"),
        ({"start": 0, "end": 5, "page": 3, "format": "png"}, "page"),
        ({"start": 0, "end": 5, "format": "gif"}, "format"),
    ],
)
def test_what_is_no_range_is_named(service, job, query, field):
    answer = ask(service, job, "cite", **query)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"][0]["field"] == field


def test_a_document_without_pages_has_places_without_pictures(service, tmp_path):
    (tmp_path / "notes.md").write_text("# Notes\n\nOne paragraph.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n")
    job = service.submit(tmp_path / "notes.md")
    service.ended(job)
    assert [chunk["headings"] for chunk in ask(service, job).json()["chunks"]] == [["Notes"]]
    page = ask(service, job, "cite", start=0, end=5).json()["pages"][0]
    assert (page["image_url"], page["marked_image_url"], page["boxes"]) == (None, None, [])
    answer = ask(service, job, "cite", start=0, end=5, format="png")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "NO_PAGE_IMAGE")


def test_chunks_wait_for_the_end_and_of_a_failed_job_are_its_error(tmp_path, service):
    with Service(tmp_path, NUM_WORKERS=0) as waiting:
        job = waiting.submit(PAPER)
        for path, query in (("chunks", {}), ("cite", {"start": 0, "end": 1})):
            assert ask(waiting, job, path, **query).json()["error"]["code"] == "JOB_NOT_COMPLETE"
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    job = service.submit(tmp_path / "broken.pdf")
    error = service.ended(job)["error"]["code"]
    for path, query in (("chunks", {}), ("cite", {"start": 0, "end": 1})):
        assert ask(service, job, path, **query).json()["error"]["code"] == error
    unknown = "00000000-0000-4000-8000-000000000000"
    assert ask(service, unknown).json()["error"]["code"] == "JOB_NOT_FOUND"


def test_few_sizes_are_kept_and_nothing_is_left_of_a_deleted_job(service, tmp_path):
    job = service.submit(report_pdf(tmp_path / "report.pdf"), cache="false")
    service.ended(job)
    for most in range(40, 40 + MAX_EXPORTS_BESIDE + 3):
        assert ask(service, job, max_tokens=most).status_code == 200
    ask(service, job, "cite", start=0, end=3, format="png")
    folder = service.data_dir / storage_keys.exports_beside(job, 1)
    assert len([path for path in folder.iterdir() if path.name.startswith("chunks-")]) == MAX_EXPORTS_BESIDE
    token = {"Authorization": f"Bearer {service.operator_token}"}
    assert service.client.delete(f"/v1/jobs/{job}", headers=token).status_code == 200
    assert not list(service.data_dir.glob(f"jobs/{job}/**/*"))
    with Redis.from_url(redis_url_of(service)) as redis:
        assert not list(redis.scan_iter(f"rq:job:{job}*"))


def test_the_client_has_chunks_and_places(service, job, markdown):
    with Client(str(service.client.base_url)) as client:
        found = client.chunks(job, max_tokens=120, overlap=20, strategy="page")
        assert (found.chunking.max_tokens, found.chunking.strategy) == (120, "page")
        last = found.chunks[-1]
        cited = client.cite(job, last.span.start, last.span.end)
        assert cited.text == last.text == markdown[last.span.start : last.span.end]
        assert client.cited_page(job, last.span.start, last.span.end, page=last.pages[0]).startswith(b"\x89PNG")
        assert "".join(chunk.text for chunk in client.result(job, "chunks").chunks) == markdown
