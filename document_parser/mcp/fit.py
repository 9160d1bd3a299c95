"""Keep every answer below a size that an assistant can take, and cut long answers where a further call can go on."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TypeVar

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from document_parser.errors import DocumentParserError
from document_parser.mcp.answers import ErrorFacts

MAX_ANSWER_BYTES = 25_000
"""Largest answer of a tool as it is sent, structured content and text together, in bytes. Several assistants cut off more."""
_FILLED_BYTES = 24_000
"""What an answer is filled up to; the rest is for what the protocol adds."""
MAX_MESSAGE = 2000
"""Longest sentence of an error, in characters."""
MAX_DETAILS_BYTES = 4000
"""Largest details of an error; larger ones are left out."""

_Item = TypeVar("_Item", bound=BaseModel)


def clip(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters, and of twice as many bytes as JSON; a longer one ends with an ellipsis."""
    if len(text) <= most and bytes_of(text) <= 2 * most:
        return text
    kept = bisect_right(range(1, min(len(text), most)), 2 * most, key=lambda length: bytes_of(text[:length] + "…"))
    return f"{text[:kept]}…"


def bytes_of(content: object) -> int:
    """Return the bytes of a text or another JSON value as it is sent."""
    return len(json.dumps(content, ensure_ascii=False, default=str).encode())


def within(items: Iterable[_Item], most: int) -> list[_Item]:
    """Return the items, from the first on, that have at most ``most`` bytes together."""
    kept: list[_Item] = []
    for item in items:
        most -= len(item.model_dump_json(exclude_none=True).encode())
        if most < 0:
            break
        kept.append(item)
    return kept


def answer(content: BaseModel, text: str) -> CallToolResult:
    """Return an answer with the same content for programs and as text."""
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=content.model_dump(mode="json", exclude_none=True)
    )


def size_of(result: CallToolResult) -> int:
    """Return the bytes of an answer as it is sent."""
    return len(result.model_dump_json(by_alias=True, exclude_none=True).encode())


def fill(
    items: Iterable[_Item],
    build: Callable[[list[_Item], _Item | None], CallToolResult],
    split: Callable[[_Item, int], tuple[_Item, _Item]] | None = None,
) -> CallToolResult:
    """Return the answer with as many items, from the first on, as have room in it.

    ``build`` makes an answer of items; it is given the first item that is left out, too, or None. If not even one has room it
    is parted by ``split`` after so many characters; without ``split`` every item must have room.
    """
    gathered: list[_Item] = []
    total = 0
    for item in items:
        gathered.append(item)
        total += len(item.model_dump_json(exclude_none=True).encode())
        if total > _FILLED_BYTES:
            break

    def built(count: int) -> CallToolResult:
        return build(gathered[:count], gathered[count] if count < len(gathered) else None)

    count = _most(len(gathered), lambda count: size_of(built(count)))
    if count or not gathered or split is None:
        return built(count)
    first = gathered[0]
    length = _most(_FILLED_BYTES, lambda length: size_of(_build_parted(build, split(first, max(1, length)))))
    return _build_parted(build, split(first, max(1, length)))


def _build_parted(build: Callable[[list[_Item], _Item | None], CallToolResult], parts: tuple[_Item, _Item]) -> CallToolResult:
    head, tail = parts
    return build([head], tail)


def _most(highest: int, size: Callable[[int], int]) -> int:
    """Return the largest number up to ``highest`` whose answer has room; 0 if none has. Sizes grow with the number."""
    return bisect_right(range(1, highest + 1), _FILLED_BYTES, key=size)


def error_answer(error: DocumentParserError) -> CallToolResult:
    """Return an error as a tool reports it: its code and its sentence, with the details if they are small."""
    details = error.details if bytes_of(error.details) <= MAX_DETAILS_BYTES else {}
    facts = ErrorFacts(
        code=error.code, message=clip(error.message, MAX_MESSAGE), retryable=error.retryable, details=json_safe(details)
    )
    return CallToolResult(
        content=[TextContent(type="text", text=f"{facts.code}: {facts.message}")],
        structured_content={"error": facts.model_dump(mode="json")},
        is_error=True,
    )


def json_safe(details: dict[str, object]) -> dict[str, object]:
    """Return details as JSON can hold them."""
    safe: dict[str, object] = json.loads(json.dumps(details, default=str))
    return safe
