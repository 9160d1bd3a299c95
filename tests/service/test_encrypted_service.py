"""A service with STORAGE_KEY: all that it gives is as without, and nothing of a document is to be read on its disk."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import pytest

from document_parser.storage import new_storage_key
from tests.support.documents import pdf_of_text
from tests.support.service import SOON, Service, wait_until

WORDS = "Nobody may read this sentence on the disk."
TUS = {"Tus-Resumable": "1.0.0"}
FIRST, SECOND = new_storage_key(), new_storage_key()


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return pdf_of_text(tmp_path_factory.mktemp("paper") / "paper.pdf", [WORDS, WORDS])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("encrypted")


def start(folder, key, **settings):
    scratch = folder / "scratch"
    return Service(folder / "service", STORAGE_KEY=key, SCRATCH_DIR=scratch, CACHE_HOURS=24, NUM_WORKERS=1, **SOON, **settings)


def docparse(service, *arguments):
    command = [sys.executable, "-m", "document_parser", "storage", *arguments]
    return subprocess.run(command, env=service.environment, cwd=service.folder, capture_output=True, text=True, timeout=60)


def readable(folder, *words):
    """Files in which one of the words can be read; of a PDF, whether it is one."""
    needles = [word.encode() for word in (*words, "%PDF-", '"blocks"')]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files for needle in needles if needle in path.read_bytes()]


def test_everything_works_and_nothing_is_readable_and_keys_can_be_changed(folder, paper):
    with start(folder, FIRST) as service:
        client = service.client
        job_id = service.submit(paper)
        assert service.ended(job_id)["status"] == "completed"
        assert WORDS in service.result(job_id)["markdown"]
        for path in ("download?format=json", "download?format=html", "pages/1", "result?format=text"):
            assert "Nobody may read" in client.get(f"/v1/jobs/{job_id}/{path}").text
        assert client.get(f"/v1/jobs/{job_id}/pages/1/image").content.startswith(b"\xff\xd8")
        assert client.get(f"/v1/jobs/{job_id}/source").content == paper.read_bytes()
        again = service.submit(paper)
        assert service.ended(again)["cache"] == "hit"
        data = paper.read_bytes()
        where = client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))}).headers["Location"]
        for begin, end in ((0, 300), (300, len(data))):
            piece = {**TUS, "Upload-Offset": str(begin), "Content-Type": "application/offset+octet-stream"}
            assert client.patch(where, headers=piece, content=data[begin:end]).status_code == 204
        sent = {"upload_id": where.rpartition("/")[2], "filename": "paper.pdf"}
        resumed = client.post("/v1/process/async", json=sent).json()["job_id"]
        assert service.ended(resumed)["status"] == "completed"
        packed = client.post("/v1/process/batch", files=[("files", ("paper.pdf", data))]).json()["batch_id"]
        wait_until(lambda: client.get(f"/v1/batches/{packed}").json()["status"] == "completed", 60, "the batch ends")
        archive = zipfile.ZipFile(io.BytesIO(client.get(f"/v1/batches/{packed}/download").content))
        assert WORDS in archive.read("paper.pdf.md").decode()
        assert readable(service.data_dir, WORDS) == []
        assert list((folder / "scratch").rglob("*.pdf")) == []
        # A changed source is found when a page is read from it again, and a changed result when it is fetched.
        damaged = service.data_dir / "jobs" / again / "source"
        damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
        answer = client.get(f"/v1/jobs/{again}/source")
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "STORED_FILE_DAMAGED")
        service.stop()

        for wrong in ("", SECOND):
            service.environment["STORAGE_KEY"] = wrong
            checked = docparse(service, "check")
            assert (checked.returncode, "STORAGE_KEY_WRONG" in checked.stderr) == (2, True)
            refused = subprocess.run(
                service.command, env=service.environment, cwd=service.folder, capture_output=True, text=True, timeout=60
            )
            assert refused.returncode != 0
            assert "STORAGE_KEY_WRONG" in refused.stderr + refused.stdout

        damaged.unlink()
        service.environment["STORAGE_KEY"] = f"{SECOND},{FIRST}"
        moved = docparse(service, "rekey")
        assert moved.returncode == 0, moved.stderr
        assert "files were encrypted" in moved.stdout

    with start(folder, SECOND) as service:
        assert WORDS in service.result(job_id)["markdown"]
        assert service.client.get(f"/v1/jobs/{job_id}/source").content == paper.read_bytes()
        assert readable(service.data_dir, WORDS) == []


def test_a_key_is_printed_once_asked_for_and_is_one(folder, tmp_path):
    printed = docparse(Service(tmp_path / "none"), "new-key") if (tmp_path / "none").mkdir() is None else None
    assert printed.returncode == 0
    assert len(printed.stdout.strip()) == 44
