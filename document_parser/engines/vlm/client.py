"""Engines that are vision-language models behind an OpenAI-compatible server (vLLM)."""

from __future__ import annotations

import asyncio
import re
import time
from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import httpx2

from document_parser.engines.base import Engine, Watch
from document_parser.engines.vlm.availability import AvailabilityCache
from document_parser.engines.vlm.certificates import load_certificates
from document_parser.engines.vlm.request import NO_KEY, ModelRequest
from document_parser.engines.vlm.response import Answer
from document_parser.errors import ContextExceeded, EngineRefused, EngineTimeout
from document_parser.models import Block, PageImage, Reading
from document_parser.settings import EngineSettings

if TYPE_CHECKING:
    from document_parser.engines.vlm.chat import ChatClient

LOAD_PATTERN = re.compile(r"^vllm:num_requests_(?:running|waiting)(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)
"""Numbers of running and waiting requests in vLLM's metrics."""


class VisionEngine(Engine):
    """A model on one server. A subclass gives the name, the page image it wants, the request and the parser of the answers."""

    def __init__(self, settings: EngineSettings, request: ModelRequest) -> None:
        """Keep the settings; no connection is opened yet."""
        self._settings = settings
        self._request = request
        self._availability = AvailabilityCache(self._serves_model, settings.vllm_probe_seconds)

    @abstractmethod
    def parse(self, text: str) -> list[Block]:
        """Return the blocks of an answer or of its beginning. Never raises."""

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Ask the model to read a page, given as a JPEG image. ``temperature`` None takes the setting's.

        Raises EngineError, EngineRefused, EngineTimeout, EngineUnavailable, ContextExceeded.
        """
        if page.encoding != "jpeg":
            raise EngineRefused("This engine reads only JPEG images.")
        started = time.monotonic()
        heat = self._request.temperature if temperature is None else temperature
        try:
            async with asyncio.timeout(self._settings.vllm_request_seconds):
                answer = await self._ask_in_context(page, heat, watch)
        except TimeoutError:
            raise EngineTimeout("The model server did not finish the page within its deadline.") from None
        return self._make_reading(answer, heat, started)

    async def is_available(self) -> bool:
        """Return whether the server answers and serves the model; the answer may be some seconds old."""
        return await self._availability.is_available()

    async def load(self) -> float | None:
        """Return how many requests of all its clients the server runs and holds waiting. None if it does not report that."""
        try:
            answer = await self._get(self._request.url.rstrip("/").removesuffix("/v1") + "/metrics")
        except (httpx2.HTTPError, ValueError):
            return None
        found = LOAD_PATTERN.findall(answer.text)
        return sum(map(float, found)) if found else None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._availability.aclose()
        await self._questions.aclose()
        if "_chat" in self.__dict__:
            await self._chat.aclose()

    @cached_property
    def _chat(self) -> ChatClient:
        """The client for pages. OpenAI's library takes a second to load: a machine without model servers never needs it."""
        from document_parser.engines.vlm.chat import ChatClient

        return ChatClient(self._settings, self._request.url, self._request.model, self._availability)

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
            verify=load_certificates() if self._request.url.startswith("https:") else False,  # plain HTTP has none to verify
        )

    async def _get(self, address: str) -> httpx2.Response:
        """Return the server's answer. Raises httpx2.HTTPError, also if it refuses."""
        return (await self._questions.get(address)).raise_for_status()

    async def _ask_in_context(self, page: PageImage, temperature: float, watch: Watch | None) -> Answer:
        """Return the model's answer. Raises EngineError.

        If the server's whole context is shorter than the longest answer, shorter answers are asked for from now on.
        """
        request = self._request
        try:
            return await self._chat.ask(request.body(page.data, temperature, page.kind), watch)
        except ContextExceeded as full:
            limit = full.details["limit_tokens"]
            if limit is None or limit >= request.max_tokens:
                raise
        self._request = replace(request, max_tokens=limit)
        return await self._chat.ask(self._request.body(page.data, temperature, page.kind), watch)

    def _make_reading(self, answer: Answer, temperature: float, started: float) -> Reading:
        """Return an answer as a reading. ``started`` is the start of the request on the monotonic clock."""
        return Reading(
            engine=self.name,
            blocks=self.parse(answer.text),
            text=answer.text,
            finish_reason=answer.finish_reason or "aborted",
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            milliseconds=round((time.monotonic() - started) * 1000),
            temperature=temperature,
        )

    async def _serves_model(self) -> bool:
        """Ask the server which models it serves and return whether ours is one of them. Any fault means False."""
        try:
            listed = (await self._get(self._request.url.rstrip("/") + "/models")).json()
        except (httpx2.HTTPError, ValueError):
            return False
        entries = listed.get("data") if isinstance(listed, dict) else None
        names = [entry.get("id") for entry in entries or () if isinstance(entry, dict)]
        return self._request.model in names
