"""Encrypted storage keeps the promises of the storages below it, hides contents, and finds every change."""

from __future__ import annotations

import contextlib
import io
import random

import pytest

from document_parser.errors import StorageKeyWrong, StoredFileDamaged
from document_parser.settings import Settings, StoreSettings
from document_parser.storage import (
    SYNC_BYTES,
    EncryptedStorage,
    Grown,
    LocalStorage,
    S3Storage,
    StoredFileMissing,
    check_storage_key,
    make_storage,
    new_storage_key,
)
from document_parser.storage.encrypted import CHECK_FILE
from document_parser.storage.sealing import HEADER_BYTES, SEGMENT_BYTES, TAG_BYTES, KeyRing
from tests.support.bucket import KEYS, NAME, Bucket

NOISE = random.Random(5).randbytes(3 * SEGMENT_BYTES + 1000)
KEY = "jobs/a/source"
SIZES = (0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES, len(NOISE))
FIRST, SECOND = new_storage_key(), new_storage_key()


@pytest.fixture(scope="module")
def bucket():
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    with Bucket() as started:
        yield started


@pytest.fixture(params=["local", "s3"])
def inner(request, tmp_path, monkeypatch):
    if request.param == "local":
        return LocalStorage(tmp_path / "data")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    store = S3Storage(NAME, "sealed", request.getfixturevalue("bucket").settings["S3_ENDPOINT_URL"])
    store.delete_all("")
    return store


@pytest.fixture
def storage(inner, tmp_path):
    return with_keys(inner, tmp_path, FIRST)


def with_keys(inner, tmp_path, *keys):
    return EncryptedStorage(inner, KeyRing.parse(",".join(keys)), tmp_path / "plain")


