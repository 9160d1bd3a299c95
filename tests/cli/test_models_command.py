"""``docparse models``: the command lines of the model servers, printed and run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service import ROOT, free_port, wait_until

DOCPARSE = [sys.executable, "-m", "document_parser", "models"]

VLLM = f"""#!{sys.executable}
import json, os, signal, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

log = Path(os.environ["VLLM_LOG"])
name = sys.argv[2]
port = int(sys.argv[sys.argv.index("--port") + 1])

def note(event):
    with log.open("a") as out:
        out.write(json.dumps({{"event": event, "name": name, "argv": sys.argv[1:], "pid": os.getpid(),
                              "offline": os.environ.get("HF_HUB_OFFLINE")}}) + "\\n")

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({{"data": [{{"id": name}}]}}).encode())
    def log_message(self, *_):
        pass

def stop(*_):
    note("told to stop")
    threading.Thread(target=server.shutdown).start()

note("started")
if os.environ.get("VLLM_FAILS") == name:
    print("no memory left on the card", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
server = HTTPServer(("127.0.0.1", port), Answer)
print("loading", name, flush=True)
note("answers")
server.serve_forever()
"""


class Run:
    """``docparse models`` with a program in vLLM's place."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.vllm = folder / "vllm"
        self.vllm.write_text(VLLM)
        self.vllm.chmod(0o755)
        self.events_file = folder / "events"
        self.events_file.touch()
        self.ports = {"deepseek": free_port(), "nanonets": free_port()}
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "VLLM_LOG": str(self.events_file),
            **{f"VLLM_{name.upper()}_URL": f"http://127.0.0.1:{port}/v1" for name, port in self.ports.items()},
            **environment,
        }

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*DOCPARSE, "start", "--vllm", str(self.vllm), *options],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*DOCPARSE, *options],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.events_file.read_text().splitlines()]

    def happened(self, *events: tuple[str, str]) -> bool:
        return [(event["event"], event["name"].split("/")[0]) for event in self.events] == list(events)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


UP = [("started", "deepseek-ai"), ("answers", "deepseek-ai"), ("started", "nanonets"), ("answers", "nanonets")]


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=40)
    return process.returncode, out, err


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_command_lines_have_the_ports_and_models_of_the_settings(tmp_path):
    run = Run(tmp_path, VLLM_NANONETS_MODEL="own/model")
    deepseek, nanonets = map(shlex.split, run.ask().stdout.splitlines())
    assert deepseek[:5] == ["vllm", "serve", "deepseek-ai/DeepSeek-OCR", "--port", str(run.ports["deepseek"])]
    assert nanonets[:5] == ["vllm", "serve", "own/model", "--port", str(run.ports["nanonets"])]
    assert deepseek[deepseek.index("--logits_processors") + 1].endswith(":NGramPerReqLogitsProcessor")


def test_both_servers_fit_into_one_gpu(run):
    lines = map(shlex.split, run.ask().stdout.splitlines())
    assert sum(float(line[line.index("--gpu-memory-utilization") + 1]) for line in lines) <= 0.92


def test_one_server_can_be_asked_for(run):
    assert [shlex.split(line)[2] for line in run.ask("--only", "nanonets").stdout.splitlines()] == ["nanonets/Nanonets-OCR2-3B"]


def test_the_second_server_is_started_once_the_first_answers(run):
    process = run.start()
    wait_until(lambda: len(run.events) == 4, 40, "both answer")
    assert run.happened(*UP)
    ended(process)


def test_what_is_run_is_what_is_printed_and_offline(run):
    printed = [shlex.split(line)[1:] for line in run.ask().stdout.splitlines()]
    process = run.start()
    wait_until(lambda: len(run.events) == 4, 40, "both answer")
    ended(process)
    assert [event["argv"] for event in run.events if event["event"] == "started"] == printed
    assert {event["offline"] for event in run.events} == {"1"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on_to_both_and_is_no_failure(run, number):
    process = run.start()
    wait_until(lambda: len(run.events) == 4, 40, "both answer")
    status, out, _ = ended(process, number)
    assert status == 0
    assert {event["name"] for event in run.events if event["event"] == "told to stop"} == {
        "deepseek-ai/DeepSeek-OCR",
        "nanonets/Nanonets-OCR2-3B",
    }
    assert not any(alive(event["pid"]) for event in run.events)
    assert "deepseek | loading deepseek-ai/DeepSeek-OCR\n" in out


def test_the_servers_die_with_the_command(run):
    process = run.start()
    wait_until(lambda: len(run.events) == 4, 40, "both answer")
    ended(process, signal.SIGKILL)
    wait_until(lambda: not any(alive(event["pid"]) for event in run.events), 20, "both are gone")


def test_when_one_server_dies_the_other_is_stopped_and_the_command_fails(run):
    process = run.start()
    wait_until(lambda: len(run.events) == 4, 40, "both answer")
    os.kill(run.events[-1]["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "nanonets ended with status -9" in err
    assert not any(alive(event["pid"]) for event in run.events)


def test_a_server_that_does_not_come_up_says_why_and_nothing_else_is_started(tmp_path):
    run = Run(tmp_path, VLLM_FAILS="deepseek-ai/DeepSeek-OCR")
    process = run.start()
    out, err = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "deepseek | no memory left on the card" in out
    assert "deepseek ended with status 3" in err
    assert run.happened(("started", "deepseek-ai"))


def test_without_vllm_the_command_says_what_to_do(run):
    told = run.ask("start", "--vllm", "/nowhere/vllm")
    assert told.returncode == 127
    assert "Install vLLM" in told.stderr


def test_an_address_without_a_port_is_refused(tmp_path):
    told = Run(tmp_path, VLLM_DEEPSEEK_URL="http://gpu.example/v1").ask()
    assert (told.returncode, told.stdout) == (2, "")
    assert "VLLM_DEEPSEEK_URL" in told.stderr
