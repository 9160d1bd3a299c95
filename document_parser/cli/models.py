"""Run ``docparse models``: print or run the command lines of the model servers that read pages.

Only this module knows their flags.
"""

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

import httpx2
from tenacity import Retrying, retry_if_not_result, sleep_using_event, wait_fixed

from document_parser.host.processes import die_with_parent
from document_parser.models import VLM_ENGINES, GrammarName, VlmName
from document_parser.settings import Settings, environment_of_child
from document_parser.settings.arguments import parse_arguments
from document_parser.settings.startup import settings_or_exit

STOP_SECONDS = 30.0
"""Time in seconds that servers get to stop before they are killed."""
STARTUP_PROBE_SECONDS = 2.0
"""Deadline of a server's response while it starts, in seconds."""
TICK_SECONDS = 0.2
"""Interval of checks in seconds."""
NOT_STARTED = 127
"""Exit status if vLLM is not installed."""

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""Environment of a server: it downloads nothing and reports nothing."""

STREAM_INTERVAL = ("--stream-interval", "16")
"""Tokens in one chunk of an answer.

One chunk for each token costs the client twice the processor time. With 16 a loop is still detected within a line.
"""


@dataclass(frozen=True)
class ServerProfile:
    """How a model is served.

    ``gpu_share`` is the share of the one GPU's memory that it may take, ``weights_mib`` the size of its weights alone.
    """

    flags: tuple[str, ...]
    gpu_share: float
    weights_mib: int


SERVER_PROFILES: dict[VlmName, ServerProfile] = {
    "deepseek": ServerProfile(
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
    "nanonets": ServerProfile(flags=(), gpu_share=0.50, weights_mib=7_500),
    "vlm": ServerProfile(flags=(), gpu_share=0.90, weights_mib=10_000),
}
"""Flags and memory of each server. Those of ``vlm`` also depend on its grammar; it wants a GPU of its own."""
FLAGS_BY_GRAMMAR: dict[GrammarName, tuple[str, ...]] = {
    "chandra": (
        "--dtype",
        "bfloat16",
        "--max-model-len",
        "18000",
        "--mm-processor-kwargs",
        '{"min_pixels": 3136, "max_pixels": 6291456}',
    ),
    "lighton": (
        "--limit-mm-per-prompt",
        '{"image": 1}',
        "--max-model-len",
        "16384",
        "--mm-processor-cache-gb",
        "0",
        "--no-enable-prefix-caching",
    ),
    "paddleocr_vl": (
        "--trust-remote-code",
        "--max-num-batched-tokens",
        "16384",
        "--no-enable-prefix-caching",
        "--mm-processor-cache-gb",
        "0",
    ),
    "dots_mocr": ("--trust-remote-code", "--chat-template-content-format", "string"),
    "mineru": ("--logits-processors", "mineru_vl_utils:MinerULogitsProcessor"),
}
"""Flags of the models that answer in these forms, as their vendors serve them."""
MIN_WORKING_MIB = 3_000
"""Minimum memory in MiB that a server needs beside the weights.