def plain_files(tmp_path):
    return [path for path in (tmp_path / "plain").rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_stored_is_read_back_whole_in_pieces_and_from_any_place(storage, tmp_path, size):
    data = NOISE[:size]
    storage.put(KEY, data)
    with storage.scratch() as path:
        path.write_bytes(data)
        storage.put_file("jobs/a/moved", path)
        assert not path.exists()
    storage.duplicate(KEY, "jobs/b/source")
    for key in (KEY, "jobs/a/moved", "jobs/b/source"):
        assert storage.get(key) == b"".join(storage.chunks(key)) == data
        with storage.local(key) as path:
            assert path.read_bytes() == data
        with storage.open(key) as stream:
            assert stream.seek(0, io.SEEK_END) == size
            for start in (0, 1, size // 2, max(0, size - 1), size, size + 5):
                stream.seek(start)
                assert stream.read(70_000) == data[start : start + 70_000]
    assert sorted(storage.keys("jobs/")) == ["jobs/a/moved", KEY, "jobs/b/source"]
    assert plain_files(tmp_path) == []


def test_nothing_of_a_file_is_in_the_store(storage, inner):
    words = b"Nobody shall read these words. " * 5000
    storage.put(KEY, words)
    assert b"Nobody" not in inner.get(KEY)
    storage.put("jobs/a/again", words)
    assert inner.get(KEY)[HEADER_BYTES:] != inner.get("jobs/a/again")[HEADER_BYTES:]


SEALED = SEGMENT_BYTES + TAG_BYTES
CHANGES = {
    "a bit of the first segment": lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
    "a bit of the last segment": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "a bit of the salt": lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
    "cut within a segment": lambda data: data[:-5],
    "cut after a segment": lambda data: data[: HEADER_BYTES + SEALED],
    "cut in the header": lambda data: data[:30],
    "empty": lambda data: b"",
    "without a segment": lambda data: data[: HEADER_BYTES + SEALED] + data[HEADER_BYTES + 2 * SEALED :],
    "two segments exchanged": lambda data: (
        data[:HEADER_BYTES]
        + data[HEADER_BYTES + SEALED : HEADER_BYTES + 2 * SEALED]
        + data[HEADER_BYTES : HEADER_BYTES + SEALED]
        + data[HEADER_BYTES + 2 * SEALED :]
    ),
    "longer": lambda data: data + b"more",
    "not encrypted": lambda data: NOISE,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_found_by_every_way_of_reading(storage, inner, change):
    storage.check()
    storage.put(KEY, NOISE)
    inner.put(KEY, change(inner.get(KEY)))
    with pytest.raises(StoredFileDamaged):
        storage.get(KEY)
    with pytest.raises(StoredFileDamaged):
        list(storage.chunks(KEY))
    with pytest.raises(StoredFileDamaged), storage.local(KEY):
        pass


def test_a_file_in_the_place_of_another_is_found(storage, inner):
    storage.put(KEY, NOISE)
    inner.put("jobs/b/source", inner.get(KEY))
    with pytest.raises(StoredFileDamaged):
        storage.get("jobs/b/source")


def test_a_missing_file_is_missing(storage):
    for read in (storage.get, lambda key: list(storage.chunks(key))):
        with pytest.raises(StoredFileMissing):
            read("jobs/none/source")
    assert not storage.exists(KEY)


def test_a_wrong_key_and_no_key_are_refused_and_an_older_key_still_reads(storage, inner, tmp_path):
    storage.check()
    storage.put(KEY, NOISE)
    with pytest.raises(StorageKeyWrong):
        with_keys(inner, tmp_path, SECOND).check()
    with pytest.raises(StorageKeyWrong):
        with_keys(inner, tmp_path, SECOND).get(KEY)
    both = with_keys(inner, tmp_path, SECOND, FIRST)
    both.check()
    assert both.get(KEY) == NOISE
    both.put("jobs/b/source", NOISE)
    assert both.rekey() == (1, 0)
    alone = with_keys(inner, tmp_path, SECOND)
    alone.check()
    assert alone.get(KEY) == alone.get("jobs/b/source") == NOISE
    assert both.rekey() == (0, 0)


def test_files_from_before_the_first_key_are_read_until_all_are_encrypted(inner, tmp_path):
    inner.put(KEY, NOISE)
    storage = with_keys(inner, tmp_path, FIRST)
    storage.check()
    assert storage.get(KEY) == b"".join(storage.chunks(KEY)) == NOISE
    assert storage.rekey() == (1, 0)
    assert storage.get(KEY) == NOISE
    inner.put(KEY, NOISE)
    with pytest.raises(StoredFileDamaged):
        with_keys(inner, tmp_path, FIRST).get(KEY)


def grow(storage, grown, data, *, sync=True):
    with storage.grow("uploads/one/data", grown) as file:
        for start in range(0, len(data), 1 << 16):
            file.write(data[start : start + (1 << 16)])
        if sync:
            file.sync()
        return file.grown


@pytest.mark.parametrize("cuts", [(), (5, 12, 100), (SYNC_BYTES - 1, SYNC_BYTES + 1), (2 * SYNC_BYTES + 123,)])
def test_a_file_that_grows_goes_on_where_another_process_stopped(storage, inner, cuts):
    data, grown, begin = random.Random(7).randbytes(max(cuts, default=0) + 777), Grown(), 0
    for end in (*cuts, len(data)):
        grown = grow(storage, grown, data[begin:end])
        assert grown.size == end
        lost = grow(storage, grown, b"what is not written down does not count", sync=False)
        assert lost.size in (end, end + 39)
        grown, begin = Grown.model_validate_json(grown.model_dump_json()), end
    assert data[:50] not in b"".join(inner.get(key) for key in inner.keys("uploads/"))
    for _ in range(2):
        with storage.grow("uploads/one/data", grown) as file:
            file.finish()
            assert file.grown.size == len(data)
        assert storage.get("uploads/one/data") == data
    with contextlib.closing(storage.grow("uploads/two/data", Grown())) as file:
        file.finish()
    assert storage.get("uploads/two/data") == b""
    storage.discard_grown("uploads/one/data", file.grown)
    storage.delete_all("uploads/two/")
    assert list(inner.keys("uploads/")) == []


def test_the_settings_say_which_keys_there_are_and_a_start_finds_a_wrong_one(tmp_path):
    def settings(key):
        return Settings(store=StoreSettings(data_dir=tmp_path, storage_key=key))

    check_storage_key(settings(""))
    assert not (tmp_path / CHECK_FILE).exists()
    check_storage_key(settings(FIRST))
    make_storage(settings(FIRST)).put(KEY, b"text")
    for wrong in ("", SECOND):
        with pytest.raises(StorageKeyWrong):
            check_storage_key(settings(wrong))
    check_storage_key(settings(f"{SECOND}, {FIRST}"))
    for malformed in ("secret", FIRST[:-4], f"{FIRST};{SECOND}"):
        with pytest.raises(ValueError, match="docparse storage new-key") as refused:
            settings(malformed)
        assert malformed not in str(refused.value)
