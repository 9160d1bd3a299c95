"""Addresses that callers name: none of them reaches what only this host can reach."""

from __future__ import annotations

import asyncio
import ssl
import threading
from http.server import BaseHTTPRequestHandler

import httpx2
import pytest

from document_parser.ssrf import (
    MAX_LOOKUPS_PER_CALLER,
    AddressCheck,
    AddressRefused,
    Lookups,
    PinnedTransport,
    is_public,
    parse_plain_url,
)
from tests.support.addresses import REFUSED
from tests.support.peer import serving
from tests.support.service import wait_until
from tests.support.tls import certificate, serve_tls


def answering(*answers: list[str]):
    """A resolver that gives these answers in turn, and the list of what it was asked."""
    asked, left = [], list(answers)

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return left.pop(0)

    return resolve, asked


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_is_not_a_public_hosts_is_refused(url):
    with pytest.raises(AddressRefused):
        AddressCheck().check_url(url)


def test_every_address_of_the_development_list_is_refused(corpus):
    urls = (corpus / "hostile" / "filenames" / "ssrf_urls.txt").read_text().splitlines()
    assert urls
    for url in urls:
        with pytest.raises(AddressRefused):
            AddressCheck().check_url(url)


@pytest.mark.parametrize(
    "url", ["http://8.8.8.8/", "https://8.8.8.8:8443/a?b=c@d", "http://[2600::1]/", "http://[64:ff9b::808:808]/"]
)
def test_a_public_address_is_taken(url):
    assert str(AddressCheck().check_url(url)).startswith(url.partition("?")[0])


def test_a_name_is_refused_when_one_of_its_addresses_is_private():
    resolver, _ = answering(["93.184.216.34", "10.0.0.7"])
    with pytest.raises(AddressRefused):
        AddressCheck(resolver=resolver).check_url("http://both.test/")


def test_a_private_name_and_one_that_does_not_exist_are_refused_in_the_same_words():
    resolver, _ = answering(["10.0.0.7"], [])
    reasons = set()
    for name in ("database.lan", "nothing.lan"):
        with pytest.raises(AddressRefused) as refused:
            AddressCheck(resolver=resolver).check_url(f"http://{name}/")
        reasons.add(refused.value.reason)
    assert reasons == {"no_public_address"}


@pytest.mark.parametrize(
    ("allowed", "url", "taken"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8081/", False),
        ("[::1]:8080", "http://[::1]:8080/", True),
        ("ERP.lan", "http://erp.lan/", True),
        ("127.0.0.1", "http://127.1/", False),
        ("127.0.0.1", "http://user@127.0.0.1/", False),
    ],
)
def test_hosts_the_operator_names_may_be_private_and_nothing_else(allowed, url, taken):
    check = AddressCheck([allowed], lambda host, port: ["127.0.0.1"])
    if taken:
        assert check.check_url(url)
    else:
        with pytest.raises(AddressRefused):
            check.check_url(url)


@pytest.mark.parametrize("address", ["not an address", "", "8.8.8.8/24", "1.2.3"])
def test_what_is_no_address_is_not_public(address):
    assert not is_public(address)


def test_a_fragment_or_a_query_with_an_at_sign_is_no_credential():
    assert parse_plain_url("http://example.com?to=a@b").host == "example.com"


class _Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.headers['Host']} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def echo():
    """A server on loopback that answers with the Host and path it was asked for."""
    with serving(_Echo) as server:
        yield server


def get(url: str, check: AddressCheck, verify: ssl.SSLContext | bool = True, **options) -> httpx2.Response:
    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=PinnedTransport(check, verify), trust_env=False, **options) as client:
            return await client.get(url, timeout=10)

    return asyncio.run(ask())


def test_a_name_that_turns_private_after_the_check_is_not_connected_to(echo):
    port = echo.server_port
    resolver, asked = answering(["93.184.216.34"], ["127.0.0.1"])
    check = AddressCheck(resolver=resolver)
    url = str(check.check_url(f"http://rebind.test:{port}/"))
    with pytest.raises(AddressRefused):
        get(url, check)
    assert asked == [("rebind.test", port)] * 2


