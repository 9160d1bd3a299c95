"""Keep who sends the current request. ``auth`` finds it out before anything of the request is read."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import g

from document_parser.accounts.identity import Identity, is_owner_name
from document_parser.errors import InvalidOption, KeyRevoked, ScopeMissing


def identity() -> Identity:
    """Return the caller of this request. A route for anyone has none, and must not ask."""
    found: Identity = g.identity
    return found


def asked_owner(name: str) -> str:
    """Return whose things a list shows: those of the caller's owner, or for admins those of the owner that they name.

    Raises ScopeMissing, and InvalidOption for a name that no owner can have.
    """
    caller = identity()
    if name and not caller.may_see(name):
        raise ScopeMissing.for_scope("admin", caller.scopes)
    if name and not is_owner_name(name):
        raise InvalidOption.for_fields({"field": "owner", "problem": "is no name of an owner"})
    return name or caller.owner


def find_identity() -> Identity | None:
    """Return the caller of this request; None before it is known, and where anyone may ask."""
    found: Identity | None = g.get("identity")
    return found


def set_identity(found: Identity, is_valid: Callable[[], bool] = lambda: True) -> None:
    """Note who sends this request. ``is_valid`` returns whether the proof is still good; answers that last for long ask it."""
    g.identity, g.proof_is_valid = found, is_valid
    if found.key_id:
        structlog.contextvars.bind_contextvars(user_id=found.key_id)


def check_proof() -> None:
    """Refuse a request whose key was revoked while its body came. Raises KeyRevoked."""
    if not proof_check()():
        raise KeyRevoked()


def proof_check() -> Callable[[], bool]:
    """Return a function that says whether this request's proof is still good, for use after the request's context has ended."""
    found: Callable[[], bool] = g.get("proof_is_valid", lambda: True)
    return found
