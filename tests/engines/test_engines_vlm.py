"""The model engines against a server that speaks vLLM's protocol."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable

import pytest

from document_parser.engines.registry import Engines
from document_parser.engines.tesseract import engine as tesseract
from document_parser.engines.vlm.availability import AvailabilityCache
from document_parser.engines.vlm.client import VisionEngine
from document_parser.engines.vlm.deepseek import DeepSeekEngine
from document_parser.engines.vlm.nanonets import NanonetsEngine
from document_parser.engines.vlm.response import WATCH_CHARACTERS, refusal_of
from document_parser.errors import ContextExceeded, EngineError, EngineRefused, EngineTimeout, EngineUnavailable
from document_parser.models import PageImage, Reading
from document_parser.pipeline.checks.guards import loop_reason
from document_parser.settings import DeepSeekSettings, EngineSettings, NanonetsSettings, Settings
from tests.support.page_images import STAMP, stamped_image
from tests.support.service import free_port, until
from tests.support.vllm_answers import answer_for, tokens_of
from tests.support.vllm_batching import FAST, Speed
from tests.support.vllm_server import ModelServer, serving

STEADY = Speed(tokens_per_second=1e6, per_sequence=6000.0, first_token=0.0, tick=0.002)
NANONETS = "nanonets/Nanonets-OCR2-3B"


def settings_for(server: ModelServer, **engines: float) -> Settings:
    return Settings(
        engines=EngineSettings(**{"vllm_read_seconds": 5.0, "vllm_request_seconds": 10.0, **engines}),
        deepseek=DeepSeekSettings(url=server.url),
        nanonets=NanonetsSettings(url=server.url),
    )


def against(server: ModelServer, test: Callable[[VisionEngine], Awaitable[None]], **engines: float) -> None:
    """Run a test with an engine of the server's grammar."""

    async def main() -> None:
        async with serving(server):
            kind = DeepSeekEngine if server.grammar == "deepseek" else NanonetsEngine
            engine = kind(settings_for(server, **engines))
            try:
                await test(engine)
            finally:
                await engine.aclose()

    asyncio.run(main())


def read(server: ModelServer, **engines: float) -> Reading:
    readings: list[Reading] = []

    async def test(engine: VisionEngine) -> None:
        readings.append(await engine.read(stamped_image()))

    against(server, test, **engines)
    return readings[0]


def error_of(server: ModelServer, **engines: float) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read(server, **engines)
    return caught.value


def test_deepseek_reads_a_page_into_blocks_with_boxes():
    reading = read(ModelServer(speed=FAST))
    assert reading.engine == "deepseek"
    assert reading.finish_reason == "stop"
    assert reading.text == answer_for(STAMP, "deepseek", 300)
    assert [block.kind for block in reading.blocks[:2]] == ["title", "paragraph"]
    assert reading.blocks[0].text == f"Report stamp-{STAMP}"
    assert all(block.box is not None for block in reading.blocks)
    assert not any("<" in block.text for block in reading.blocks)
    assert reading.prompt_tokens > 900
    assert reading.completion_tokens > 200


def test_nanonets_reads_a_page_into_blocks_with_a_table():
    reading = read(ModelServer(model=NANONETS, grammar="nanonets", speed=FAST))
    assert reading.engine == "nanonets"
    kinds = [block.kind for block in reading.blocks]
    assert kinds[0] == "heading"
    assert kinds[-2:] == ["table", "page_number"]
    assert reading.blocks[-2].table.cells[2].text == f"stamp-{STAMP}"


def test_the_temperature_asked_for_is_sent_and_noted():
    server = ModelServer(speed=FAST)

    async def test(engine):
        assert (await engine.read(stamped_image())).temperature == 0.0
        assert (await engine.read(stamped_image(), temperature=0.2)).temperature == 0.2

    against(server, test)
    assert [entry.temperature for entry in server.log] == [0.0, 0.2]


