"""Open WebUI's external document loader, word for word as it sends and reads."""

from __future__ import annotations

from urllib.parse import quote

import httpx2

from tests.support.documents import pdf_of_text

FILE_ID = "0b0c6f5e-4a51-4a0e-9a8e-6f6f3d2f7a10"


def put(facades, key, data, name="Bericht für März.pdf", path="/process", kind="application/pdf"):
    headers = {"Content-Type": kind, "Authorization": f"Bearer {key}", "X-Filename": quote(f"{FILE_ID}_{name}")}
    return httpx2.put(f"http://127.0.0.1:{facades.port}{path}", content=data, headers=headers, timeout=60, trust_env=False)


def test_a_document_comes_back_page_by_page(facades, alice_key, paper):
    for path in ("/process", "/compat/openwebui/process"):
        answer = put(facades, alice_key, paper.read_bytes(), path=path)
        assert answer.status_code == 200, answer.text
        first, second = answer.json()
        assert first["page_content"] == "The quick brown fox jumps over the lazy dog."
        assert second["page_content"] == "Pack my box with five dozen liquor jugs."
        assert (first["metadata"]["page"], first["metadata"]["page_label"]) == (0, "1")
        assert first["metadata"]["source"] == "Bericht für März.pdf"
        assert second["metadata"]["total_pages"] == 2


def test_the_pages_are_the_markdown(facades, alice, alice_key, rich):
    pages = put(facades, alice_key, rich.read_bytes()).json()
    job_id = pages[0]["metadata"]["job_id"]
    markdown = alice.get(f"/v1/jobs/{job_id}/result", params={"format": "markdown"}).json()["markdown"]
    assert "".join("".join(page["page_content"] for page in pages).split()) == "".join(markdown.split())


def test_a_form_type_is_a_file_as_any_other(facades, alice_key):
    answer = put(facades, alice_key, b"Plain words.", name="a.txt", kind="application/x-www-form-urlencoded")
    assert [page["page_content"] for page in answer.json()] == ["Plain words."]


def test_a_document_without_text_says_so_in_the_words_that_open_webui_looks_for(facades, alice_key, tmp_path):
    path = pdf_of_text(tmp_path / "blank.pdf", [""]) or tmp_path / "blank.pdf"
    answer = put(facades, alice_key, path.read_bytes())
    assert answer.status_code == 422
    assert "No extractable text" in answer.json()["detail"]


def test_errors_are_sentences(facades, alice_key):
    answer = put(facades, alice_key, b"\x00\x01\x02\x03" * 100, name="a.bin", kind="application/octet-stream")
    assert answer.status_code == 415, answer.text
    assert set(answer.json()) == {"detail", "code"}
    assert put(facades, "wrong", b"x").status_code == 401
