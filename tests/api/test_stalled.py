"""Clients that stop reading their answers, or sending their requests: a thread is not theirs for good."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from pathlib import Path

import httpx2
import pytest

from tests.support.service import TLS, Service, wait_until

MORE_THAN_SOCKETS_HOLD = 64 << 20
MORE_THAN_THREADS = 10
SOON_ENOUGH = 5.0
"""Seconds for an answer that waits for nobody; the slow ones are waited for twice as long, and longer."""
OF_ONE_ADDRESS = 100
"""Slow clients: fewer than MAX_CONNECTIONS_PER_ADDRESS, which one web worker may reach if it accepts nearly all of them."""
PROBE = "/v1/system"
"""Answered by the threads that all others share, unlike health."""
SLOW_HEAD = "GET /v1/system HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
LIVE = "GET /v1/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CLOSE = "GET /v1/system HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
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


def asked_anew(service, path, timeout):
    """The answer over a connection of its own."""
    return httpx2.get(f"http://127.0.0.1:{service.port}{path}", timeout=timeout, verify=TLS)


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
        with pytest.raises(httpx2.ReadTimeout):
            asked_anew(service, PROBE, timeout=0.5)
        assert service.answers(PROBE)
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
def sending(service, begin, many=1, pause_seconds=0.1):
    """Clients that have sent this, and from now on send a byte now and then. In the end the service has closed them all."""
    before = connections_of(service)
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(
                socket.create_connection(
                    ("127.0.0.1", service.port), source_address=(f"127.0.0.{1 + number // OF_ONE_ADDRESS}", 0)
                )
            )
            for number in range(many)
        ]
        for client in clients:
            client.settimeout(60)
            client.sendall(begin.encode())
        over = threading.Event()

        def trickle():
            while not over.wait(pause_seconds):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.send(b" ")

        thread = threading.Thread(target=trickle)
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(over.set)
        yield clients
    # They count for their address until then, and the next ones may come from the same.
    wait_until(lambda: connections_of(service) <= before, 30, "the service has closed what the clients left")


def connections_of(service) -> int:
    """The connections that the service has open: established, or left by the client."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{service.port:04X}") and row[3] in ("01", "08") for row in rows)


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
def test_a_client_that_sends_a_byte_now_and_then_is_told_that_it_is_too_slow_and_leaves_nothing(service, paper, begin):
    with sending(service, begin) as [client]:
        assert answer_to(client) == (408, "UPLOAD_TOO_SLOW")
    assert service.submit(paper)
    assert not list((service.data_dir / "staging").iterdir())
    assert "Traceback" not in service.log


def test_a_client_that_never_ends_its_headers_is_cut_off(service):
    with sending(service, SLOW_HEAD) as [client]:
        assert answer_to(client) is None
    assert service.answers(PROBE)


def test_what_is_refused_does_not_hold_its_thread_while_the_rest_of_it_trickles_in(service, paper):
    head = RAW.replace("/v1/process/async?filename=a.pdf", "/v1/process/nothing")
    with sending(service, head) as [client]:
        assert answer_to(client) == (404, "NOT_FOUND")
        assert service.submit(paper)


def test_clients_that_say_nothing_or_do_not_go_hold_up_nobody(service):
    with contextlib.ExitStack() as stack:
        for words in ("", CLOSE, "", CLOSE):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(words.encode())
        assert service.answers(PROBE)


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
        assert patient.answers(PROBE)
        wait_until(lambda: len(answered(clients)) == MORE_THAN_THREADS - 3, 30, "all but three have been told")
        told = {answer_to(client) for client in answered(clients)}
    assert told == {(503, "SERVER_BUSY")}
    wait_until(lambda: not list((patient.data_dir / "staging").iterdir()), 20, "nothing of them stays")


# --- many of them -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Web workers and threads as they come: two with eight."""
    with Service(tmp_path_factory.mktemp("usual"), NUM_WORKERS=0) as service:
        yield service


KINDS = {
    "head": SLOW_HEAD,
    "silence": "",
    "parting": CLOSE,
    "second head": CLOSE.replace("Connection: close\r\n", "") + SLOW_HEAD,
    "upload": RAW,
    "form": FORM,
    "no HTTP": "1",
    "long head": LIVE.replace("\r\n\r\n", "\r\n" + "".join(f"X-{n}: {'x' * 1000}\r\n" for n in range(66)) + "X-Slow: "),
    "body of who asks whether it lives": LIVE.replace("\r\n\r\n", "\r\nContent-Length: 99999\r\nExpect: 100-continue\r\n\r\n"),
}


@pytest.mark.parametrize("many", [60, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_health_is_answered_while_many_are_slow_however_many(usual, kind, many):
    """They are slow for longer than an answer may take: who waited for one of them would get none."""
    with sending(usual, KINDS[kind], many, pause_seconds=0.5):
        for _ in range(20):
            assert asked_anew(usual, "/v1/health/live", timeout=SOON_ENOUGH).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_many_that_are_slow_hold_up_nobody_who_only_asks(usual, kind):
    with sending(usual, KINDS[kind], 60, pause_seconds=0.5):
        for _ in range(10):
            assert asked_anew(usual, PROBE, timeout=SOON_ENOUGH).status_code == 200


def test_whether_it_lives_is_told_while_others_wait_to_hear_how_it_is(tmp_path):
    """A model server that takes connections and says nothing is waited for longer than whoever asks whether we live."""
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.ExitStack() as stack:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        settings = {"INFERENCE_MODE": "vllm", "VLLM_DEEPSEEK_URL": url, "VLLM_NANONETS_URL": url, "VLLM_CONNECT_SECONDS": 60}
        service = stack.enter_context(Service(tmp_path, WEB_WORKERS=1, NUM_WORKERS=0, **settings))
        for _ in range(8):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked_anew(service, "/v1/health/live", timeout=SOON_ENOUGH).status_code == 200


def test_an_address_may_hold_so_many_connections_and_the_longest_silent_goes_for_a_new_one(tmp_path):
    settings = {"WEB_WORKERS": 1, "NUM_WORKERS": 0, "MAX_CONNECTIONS_PER_ADDRESS": 20}
    with Service(tmp_path, **settings) as service, sending(service, SLOW_HEAD, 24, pause_seconds=60) as clients:
        assert asked_anew(service, PROBE, timeout=20).status_code == 200
        wait_until(lambda: len(answered(clients)) >= 5, 10, "the first have been closed")
        assert answered(clients) == clients[: len(answered(clients))]
        # Five make room, the last of them for the request. One that we have closed ourselves counts until the server sees it.
        assert len(answered(clients)) < len(clients)


@pytest.mark.parametrize(("kind", "status"), [("no HTTP", 400), ("long head", 431)])
def test_what_can_be_no_request_of_ours_is_refused_before_it_ends(usual, kind, status):
    with sending(usual, KINDS[kind]) as [client]:
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 %d " % status)


def test_requests_that_come_together_or_in_pieces_are_all_answered(usual):
    request = f"GET {PROBE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", usual.port), 20) as client:
        client.sendall(request + request + request[:20])
        time.sleep(0.3)
        client.sendall(request[20:])
        client.settimeout(20)
        received = b""
        while received.count(b"HTTP/1.1 200") < 3:
            received += client.recv(1 << 16)
