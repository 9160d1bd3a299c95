"""Read the body of a request to Mistral's OCR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from document_parser.errors import InvalidOption
from document_parser.models.ocr_answer import OcrAnswer
from document_parser.models.options import parse_page_range
from document_parser.settings.validation import wrong_fields

MAX_PAGES = 10_000
"""Pages that a list may name."""
_KNOWN = ("model", "document", "id")
"""Fields that are read elsewhere, or mean nothing and need not be named."""


_FORMS = {
    "pages": "is a list of numbers of pages from 0, or a text of the form 0,2-4",
    "document_annotation_format": (
        'is an object of the form {"type": "json_schema", "json_schema": {"name": "...", "schema": {...}}}'
    ),
}
"""What the fields are that are no plain values."""


class _JsonSchema(BaseModel):
    """A schema with a name, as in OpenAI's and Mistral's structured outputs."""

    definition: dict[str, Any] = Field(alias="schema")


class _Format(BaseModel):
    """What an annotation looks like. Only schemas are allowed."""

    type: Literal["json_schema"]
    json_schema: _JsonSchema


class _Body(BaseModel):
    """The fields of the body that change the answer."""

    model_config = ConfigDict(extra="ignore")

    pages: str | list[int] | None = None
    include_image_base64: bool | None = None
    image_limit: int | None = Field(default=None, ge=0, le=999_999)
    image_min_size: int | None = Field(default=None, ge=0, le=999_999)
    document_annotation_format: _Format | None = None
    document_annotation_prompt: str | None = None
    table_format: Literal["markdown", "html"] | None = None
    extract_header: bool | None = None
    extract_footer: bool | None = None
    include_blocks: bool | None = None
    confidence_scores_granularity: Literal["page", "word", "block"] | None = None


@dataclass(frozen=True)
class OcrRequest:
    """What is asked: options of this service, what the pages of the answer have, and the fields that mean nothing here."""

    options: Mapping[str, Any]
    answer: OcrAnswer
    ignored: tuple[str, ...]


def parse_request(body: Mapping[str, Any]) -> OcrRequest:
    """Return what a body asks for. Raises InvalidOption, SchemaUnsupported."""
    try:
        asked = _Body.model_validate(body)
    except ValidationError as error:
        raise InvalidOption.for_fields(*map(_in_words, wrong_fields(error, _Body))) from None
    ignored = [name for name in body if name not in _Body.model_fields and name not in _KNOWN]
    if asked.document_annotation_prompt:
        ignored.append("document_annotation_prompt")
    answer = OcrAnswer(
        table_format=asked.table_format or "none",
        confidence=asked.confidence_scores_granularity or "none",
        extract_header=bool(asked.extract_header),
        extract_footer=bool(asked.extract_footer),
        include_blocks=asked.include_blocks is not False,
        include_images=bool(asked.include_image_base64),
        image_limit=asked.image_limit or 0,
        image_min_size=asked.image_min_size or 0,
    )
    options: dict[str, Any] = {"headers_footers": "keep", "figures": "placeholder", "page_range": _page_range(asked.pages)}
    if asked.document_annotation_format is not None:
        options["json_schema"] = asked.document_annotation_format.json_schema.definition
    return OcrRequest(options, answer, tuple(ignored))


def _in_words(field: dict[str, Any]) -> dict[str, Any]:
    """Return what is wrong with a field; what it should be, if that is no plain value."""
    return field | {"problem": _FORMS.get(field["field"], field["problem"])}


def _page_range(pages: str | list[int] | None) -> str:
    """Return pages that are counted from 0 as a range of this service, which counts from 1. Raises InvalidOption."""
    if pages is None or pages in ("", []):
        return ""
    if isinstance(pages, list):
        if len(pages) > MAX_PAGES or any(page < 0 for page in pages):
            raise _wrong_pages(f"is a list of at most {MAX_PAGES} numbers of pages from 0")
        return _joined(sorted({page + 1 for page in pages}))
    try:
        shifted = [_shift(part.strip()) for part in pages.split(",")]
        parse_page_range(",".join(shifted))
    except ValueError:
        raise _wrong_pages("has the form 0,2-4, with pages counted from 0") from None
    return ",".join(shifted)


def _shift(part: str) -> str:
    """Return a number or a range one higher. Raises ValueError."""
    return "-".join(str(int(number) + 1) for number in part.split("-", 1))


def _joined(numbers: list[int]) -> str:
    """Return ascending numbers as ranges, so that a long list stays short."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _wrong_pages(problem: str) -> InvalidOption:
    return InvalidOption.for_fields({"field": "pages", "problem": problem})
