"""Extraction against vLLM's own server: ``make test-vllm``.

The tiny model says anything that the grammar of the schema allows, which is gibberish: so this shows that the schema is
enforced, that no gibberish is returned unflagged, and that an answer without end is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from document_parser.engines.vlm.structured import StructuredAnswer, StructuredModel
from document_parser.extraction.model.adviser import ModelAdviser, Pictures
from document_parser.extraction.model.plain_schema import plain_schema
from document_parser.extraction.schema import compile_schema
from document_parser.extraction.scopes import extract_pages
from document_parser.models.extraction import Extraction, ExtractionOrder
from document_parser.settings import EngineSettings, ExtractModelSettings, Settings
from tests.support.extraction_pages import page_of
from tests.support.service import wait_until
from tests.support.vllm_answers import MODELS
from tests.support.vllm_cases import picture
from tests.support.vllm_real import RealServer

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

PROPERTIES: dict[str, Any] = {
    "invoice_number": {"type": "string"},
    "clerk": {"type": "string", "pattern": "^[A-Z]"},
    "state": {"type": "string", "enum": ["paid", "open"]},
    "total": {"type": "number"},
    "lines": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
}
SCHEMA = {"type": "object", "properties": PROPERTIES}
FLAGS = plain_schema(compile_schema({"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}}))


@pytest.fixture(scope="module")
def server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    venv: Path = pytestconfig.getoption("--vllm")
    with RealServer(venv, tmp_path_factory.mktemp("extract"), "nanonets") as running:
        yield running


def settings_for(server: RealServer, **own: Any) -> Settings:
    given = {"url": server.url, "model": MODELS["nanonets"], "request_seconds": 600.0, "max_tokens": 300, **own}
    return Settings(engines=EngineSettings(vllm_read_seconds=300.0), extract=ExtractModelSettings(**given))


def ask(server: RealServer, schema: dict[str, Any], pictures: tuple[bytes, ...] = (), **own: Any) -> StructuredAnswer:
    async def main() -> StructuredAnswer:
        async with StructuredModel(settings_for(server, **own)) as model:
            return await model.ask("What is on the page?", pictures, schema)

    return asyncio.run(main())


def test_the_plain_schema_is_enforced(server):
    answer = ask(server, plain_schema(compile_schema(SCHEMA)), (picture(),))
    assert answer.value is not None
    assert answer.tokens > 0
    assert set(answer.value) <= set(PROPERTIES)
    assert answer.value.get("state") in ("paid", "open", None)


def test_white_space_without_end_which_the_grammar_allows_is_stopped(server):
    """The tiny model says none of the letters of true, false and null, and so writes line breaks for ever."""
    answer = ask(server, FLAGS, max_tokens=8000)
    assert (answer.finish_reason, answer.value, answer.whole) == ("loop", {}, False)
    wait_until(lambda: server.running == 0, 30, "the server runs nothing")


def test_an_answer_cannot_be_continued_from_its_prefix_under_a_schema(server):
    """Why only the rest is asked for: the grammar begins with the first new token, and with it the object anew."""
    begun = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": '{"a": true, "b": '}]
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": FLAGS, "strict": True}}
    asked = {"continue_final_message": True, "add_generation_prompt": False, "response_format": form, "max_tokens": 8}
    body = {"model": MODELS["nanonets"], "messages": begun, "temperature": 0.0, **asked}
    answer = httpx2.post(f"{server.url}/chat/completions", json=body, timeout=300, trust_env=False).json()
    assert answer["choices"][0]["message"]["content"].startswith('{"a":')


def test_of_an_answer_cut_at_its_last_token_what_is_complete_is_kept(server):
    properties = {f"field_{number}": {"type": "boolean"} for number in range(40)}
    answer = ask(server, plain_schema(compile_schema({"type": "object", "properties": properties})), max_tokens=80)
    assert not answer.whole
    assert answer.finish_reason in ("length", "loop")
    assert set(answer.value) < set(properties)


def test_an_answer_without_end_is_stopped_and_the_server_runs_nothing(server):
    """A string has no end for a model that never closes it."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    answer = ask(server, schema, extra={"ignore_eos": True}, max_tokens=800)
    assert (answer.finish_reason, answer.value, answer.whole) == ("loop", {}, False)
    wait_until(lambda: server.running == 0, 30, "the server runs nothing")


def test_whatever_the_model_says_is_on_the_page_or_flagged(server):
    page = page_of((50, 100, "Invoice number"), (250, 100, "QS-2026-0471"), (50, 140, "Total"), (250, 140, "80.00"))

    async def image(_number: int) -> bytes:
        return picture()

    async def close() -> None:
        return None

    order = ExtractionOrder(json_schema=SCHEMA, model=MODELS["nanonets"])
    with ModelAdviser(settings_for(server), pictures=Pictures(image, close)) as adviser:
        answer = extract_pages([page], order, adviser=adviser)
    assert answer.data["invoice_number"] == "QS-2026-0471"
    assert answer.data["total"] == 80.0
    assert not adviser.is_away
    flagged = {one.field for one in answer.warnings if one.code == "ungrounded"}
    assert set(_ungrounded(answer)) == flagged


def _ungrounded(answer: Extraction) -> Iterator[str]:
    for key, evidence in answer.evidence.items():
        if isinstance(evidence, list):
            cells = ((f"/{key}/{at}/{name}", one) for at, row in enumerate(evidence) for name, one in row.items())
            yield from (pointer for pointer, one in cells if one.state == "found" and one.match == "none")
        elif evidence.state == "found" and evidence.match == "none":
            yield f"/{key}"
