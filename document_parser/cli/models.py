"""``docparse models``: the command lines of the two model servers, printed or run. The one place that knows their flags."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import IO, Literal
from urllib.parse import urlsplit

import httpx

from document_parser.host.processes import die_with_parent
from document_parser.settings import Settings, environment_of_child
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit

Name = Literal["deepseek", "nanonets"]
NAMES: tuple[Name, ...] = ("deepseek", "nanonets")

STOP_SECONDS = 30.0
PROBE_SECONDS = 2.0
TICK_SECONDS = 0.2
NOT_STARTED = 127

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""Nothing is downloaded at run time, and nothing reported."""

STREAM_INTERVAL = ("--stream-interval", "16")
"""Tokens a chunk. A chunk for each token costs this side twice the CPU; a loop is still seen within a line."""


@dataclass(frozen=True)
class Served:
    """How a model is served. Of the one GPU's memory it may take ``gpu_share``; its weights alone take ``weights_mib``."""

    flags: tuple[str, ...]
    gpu_share: float
    weights_mib: int


SERVED: dict[Name, Served] = {
    "deepseek": Served(
        flags=(
            "--logits_processors",
            "vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor",
            "--no-enable-prefix-caching",
            "--mm-processor-cache-gb",
            "0",
        ),
        gpu_share=0.40,
        weights_mib=6_700,
    ),
    "nanonets": Served(flags=(), gpu_share=0.50, weights_mib=7_500),
}
WORKING_MIB = 3_000
"""What a server needs beside the weights, at the least: activations, graphs, and a cache for a few pages."""


def command(settings: Settings, name: Name, vllm: str = "vllm") -> list[str]:
    """The command line that serves a model at the address the settings name. Raises ValueError where that has no port."""
    wanted = getattr(settings, name)
    address = urlsplit(wanted.urls[0])
    if address.port is None or not address.hostname:
        raise ValueError(f"VLLM_{name.upper()}_URL names no host and port.")
    served = SERVED[name]
    # Bound to the one address that is asked: a model server asks nobody who they are.
    host = "127.0.0.1" if address.hostname == "localhost" else address.hostname
    shared = ("--host", host, "--gpu-memory-utilization", f"{served.gpu_share:.2f}", *STREAM_INTERVAL)
    return [vllm, "serve", wanted.model, "--port", str(address.port), *served.flags, *shared]


def needed_gpu_mib() -> int:
    """The memory of a GPU on which both servers come up, in MiB; an estimate from their weights."""
    return math.ceil(max((served.weights_mib + WORKING_MIB) / served.gpu_share for served in SERVED.values()))


class Server:
    """A model server as a child of this process; its lines are passed on with its name before them."""

    def __init__(self, name: Name, line: list[str], url: str, parent: int) -> None:
        self.name = name
        self.url = url
        self.process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment_of_child(**OFFLINE),
            # A group of its own: Ctrl-C reaches this process alone, which passes it on in order.
            process_group=0,
            preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._pass_on, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url.rstrip('/')}/models", timeout=PROBE_SECONDS, trust_env=False).status_code < 500
        except httpx.HTTPError:
            return False

    def wait(self, seconds: float) -> None:
        """Until it has ended as it was asked to; then end it. What it said last is still passed on."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)

    def _pass_on(self, lines: IO[str]) -> None:
        for line in lines:
            print(f"{self.name} | {line}", end="", flush=True)


class Servers:
    """The servers that were asked for, one started after the other; when one ends, all end."""

    def __init__(self, settings: Settings, names: tuple[Name, ...], vllm: str) -> None:
        self.lines = {name: command(settings, name, vllm) for name in names}
        self.urls: dict[Name, str] = {name: getattr(settings, name).urls[0] for name in names}
        self.running: list[Server] = []
        self.stopping = threading.Event()

    def run(self) -> int:
        """Until told to stop (0) or a server ends by itself (1)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            for name in self.lines:
                self._start(name)
            while not self._over():
                self.stopping.wait(TICK_SECONDS)
        finally:
            lost = [server for server in self.running if server.ended]
            self._stop()
        for server in lost:
            _say(f"{server.name} ended with status {server.process.returncode}.")
        return 1 if lost and not self.stopping.is_set() else 0

    def _start(self, name: Name) -> None:
        """Returns when it answers: two that load at once on one GPU count each other's memory as their own."""
        if self._over():
            return
        _say(f"{name} is started: {shlex.join(self.lines[name])}")
        server = Server(name, self.lines[name], self.urls[name], parent=os.getpid())
        self.running.append(server)
        while not self._over() and not server.answers():
            self.stopping.wait(TICK_SECONDS)
        if not self._over():
            _say(f"{name} answers at {server.url}")

    def _over(self) -> bool:
        return self.stopping.is_set() or any(server.ended for server in self.running)

    def _stop(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        for server in self.running:
            if not server.ended:
                server.process.terminate()
        for server in self.running:
            server.wait(max(0.0, deadline - time.monotonic()))


def main(arguments: list[str] | None = None) -> int:
    """Print the command lines, or run them."""
    given = parse_arguments(_parser(), arguments)
    settings = settings_or_exit()
    names = (given.only,) if given.only else NAMES
    try:
        if given.action == "start":
            return _start(settings, names, given.vllm)
        for name in names:
            print(shlex.join(command(settings, name, given.vllm)))
    except ValueError as error:
        _say(str(error))
        return 2
    return 0


def _start(settings: Settings, names: tuple[Name, ...], vllm: str) -> int:
    program = shutil.which(vllm)
    if program is None:
        _say(f"{vllm!r} is not installed. Install vLLM in a folder of its own and name it: --vllm /opt/vllm/bin/vllm")
        return NOT_STARTED
    return Servers(settings, names, program).run()


def _say(sentence: str) -> None:
    print(f"docparse models: {sentence}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docparse models", description="Print the command lines of the two model servers, or run both on this machine."
    )
    parser.add_argument("action", nargs="?", choices=("print", "start"), default="print", help="default print")
    parser.add_argument("--only", choices=NAMES, help="one of the two")
    parser.add_argument("--vllm", default="vllm", metavar="PATH", help="the program; default vllm on the PATH")
    return parser
