"""Extract values from a document that was read: what ``extract`` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from mcp.types import CallToolResult

from document_parser.client import Client
from document_parser.errors import InvalidOption, JobNotComplete
from document_parser.mcp.answers import ExtractAnswer, FailedCheck, NextCall, Value, ValueWarning
from document_parser.mcp.document_text import box_around
from document_parser.mcp.fit import answer, bytes_of, clip, fill, size_of, within
from document_parser.mcp.library import in_thread
from document_parser.mcp.receiving import next_lines
from document_parser.models import PageBox
from document_parser.models.extraction import Extraction, Scope

MAX_VALUE = 2000
"""Characters of a value that are shown."""
MAX_POINTER = 500
"""Characters of a JSON pointer that are shown."""
MAX_QUOTE = 300
"""Characters of the evidence that are shown."""
MAX_REMARKS_BYTES = 2000
"""Bytes of the failed checks, and of the warnings, that are shown."""
MAX_DATA_BYTES = 12_000
"""Largest answer so far to which the data is added in the shape of the schema."""
WAIT_SECONDS = 50.0
"""How long a call waits for values, in seconds. A further call goes on waiting."""


async def extract(
    client: Client,
    document: str,
    *,
    schema: str,
    fields: Sequence[str],
    json_schema: dict[str, Any] | None,
    scope: Scope,
    start: int,
) -> CallToolResult:
    """Return the values of a document from the one with the number ``start`` on.

    Raises InvalidOption, JobNotComplete if the values are not there in time, and the errors of ``Client.extract``.
    """
    given = [name for name, value in (("schema", schema), ("fields", fields), ("json_schema", json_schema)) if value]
    if len(given) != 1:
        raise InvalidOption.for_fields({"field": "schema", "problem": "give one of schema, fields and json_schema"})
    ask = partial(client.extract, document, schema=schema, json_schema=json_schema, fields=fields, scope=scope)
    try:
        found = await in_thread(partial(ask, timeout=WAIT_SECONDS))
    except TimeoutError:
        raise JobNotComplete("The values are not there yet. Call extract again; it goes on waiting.") from None
    return _answer_of(document, found, start)


def _answer_of(document: str, found: Extraction, start: int) -> CallToolResult:
    base = ExtractAnswer(
        document=document,
        values_in_all=sum(1 for _ in values_of(found.data, found.evidence)),
        values=[],
        checks=within(
            (
                FailedCheck(name=clip(check.name, MAX_QUOTE), outcome=check.outcome, message=clip(check.message, MAX_QUOTE))
                for check in found.checks
                if check.outcome != "passed"
            ),
            MAX_REMARKS_BYTES,
        ),
        warnings=within(
            (ValueWarning(code=one.code, message=clip(one.message, MAX_QUOTE), page=one.page) for one in found.warnings),
            MAX_REMARKS_BYTES,
        ),
    )

    def build(kept: list[Value], following: Value | None) -> CallToolResult:
        calls = []
        if following is not None:
            again = "call extract again with the same schema and this start: goes on with the values"
            calls = [NextCall(tool="extract", arguments={"document": document, "start": start + len(kept)}, why=again)]
        answered = base.model_copy(update={"values": kept, "next": calls})
        made = answer(answered, _text_of(answered))
        if following is None and start == 0 and size_of(made) <= MAX_DATA_BYTES:
            whole = answer(answered.model_copy(update={"data": found.data}), _text_of(answered))
            return whole if size_of(whole) <= MAX_DATA_BYTES else made
        return made

    return fill(islice(values_of(found.data, found.evidence), start, None), build)


def values_of(data: Any, evidence: Any, pointer: str = "") -> Iterator[Value]:
    """Yield the values of an answer in its order, each with its evidence, which has the same shape as the data."""
    if isinstance(data, dict) and data:
        for name, inner in data.items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from values_of(inner, evidence.get(name) if isinstance(evidence, dict) else None, f"{pointer}/{step}")
    elif isinstance(data, list) and data:
        for index, inner in enumerate(data):
            has = isinstance(evidence, list) and index < len(evidence)
            yield from values_of(inner, evidence[index] if has else None, f"{pointer}/{index}")
    else:
        yield _value_of(data, evidence if isinstance(evidence, dict) else {}, pointer)


def _value_of(data: Any, evidence: dict[str, Any], pointer: str) -> Value:
    shown = (
        clip(data, MAX_VALUE) if isinstance(data, str) else data if bytes_of(data) <= MAX_VALUE else clip(str(data), MAX_VALUE)
    )
    page = evidence.get("page")
    boxes = [PageBox(page=page, **box) for box in evidence.get("boxes", [])] if page is not None else []
    return Value(
        pointer=clip(pointer, MAX_POINTER),
        value=shown,
        cut=shown != data,
        state=evidence.get("state", ""),
        page=page,
        quote=clip(evidence.get("quote", ""), MAX_QUOTE),
        match=evidence.get("match", ""),
        confidence=evidence.get("confidence"),
        box=box_around(boxes),
    )


def _text_of(found: ExtractAnswer) -> str:
    lines = []
    for one in found.values:
        where = f"page {one.page}, {one.match}" if one.page is not None else one.state or "no evidence"
        lines.append(f"{one.pointer or '/'}: {one.value} ({where})")
    lines += [f"Check {one.name}: {one.outcome}. {one.message}" for one in found.checks]
    lines += [f"Warning {one.code}: {one.message}" for one in found.warnings]
    return "\n".join([*lines, *next_lines(found.next)])