def test_a_request_goes_to_the_checked_address_without_asking_again_and_keeps_its_host(echo):
    port = echo.server_port
    resolver, asked = answering(["127.0.0.1"])
    answer = get(f"http://hooks.test:{port}/a?b=c", AddressCheck(["hooks.test"], resolver))
    assert answer.text == f"hooks.test:{port} /a?b=c"
    assert asked == [("hooks.test", port)]


def test_the_next_address_is_tried_where_one_does_not_take_the_connection(echo):
    resolver, _ = answering(["127.0.0.2", "127.0.0.1"])
    echo_only_on_one = AddressCheck(["hooks.test"], resolver)
    assert get(f"http://hooks.test:{echo.server_port}/", echo_only_on_one).status_code == 200


def test_a_proxy_of_the_environment_is_not_used(echo, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    check = AddressCheck(["127.0.0.1"])
    assert get(f"http://127.0.0.1:{echo.server_port}/", check).status_code == 200


def test_a_redirect_to_a_private_address_is_refused_even_by_a_client_that_follows(echo):
    port = echo.server_port

    class Redirecting(_Echo):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{port}/private")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Redirecting) as server:
        allowed = AddressCheck([f"127.0.0.1:{server.server_port}"])
        with pytest.raises(AddressRefused):
            get(f"http://127.0.0.1:{server.server_port}/", allowed, follow_redirects=True)


@pytest.mark.parametrize(("name", "connects"), [("hooks.test", True), ("other.test", False)])
def test_the_certificate_must_be_the_names_although_the_connection_is_to_an_address(echo, tmp_path, name, connects):
    pem = certificate(tmp_path, "hooks.test")
    serve_tls(echo, pem)
    check = AddressCheck([name], lambda host, port: ["127.0.0.1"])
    trusting = ssl.create_default_context(cafile=str(pem))
    url = f"https://{name}:{echo.server_port}/"
    if connects:
        assert get(url, check, trusting).status_code == 200
    else:
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            get(url, check, trusting)


class SlowNames:
    """A resolver that knows every name, and answers for those of slow.test only once it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host.endswith("slow.test"):
            self.let.wait(30)
        return ["93.184.216.34"]


def test_slow_names_of_one_caller_refuse_nobody_elses_and_time_out_in_words_of_their_own():
    names = SlowNames()
    lookups = Lookups(names, seconds=0.5, turn_seconds=0.2)
    reasons: list[str] = []

    def look_up(number: int) -> None:
        try:
            lookups.resolver_for("one caller")(f"name{number}.slow.test", 80)
        except AddressRefused as refusal:
            reasons.append(refusal.reason)

    threads = [threading.Thread(target=look_up, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(names.asked) == MAX_LOOKUPS_PER_CALLER, 10, "all lookups that one caller may have are under way")
    assert lookups.resolver_for("another caller")("quick.test", 80) == ["93.184.216.34"]
    for thread in threads:
        thread.join()
    assert reasons == ["dns_timeout"] * 12
    assert len(names.asked) == MAX_LOOKUPS_PER_CALLER + 1, "those beyond were not looked up"
    names.let.set()
    assert Lookups(names).resolver_for("one caller")("quick.test", 80) == ["93.184.216.34"]


def test_the_time_of_a_lookup_counts_from_its_own_start():
    """It waits for its turn behind slow ones, and then has its whole time."""
    names = SlowNames()
    lookups = Lookups(names, seconds=20, turn_seconds=20)
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda name=f"name{number}.slow.test": found.append(lookups.resolver_for("caller")(name, 80)))
        for number in range(MAX_LOOKUPS_PER_CALLER + 1)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(names.asked) == MAX_LOOKUPS_PER_CALLER, 10, "one has to wait")
    names.let.set()
    for thread in threads:
        thread.join()
    assert found == [["93.184.216.34"]] * (MAX_LOOKUPS_PER_CALLER + 1)
