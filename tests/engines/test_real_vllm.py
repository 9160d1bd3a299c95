"""The model engines against vLLM's own server: ``make test-vllm``.

The models are tiny and say one answer, so all this is about the talk between the two. DeepSeek-OCR's picture part cannot be
made small: one picture takes 5 to 30 seconds, so it gets few.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from document_parser.engines.registry import Engines
from document_parser.engines.vlm.client import VisionEngine
from document_parser.engines.vlm.configured import ConfiguredEngine
from document_parser.engines.vlm.deepseek import DeepSeekEngine
from document_parser.engines.vlm.grammars import GRAMMARS
from document_parser.engines.vlm.nanonets import NanonetsEngine
from document_parser.engines.vlm.request import ModelRequest
from document_parser.errors import AnswerUnreadable, ContextExceeded, EngineError, EngineRefused, EngineUnavailable
from document_parser.models import Options, PageImage, PageImageSpec, Reading
from document_parser.pipeline.checks.guards import loop_reason
from document_parser.pipeline.reading.read_page import read_page
from document_parser.settings import DeepSeekSettings, EngineSettings, NanonetsSettings, Settings, VlmSettings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from tests.support.documents import scanned_pdf
from tests.support.service import NOBODY, Service
from tests.support.vllm_answers import Grammar
from tests.support.vllm_cases import CHAT, MODELS, WHEN_BUSY, cases, chat, facts_of, huge_picture, picture, recorded
from tests.support.vllm_real import RealServer

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

PATIENT = {"vllm_read_seconds": 300.0, "vllm_request_seconds": 600.0}
KEY = "only-this-key"
TITLE = {"deepseek": "Quarterly report", "nanonets": "Invoice 2026-001"}
BOTH = pytest.mark.parametrize("grammar", ["deepseek", "nanonets"])

Servers = dict[Grammar, RealServer]
Test = Callable[[VisionEngine], Awaitable[None]]


@pytest.fixture(scope="session")
def venv(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.getoption("--vllm")


@pytest.fixture(scope="session")
def servers(venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Both models, started side by side."""
    started = {grammar: RealServer(venv, tmp_path_factory.mktemp(grammar), grammar) for grammar in MODELS}
    with ExitStack() as stack:
        for server in started.values():
            stack.push(server)
        yield {grammar: server.__enter__() for grammar, server in started.items()}


@pytest.fixture
def nanonets(servers: Servers) -> RealServer:
    return servers["nanonets"]