def test_sixty_four_pages_are_in_flight_at_once():
    server = ModelServer(speed=Speed(tokens_per_second=1e6, per_sequence=600.0, first_token=0.3, tick=0.01), tokens=100)

    async def test(engine):
        readings = await asyncio.gather(*(engine.read(stamped_image(number)) for number in range(64)))
        for number, reading in enumerate(readings):
            assert f"stamp-{number} " in reading.text

    against(server, test)
    assert server.batch.most_running == 64


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("fail_500", EngineRefused),
        ("fail_503", EngineUnavailable),
        ("late_503", EngineUnavailable),
        ("refuse_400", EngineRefused),
        ("context_400", ContextExceeded),
    ],
)
def test_an_error_of_the_server_is_told_by_its_kind_and_not_asked_again(step, kind):
    server = ModelServer(speed=FAST)
    server.script(step)
    assert type(error_of(server)) is kind
    assert len(server.log) == 1


def test_a_busy_server_is_not_taken_for_one_that_is_gone():
    server = ModelServer(speed=FAST)
    server.script("late_503")

    async def test(engine):
        with pytest.raises(EngineUnavailable, match="503"):
            await engine.read(stamped_image())
        assert await engine.is_available()

    against(server, test)
    assert server.probes == 0, "what it said was a sign of life"


def test_a_context_error_names_the_limit():
    server = ModelServer(speed=FAST)
    server.script("context_400")
    assert error_of(server).details == {"limit_tokens": 8192}


def test_a_server_with_less_context_than_the_longest_answer_is_asked_for_shorter_answers():
    server = ModelServer(speed=FAST)

    async def main() -> None:
        async with serving(server):
            settings = settings_for(server)
            settings = settings.model_copy(update={"deepseek": DeepSeekSettings(url=server.url, max_tokens=15_000)})
            engine = DeepSeekEngine(settings)
            for _ in range(2):
                readings = await asyncio.gather(engine.read(stamped_image()), engine.read(stamped_image()))
                assert [reading.finish_reason for reading in readings] == ["stop", "stop"]
            await engine.aclose()

    asyncio.run(main())
    assert [entry.max_tokens for entry in server.log] == [8192] * 4


def test_a_context_error_of_an_older_server_is_known_by_its_words():
    message = "'max_tokens' is too large: 7000. This model's maximum context length is 8192 tokens and your request has 1900"
    error = refusal_of(400, message, "m")
    assert type(error) is ContextExceeded
    assert error.details == {"limit_tokens": 8192}


def test_a_server_without_the_model_is_named_as_such():
    error = error_of(ModelServer(model="another/model", speed=FAST))
    assert type(error) is EngineUnavailable
    assert "does not serve the model deepseek-ai/DeepSeek-OCR" in error.message


def test_an_address_without_v1_is_named_as_such():
    server = ModelServer(speed=FAST)

    async def main() -> None:
        async with serving(server):
            server.url = server.url.removesuffix("/v1")
            engine = DeepSeekEngine(settings_for(server))
            with pytest.raises(EngineUnavailable, match="should end in /v1"):
                await engine.read(stamped_image())
            await engine.aclose()

    asyncio.run(main())


def test_no_word_of_the_document_gets_into_an_error():
    error = refusal_of(400, "Cannot parse 'Patient Smith, HIV positive'", "m")
    assert type(error) is EngineRefused
    assert "Smith" not in f"{error.message} {error.details}"


def test_a_silent_server_runs_into_the_deadline_for_silence():
    server = ModelServer(speed=FAST)
    server.script("stall")
    assert type(error_of(server, vllm_read_seconds=0.2)) is EngineTimeout


def test_a_slow_answer_runs_into_the_deadline_for_the_whole_request_and_is_aborted():
    server = ModelServer(speed=Speed(per_sequence=50.0, first_token=0.0))

    async def test(engine):
        with pytest.raises(EngineTimeout):
            await engine.read(stamped_image())
        await until(lambda: server.log[0].state == "aborted")

    against(server, test, vllm_request_seconds=0.3)


