"""Clients that stop reading their answers, or sending their requests: a thread is not theirs for good."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading

import httpx
import pytest

from tests.service import Service, wait_until

MORE_THAN_SOCKETS_HOLD = 64 << 20
MORE_THAN_THREADS = 10
HEAD = (
    "POST /v1/process/async?filename=a.pdf HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    "Content-Type: {kind}\r\nContent-Length: 9999999\r\n\r\n"
)
FORM = HEAD.format(kind="multipart/form-data; boundary=x") + (
    '--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7'
)
RAW = HEAD.format(kind="application/pdf") + "%PDF-1.7"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """One web worker with one thread: whoever holds it holds up everybody."""
    with Service(
        tmp_path_factory.mktemp("stalled"), WEB_WORKERS=1, WEB_THREADS=1, NUM_WORKERS=1, CLIENT_STALL_SECONDS=1.5
    ) as service:
        yield service


@contextlib.contextmanager
def asked_and_left_unread(service, path):
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", service.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        yield client


def ended_with(service, paper, result: bytes) -> str:
    """A completed job with this result; no connection is left that holds the one thread."""
    job_id = service.submit(paper)
    assert service.ended(job_id)["status"] == "completed"
    (service.data_dir / "jobs" / job_id / "result.md").write_bytes(result)
    service.client.close()
    service.client = service._client()
    return job_id


@pytest.mark.parametrize("route", ["download", "result"])
def test_a_client_that_stops_reading_its_result_is_cut_off_and_its_thread_is_free_again(service, paper, route):
    job_id = ended_with(service, paper, b"A line of a very long result.\n" * (MORE_THAN_SOCKETS_HOLD // 30))
    before = service.log.count("client_stalled")
    with asked_and_left_unread(service, f"/v1/jobs/{job_id}/{route}") as stalled:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"http://127.0.0.1:{service.port}/v1/health/live", timeout=0.5)
        assert service.answers("/v1/health/live")
        wait_until(lambda: service.log.count("client_stalled") == before + 1, 5, "the log tells of it")
        received = sum(map(len, iter(lambda: stalled.recv(1 << 16), b"")))
    assert received < MORE_THAN_SOCKETS_HOLD
    assert "Traceback" not in service.log
    assert "Socket error" not in service.log


def test_a_client_that_reads_slowly_gets_everything(service, paper):
    job_id = ended_with(service, paper, b"x" * (MORE_THAN_SOCKETS_HOLD // 4))
    with service.client.stream("GET", f"/v1/jobs/{job_id}/download") as answer:
        assert sum(map(len, answer.iter_raw(1 << 20))) >= MORE_THAN_SOCKETS_HOLD // 4


# --- clients that send slowly -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def sending(service, begin, many=1):
    """Clients that have sent this, and from now on send a byte now and then."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", service.port))) for _ in range(many)]
        for client in clients:
            client.settimeout(60)
            client.sendall(begin.encode())
        over = threading.Event()

        def trickle():
            while not over.wait(0.1):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.send(b" ")

        thread = threading.Thread(target=trickle)
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(over.set)
        yield clients


def answered(clients):
    return select.select(clients, [], [], 0)[0]


def answer_to(client):
    """Status and code of the answer; nothing where the connection was closed without one."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(1 << 16):
            received += chunk
            if b'"timestamp"' in received and received.rstrip().endswith(b"}"):
                break
    if not received:
        return None
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize("begin", [RAW, FORM], ids=["raw", "form"])
def test_a_client_that_sends_a_byte_now_and_then_is_told_that_it_is_too_slow_and_leaves_nothing(service, begin):
    with sending(service, begin) as [client]:
        assert answer_to(client) == (408, "UPLOAD_TOO_SLOW")
    assert service.answers("/v1/health/live")
    assert not list((service.data_dir / "staging").iterdir())
    assert "Traceback" not in service.log


def test_a_client_that_never_ends_its_headers_is_cut_off(service):
    with sending(service, "GET /v1/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ") as [client]:
        assert answer_to(client) is None
    assert service.answers("/v1/health/live")


def test_what_is_refused_does_not_hold_its_thread_while_the_rest_of_it_trickles_in(service):
    head = RAW.replace("/v1/process/async?filename=a.pdf", "/v1/process/nothing")
    with sending(service, head) as [client]:
        assert answer_to(client) == (404, "NOT_FOUND")
        assert service.answers("/v1/health/live")


def test_clients_that_say_nothing_or_do_not_go_hold_up_nobody(service):
    close = "GET /v1/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for words in ("", close, "", close):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(words.encode())
        assert service.answers("/v1/health/live")


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """One web worker with four threads, three of which may be held for long, and a long patience."""
    with Service(tmp_path_factory.mktemp("patient"), WEB_WORKERS=1, WEB_THREADS=4, NUM_WORKERS=1) as service:
        yield service


@pytest.mark.parametrize("begin", [RAW, FORM], ids=["raw", "form"])
def test_more_slow_uploads_than_threads_starve_nobody_and_those_beyond_the_places_are_told(patient, paper, begin):
    with sending(patient, begin, MORE_THAN_THREADS) as clients:
        # Whoever asks now stands behind all of them, and gets his answer.
        job_id = patient.submit(paper)
        assert patient.ended(job_id)["status"] == "completed"
        assert patient.answers("/v1/health/ready")
        wait_until(lambda: len(answered(clients)) == MORE_THAN_THREADS - 3, 30, "all but three have been told")
        told = {answer_to(client) for client in answered(clients)}
    assert told == {(503, "SERVER_BUSY")}
    wait_until(lambda: not list((patient.data_dir / "staging").iterdir()), 20, "nothing of them stays")
