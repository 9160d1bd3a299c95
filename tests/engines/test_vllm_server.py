"""The simulated model server is itself held to what the real one was seen to do."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import aiohttp
import pytest
from PIL import Image, ImageDraw

from tests.support.service import ROOT
from tests.support.stamp import draw_stamp, read_stamp
from tests.support.vllm_answers import Grammar, answer_for, tokens_of
from tests.support.vllm_batching import FAST, Batch, Sequence, Speed
from tests.support.vllm_cases import MODELS, WHEN_BUSY, cases, facts_of, recorded
from tests.support.vllm_server import ModelServer, served_from_thread, serving


def page(stamp: int | None, width: int = 1240, height: int = 1754) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    for top in range(100, height - 60, 24):
        pen.text((80, top), "All figures are given in thousands, rounded to the next ten. " * 3, fill="black")
    if stamp is not None:
        draw_stamp(image, stamp)
    return image


def jpeg(image: Image.Image, quality: int = 85) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def request(picture: bytes, **more):
    url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Read."}]
    return {"model": "deepseek-ai/DeepSeek-OCR", "messages": [{"role": "user", "content": content}], "max_tokens": 4000} | more


@pytest.mark.parametrize("stamp", [0, 1, 77, 123_456_789, 2**32 - 1])
@pytest.mark.parametrize("long_side", [640, 1024, 1664, 2500])
def test_a_stamp_survives_scaling_and_jpeg(stamp, long_side):
    image = page(stamp)
    image.thumbnail((long_side, long_side)) if long_side < 1754 else None
    image = image if long_side < 1754 else image.resize((round(long_side * 1240 / 1754), long_side))
    assert read_stamp(jpeg(image, 60)) == stamp


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("size", [(1240, 1754), (1754, 1240)])
def test_a_stamp_is_read_on_a_turned_page(degrees, size):
    assert read_stamp(jpeg(page(4711, *size).rotate(degrees, expand=True))) == 4711


def test_a_page_without_a_stamp_has_none():
    assert read_stamp(jpeg(page(None))) is None


def test_an_answer_is_the_same_every_time_and_about_as_long_as_asked():
    assert answer_for(9, "nanonets", 300) == answer_for(9, "nanonets", 300) != answer_for(8, "nanonets", 300)
    assert 240 <= len(tokens_of(answer_for(9, "deepseek", 300))) <= 400


def test_no_more_sequences_run_than_the_batch_holds():
    async def main() -> None:
        batch = Batch(Speed(tokens_per_second=1e6, per_sequence=1e6, first_token=0.0, sequences=3, tick=0.001))
        ticker = asyncio.create_task(batch.run())
        sequences = [Sequence(["word "] * 40) for _ in range(10)]
        for sequence in sequences:
            batch.add(sequence)
        assert (len(batch.running), len(batch.waiting)) == (3, 7)
        for sequence in sequences:
            said = []
            while (chunk := await sequence.chunks.get()) is not None:
                said.append(chunk)
            assert "".join(said) == "word " * 40
        assert batch.most_running == 3
        ticker.cancel()

    asyncio.run(main())


def test_running_sequences_share_the_total():
    batch = Batch(Speed(tokens_per_second=100, per_sequence=80, first_token=0.0, chunk_tokens=1))
    alone, *others = (Sequence(["w"] * 1000) for _ in range(5))
    batch.add(alone)
    batch._advance(1.0)
    assert alone.said == 80, "one sequence is held to what one can do"
    for other in others:
        batch.add(other)
    batch._advance(1.0)
    assert [sequence.said for sequence in (alone, *others)] == [100, 20, 20, 20, 20]


def asked(server: ModelServer, *bodies, path: str = "/chat/completions") -> list[tuple[int, dict]]:
    async def main() -> list[tuple[int, dict]]:
        answers = []
        async with serving(server), aiohttp.ClientSession() as session:
            for body in bodies:
                async with session.post(server.url + path, data=io.BytesIO(json.dumps(body).encode())) as answer:
                    answers.append((answer.status, await answer.json()))
        return answers

    return asyncio.run(main())


def test_an_answer_can_be_had_whole():
    ((status, body),) = asked(ModelServer(speed=FAST), request(jpeg(page(5)), skip_special_tokens=False))
    assert status == 200
    assert body["choices"][0]["message"]["content"] == answer_for(5, "deepseek", 300)
    assert body["choices"][0]["finish_reason"] == "stop"


def test_special_tokens_vanish_unless_they_are_kept():
    ((_, body),) = asked(ModelServer(speed=FAST), request(jpeg(page(5))))
    assert "<|" not in body["choices"][0]["message"]["content"]


@pytest.fixture(scope="module")
def short_answers() -> Iterator[dict[Grammar, ModelServer]]:
    """Both models, saying little, a token a chunk as the real server does."""
    speed = replace(FAST, chunk_tokens=1)
    with (
        served_from_thread(ModelServer(MODELS["deepseek"], "deepseek", speed, tokens=60)) as deepseek,
        served_from_thread(ModelServer(MODELS["nanonets"], "nanonets", speed, tokens=60)) as nanonets,
    ):
        yield {"deepseek": deepseek, "nanonets": nanonets}


@pytest.mark.parametrize(
    ("grammar", "case"),
    [pytest.param(grammar, case, id=f"{grammar}: {case.name}") for grammar in MODELS for case in cases(grammar)],
)
def test_it_answers_as_the_real_server_was_seen_to(grammar, case, short_answers):
    root = short_answers[grammar].url.removesuffix("/v1")
    assert facts_of(case, grammar, root) == recorded()[grammar][case.name]


def test_everything_seen_of_the_real_server_is_asked_of_the_simulated_one():
    asked = {grammar: [case.name for case in cases(grammar)] for grammar in MODELS} | {
        "busy": [case.name for case in WHEN_BUSY]
    }
    assert {grammar: list(facts) for grammar, facts in recorded().items()} == asked


def test_an_answer_ends_where_the_context_is_full():
    body = request(jpeg(page(5)), max_tokens=8192)
    body["messages"][0]["content"][1]["text"] = "word " * 7200
    ((status, answer),) = asked(ModelServer(speed=FAST), body)
    assert status == 200
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["total_tokens"] == 8192


@pytest.mark.parametrize("case", WHEN_BUSY, ids=lambda case: case.name)
def test_a_full_queue_is_told_as_the_real_server_was_seen_to(case):
    with served_from_thread(ModelServer(speed=FAST, most_waiting=0)) as server:
        assert facts_of(case, "deepseek", server.url.removesuffix("/v1")) == recorded()["busy"][case.name]


def test_behaviour_is_ordered_per_stamp_and_the_log_tells_what_was_asked():
    async def main() -> None:
        server = ModelServer(speed=FAST)
        async with serving(server), aiohttp.ClientSession() as session:
            root = server.url.removesuffix("/v1")
            order = {"stamp": 5, "do": ["refuse_400", "empty"], "sticky": True}
            await (await session.post(root + "/control", json=order)).release()
            for number in (5, 6, 5, 5):
                await (await session.post(server.url + "/chat/completions", json=request(jpeg(page(number))))).read()
            async with session.get(root + "/requests") as answer:
                log = await answer.json()
            assert [(entry["stamp"], entry["outcome"], entry["state"]) for entry in log] == [
                (5, "refuse_400", "refused"),
                (6, "ok", "finished"),
                (5, "empty", "finished"),
                (5, "empty", "finished"),
            ]
            async with session.get(root + "/metrics") as answer:
                metrics = await answer.text()
            assert 'vllm:num_requests_running{engine="0",model_name="deepseek-ai/DeepSeek-OCR"} 0.0' in metrics
            await (await session.post(root + "/reset")).release()
            assert server.log == []

    asyncio.run(main())


def test_it_serves_from_a_thread():
    with served_from_thread(ModelServer(speed=FAST)) as server:

        async def main() -> int:
            async with aiohttp.ClientSession() as session, session.get(server.url + "/models") as answer:
                return answer.status

        assert asyncio.run(main()) == 200


def test_it_runs_as_a_program_and_says_where(tmp_path):
    ready = tmp_path / "ready.txt"
    command = [sys.executable, "-m", "tests.support.vllm_server", "--ready-file", str(ready), "--tokens", "50"]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.02)
            assert ready.read_text().startswith("http://127.0.0.1:")
        finally:
            process.kill()
