"""Rules of routes that are compiled late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class LateRule(Rule):
    """A rule that compiles what builds its addresses when one is first built.

    Werkzeug compiles two functions for each rule as it is added, which is more than half of the time that an app takes to be
    created; ``url_for`` ever asks for few of them.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """Return a function that compiles Werkzeug's own at its first call, and calls it."""
        compiled: Callable[..., tuple[str, str]] | None = None

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = super(LateRule, self)._compile_builder(append_unknown)
            return compiled(rule, **values)

        return build
