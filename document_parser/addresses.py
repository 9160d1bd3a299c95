"""Addresses that callers name and this host then connects to: checked, resolved, and pinned.

A caller must not reach through us what only we can reach. So a URL is taken only with a plain host, every address of that
host must be public, and the connection goes to the very address that was checked: a name that resolves to something else a
moment later (DNS rebinding) gains nothing.
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
Resolver = Callable[[str, int], list[str]]
"""The addresses of a host at a port, as texts; empty where it has none. Raises AddressRefused where nobody answers in time."""

MOST_CHARACTERS = 2048
RESOLVE_SECONDS = 5.0
"""For one lookup, from its own start."""
LOOKUPS_OF_ONE_ASKER = 4
"""A lookup cannot be broken off: so many threads at most wait for the slow names of one asker."""
TURN_SECONDS = 2.0
"""How long an asker with so many lookups under way waits for one of them to end."""
MOST_WAITING = 64
"""Requests of this process that wait for a lookup at the same moment."""
MOST_ADDRESSES_TRIED = 4
PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOT_FOR_US = tuple(
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
_waiting = ThreadPoolExecutor(MOST_WAITING, thread_name_prefix="resolve")


class AddressRefused(ValueError):
    """This address is not connected to. ``reason`` does not tell a name that is private from one that does not exist."""

    def __init__(self, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(reason)


def system_addresses(host: str, port: int) -> list[str]:
    """The addresses of a host by the system's resolver. Raises AddressRefused if its name servers do not answer."""
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise AddressRefused("dns_timeout") from None
        return []
    except (OSError, UnicodeError):
        return []


class Lookups:
    """Lookups of names, each in a thread of its own: a slow one holds up nobody else's.

    An asker has a few at a time. More of them wait for a moment and are then refused as timed out; a lookup that was given up
    counts until the system has given it up as well.
    """

    def __init__(
        self, look_up: Resolver = system_addresses, seconds: float = RESOLVE_SECONDS, turn_seconds: float = TURN_SECONDS
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._turn_seconds = turn_seconds
        self._under_way: Counter[str] = Counter()
        self._changed = threading.Condition()

    def of(self, asker: str) -> Resolver:
        """The resolver of one asker."""
        return partial(self._resolve, asker)

    def _resolve(self, asker: str, host: str, port: int) -> list[str]:
        self._begin(asker)
        answer: Future[list[str]] = Future()
        threading.Thread(target=self._answer, args=(asker, answer, host, port), name="lookup", daemon=True).start()
        try:
            return answer.result(self._seconds)
        except TimeoutError:
            raise AddressRefused("dns_timeout") from None

    def _begin(self, asker: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._under_way[asker] < LOOKUPS_OF_ONE_ASKER, self._turn_seconds):
                raise AddressRefused("dns_timeout")
            self._under_way[asker] += 1

    def _answer(self, asker: str, answer: Future[list[str]], host: str, port: int) -> None:
        try:
            answer.set_result(self._look_up(host, port))
        except AddressRefused as refusal:
            answer.set_exception(refusal)
        finally:
            with self._changed:
                self._under_way -= Counter({asker: 1})
                self._changed.notify_all()


lookups = Lookups()
"""Those of this process."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, where nobody is known who asked for it. Raises AddressRefused after RESOLVE_SECONDS."""
    return lookups.of(f"host {host}")(host, port)


def is_public(address: str) -> bool:
    """Whether an IP address is anybody's: not private, shared, local, multicast, reserved, nor one of those in IPv6 dress."""
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
    barred = ip.is_multicast or ip.is_reserved or any(ip in network for network in _NOT_FOR_US if network.version == ip.version)
    return ip.is_global and not barred


class AddressCheck:
    """Which hosts may be connected to: public ones, and those that the operator named."""

    def __init__(self, allowed: Iterable[str] = (), resolver: Resolver = resolve) -> None:
        """``allowed``: "host" or "host:port" whose address may be private."""
        self._allowed = {name.strip().lower() for name in allowed}
        self._resolve = resolver

    def url(self, text: str) -> httpx2.URL:
        """The URL, when it could be connected to now. Raises AddressRefused."""
        found = plain_url(text)
        self.addresses(found.host, _port(found))
        return found

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses to connect to; each of them was checked. Raises AddressRefused."""
        found = list(dict.fromkeys(self._resolve(host, port)))
        bare = f"[{host}]" if ":" in host else host
        exempt = bool({host, bare, f"{bare}:{port}"} & self._allowed)
        if not found or not (exempt or all(map(is_public, found))):
            raise AddressRefused("no_public_address")
        return found[:MOST_ADDRESSES_TRIED]


def plain_url(text: str) -> httpx2.URL:
    """An http or https URL of a plain host. Raises AddressRefused: credentials, odd spellings of addresses, anything else."""
    if len(text) > MOST_CHARACTERS:
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
    """A name, or an address in its usual spelling: not 127.1, 0x7f000001 or 2130706433, which resolvers take for one."""
    try:
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return len(host) <= 253 and _NAME.fullmatch(host) is not None and _NUMBER.fullmatch(last) is None


def _port(url: httpx2.URL) -> int:
    return PORTS[url.scheme] if url.port is None else url.port


class PinnedTransport(httpx2.AsyncHTTPTransport):
    """Resolves each request's host once, checks it, and connects to what was checked.

    TLS still asks for the name, and verifies the certificate against it. Proxies of the environment are not used. Raises
    AddressRefused. A connection serves one request: kept alive, it could serve another name at the same address.
    """

    def __init__(self, check: AddressCheck, verify: ssl.SSLContext | bool = True) -> None:
        super().__init__(verify=verify, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))
        self._check = check

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = plain_url(str(request.url))
        # asyncio's own threads are a handful: slow names would hold up all else that is done in them.
        loop = asyncio.get_running_loop()
        *others, last = await loop.run_in_executor(_waiting, self._check.addresses, url.host, _port(url))
        for address in others:
            try:
                return await super().handle_async_request(_pinned(request, url, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await super().handle_async_request(_pinned(request, url, last))


def _pinned(request: httpx2.Request, url: httpx2.URL, address: str) -> httpx2.Request:
    """The same request, to this address; Host and the certificate's name stay those of the URL."""
    return httpx2.Request(
        request.method,
        url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": url.host},
    )
