"""Say who a caller is and what it may do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["process", "read", "extract", "admin"]
"""What a key may do: send and end documents, see its owner's documents and results, extract fields, and run the service."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""All scopes, in the order in which they are shown."""
Actor = Literal["anyone", "key", "user", "operator"]
"""What a caller proved: nothing (while no keys are needed), an API key, a token of a login provider, to be the operator."""

OWNER_PATTERN = r"[a-z0-9][a-z0-9._-]{0,63}"
"""Pattern of the name of an owner: it is part of Redis keys and of storage keys."""
RESERVED_OWNERS = frozenset({"active", "queued", "expiring", "deleting", "rereading", "endings", "read", "me"})
"""Names that no owner may have: in Redis, ``jobs:{owner}`` would be a key that the service itself uses."""
DEFAULT_TIER = "key"
"""The tier of a key that names none."""
NO_TIER = ""
"""The tier of a caller without a key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: whose documents are meant, and what it may do with them."""

    owner: str
    actor: Actor
    scopes: frozenset[Scope]
    key_id: str = ""
    """Empty for a caller without a key."""
    tier: str = NO_TIER
    origins: tuple[str, ...] = ()
    """Origins whose pages may use the key, instead of those of CORS_ORIGINS; empty if it names none."""
    valid_until: float | None = None
    """When the proof ends, in seconds since 1970; None if it is asked whether it still works, or it does not end."""

    @property
    def is_admin(self) -> bool:
        """Return whether the caller may do what the operator may."""
        return "admin" in self.scopes

    def may(self, scope: Scope) -> bool:
        """Return whether the caller has this scope. ``admin`` includes all others."""
        return scope in self.scopes or self.is_admin

    def may_see(self, owner: str) -> bool:
        """Return whether the caller may see what belongs to this owner."""
        return owner == self.owner or self.is_admin


def is_owner_name(text: str) -> bool:
    """Return whether an owner may have this name."""
    return bool(re.fullmatch(OWNER_PATTERN, text)) and text not in RESERVED_OWNERS
