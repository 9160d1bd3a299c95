"""Several servers of one model, and circuit breakers: who is asked, who is left alone, and how one comes back."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from redis import Redis

from document_parser.balancing.breaker import Breaker, LocalBreakers, Thresholds, record_answer, record_fault, start_probe
from document_parser.balancing.in_flight import Candidate, LocalInFlight
from document_parser.engines.registry import Engines
from document_parser.errors import EngineError, EngineUnavailable
from document_parser.jobs import gauges
from document_parser.jobs.redis import breakers, in_flight
from document_parser.jobs.redis.breakers import RedisBreakers
from document_parser.jobs.redis.in_flight import RedisInFlight
from document_parser.settings import DeepSeekSettings, EngineSettings, Settings
from tests.support.page_images import stamped_image
from tests.support.service import NOBODY, until, wait_until
from tests.support.vllm_batching import FAST, Speed
from tests.support.vllm_server import ModelServer, serving

RULE = Thresholds(faults=3, pause_seconds=10, probe_seconds=5)
SLOW = Speed(tokens_per_second=300, per_sequence=100, first_token=0.05)


class SetClock(LocalBreakers):
    """A switchboard whose clock the test sets."""

    moment = 1_000_000.0

    def now(self) -> float:
        return self.moment


def settings_for(*urls: str, **engines: float) -> Settings:
    engines = {
        "vllm_breaker_faults": 3,
        "vllm_connect_retries": 1,
        "vllm_probe_seconds": 0.0,
        "vllm_connect_seconds": 1.0,
        **engines,
    }
    return Settings(
        engines=EngineSettings(inference_mode="vllm", **engines),
        deepseek=DeepSeekSettings(url=" , ".join(urls)),
    )


@contextlib.asynccontextmanager
async def reading(settings, board=None):
    engines = Engines(settings, board)
    try:
        yield engines.get("deepseek")
    finally:
        await engines.aclose()


async def fail(engine, times: int) -> None:
    for _ in range(times):
        with pytest.raises(EngineError):
            await engine.read(stamped_image())


def state(breaker: Breaker, now: float) -> str:
    return breaker.state(now)


def test_a_breaker_opens_after_faults_in_a_row_and_lets_one_probe_through_after_its_pause():
    breaker = Breaker()
    for _ in range(2):
        breaker = record_fault(RULE)(breaker, 100)
    assert (state(breaker, 100), state(record_answer(breaker, 100), 100)) == ("closed", "closed")
    assert record_answer(breaker, 100).faults == 0
    breaker = record_fault(RULE)(breaker, 100)
    assert state(breaker, 109) == "open"
    assert not breaker.admits(109)
    assert breaker.admits(110)
    probing = start_probe(RULE)(breaker, 110)
    assert not probing.admits(111)
    assert probing.admits(115.1), "a probe that died is forgotten"
    assert state(record_answer(probing, 111), 111) == "closed"


def test_the_pause_doubles_at_each_failed_probe_up_to_eight_times():
    breaker, now, pauses = Breaker(), 100.0, []
    for _ in range(3):
        breaker = record_fault(RULE)(breaker, now)
    for _ in range(6):
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        breaker = record_fault(RULE)(start_probe(RULE)(breaker, now), now)
    assert pauses == [10, 20, 40, 80, 80, 80]


def test_what_was_in_flight_when_a_breaker_opened_does_not_open_it_longer():
    breaker = Breaker()
    for _ in range(20):
        breaker = record_fault(RULE)(breaker, 100)
    assert breaker.open_until == 110


@pytest.mark.parametrize("trouble", ["fail_500", "fail_503", "reset"])
def test_a_server_that_answers_probes_but_no_pages_is_left_alone_and_comes_back_with_one_page(trouble):
    async def main() -> None:
        board = SetClock()
        async with serving(ModelServer(speed=FAST)) as server, reading(settings_for(server.url), board) as engine:
            server.script(trouble, sticky=True)
            await fail(engine, 3)
            asked = len(server.log)
            assert not await engine.is_available()
            await fail(engine, 5)
            assert len(server.log) == asked, "an open breaker asks nothing"
            board.moment += 20
            assert await engine.is_available()
            await fail(engine, 1)
            assert len(server.log) > asked
            assert not await engine.is_available()
            board.moment += 40
            server.scripts.clear()
            both = await asyncio.gather(engine.read(stamped_image()), engine.read(stamped_image()), return_exceptions=True)
            assert sorted(isinstance(one, EngineUnavailable) for one in both) == [False, True], "one probe at a time"
            assert (await engine.read(stamped_image())).engine == "deepseek"

    asyncio.run(main())


def test_a_page_that_the_server_refuses_opens_no_breaker():
    async def main() -> None:
        async with serving(ModelServer(speed=FAST)) as server, reading(settings_for(server.url)) as engine:
            server.script("refuse_400", sticky=True)
            await fail(engine, 8)
            assert len(server.log) == 8
            assert await engine.is_available()

    asyncio.run(main())


def test_a_dead_replica_is_skipped_and_no_page_notices():
    async def main() -> None:
        async with serving(ModelServer(speed=FAST)) as server, reading(settings_for(NOBODY, server.url)) as engine:
            for _ in range(6):
                assert (await engine.read(stamped_image())).finish_reason == "stop"
            assert len(server.log) == 6
            assert await engine.is_available()

    asyncio.run(main())


def test_a_page_goes_on_at_another_replica_when_its_server_dies_under_it():
    async def main() -> None:
        async with serving(ModelServer(speed=SLOW)) as living, contextlib.AsyncExitStack() as stack:
            dying = await stack.enter_async_context(serving(ModelServer(speed=SLOW)))
            async with reading(settings_for(dying.url, living.url)) as engine:
                pages = [asyncio.create_task(engine.read(stamped_image(stamp))) for stamp in range(8)]
                await until(lambda: bool(dying.log) and len(dying.log) + len(living.log) == 8)
                await stack.aclose()
                found = await asyncio.gather(*pages)
            assert [one.finish_reason for one in found] == ["stop"] * 8
            assert len(living.log) == 8

    asyncio.run(main())


def test_pages_go_to_the_replica_with_the_least_to_do_by_our_own_count_and_by_theirs():
    async def main() -> None:
        servers = serving(ModelServer(speed=SLOW)), serving(ModelServer(speed=SLOW))
        async with servers[0] as one, servers[1] as two:  # noqa: SIM117
            async with reading(settings_for(one.url)) as other, reading(settings_for(one.url, two.url)) as engine:
                # Somebody else keeps the first busy: only its /metrics tells.
                theirs = [asyncio.create_task(other.read(stamped_image())) for _ in range(6)]
                await until(lambda: len(one.batch.running) == 6)
                ours = [asyncio.create_task(engine.read(stamped_image(stamp))) for stamp in range(10)]
                await until(lambda: len(one.log) + len(two.log) == 16)
                assert (len(one.log), len(two.log)) == (8, 8)
                await asyncio.gather(*theirs, *ours)

    asyncio.run(main())


def test_requests_of_all_readers_are_counted_and_those_of_one_that_was_killed_go_by_themselves(redis):
    servers = ["deepseek a", "deepseek b"]
    candidates = [Candidate(server) for server in servers]
    one, killed = RedisInFlight(redis, 60), RedisInFlight(redis, 0.2)
    for number in range(3):
        one.enter(f"one-{number}", candidates)
        killed.enter(f"killed-{number}", candidates)
    assert in_flight.count_requests(redis, servers) == {"deepseek a": 3, "deepseek b": 3}
    # It renews nothing any more, as a process that was killed.
    wait_until(lambda: sum(in_flight.count_requests(redis, servers).values()) == 3, 10, "the leases have ended")
    one.renew()
    assert sum(in_flight.count_requests(redis, servers).values()) == 3
    assert sum(one.enter("next", candidates).values()) == 3
    for request in ("one-0", "one-1", "one-2", "next"):
        one.leave(request)
    one.close()
    assert in_flight.count_requests(redis, servers) == {"deepseek a": 0, "deepseek b": 0}
    assert 0 < redis.pttl("asked") <= 3_600_000


def test_a_request_goes_to_the_server_with_the_least_to_do_by_its_word_and_by_what_was_counted_since(redis):
    for requests in (RedisInFlight(redis, 60), LocalInFlight()):
        told = [
            Candidate("deepseek a", reported_load=4, counted_at=0),
            Candidate("deepseek b", reported_load=3, counted_at=None),
        ]
        assert requests.enter("1", told) == {"deepseek a": 0, "deepseek b": 0}
        told[1] = Candidate("deepseek b", reported_load=3, counted_at=0)
        assert requests.enter("2", told) == {"deepseek a": 0, "deepseek b": 1}
        assert requests.enter("3", told) == {"deepseek a": 1, "deepseek b": 1}
        requests.move("3", "deepseek b")
        requests.move("3", "deepseek b")
        requests.leave("1")
        assert requests.enter("4", told) == {"deepseek a": 1, "deepseek b": 1}
        for request in ("2", "3", "4"):
            requests.leave(request)
        requests.close()


def test_two_readers_spread_their_pages_over_the_replicas_by_each_others_count(redis):
    async def main() -> None:
        boards = [RedisBreakers(redis) for _ in range(2)]
        servers = serving(ModelServer(speed=SLOW)), serving(ModelServer(speed=SLOW))
        async with servers[0] as one, servers[1] as two:
            # Looked at once, before anything was asked: from then on only counts tell.
            settings = settings_for(one.url, two.url, vllm_probe_seconds=600.0)
            async with reading(settings, boards[0]) as first, reading(settings, boards[1]) as second:
                for engine, board in zip((first, second), boards, strict=True):
                    await engine.read(stamped_image())
                    board.in_flight.close()  # told at once, where a reader tells it with its next page or beat
                pages = []
                for stamp in range(4):
                    for engine in (first, second):
                        pages.append(asyncio.create_task(engine.read(stamped_image(stamp))))
                        await until(lambda: len(one.log) + len(two.log) == 2 + len(pages))
                assert (len(one.batch.running), len(two.batch.running)) == (4, 4)
                assert list(in_flight.count_requests(redis, [f"deepseek {url}" for url in (one.url, two.url)]).values()) == [
                    4,
                    4,
                ]
                await asyncio.gather(*pages)

    asyncio.run(main())


def test_while_redis_is_away_each_reader_goes_by_its_own_count(tmp_path):
    away = Redis(unix_socket_path=str(tmp_path / "nothing.sock"))
    requests, candidates = RedisInFlight(away, 60), [Candidate("deepseek a"), Candidate("deepseek b")]
    assert [requests.enter(str(number), candidates) for number in range(3)] == [
        {"deepseek a": 0, "deepseek b": 0},
        {"deepseek a": 1, "deepseek b": 0},
        {"deepseek a": 1, "deepseek b": 1},
    ]
    requests.leave("0")
    requests.close()


def test_all_processes_share_the_breakers_in_redis(redis):
    async def main() -> None:
        async with serving(ModelServer(speed=FAST)) as server:
            settings = settings_for(server.url)
            server.script("fail_500", sticky=True)
            async with reading(settings, RedisBreakers(redis)) as one, reading(settings, RedisBreakers(redis)) as two:
                await fail(one, 2)
                await fail(two, 1)
                assert breakers.states(redis) == {f"deepseek {server.url}": "open"}
                assert gauges.samples(redis)["model_servers_left_alone|deepseek"] == 1
                async with reading(settings, RedisBreakers(redis)) as third:
                    assert not await third.is_available()
                asked = len(server.log)
                await fail(two, 3)
                assert len(server.log) == asked

    asyncio.run(main())


def test_a_step_that_another_process_has_overtaken_is_taken_again(redis):
    one, two = RedisBreakers(redis), RedisBreakers(redis)

    def slow_fault(breaker: Breaker, now: float) -> Breaker:
        if not breaker.faults:
            two.change("deepseek x", record_fault(RULE))
        return record_fault(RULE)(breaker, now)

    assert one.change("deepseek x", slow_fault)[1].faults == 2
