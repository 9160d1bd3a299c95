"""What the embedded Valkey wrote is on the disk soon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import valkey

from document_parser.settings import Settings, StoreSettings
from document_parser.supervisor.append_only_sync import AppendOnlySync
from document_parser.supervisor.valkey import EmbeddedValkey
from tests.support.service import wait_until


@pytest.fixture
def synced(monkeypatch):
    """The sizes of the files that were synced, by name."""
    sizes = []

    def fdatasync(file):
        sizes.append((Path(f"/proc/self/fd/{file}").readlink().name, os.fstat(file).st_size))

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return sizes


def test_a_file_is_synced_once_after_it_has_grown(tmp_path, synced):
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    sync = AppendOnlySync(tmp_path)
    sync.sync()
    assert synced == []
    (folder / "appendonly.aof.9.incr.aof").write_bytes(b"one")
    for _ in range(3):
        sync.sync()
    (folder / "appendonly.aof.10.incr.aof").write_bytes(b"a rewrite began a file of its own")
    for _ in range(3):
        sync.sync()
    assert synced == [("appendonly.aof.9.incr.aof", 3), ("appendonly.aof.10.incr.aof", 33)]


def test_what_is_written_to_the_embedded_valkey_is_synced_by_the_process_that_keeps_it(tmp_path, synced):
    settings = Settings(store=StoreSettings(data_dir=tmp_path / "data"))
    settings.data_dir.mkdir()
    kept = EmbeddedValkey(settings)
    try:
        wait_until(kept.ensure, 30, "the server answers")
        with valkey.Valkey(unix_socket_path=str(settings.valkey_socket)) as client:
            client.set("written", "x" * 100_000)
        wait_until(lambda: kept.ensure() and any(size > 100_000 for _, size in synced), 30, "the file is synced")
    finally:
        kept.stop()
