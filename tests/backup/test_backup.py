"""What a backup has, what it refuses, and what a restore does to what is there."""

from __future__ import annotations

import json
import stat
import threading
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis as Client

from document_parser.accounts import schema
from document_parser.accounts.database import Database
from document_parser.accounts.keys import Keys
from document_parser.backup.create import create_backup
from document_parser.backup.folder import describe
from document_parser.backup.progress import Silent
from document_parser.backup.restore import restore_backup, verify_backup
from document_parser.cli import backup as command
from document_parser.errors import (
    BackupDamaged,
    BackupRefused,
    BackupTooSlow,
    BackupUnusable,
    OutputUnwritable,
    RestoreRefused,
    RestoreTargetInUse,
    RestoreTargetNotEmpty,
    StorageKeyWrong,
)
from document_parser.jobs import queue
from document_parser.jobs.redis.connection import connect
from document_parser.jobs.redis.dump import DumpedKey, dump_keys, paused_writes, restore_keys
from document_parser.settings import AccountSettings, Settings, StoreSettings
from document_parser.storage import check_storage_key, make_storage, new_storage_key
from tests.support.bucket import KEYS, NAME, Bucket
from tests.support.service import wait_until

JOB = "01234567-89ab-cdef-0123-456789abcdef"
PAGE = f"jobs/{JOB}/pages/000001.json"
LARGE = b"page " * 500_000
"""More than one piece."""


class Broken(Exception):
    """A restore is interrupted."""


class Breaking(Silent):
    """Interrupts a step once it is done."""

    def __init__(self, what: str) -> None:
        self.what = what

    def finish(self, what: str, count: int, size: int) -> None:
        if what == self.what:
            raise Broken


@pytest.fixture
def make_settings(valkey, redis, tmp_path):
    """Settings of a service of its own: its DATA_DIR and its database of the one Valkey, which is empty."""

    def make(name: str, number: int, *, database_url: str = "", **store) -> Settings:
        url = f"{valkey.redis_url}?db={number}"
        found = StoreSettings(data_dir=tmp_path / name, redis_url=url, **store)
        return Settings(store=found, accounts=AccountSettings(database_url=database_url))

    return make


@pytest.fixture
def source(make_settings) -> Settings:
    """A service with a job, a page of it, and the secrets of its folder."""
    settings = make_settings("source", 1)
    fill(settings)
    return settings


@pytest.fixture
def target(make_settings) -> Settings:
    return make_settings("target", 2)


@pytest.fixture
def made(source, tmp_path) -> Path:
    """A backup of the service."""
    create_backup(source, tmp_path / "backup", Silent())
    return tmp_path / "backup"


def fill(settings: Settings) -> None:
    settings.data_dir.mkdir(mode=0o700, parents=True)
    (settings.data_dir / "operator.token").write_text("secret")
    check_storage_key(settings)  # as a service does at its start
    storage = make_storage(settings)
    storage.put(f"jobs/{JOB}/job.json", b"{}")
    storage.put(PAGE, LARGE)
    storage.put("cache/public/old.json", b"{}")
    with closing(connect(settings)) as client:
        client.hset(f"job:{JOB}", mapping={"card": "{}", "state": "processing"})
        client.set("short", "gone soon", px=1)
        client.set(f"job:{JOB}:status", "queued", ex=3600)
        client.rpush("rq:queue:pages", "one", "two")
        client.set("rq:worker:dead", "1")


def restore(settings: Settings, folder: Path, **options):
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return restore_backup(settings, folder, options.pop("progress", Silent()), **options)


def keys_in(settings: Settings) -> set[str]:
    with closing(connect(settings)) as client:
        return {name.decode() for name in client.scan_iter()}


def test_a_restored_service_has_the_keys_with_their_times_to_live_the_files_and_the_secrets(source, target, made):
    restore(target, made)
    assert keys_in(target) == {f"job:{JOB}", f"job:{JOB}:status", "rq:queue:pages"}
    with closing(connect(target)) as client:
        assert client.lrange("rq:queue:pages", 0, -1) == [b"one", b"two"]
        assert 0 < client.ttl(f"job:{JOB}:status") <= 3600
        assert client.ttl(f"job:{JOB}") == -1
    storage = make_storage(target)
    assert storage.get(PAGE) == LARGE
    assert (target.data_dir / "operator.token").read_text() == "secret"
    assert not storage.exists("cache/public/old.json"), "what is not in the cache is read again"
    assert not (target.data_dir / "restoring").exists()


def test_a_backup_is_readable_by_its_owner_alone_and_has_no_secrets_if_none_are_wanted(source, made, tmp_path):
    paths = [made, *made.rglob("*")]
    assert made.stat().st_mode & 0o077 == 0
    assert (made / "secrets" / "operator.token") in paths
    without = create_backup(source, tmp_path / "without", Silent(), with_secrets=False)
    assert without.secrets == []
    assert not (tmp_path / "without" / "secrets").exists()


