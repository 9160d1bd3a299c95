"""Requests to a model server, good and bad, and what is worth knowing of the answers.

The same cases go to the real server and to the simulated one. What the real one answered is kept in vllm_facts.json, without
what changes from run to run, so that the simulation is held to it where no real server is at hand. After a new version of
vLLM: ``python -m tests.support.vllm_cases deepseek http://127.0.0.1:4444 nanonets http://127.0.0.1:4445``.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image

from tests.support.vllm_answers import MODELS, Grammar
from tests.support.vllm_refusals import CONTEXT

FACTS = Path(__file__).with_name("vllm_facts.json")
CHAT = "/v1/chat/completions"
METRICS = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:num_preemptions_total",
    "vllm:request_success_total",
)
Facts = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A request, named by what is odd about it. ``body`` makes the JSON, or the bytes, for a model."""

    name: str
    body: Callable[[Grammar], Any] | None = None
    method: str = "POST"
    path: str = CHAT
    only: Grammar | None = None

    def content(self, grammar: Grammar) -> bytes | None:
        made = self.body(grammar) if self.body else None
        return made if made is None or isinstance(made, bytes) else json.dumps(made).encode()


def chat(*pictures: bytes, **more: Any) -> Callable[[Grammar], dict[str, Any]]:
    """A request with these pictures; without one it is answered at once, and in the same shape."""
    return lambda grammar: {
        "model": MODELS[grammar],
        "messages": [{"role": "user", "content": [*map(picture_part, pictures), {"type": "text", "text": "Read."}]}],
        "max_tokens": 200,
        "temperature": 0,
        **more,
    }


def picture_part(data: bytes) -> dict[str, Any]:
    url = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    return {"type": "image_url", "image_url": {"url": url}}


def without(key: str) -> Callable[[Grammar], dict[str, Any]]:
    return lambda grammar: {name: value for name, value in chat()(grammar).items() if name != key}


def with_bad_base64(grammar: Grammar) -> dict[str, Any]:
    body = chat(b"")(grammar)
    body["messages"][0]["content"][0]["image_url"]["url"] = "data:image/jpeg;base64,%%%"
    return body


def long_prompt(**more: Any) -> Callable[[Grammar], dict[str, Any]]:
    return lambda grammar: chat(**more)(grammar) | {"messages": [{"role": "user", "content": "word " * CONTEXT[grammar]}]}


@cache
def picture(width: int = 300, height: int = 400, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), "white").save(file, kind)
    return file.getvalue()


@cache
def huge_picture() -> bytes:
    """More pixels than a picture may have that is not taken for an attack."""
    return picture(13_400, 13_400, "PNG", "1")


USAGE = {"include_usage": True}

CASES = [
    Case("whole answer", chat()),
    Case("streamed answer", chat(picture(), stream=True, stream_options=USAGE, skip_special_tokens=False)),
    Case("streamed without usage", chat(stream=True)),
    Case("streamed, cut at max_tokens", chat(stream=True, stream_options=USAGE, max_tokens=3)),
    Case("whole, cut at max_tokens", chat(max_tokens=3)),
    Case("two pictures", chat(picture(), picture()), only="nanonets"),
    Case("no model named", without("model")),
    Case("no max_tokens", without("max_tokens")),
    Case("unknown field", chat(no_such_field=1)),
    Case("another model", chat(model="another/model")),
    Case("another model, streamed", chat(model="another/model", stream=True)),
    Case("no JSON", lambda grammar: b'{"model": '),
    Case("no messages", without("messages")),
    Case("empty conversation", chat(messages=[])),
    Case("two user messages", chat(messages=[{"role": "user", "content": "Read."}] * 2)),
    Case("truncated picture", chat(picture()[:600])),
    Case("picture that is none", chat(b"no picture")),
    Case("bad base64", with_bad_base64),
    Case("thin picture", chat(picture(4000, 10)), only="nanonets"),
    Case("huge picture", lambda grammar: chat(huge_picture())(grammar)),
    Case("max_tokens beyond the context", chat(max_tokens=40_000)),
    Case("max_tokens that fills the context", lambda grammar: chat(max_tokens=CONTEXT[grammar])(grammar)),
    Case("max_tokens of 0", chat(max_tokens=0)),
    Case("prompt beyond the context", long_prompt()),
    Case("prompt beyond the context, streamed", long_prompt(stream=True)),
    Case("negative temperature", chat(temperature=-1)),
    Case("repetition_penalty of 1", chat(repetition_penalty=1.0)),
    Case("repetition_penalty of 0", chat(repetition_penalty=0)),
    Case("vllm_xargs", chat(vllm_xargs={"ngram_size": 30, "window_size": 90, "whitelist_token_ids": [128821, 128822]})),
    Case("vllm_xargs of unknown name", chat(vllm_xargs={"no_such_argument": 1})),
    Case("ngram_size of 0", chat(vllm_xargs={"ngram_size": 0})),
    Case("ngram_size as text", chat(vllm_xargs={"ngram_size": "30"})),
    Case("window_size of 0", chat(vllm_xargs={"ngram_size": 30, "window_size": 0})),
    Case("whitelist_token_ids as a number", chat(vllm_xargs={"ngram_size": 30, "whitelist_token_ids": 5})),
    Case("vllm_xargs nested", chat(vllm_xargs={"ngram_size": {"size": 30}})),
    Case("models", method="GET", path="/v1/models"),
    Case("health", method="GET", path="/health"),
    Case("version", method="GET", path="/version"),
    Case("load", method="GET", path="/load"),
    Case("unknown path", method="GET", path="/v1/nowhere"),
    Case("address without /v1", chat(), path="/chat/completions"),
    Case("chat by GET", method="GET"),
    Case("metrics", method="GET", path="/metrics"),
]