@pytest.fixture(scope="module")
def guarded(venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server that wants a key, takes one request at a time and lets one wait."""
    flags = ("--api-key", KEY, "--max-num-seqs", "1", "--max-num-queued-reqs", "1")
    with RealServer(venv, tmp_path_factory.mktemp("guarded"), "nanonets", *flags) as server:
        yield server


class ExactEngine(VisionEngine):
    """Sends exactly these extra fields."""

    name = "nanonets"
    image_spec = PageImageSpec(dpi=72)

    def __init__(self, server: RealServer, /, key: str = "", max_tokens: int = 6000, **extra: Any) -> None:
        request = ModelRequest(server.url, MODELS[server.grammar], "Read.", max_tokens, 0.0, extra)
        super().__init__(EngineSettings(**PATIENT, vllm_api_key=key), request)

    def parse(self, text: str) -> list[Any]:
        return []


def settings_for(servers: Servers, **engines: Any) -> Settings:
    urls = {grammar: server.url for grammar, server in servers.items()}
    return Settings(
        engines=EngineSettings(**{**PATIENT, **engines}),
        deepseek=DeepSeekSettings(url=urls.get("deepseek", NOBODY)),
        nanonets=NanonetsSettings(url=urls.get("nanonets", NOBODY)),
    )


def engine_for(server: RealServer) -> VisionEngine:
    settings = settings_for({server.grammar: server})
    return DeepSeekEngine(settings) if server.grammar == "deepseek" else NanonetsEngine(settings)


def page(data: bytes | None = None) -> PageImage:
    return PageImage(1, 300, 400, "jpeg", data or picture(), ink=0.05)


def with_engine(engine: VisionEngine, test: Test) -> None:
    async def main() -> None:
        try:
            await test(engine)
        finally:
            await engine.aclose()

    asyncio.run(main())


def read(engine: VisionEngine, image: PageImage | None = None, **more: Any) -> Reading:
    readings: list[Reading] = []

    async def test(engine: VisionEngine) -> None:
        readings.append(await engine.read(image or page(), **more))

    with_engine(engine, test)
    return readings[0]


def error_of(engine: VisionEngine, image: PageImage | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read(engine, image)
    return caught.value


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


def ids(grammar: Grammar) -> list[Any]:
    return [pytest.param(grammar, case, id=f"{grammar}: {case.name}") for case in cases(grammar)]


@pytest.mark.parametrize(("grammar", "case"), [*ids("deepseek"), *ids("nanonets")])
def test_it_answers_as_is_written_down(grammar, case, servers):
    assert facts_of(case, grammar, servers[grammar].root) == recorded()[grammar][case.name]


def test_the_connection_that_carried_a_500_ends_unannounced(nanonets):
    connection = HTTPConnection(nanonets.root.removeprefix("http://"), timeout=60)
    body = json.dumps(chat(huge_picture())("nanonets"))
    connection.request("POST", CHAT, body, {"Content-Type": "application/json"})
    line = connection.sock
    answer = connection.getresponse()
    assert (answer.status, answer.will_close) == (500, False)
    answer.read()
    assert line.recv(1) == b""
    connection.close()


# --- reading ----------------------------------------------------------------------------------------------------------


@BOTH
def test_a_page_is_read_from_the_streamed_answer(grammar, servers):
    reading = read(engine_for(servers[grammar]))
    assert (reading.finish_reason, reading.engine) == ("stop", grammar)
    assert reading.blocks[0].text == TITLE[grammar]
    assert reading.prompt_tokens > 100
    assert 30 < reading.completion_tokens < 100


def test_the_tags_of_deepseek_survive_and_give_boxes(servers):
    seen: list[str] = []
    reading = read(engine_for(servers["deepseek"]), watch=seen.append)
    assert seen
    assert reading.text.startswith(seen[0]), "the answer is watched while it grows"
    assert reading.text.startswith("<|ref|>title<|/ref|><|det|>[[60, 42, 930, 91]]<|/det|>")
    assert [block.kind for block in reading.blocks] == ["title", "table", "paragraph"]
    assert all(block.box is not None for block in reading.blocks)
    table = reading.blocks[1].table
    assert [cell.text for cell in table.cells] == ["Q1", "4.20", "Q2", "€7"]


def test_the_end_of_sentence_token_is_not_part_of_an_answer(nanonets):
    reading = read(ExactEngine(nanonets, skip_special_tokens=False))
    assert reading.text.endswith("<page_number>1</page_number>")
    assert "<|im_end|>" not in reading.text


def test_an_answer_as_long_as_max_tokens_says_length(nanonets):
    reading = read(ExactEngine(nanonets, max_tokens=5))
    assert (reading.finish_reason, reading.completion_tokens) == ("length", 5)
    assert reading.text == "# Invoice 2026-001\n\n"


def test_several_pages_are_in_flight_at_once(nanonets):
    async def test(engine: VisionEngine) -> None:
        readings = await asyncio.gather(*(engine.read(page()) for _ in range(12)))
        assert {reading.finish_reason for reading in readings} == {"stop"}
        assert len({reading.text for reading in readings}) == 1

    with_engine(engine_for(nanonets), test)


# --- a model that settings alone describe ------------------------------------------------------------------------------


def configured(server: RealServer, **own: Any) -> VisionEngine:
    """The third engine, with the tiny model in the place of its own."""
    settings = VlmSettings(url=server.url, model=MODELS[server.grammar], **own)
    return ConfiguredEngine(Settings(engines=EngineSettings(**PATIENT), vlm=settings))


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_the_request_of_each_grammar_is_taken_and_an_answer_in_another_form_refused(grammar, nanonets):
    """Its prompt and its further fields, and for LightOnOCR no words at all."""
    engine = configured(nanonets, grammar=grammar, prompt="none" if grammar == "lighton" else "")
    if GRAMMARS[grammar].mark is not None:
        error = error_of(engine)
        assert type(error) is AnswerUnreadable
        assert f"VLLM_VLM_GRAMMAR={grammar}" in error.message
        return
    reading = read(engine)
    assert (reading.engine, reading.finish_reason) == ("vlm", "stop")
    assert reading.blocks[0].text == TITLE["nanonets"]


# --- faults -----------------------------------------------------------------------------------------------------------


def test_answers_longer_than_the_context_are_asked_for_shorter(nanonets):
    async def test(engine: VisionEngine) -> None:
        for _ in range(2):
            assert (await engine.read(page())).finish_reason == "stop"

    before = nanonets.metric("http_requests_total", status="4xx")
    with_engine(ExactEngine(nanonets, max_tokens=40_000), test)
    assert nanonets.metric("http_requests_total", status="4xx") == before + 1, "the second page asks right at once"


def test_a_prompt_beyond_the_context_is_told_with_its_limit(nanonets):
    settings = settings_for({"nanonets": nanonets})
    long = settings.nanonets.model_copy(update={"prompt": "word " * 10_000})
    error = error_of(NanonetsEngine(settings.model_copy(update={"nanonets": long})))
    assert type(error) is ContextExceeded
    assert error.details == {"limit_tokens": 32768}


@pytest.mark.parametrize("data", [picture()[:600], b"no picture", picture(4000, 10)], ids=["truncated", "none", "thin"])
def test_a_picture_that_cannot_be_read_is_refused(data, nanonets):
    assert type(error_of(engine_for(nanonets), page(data))) is EngineRefused


def test_an_internal_error_is_not_asked_again_and_the_next_page_is_read(nanonets):
    async def test(engine: VisionEngine) -> None:
        for _ in range(3):
            with pytest.raises(EngineRefused):
                await engine.read(page(huge_picture()))
            assert (await engine.read(page())).finish_reason == "stop"

    before = nanonets.metric("http_requests_total", status="5xx")
    with_engine(engine_for(nanonets), test)
    assert nanonets.metric("http_requests_total", status="5xx") == before + 3


def test_arguments_that_the_logits_processor_refuses_are_an_error(servers):
    engine = ExactEngine(servers["deepseek"], vllm_xargs={"ngram_size": "30"})
    assert type(error_of(engine)) is EngineRefused


def test_a_model_that_is_not_served_is_not_available(nanonets):
    settings = settings_for({"nanonets": nanonets})
    other = settings.nanonets.model_copy(update={"model": "another/model"})
    settings = settings.model_copy(update={"nanonets": other})

    async def test(engine: VisionEngine) -> None:
        assert not await engine.is_available()
        with pytest.raises(EngineUnavailable, match="does not serve the model another/model"):
            await engine.read(page())

    with_engine(NanonetsEngine(settings), test)


@BOTH
def test_a_served_model_is_available(grammar, servers):
    async def test(engine: VisionEngine) -> None:
        assert await engine.is_available()

    with_engine(engine_for(servers[grammar]), test)


# --- aborting ---------------------------------------------------------------------------------------------------------


@BOTH
def test_a_loop_is_cut_while_it_grows_and_the_server_stops_working(grammar, servers):
    server = servers[grammar]

    running: list[int] = []

    def watch(text: str) -> str | None:
        running.append(server.running)
        return loop_reason(text)

    async def test(engine: VisionEngine) -> None:
        reading = await engine.read(page(), watch=watch)
        assert reading.finish_reason == "loop"
        assert 400 < len(reading.text) < 6000
        await until(lambda: server.running == 0)

    with_engine(ExactEngine(server, ignore_eos=True), test)
    assert max(running) == 1


def test_a_repetition_that_vllm_itself_ends_is_a_loop(nanonets):
    detection = {"max_pattern_size": 100, "min_pattern_size": 2, "min_count": 3}
    reading = read(ExactEngine(nanonets, ignore_eos=True, repetition_detection=detection))
    assert reading.finish_reason == "loop"


async def begun(engine: VisionEngine) -> asyncio.Task[Reading]:
    """A reading whose answer has begun to come."""
    grown = asyncio.Event()

    def watch(text: str) -> None:
        grown.set()

    reading = asyncio.create_task(engine.read(page(), watch=watch))
    await asyncio.wait_for(grown.wait(), 120)
    return reading


def test_cancelling_a_reading_ends_the_request_at_the_server(nanonets):
    async def test(engine: VisionEngine) -> None:
        reading = await begun(engine)
        await until(lambda: nanonets.running == 1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await until(lambda: nanonets.running == 0)

    with_engine(ExactEngine(nanonets, max_tokens=32_000, ignore_eos=True), test)


# --- whole pages ------------------------------------------------------------------------------------------------------


def test_a_page_of_a_pdf_is_read(servers, tmp_path):
    scan = scanned_pdf(tmp_path / "scan.pdf", ["A page of a scan, whatever it says. " * 20])

    async def main() -> Any:
        engines = Engines(settings_for(servers, inference_mode="vllm"))
        limits = OpenerLimits(memory_mb=2048, timeout_seconds=60, max_image_megapixels=200)
        with Openers.start(limits) as openers:
            try:
                async with await openers.open(scan, "pdf") as source:
                    return await read_page(source, 1, Options(), engines, (0.2,))
            finally:
                await engines.aclose()

    read_one = asyncio.run(main())
    assert [(attempt.engine, attempt.outcome) for attempt in read_one.attempts] == [("deepseek", "accepted")]
    assert [block.kind for block in read_one.blocks] == ["title", "table", "paragraph"]


def test_a_scan_is_read_by_the_whole_service(servers, tmp_path):
    scan = scanned_pdf(tmp_path / "scan.pdf", ["The first page of a scan. " * 20, "The second page of a scan. " * 20])
    addresses = {f"VLLM_{grammar.upper()}_URL": server.url for grammar, server in servers.items()}
    deadlines = {"VLLM_READ_SECONDS": 300, "VLLM_REQUEST_SECONDS": 600}
    with Service(tmp_path / "service", INFERENCE_MODE="vllm", NUM_WORKERS=1, **addresses, **deadlines) as service:
        job = service.submit(scan)
        status = service.ended(job, 600)
        assert (status["status"], status["progress"]["deepseek_pages"]) == ("completed", 2), status
        result = service.result(job)
    assert result["complete"]
    assert result["warnings"] == []
    assert result["markdown"].count("# Quarterly report") == 2
    assert "€7" in result["markdown"]


# --- a server with a key, a short queue, and an end -------------------------------------------------------------------


def test_a_wrong_key_is_named_as_such_and_the_right_one_is_taken(guarded):
    error = error_of(ExactEngine(guarded, key="another"))
    assert type(error) is EngineUnavailable
    assert "VLLM_API_KEY" in error.message
    assert read(ExactEngine(guarded, key=KEY)).finish_reason == "stop"


def test_a_full_queue_is_unavailable_and_not_gone(guarded):
    async def test(engine: VisionEngine) -> None:
        pages = [asyncio.create_task(engine.read(page(), watch=loop_reason)) for _ in range(6)]
        answers = await asyncio.gather(*pages, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, EngineUnavailable)]
        assert refused
        assert all("503" in error.message for error in refused)
        assert {answer.finish_reason for answer in answers if isinstance(answer, Reading)} == {"loop"}
        assert await engine.is_available()

    with_engine(ExactEngine(guarded, key=KEY, ignore_eos=True), test)


def test_a_full_queue_is_told_as_is_written_down(guarded):
    async def test(engine: VisionEngine) -> None:
        endless = [asyncio.create_task(engine.read(page())) for _ in range(4)]
        await until(lambda: any(reading.done() for reading in endless))  # refused: the queue is full
        for case in WHEN_BUSY:
            assert await asyncio.to_thread(facts_of, case, "nanonets", guarded.root, KEY) == recorded()["busy"][case.name]
        for reading in endless:
            reading.cancel()
        ended = await asyncio.gather(*endless, return_exceptions=True)
        assert {type(error) for error in ended} == {asyncio.CancelledError, EngineUnavailable}

    with_engine(ExactEngine(guarded, key=KEY, max_tokens=32_000, ignore_eos=True), test)


def test_a_server_that_dies_in_the_middle_of_an_answer_is_unavailable(guarded):
    async def test(engine: VisionEngine) -> None:
        reading = await begun(engine)
        guarded.kill()
        with pytest.raises(EngineUnavailable):
            await reading
        assert not await engine.is_available()
        with pytest.raises(EngineUnavailable):
            await engine.read(page())

    with_engine(ExactEngine(guarded, key=KEY, max_tokens=32_000, ignore_eos=True), test)
