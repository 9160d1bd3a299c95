"""Load and run the Lua scripts of ``lua/``. Redis runs each of them as one step that no crash can interrupt."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from document_parser.jobs.redis.connection import Redis


@cache
def script_text(name: str) -> str:
    """Return the text of a script, with the functions of ``common.lua`` in front."""
    return "\n".join((files("document_parser.jobs.redis") / "lua" / f"{part}.lua").read_text() for part in ("common", name))


def run_script(redis: Redis, name: str, *arguments: Any) -> Any:
    """Run a script once and return its reply. Raises RedisError.

    Every call registers the script anew; a holder that runs scripts repeatedly uses ``Scripts``.
    """
    return redis.register_script(script_text(name))(args=list(arguments))


class Scripts:
    """Runs scripts for one holder: each is sent to Redis once and called by its hash afterwards."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._registered: dict[str, Any] = {}

    def run(self, name: str, *arguments: Any) -> Any:
        """Run a script as one step and return its reply. Raises RedisError."""
        script = self._registered.get(name)
        if script is None:
            script = self._registered[name] = self._redis.register_script(script_text(name))
        return script(args=arguments)
