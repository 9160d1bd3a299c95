"""A service that is lost with all its files comes back from a backup that was made while it worked."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.commands import docparse
from tests.support.service import SOON, UNCHECKED, Service, asking, processes_of, start_reading
from tests.support.vllm_batching import UNHURRIED
from tests.support.vllm_server import ModelServer, served_from_thread

STAMPS = range(100, 112)
STALLED = STAMPS[-2:]
"""Pages at which the model server falls silent, so that their document stays in the middle."""


@pytest.fixture(scope="module")
def models():
    with served_from_thread(ModelServer(speed=UNHURRIED, tokens=60)) as server:
        yield server


def run(service, *words) -> subprocess.CompletedProcess[str]:
    command = docparse(*words)
    return subprocess.run(command, env=service.environment, cwd=service.folder, capture_output=True, text=True, timeout=120)


def stamps_of(result) -> list[int]:
    texts = [" ".join(block["text"] for block in page["blocks"]) + " " for page in result["document"]["pages"]]
    return [stamp for stamp, text in zip(STAMPS, texts, strict=True) if f"stamp-{stamp} " in text]


def test_after_a_total_loss_finished_jobs_read_as_before_and_the_others_go_on(tmp_path, models, scan, paper):
    settings = {"PAGE_CONCURRENCY": 4, **asking(models.url, "auto"), **UNCHECKED, **SOON}
    backup = tmp_path / "backup"
    with Service(tmp_path / "first", **settings) as first:
        finished = first.submit(paper, output_format="markdown")
        assert first.ended(finished)["status"] == "completed"
        before = first.client.get(f"/v1/jobs/{finished}/download").content
        for stamp in STALLED:
            models.script("stall", stamp=stamp, sticky=True)
        under_way = start_reading(first, scan, pages=len(STAMPS) - len(STALLED))
        made = run(first, "backup", backup)
        assert made.returncode == 0, made.stderr
        assert "stored files" in made.stderr
        kept = {json.loads(line)["key"] for line in (backup / "files.jsonl").read_text().splitlines()}
        stored = {int(key.rsplit("/", 1)[1].split(".")[0]) for key in kept if key.startswith(f"jobs/{under_way}/pages/")}
        assert len(stored) == len(STAMPS) - len(STALLED), "the document was being read"
        again = run(first, "restore", backup)
        assert (again.returncode, "[RESTORE_TARGET_IN_USE]" in again.stderr) == (1, True), again.stderr
        first.kill_everything()
    first.data_dir.rename(tmp_path / "lost")
    models.reset()

    second = Service(tmp_path / "second", **settings)
    second.folder.mkdir()
    restored = run(second, "restore", backup)
    assert restored.returncode == 0, restored.stderr
    assert not processes_of(second.data_dir)
    with second:
        assert second.client.get(f"/v1/jobs/{finished}/download").content == before
        assert second.ended(under_way)["complete"] is True
        assert stamps_of(second.result(under_way, format="json")) == list(STAMPS)
        assert sorted(entry.stamp for entry in models.log) == list(STALLED), "what was in the backup is not read again"
