"""Idle cores: taken only while the machine has some, by one at a time, and given back when others need them."""

from __future__ import annotations

import asyncio

import pytest

from document_parser.engines.cpu_slots import LOOK_SECONDS, IdleCores
from document_parser.settings import cores

GIVEN_UP_SECONDS = 3 * LOOK_SECONDS


class Machine:
    """A file as the system writes it, with the ticks that all cores were busy and idle."""

    def __init__(self, path):
        self.path, self.busy, self.idle = path, 0, 0
        self.passes(busy=0, idle=0)

    def passes(self, busy, idle):
        self.busy, self.idle = self.busy + busy, self.idle + idle
        self.path.write_text(f"cpu  {self.busy} 0 0 {self.idle} 0 0 0 0 0 0\n")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "stat")


async def takes(idle_cores):
    """Whether a core is taken before one gives up."""
    try:
        async with asyncio.timeout(GIVEN_UP_SECONDS):
            await idle_cores.__aenter__()
    except TimeoutError:
        return False
    return True


def test_no_core_is_taken_while_all_are_busy(tmp_path, machine):
    async def main():
        idle_cores = IdleCores(tmp_path / "cores", machine.path)
        machine.passes(busy=1000, idle=0)
        return await takes(idle_cores)

    assert not asyncio.run(main())


@pytest.mark.skipif(cores() < 2, reason="on one core none is idle beside what others need")
def test_an_idle_core_is_taken_by_one_at_a_time(tmp_path, machine):
    async def main():
        every = [IdleCores(tmp_path / "cores", machine.path) for _ in range(cores())]
        machine.passes(busy=0, idle=1000)
        taken = [await takes(one) for one in every]
        await every[0].__aexit__(None, None, None)
        machine.passes(busy=0, idle=1000)
        return taken, await takes(every[-1])

    assert asyncio.run(main()) == ([True] * (cores() - 1) + [False], True)


@pytest.mark.skipif(cores() < 2, reason="on one core none is idle beside what others need")
def test_a_core_is_needed_when_the_others_are_busy(tmp_path, machine):
    async def main():
        idle_cores = IdleCores(tmp_path / "cores", machine.path)
        machine.passes(busy=0, idle=1000)
        assert await takes(idle_cores)
        assert not idle_cores.are_needed()
        machine.passes(busy=1000, idle=0)
        await asyncio.sleep(LOOK_SECONDS)
        return idle_cores.are_needed()

    assert asyncio.run(main())


def test_without_a_folder_for_the_locks_no_core_is_taken(tmp_path, machine):
    async def main():
        idle_cores = IdleCores(tmp_path / "absent" / "cores", machine.path)
        machine.passes(busy=0, idle=1000)
        return await takes(idle_cores)

    assert not asyncio.run(main())
