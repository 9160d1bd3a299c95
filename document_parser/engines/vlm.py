"""Engines that are vision-language models behind an OpenAI-compatible server (vLLM).

An answer is streamed, so that a runaway one can be cut while it grows: closing the connection makes vLLM abort the request.
Chunks are taken as plain dictionaries (``cast_to=object``): the client's typed chunk objects would cost several times the CPU.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import ssl
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeGuard

import httpx2
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, AsyncStream

from document_parser.engines.base import Engine, Watch
from document_parser.errors import ContextExceeded, EngineError, EngineRefused, EngineTimeout, EngineUnavailable
from document_parser.models import Block, FinishReason, PageImage, PageKind, Reading
from document_parser.settings import EngineSettings

WATCH_CHARACTERS = 100
BACK_OFF_SECONDS = 0.1
MOST_CONNECTIONS = 256

LOAD = re.compile(r"^vllm:num_requests_(?:running|waiting)(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)

FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "repetition": "loop"}
"""What vLLM says at the end of an answer; anything else ("abort", "error") was not the model's own end."""


@dataclass(frozen=True)
class ModelRequest:
    """Where a model is and what it is asked; ``extra`` are fields of the request that OpenAI's protocol does not know.

    ``additions`` are sentences that the prompt of pages of a kind ends with.
    """

    url: str
    model: str
    prompt: str
    max_tokens: int
    temperature: float
    extra: dict[str, Any] = field(default_factory=dict)
    additions: dict[PageKind, str] = field(default_factory=dict)

    def body(self, jpeg: bytes, temperature: float, kind: PageKind = "plain") -> bytes:
        """The request for one picture, as JSON. The picture comes first: both models were trained that way.

        The picture is set in after the rest is encoded: base64 needs no escaping, and a JSON encoder would read through it.
        """
        picture = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,"}}
        prompt = f"{self.prompt} {self.additions.get(kind, '')}".rstrip()
        fields = {
            "messages": [{"role": "user", "content": [picture, {"type": "text", "text": prompt}]}],
            "model": self.model,
            "max_tokens": self.max_tokens,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self.extra,
        }
        head, mark, tail = json.dumps(fields).encode().partition(b"base64,")
        return b"".join((head, mark, base64.b64encode(jpeg), tail))


@cache
def certificates() -> ssl.SSLContext:
    """The authorities of this machine, loaded once: 50 ms for each client otherwise, though most servers speak plain HTTP.

    May be called before a fork.
    """
    return httpx2.create_ssl_context()


class Presence:
    """Whether a server answers, remembered for some seconds. Callers at the same time share one look."""

    def __init__(self, look: Callable[[], Awaitable[bool]], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._present = False
        self._noted_at = float("-inf")
        self._looking: asyncio.Task[bool] | None = None

    def note(self, present: bool) -> None:
        """What a real request has just shown."""
        self._present = present
        self._noted_at = time.monotonic()

    async def known(self) -> bool:
        if time.monotonic() - self._noted_at < self._seconds:
            return self._present
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_once())
        return await asyncio.shield(self._looking)

    async def _look_once(self) -> bool:
        try:
            self.note(await self._look())
        finally:
            self._looking = None
        return self._present

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])


