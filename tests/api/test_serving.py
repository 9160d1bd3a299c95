"""What the web server says to people: where to look, why processes still run, and which command line works."""

from __future__ import annotations

import json
import os
import pty
import re
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from gunicorn.config import Config

from document_parser.api.server.worker_class import Connection, Head, PatientWorker
from tests.support.service import API, ROOT, Service, free_port, gunicorn, wait_until

ASGI_WORKER = ("--worker-class", "uvicorn.workers.UvicornWorker")


class Terminal:
    """A terminal of which a service's output is one side, and all that was shown on it."""

    def __init__(self):
        self.shown = ""
        self.ours, self.theirs = pty.openpty()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        while True:
            try:
                self.shown += os.read(self.ours, 1 << 16).decode(errors="replace")
            except OSError:  # nobody has the other side open any more
                return

    def close(self):
        os.close(self.theirs)
        self._thread.join(10)
        os.close(self.ours)


@pytest.mark.parametrize("command", [API, gunicorn()], ids=["docparse serve", "gunicorn in the checkout"])
def test_at_a_terminal_it_says_where_to_look_and_after_ctrl_c_that_workers_drain(tmp_path, command):
    terminal = Terminal()
    service = Service(tmp_path, command, ROOT)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=service.environment,
        stdin=terminal.theirs,
        stdout=terminal.theirs,
        stderr=terminal.theirs,
        start_new_session=True,
    )
    try:
        sentence = f"  Open http://127.0.0.1:{service.port}/ in a browser. Ctrl-C stops the service.\r\n"
        wait_until(lambda: sentence in terminal.shown, 60, "the address is shown")
        assert service.client.get("/").status_code == 200
        service.ready()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
        wait_until(
            lambda: "for up to 8 seconds, and then end by themselves" in terminal.shown, 10, "it says that workers drain"
        )
        assert terminal.shown.count(sentence) == 1
    finally:
        service.kill_everything()
        process.wait(10)
        service.client.close()
        terminal.close()


def test_elsewhere_the_log_says_it_in_its_own_form(tmp_path):
    with Service(tmp_path) as service:
        service.stop()
        lines = [json.loads(line) for line in service.log.splitlines()]
        told = {line["event"]: line for line in lines if line["event"] in ("listening", "workers_drain")}
        assert told["listening"]["address"] == f"http://127.0.0.1:{service.port}/"
        assert told["workers_drain"]["seconds"] == 8


def test_without_workers_nobody_drains(tmp_path):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        service.stop()
        assert "workers_drain" not in service.log


def ended(command, cwd, **variables):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_worker_class_for_asgi_is_refused_with_the_command_that_works(tmp_path):
    port = free_port()
    refused = ended(gunicorn("--workers", "4", "--bind", f"127.0.0.1:{port}", "--timeout", "300", *ASGI_WORKER), ROOT)
    assert refused.returncode == 2
    sentence, command = refused.stderr.splitlines()
    assert "uvicorn.workers.UvicornWorker serves ASGI apps; this service is a WSGI app." in sentence
    assert command.strip() == f"gunicorn document_parser.api:app --workers 4 --bind 127.0.0.1:{port} --timeout 300"
    with Service(tmp_path, [sys.executable, "-m", *shlex.split(command)], ROOT, API_PORT=port) as service:
        assert service.client.get("/v1/health/live").status_code == 200


@pytest.mark.parametrize("options", [("-k", "uvicorn.workers.UvicornWorker"), ("--worker-class=asgi",)])
def test_however_it_is_asked_for(options):
    refused = ended(gunicorn(*options, "--workers", "2"), ROOT)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].strip() == "gunicorn document_parser.api:app --workers 2"


def test_in_the_environment_it_is_refused_as_well():
    refused = ended(gunicorn("--workers", "2"), ROOT, GUNICORN_CMD_ARGS=shlex.join(ASGI_WORKER))
    assert refused.returncode == 2
    assert "Take it out of GUNICORN_CMD_ARGS." in refused.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        # One worker: where several refuse in the same moment, gunicorn's master may end with 1 and a traceback of its own.
        pytest.param(gunicorn("--workers", "1", *ASGI_WORKER), 4, id="gunicorn with uvicorn's worker"),
        pytest.param(gunicorn("--worker-class", "asgi"), 4, id="gunicorn with its own ASGI worker"),
        pytest.param([sys.executable, "-m", "uvicorn", "document_parser.api:app"], 4, id="uvicorn itself"),
    ],
)
def test_away_from_the_checkout_the_app_refuses_to_be_served_by_an_asgi_server(tmp_path, command, status):
    option = [f"--bind=127.0.0.1:{free_port()}"] if "gunicorn" in command else [f"--port={free_port()}"]
    refused = ended([*command, *option], tmp_path, DATA_DIR=str(tmp_path / "data"), HOME=str(tmp_path))
    assert refused.returncode == status, refused.stderr
    assert "This service is a WSGI app" in refused.stderr
    assert re.search(r"^    gunicorn document_parser\.api:app --workers 4", refused.stderr, re.MULTILINE)
    assert "Traceback" not in refused.stderr


def test_gunicorn_alone_reads_documents_through_four_workers_away_from_the_checkout(tmp_path):
    """Without gunicorn.conf.py its workers have one thread each; in the checkout docs/first_hour.sh tries it."""
    port = free_port()
    command = gunicorn("--workers", "4", "--bind", f"0.0.0.0:{port}", "--timeout", "300")
    with Service(tmp_path, command, API_PORT=port, HOME=tmp_path, AUTH_MODE="off") as service:
        for _ in range(4):
            with (ROOT / "samples" / "paper.pdf").open("rb") as stream:
                # A connection of its own for each: any of the four may take it.
                url = f"http://127.0.0.1:{service.port}/v1/process/sync"
                answer = httpx2.post(url, files={"file": ("paper.pdf", stream)}, timeout=60)
            assert "Counting Swifts at Dusk" in answer.json()["markdown"]


def test_a_signal_that_interrupts_the_giving_out_of_a_request_ends_the_web_worker():
    worker = PatientWorker(1, os.getpid(), [], None, 30, Config(), None)
    worker.tpool = ThreadPoolExecutor(1)
    with worker.tpool._shutdown_lock, pytest.raises(SystemExit):  # as in the middle of ``submit``
        worker.handle_quit(signal.SIGINT, None)
    worker.tpool.shutdown()
    worker.tmp.close()


def test_a_stopping_web_worker_still_hears_who_has_just_connected_and_lets_go_of_silent_connections():
    worker = PatientWorker(1, os.getpid(), [], None, 30, Config(), None)
    worker.alive, worker.poller = False, selectors.DefaultSelector()
    worker._heads, worker._parting, worker._open, worker._next_check = {}, {}, Counter(), 0.0
    pairs = [socket.socketpair() for _ in range(2)]
    fresh, served = [Connection(worker.cfg, ours, ("127.0.0.1", 1), None, lambda _: None) for ours, _ in pairs]
    served.initialized = True
    for conn in (fresh, served):
        worker._heads[conn] = Head(conn, time.monotonic() + 60)
    worker.murder_pending()
    assert list(worker._heads) == [fresh]
    for one in (one for pair in pairs for one in pair):
        one.close()
    worker.poller.close()
    worker.tmp.close()
