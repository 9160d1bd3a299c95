"""Check, resolve and pin the addresses that callers name and this host connects to.

A caller must not reach through this service what only this host can reach (server-side request forgery). A URL is accepted
only with a plain host, every address of that host must be public, and the connection goes to an address that was checked. A
name that resolves to another address a moment later (DNS rebinding) therefore gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Literal

import httpx2

Reason = Literal["malformed", "too_long", "scheme", "credentials", "host", "port", "no_public_address", "dns_timeout"]
"""Why an address is refused. Sent to callers as ``reason``."""
Resolver = Callable[[str, int], list[str]]
"""Return the IP addresses of a host at a port; empty if it has none.

Raises AddressRefused if no name server answers in time.
"""

MAX_URL_CHARACTERS = 2048
"""Maximum length of a URL in characters."""
RESOLVE_SECONDS = 5.0
"""Deadline of one lookup in seconds, counted from its own start."""
MAX_LOOKUPS_PER_CALLER = 4
"""Maximum number of lookups that one caller may have running.

A lookup cannot be interrupted, so this bounds the threads that wait for the slow names of one caller.
"""
TURN_SECONDS = 2.0
"""Time in seconds that a caller with the maximum number of lookups waits for one of them to end."""
MAX_WAITING_REQUESTS = 64
"""Maximum number of requests of this process that wait for a lookup at the same time."""
MAX_ADDRESSES_TRIED = 4
"""Maximum number of addresses of one host that a request tries to connect to."""
PORTS = {"http": 80, "https": 443}
"""Accepted URL schemes and their default ports."""
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocol assignments
            "192.88.99.0/24",  # 6to4 relays
            "168.63.129.16/32",  # Azure's host, seen from its guests
            "2001::/23",  # protocol assignments, Teredo among them
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "2001:db8::/32",
            "3fff::/20",  # documentation
        ),
    )
)
_resolver_threads = ThreadPoolExecutor(MAX_WAITING_REQUESTS, thread_name_prefix="resolve")


class AddressRefused(ValueError):
    """The service does not connect to this address.

    ``reason`` does not distinguish a private name from one that does not exist.
    """

    def __init__(self, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(reason)


def system_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host from the system's resolver; empty if it has none.

    Raises AddressRefused if its name servers do not answer.
    """
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise AddressRefused("dns_timeout") from None
        return []
    except (OSError, UnicodeError):
        return []


