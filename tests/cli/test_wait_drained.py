"""What a process manager waits with until everything of a service has ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from document_parser.settings import Settings, StoreSettings
from document_parser.supervisor.supervisor import supervisor_lock
from tests.support.service import ROOT


def test_it_waits_until_the_supervisor_of_this_data_dir_has_ended(tmp_path):
    lock = supervisor_lock(Settings(store=StoreSettings(data_dir=tmp_path)))
    assert lock.acquire("1 1")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path)}
    waiting = subprocess.Popen([sys.executable, "-m", "document_parser.cli.wait_drained"], env=environment)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(3)
        lock.release()
        assert waiting.wait(60) == 0
    finally:
        waiting.kill()
        waiting.wait()
