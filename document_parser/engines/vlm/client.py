"""Engines that are vision-language models behind an OpenAI-compatible server (vLLM)."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from dataclasses import replace

from document_parser.engines.base import Engine, Watch
from document_parser.engines.vlm.request import ModelRequest
from document_parser.engines.vlm.response import Answer
from document_parser.engines.vlm.server import ModelServer
from document_parser.errors import ContextExceeded, EngineRefused, EngineTimeout
from document_parser.models import Block, PageImage, PageKind, Reading
from document_parser.settings import EngineSettings


class VisionEngine(ModelServer, Engine):
    """A model on one server. A subclass gives the name, the page image it wants, the request and the parser of the answers."""

    def __init__(self, settings: EngineSettings, request: ModelRequest) -> None:
        """Keep the settings; no connection is opened yet."""
        super().__init__(settings, request.url, request.model)
        self._request = request

    @abstractmethod
    def parse(self, text: str, page: PageImage | None = None) -> list[Block]:
        """Return the blocks of an answer or of its beginning. Never raises."""

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Ask the model to read a page, given as a JPEG image. ``temperature`` None takes the setting's.

        Raises EngineError, EngineRefused, AnswerUnreadable, EngineTimeout, EngineUnavailable, ContextExceeded.
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
        return self._make_reading(answer, page, heat, started)

    async def _ask_in_context(self, page: PageImage, temperature: float, watch: Watch | None) -> Answer:
        """Return the model's answer about a page. Raises EngineError."""
        return await self._ask(self._request, page.data, temperature, watch, page.kind)

    async def _ask(
        self, request: ModelRequest, jpeg: bytes, temperature: float, watch: Watch | None, kind: PageKind = "plain"
    ) -> Answer:
        """Return the model's answer to a request about an image. Raises EngineError.

        If the server's whole context is shorter than the longest answer, shorter answers are asked for from now on.
        """
        try:
            return await self._chat.ask(request.body(jpeg, temperature, kind), watch)
        except ContextExceeded as full:
            limit = full.details["limit_tokens"]
            if limit is None or limit >= request.max_tokens:
                raise
        self._request = replace(self._request, max_tokens=limit)
        return await self._chat.ask(replace(request, max_tokens=limit).body(jpeg, temperature, kind), watch)

    def _make_reading(self, answer: Answer, page: PageImage, temperature: float, started: float) -> Reading:
        """Return an answer as a reading. ``started`` is the start of the request on the monotonic clock."""
        return Reading(
            engine=self.name,
            blocks=self.parse(answer.text, page),
            text=answer.text,
            finish_reason=answer.finish_reason or "aborted",
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            milliseconds=round((time.monotonic() - started) * 1000),
            temperature=temperature,
        )
