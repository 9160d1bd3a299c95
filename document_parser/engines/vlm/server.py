"""One model server: what is asked of it beside its answers, whether it is there, and the connections to it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import httpx2

from document_parser.engines.vlm.availability import AvailabilityCache
from document_parser.engines.vlm.certificates import load_certificates
from document_parser.engines.vlm.request import NO_KEY
from document_parser.settings import EngineSettings

if TYPE_CHECKING:
    from document_parser.engines.vlm.chat import ChatClient

LOAD_PATTERN = re.compile(
    r"^vllm:(?:num_requests_(running|waiting)|(?:kv|gpu)_(cache_usage)_perc)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE
)
"""Numbers of running and waiting requests in vLLM's metrics, and the share of its cache in use, which had two names."""


@dataclass(frozen=True, slots=True)
class ServerLoad:
    """How busy a vLLM server is with the requests of all its clients. None is what it does not report."""

    running: float | None = None
    waiting: float | None = None
    cache_usage: float | None = None
    """Share of the KV cache in use, from 0 to 1."""

    @classmethod
    def parse(cls, metrics: str) -> ServerLoad | None:
        """Return the load that vLLM's metrics show; None if they show none. Engines of one server are added up."""
        found: dict[str, list[float]] = defaultdict(list)
        for requests, cache, value in LOAD_PATTERN.findall(metrics):
            found[requests or cache].append(float(value))
        if not found:
            return None
        sums = {name: sum(values) for name, values in found.items()}
        usage = found.get("cache_usage")
        return cls(sums.get("running"), sums.get("waiting"), max(usage) if usage else None)


class ModelServer:
    """A model on one OpenAI-compatible server. A subclass sends it requests."""

    def __init__(self, settings: EngineSettings, url: str, model: str) -> None:
        """Keep where the model is served; no connection is opened yet."""
        self._settings = settings
        self._url = url
        self._model = model
        self._availability = AvailabilityCache(self._serves_model, settings.vllm_probe_seconds)

    async def is_available(self) -> bool:
        """Return whether the server answers and serves the model; the answer may be some seconds old."""
        return await self._availability.is_available()

    async def load(self) -> float | None:
        """Return how many requests of all its clients the server runs and holds waiting. None if it does not report that."""
        found = await self.report()
        if found is None or (found.running is None and found.waiting is None):
            return None
        return (found.running or 0) + (found.waiting or 0)

    async def report(self) -> ServerLoad | None:
        """Return how busy the server is; None if it does not report that."""
        try:
            answer = await self._get(self._url.rstrip("/").removesuffix("/v1") + "/metrics")
            return ServerLoad.parse(answer.text)
        except (httpx2.HTTPError, ValueError):
            return None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._availability.aclose()
        await self._questions.aclose()
        if "_chat" in self.__dict__:
            await self._chat.aclose()

    @cached_property
    def _chat(self) -> ChatClient:
        """The client for requests. OpenAI's library takes a second to load: a machine without model servers never needs it."""
        from document_parser.engines.vlm.chat import ChatClient

        return ChatClient(self._settings, self._url, self._model, self._availability)

    @cached_property
    def _questions(self) -> httpx2.AsyncClient:
        """The client for what is asked of the server itself.

        Its connections are never reused: one that was kept alive may be dead although the server works.
        """
        return httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self._settings.vllm_api_key or NO_KEY}"},
            limits=httpx2.Limits(max_keepalive_connections=0),
            timeout=self._settings.vllm_connect_seconds,
            trust_env=False,
            verify=load_certificates() if self._url.startswith("https:") else False,  # plain HTTP has none to verify
        )

    async def _get(self, address: str) -> httpx2.Response:
        """Return the server's answer. Raises httpx2.HTTPError, also if it refuses."""
        return (await self._questions.get(address)).raise_for_status()

    async def _serves_model(self) -> bool:
        """Ask the server which models it serves and return whether ours is one of them. Any fault means False."""
        try:
            listed = (await self._get(self._url.rstrip("/") + "/models")).json()
        except (httpx2.HTTPError, ValueError):
            return False
        entries = listed.get("data") if isinstance(listed, dict) else None
        names = [entry.get("id") for entry in entries or () if isinstance(entry, dict)]
        return self._model in names
