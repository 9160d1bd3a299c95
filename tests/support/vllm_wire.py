"""The shapes in which the simulated model server answers: those of vLLM 0.32 (vllm_facts.json)."""

from __future__ import annotations

import time
from typing import Any

VERSION = "0.32.0"
FINGERPRINT = f"vllm-{VERSION}-5111ed00"
FINISHES = ("stop", "length", "abort", "error", "repetition")
PERMISSION = {
    "id": "modelperm-1",
    "object": "model_permission",
    "created": 0,
    "allow_create_engine": False,
    "allow_sampling": True,
    "allow_logprobs": True,
    "allow_search_indices": False,
    "allow_view": True,
    "allow_fine_tuning": False,
    "organization": "*",
    "group": None,
    "is_blocking": False,
}
SPEECH = dict.fromkeys(("refusal", "annotations", "audio", "function_call", "reasoning"))
DETAILS = dict.fromkeys(("prompt_tokens_details", "completion_tokens_details"))
EXTRAS = dict.fromkeys(
    ("prompt_logprobs", "prompt_token_ids", "prompt_text", "kv_transfer_params", "ec_transfer_params", "metrics")
)


def models(model: str, context: int) -> dict[str, Any]:
    now = int(time.time())
    entry = {"id": model, "object": "model", "created": now, "owned_by": "vllm", "root": model, "parent": None}
    return {"object": "list", "data": [{**entry, "max_model_len": context, "permission": [PERMISSION | {"created": now}]}]}


def metrics(model: str, running: int, waiting: int, usage: float, ended: dict[str, int]) -> str:
    label = f'engine="0",model_name="{model}"'
    lines = [
        f"vllm:num_requests_running{{{label}}} {float(running)}",
        f"vllm:num_requests_waiting{{{label}}} {float(waiting)}",
        f"vllm:kv_cache_usage_perc{{{label}}} {usage}",
        f"vllm:num_preemptions_total{{{label}}} 0.0",
    ]
    for reason in FINISHES:
        named = f'engine="0",finished_reason="{reason}",model_name="{model}"'
        lines.append(f"vllm:request_success_total{{{named}}} {float(ended.get(reason, 0))}")
    return "\n".join(lines) + "\n"


def frame(model: str, number: int, kind: str) -> dict[str, Any]:
    """What an answer, and every chunk of one, begins with."""
    return {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time()), "model": model}


def usage_of(prompt: int, said: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "total_tokens": prompt + said, "completion_tokens": said}


def whole(text: str, finish: str, usage: dict[str, int]) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, **SPEECH}
    choice = {"index": 0, "message": message, "logprobs": None, **_end(finish), "routed_experts": None}
    fingerprint = {"service_tier": None, "system_fingerprint": FINGERPRINT}
    return {"choices": [choice], **fingerprint, "usage": usage | DETAILS, **EXTRAS}


def first_chunk() -> dict[str, Any]:
    delta = {"role": "assistant", "content": ""}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return {"choices": [choice], "prompt_token_ids": None, "prompt_text": None}


def text_chunk(text: str, finish: str | None = None) -> dict[str, Any]:
    """A piece of the answer. The last one carries the finish reason: an empty one after "stop", the last words at "length"."""
    end = _end(finish) if finish else {"finish_reason": None, "token_ids": None}
    return {"choices": [{"index": 0, "delta": {"content": text}, "logprobs": None, **end}]}


def usage_chunk(usage: dict[str, int]) -> dict[str, Any]:
    return {"choices": [], "usage": usage, "system_fingerprint": FINGERPRINT}


def _end(finish: str) -> dict[str, Any]:
    return {"finish_reason": finish, "stop_reason": None, "token_ids": None}
