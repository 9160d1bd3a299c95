"""The Lua scripts: each is one step that no crash can cut in two."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from document_parser.jobs.redis.connection import Redis


@cache
def source(name: str) -> str:
    """The script with what all scripts share in front of it."""
    return "\n".join((files("document_parser.jobs.redis") / "lua" / f"{part}.lua").read_text() for part in ("common", name))


def run(redis: Redis, name: str, *arguments: Any) -> Any:
    """Run a script once. Whoever runs it again and again registers it."""
    return redis.register_script(source(name))(args=list(arguments))
