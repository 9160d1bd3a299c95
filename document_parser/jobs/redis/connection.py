"""Connect this process to Redis: by address, by unix socket or through Sentinels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from document_parser.host.lean_imports import block_import
from document_parser.settings import Settings

with block_import("opentelemetry"):  # which it loads, where it is installed, for metrics that nobody asked for
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.retry import Retry
    from redis.sentinel import Sentinel

Redis = redis.Redis
"""The client type, so that other modules need not import ``redis``."""
RedisError = redis.RedisError
"""The base of all errors of the client: Redis is away, or refuses a command."""

SENTINEL_PORT = 26379
"""The port of a Sentinel if its address names none."""
NO_CLUSTER = (
    "This is a Redis Cluster. The queue changes several keys at once, and a cluster does not allow that. "
    "Use one Redis or Valkey, with Sentinels (redis+sentinel://) if it must survive the loss of its host."
)
"""The message that is logged and shown for a Redis Cluster."""


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """The parts of a Sentinel address.

    The form is ``redis+sentinel://[user:password@]host[:port],host[:port]/service[/database]``; ``rediss+sentinel://`` uses
    TLS. User and password are those of the data servers. Those of the Sentinels are in the query, as
    ``?sentinel_username=…&sentinel_password=…``.
    """

    sentinels: tuple[tuple[str, int], ...]
    service: str
    options: Mapping[str, Any]
    sentinel_options: Mapping[str, Any]

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse a Sentinel address. Raises ValueError if it has another form."""
        parts = urlsplit(url)
        credentials, _, hosts = parts.netloc.rpartition("@")
        service, _, database = parts.path.strip("/").partition("/")
        sentinels = tuple(_parse_host(host) for host in hosts.split(",") if host)
        if not sentinels or not service or not (database or "0").isdigit():
            raise ValueError("A Sentinel address must have the form redis+sentinel://host:port,host:port/service/database.")
        username, _, password = credentials.partition(":")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        tls = {"ssl": True} if parts.scheme.startswith("rediss") else {}
        options = {"username": unquote(username), "password": unquote(password), "db": int(database or 0)}
        own = {"username": query.get("sentinel_username"), "password": query.get("sentinel_password")}
        return cls(sentinels, service, _without_empty(options) | tls, _without_empty(own) | tls)


def connect(settings: Settings, *, answer_seconds: float = 15.0, retries: int = 2) -> redis.Redis:
    """Return a client for REDIS_URL that replies with bytes, as RQ needs it. It connects at its first command.

    ``answer_seconds`` is the time allowed for each reply. Raises ValueError for an address of another form.
    """
    options: dict[str, Any] = {
        "socket_timeout": answer_seconds,
        "socket_connect_timeout": 2.0,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), retries),
    }
    if not settings.redis_url.startswith("unix://"):
        options["health_check_interval"] = 30
    if "+sentinel://" in settings.redis_url:
        return _connect_by_sentinel(SentinelAddress.parse(settings.redis_url), options)
    client: redis.Redis = redis.Redis.from_url(settings.redis_url, **options)
    return client


def is_cluster(client: redis.Redis) -> bool:
    """Return whether the server is part of a Redis Cluster. Raises RedisError."""
    return bool(client.info("cluster").get("cluster_enabled"))


def text(value: Any) -> str:
    """Return a reply of Redis as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _connect_by_sentinel(address: SentinelAddress, options: dict[str, Any]) -> redis.Redis:
    """Return a client of the server that the Sentinels name as the master. They are asked again at every new connection."""
    asking = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0, **address.sentinel_options}
    sentinel = Sentinel(address.sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinel.master_for(address.service, **options, **address.options)  # type: ignore[no-untyped-call]
    return client


def _parse_host(text: str) -> tuple[str, int]:
    """Split an address into host and port; an IPv6 address is in brackets. Raises ValueError if there is no host."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(f"not the address of a Sentinel: {text!r}")
    return parts.hostname, parts.port or SENTINEL_PORT


def _without_empty(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}
