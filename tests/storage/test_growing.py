"""Files that grow: both stores go on where another process stopped, and what was not written down does not count."""

from __future__ import annotations

import hashlib
import random

import pytest

from document_parser.storage import SYNC_BYTES, Grown, LocalStorage, S3Storage, StoredFileMissing
from document_parser.storage import local as local_storage
from tests.support.bucket import KEYS, NAME, Bucket

KEY = "uploads/one/data"
NOISE = random.Random(1).randbytes(3 * SYNC_BYTES)


@pytest.fixture(scope="module")
def bucket():
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    with Bucket() as started:
        yield started


@pytest.fixture(params=["local", "s3"])
def storage(request, tmp_path, monkeypatch):
    if request.param == "local":
        return LocalStorage(tmp_path)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    store = S3Storage(NAME, "all", request.getfixturevalue("bucket").settings["S3_ENDPOINT_URL"])
    store.delete_all("")
    return store


def grow(storage, grown, data, *, sync=True):
    """Append as one process does, in small pieces, and return what the next one goes on from."""
    with storage.grow(KEY, grown) as file:
        for start in range(0, len(data), 1 << 16):
            file.write(data[start : start + (1 << 16)])
        if sync:
            file.sync()
        return file.grown


def finish(storage, grown):
    with storage.grow(KEY, grown) as file:
        file.finish()
        return file.grown


CUTS = {
    "small": (5, 12, 100),
    "at a part": (SYNC_BYTES, 2 * SYNC_BYTES),
    "around parts": (SYNC_BYTES - 1, SYNC_BYTES + 1, 2 * SYNC_BYTES + 70_000),
    "in one": (2 * SYNC_BYTES + 123,),
}


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_a_file_that_many_processes_append_to_is_whole(storage, cuts):
    grown = Grown()
    for start, end in zip((0, *cuts), cuts, strict=False):
        grown = grow(storage, Grown.model_validate_json(grown.model_dump_json()), NOISE[start:end])
        assert grown.size == end
    assert finish(storage, grown).size == cuts[-1]
    assert b"".join(storage.chunks(KEY)) == NOISE[: cuts[-1]]
    assert list(storage.keys("uploads/")) == [KEY]


def test_what_was_not_written_down_does_not_count(storage):
    """A process was killed after it had stored more: the one that goes on knows only what was written down before."""
    kept = grow(storage, Grown(), NOISE[: SYNC_BYTES + 1000])
    grow(storage, kept, bytes(SYNC_BYTES + 5000))
    grow(storage, kept, bytes(300))
    grown = grow(storage, kept, NOISE[kept.size : kept.size + 2000])
    finish(storage, grown)
    assert b"".join(storage.chunks(KEY)) == NOISE[: SYNC_BYTES + 3000]


def test_without_a_sync_only_whole_parts_are_durable(storage):
    assert grow(storage, Grown(), NOISE[:1000], sync=False).size == 0
    assert grow(storage, Grown(), NOISE[: SYNC_BYTES + 1000], sync=False).size == SYNC_BYTES


def test_finishing_twice_does_no_harm(storage):
    for size in (1000, SYNC_BYTES + 1000):
        grown = grow(storage, Grown(), NOISE[:size])
        for _ in range(2):
            assert finish(storage, grown).size == size
        assert b"".join(storage.chunks(KEY)) == NOISE[:size]


def test_an_empty_file_is_a_file(storage):
    finish(storage, Grown())
    assert storage.get(KEY) == b""


def multipart_uploads(storage):
    if isinstance(storage, LocalStorage):
        return []
    return storage.client.list_multipart_uploads(Bucket=storage.bucket).get("Uploads", [])


def test_a_discarded_file_leaves_nothing(storage):
    before = multipart_uploads(storage)
    for size in (10, SYNC_BYTES + 10):
        storage.discard_grown(KEY, grow(storage, Grown(), NOISE[:size]))
        assert list(storage.keys("uploads/")) == []
    assert multipart_uploads(storage) == before


def test_a_second_name_keeps_the_file_when_the_first_is_deleted(storage):
    storage.put("uploads/one/data", b"document")
    storage.duplicate("uploads/one/data", "jobs/a/source")
    storage.delete_all("uploads/one/")
    assert storage.get("jobs/a/source") == b"document"
    with pytest.raises(StoredFileMissing):
        storage.duplicate("uploads/one/data", "jobs/b/source")
    with pytest.raises(StoredFileMissing):
        list(storage.chunks("uploads/one/data"))


def test_where_there_are_no_hard_links_the_second_name_is_a_copy(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    storage = LocalStorage(tmp_path)
    storage.put("uploads/one/data", NOISE[:100_000])
    monkeypatch.setattr(local_storage.os, "link", refuse)
    storage.duplicate("uploads/one/data", "jobs/a/source")
    assert hashlib.sha256(storage.get("jobs/a/source")).digest() == hashlib.sha256(NOISE[:100_000]).digest()
    assert not list(storage.staging.iterdir())


def test_what_came_over_a_slow_line_is_durable_before_sync_bytes_have_come(tmp_path, monkeypatch):
    monkeypatch.setattr("document_parser.storage.local.SYNC_SECONDS", 0.0)
    with LocalStorage(tmp_path).grow("uploads/a", Grown()) as file:
        assert file.will_store(5)
        file.write(b"slow!")
        assert file.grown.size == 5
