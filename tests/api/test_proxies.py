"""TRUSTED_PROXIES: who is believed when it says for whom it speaks."""

from __future__ import annotations

import pytest
from flask import Flask, request

from document_parser.api.middleware import proxies
from document_parser.settings import ApiSettings

CLIENT, PROXY, INNER, STRANGER = "198.51.100.9", "10.0.0.5", "192.168.7.3", "203.0.113.66"
TRUSTED = (PROXY, "192.168.7.0/24", "unix")


@pytest.fixture
def trusted():
    return TRUSTED


@pytest.fixture
def seen(trusted):
    """What the service takes for the caller's address and scheme, given who connects and the headers it sends."""
    app = Flask(__name__)
    app.route("/")(lambda: {"address": request.remote_addr, "scheme": request.scheme, "host": request.host})
    proxies.register(app, trusted)

    def ask(peer, **headers):
        named = {f"X-Forwarded-{name.title()}": value for name, value in headers.items()}
        found = app.test_client().get("/", environ_base={"REMOTE_ADDR": peer}, headers=named).get_json()
        assert found["host"] == "localhost"
        return found["address"], found["scheme"]

    return ask


def test_a_stranger_cannot_speak_for_another_address(seen):
    assert seen(STRANGER, **{"for": CLIENT}, proto="https", host="example.org") == (STRANGER, "http")


def test_a_proxy_speaks_for_its_client(seen):
    assert seen(PROXY, **{"for": CLIENT}, proto="https") == (CLIENT, "https")
    assert seen("::ffff:" + PROXY, **{"for": CLIENT}) == (CLIENT, "http")
    assert seen("", **{"for": CLIENT}, proto="https") == (CLIENT, "https")


@pytest.mark.parametrize("trusted", [TRUSTED, 1], ids=["by address", "by number"])
def test_no_proxy_changes_the_host_that_the_service_is_called_by(seen):
    assert seen(PROXY, **{"for": CLIENT}, proto="https", host="evil.example.org") == (CLIENT, "https")


def test_what_a_client_has_put_in_front_is_not_believed(seen):
    assert seen(PROXY, **{"for": f"127.0.0.1, {CLIENT}"}, proto="https") == (CLIENT, "https")
    assert seen(PROXY, **{"for": f"{PROXY}, {STRANGER}, {INNER}"})[0] == STRANGER


def test_proxies_in_a_row_are_passed_by(seen):
    assert seen(PROXY, **{"for": f"{CLIENT}, {INNER}"}, proto="https, http") == (CLIENT, "https")
    assert seen(PROXY, **{"for": f"{CLIENT}, {INNER}"}, proto="https") == (CLIENT, "https")


def test_a_proxy_that_says_nothing_is_the_caller(seen):
    assert seen(PROXY) == (PROXY, "http")
    assert seen(PROXY, **{"for": "unknown"})[0] == "unknown"


def test_everyone_is_no_proxy(monkeypatch):
    for wrong in ('["0.0.0.0/0"]', '["proxy.lan"]', "-1"):
        monkeypatch.setenv("TRUSTED_PROXIES", wrong)
        with pytest.raises(ValueError, match="TRUSTED_PROXIES"):
            ApiSettings()
    monkeypatch.setenv("TRUSTED_PROXIES", "2")
    assert ApiSettings().trusted_proxies == 2
    monkeypatch.setenv("TRUSTED_PROXIES", '["10.0.0.5","unix"]')
    assert ApiSettings().trusted_proxies == ("10.0.0.5", "unix")
