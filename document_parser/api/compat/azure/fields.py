"""Give extracted values the form of Azure's fields: typed values with regions and spans in the result that they belong to."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import IO, Any

from document_parser.api.compat.azure.prebuilt import FieldMap, Prebuilt
from document_parser.models import BoundingBox
from document_parser.text.string_index import StringIndex, StringIndexType

SHARED = 0.5
"""Share of the height and width of a word that must lie in the box of a value."""
_SYMBOLS = {"€": "EUR", "£": "GBP", "¥": "JPY", "$": "USD"}


class Places:
    """Find where values stand in a result, of which only the content and the pages that are asked for are held."""

    def __init__(self, stream: IO[bytes], numbers: set[int], index_type: StringIndexType) -> None:
        """Read the content and these pages of a stored result."""
        lines = iter(stream)
        # The first line is {"content":"…", and the next ones are the pages.
        self.content: str = json.loads(next(lines).strip().rstrip(b",") + b"}")["content"]
        self._index = StringIndex(self.content, index_type)
        self._pages = dict(_pages_in(lines, numbers))

    def find(self, evidence: dict[str, Any]) -> dict[str, Any]:
        """Return content, boundingRegions and spans of a value; only the content if its place is not known."""
        number, quote = evidence.get("page"), evidence.get("quote") or ""
        page = self._pages.get(number) if number is not None else None
        if page is None:
            return {"content": quote} if quote else {}
        boxes = [_placed_box(page, box) for box in evidence.get("boxes") or [] if "width" in page]
        regions = [{"pageNumber": number, "polygon": box} for box in boxes]
        found = self._ranges_of(page, boxes) or self._ranges_of_quote(page, quote)
        found = self._narrow(found, quote)
        spans = [self._span(start, end) for start, end in found]
        content = " ".join(self.content[start:end] for start, end in found) or quote
        return {
            **({"content": content} if content else {}),
            **({"boundingRegions": regions} if regions else {}),
            **({"spans": spans} if spans else {}),
        }

    def whole(self) -> dict[str, int]:
        """Return the span of all the content."""
        return self._span(0, len(self.content))

    def _span(self, start: int, end: int) -> dict[str, int]:
        offset = self._index.offset(start)
        return {"offset": offset, "length": self._index.offset(end) - offset}

    def _range(self, span: dict[str, int]) -> tuple[int, int]:
        return self._index.place(span["offset"]), self._index.place(span["offset"] + span["length"])

    def _ranges_of(self, page: dict[str, Any], boxes: list[list[float]]) -> list[tuple[int, int]]:
        """Return the ranges of the words in these boxes; words with white space alone between them are one."""
        inside = sorted(
            self._range(word["span"]) for word in page["words"] if any(_is_in(word.get("polygon"), box) for box in boxes)
        )
        return list(_joined(inside, self.content))

    def _ranges_of_quote(self, page: dict[str, Any], quote: str) -> list[tuple[int, int]]:
        start, end = self._range(page["spans"][0])
        at = self.content.find(quote, start, end) if quote else -1
        return [(at, at + len(quote))] if at >= 0 else []

    def _narrow(self, found: list[tuple[int, int]], quote: str) -> list[tuple[int, int]]:
        """Return the range of the quote within one range, whose words may have more: a colon before a value."""
        if len(found) != 1 or not quote:
            return found
        start, end = found[0]
        at = self.content.find(quote, start, end)
        return [self._index.whole(at, at + len(quote))] if at >= 0 else found


def _pages_in(lines: Iterator[bytes], numbers: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the pages with these numbers; ``lines`` begin with that of the list."""
    next(lines)
    for line in lines:
        if line.startswith(b"]"):
            return
        page = json.loads(line.strip().rstrip(b","))
        if page["pageNumber"] in numbers:
            yield page["pageNumber"], page


def _placed_box(page: dict[str, Any], box: dict[str, float]) -> list[float]:
    """Return a box of the upright page as a polygon of the page as the file has it."""
    turned = BoundingBox(**box).turn(int(page.get("angle", 0)))
    left, right = round(turned.left * page["width"], 4), round(turned.right * page["width"], 4)
    top, bottom = round(turned.top * page["height"], 4), round(turned.bottom * page["height"], 4)
    return [left, top, right, top, right, bottom, left, bottom]


