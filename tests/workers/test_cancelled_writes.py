"""A task that is cancelled while it stores a file leaves a whole file or none, never one that appears later."""

from __future__ import annotations

import asyncio
import threading

import pytest

from document_parser.storage import LocalStorage
from document_parser.workers.assemble import put_to_its_end


class SlowStorage(LocalStorage):
    """Stores a file when it is told to."""

    def __init__(self, folder):
        super().__init__(folder)
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def put(self, key, data):
        self.begun.set()
        assert self.may_go_on.wait(10)
        super().put(key, data)


def test_a_cancelled_task_ends_after_its_file_is_stored(tmp_path):
    async def run():
        storage = SlowStorage(tmp_path)
        task = asyncio.create_task(put_to_its_end(storage, "jobs/one/page", b"text"))
        await asyncio.to_thread(storage.begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done(), "the file is still being written"
        storage.may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (tmp_path / "jobs/one/page").read_bytes() == b"text"

    asyncio.run(run())
