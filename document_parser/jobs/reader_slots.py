"""Limit how many readers run: each slot is free, reserved for a reader that is enqueued, or held by a running reader."""

from __future__ import annotations

from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.redis.scripts import Scripts


class ReaderSlots:
    """The slots of all machines on one Redis. Every method raises RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._run = Scripts(redis).run

    def reserve(self, names: list[str]) -> list[int]:
        """Reserve free slots for readers with these RQ ids. Return their numbers (from 1); none while no page is ready.

        There are as many slots as names.
        """
        return [int(slot) for slot in self._run("reserve_slots", len(names), *names)]

    def enter(self, slot: int, actor: str) -> bool:
        """Take the slot that was reserved for this reader. Return False if another living reader holds it."""
        return bool(self._run("enter_slot", slot, actor))

    def retire(self, slot: int, actor: str, *, leave_work: bool) -> bool:
        """Free the slot. Return False if pages have become ready meanwhile and the reader must go on.

        With ``leave_work`` the slot is freed even so.
        """
        return bool(self._run("retire_slot", slot, actor, int(leave_work)))

    def free(self, slot: str, holder: str) -> bool:
        """Free a slot whose holder is gone. Return False if another reader has taken it meanwhile."""
        return bool(self._run("free_slot", slot, holder))