def _is_in(word: list[float] | None, box: list[float]) -> bool:
    """Return whether most of a word lies in a box."""
    if not word:
        return False
    across = min(word[2], box[2]) - max(word[0], box[0])
    down = min(word[5], box[5]) - max(word[1], box[1])
    return across >= SHARED * (word[2] - word[0]) and down >= SHARED * (word[5] - word[1])


def _joined(ranges: Iterable[tuple[int, int]], content: str) -> Iterator[tuple[int, int]]:
    """Yield ordered ranges, as one where only white space is between them."""
    found = list(ranges)
    if not found:
        return
    start = found[0][0]
    for before, after in pairwise(found):
        if content[before[1] : after[0]].strip():
            yield start, before[1]
            start = after[0]
    yield start, found[-1][1]


def pages_of(evidence: Any) -> set[int]:
    """Return the numbers of the pages that the evidence names."""
    if isinstance(evidence, list):
        return set().union(*map(pages_of, evidence)) if evidence else set()
    if not isinstance(evidence, dict):
        return set()
    if "match" in evidence and "boxes" in evidence:
        return {evidence["page"]} if evidence.get("page") is not None else set()
    return set().union(*map(pages_of, evidence.values())) if evidence else set()


def document_of(model_id: str, model: Prebuilt, extraction: dict[str, Any], places: Places) -> dict[str, Any]:
    """Return the document with its fields: those of the model, and each other value under its own name (query fields)."""
    data, evidence = extraction.get("data") or {}, extraction.get("evidence") or {}
    known = {one.key for one in model.fields.values()}
    maps = {**model.fields, **{name: FieldMap(name) for name in data if name not in known and not model.schema}}
    maps |= {name: FieldMap(name) for name in extraction.get("query_fields", ()) if name in data}
    currency = data.get("currency") if model.schema else None
    fields = dict(_fields_of(maps, data, evidence, places, currency))
    known_confidence = [one["confidence"] for one in fields.values() if "confidence" in one]
    return {
        "docType": model.doc_type or model_id,
        "spans": [places.whole()],
        "fields": fields,
        "confidence": round(math.prod(known_confidence) ** (1 / len(known_confidence)), 3) if known_confidence else 0.0,
    }


def _fields_of(
    maps: dict[str, FieldMap], data: dict[str, Any], evidence: dict[str, Any], places: Places, currency: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields that have a value, by name."""
    for name, one in maps.items():
        value, proof = data.get(one.key), evidence.get(one.key)
        if value is None or value == []:
            continue
        if one.kind == "array":
            entries = [
                {"type": "object", "valueObject": dict(_fields_of(one.items, entry, shown, places, currency))}
                for entry, shown in zip(value, proof or [{}] * len(value), strict=False)
            ]
            yield name, {"type": "array", "valueArray": entries}
        else:
            yield name, _field(one.kind, value, proof if isinstance(proof, dict) else {}, places, currency)


def _field(kind: str, value: Any, evidence: dict[str, Any], places: Places, currency: str | None) -> dict[str, Any]:
    """Return one value as a field."""
    place = places.find(evidence)
    confidence = evidence.get("confidence")
    return {
        "type": kind,
        **_typed(kind, value, place.get("content", ""), currency),
        **place,
        **({"confidence": confidence} if confidence is not None else {}),
    }


def _typed(kind: str, value: Any, content: str, currency: str | None) -> dict[str, Any]:
    """Return the typed value; nothing for an address, which we do not take apart."""
    if kind == "currency" and isinstance(value, int | float):
        symbol = next((one for one in _SYMBOLS if one in content), None)
        code = currency or (_SYMBOLS[symbol] if symbol is not None and symbol != "$" else None)
        return {
            "valueCurrency": {
                "amount": value,
                **({"currencySymbol": symbol} if symbol else {}),
                **({"currencyCode": code} if code else {}),
            }
        }
    if kind == "number" and isinstance(value, int | float):
        return {"valueNumber": value}
    if kind == "date":
        return {"valueDate": value}
    return {} if kind == "address" else {"valueString": str(value)}
