"""A small real HTTP server that speaks vLLM's protocol and answers by the stamp on the picture it is sent.

Stands in for the model servers in tests and benchmarks: ``python -m tests.vllm_server --help``. Which page was sent is read
from the picture (stamp.py), what is said comes from vllm_answers.py, how fast from vllm_batching.py. How the real server
behaves was measured with vLLM's own server code: both shapes of 404, 400 for the client's faults, a connection reset on the
next request after a 500, and an abort within a tick when the client disconnects.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import contextlib
import hashlib
import json
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from weakref import WeakSet

from aiohttp import web

from tests.stamp import read_stamp
from tests.vllm_answers import SPECIAL, Grammar, answer_for, garbage_for, loop_for, tokens_of
from tests.vllm_batching import Batch, Sequence, Speed

BEHAVIOURS = {"ok", "stall", "slow", "reset", "fail_500", "fail_503", "refuse_400", "context_400"}
BEHAVIOURS |= {"loop", "truncate", "empty", "garbage"}
PICTURE_TOKENS = 900
CONTEXT = {"deepseek": 8192, "nanonets": 32768}
XARGS = {"ngram_size": int, "window_size": int, "whitelist_token_ids": list}
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


class Refusal(Exception):
    """An error answer in vLLM's shape."""

    def __init__(self, status: int, message: str, kind: str = "BadRequestError", param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


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
    counts: dict[str, int] = field(default_factory=lambda: {"stop": 0, "length": 0, "abort": 0})
    probes: int = 0

    def __post_init__(self) -> None:
        self.doomed: WeakSet[asyncio.BaseTransport] = WeakSet()

    # --- commands ---------------------------------------------------------------------------------------------------

    def script(self, *steps: str, stamp: int | str = "*", sticky: bool = False) -> None:
        """Say what happens to the next requests for a stamp, or for any ("*")."""
        unknown = set(steps) - BEHAVIOURS
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

    def _step(self, stamp: int | None) -> str:
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
        except web.HTTPNotFound:
            return web.json_response({"detail": "Not Found"}, status=404)

    async def _models(self, request: web.Request) -> web.Response:
        self.probes += 1
        entry = {"id": self.model, "object": "model", "owned_by": "vllm", "max_model_len": CONTEXT[self.grammar]}
        return web.json_response({"object": "list", "data": [entry]})

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _metrics(self, request: web.Request) -> web.Response:
        label = f'{{model_name="{self.model}"}}'
        lines = [
            f"vllm:num_requests_running{label} {len(self.batch.running)}",
            f"vllm:num_requests_waiting{label} {len(self.batch.waiting)}",
            f"vllm:kv_cache_usage_perc{label} {len(self.batch.running) / self.speed.sequences:.4f}",
            f"vllm:num_preemptions_total{label} 0",
        ]
        for reason, count in self.counts.items():
            lines.append(f'vllm:request_success_total{{finished_reason="{reason}",model_name="{self.model}"}} {count}')
        return web.Response(text="\n".join(lines) + "\n")

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
            raise Refusal(400, "There was an error parsing the body") from None
        stamp, key = self._checked(body)
        entry = Asked(stamp, time.time(), body.get("temperature"), self._step(stamp), body.get("max_tokens", 0))
        self.log.append(entry)
        try:
            self._refuse(entry.outcome)
            response = await self._answer(request, body, key, entry.outcome)
        except (asyncio.CancelledError, ConnectionError):
            self._ended(entry, "aborted", "abort")
            raise
        except Refusal:
            self._ended(entry, "refused")
            raise
        self._ended(entry, "finished", "length" if entry.outcome == "truncate" else "stop")
        return response

    def _ended(self, entry: Asked, state: str, reason: str = "") -> None:
        entry.state = state
        if reason:
            self.counts[reason] += 1

    def _checked(self, body: dict[str, Any]) -> tuple[int | None, int]:
        """The stamp of the request's picture, and the number its answer is made of. Raises Refusal."""
        if body.get("model") != self.model:
            raise Refusal(404, f"The model `{body.get('model')}` does not exist.", "NotFoundError", "model")
        check_arguments(body.get("vllm_xargs") or {})
        picture = picture_of(body)
        limit = CONTEXT[self.grammar]
        if PICTURE_TOKENS + body.get("max_tokens", 0) > limit:
            raise Refusal(400, context_message(limit, body["max_tokens"]), param="max_tokens")
        try:
            stamp = read_stamp(picture)
        except (OSError, SyntaxError):
            raise Refusal(400, "Failed to load image: cannot identify image file") from None
        key = stamp if stamp is not None else int.from_bytes(hashlib.sha256(picture).digest()[:4], "big")
        return stamp, key

    def _refuse(self, outcome: str) -> None:
        """Answer with the error that was ordered, or that the load asks for."""
        full = self.most_waiting is not None and len(self.batch.waiting) >= self.most_waiting
        match "fail_503" if full else outcome:
            case "fail_500":
                raise Refusal(500, "Internal server error", "InternalServerError")
            case "fail_503":
                raise Refusal(503, "Service Unavailable", "ServiceUnavailableError")
            case "refuse_400":
                raise Refusal(400, "At most 1 image(s) may be provided in one prompt.")
            case "context_400":
                raise Refusal(400, context_message(CONTEXT[self.grammar], 0), param="input_tokens")

    async def _answer(self, request: web.Request, body: dict[str, Any], key: int, outcome: str) -> web.StreamResponse:
        sequence = Sequence(self._pieces(body, key, outcome), SLOWNESS if outcome == "slow" else 1.0)
        self.batch.add(sequence)
        try:
            talk = self._stream if body.get("stream") else self._whole
            return await talk(request, body, sequence, outcome)
        finally:
            self.batch.remove(sequence)

    def _pieces(self, body: dict[str, Any], key: int, outcome: str) -> list[str]:
        limit = body.get("max_tokens") or CONTEXT[self.grammar]
        match outcome:
            case "empty":
                text = ""
            case "garbage":
                text = garbage_for(key)
            case "loop":
                text = loop_for(key, self.grammar, limit)
            case _:
                text = answer_for(key, self.grammar, self.tokens)
        if body.get("skip_special_tokens", True):
            text = SPECIAL.sub("", text) if self.grammar == "deepseek" else text
        pieces = tokens_of(text)
        return pieces[: len(pieces) // 2 if outcome == "truncate" else limit]

    async def _whole(self, request: web.Request, body: dict[str, Any], sequence: Sequence, outcome: str) -> web.Response:
        while await sequence.chunks.get() is not None:
            pass
        message = {"role": "assistant", "content": "".join(sequence.pieces)}
        choice = {"index": 0, "message": message, "finish_reason": finish_reason(body, sequence, outcome)}
        return web.json_response({**self._frame("chat.completion"), "choices": [choice], "usage": usage_of(sequence)})

    async def _stream(self, request: web.Request, body: dict[str, Any], sequence: Sequence, outcome: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        frame = self._frame("chat.completion.chunk")
        await send(response, frame, choices=[delta({"role": "assistant", "content": ""})])
        sent = 0
        while (text := await sequence.chunks.get()) is not None:
            await send(response, frame, choices=[delta({"content": text})])
            sent += 1
            if outcome == "stall" or (outcome == "reset" and sent == 2):
                await self._break_off(request, sequence, outcome)
        await send(response, frame, choices=[delta({}, finish_reason(body, sequence, outcome))])
        if (body.get("stream_options") or {}).get("include_usage"):
            await send(response, frame, choices=[], usage=usage_of(sequence))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _break_off(self, request: web.Request, sequence: Sequence, outcome: str) -> None:
        self.batch.remove(sequence)
        if outcome == "reset":
            drop(request)
        await asyncio.Event().wait()

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{len(self.log)}", "object": kind, "created": int(time.time()), "model": self.model}


def check_arguments(given: dict[str, Any]) -> None:
    """Refuse what the DeepSeek logits processor would: unknown names, text for numbers, numbers below 1."""
    for name, value in given.items():
        kind = XARGS.get(name)
        if kind is None or not isinstance(value, kind) or (kind is int and value < 1):
            raise Refusal(400, f"Invalid vllm_xargs: {name}")


def picture_of(body: dict[str, Any]) -> bytes:
    """The one picture of a request's one user message. Raises Refusal."""
    messages = body.get("messages")
    if not isinstance(messages, list) or [message.get("role") for message in messages] != ["user"]:
        raise Refusal(400, "Conversation roles must alternate user/assistant/user/assistant/...")
    parts = messages[0].get("content")
    urls = [part["image_url"]["url"] for part in parts if part.get("type") == "image_url"] if isinstance(parts, list) else []
    if len(urls) != 1 or not urls[0].startswith("data:image/"):
        raise Refusal(400, "At most 1 image(s) may be provided in one prompt.")
    try:
        return base64.b64decode(urls[0].partition("base64,")[2], validate=True)
    except binascii.Error:
        raise Refusal(400, "Invalid base64-encoded string") from None


def context_message(limit: int, asked: int) -> str:
    return (
        f"'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's maximum context length is {limit} tokens "
        f"and your request has {PICTURE_TOKENS} input tokens ({asked} > {limit} - {PICTURE_TOKENS})."
    )


def finish_reason(body: dict[str, Any], sequence: Sequence, outcome: str) -> str:
    cut = outcome == "truncate" or len(sequence.pieces) == body.get("max_tokens")
    return "length" if cut else "stop"


def usage_of(sequence: Sequence) -> dict[str, int]:
    said = len(sequence.pieces)
    return {"prompt_tokens": PICTURE_TOKENS, "completion_tokens": said, "total_tokens": PICTURE_TOKENS + said}


def delta(content: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": content, "logprobs": None, "finish_reason": finish}


async def send(response: web.StreamResponse, frame: dict[str, Any], **more: Any) -> None:
    await response.write(b"data: " + json.dumps({**frame, **more}).encode() + b"\n\n")


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
    parser.add_argument("--grammar", choices=("deepseek", "nanonets"), default="deepseek")
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