class Lookups:
    """Resolve names for several callers, each lookup in its own thread, so that a slow name delays only its caller.

    A caller may have MAX_LOOKUPS_PER_CALLER lookups running. Further ones wait ``turn_seconds`` and are then refused as timed
    out. A lookup that timed out still counts until the system gives it up.
    """

    def __init__(
        self, look_up: Resolver = system_addresses, seconds: float = RESOLVE_SECONDS, turn_seconds: float = TURN_SECONDS
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._turn_seconds = turn_seconds
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()

    def resolver_for(self, asker: str) -> Resolver:
        """Return the resolver of one caller, named by ``asker``."""
        return partial(self._resolve, asker)

    def _resolve(self, asker: str, host: str, port: int) -> list[str]:
        """Resolve a host in a new thread and wait for the answer up to the deadline. Raises AddressRefused."""
        self._take_turn(asker)
        answer: Future[list[str]] = Future()
        threading.Thread(target=self._look_up_in_thread, args=(asker, answer, host, port), name="lookup", daemon=True).start()
        try:
            return answer.result(self._seconds)
        except TimeoutError:
            raise AddressRefused("dns_timeout") from None

    def _take_turn(self, asker: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._running[asker] < MAX_LOOKUPS_PER_CALLER, self._turn_seconds):
                raise AddressRefused("dns_timeout")
            self._running[asker] += 1

    def _look_up_in_thread(self, asker: str, answer: Future[list[str]], host: str, port: int) -> None:
        try:
            answer.set_result(self._look_up(host, port))
        except AddressRefused as refusal:
            answer.set_exception(refusal)
        finally:
            with self._changed:
                self._running -= Counter({asker: 1})
                self._changed.notify_all()


lookups = Lookups()
"""The lookups of this process."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host. The host counts as the caller. Raises AddressRefused after RESOLVE_SECONDS."""
    return lookups.resolver_for(f"host {host}")(host, port)


def is_public(address: str) -> bool:
    """Return whether an IP address is public.

    Private, shared, local, multicast and reserved addresses are not, nor are IPv6 addresses that embed one of those. False for
    text that is no address.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
        if ip.scope_id is not None or ip not in _GLOBAL_UNICAST:
            return False
    barred = (
        ip.is_multicast
        or ip.is_reserved
        or any(ip in network for network in _SPECIAL_NETWORKS if network.version == ip.version)
    )
    return ip.is_global and not barred


class AddressCheck:
    """Decide which hosts may be connected to: public ones, and those that the operator lists."""

    def __init__(
        self, allowed: Iterable[str] = (), resolver: Resolver = resolve, max_characters: int = MAX_URL_CHARACTERS
    ) -> None:
        """Create a check. ``allowed`` lists "host" or "host:port" whose addresses may be private."""
        self._allowed = {name.strip().lower() for name in allowed}
        self._resolve = resolver
        self._max_characters = max_characters

    def parse(self, text: str) -> httpx2.URL:
        """Return the parsed URL without resolving its host. Raises AddressRefused as ``parse_plain_url``."""
        return parse_plain_url(text, self._max_characters)

    def check_url(self, text: str) -> httpx2.URL:
        """Return the parsed URL if it could be connected to now. Raises AddressRefused."""
        found = self.parse(text)
        self.checked_addresses(found.host, _port(found))
        return found

    def checked_addresses(self, host: str, port: int) -> list[str]:
        """Return up to MAX_ADDRESSES_TRIED addresses to connect to, after checking all of them. Raises AddressRefused."""
        found = list(dict.fromkeys(self._resolve(host, port)))
        bare = f"[{host}]" if ":" in host else host
        exempt = bool({host, bare, f"{bare}:{port}"} & self._allowed)
        if not found or not (exempt or all(map(is_public, found))):
            raise AddressRefused("no_public_address")
        return found[:MAX_ADDRESSES_TRIED]


def parse_plain_url(text: str, max_characters: int = MAX_URL_CHARACTERS) -> httpx2.URL:
    """Parse an http or https URL of at most ``max_characters`` with a plain host.

    Raises AddressRefused for credentials, unusual spellings of addresses and anything else that is not plain.
    """
    if len(text) > max_characters:
        raise AddressRefused("too_long")
    if not text.isascii() or not text.isprintable() or any(mark in text for mark in ' \\"<>^`{|}'):
        raise AddressRefused("malformed")
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        raise AddressRefused("malformed") from None
    if url.scheme not in PORTS:
        raise AddressRefused("scheme")
    if url.userinfo or "@" in re.split("[/?#]", text.partition("://")[2], maxsplit=1)[0]:
        raise AddressRefused("credentials")
    if not _is_plain(url.host):
        raise AddressRefused("host")
    if not 0 < _port(url) < 65536:
        raise AddressRefused("port")
    return url


def _is_plain(host: str) -> bool:
    """Return whether a host is a name, or an address in its usual spelling.

    Resolvers also accept 127.1, 0x7f000001 and 2130706433 as addresses; those are refused.
    """
    try:
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return len(host) <= 253 and _NAME.fullmatch(host) is not None and _NUMBER.fullmatch(last) is None


def _port(url: httpx2.URL) -> int:
    return PORTS[url.scheme] if url.port is None else url.port


class PinnedTransport(httpx2.AsyncHTTPTransport):
    """Resolve each request's host once, check its addresses, and connect to one that was checked.

    TLS still sends the name and verifies the certificate against it. Proxies of the environment are not used. A connection
    serves one request: if kept alive, it could serve another name at the same address. Raises AddressRefused.
    """

    def __init__(self, check: AddressCheck, verify: ssl.SSLContext | bool = True) -> None:
        super().__init__(verify=verify, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))
        self._check = check

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to the first checked address that accepts a connection.

        Raises AddressRefused and the errors of httpx2.
        """
        url = self._check.parse(str(request.url))
        # asyncio's own thread pool is small: slow names would delay everything else that runs in it.
        loop = asyncio.get_running_loop()
        *others, last = await loop.run_in_executor(_resolver_threads, self._check.checked_addresses, url.host, _port(url))
        for address in others:
            try:
                return await super().handle_async_request(_pin_request(request, url, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await super().handle_async_request(_pin_request(request, url, last))


def _pin_request(request: httpx2.Request, url: httpx2.URL, address: str) -> httpx2.Request:
    """Return the same request for this address. Host header and certificate name stay those of the URL."""
    return httpx2.Request(
        request.method,
        url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": url.host},
    )


def is_tls_failure(fault: BaseException) -> bool:
    """Return whether an error of a connection comes from TLS: a certificate that is not trusted, for example."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
