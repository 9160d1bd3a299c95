"""The routes of unstructured-api, as its clients call them; their own packages are in tests/clients."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import zlib
from email import message_from_bytes

import pytest

from tests.support.documents import report_pdf

PATH = "/general/v0/general"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return report_pdf(tmp_path_factory.mktemp("unstructured") / "report.pdf").read_bytes()


def sent(client, document, name="report.pdf", headers=None, **fields):
    files = {"files": (name, document, "application/octet-stream")}
    return client.post(PATH, files=files, data=fields, headers=headers or {})


def elements(client, document, **fields):
    response = sent(client, document, **fields)
    assert response.status_code == 200, response.text
    return response.json()


def test_elements_have_types_ids_parents_tables_and_places(alice, report):
    found = elements(alice, report, coordinates="true")
    assert [one["type"] for one in found if one["type"] in ("Title", "NarrativeText", "Table")][:1] == ["Title"]
    title = next(one for one in found if one["type"] == "Title")
    table = next(one for one in found if one["type"] == "Table")
    assert "<td>Brake lining</td>" in table["metadata"]["text_as_html"]
    assert table["metadata"]["parent_id"] == title["element_id"]
    assert {one["metadata"]["filename"] for one in found} == {"report.pdf"}
    left, top = title["metadata"]["coordinates"]["points"][0]
    assert title["metadata"]["coordinates"]["system"] == "PixelSpace"
    assert abs(left - 72) < 3
    assert 40 < top < 90
    assert found == elements(alice, report, coordinates="true"), "ids and all are the same in every job"


def test_chunks_carry_their_elements(alice, report):
    whole = elements(alice, report)
    chunks = elements(alice, report, chunking_strategy="by_title", max_characters="120", overlap="10")
    assert {one["type"] for one in chunks} <= {"CompositeElement", "Table", "TableChunk"}
    assert all(0 < len(one["text"]) <= 120 for one in chunks)
    inside = [json.loads(zlib.decompress(base64.b64decode(one["metadata"]["orig_elements"]))) for one in chunks]
    assert {one["element_id"] for group in inside for one in group} == {one["element_id"] for one in whole if one["text"]}
    bare = elements(alice, report, chunking_strategy="basic", include_orig_elements="false")
    assert all("orig_elements" not in one["metadata"] for one in bare)


def test_a_part_of_a_parted_document_counts_its_pages_on(alice, report):
    assert alice.get("/general/docs").status_code == 200
    found = elements(alice, report, starting_page_number="7", include_page_breaks="true", split_pdf_page="false")
    assert {one["metadata"]["page_number"] for one in found} == {7}
    assert [one["type"] for one in found].count("PageBreak") == 1


def test_several_documents_are_a_list_of_lists_or_a_multipart_answer(alice, report):
    files = [("files", ("a.pdf", report)), ("files", ("b.html", b"<h1>Title</h1><p>Text of a page that is short.</p>"))]
    lists = alice.post(PATH, files=files).json()
    assert [group[0]["metadata"]["filename"] for group in lists] == ["a.pdf", "b.html"]
    mixed = alice.post(PATH, files=files, headers={"Accept": "multipart/mixed"})
    message = message_from_bytes(b"Content-Type: " + mixed.headers["content-type"].encode() + b"\r\n\r\n" + mixed.content)
    assert [json.loads(part.get_payload()) for part in message.get_payload()] == lists
    assert alice.post(PATH, files=files, headers={"Accept": "image/png"}).status_code == 406


def test_csv_lines_and_gzip(alice, report):
    whole = elements(alice, report)
    rows = list(csv.DictReader(io.StringIO(sent(alice, report, output_format="text/csv").text)))
    assert [row["text"] for row in rows] == [one["text"] for one in whole]
    lines = sent(alice, report, headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == whole
    packed = sent(alice, gzip.compress(report), name="report.pdf.gz", gz_uncompressed_content_type="application/pdf")
    assert packed.json() == whole
    assert sent(alice, gzip.compress(report)[:-20], name="report.pdf.gz").status_code == 422


def test_unknown_fields_are_named_and_wrong_ones_refused(alice, anyone, report):
    response = sent(alice, report, hi_res_model_name="yolox", split_pdf_page="true", new_thing="1", strategy="hi_res")
    assert response.headers["x-ignored-options"] == "hi_res_model_name, new_thing"
    wrong = sent(alice, report, chunking_strategy="by_title", max_characters="many")
    assert wrong.status_code == 422
    assert "max_characters" in wrong.json()["detail"]
    refused = sent(anyone, report, headers={"unstructured-api-key": "dp_wrong"})
    assert refused.status_code == 401
    assert refused.json()["retryable"] is False


def test_a_key_comes_in_the_header_of_its_clients_and_below_the_prefix_too(anyone, alice_key, report):
    key = {"unstructured-api-key": alice_key}
    paths = (PATH, f"/compat/unstructured{PATH}")
    found = [anyone.post(path, files={"files": ("r.pdf", report)}, headers=key) for path in paths]
    assert [one.status_code for one in found] == [200, 200]


def test_mail_has_its_people_on_each_element(alice):
    mail = b"From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: Offer\r\n\r\nWe send you last week's offer.\r\n"
    found = elements(alice, mail, name="offer.eml")
    assert {tuple(one["metadata"]["sent_from"]) for one in found} == {("Ann <ann@example.org>",)}
    assert {one["metadata"]["subject"] for one in found} == {"Offer"}
