"""The least a client can do: pre-encoded requests to the model server, so many in flight, answers taken in as they stream."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.servers import MODELS, TOKENS
from tests.support.vllm_answers import answer_for


@dataclass(frozen=True)
class Load:
    """How long the pages took, and the processor time of asking for them, in seconds."""

    pages: int
    seconds: float
    processor: float
    tokens: int

    @property
    def pages_per_second(self) -> float:
        return self.pages / self.seconds


def request_of(jpeg: bytes) -> bytes:
    """What the product asks for a page, as JSON."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()}}
    text = {"type": "text", "text": "<|grounding|>Convert the document to markdown."}
    options = {"max_tokens": 6900, "temperature": 0.0, "stream": True, "stream_options": {"include_usage": True}}
    message = {"role": "user", "content": [picture, text]}
    body = {"model": MODELS["deepseek"], "messages": [message], "skip_special_tokens": False, **options}
    return json.dumps(body).encode()


def load(url: str, pages: dict[int, bytes], in_flight: int = 64) -> Load:
    """Ask for all pages, given as pictures by their stamps. Raises AssertionError where an answer is not that page's."""
    bodies = {stamp: request_of(jpeg) for stamp, jpeg in pages.items()}
    started, processor = time.perf_counter(), time.process_time()
    streams = asyncio.run(_ask_all(url, bodies, in_flight))
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    tokens = 0
    for stamp, stream in streams.items():
        text, said = _answer(stream)
        assert text == answer_for(stamp, "deepseek", TOKENS), f"the answer for page {stamp} is not its own"
        tokens += said
    return Load(len(pages), seconds, processor, tokens)


async def _ask_all(url: str, bodies: dict[int, bytes], in_flight: int) -> dict[int, bytes]:
    waiting = iter(bodies.items())
    streams: dict[int, bytes] = {}
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:

        async def ask_on() -> None:
            for stamp, body in waiting:
                async with session.post(f"{url}/chat/completions", data=body) as response:
                    response.raise_for_status()
                    streams[stamp] = b"".join([chunk async for chunk in response.content.iter_any()])

        await asyncio.gather(*(ask_on() for _ in range(in_flight)))
    return streams


def _answer(stream: bytes) -> tuple[str, int]:
    """The text of a stream, and how many tokens the server counted."""
    text, tokens = "", 0
    for event in _events(stream):
        tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
        text += "".join(choice["delta"].get("content", "") for choice in event["choices"])
    return text, tokens


def _events(stream: bytes) -> Iterator[dict[str, Any]]:
    for data in re.findall(rb"^data: (.*)$", stream, re.MULTILINE):
        if data != b"[DONE]":
            yield json.loads(data)
