"""Questions whose answers follow a schema: what is sent, what is kept of a bad answer, and what becomes of a bad server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from document_parser.balancing.breaker import LocalBreakers
from document_parser.engines.vlm.structured import StructuredAnswer, StructuredModel
from document_parser.errors import EngineError, EngineRefused, EngineTimeout, EngineUnavailable
from document_parser.settings import EngineSettings, ExtractModelSettings, Settings
from document_parser.text.partial_json import JsonWatch, read_json
from tests.support.page_images import stamped_image
from tests.support.vllm_batching import Speed
from tests.support.vllm_extract import MODEL, ExtractServer
from tests.support.vllm_server import serving

SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
FILLED = {"number": "QS-2026-0471", "lines": [{"name": "Apples"}, {"name": "Pears"}]}


def settings_for(url: str, **extract: Any) -> Settings:
    return Settings(
        engines=EngineSettings(vllm_read_seconds=2.0, vllm_connect_retries=1, vllm_breaker_faults=2),
        extract=ExtractModelSettings(url=url, model=MODEL, **{"request_seconds": 5.0, **extract}),
    )


def asking(server: ExtractServer, test: Callable[[StructuredModel], Awaitable[Any]], **extract: Any) -> Any:
    async def main() -> Any:
        async with serving(server), StructuredModel(settings_for(server.url, **extract), LocalBreakers()) as model:
            return await test(model)

    return asyncio.run(main())


def ask(server: ExtractServer, pictures: int = 0, **extract: Any) -> StructuredAnswer:
    jpegs = [stamped_image().data] * pictures
    return asking(server, lambda model: model.ask("What is the number?", jpegs, SCHEMA, instructions="Be exact."), **extract)


def test_a_question_carries_its_schema_its_pictures_first_and_counts_its_tokens():
    server = ExtractServer(fill=lambda _: FILLED)
    answer = ask(server, pictures=1, extra={"repetition_penalty": 1.0})
    assert (answer.value, answer.whole, answer.finish_reason) == (FILLED, True, "stop")
    assert answer.tokens > 900
    [body] = server.bodies
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}
    assert not [name for name in body if name.startswith("guided")]
    assert [part["type"] for part in body["messages"][-1]["content"]] == ["image_url", "text"]
    assert (body["messages"][0]["content"], body["repetition_penalty"]) == ("Be exact.", 1.0)


@pytest.mark.parametrize("behaviour", ["truncate", "white_space", "break"])
def test_of_an_answer_that_is_cut_or_says_nothing_more_what_is_complete_is_kept(behaviour):
    server = ExtractServer(fill=lambda _: FILLED)
    server.script(behaviour)
    answer = ask(server)
    assert not answer.whole
    assert answer.value["number"] == FILLED["number"]
    assert answer.value.items() != FILLED.items()
    assert answer.finish_reason == {"truncate": "length", "white_space": "loop", "break": "aborted"}[behaviour]


def test_white_space_without_end_is_stopped_long_before_the_last_token():
    server = ExtractServer(fill=lambda _: FILLED, speed=Speed(per_sequence=2000))
    server.script("white_space")
    ask(server, max_tokens=20_000)
    assert server.log[0].state == "aborted"


@pytest.mark.parametrize(("refused", "pictures"), [("refuse_schema", 0), ("refuse_pictures", 1), ("refuse_schema", 1)])
def test_a_server_that_takes_no_schema_or_no_pictures_is_asked_without_them_from_then_on(refused, pictures):
    server = ExtractServer(fill=lambda _: f'```json\n{{"number": "{FILLED["number"]}"}}\n```')
    server.script(refused, sticky=True)
    jpegs = [stamped_image().data] * pictures

    async def twice(model: StructuredModel) -> list[Any]:
        return [(await model.ask("Number?", jpegs, SCHEMA)).value for _ in range(2)]

    assert asking(server, twice) == [{"number": FILLED["number"]}] * 2
    assert [entry.state for entry in server.log[-2:]] == ["finished", "finished"]
    assert ("response_format" in server.bodies[-1]) == (refused == "refuse_pictures")


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [("fail_500", EngineRefused), ("fail_503", EngineUnavailable), ("stall", EngineTimeout), ("empty", EngineError)],
)
def test_a_server_that_fails_raises_an_error_with_a_code(behaviour, error):
    server = ExtractServer(fill=lambda _: FILLED)
    server.script(behaviour, sticky=True)
    if behaviour == "empty":
        assert ask(server).value is None
        return
    with pytest.raises(error) as caught:
        ask(server)
    assert caught.value.code


def test_a_server_that_fails_again_and_again_is_not_asked_for_a_while():
    server = ExtractServer(fill=lambda _: FILLED)
    server.script("fail_500", sticky=True)

    async def often(model: StructuredModel) -> bool:
        for _ in range(4):
            with pytest.raises(EngineError):
                await model.ask("Number?", [], SCHEMA)
        return await model.is_available()

    assert asking(server, often) is False
    assert len(server.log) == 2


def test_a_model_that_is_not_set_cannot_be_asked():
    with pytest.raises(ValueError, match="VLLM_EXTRACT_URL"):
        StructuredModel(Settings())


@pytest.mark.parametrize(
    ("text", "value", "path"),
    [
        ('{"a": 1, "b": [{"c": "x"}, {"c": "y", "d"', {"a": 1, "b": [{"c": "x"}, {"c": "y"}]}, ("b", 1)),
        ('{"a": {"b": "c"}, "l": [1, 2, 3', {"a": {"b": "c"}, "l": [1, 2]}, ("l",)),
        ('Here it is:\n{"a": null, "b": "cu', {"a": None}, ()),
        ('{"a": 12', {}, ()),
        ('{"a": }', {}, ()),
        ('{"a": tru', {}, ()),
    ],
)
def test_what_is_complete_of_a_cut_answer_is_read_and_nothing_else(text, value, path):
    found = read_json(text)
    assert (found.value, found.whole, found.open_path) == (value, False, path)


def test_a_text_without_json_has_none():
    assert read_json("I cannot help with that.") is None


def test_loops_are_seen_and_long_tables_are_none():
    rows = ",".join(f'{{"n": {number}, "t": "x"}}' for number in range(300))
    assert JsonWatch()('{"rows": [' + rows) is None
    assert JsonWatch()('{"a": "' + " " * 300 + '"') is None
    assert JsonWatch()('{"a": ' + "\n" * 300) == "white space"
    assert JsonWatch()('{"a": "' + "0" * 800) == "repetition"
    assert JsonWatch()('{"rows": [' + '{"n": 1, "t": "x"},' * 100) == "repetition"
