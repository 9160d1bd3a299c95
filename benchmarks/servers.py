"""The pair of simulated model servers, each a process of its own, and what they were asked."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from benchmarks.clients import NEVER_FULL
from benchmarks.usage import processor_seconds
from tests.support.service import ROOT, wait_until
from tests.support.vllm_answers import MODELS, answer_for, tokens_of
from tests.support.vllm_batching import Speed

TOKENS = 266
"""Asks the servers for answers of about 250 or about 317 tokens: they come in steps of a paragraph."""
MEAN_TOKENS = 280
"""Of the pages that are measured. With 300, the servers themselves would read 200 pages at less than 8 pages/s."""


class ModelServers:
    """DeepSeek-OCR and Nanonets-OCR2, simulated; they share nothing."""

    def __init__(self, folder: Path, speed: Speed | None = None) -> None:
        self.folder = folder
        self.speed = speed or Speed()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in MODELS:
            self.processes[name] = subprocess.Popen(self._command(name), cwd=ROOT, stdin=subprocess.DEVNULL)
        for name in MODELS:
            wait_until(self._ready_file(name).exists, 20, f"the simulated {name} server answers")
            self.urls[name] = self._ready_file(name).read_text()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def settings(self) -> dict[str, Any]:
        """The product's settings that lead to these servers and nowhere else."""
        addresses = {f"VLLM_{name.upper()}_URL": url for name, url in self.urls.items()}
        return {**addresses, **NEVER_FULL, "INFERENCE_MODE": "vllm"}

    def processor_seconds(self) -> float:
        return sum(processor_seconds(process.pid) for process in self.processes.values())

    def forget(self) -> None:
        """Begin a new account of what was asked."""
        for url in self.urls.values():
            httpx2.post(f"{root_of(url)}/reset").raise_for_status()

    def check_asked_once(self, pages: Iterable[int]) -> None:
        """Each of these pages was asked of DeepSeek-OCR once, and nothing else of anybody. Raises AssertionError."""
        asked = Counter(entry["stamp"] for entry in self._requests("deepseek"))
        wrong = {stamp: times for stamp, times in asked.items() if times != 1}
        assert not wrong, f"pages asked more than once: {wrong}"
        assert set(asked) == set(pages), f"never asked: {sorted(set(pages) - set(asked))[:10]}"
        assert not self._requests("nanonets"), "pages went to the other model"

    def _requests(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx2.get(f"{root_of(self.urls[name])}/requests", timeout=30).json()
        return found

    def _ready_file(self, name: str) -> Path:
        return self.folder / f"{name}.url"

    def _command(self, name: str) -> list[str]:
        speed = {
            "--tokens-per-second": self.speed.tokens_per_second,
            "--per-sequence": self.speed.per_sequence,
            "--sequences": self.speed.sequences,
            "--first-token": self.speed.first_token,
            "--chunk-tokens": self.speed.chunk_tokens,
        }
        options = {
            "--model": MODELS[name],
            "--grammar": name,
            "--tokens": TOKENS,
            "--ready-file": self._ready_file(name),
        } | speed
        return [
            sys.executable,
            "-m",
            "tests.support.vllm_server",
            *(str(part) for option in options.items() for part in option),
        ]


def stamps(first: int, pages: int) -> list[int]:
    """So many numbers from ``first`` on, chosen so that their answers have MEAN_TOKENS on average, whatever the first is."""
    chosen: list[int] = []
    tokens = 0
    for number in count(first):
        length = len(tokens_of(answer_for(number, "deepseek", TOKENS)))
        if (length > MEAN_TOKENS) == (tokens <= MEAN_TOKENS * len(chosen)):
            chosen.append(number)
            tokens += length
        if len(chosen) == pages:
            break
    return chosen


def root_of(url: str) -> str:
    return url.removesuffix("/v1")