def test_the_commands_files_have_the_mode_of_secrets_and_its_words_say_what_is_done(
    source, target, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(command, "settings_or_exit", lambda: source)
    assert command.main([str(tmp_path / "told")]) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"{tmp_path / 'told'}: backup as of 20")
    assert "stored files: 2, 2.4 MiB" in err
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "told").rglob("*") if path.is_file()}
    assert modes == {0o600}
    monkeypatch.setattr(command, "settings_or_exit", lambda: target)
    assert command.restore([str(tmp_path / "told"), "--check"]) == 0
    assert keys_in(target) == set()
    assert command.restore([str(tmp_path / "told")]) == 0
    assert command.restore([str(tmp_path / "told")]) == 1
    assert "There is data already: keys in Redis, stored files." in capfd.readouterr().err


def test_each_backup_needs_a_folder_of_its_own_that_can_be_written(source, made, tmp_path):
    with pytest.raises(OutputUnwritable, match="Each backup needs a folder of its own"):
        create_backup(source, made, Silent())
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritable, match="cannot be written"):
        create_backup(source, tmp_path / "file" / "below", Silent())


def test_a_backup_that_was_broken_off_or_is_of_another_version_is_not_restored(target, made):
    manifest = made / "backup.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"format": 99}))
    with pytest.raises(BackupUnusable, match="another version of the program"):
        restore(target, made)
    manifest.unlink()
    with pytest.raises(BackupUnusable, match=r"backup\.json"):
        restore(target, made)
    assert keys_in(target) == set()


@pytest.mark.parametrize("name", ["redis.dump", "files.jsonl", f"files/{PAGE}", "secrets/operator.token"])
def test_a_changed_or_lost_file_is_found_before_anything_is_restored(target, made, name):
    path = made / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(BackupDamaged, match=name):
        restore(target, made)
    path.unlink()
    with pytest.raises(BackupDamaged, match=name):
        verify_backup(made, Silent())
    assert keys_in(target) == set()
    assert list(target.data_dir.iterdir()) == []


def test_data_is_replaced_only_if_that_is_asked_for(target, made):
    storage = make_storage(target)
    storage.put("jobs/other/job.json", b"{}")
    with closing(connect(target)) as client:
        client.set("other", 1)
    with pytest.raises(RestoreTargetNotEmpty, match="keys in Redis, stored files"):
        restore(target, made)
    assert keys_in(target) == {"other"}
    restore(target, made, overwrite=True)
    assert "other" not in keys_in(target)
    assert not storage.exists("jobs/other/job.json")
    assert storage.get(PAGE) == LARGE


@pytest.mark.parametrize("step", ["stored files", "keys of Redis"])
def test_an_interrupted_restore_is_run_again_and_copies_no_file_twice(target, made, step):
    with pytest.raises(Broken):
        restore(target, made, progress=Breaking(step))
    copied = (target.data_dir / PAGE).stat().st_ino
    restore(target, made)
    assert (target.data_dir / PAGE).stat().st_ino == copied
    assert f"job:{JOB}" in keys_in(target)
    with pytest.raises(RestoreTargetNotEmpty):
        restore(target, made)


def test_a_service_that_runs_is_not_restored_over(target, made):
    with closing(connect(target)) as client:
        client.sadd("rq:workers", "rq:worker:alive")
        client.hset("rq:worker:alive", "hostname", "elsewhere")
        client.expire("rq:worker:alive", queue.WORKER_KEY_SECONDS)
        with pytest.raises(RestoreTargetInUse):
            restore(target, made, overwrite=True)


def test_a_job_that_is_deleted_while_the_backup_is_made_is_not_restored(source, target, tmp_path):
    class Deleting(Silent):
        def finish(self, what: str, count: int, size: int) -> None:
            if what == "stored files":
                with closing(connect(source)) as client:
                    client.delete(f"job:{JOB}")

    manifest = create_backup(source, tmp_path / "backup", Deleting())
    assert manifest.gone == [JOB]
    restore(target, tmp_path / "backup")
    assert keys_in(target) == {"rq:queue:pages"}


def test_keys_that_are_changed_together_are_copied_together(source):
    stop = threading.Event()

    def change() -> None:
        with closing(connect(source)) as client:
            number = 0
            while not stop.is_set():
                number += 1
                client.mset({f"pair:{side}": number for side in ("left", "right")})

    writer = threading.Thread(target=change)
    with closing(connect(source)) as client:
        client.mset({f"filler:{number}": number for number in range(3000)})
        writer.start()
        try:
            wait_until(lambda: client.exists("pair:left"), 10, "the writer writes")
            for _ in range(5):
                with paused_writes(client, 5):
                    found = {key.name: key.value for key in dump_keys(client)}
                assert found[b"pair:left"] == found[b"pair:right"]
        finally:
            stop.set()
            writer.join()


def test_a_redis_that_cannot_be_copied_in_time_gives_no_backup(source, tmp_path):
    with pytest.raises(BackupTooSlow, match="--max-pause"):
        create_backup(source, tmp_path / "backup", Silent(), max_pause_seconds=0.0)
    assert not (tmp_path / "backup" / "backup.json").exists()