@dataclass
class Answer:
    """A streamed answer as it grows."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    watched: int = 0
    finish_reason: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def text(self) -> str:
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""

    def take(self, chunk: object) -> None:
        """Add one chunk of the stream. Unknown shapes add nothing."""
        if not _is_object(chunk):
            return
        choices = chunk.get("choices")
        for choice in filter(_is_object, choices if isinstance(choices, list) else ()):
            delta = choice.get("delta")
            piece = delta.get("content") if _is_object(delta) else None
            if piece and isinstance(piece, str):
                self.pieces.append(piece)
                self.length += len(piece)
            if choice.get("finish_reason"):
                self.finish_reason = FINISH_REASONS.get(str(choice["finish_reason"]), "aborted")
        if _is_object(usage := chunk.get("usage")):
            self.prompt_tokens = usage.get("prompt_tokens") or 0
            self.completion_tokens = usage.get("completion_tokens") or 0

    def should_stop(self, watch: Watch | None) -> bool:
        """Ask the watch whenever the text has grown enough since it was last asked."""
        if watch is None or self.length - self.watched < WATCH_CHARACTERS:
            return False
        self.watched = self.length
        return watch(self.text) is not None


class VisionEngine(Engine):
    """One model server. A subclass gives the name, the picture, the request and the grammar of the answers."""

    def __init__(self, settings: EngineSettings, request: ModelRequest) -> None:
        self._settings = settings
        self._request = request
        self._client = self._connected(keep_alive=True)
        # Its connections are never reused: after a fault, one that was kept alive could be as dead as the last.
        self._fresh_client = self._connected(keep_alive=False)
        self._presence = Presence(self._serves_model, settings.vllm_probe_seconds)

    @abstractmethod
    def parse(self, text: str) -> list[Block]:
        """The blocks of an answer, or of the beginning of one. Never raises."""

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        if page.encoding != "jpeg":
            raise EngineRefused("This engine reads JPEG pictures only.")
        started = time.monotonic()
        heat = self._request.temperature if temperature is None else temperature
        try:
            async with asyncio.timeout(self._settings.vllm_request_seconds):
                answer = await self._ask_in_context(page, heat, watch)
        except TimeoutError:
            raise EngineTimeout("The model server did not finish the page within its deadline.") from None
        return self._reading(answer, heat, started)

    async def available(self) -> bool:
        return await self._presence.known()

    async def load(self) -> float | None:
        """Requests that the server says it has running and waiting, everybody's; None where it does not say."""
        address = self._request.url.rstrip("/").removesuffix("/v1") + "/metrics"
        try:
            told = await self._fresh_client.get(address, cast_to=str, options={"timeout": self._settings.vllm_connect_seconds})
        except (APIError, ValueError):
            return None
        found = LOAD.findall(told) if isinstance(told, str) else []
        return sum(map(float, found)) if found else None

    async def aclose(self) -> None:
        await self._presence.aclose()
        await self._client.close()
        await self._fresh_client.close()

    def _connected(self, *, keep_alive: bool) -> AsyncOpenAI:
        deadlines = httpx2.Timeout(self._settings.vllm_read_seconds, connect=self._settings.vllm_connect_seconds, pool=None)
        limits = httpx2.Limits(
            max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS if keep_alive else 0
        )
        return AsyncOpenAI(
            base_url=self._request.url,
            api_key=self._settings.vllm_api_key or "EMPTY",
            max_retries=0,
            timeout=deadlines,
            # Model servers stand on the own network: a proxy from the environment would only be in the way.
            http_client=httpx2.AsyncClient(limits=limits, timeout=deadlines, trust_env=False, verify=certificates()),
        )

    async def _ask_in_context(self, page: PageImage, temperature: float, watch: Watch | None) -> Answer:
        """One answer. From a server whose whole context is shorter than the longest answer, shorter ones from now on."""
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
        """One answer, asking again on a fresh connection after connection faults. Raises EngineError."""
        client = self._client
        for trial in range(self._settings.vllm_connect_retries + 1):
            if trial:
                client = self._fresh_client
                await asyncio.sleep(BACK_OFF_SECONDS * 2 ** (trial - 1))
            try:
                return await self._listen(client, body, watch)
            except APIConnectionError as fault:
                if isinstance(fault.__cause__, httpx2.TimeoutException):
                    raise self._timed_out(fault.__cause__) from None
        self._presence.note(False)
        raise EngineUnavailable("The model server cannot be reached, or it drops its connections.")

    async def _listen(self, client: AsyncOpenAI, body: bytes, watch: Watch | None) -> Answer:
        """Take in one answer. Raises EngineError, and APIConnectionError for connection faults."""
        answer = Answer()
        try:
            stream = await client.post(
                "/chat/completions", cast_to=object, content=body, stream=True, stream_cls=AsyncStream[object]
            )
            self._presence.note(True)
            async with stream, contextlib.aclosing(aiter(stream)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    answer.take(chunk)
                    if answer.should_stop(watch):
                        answer.finish_reason = "loop"
                        break
        except APIConnectionError:
            raise
        except APIError as error:
            raise self._refused(error) from None
        except ValueError:
            raise EngineError("The model server answered with something that is not its protocol.") from None
        if answer.finish_reason is None:
            raise EngineError("The answer of the model server ended before its end.")
        return answer

    def _reading(self, answer: Answer, temperature: float, started: float) -> Reading:
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

    def _timed_out(self, timeout: httpx2.TimeoutException) -> EngineError:
        if isinstance(timeout, httpx2.ConnectTimeout):
            self._presence.note(False)
            return EngineUnavailable("The model server cannot be reached within its deadline.")
        return EngineTimeout("The model server fell silent in the middle of a page.")

    def _refused(self, error: APIError) -> EngineError:
        body = error.body if isinstance(error.body, dict) else {}
        status = error.status_code if isinstance(error, APIStatusError) else _status_in(body)
        known = refusal(status, str(body.get("message", "")), self._request.model)
        if isinstance(known, EngineUnavailable) and status not in {429, 503}:  # busy is not gone
            self._presence.note(False)
        return known

    async def _serves_model(self) -> bool:
        """Ask the server for its models. Any fault means no."""
        try:
            # On a connection of its own: one that was kept alive may be dead while the server is well.
            listed = await self._fresh_client.get(
                "/models", cast_to=object, options={"timeout": self._settings.vllm_connect_seconds}
            )
        except (APIError, ValueError):
            return False
        entries = listed.get("data") if isinstance(listed, dict) else None
        names = [entry.get("id") for entry in entries or () if isinstance(entry, dict)]
        return self._request.model in names


def refusal(status: int, message: str, model: str) -> EngineError:
    """The error for an answer with this HTTP status. ``message`` may quote the document, so none of it is passed on."""
    match status:
        case 404 if "model" in message.lower():
            return EngineUnavailable(f"The model server does not serve the model {model}.")
        case 404:
            return EngineUnavailable(f"The address of {model} is not an OpenAI one; it should end in /v1.")
        case 401 | 403:
            return EngineUnavailable("The model server does not accept VLLM_API_KEY.")
        case 429 | 502 | 503 | 504:
            return EngineUnavailable(f"The model server is overloaded or starting (HTTP {status}).")
        case 400 if found := re.search(r"(?:maximum context length|max_model_len)\D{0,20}(\d{1,9})?", message):
            return ContextExceeded(limit_tokens=int(found[1]) if found[1] else None)
    return EngineRefused(f"The model server refused the page (HTTP {status})." if status else None, server_status=status)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _status_in(body: dict[str, Any]) -> int:
    """The status of an error that came in the stream, where HTTP can no longer say it: a full queue is told so, for one."""
    code = body.get("code")
    return code if isinstance(code, int) else 0
