"""MinerU's API on the wire: files in one request, tasks, archives, isolation, errors as its clients read them."""

from __future__ import annotations

import io
import zipfile
from urllib.parse import urlsplit

import pytest

from tests.support.documents import illustrated_pdf
from tests.support.service import wait_until

BASE = "/compat/mineru"


def parts(*files):
    return [("files", (name, data, "application/octet-stream")) for name, data in files]


def ended(client, task):
    """A task once it has ended, by the address that it names."""
    path = urlsplit(task["status_url"]).path
    wait_until(lambda: client.get(path).json()["status"] in ("completed", "failed"), 60, "the task has ended", pause=0.2)
    return client.get(path).json()


def test_a_file_is_answered_with_its_markdown_as_open_webui_asks(alice, paper):
    fields = {"return_md": "true", "backend": "pipeline", "lang_list": ["en"]}
    for base in ("", BASE):
        answer = alice.post(f"{base}/file_parse", data=fields, files=parts(("paper.pdf", paper.read_bytes())))
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"] == {
            "paper": {
                "md_content": "The quick brown fox jumps over the lazy dog.\n\nPack my box with five dozen liquor jugs.\n"
            }
        }
        assert (answer.json()["backend"], answer.json()["status"]) == ("pipeline", "completed")
        assert answer.headers["X-Ignored-Options"] == "backend, lang_list"


def test_pages_are_counted_from_0(alice, paper):
    fields = {"start_page_id": "1", "end_page_id": "1"}
    answer = alice.post("/file_parse", data=fields, files=parts(("paper.pdf", paper.read_bytes())))
    assert answer.json()["results"]["paper"]["md_content"] == "Pack my box with five dozen liquor jugs.\n"
    for wrong in ({"start_page_id": "one"}, {"start_page_id": "3", "end_page_id": "2"}):
        answer = alice.post("/file_parse", data=wrong, files=parts(("paper.pdf", paper.read_bytes())))
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_OPTION")


@pytest.fixture(scope="module")
def archived(alice, tmp_path_factory):
    """A task of Alice's that has ended: a file with an image, one of the same name, and one that cannot be read."""
    harbour = illustrated_pdf(tmp_path_factory.mktemp("mineru") / "a.pdf").read_bytes()
    fields = {"response_format_zip": "true", "return_images": "true", "return_content_list": "true"}
    files = parts(("a.pdf", harbour), ("a.txt", b"Plain words."), ("c.pdf", b"%PDF-1.4\nno more"))
    answer = alice.post(f"{BASE}/tasks", data=fields, files=files)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_a_task_is_an_archive_with_a_folder_for_each_document(alice, archived):
    assert archived["file_names"] == ["a", "a_1", "c"]
    assert ended(alice, archived)["status"] == "completed"
    first, second = (alice.get(urlsplit(archived["result_url"]).path) for _ in range(2))
    assert first.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(first.content)) as archive:
        names = set(archive.namelist())
        assert {"a/auto/a.md", "a/auto/a_content_list.json", "a_1/auto/a_1.md", "c/auto/error.json"} <= names
        (image,) = [name for name in names if name.startswith("a/auto/images/")]
        assert image.removeprefix("a/auto/") in archive.read("a/auto/a.md").decode()
        assert archive.read("a_1/auto/a_1.md") == b"Plain words.\n"
        with zipfile.ZipFile(io.BytesIO(second.content)) as again:
            assert {name: again.read(name) for name in names} == {name: archive.read(name) for name in names}


def test_tasks_belong_to_their_owner(bob, archived):
    for address in (archived["status_url"], archived["result_url"]):
        assert bob.get(urlsplit(address).path).status_code == 404
    assert bob.get(f"{BASE}/tasks/d.x").status_code == 404


def test_a_document_that_cannot_be_read_is_refused_or_its_task_has_failed(alice):
    broken = parts(("c.pdf", b"%PDF-1.4\nno more"))
    answer = alice.post("/file_parse", files=broken)
    assert answer.status_code == 422
    assert answer.json()["detail"] == answer.json()["error"]
    task = alice.post("/tasks", files=broken).json()
    status = ended(alice, task)
    assert status["status"] == "failed"
    answer = alice.get(urlsplit(task["result_url"]).path)
    assert (answer.status_code, answer.json()["message"]) == (409, "Task execution failed")
