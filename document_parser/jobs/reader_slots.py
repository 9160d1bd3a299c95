"""Which readers run: a fixed number of slots, each free, called under an RQ id, or held by a reader."""

from __future__ import annotations

from document_parser.jobs.redis.connection import Redis
from document_parser.jobs.redis.scripts import Scripts


class ReaderSlots:
    """The slots of all machines on one Redis. Every method raises RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._run = Scripts(redis).run

    def call(self, names: list[str]) -> list[int]:
        """Which of the readers' slots (from 1) were free and are now called under these RQ ids."""
        return [int(slot) for slot in self._run("ring", len(names), *names)]

    def enter(self, slot: int, actor: str) -> bool:
        """Take the slot that this reader was called for. False if it is another's by now."""
        return bool(self._run("enter", slot, actor))

    def retire(self, slot: int, actor: str, *, leave_work: bool) -> bool:
        """Free the slot; False where pages have become ready meanwhile and the reader must go on."""
        return bool(self._run("retire", slot, actor, int(leave_work)))

    def free(self, slot: str, holder: str) -> bool:
        """Free a slot whose holder is gone. False if another has taken it meanwhile."""
        return bool(self._run("free_slot", slot, holder))
