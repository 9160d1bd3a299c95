"""A simulated server of a model that fills schemas: it answers with what a test says, and has the faults of real ones.

It speaks vLLM's protocol (vllm_server.py). What it is asked is kept: ``bodies`` are the requests as they came.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from redis import Redis

from tests.support.service import NOBODY, Service, redis_url_of, wait_until
from tests.support.vllm_answers import Grammar
from tests.support.vllm_batching import FAST, Sequence, Speed
from tests.support.vllm_refusals import Refusal
from tests.support.vllm_server import BEHAVIOURS, ModelServer

MODEL = "test/Extractor"
DOCUMENT = re.compile(r"<document>\n(.*?)\n</document>", re.DOTALL)

Filler = Callable[["Asking"], Any]
"""What a model answers to a request: any JSON value, or a text that is sent as it is."""


@dataclass(frozen=True)
class Asking:
    """A request as the model sees it."""

    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """The words of the user's message."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)

    @property
    def text(self) -> str:
        """The part of the document that it is asked about."""
        found = DOCUMENT.search(self.prompt)
        return found[1] if found else self.prompt

    @property
    def schema(self) -> dict[str, Any]:
        """The schema that the answer is to follow; empty if none was sent."""
        return self.body.get("response_format", {}).get("json_schema", {}).get("schema", {})

    @property
    def names(self) -> list[str]:
        """The properties that are asked for."""
        return list(self.schema.get("properties", {}))

    @property
    def pictures(self) -> int:
        content = self.body["messages"][-1]["content"]
        return sum(part.get("type") == "image_url" for part in content) if isinstance(content, list) else 0


@dataclass
class ExtractServer(ModelServer):
    """One simulated server. ``fill`` says what it answers."""

    model: str = MODEL
    grammar: Grammar = "nanonets"
    speed: Speed = FAST
    fill: Filler = lambda _asking: {}
    bodies: list[dict[str, Any]] = field(default_factory=list)
    behaviours: ClassVar[frozenset[str]] = frozenset(BEHAVIOURS) | {"white_space", "refuse_schema", "refuse_pictures", "break"}

    def said(self, body: dict[str, Any], picture: bytes, key: int, limit: int, outcome: str) -> str:
        del picture, key
        self.bodies.append(body)
        if outcome == "empty":
            return ""
        filled = self.fill(Asking(body))
        text = filled if isinstance(filled, str) else json.dumps(filled)
        if outcome == "white_space":
            return text[: len(text) // 2] + "\n" * limit
        return text

    def refuse_body(self, body: dict[str, Any], outcome: str) -> None:
        if outcome == "refuse_schema" and "response_format" in body:
            raise Refusal(400, "response_format of type json_schema is not supported.")
        if outcome == "refuse_pictures" and Asking(body).pictures:
            raise Refusal(400, "At most 0 image(s) may be provided in one prompt.")

    def _sequence(self, body: dict[str, Any], prompt: int, limit: int, outcome: str, text: str) -> Sequence:
        sequence = super()._sequence(body, prompt, limit, outcome, text)
        if outcome == "white_space":
            head = text.rstrip("\n")
            sequence.pieces = [*re.findall(r".{1,5}", head, re.DOTALL), *["\n"] * (limit // 2)]
        return sequence

    async def _stream(self, request: Any, body: dict[str, Any], sequence: Sequence, outcome: str) -> Any:
        if outcome == "break":
            # The stream ends in the middle, as that of a server behind a proxy that gives up.
            sequence.pieces = sequence.pieces[: len(sequence.pieces) // 2]
            sequence.finish = "abort"  # type: ignore[assignment]
        return await super()._stream(request, body, sequence, outcome)


def heard_at(url: str) -> dict[str, Any]:
    """Return the settings of a service that hears this model, and reads without one."""
    settings = {"INFERENCE_MODE": "auto", "VLLM_DEEPSEEK_URL": NOBODY, "VLLM_NANONETS_URL": NOBODY}
    return settings | {"VLLM_EXTRACT_URL": url, "VLLM_EXTRACT_MODEL": MODEL, "VLLM_BREAKER_FAULTS": 100}


def used_tokens(service: Service) -> int:
    """Return the tokens that were counted, once all that waits is in the database."""
    with contextlib.closing(Redis.from_url(redis_url_of(service))) as redis:
        wait_until(lambda: not redis.exists("usage:pending", "usage:taken"), 30, "usage is written")
    headers = {"Authorization": f"Bearer {service.operator_token}"}
    told = service.client.get("/v1/usage", params={"by": "engine"}, headers=headers).json()["usage"]
    return sum(one["tokens"] for one in told if one["engine"] == "extract")
