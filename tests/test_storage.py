"""Both stores keep the same promises: a local folder, and S3 as moto's server speaks it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from document_parser.errors import StorageFull, StorageUnavailable
from document_parser.settings import Settings, StoreSettings
from document_parser.storage import LocalStorage, S3Storage, StoredFileMissing, make_storage, open_scratch
from tests import documents
from tests.bucket import KEYS
from tests.service import Service
from tests.stubborn import undeletable


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
        for number in range(400):
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
        with pytest.raises(StorageFull), storage.scratch() as path, open_scratch(path) as out:
            out.write(b"x" * 500_000)
    assert (full.value.code, full.value.status, full.value.retryable) == ("STORAGE_FULL", 507, True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_write_is_on_the_disk_before_it_counts_and_so_is_its_name(tmp_path):
    """A file is synced before it is renamed, and the folders that have got a new name in them afterwards."""
    (tmp_path / "store").mkdir()
    assert traced("store.put('jobs/a/1', b'text')", tmp_path) == ["sync part", "name 1", "sync a", "sync jobs", "sync store"]
    assert traced("store.put('jobs/a/2', b'text')", tmp_path) == ["sync part", "name 2", "sync a"]
    upload = "Path('upload').write_bytes(b'text'); store.put_file('jobs/a/source', Path('upload'))"
    assert traced(upload, tmp_path) == ["sync part", "name source", "sync a"]
    both = "Path('upload').write_bytes(b'text'); store.put_file('jobs/b/source', Path('upload'), followed=True)"
    synced = ["sync part", "name source", "sync part", "name card", "sync b", "sync jobs"]
    assert traced(f"{both}; store.put('jobs/b/card', b'text')", tmp_path) == synced, "one sync of the folder for both"
    assert traced("store.put('jobs/a/3', b'text', durable=False)", tmp_path) == ["name 3"]


def traced(statement: str, folder) -> list[str]:
    """What of its files and folders a process syncs and renames, in order, as the system sees it."""
    program = (
        "from pathlib import Path\nfrom document_parser.storage import LocalStorage\n"
        f"store = LocalStorage(Path('store'))\n{statement}"
    )
    found, log = [], folder / "trace"
    command = ["strace", "-f", "-y", "-s", "999", "-e", "trace=fsync,rename", "-o", str(log), sys.executable, "-c", program]
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    for line in log.read_text().splitlines():
        if synced := re.search(r"fsync\(\d+<(.*)>\)", line):
            name = synced[1].rpartition("/")[2]
            found.append(f"sync {'part' if name == 'upload' or len(name) == 32 else name}")
        elif renamed := re.search(r'rename\(".*", ".*/(.*)"\)', line):
            found.append(f"name {renamed[1]}")
    return found


def test_a_disk_that_cannot_be_read_is_an_error_that_can_be_retried(tmp_path):
    """EIO, which reading a process' memory at 0 gives, and ELOOP; whatever the store is asked for."""
    storage = LocalStorage(tmp_path)
    (tmp_path / "jobs/a").mkdir(parents=True)
    (tmp_path / "jobs/a/broken").symlink_to("/proc/self/mem")
    (tmp_path / "jobs/a/loop").symlink_to("loop")
    faults = []
    with storage.open("jobs/a/broken") as stream, pytest.raises(StorageUnavailable):
        stream.read(10)
    for read in (
        lambda: storage.get("jobs/a/broken"),
        lambda: storage.open("jobs/a/loop"),
        lambda: storage.exists("jobs/a/loop"),
        lambda: storage.local("jobs/a/loop").__enter__(),
    ):
        with pytest.raises(StorageUnavailable) as caught:
            read()
        faults.append(caught.value.details["reason"])
    assert faults == [os.strerror(number) for number in (errno.EIO, errno.ELOOP, errno.ELOOP, errno.ELOOP)]


def test_a_folder_that_may_not_be_looked_into_is_an_error_and_not_empty(tmp_path):
    storage = LocalStorage(tmp_path)
    storage.put("jobs/a/source", b"x")
    with as_nobody(tmp_path, 0o000, tmp_path / "jobs"):
        for look in (
            lambda: list(storage.keys("jobs/")),
            lambda: list(storage.folders("jobs/")),
            lambda: storage.exists("jobs/a/source"),
            lambda: storage.get("jobs/a/source"),
        ):
            with pytest.raises(StorageUnavailable):
                look()


@contextlib.contextmanager
def as_nobody(root, mode, folder):
    """Be a user who may do with the folder what its mode says."""
    root_user = os.geteuid() == 0
    for path in (root, *root.parents):
        if root_user and not path.stat().st_mode & 0o001 and path.owner() == "root":
            path.chmod(path.stat().st_mode | 0o011)
    folder.chmod(mode)
    if root_user:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root_user:
            os.seteuid(0)
        folder.chmod(0o700)


def test_what_cannot_be_removed_is_an_error_and_all_else_is_gone(tmp_path):
    storage = LocalStorage(tmp_path)
    for key in ("jobs/a/pages/1", "jobs/a/pages/2", "jobs/a/source", "jobs/a/z/1"):
        storage.put(key, b"x")
    with undeletable(tmp_path / "jobs/a/pages/1"):
        with pytest.raises(StorageUnavailable) as caught:
            storage.delete_all("jobs/a/")
        with pytest.raises(StorageUnavailable):
            storage.delete("jobs/a/pages/1")
        assert set(storage.keys("jobs/a/")) - {"jobs/a/pages/2"} == {"jobs/a/pages/1"}
    assert "could not be removed" in caught.value.message
    assert storage.delete_all("jobs/a/") >= 1
    assert list(storage.folders("jobs/")) == []


def test_the_list_of_what_s3_did_not_delete_is_read(refusing_bucket):
    storage, refused = refusing_bucket
    with pytest.raises(StorageUnavailable) as caught:
        storage.delete_all("jobs/a/")
    assert caught.value.details == {"reason": "AccessDenied", "files": 1}
    refused.clear()
    assert storage.delete_all("jobs/a/") == 2


@pytest.fixture
def refusing_bucket(monkeypatch):
    """A server that speaks as much of S3 as listing and deleting take, and deletes all but one file."""
    refused = ["<Error><Key>docs/jobs/a/source</Key><Code>AccessDenied</Code><Message>held</Message></Error>"]
    listed = "".join(f"<Contents><Key>docs/jobs/a/{name}</Key></Contents>" for name in ("source", "page"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(f"<DeleteResult>{''.join(refused)}</DeleteResult>")

        def _answer(self, body: str) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            return

    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        storage = S3Storage("documents", "docs", f"http://127.0.0.1:{server.server_address[1]}")
        yield storage, refused
        storage.client.close()
        server.shutdown()
        thread.join()


def test_only_the_scratch_files_own_errors_are_the_stores(storage):
    with pytest.raises(ConnectionResetError), storage.scratch():
        raise ConnectionResetError(errno.ECONNRESET, "somebody else's")
    with pytest.raises(StorageUnavailable), storage.scratch() as path:
        open_scratch(path / "no folder")


def test_a_file_that_is_not_there_is_missing_also_where_its_folder_is_a_file(tmp_path):
    storage = LocalStorage(tmp_path)
    storage.put("jobs/a", b"x")
    assert not storage.exists("jobs/a/source")
    with pytest.raises(StoredFileMissing):
        storage.open("jobs/a/source")
