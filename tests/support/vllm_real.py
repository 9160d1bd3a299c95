"""vLLM's own server, on the CPU, with tiny models made on the spot.

A tiny model says one given answer, whatever the picture, and with ``ignore_eos`` says it over and over. So this shows how the
real server talks, never how well a model reads. ``make test-vllm`` installs it (vllm_peer/install.sh).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from tests.support.service import ROOT, free_port, wait_until
from tests.support.vllm_answers import Grammar

SERVE = ROOT / "tests" / "support" / "vllm_peer" / "serve.sh"
START_SECONDS = 300


def why_not(venv: Path | None) -> str | None:
    """Why there is no vLLM server in a virtual environment; None where there is one."""
    if venv is None:
        return "vLLM's own server was not asked for: make test-vllm installs and starts it"
    if (venv / "installed.txt").is_file():
        return None
    told = venv / "why-not"
    reason = told.read_text().strip() if told.is_file() else "make test-vllm installs it"
    return f"there is no vLLM server in {venv}: {reason}"


class RealServer:
    """One server. ``with`` waits until it answers, and leaves nothing behind. ``url`` is its OpenAI address."""

    def __init__(self, venv: Path, folder: Path, grammar: Grammar, *flags: str) -> None:
        self.grammar: Grammar = grammar
        port = free_port()
        self.root = f"http://127.0.0.1:{port}"
        self.url = self.root + "/v1"
        self.log = folder / f"{grammar}.log"
        command = [str(SERVE), str(venv.resolve()), str(folder), grammar, str(port), *flags]
        with self.log.open("wb") as log:
            # A session of its own, so that its engine process can be ended with it.
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the vLLM server ended:\n{self.log.read_text(errors='replace')[-4000:]}")
        try:
            return httpx2.get(self.root + "/health", trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all lines with these labels."""
        lines = re.findall(
            rf"^{re.escape(name)}\{{(.*)\}} (\S+)$", httpx2.get(self.root + "/metrics", trust_env=False).text, re.MULTILINE
        )
        return sum(float(value) for found, value in lines if all(f'{key}="{label}"' in found for key, label in labels.items()))

    @property
    def running(self) -> int:
        return int(self.metric("vllm:num_requests_running") + self.metric("vllm:num_requests_waiting"))

    def kill(self) -> None:
        """End all its processes at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def __enter__(self) -> Self:
        wait_until(self.answers, START_SECONDS, f"the vLLM server for {self.grammar} answers")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.kill()