WHEN_BUSY = [Case("full queue", chat()), Case("full queue, streamed", chat(stream=True))]
"""For a server whose queue is full; written down by hand, under "busy"."""


def cases(grammar: Grammar) -> list[Case]:
    return [case for case in CASES if case.only in (None, grammar)]


def facts_of(case: Case, grammar: Grammar, root: str, key: str = "EMPTY") -> Facts:
    """Send a case and tell what came back."""
    content, headers = case.content(grammar), {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=root, timeout=300, trust_env=False) as client:
        answer = client.request(case.method, case.path, content=content, headers=headers)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    return {"status": answer.status_code, "content_type": kind, **_content(answer, kind)}


def _content(answer: httpx2.Response, kind: str) -> Facts:
    match kind:
        case "text/event-stream":
            return _stream(answer.text)
        case "application/json" if answer.is_success:
            body = answer.json()
            return {"body": shape(body), **_finish(body)}
        case "application/json":
            return {"body": general(answer.json())}
        case "text/plain":
            lines = [line.rpartition(" ") for line in answer.text.splitlines() if line.startswith(METRICS)]
            named = [(general(name), type(json.loads(value)).__name__) for name, _, value in lines]
            return {"metrics": [list(pair) for pair in named if pair[0].partition("{")[0] in METRICS]}
    return {"body": answer.text}


def _finish(body: Facts) -> Facts:
    return {"finish_reason": body["choices"][0]["finish_reason"]} if body.get("choices") else {}


def _stream(text: str) -> Facts:
    """The kinds of events in their order, the same in a row told once, and what an event of each kind holds."""
    order: list[str] = []
    shapes: Facts = {}
    for event in filter(None, text.split("\n\n")):
        data = event.removeprefix("data: ")
        chunk = {} if data == "[DONE]" else json.loads(data)
        kind = "end" if not chunk else _kind_of(chunk)
        shapes.setdefault(kind, general(chunk) if kind == "error" else shape(chunk))
        if order[-1:] != [kind]:
            order.append(kind)
    return {"events": order, "shapes": shapes}


def _kind_of(chunk: Facts) -> str:
    if "error" in chunk:
        return "error"
    if not chunk["choices"]:
        return "usage"
    choice = chunk["choices"][0]
    if choice["finish_reason"]:
        said = "with" if choice["delta"].get("content") else "without"
        return f"finish by {choice['finish_reason']}, {said} text"
    return "role" if "role" in choice["delta"] else "text"


def shape(value: Any) -> Any:
    """The names in a JSON value and the types of what they hold; of a list the first entry stands for all."""
    if isinstance(value, dict):
        return {name: shape(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value[:1]]
    return type(value).__name__


def general(value: Any) -> Any:
    """A JSON value without numbers, model names and all but the first line of a text."""
    if isinstance(value, dict):
        return {name: entry if name == "code" else general(entry) for name, entry in value.items()}
    if not isinstance(value, str):
        return value
    line = value.partition("\n")[0]
    for model in MODELS.values():
        line = line.replace(model, "MODEL")
    return re.sub(r"-?\b\d+(\.\d+)?", "N", line)


def recorded() -> dict[str, dict[str, Facts]]:
    """What the real server was seen to answer: grammar, then case, then facts."""
    found: dict[str, dict[str, Facts]] = json.loads(FACTS.read_text())
    return found


def record(roots: dict[Grammar, str]) -> None:
    """Write down anew what these servers answer."""
    facts = recorded()
    facts |= {grammar: {case.name: facts_of(case, grammar, root) for case in cases(grammar)} for grammar, root in roots.items()}
    lines = (f'"{grammar}": {{\n{_lines(told)}\n}}' for grammar, told in facts.items())
    FACTS.write_text("{" + ",\n".join(lines) + "}\n")


def _lines(told: dict[str, Facts]) -> str:
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in told.items())


if __name__ == "__main__":
    names = iter(sys.argv[1:])
    record(dict(zip(names, names, strict=True)))  # type: ignore[arg-type]
