"""docling-serve v1, as its clients send and read: forms and JSON, at once and as tasks, documents and chunks."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest

from tests.support.documents import encrypted_pdf, pdf_of_text

FIRST, SECOND = "The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen liquor jugs."


def convert(client, data, name="paper.pdf", path="/v1/convert/file", **fields):
    return client.post(path, files={"files": (name, data)}, data=fields)


def finished(client, answer):
    assert answer.status_code == 200, answer.text
    task = answer.json()
    found = client.get(f"/v1/status/poll/{task['task_id']}", params={"wait": 30}).json()
    assert found["task_status"] in ("success", "failure"), found
    return found


def texts_of(document, label="text"):
    return [item["text"] for item in document["texts"] if item["label"] == label]


@pytest.fixture(scope="module")
def paper_bytes(paper):
    return paper.read_bytes()


@pytest.fixture(scope="module")
def document(alice, rich):
    """The answer for a document with headings and a table, in all formats."""
    answer = convert(alice, rich.read_bytes(), "rich.pdf", to_formats=["md", "json", "html", "text"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_form_is_answered_with_markdown_unless_it_asks_for_more(alice, paper_bytes):
    for path in ("/v1/convert/file", "/compat/docling/v1/convert/file"):
        answer = convert(alice, paper_bytes, path=path).json()
        assert (answer["status"], answer["errors"], answer["timings"]) == ("success", [], {})
        assert answer["document"]["md_content"].split() == f"{FIRST} {SECOND}".split()
        assert {name for name, value in answer["document"].items() if value is not None} == {"filename", "md_content"}
        # Text that the file itself has is not scored.
        assert answer["confidence"]["mean_grade"] == "unspecified"


def test_each_format_has_the_same_words(document):
    found = document["document"]
    for name in ("md_content", "html_content", "text_content"):
        assert "Quarterly report" in found[name], name
    assert "Quarterly report" in texts_of(found["json_content"], "title")
    assert found["doctags_content"] is None


def test_items_refer_to_each_other_and_lie_on_their_pages(document):
    found = document["document"]["json_content"]
    assert (found["schema_name"], found["name"], found["origin"]["filename"]) == ("DoclingDocument", "rich", "rich.pdf")
    items = {one["self_ref"]: one for kind in ("texts", "tables", "pictures", "groups") for one in found[kind]}
    items["#/body"] = found["body"]
    for ref, item in items.items():
        for child in item["children"]:
            assert items[child["$ref"]]["parent"]["$ref"] == ref
        if ref != "#/body":
            assert {"$ref": ref} in items[item["parent"]["$ref"]]["children"] or item["content_layer"] == "furniture"
        for place in item.get("prov", ()):
            size, box = found["pages"][str(place["page_no"])]["size"], place["bbox"]
            assert box["coord_origin"] == "BOTTOMLEFT"
            assert 0 <= box["l"] < box["r"] <= size["width"]
            assert 0 <= box["b"] < box["t"] <= size["height"]
    table = found["tables"][0]["data"]
    assert (table["num_rows"], table["num_cols"]) == (4, 3)
    assert {(cell["start_row_offset_idx"], cell["start_col_offset_idx"]) for cell in table["table_cells"]} == {
        (row, column) for row in range(4) for column in range(3)
    }
    around, step = found["tables"][0]["prov"][0]["bbox"], 0.02  # places of words are kept in 65,535 steps a side
    for cell in table["table_cells"]:
        box = cell["bbox"]
        assert around["l"] - step <= box["l"] < box["r"] <= around["r"] + step, cell
        assert around["b"] - step <= box["b"] < box["t"] <= around["t"] + step, cell


def test_json_with_a_file_inside_and_unknown_options(alice, paper_bytes):
    options = {"to_formats": ["md", "doctags"], "page_range": [2, 9223372036854775807], "force_ocr": True, "do_ocr": True}
    source = {"kind": "file", "filename": "paper.pdf", "base64_string": base64.b64encode(paper_bytes).decode()}
    answer = alice.post("/v1/convert/source", json={"options": {**options, "novelty": 1}, "sources": [source]})
    assert answer.json()["document"]["md_content"].split() == SECOND.split()
    assert answer.headers["X-Ignored-Options"] == "to_formats.doctags, force_ocr, novelty"


def test_a_task_is_polled_and_its_result_fetched_twice(alice, bob, paper_bytes):
    answer = convert(alice, paper_bytes, path="/v1/convert/file/async", to_formats=["json"], target_type="inbody")
    status = finished(alice, answer)
    assert (status["task_type"], status["task_status"], status["task_meta"]["num_succeeded"]) == ("convert", "success", 1)
    first, again = (alice.get(f"/v1/result/{status['task_id']}") for _ in range(2))
    assert first.content == again.content
    assert texts_of(first.json()["document"]["json_content"]) == [FIRST, SECOND]
    hidden = bob.get(f"/v1/result/{status['task_id']}")
    assert (hidden.status_code, hidden.json()["detail"]) == (404, "Task not found.")
    socket = alice.get(f"/v1/status/ws/{status['task_id']}", params={"api_key": "x"})
    assert (socket.status_code, "poll" in socket.json()["detail"]) == (404, True)


def test_words_that_clients_tell_errors_apart_by(alice, facades, paper_bytes):
    missing = alice.get("/v1/status/poll/0b0c6f5e-4a51-4a0e-9a8e-6f6f3d2f7a10")
    assert (missing.status_code, missing.json()["detail"]) == (404, "Task not found.")
    presigned = convert(alice, paper_bytes, target_type="presigned_url")
    assert presigned.status_code == 422
    assert "artifact storage to be configured" in presigned.json()["detail"]
    assert convert(alice, paper_bytes, to_formats="docx").status_code == 422
    assert convert(alice, paper_bytes, page_range=["3", "1"]).status_code == 422


def test_a_document_that_cannot_be_read_fails_its_task_with_a_reason(alice, tmp_path):
    data = encrypted_pdf(tmp_path / "locked.pdf", "secret").read_bytes()
    status = finished(alice, convert(alice, data, path="/v1/convert/file/async"))
    assert status["task_status"] == "failure"
    assert "password" in status["error_message"]
    result = alice.get(f"/v1/result/{status['task_id']}")
    assert (result.status_code, result.json()["kind"]) == (200, "TaskFailureResult")
    assert "password" in result.json()["failure"]["message"]
    at_once = convert(alice, data)
    assert at_once.status_code >= 400
    assert "password" in at_once.json()["detail"]


def test_several_documents_come_as_an_archive(alice, paper_bytes):
    files = [("files", ("paper.pdf", paper_bytes)), ("files", ("paper.pdf", paper_bytes))]
    answer = alice.post("/v1/convert/file", files=files, data={"to_formats": ["md", "json"]})
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["paper-2.json", "paper-2.md", "paper.json", "paper.md"]
        assert archive.read("paper.md").decode().split() == f"{FIRST} {SECOND}".split()
        assert json.loads(archive.read("paper.json"))["schema_name"] == "DoclingDocument"


def test_chunks_name_their_items(alice, rich):
    fields = {"chunking_max_tokens": "64", "convert_do_ocr": "true", "include_converted_doc": "true"}
    answer = convert(alice, rich.read_bytes(), "rich.pdf", "/v1/chunk/hybrid/file", **fields)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    document = found["documents"][0]["content"]["json_content"]
    items = {one["self_ref"] for kind in ("texts", "tables", "pictures") for one in document[kind]}
    assert [chunk["chunk_index"] for chunk in found["chunks"]] == list(range(len(found["chunks"])))
    for chunk in found["chunks"]:
        assert chunk["num_tokens"] <= 64
        assert chunk["doc_items"]
        assert set(chunk["doc_items"]) <= items
        assert chunk["page_numbers"]
    single = finished(alice, convert(alice, rich.read_bytes(), "rich.pdf", "/v1/chunk/hierarchical/file/async"))
    assert single["task_type"] == "chunk"
    chunks = alice.get(f"/v1/result/{single['task_id']}").json()
    assert len(chunks["chunks"]) >= len(found["chunks"])
    assert chunks["documents"][0]["content"]["json_content"] is None


def test_anyone_may_ask_whether_the_service_is_up(anyone):
    for path in ("/health", "/livez", "/ready", "/readyz"):
        assert (anyone.get(path).status_code, anyone.get(path).json()) == (200, {"status": "ok"})
    assert anyone.get("/version").json()["docling-serve"]


def test_blank_pages_are_pages_without_items(alice, tmp_path):
    path = pdf_of_text(tmp_path / "blank.pdf", ["", "Words."]) or tmp_path / "blank.pdf"
    found = convert(alice, path.read_bytes(), to_formats="json").json()["document"]["json_content"]
    assert list(found["pages"]) == ["1", "2"]
    assert texts_of(found) == ["Words."]
