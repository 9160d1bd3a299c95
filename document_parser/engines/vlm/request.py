"""Build the request to an OpenAI-compatible server: the prompt and the page image."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from document_parser.models import PageKind

NO_KEY = "EMPTY"
"""The API key that is sent to a server that wants none."""


@dataclass(frozen=True)
class ModelRequest:
    """Where a model is and what it is asked.

    ``extra`` are fields of the request that are not in OpenAI's protocol. ``additions`` are sentences added to the end of the
    prompt for pages of a kind.
    """

    url: str
    model: str
    prompt: str
    max_tokens: int
    temperature: float
    extra: dict[str, Any] = field(default_factory=dict)
    additions: dict[PageKind, str] = field(default_factory=dict)

    def body(self, jpeg: bytes, temperature: float, kind: PageKind = "plain") -> bytes:
        """Return the request for one image as JSON. The image comes before the prompt: the models were trained that way.

        The image is inserted after the rest is encoded: base64 needs no escaping, and a JSON encoder would read through it.
        """
        picture = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,"}}
        addition = self.additions.get(kind, "")
        prompt = f"{self.prompt} {addition}" if addition else self.prompt
        words = [{"type": "text", "text": prompt}] if prompt else []
        fields = {
            "messages": [{"role": "user", "content": [picture, *words]}],
            "model": self.model,
            "max_tokens": self.max_tokens,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self.extra,
        }
        head, mark, tail = json.dumps(fields).encode().partition(b"base64,")
        return b"".join((head, mark, base64.b64encode(jpeg), tail))
