"""A small real HTTP server that speaks vLLM's protocol and answers by the stamp on the picture it is sent.

Stands in for the model servers in tests and benchmarks: ``python -m tests.support.vllm_server --help``. Which page was sent is
read from the picture (stamp.py), what is said comes from vllm_answers.py, how fast from vllm_batching.py, in which shape from
vllm_wire.py, and what is refused stands in vllm_refusals.py. It is held to the real server by vllm_facts.json. Besides, as
the real one was seen to do, it aborts within a tick when the client goes, and ends a connection that carried a 500 without a
word; not at once as the real one, which a client may notice or not, but by a reset of the next request on it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any, ClassVar
from weakref import WeakSet

from aiohttp import web

from tests.support import vllm_wire as wire
from tests.support.vllm_answers import (
    MODELS,
    SPECIAL,
    SPECIAL_TOKEN,
    VLM_MODELS,
    Grammar,
    answer_for,
    garbage_for,
    loop_for,
    tokens_of,
)
from tests.support.vllm_batching import Batch, Sequence, Speed
from tests.support.vllm_refusals import BUSY, CONTEXT, Refusal, beyond_context, check, invalid, stamp_of

BEHAVIOURS = {"ok", "stall", "slow", "reset", "fail_500", "fail_503", "late_503", "refuse_400", "context_400"}
BEHAVIOURS |= {"loop", "truncate", "empty", "garbage"}
SLOWNESS = 10.0


@dataclass
class Script:
    """What to do with the next requests; the last entry stays when sticky."""

    steps: deque[str]
    sticky: bool = False

    def next(self) -> str:
        if not self.steps:
            return "ok"
        return self.steps[0] if self.sticky and len(self.steps) == 1 else self.steps.popleft()


@dataclass
class Asked:
    """One request in the log. ``state`` is running, finished, refused or aborted."""

    stamp: int | None
    time: float
    temperature: float | None
    outcome: str
    max_tokens: int
    state: str = "running"
    prompt: str = ""
    """The words asked with."""
    traceparent: str = ""
    """The trace that the caller named."""


@dataclass
class ModelServer:
    """One simulated model server. ``url`` is its OpenAI address once it serves."""

    model: str = "deepseek-ai/DeepSeek-OCR"
    grammar: Grammar = "deepseek"
    speed: Speed = field(default_factory=Speed)
    tokens: int = 300
    most_waiting: int | None = None
    url: str = ""
    log: list[Asked] = field(default_factory=list)
    scripts: dict[str, Script] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"stop": 0, "length": 0})
    answer: Callable[[bytes], str] | None = None
    """What is read on a picture, where it is not told by the stamp."""
    probes: int = 0
    behaviours: ClassVar[frozenset[str]] = frozenset(BEHAVIOURS)

    def __post_init__(self) -> None:
        self.doomed: WeakSet[asyncio.BaseTransport] = WeakSet()

    # --- commands ---------------------------------------------------------------------------------------------------

    def script(self, *steps: str, stamp: int | str = "*", sticky: bool = False) -> None:
        """Say what happens to the next requests for a stamp, or for any ("*")."""
        unknown = set(steps) - self.behaviours
        if unknown:
            raise ValueError(f"unknown behaviour: {', '.join(sorted(unknown))}")
        self.scripts[str(stamp)] = Script(deque(steps), sticky)

    def reset(self) -> None:
        """Forget scripts and log."""
        self.scripts.clear()
        self.log.clear()

    def asked(self, stamp: int | None) -> list[Asked]:
        """The requests for one stamp, in order."""
        return [entry for entry in self.log if entry.stamp == stamp]

    def step(self, stamp: int | None, picture: bytes) -> str:
        """What is done with this request."""
        del picture
        for key in (str(stamp), "*"):
            if key in self.scripts and self.scripts[key].steps:
                return self.scripts[key].next()
        return "ok"

    # --- the application --------------------------------------------------------------------------------------------

    def application(self) -> web.Application:
        app = web.Application(client_max_size=256 * 2**20, middlewares=[self._shapes])
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.get("/health", self._health),
                web.get("/version", self._version),
                web.get("/load", self._load),
                web.get("/metrics", self._metrics),
                web.get("/requests", self._requests),
                web.post("/v1/chat/completions", self._chat),
                web.post("/control", self._control),
                web.post("/reset", self._reset),
            ]
        )
        app.cleanup_ctx.append(self._batching)
        return app

    async def _batching(self, app: web.Application) -> AsyncIterator[None]:
        self.batch = Batch(self.speed)
        ticker = asyncio.create_task(self.batch.run())
        yield
        ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticker

    @web.middleware
    async def _shapes(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.transport in self.doomed:
            drop(request)
        try:
            return await handler(request)
        except Refusal as refusal:
            if refusal.status == 500 and request.transport is not None:
                self.doomed.add(request.transport)
            return web.json_response(refusal.body, status=refusal.status)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            return web.json_response({"detail": error.reason}, status=error.status)

    async def _models(self, request: web.Request) -> web.Response:
        self.probes += 1
        return web.json_response(wire.models(self.model, CONTEXT[self.grammar]))

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(headers={"Content-Type": ""})

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": wire.VERSION})

    async def _load(self, request: web.Request) -> web.Response:
        return web.json_response({"server_load": len(self.batch.running) + len(self.batch.waiting)})

    async def _metrics(self, request: web.Request) -> web.Response:
        running, waiting = len(self.batch.running), len(self.batch.waiting)
        usage = round(running / self.speed.sequences, 4)
        return web.Response(text=wire.metrics(self.model, running, waiting, usage, self.counts))

    async def _requests(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(entry) for entry in self.log])

    async def _control(self, request: web.Request) -> web.Response:
        order = await request.json()
        self.script(*order["do"], stamp=order.get("stamp", "*"), sticky=bool(order.get("sticky")))
        return web.json_response({})

    async def _reset(self, request: web.Request) -> web.Response:
        self.reset()
        return web.json_response({})

    # --- one answer -------------------------------------------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.read())
        except ValueError:
            raise invalid("JSON decode error", "body.1") from None
        pictures, prompt = check(body, self.model, self.grammar)
        stamps = [stamp_of(picture, self.grammar) for picture in pictures]
        stamp = stamps[0] if stamps else None
        picture = pictures[0] if pictures else b""
        key = stamp if stamp is not None else int.from_bytes(hashlib.sha256(b"".join(pictures)).digest()[:4], "big")
        entry = Asked(stamp, time.time(), body.get("temperature"), self.step(stamp, picture), body.get("max_tokens", 0))
        entry.prompt = _words_asked_with(body["messages"][-1]["content"])
        entry.traceparent = request.headers.get("traceparent", "")
        self.log.append(entry)
        limit = self._limit(body, prompt)
        sequence = self._sequence(body, prompt, limit, entry.outcome, self.said(body, picture, key, limit, entry.outcome))
        try:
            self._refuse(entry.outcome)
            self.refuse_body(body, entry.outcome)
            response = await self._answer(request, body, sequence, entry.outcome)
        except (asyncio.CancelledError, ConnectionError):
            self._ended(entry, "aborted")
            raise
        except Refusal as refusal:
            self._ended(entry, "refused")
            if entry.outcome == "late_503":
                return await self._stream_refusal(request, refusal)
            raise
        self._ended(entry, "finished", sequence.finish)
        return response

    def _ended(self, entry: Asked, state: str, reason: str = "") -> None:
        entry.state = state
        if reason:
            self.counts[reason] += 1

    def _refuse(self, outcome: str) -> None:
        """Answer with the error that was ordered, or that the load asks for."""
        full = self.most_waiting is not None and len(self.batch.waiting) >= self.most_waiting
        match "fail_503" if full else outcome:
            case "fail_500":
                raise Refusal(500, "Internal server error", "InternalServerError")
            case "fail_503" | "late_503":
                raise Refusal(503, BUSY, "Service Unavailable")
            case "refuse_400":
                raise Refusal(400, "At most 1 image(s) may be provided in one prompt.")
            case "context_400":
                raise beyond_context(CONTEXT[self.grammar])

    async def _answer(self, request: web.Request, body: dict[str, Any], sequence: Sequence, outcome: str) -> web.StreamResponse:
        self.batch.add(sequence)
        try:
            if not body.get("stream"):
                return await self._whole(sequence)
            return await self._stream(request, body, sequence, outcome)
        finally:
            self.batch.remove(sequence)

    def _limit(self, body: dict[str, Any], prompt: int) -> int:
        """Where max_tokens or the context is full."""
        room = CONTEXT[self.grammar] - prompt
        return min(body.get("max_tokens") or room, room)

    def _sequence(self, body: dict[str, Any], prompt: int, limit: int, outcome: str, text: str) -> Sequence:
        """The answer in tokens. It ends by itself, or at the limit."""
        if body.get("skip_special_tokens", True):
            special = {"deepseek": SPECIAL}.get(self.grammar, SPECIAL_TOKEN)
            text = text if self.grammar == "nanonets" else special.sub("", text)
        pieces = tokens_of(text)
        if outcome == "truncate":
            limit = len(pieces) // 2
        finish = "length" if len(pieces) >= limit else "stop"
        return Sequence(pieces[:limit], SLOWNESS if outcome == "slow" else 1.0, prompt=prompt, finish=finish)

    def said(self, body: dict[str, Any], picture: bytes, key: int, limit: int, outcome: str) -> str:
        """What is answered to a request."""
        del body
        return self.text(picture, key, limit, outcome)

    def refuse_body(self, body: dict[str, Any], outcome: str) -> None:
        """Refuse what this server does not take. Raises Refusal."""

    def text(self, picture: bytes, key: int, limit: int, outcome: str) -> str:
        """What is said about a picture; ``key`` is its stamp, ``limit`` the most tokens there is room for."""
        match outcome:
            case "empty":
                return ""
            case "garbage":
                return garbage_for(key)
            case "loop":
                return loop_for(key, self.grammar, limit)
        return self.answer(picture) if self.answer else answer_for(key, self.grammar, self.tokens)

    async def _whole(self, sequence: Sequence) -> web.Response:
        while await sequence.chunks.get() is not None:
            pass
        body = wire.whole("".join(sequence.pieces), sequence.finish, sequence.usage())
        return web.json_response(self._frame("chat.completion") | body)

    async def _stream(self, request: web.Request, body: dict[str, Any], sequence: Sequence, outcome: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        frame = self._frame("chat.completion.chunk")
        usage = (body.get("stream_options") or {}).get("include_usage")
        await send(response, frame | wire.first_chunk())
        sent, last = 0, frame if usage else frame | {"system_fingerprint": wire.FINGERPRINT}
        while (text := await sequence.chunks.get()) is not None:
            if sequence.finish == "length" and sequence.told():
                await send(response, last | wire.text_chunk(text, "length"))
                break
            await send(response, frame | wire.text_chunk(text))
            sent += 1
            if outcome == "stall" or (outcome == "reset" and sent == 2):
                await self._break_off(request, sequence, outcome)
        if sequence.finish == "stop":
            await send(response, last | wire.text_chunk("", "stop"))
        if usage:
            await send(response, frame | wire.usage_chunk(sequence.usage()))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _stream_refusal(self, request: web.Request, refusal: Refusal) -> web.StreamResponse:
        """A queue that many requests fill at once: it shows only after the stream has begun, with status 200."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await send(response, refusal.body)
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _break_off(self, request: web.Request, sequence: Sequence, outcome: str) -> None:
        self.batch.remove(sequence)
        if outcome == "reset":
            drop(request)
        await asyncio.Event().wait()

    def _frame(self, kind: str) -> dict[str, Any]:
        return wire.frame(self.model, len(self.log), kind)


