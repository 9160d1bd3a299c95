"""Send pages to one model server with OpenAI's client, and receive its answers.

An answer is streamed, so that a runaway one can be stopped while it grows: closing the connection makes vLLM abort the request.
Chunks are taken as plain dictionaries (``cast_to=object``), because the client's typed chunk objects would cost several times
the processor time.
"""

from __future__ import annotations

import asyncio
import contextlib

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, AsyncStream

from document_parser.engines.base import Watch
from document_parser.engines.vlm.availability import AvailabilityCache
from document_parser.engines.vlm.certificates import load_certificates
from document_parser.engines.vlm.request import NO_KEY
from document_parser.engines.vlm.response import Answer, refusal_of, status_of
from document_parser.errors import EngineError, EngineTimeout, EngineUnavailable
from document_parser.settings import EngineSettings
from document_parser.telemetry import tracing

BACK_OFF_SECONDS = 0.1
"""Pause before the first repetition after a connection fault; it doubles each time."""
MAX_CONNECTIONS = 256
"""Maximum connections of a client."""


class ChatClient:
    """The connections that carry pages to one server."""

    def __init__(self, settings: EngineSettings, url: str, model: str, availability: AvailabilityCache) -> None:
        """Make the HTTP clients; no connection is opened yet. ``availability`` is told what each request shows."""
        self._settings = settings
        self._url = url
        self._model = model
        self._availability = availability
        server = httpx2.URL(url)
        self._span_facts: dict[str, tracing.Attribute] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "vllm",
            "gen_ai.request.model": model,
            "server.address": server.host,
            "server.port": server.port or (443 if server.scheme == "https" else 80),
        }
        self._client = self._make_client(keep_alive=True)
        # Its connections are never reused: after a fault, one that was kept alive may be as dead as the last.
        self._fresh_client = self._make_client(keep_alive=False)

    async def ask(self, body: bytes, watch: Watch | None, *, keeps_cut: bool = False) -> Answer:
        """Return one answer; repeat the request on a fresh connection after connection faults. Raises EngineError.

        With ``keeps_cut`` an answer whose stream ends before it says so is returned as ``aborted``, if it has any text.
        """
        client = self._client
        for trial in range(self._settings.vllm_connect_retries + 1):
            if trial:
                client = self._fresh_client
                await asyncio.sleep(BACK_OFF_SECONDS * 2 ** (trial - 1))
            try:
                return await self._receive(client, body, watch, keeps_cut=keeps_cut)
            except APIConnectionError as fault:
                if isinstance(fault.__cause__, httpx2.TimeoutException):
                    raise self._timeout_error_of(fault.__cause__) from None
        self._availability.record(False)
        raise EngineUnavailable("The model server cannot be reached, or it closes its connections.")

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()
        await self._fresh_client.close()

    def _make_client(self, *, keep_alive: bool) -> AsyncOpenAI:
        """Return an HTTP client for the server; without ``keep_alive`` it never reuses a connection."""
        deadlines = httpx2.Timeout(self._settings.vllm_read_seconds, connect=self._settings.vllm_connect_seconds, pool=None)
        limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS if keep_alive else 0)
        return AsyncOpenAI(
            base_url=self._url,
            api_key=self._settings.vllm_api_key or NO_KEY,
            max_retries=0,
            timeout=deadlines,
            # Model servers are on the same network: a proxy from the environment would only be in the way.
            http_client=httpx2.AsyncClient(limits=limits, timeout=deadlines, trust_env=False, verify=load_certificates()),
        )

    async def _receive(self, client: AsyncOpenAI, body: bytes, watch: Watch | None, *, keeps_cut: bool) -> Answer:
        """Receive one answer. Raises EngineError, and APIConnectionError for connection faults."""
        with tracing.span(f"chat {self._model}", "client", self._span_facts) as span:
            answer = await self._stream_answer(client, body, watch, keeps_cut=keeps_cut)
            span.note(
                {"gen_ai.usage.input_tokens": answer.prompt_tokens, "gen_ai.usage.output_tokens": answer.completion_tokens}
            )
            return answer

    async def _stream_answer(self, client: AsyncOpenAI, body: bytes, watch: Watch | None, *, keeps_cut: bool) -> Answer:
        answer = Answer()
        try:
            stream = await client.post(
                "/chat/completions",
                cast_to=object,
                content=body,
                options={"headers": tracing.headers()},
                stream=True,
                stream_cls=AsyncStream[object],
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
        if answer.finish_reason is None and keeps_cut and answer.length:
            answer.finish_reason = "aborted"
        if answer.finish_reason is None:
            raise EngineError("The model server closed the connection before the end of its answer.")
        return answer

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
        known = refusal_of(status, str(body.get("message", "")), self._model)
        if isinstance(known, EngineUnavailable) and status not in {429, 503}:  # a busy server is still there
            self._availability.record(False)
        return known
