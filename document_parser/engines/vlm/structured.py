"""Ask a model for JSON that follows a schema: what it answers is data of unknown worth, which the caller checks.

The schema is sent as ``response_format``. vLLM has ignored the older ``guided_json`` silently since 0.12.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

from document_parser.balancing.breaker import BreakerStore, LocalBreakers, Thresholds
from document_parser.engines.vlm.replicas import Replicas
from document_parser.engines.vlm.response import Answer
from document_parser.engines.vlm.server import ModelServer
from document_parser.errors import ContextExceeded, EngineRefused, EngineTimeout
from document_parser.models import ModelServerName
from document_parser.settings import ExtractModelSettings, Settings
from document_parser.text.partial_json import JsonWatch, PartialJson, read_json

SERVER: ModelServerName = "extract"
"""The name of the model's servers, for breakers and usage."""
SCHEMA_NAME = "answer"
"""The name that the protocol wants of each schema."""
MIN_TOKENS = 256
"""Shortest answers that are asked for where the server's context is short."""


class StructuredAnswer(NamedTuple):
    """What a model answered: the JSON as far as it is complete, and whether that is all of it.

    ``value`` is None if the answer has no JSON. ``tokens`` are those of the question and of the answer.
    """

    value: Any
    whole: bool
    open_path: tuple[str | int, ...]
    finish_reason: str
    tokens: int
    milliseconds: int


@dataclass
class _Manners:
    """What the server was found not to take. It is not asked for it again."""

    takes_schema: bool = True
    takes_pictures: bool = True
    max_tokens: int = 0


@dataclass
class Spent:
    """What all answers took."""

    requests: int = 0
    tokens: int = 0
    milliseconds: int = 0


class _Server(ModelServer):
    """One server of the model."""

    async def answer(self, body: bytes) -> Answer:
        """Return the answer to a request; it is stopped if it loops. Raises EngineError."""
        try:
            async with asyncio.timeout(self._settings.vllm_request_seconds):
                return await self._chat.ask(body, JsonWatch(), keeps_cut=True)
        except TimeoutError:
            raise EngineTimeout("The model server did not finish its answer within its deadline.") from None


