"""Clients that stop reading their answers: a thread is not theirs for good."""

from __future__ import annotations

import contextlib
import socket

import httpx
import pytest

from tests.service import Service, wait_until

MORE_THAN_SOCKETS_HOLD = 64 << 20


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


@pytest.mark.parametrize("route", ["download", "result"])
def test_a_client_that_stops_reading_its_result_is_cut_off_and_its_thread_is_free_again(service, paper, route):
    job_id = service.submit(paper)
    assert service.ended(job_id)["status"] == "completed"
    result = service.data_dir / "jobs" / job_id / "result.md"
    result.write_bytes(b"A line of a very long result.\n" * (MORE_THAN_SOCKETS_HOLD // 30))
    service.client.close()
    service.client = service._client()
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
    job_id = service.submit(paper)
    assert service.ended(job_id)["status"] == "completed"
    result = service.data_dir / "jobs" / job_id / "result.md"
    result.write_bytes(b"x" * (MORE_THAN_SOCKETS_HOLD // 4))
    service.client.close()
    service.client = service._client()
    with service.client.stream("GET", f"/v1/jobs/{job_id}/download") as answer:
        assert sum(map(len, answer.iter_raw(1 << 20))) >= MORE_THAN_SOCKETS_HOLD // 4