def test_a_loop_is_cut_while_it_grows_and_the_server_stops_working():
    server = ModelServer(speed=STEADY)
    server.script("loop")

    async def test(engine):
        reading = await engine.read(stamped_image(), watch=loop_reason)
        assert reading.finish_reason == "loop"
        assert 0 < len(reading.text) < 6000, "the loop was seen early"
        await until(lambda: server.log[0].state == "aborted")
        assert not server.batch.running

    against(server, test)


@pytest.mark.parametrize("turn", ["and the total of the second quarter ", "{}. the total of the second quarter\n"])
def test_of_a_loop_no_more_than_two_hundred_tokens_are_taken_in(turn):
    sound = answer_for(STAMP, "deepseek", 300)
    looping = sound + "".join(turn.format(number) for number in range(1, 500))
    server = ModelServer(speed=FAST, answer=lambda _: looping)

    async def test(engine: VisionEngine) -> None:
        reading = await engine.read(stamped_image(), watch=loop_reason)
        assert reading.finish_reason == "loop"
        assert reading.text.startswith(sound)
        assert 0 < len(tokens_of(reading.text)) - len(tokens_of(sound)) <= 200

    against(server, test)


def test_without_a_watch_a_loop_runs_to_its_greatest_length():
    server = ModelServer(speed=FAST)
    server.script("loop")
    assert read(server).finish_reason == "length"


def test_the_watch_sees_the_answer_grow():
    seen: list[int] = []
    server = ModelServer(speed=STEADY)

    async def test(engine):
        reading = await engine.read(stamped_image(), watch=lambda text: seen.append(len(text)))
        assert reading.finish_reason == "stop"
        assert seen
        assert all(later - earlier >= WATCH_CHARACTERS for earlier, later in itertools.pairwise(seen))

    against(server, test)


def test_cancelling_a_reading_ends_the_request_at_the_server():
    server = ModelServer(speed=FAST)
    server.script("stall")

    async def test(engine):
        reading = asyncio.create_task(engine.read(stamped_image()))
        await until(lambda: bool(server.log))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await until(lambda: server.log[0].state == "aborted")

    against(server, test)


def test_a_dropped_connection_is_tried_again_on_a_fresh_one():
    server = ModelServer(speed=FAST)
    server.script("reset", "ok")
    assert read(server).finish_reason == "stop"
    assert [entry.outcome for entry in server.log] == ["reset", "ok"]


def test_a_connection_kept_alive_over_a_500_is_replaced():
    server = ModelServer(speed=FAST)
    server.script("fail_500", "ok")

    async def test(engine):
        with pytest.raises(EngineRefused):
            await engine.read(stamped_image())
        assert (await engine.read(stamped_image())).finish_reason == "stop"

    against(server, test)


def test_a_server_that_drops_every_connection_is_unavailable():
    server = ModelServer(speed=FAST)
    server.script("reset", sticky=True)
    assert type(error_of(server, vllm_connect_retries=1)) is EngineUnavailable
    assert len(server.log) == 2


def test_an_answer_cut_short_says_length():
    server = ModelServer(speed=FAST)
    server.script("truncate")
    assert read(server).finish_reason == "length"


@pytest.mark.parametrize("step", ["garbage", "empty"])
def test_odd_answers_are_readings_not_errors(step):
    server = ModelServer(speed=FAST)
    server.script(step)
    assert read(server).finish_reason == "stop"


