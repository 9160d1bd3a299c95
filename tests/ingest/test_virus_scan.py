"""A file is read if clamd has looked at it and found nothing, and in no other case."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from document_parser.errors import InfectedFile, VirusScanUnavailable
from document_parser.ingest.virus_scan import check_file, version_of
from document_parser.settings import VirusScanSettings
from tests.support.clamd import CLAMD, SAMPLE, SIGNATURE, FakeClamd, fake_clamd, real_clamd
from tests.support.service import free_port


@pytest.fixture
def clamd() -> Iterator[FakeClamd]:
    with fake_clamd() as server:
        yield server


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    path = tmp_path / "clean.txt"
    path.write_bytes(b"nothing to find here\n" * 40_000)
    return path


@pytest.fixture
def infected(tmp_path: Path) -> Path:
    path = tmp_path / "infected.pdf"
    path.write_bytes(SAMPLE)
    return path


def test_a_clean_file_passes_and_was_streamed_whole(clamd, clean):
    check_file(VirusScanSettings(url=clamd.url), clean)
    assert clamd.scanned == [clean.read_bytes()]


def test_an_infected_file_is_refused_by_the_name_of_what_was_found(clamd, infected):
    with pytest.raises(InfectedFile) as refused:
        check_file(VirusScanSettings(url=clamd.url), infected)
    assert (refused.value.status, refused.value.code) == (422, "INFECTED_FILE")
    assert refused.value.details == {"signature": SIGNATURE}


@pytest.mark.parametrize(("mood", "reason"), [("slow", "timeout"), ("failing", "scan_failed")])
def test_a_scanner_that_gives_no_verdict_is_never_a_pass(clamd, clean, mood, reason):
    clamd.mood = mood
    with pytest.raises(VirusScanUnavailable) as refused:
        check_file(VirusScanSettings(url=clamd.url, timeout_seconds=0.3), clean)
    assert (refused.value.status, refused.value.retryable, refused.value.details) == (503, True, {"reason": reason})


def test_a_file_larger_than_the_scanner_takes_is_never_a_pass(clamd, clean):
    clamd.limit = 1000
    with pytest.raises(VirusScanUnavailable, match="StreamMaxLength") as refused:
        check_file(VirusScanSettings(url=clamd.url), clean)
    assert refused.value.details == {"reason": "file_too_large_for_scan"}


def test_a_scanner_that_hangs_up_is_never_a_pass(clean):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        settings = VirusScanSettings(url=f"tcp://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=0.5)
        with pytest.raises(VirusScanUnavailable):  # it accepts the connection and says nothing
            check_file(settings, clean)


@pytest.mark.parametrize(
    "url",
    [f"tcp://127.0.0.1:{free_port()}", "unix:///nowhere/clamd.sock", "tcp://no-such-host.invalid:3310"],
    ids=["port", "socket", "host"],
)
def test_a_scanner_that_is_away_is_never_a_pass(clean, url):
    with pytest.raises(VirusScanUnavailable) as refused:
        check_file(VirusScanSettings(url=url, timeout_seconds=2), clean)
    assert refused.value.details == {"reason": "away"}


def test_without_an_address_nothing_is_scanned(infected):
    check_file(VirusScanSettings(), infected)


@pytest.mark.parametrize("url", ["127.0.0.1:3310", "http://127.0.0.1:3310", "tcp://host", "unix:relative.sock"])
def test_what_is_no_address_of_clamd_is_refused_at_the_start(url):
    with pytest.raises(ValidationError):
        VirusScanSettings(url=url)


@pytest.mark.skipif(CLAMD is None, reason="clamd is not installed (Debian's package clamav-daemon)")
def test_the_real_daemon_finds_passes_and_refuses(clean, infected, tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(3 << 20))
    with real_clamd() as url:
        settings = VirusScanSettings(url=url)
        assert version_of(settings).startswith("ClamAV")
        check_file(settings, clean)
        with pytest.raises(InfectedFile) as refused:
            check_file(settings, infected)
        assert SIGNATURE in refused.value.details["signature"]
        with pytest.raises(VirusScanUnavailable) as unscanned:
            check_file(settings, large)
        assert unscanned.value.details == {"reason": "file_too_large_for_scan"}