@dataclass(frozen=True)
class _Question:
    """What is asked, before it is known what the server takes."""

    prompt: str
    pictures: Sequence[bytes]
    schema: Mapping[str, Any]
    instructions: str
    template: str

    def body(self, own: ExtractModelSettings, manners: _Manners) -> bytes:
        """Return the request as JSON. Pictures come before the text, as the models were trained."""
        shown = self.pictures if manners.takes_pictures else ()
        parts: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(one).decode()}"}}
            for one in shown
        ]
        prompt = self.prompt
        if not manners.takes_schema and not self.template:
            prompt = f"{prompt}\n\nAnswer with JSON alone that follows this schema:\n{json.dumps(self.schema)}"
        system = [{"role": "system", "content": self.instructions}] if self.instructions and not self.template else []
        fields: dict[str, Any] = {
            "model": own.model,
            "messages": [*system, {"role": "user", "content": [*parts, {"type": "text", "text": prompt}]}],
            "max_tokens": manners.max_tokens,
            "temperature": own.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if manners.takes_schema:
            schema = {"name": SCHEMA_NAME, "schema": self.schema, "strict": True}
            fields["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.template:
            fields["chat_template_kwargs"] = {"template": self.template, "enable_thinking": False}
        return json.dumps(fields | own.extra).encode()


class StructuredModel:
    """The model of VLLM_EXTRACT_URL. An async context manager, to be used in one event loop.

    ::

        async with StructuredModel(settings) as model:
            answer = await model.ask("Which kind of document is this? ...", [jpeg], {"type": "object", ...})
    """

    def __init__(self, settings: Settings, board: BreakerStore | None = None) -> None:
        """Keep the settings; no connection is opened yet. ``board`` keeps the circuit breakers; None: this object.

        Raises ValueError if the settings name no model.
        """
        own, engines = settings.extract, settings.engines
        if not own.is_set:
            raise ValueError("VLLM_EXTRACT_URL and VLLM_EXTRACT_MODEL are not set.")
        self._own = own
        key = {"vllm_api_key": settings.key_of(SERVER), "vllm_request_seconds": own.request_seconds}
        patient = engines.model_copy(update=key)
        thresholds = Thresholds(engines.vllm_breaker_faults, engines.vllm_breaker_seconds, own.request_seconds)
        servers = {f"{SERVER} {url}": _Server(patient, url, own.model) for url in own.urls}
        self._servers = Replicas(servers, board or LocalBreakers(), thresholds, engines.vllm_probe_seconds)
        self._manners = _Manners(takes_pictures=own.pictures, max_tokens=own.max_tokens)
        self._slots = asyncio.Semaphore(own.concurrency)
        self.spent = Spent()

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self._own.model

    @property
    def uses_template(self) -> bool:
        """Return whether the model is asked by NuExtract's template."""
        return self._own.uses_template

    async def is_available(self) -> bool:
        """Return whether a server that its breaker admits answers."""
        return await self._servers.is_available()

    async def ask(
        self,
        prompt: str,
        pictures: Sequence[bytes],
        schema: Mapping[str, Any],
        *,
        instructions: str = "",
        template: str = "",
    ) -> StructuredAnswer:
        """Return what the model answers. ``pictures`` are JPEG files, ``instructions`` the system's message.

        ``template`` is NuExtract's, for models that are asked by one. At most ``concurrency`` questions are asked at once. A
        server that refuses schemas or pictures is asked again without them, and so is asked from then on.
        Raises EngineError, EngineRefused, EngineTimeout, EngineUnavailable, ContextExceeded.
        """
        question = _Question(prompt, pictures, schema, instructions, template)
        started = time.monotonic()
        async with self._slots:
            answer = await self._ask_as_it_can(question)
        tokens = answer.prompt_tokens + answer.completion_tokens
        milliseconds = round((time.monotonic() - started) * 1000)
        self.spent.tokens += tokens
        self.spent.milliseconds += milliseconds
        found = read_json(_without_thoughts(answer.text)) or PartialJson(None, whole=False)
        reason = answer.finish_reason or "aborted"
        return StructuredAnswer(found.value, found.whole, found.open_path, reason, tokens, milliseconds)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._servers.aclose()

    async def __aenter__(self) -> Self:
        """Return this object."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.aclose()

    async def _ask_as_it_can(self, question: _Question) -> Answer:
        """Return the answer to a question, asked in the first way that the server takes. Raises EngineError."""
        try:
            return await self._ask_once(question, self._manners)
        except ContextExceeded as full:
            limit = full.details.get("limit_tokens")
            if not isinstance(limit, int) or limit > self._manners.max_tokens:
                raise
            self._manners.max_tokens = max(MIN_TOKENS, limit // 2)
            return await self._ask_once(question, self._manners)
        except EngineRefused as refused:
            return await self._ask_otherwise(question, refused)

    async def _ask_otherwise(self, question: _Question, refused: EngineRefused) -> Answer:
        """Ask without what the server may not take, and remember what that was. Raises the first refusal if nothing helps."""
        if refused.details.get("server_status", 0) not in (400, 404, 422):
            raise refused
        known = self._manners
        ways = [(known.takes_schema, False), (False, known.takes_pictures), (False, False)]
        tried = {(known.takes_schema, known.takes_pictures and bool(question.pictures))}
        for schema, pictures in ways:
            way = (schema and known.takes_schema, pictures and bool(question.pictures))
            if way in tried:
                continue
            tried.add(way)
            manners = _Manners(way[0], way[1], known.max_tokens)
            try:
                answer = await self._ask_once(question, manners)
            except EngineRefused:
                continue
            self._manners.takes_schema = manners.takes_schema
            self._manners.takes_pictures = known.takes_pictures and (manners.takes_pictures or not question.pictures)
            return answer
        raise refused

    async def _ask_once(self, question: _Question, manners: _Manners) -> Answer:
        """Send one request. Raises EngineError."""
        self.spent.requests += 1
        body = question.body(self._own, manners)
        return await self._servers.ask(lambda server: server.answer(body))


def _without_thoughts(text: str) -> str:
    """Return an answer without what a reasoning model thinks aloud before it."""
    return text.rpartition("</think>")[2]