async def send(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _words_asked_with(content: str | list[dict[str, Any]]) -> str:
    parts = [content] if isinstance(content, str) else [part["text"] for part in content if part.get("type") == "text"]
    return " ".join(parts)


def drop(request: web.Request) -> None:
    """End the connection with a reset instead of a goodbye. Raises ConnectionResetError, which ends the handler too."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    raise ConnectionResetError


@contextlib.asynccontextmanager
async def serving(server: ModelServer, port: int = 0) -> AsyncIterator[ModelServer]:
    """Serve in the running loop."""
    runner = web.AppRunner(server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def served_from_thread(server: ModelServer, port: int = 0) -> Iterator[ModelServer]:
    """Serve from a thread with a loop of its own, for tests whose client is another process or has no loop."""
    ready, stop = Event(), []

    async def main() -> None:
        stop.append((asyncio.get_running_loop(), asyncio.Event()))
        async with serving(server, port):
            ready.set()
            await stop[0][1].wait()

    thread = Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("the simulated model server did not start")
    try:
        yield server
    finally:
        loop, event = stop[0]
        loop.call_soon_threadsafe(event.set)
        thread.join(10)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", default="deepseek-ai/DeepSeek-OCR")
    parser.add_argument("--grammar", choices=(*MODELS, *VLM_MODELS), default="deepseek")
    parser.add_argument("--ready-file", type=Path, help="Gets the address as soon as the server answers.")
    parser.add_argument("--tokens", type=int, default=300, help="Length of an answer.")
    parser.add_argument("--most-waiting", type=int, help="Answer 503 when so many wait.")
    for name, default in asdict(Speed()).items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    return parser.parse_args()


async def _main(arguments: argparse.Namespace) -> None:
    speed = Speed(**{name: getattr(arguments, name) for name in asdict(Speed())})
    server = ModelServer(
        arguments.model, arguments.grammar, speed, tokens=arguments.tokens, most_waiting=arguments.most_waiting
    )
    async with serving(server, arguments.port):
        if arguments.ready_file is not None:
            draft = arguments.ready_file.with_suffix(".draft")
            draft.write_text(server.url)
            draft.replace(arguments.ready_file)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(_arguments()))
