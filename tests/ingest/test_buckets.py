"""Which buckets callers may use with the server's credentials, and what S3's errors become."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing

import pytest

from document_parser.errors import BucketRefused, FetchNotFound, FetchUnreachable, ResultNotStored, S3NotSetUp
from document_parser.ingest import s3
from document_parser.ingest.fetch import check_origin, fetch
from document_parser.ingest.origin import Origin, S3Path, check_bucket, parse_s3
from document_parser.ingest.staged_file import StagedFile
from document_parser.settings import FetchSettings, Settings, StoreSettings
from tests.support.bucket import KEYS, NAME, Bucket
from tests.support.service import free_port

MAX_BYTES = 200 << 20


@pytest.fixture
def credentials(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def settings_of(port, *buckets):
    store = StoreSettings(s3_endpoint_url=f"http://127.0.0.1:{port}")
    return Settings(store=store, fetch=FetchSettings(s3_buckets=buckets, connect_seconds=1))


def receive(settings, address, folder):
    with closing(StagedFile(folder)) as staged:
        name = asyncio.run(fetch(settings, Origin(address=address), MAX_BYTES, staged, lambda received, size: None))
        return name, staged.path.read_bytes()


@pytest.mark.parametrize(
    ("allowed", "path", "taken"),
    [
        ((), "inbox/a.pdf", False),
        (("inbox",), "inbox/a.pdf", True),
        (("s3://inbox/",), "inbox/deep/a.pdf", True),
        (("inbox",), "inbox2/a.pdf", False),
        (("shared/papers",), "shared/papers/a.pdf", True),
        (("shared/papers",), "shared/papers", True),
        (("shared/papers",), "shared/papers2/a.pdf", False),
        (("shared/papers",), "shared/papers/../private/a.pdf", False),
    ],
)
def test_a_bucket_is_used_only_as_far_as_it_is_listed(allowed, path, taken):
    if taken:
        check_bucket(parse_s3(f"s3://{path}"), allowed, "FETCH_S3_BUCKETS")
        return
    with pytest.raises(BucketRefused) as caught:
        check_bucket(parse_s3(f"s3://{path}"), allowed, "FETCH_S3_BUCKETS")
    assert "FETCH_S3_BUCKETS" in caught.value.message


def test_an_object_that_is_not_listed_is_refused_by_the_fetch_too(tmp_path):
    with pytest.raises(BucketRefused):
        receive(settings_of(free_port()), "s3://inbox/a.pdf", tmp_path)


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(S3NotSetUp) as caught:
        check_origin(settings_of(1, "inbox"), Origin(address="s3://inbox/a.pdf"))
    assert "pip install document-parser[s3]" in caught.value.message


def test_without_credentials_a_sentence_says_what_to_give(tmp_path, monkeypatch):
    for name in (*KEYS, "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(S3NotSetUp):
        receive(settings_of(free_port(), "inbox"), "s3://inbox/a.pdf", tmp_path)


def test_a_service_that_is_away_is_an_error_that_can_be_retried(tmp_path, credentials):
    (tmp_path / "a").write_bytes(b"text")
    port = free_port()
    with pytest.raises(FetchUnreachable) as caught:
        receive(settings_of(port, "inbox"), "s3://inbox/a.pdf", tmp_path)
    assert caught.value.retryable
    with closing(s3.make_client(f"http://127.0.0.1:{port}")) as client, pytest.raises(ResultNotStored):
        s3.put_object(client, S3Path(bucket="out", key="a"), tmp_path / "a", "text/plain")


def test_an_object_comes_whole_under_its_own_name(tmp_path, credentials):
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    with Bucket() as bucket:
        settings = settings_of(bucket.port, NAME)
        (tmp_path / "a").write_bytes(b"year,birds\n" * 100_000)
        with closing(s3.make_client(settings.store.s3_endpoint_url)) as client:
            s3.put_object(client, S3Path(bucket=NAME, key="in/counts"), tmp_path / "a", "text/csv")
        assert receive(settings, f"s3://{NAME}/in/counts", tmp_path) == ("counts.csv", (tmp_path / "a").read_bytes())
        with pytest.raises(FetchNotFound):
            receive(settings, f"s3://{NAME}/in/nothing", tmp_path)
