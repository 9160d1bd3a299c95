"""Both stores keep the same promises: a local folder, and S3 as moto's server speaks it."""

from __future__ import annotations

import contextlib
import resource
import threading

import pytest

from document_parser.errors import StorageFull, StorageUnavailable
from document_parser.settings import Settings, StoreSettings
from document_parser.storage import LocalStorage, S3Storage, StoredFileMissing, make_storage
from tests import documents
from tests.service import Service


@pytest.fixture(scope="module")
def s3_url():
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["local", "s3"])
def storage(request, tmp_path, monkeypatch):
    if request.param == "local":
        yield LocalStorage(tmp_path)
        return
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    store = S3Storage("documents", "docs", request.getfixturevalue("s3_url"))
    store.client.create_bucket(Bucket="documents")
    store.delete_all("")
    yield store
    store.client.close()


def test_what_is_stored_is_read_back_whole_and_in_pieces(storage):
    storage.put("jobs/a/source", b"first second")
    assert storage.get("jobs/a/source") == b"first second"
    with storage.open("jobs/a/source") as stream:
        assert (stream.read(6), stream.read()) == (b"first ", b"second")
    with storage.local("jobs/a/source") as path:
        assert path.read_bytes() == b"first second"


def test_a_file_is_taken_over_and_gone_from_where_it_was(storage):
    with storage.scratch() as path:
        path.write_bytes(b"large")
        storage.put_file("jobs/a/result.md", path)
        assert not path.exists()
    assert storage.get("jobs/a/result.md") == b"large"


def test_what_is_not_there_is_missing(storage):
    assert not storage.exists("jobs/a/source")
    for read in (storage.open, storage.get):
        with pytest.raises(StoredFileMissing):
            read("jobs/a/source")
    with pytest.raises(StoredFileMissing), storage.local("jobs/a/source"):
        pass
    storage.delete("jobs/a/source")


def test_deleting_one_job_never_touches_another(storage):
    for key in ("jobs/a/source", "jobs/a/pages/000001.json", "jobs/ab/source", "jobs/b/source"):
        storage.put(key, b"x")
    assert sorted(storage.folders("jobs/")) == ["a", "ab", "b"]
    assert storage.delete_all("jobs/a/") == 2
    assert sorted(storage.keys("jobs/")) == ["jobs/ab/source", "jobs/b/source"]
    storage.delete("jobs/b/source")
    assert not storage.exists("jobs/b/source")


def test_a_key_cannot_leave_the_folder(tmp_path):
    with pytest.raises(ValueError, match="not a storage key"):
        LocalStorage(tmp_path / "store").put("jobs/../../x", b"x")


def test_a_full_or_readonly_disk_is_an_error_that_can_be_retried(tmp_path):
    (tmp_path / "staging").write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable) as caught:
        LocalStorage(tmp_path).put("jobs/a/source", b"x")
    assert caught.value.retryable


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_store_that_is_away_is_an_error_that_can_be_retried(storage):
    with pytest.raises(StorageUnavailable):
        S3Storage("no-such-bucket", "", storage.endpoint_url).put("jobs/a/source", b"x")


def test_an_address_of_another_kind_is_refused():
    settings = Settings(store=StoreSettings(storage_url="gs://bucket"))
    with pytest.raises(ValueError, match="s3://"):
        make_storage(settings)


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_a_service_over_s3_reads_a_document_and_deletes_it(tmp_path, s3_url, storage, paper):
    scan = documents.scanned_pdf(tmp_path / "scan.pdf", ["A letter kept in a bucket far away."])
    settings = {"STORAGE_URL": "s3://documents/docs", "S3_ENDPOINT_URL": s3_url, "NUM_WORKERS": 1}
    with Service(tmp_path / "service", **settings) as service:
        for path, words in ((paper, "quick brown fox"), (scan, "A letter kept in a bucket")):
            job_id = service.submit(path)
            assert service.ended(job_id)["status"] == "completed"
            assert words in service.result(job_id)["markdown"]
            assert storage.exists(f"jobs/{job_id}/source")
            assert not (service.data_dir / "jobs").exists()
            assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
            assert list(storage.keys(f"jobs/{job_id}/")) == []
        assert list((service.data_dir / "staging").iterdir()) == []


def test_a_file_finds_its_place_while_its_folder_is_being_deleted(tmp_path):
    """A page is stored in the moment its job is deleted: that is nobody's fault, and no reason to stop reading others."""
    storage, stopping = LocalStorage(tmp_path), threading.Event()

    def delete_on() -> None:
        while not stopping.is_set():
            storage.delete_all("jobs/one/")

    thread = threading.Thread(target=delete_on)
    thread.start()
    try:
        for number in range(2000):
            storage.put(f"jobs/one/pages/{number}", b"text")
    finally:
        stopping.set()
        thread.join()


@contextlib.contextmanager
def files_no_larger_than(size: int):
    """As a full disk would, but for one process: writing more fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_has_its_own_code_and_leaves_no_part_of_a_file(tmp_path):
    storage = LocalStorage(tmp_path)
    with files_no_larger_than(1000):
        with pytest.raises(StorageFull) as full:
            storage.put("jobs/a/page", b"x" * 5000)
        with pytest.raises(StorageFull), storage.scratch() as path, path.open("wb") as out:
            out.write(b"x" * 5000)
    assert (full.value.code, full.value.status, full.value.retryable) == ("STORAGE_FULL", 507, True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