def test_a_user_of_redis_without_the_commands_is_told_which_they_are(valkey, redis):
    redis.acl_setuser("weak", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all", "-client|pause"])
    client = Client.from_url(valkey.redis_url, username="weak", password="word")
    with closing(client), pytest.raises(BackupRefused, match="CLIENT PAUSE"), paused_writes(client, 1):
        raise AssertionError("not allowed")


def test_a_value_that_the_server_does_not_know_is_refused_in_words(redis):
    with pytest.raises(RestoreRefused, match="same kind of server"):
        list(restore_keys(redis, [DumpedKey(b"one", -1, b"\x00\x01x\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00")]))


def test_keys_of_a_database_and_its_other_rows_come_back(make_settings, database, account_settings, request, tmp_path):
    url = account_settings.accounts.database_url
    source = make_settings("data", 1, database_url=url)
    now = datetime(2027, 1, 31, 12, tzinfo=UTC)
    made = Keys(database).create(name="till\\ ü", owner="acme", tier="key", scopes=["read"], now=now)
    create_backup(source, tmp_path / "backup", Silent())
    Keys(database).create(name="later", owner="acme", tier="key", scopes=["read"], now=now)
    other = request.getfixturevalue("postgresql").create_database(f"test_{uuid.uuid4().hex}") if url else ""
    target = make_settings("target", 2, database_url=other)
    with closing(Database(target)) as empty:
        if url:
            with empty.connection() as connection:
                schema.upgrade(connection)  # as `docparse db upgrade` leaves it: tables without rows
        restore(target, tmp_path / "backup")
        found = Keys(empty).list()
        assert [(one.name, one.id, one.created_at) for one in found] == [("till\\ ü", made.key.id, now)]
    with pytest.raises(RestoreTargetNotEmpty, match="a database of keys and usage"):
        restore(target, tmp_path / "backup")
    restore(target, tmp_path / "backup", overwrite=True)


def test_a_backup_of_another_kind_of_database_is_refused_before_anything_is_written(make_settings, postgresql, tmp_path):
    source = make_settings("source", 1)
    fill(source)
    with closing(Database(source)) as database:
        database.make_ready()
    create_backup(source, tmp_path / "backup", Silent())
    target = make_settings("target", 2, database_url=postgresql.create_database(f"test_{uuid.uuid4().hex}"))
    with pytest.raises(BackupUnusable, match="Unset DATABASE_URL"):
        restore(target, tmp_path / "backup")
    assert keys_in(target) == set()


def test_encrypted_files_stay_encrypted_and_need_their_key(make_settings, tmp_path):
    key = new_storage_key()
    source = make_settings("source", 1, storage_key=key)
    fill(source)
    create_backup(source, tmp_path / "backup", Silent())
    assert b"page " not in (tmp_path / "backup" / "files" / PAGE).read_bytes()
    for wrong in ("", new_storage_key()):
        with pytest.raises(StorageKeyWrong):
            restore(make_settings("target", 2, storage_key=wrong), tmp_path / "backup")
    target = make_settings("target", 2, storage_key=key)
    restore(target, tmp_path / "backup")
    assert make_storage(target).get(PAGE) == LARGE


def test_files_of_a_bucket_are_listed_or_copied_if_that_is_asked_for(make_settings, tmp_path, monkeypatch):
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with Bucket() as bucket:
        store = {"s3_endpoint_url": bucket.settings["S3_ENDPOINT_URL"]}
        source = make_settings("source", 1, storage_url=f"s3://{NAME}/one", **store)
        fill(source)
        listed = create_backup(source, tmp_path / "listed", Silent())
        assert (listed.storage.copied, listed.storage.count) == (False, 2)
        assert not (tmp_path / "listed" / "files").exists()
        copied = create_backup(source, tmp_path / "copied", Silent(), with_files=True)
        assert (copied.storage.copied, copied.storage.bytes) == (True, len(LARGE) + 2)

        make_storage(source).delete(PAGE)
        same = make_settings("same", 2, storage_url=f"s3://{NAME}/one", **store)
        assert restore(same, tmp_path / "listed").missing == [PAGE]
        assert f"job:{JOB}" in keys_in(same)
        other = make_settings("other", 3, storage_url=f"s3://{NAME}/two", **store)
        restore(other, tmp_path / "copied")
        assert make_storage(other).get(PAGE) == LARGE


@pytest.mark.parametrize("key", ["secrets/operator.token", "jobs/../../operator.token"])
def test_a_name_that_leads_out_of_the_storage_is_refused(target, made, key):
    listing = made / "files.jsonl"
    first = json.loads(listing.read_text().splitlines()[0])
    listing.write_text(json.dumps(first | {"key": key}) + "\n")
    content = json.loads((made / "backup.json").read_text())
    content["storage"]["listing"] = describe(made, "files.jsonl").model_dump()
    (made / "backup.json").write_text(json.dumps(content))
    with pytest.raises(BackupUnusable, match="none of this service"):
        restore(target, made)
    assert list(target.data_dir.iterdir()) == []
