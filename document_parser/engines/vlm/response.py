"""Parse a model server's response: the chunks of a stream, or the refusal sent instead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from document_parser.engines.base import Watch
from document_parser.errors import ContextExceeded, EngineError, EngineRefused, EngineUnavailable
from document_parser.models import FinishReason

WATCH_CHARACTERS = 100
"""How many characters an answer grows between two calls of the watch."""
FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "repetition": "loop"}
"""Finish reasons by vLLM's name. Any other ("abort", "error") means that the model did not end the answer itself."""


@dataclass
class Answer:
    """A streamed answer as it grows.

    ``length`` counts its characters, ``watched`` those that it had when the watch was last called.
    """

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    watched: int = 0
    finish_reason: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def text(self) -> str:
        """Return the text so far."""
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""

    def take(self, chunk: object) -> None:
        """Add one chunk of the stream. A chunk of unknown shape adds nothing."""
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
        """Call the watch if the text has grown enough since its last call, and return whether it asks to stop."""
        if watch is None or self.length - self.watched < WATCH_CHARACTERS:
            return False
        self.watched = self.length
        return watch(self.text) is not None


def refusal_of(status: int, message: str, model: str) -> EngineError:
    """Return the error for a response with this HTTP status; 0 if it is not known.

    ``message`` may quote the document, so no part of it is passed on.
    """
    match status:
        case 404 if "model" in message.lower():
            return EngineUnavailable(f"The model server does not serve the model {model}.")
        case 404:
            return EngineUnavailable(f"The address of {model} does not belong to an OpenAI server. It should end in /v1.")
        case 401 | 403:
            return EngineUnavailable("The model server does not accept VLLM_API_KEY.")
        case 429 | 502 | 503 | 504:
            return EngineUnavailable(f"The model server is overloaded or starting (HTTP {status}).")
        case 400 if found := re.search(r"(?:maximum context length|max_model_len)\D{0,20}(\d{1,9})?", message):
            return ContextExceeded(limit_tokens=int(found[1]) if found[1] else None)
    return EngineRefused(f"The model server refused the page (HTTP {status})." if status else None, server_status=status)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def status_of(body: dict[str, Any]) -> int:
    """Return the status of an error inside the stream, where HTTP can no longer report it; 0 if there is none.

    A full queue is reported this way, for example.
    """
    code = body.get("code")
    return code if isinstance(code, int) else 0
