"""Mistral's OCR and its files on the wire: isolation, signed addresses, pages, annotations, errors as its clients read them."""

from __future__ import annotations

import base64
import io
import json
import re
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.support.documents import illustrated_pdf

SCHEMA = {"type": "object", "properties": {"invoice_number": {"type": "string"}}, "required": ["invoice_number"]}


def uploaded(client, data, name="paper.pdf", **fields):
    answer = client.post("/v1/files", files={"file": (name, data, "application/pdf")}, data={"purpose": "ocr", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ocr(client, document, path="/v1/ocr", **options):
    return client.post(path, json={"model": "mistral-ocr-latest", "document": document, **options})


def by_id(file):
    return {"type": "file", "file_id": file["id"]}


def annotation(schema=SCHEMA):
    return {"type": "json_schema", "json_schema": {"name": "Invoice", "schema": schema, "strict": True}}


@pytest.fixture(scope="module")
def stored(alice, paper):
    """A file of Alice's."""
    return uploaded(alice, paper.read_bytes(), expiry="2")


def test_a_file_is_read_by_its_id_its_signed_address_and_its_bytes(alice, stored, paper):
    address = alice.get(f"/v1/files/{stored['id']}/url", params={"expiry": 1}).json()["url"]
    inside = "data:application/pdf;base64," + base64.b64encode(paper.read_bytes()).decode()
    documents = (
        by_id(stored),
        {"type": "document_url", "document_url": address},
        {"type": "document_url", "document_url": address.replace("127.0.0.1", "another.name")},
        {"type": "document_url", "document_url": inside},
    )
    for document in documents:
        answer = ocr(alice, document)
        assert answer.status_code == 200, answer.text
        assert [page["markdown"] for page in answer.json()["pages"]] == [
            "The quick brown fox jumps over the lazy dog.",
            "Pack my box with five dozen liquor jugs.",
        ]
        assert answer.json()["usage_info"] == {"pages_processed": 2, "doc_size_bytes": len(paper.read_bytes())}


def test_a_signed_address_serves_the_file_without_a_key_until_it_is_changed(alice, anyone, stored, paper):
    parts = urlsplit(alice.get(f"/v1/files/{stored['id']}/url").json()["url"])
    answer = anyone.get(f"{parts.path}?{parts.query}")
    assert answer.content == paper.read_bytes()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    for query in (parts.query + "0", parts.query.replace("expires=", "expires=9"), ""):
        assert anyone.get(f"{parts.path}?{query}").status_code == 403
        refused = ocr(alice, {"type": "document_url", "document_url": f"{alice.base_url}{parts.path[1:]}?{query}"})
        assert refused.json()["code"] in ("SIGNED_ADDRESS_INVALID", "FETCH_REFUSED")
        assert "pages" not in refused.json()


def test_files_belong_to_their_owner(alice, bob, stored):
    url = alice.get(f"/v1/files/{stored['id']}/url").json()["url"]
    assert stored["id"] in [file["id"] for file in alice.get("/v1/files").json()["data"]]
    assert bob.get("/v1/files").json()["data"] == []
    for path in ("", "/content", "/url"):
        assert bob.get(f"/v1/files/{stored['id']}{path}").status_code == 404
    assert bob.delete(f"/v1/files/{stored['id']}").status_code == 404
    assert ocr(bob, by_id(stored)).status_code == 404
    assert ocr(bob, {"type": "document_url", "document_url": url}).status_code == 404


def test_a_file_is_described_and_its_list_is_parted_and_searched(alice, stored, paper):
    assert (stored["object"], stored["bytes"], stored["filename"]) == ("file", len(paper.read_bytes()), "paper.pdf")
    assert 3600 < stored["expires_at"] - stored["created_at"] <= 7200 + 1
    before = alice.get("/v1/files").json()["total"]
    other = uploaded(alice, b"Plain words.", name="Größe.txt", purpose="batch")
    assert [file["filename"] for file in alice.get("/v1/files", params={"search": "größe"}).json()["data"]] == ["Größe.txt"]
    assert [file["id"] for file in alice.get("/v1/files", params={"purpose": "batch"}).json()["data"]] == [other["id"]]
    paged = alice.get("/v1/files", params={"page": 1, "page_size": 1}).json()
    assert len(paged["data"]) == 1
    assert paged["total"] == before + 1
    assert alice.delete(f"/v1/files/{other['id']}").json() == {"id": other["id"], "object": "file", "deleted": True}
    assert alice.get(f"/v1/files/{other['id']}").status_code == 404


@pytest.mark.parametrize(("pages", "indices"), [([1], [1]), ("0", [0]), ("0-1", [0, 1]), (None, [0, 1]), ([1, 0, 1], [0, 1])])
def test_pages_are_counted_from_0(alice, stored, pages, indices):
    assert [page["index"] for page in ocr(alice, by_id(stored), pages=pages).json()["pages"]] == indices


def test_images_are_pictures_of_their_places(alice, tmp_path):
    path = illustrated_pdf(tmp_path / "harbour.pdf")
    file = uploaded(alice, path.read_bytes())
    (page,) = ocr(alice, by_id(file), include_image_base64=True).json()["pages"]
    (image,) = page["images"]
    kind, _, data = image["image_base64"].partition(",")
    assert kind == "data:image/jpeg;base64"
    width, height = Image.open(io.BytesIO(base64.b64decode(data))).size
    across, down = (image[f"bottom_right_{side}"] - image[f"top_left_{side}"] for side in "xy")
    assert width / height == pytest.approx(across / down, rel=0.05)
    assert f"![{image['id']}]({image['id']})" in page["markdown"]


def test_annotations_are_values_of_the_document(alice, tmp_path):
    text = "Invoice number: QS-2026-0471\nTotal: 12.00"
    document = {"type": "document_url", "document_url": "data:text/plain;base64," + base64.b64encode(text.encode()).decode()}
    answer = ocr(alice, document, document_annotation_format=annotation(), bbox_annotation_format=annotation())
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.json()["document_annotation"]) == {"invoice_number": "QS-2026-0471"}
    assert answer.headers["X-Ignored-Options"] == "bbox_annotation_format"


def test_what_is_not_understood_is_named_with_its_place(alice, stored):
    wrong = {
        "pages": "first",
        "table_format": "latex",
        "document_annotation_format": {"type": "text"},
        "image_limit": -1,
    }
    for name, value in wrong.items():
        answer = ocr(alice, by_id(stored), **{name: value})
        assert answer.status_code == 422, answer.text
        assert answer.json()["detail"][0]["loc"][1].startswith(name)
        assert not re.search(r"\b_[A-Z]|Input should|valid |pydantic", answer.text), answer.text
    assert ocr(alice, {"type": "file"}).json()["detail"][0]["loc"] == ["body", "document"]
    ignored = ocr(alice, by_id(stored), document_annotation_prompt="Say it.", temperature=0)
    assert ignored.headers["X-Ignored-Options"] == "temperature, document_annotation_prompt"


def test_addresses_of_this_network_are_refused(alice):
    refused = ocr(alice, {"type": "document_url", "document_url": "http://10.0.0.1/v1/files"})
    assert refused.json()["code"].startswith("FETCH_")
    assert refused.json()["object"] == "error"
