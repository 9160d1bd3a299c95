"""Engines that are vision-language models behind an OpenAI-compatible server (vLLM).

An answer is streamed, so that a runaway one can be stopped while it grows: closing the connection makes vLLM abort the request.
Chunks are taken as plain dictionaries (``cast_to=object``), because the client's typed chunk objects would cost several times
the processor time.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from abc import abstractmethod
from dataclasses import replace
from functools import cache

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, AsyncStream

from document_parser.engines.base import Engine, Watch
from document_parser.engines.vlm.availability import AvailabilityCache
from document_parser.engines.vlm.request import ModelRequest
from document_parser.engines.vlm.response import Answer, refusal_of, status_of
from document_parser.errors import ContextExceeded, EngineError, EngineRefused, EngineTimeout, EngineUnavailable
from document_parser.models import Block, PageImage, Reading
from document_parser.settings import EngineSettings

BACK_OFF_SECONDS = 0.1
"""Pause before the first repetition after a connection fault; it doubles each time."""
MAX_CONNECTIONS = 256
"""Maximum connections of a client."""

LOAD_PATTERN = re.compile(r"^vllm:num_requests_(?:running|waiting)(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)
"""Numbers of running and waiting requests in vLLM's metrics."""


@cache
def load_certificates() -> ssl.SSLContext:
    """Return this machine's certificate authorities, loaded once. May be called before a fork.

    Each client would otherwise load them in 50 ms, although most model servers speak plain HTTP.
    """
    return httpx2.create_ssl_context()


class VisionEngine(Engine):
    """A model on one server. A subclass gives the name, the page image it wants, the request and the parser of the answers."""

    def __init__(self, settings: EngineSettings, request: ModelRequest) -> None:
        """Make the HTTP clients; no connection is opened yet."""
        self._settings = settings
        self._request = request
        self._client = self._make_client(keep_alive=True)
        # Its connections are never reused: after a fault, one that was kept alive may be as dead as the last.
        self._fresh_client = self._make_client(keep_alive=False)
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
        address = self._request.url.rstrip("/").removesuffix("/v1") + "/metrics"
        try:
            answer = await self._fresh_client.get(
                address, cast_to=str, options={"timeout": self._settings.vllm_connect_seconds}
            )
        except (APIError, ValueError):
            return None
        found = LOAD_PATTERN.findall(answer) if isinstance(answer, str) else []
        return sum(map(float, found)) if found else None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._availability.aclose()
        await self._client.close()
        await self._fresh_client.close()

    def _make_client(self, *, keep_alive: bool) -> AsyncOpenAI:
        """Return an HTTP client for the server; without ``keep_alive`` it never reuses a connection."""
        deadlines = httpx2.Timeout(self._settings.vllm_read_seconds, connect=self._settings.vllm_connect_seconds, pool=None)
        limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS if keep_alive else 0)
        return AsyncOpenAI(
            base_url=self._request.url,
            api_key=self._settings.vllm_api_key or "EMPTY",
            max_retries=0,
            timeout=deadlines,
            # Model servers are on the same network: a proxy from the environment would only be in the way.
            http_client=httpx2.AsyncClient(limits=limits, timeout=deadlines, trust_env=False, verify=load_certificates()),
        )

    async def _ask_in_context(self, page: PageImage, temperature: float, watch: Watch | None) -> Answer:
        """Return the model's answer. Raises EngineError.

        If the server's whole context is shorter than the longest answer, shorter answers are asked for from now on.
        """
        request = self._request
        try:
            return await self._ask(request.body(page.data, temperature, page.kind), watch)
        except ContextExceeded as full:
            limit = full.details["limit_tokens"]
            if limit is None or limit >= request.max_tokens:
                raise
        self._request = replace(request, max_tokens=limit)
        return await self._ask(self._request.body(page.data, temperature, page.kind), watch)

    async def _ask(self, body: bytes, watch: Watch | None) -> Answer:
        """Return one answer; repeat the request on a fresh connection after connection faults. Raises EngineError."""
        client = self._client
        for trial in range(self._settings.vllm_connect_retries + 1):
            if trial:
                client = self._fresh_client
                await asyncio.sleep(BACK_OFF_SECONDS * 2 ** (trial - 1))
            try:
                return await self._receive(client, body, watch)
            except APIConnectionError as fault:
                if isinstance(fault.__cause__, httpx2.TimeoutException):
                    raise self._timeout_error_of(fault.__cause__) from None
        self._availability.record(False)
        raise EngineUnavailable("The model server cannot be reached, or it closes its connections.")

    async def _receive(self, client: AsyncOpenAI, body: bytes, watch: Watch | None) -> Answer:
        """Receive one answer. Raises EngineError, and APIConnectionError for connection faults."""
        answer = Answer()
        try:
            stream = await client.post(
                "/chat/completions", cast_to=object, content=body, stream=True, stream_cls=AsyncStream[object]
            )
            self._availability.record(True)
            async with stream, contextlib.aclosing(aiter(stream)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    answer.take(chunk)
                    if answer.should_stop(watch):
                        answer.finish_reason = "loop"
                        break
        except APIConnectionError:
            raise
        except APIError as error:
            raise self._refusal_of(error) from None
        except ValueError:
            raise EngineError("The model server's answer does not follow the OpenAI protocol.") from None
        if answer.finish_reason is None:
            raise EngineError("The model server closed the connection before the end of its answer.")
        return answer

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

    def _timeout_error_of(self, timeout: httpx2.TimeoutException) -> EngineError:
        """Return the error for a timeout while connecting or during an answer."""
        if isinstance(timeout, httpx2.ConnectTimeout):
            self._availability.record(False)
            return EngineUnavailable("The model server cannot be reached within its deadline.")
        return EngineTimeout("The model server stopped answering in the middle of a page.")

    def _refusal_of(self, error: APIError) -> EngineError:
        """Return the error for a refusal, and record if the server cannot be used."""
        body = error.body if isinstance(error.body, dict) else {}
        status = error.status_code if isinstance(error, APIStatusError) else status_of(body)
        known = refusal_of(status, str(body.get("message", "")), self._request.model)
        if isinstance(known, EngineUnavailable) and status not in {429, 503}:  # a busy server is still there
            self._availability.record(False)
        return known

    async def _serves_model(self) -> bool:
        """Ask the server which models it serves and return whether ours is one of them. Any fault means False."""
        try:
            # A separate connection: one that was kept alive may be dead although the server works.
            listed = await self._fresh_client.get(
                "/models", cast_to=object, options={"timeout": self._settings.vllm_connect_seconds}
            )
        except (APIError, ValueError):
            return False
        entries = listed.get("data") if isinstance(listed, dict) else None
        names = [entry.get("id") for entry in entries or () if isinstance(entry, dict)]
        return self._request.model in names
