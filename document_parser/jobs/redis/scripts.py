"""Load and run the Lua scripts of ``lua/``. Redis runs each of them as one step that no crash can interrupt."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from redis.commands.core import Script

from document_parser.jobs.redis.connection import Redis


@cache
def script_text(name: str) -> str:
    """Return the text of a script, with the functions of ``common.lua`` in front."""
    return "\n".join((files("document_parser.jobs.redis") / "lua" / f"{part}.lua").read_text() for part in ("common", name))


@cache
def _script(name: str) -> Script:
    """Return a script with its hash, for any client: to compute that of thirty kilobytes at each call would be felt."""
    return Script(None, script_text(name).encode())  # type: ignore[arg-type]  # the client is named at each call


def run_script(redis: Redis, name: str, *arguments: Any) -> Any:
    """Run a script once and return its reply. It is sent to Redis only if Redis does not know it. Raises RedisError."""
    return _script(name)(args=arguments, client=redis)


class Scripts:
    """Runs scripts with one client."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def run(self, name: str, *arguments: Any) -> Any:
        """Run a script as one step and return its reply. Raises RedisError."""
        return run_script(self._redis, name, *arguments)