Activations, graphs, and a cache for a few pages.
"""


def server_command(settings: Settings, name: VlmName, vllm: str = "vllm") -> list[str]:
    """Return the command line that serves a model at the address in the settings.

    Raises ValueError if that address has no host or port, or if the settings name no such model.
    """
    wanted = settings.model_server(name)
    if not wanted.is_set:
        raise ValueError(f"VLLM_{name.upper()}_URL and VLLM_{name.upper()}_MODEL must be set.")
    address = urlsplit(wanted.urls[0])
    if address.port is None or not address.hostname:
        raise ValueError(f"VLLM_{name.upper()}_URL must have a host and a port.")
    profile = SERVER_PROFILES[name]
    flags = (*profile.flags, *(FLAGS_BY_GRAMMAR.get(settings.vlm.grammar, ()) if name == "vlm" else ()))
    # Bound to the one address that is used, because a model server has no authentication.
    host = "127.0.0.1" if address.hostname == "localhost" else address.hostname
    shared = ("--host", host, "--gpu-memory-utilization", f"{profile.gpu_share:.2f}", *STREAM_INTERVAL)
    return [vllm, "serve", wanted.model, "--port", str(address.port), *flags, *shared]


def needed_gpu_mib(names: Sequence[VlmName] = ("deepseek", "nanonets")) -> int:
    """Return the memory of a GPU on which each of these servers starts, in MiB, estimated from their weights."""
    profiles = [SERVER_PROFILES[name] for name in names]
    return math.ceil(max((profile.weights_mib + MIN_WORKING_MIB) / profile.gpu_share for profile in profiles))


class Server:
    """Run a model server as a child process. Its output is passed on with its name before each line."""

    def __init__(self, name: VlmName, line: list[str], url: str, parent: int) -> None:
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
    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self.process.poll() is not None

    def is_answering(self) -> bool:
        """Return whether the server responds without a server error."""
        try:
            return (
                httpx2.get(f"{self.url.rstrip('/')}/models", timeout=STARTUP_PROBE_SECONDS, trust_env=False).status_code < 500
            )
        except httpx2.HTTPError:
            return False

    def wait(self, seconds: float) -> None:
        """Wait up to ``seconds`` for the server to end, then kill it. Its last output is still passed on."""
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
    """Run the servers that were asked for, started one after the other. When one ends, all end."""

    def __init__(self, settings: Settings, names: tuple[VlmName, ...], vllm: str) -> None:
        self.lines = {name: server_command(settings, name, vllm) for name in names}
        self.urls: dict[VlmName, str] = {name: settings.model_server(name).urls[0] for name in names}
        self.running: list[Server] = []
        self.stopping = threading.Event()

    def serve(self) -> int:
        """Run until a signal stops the servers (return 0) or one of them ends (return 1)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            for name in self.lines:
                self._start(name)
            self._wait_until(self._over)
        finally:
            lost = [server for server in self.running if server.has_ended]
            self._stop()
        for server in lost:
            _say(f"{server.name} ended with status {server.process.returncode}.")
        return 1 if lost and not self.stopping.is_set() else 0

    def _start(self, name: VlmName) -> None:
        """Start a server and return when it responds.

        Two servers that load at once on one GPU would count each other's memory as their own.
        """
        if self._over():
            return
        _say(f"{name} is started: {shlex.join(self.lines[name])}")
        server = Server(name, self.lines[name], self.urls[name], parent=os.getpid())
        self.running.append(server)
        self._wait_until(lambda: self._over() or server.is_answering())
        if not self._over():
            _say(f"{name} answers at {server.url}")

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds. Only a signal ends the pauses early: ``condition`` must look at it."""
        sleep = sleep_using_event(self.stopping)
        Retrying(retry=retry_if_not_result(bool), wait=wait_fixed(TICK_SECONDS), sleep=sleep)(condition)

    def _over(self) -> bool:
        return self.stopping.is_set() or any(server.has_ended for server in self.running)

    def _stop(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        for server in self.running:
            if not server.has_ended:
                server.process.terminate()
        for server in self.running:
            server.wait(max(0.0, deadline - time.monotonic()))


def main(arguments: list[str] | None = None) -> int:
    """Print the command lines, or run them. Return the exit status."""
    given = parse_arguments(_parser(), arguments)
    settings = settings_or_exit()
    names = (given.only,) if given.only else settings.reading_models
    if given.action == "start" and len(names) > 1 and "vlm" in names:
        _say("vlm is left out: it wants a GPU of its own. Start it there with docparse models start --only vlm.")
        names = tuple(name for name in names if name != "vlm")
    try:
        if given.action == "start":
            return _start(settings, names, given.vllm)
        for name in names:
            print(shlex.join(server_command(settings, name, given.vllm)))
    except ValueError as error:
        _say(str(error))
        return 2
    return 0


def _start(settings: Settings, names: tuple[VlmName, ...], vllm: str) -> int:
    program = shutil.which(vllm)
    if program is None:
        _say(f"{vllm!r} is not installed. Install vLLM in a folder of its own and name it: --vllm /opt/vllm/bin/vllm")
        return NOT_STARTED
    return Servers(settings, names, program).serve()


def _say(sentence: str) -> None:
    print(f"docparse models: {sentence}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="docparse models", description="Print the command lines of the model servers, or start them on this machine."
    )
    parser.add_argument("action", nargs="?", choices=("print", "start"), default="print", help="default print")
    parser.add_argument("--only", choices=VLM_ENGINES, help="one of them")
    parser.add_argument("--vllm", default="vllm", metavar="PATH", help="the program; default vllm on the PATH")
    return parser