def answering(*lines: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A server that says these lines as an event stream, whatever it is asked, and ends in good order."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + b"\n\n".join(lines))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return answer


@pytest.mark.parametrize(
    "lines",
    [
        [b'data: {"choices": [{"delta": {"content": "half a"}}]}', b""],
        [b'data: {"choices": [{"delta": {"content": "half a"}}]}', b"data: [DONE]", b""],
        [b"data: {not json", b""],
        [b'data: {"error": {"message": "engine died", "code": 500}}', b""],
        [b"<html>a proxy's page</html>"],
        [b'data: {"choices": [7, {"delta": "text"}, {"delta": {"content": [1]}}], "usage": 3}', b"data: [1]", b""],
    ],
)
def test_an_answer_without_its_end_is_an_error(lines):
    async def main() -> None:
        async with await asyncio.start_server(answering(*lines), "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            engine = DeepSeekEngine(settings_for(ModelServer(url=url)))
            with pytest.raises(EngineError) as caught:
                await engine.read(stamped_image())
            assert not isinstance(caught.value, EngineUnavailable)
            await engine.aclose()

    asyncio.run(main())


def test_a_picture_in_another_encoding_is_refused_without_asking():
    server = ModelServer(speed=FAST)

    async def test(engine):
        with pytest.raises(EngineRefused):
            await engine.read(PageImage(1, 1, 1, "rgb", b"\0\0\0"))

    against(server, test)
    assert not server.log


def test_many_callers_share_one_probe_and_its_answer_is_kept_for_a_while():
    server = ModelServer(speed=FAST)

    async def test(engine):
        assert all(await asyncio.gather(*(engine.is_available() for _ in range(20))))
        assert await engine.is_available()

    against(server, test)
    assert server.probes == 1


def test_a_server_without_the_model_is_not_available():
    server = ModelServer(model="another/model", speed=FAST)

    async def test(engine):
        assert not await engine.is_available()

    against(server, test)


def test_a_reading_is_a_sign_of_life():
    server = ModelServer(speed=FAST)

    async def test(engine):
        await engine.read(stamped_image())
        assert await engine.is_available()

    against(server, test)
    assert server.probes == 0


def test_a_cancelled_caller_does_not_take_the_probe_from_the_others():
    async def main() -> None:
        gate = asyncio.Event()

        async def look() -> bool:
            await gate.wait()
            return True

        presence = AvailabilityCache(look, 5.0)
        first, second = (asyncio.create_task(presence.is_available()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        gate.set()
        assert await second

    asyncio.run(main())


def test_a_refused_connection_marks_the_server_as_down_at_once():
    async def main() -> None:
        server = ModelServer(speed=FAST)
        async with serving(server):
            engine = DeepSeekEngine(settings_for(server, vllm_connect_retries=1, vllm_probe_seconds=60))
            assert await engine.is_available()
        with pytest.raises(EngineUnavailable):
            await engine.read(stamped_image())
        assert not await engine.is_available()
        await engine.aclose()

    asyncio.run(main())


def test_nothing_listening_is_not_available():
    async def main() -> None:
        engine = DeepSeekEngine(settings_for(ModelServer(url=f"http://127.0.0.1:{free_port()}/v1")))
        assert not await engine.is_available()
        await engine.aclose()

    asyncio.run(main())


ON_CPU = {"rapidocr", "tesseract"} if tesseract.is_there(Settings()) else {"rapidocr"}
"""Tesseract is the rung behind RapidOCR, where its library or its program is installed."""


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("auto", {"deepseek", *ON_CPU}), ("vllm", {"deepseek"}), ("cpu", ON_CPU)],
)
def test_the_inference_mode_says_which_engines_may_read(mode, expected):
    async def main() -> None:
        server = ModelServer(speed=FAST)
        async with serving(server):
            engines = Engines(
                Settings(
                    engines=EngineSettings(inference_mode=mode),
                    deepseek=DeepSeekSettings(url=server.url),
                    nanonets=NanonetsSettings(url=f"http://127.0.0.1:{free_port()}/v1"),
                )
            )
            assert await engines.find_available() == expected
            # A tier allows some of them.
            assert await engines.only(("rapidocr", "nanonets")).find_available() == expected & {"rapidocr"}
            assert await engines.only(None).find_available() == expected
            assert engines.get("deepseek") is engines.get("deepseek")
            await engines.aclose()

    asyncio.run(main())


def test_a_probe_of_a_dead_host_ends_within_the_short_deadline():
    async def main() -> None:
        with socket.socket() as full:  # takes connections and never answers
            full.bind(("127.0.0.1", 0))
            full.listen()
            url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
            engine = DeepSeekEngine(settings_for(ModelServer(url=url), vllm_connect_seconds=0.1))
            async with asyncio.timeout(4):  # the deadline for answers would be 5
                assert not await engine.is_available()
            await engine.aclose()

    asyncio.run(main())
