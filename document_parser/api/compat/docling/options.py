"""Understand the options of docling-serve: which mean something here, and which exports a task is answered with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from document_parser.api.compat.facade import ignore_options
from document_parser.errors import InvalidOption
from document_parser.models import MAX_CHUNK_TOKENS, MIN_CHUNK_TOKENS, Chunking, shape_export

FORMATS = ("md", "json", "html", "text", "doctags", "doclang", "yaml", "html_split_page", "vtt", "dclx", "chunks", "latex")
"""What ``to_formats`` may name; the first four are written here."""
IMAGE_MODES = ("placeholder", "embedded", "referenced")
"""What ``image_export_mode`` may be. Images that would be files beside the document are embedded in it."""
OPEN_END = 1 << 31
"""A last page from which a range means all pages: clients send the largest number that they have."""
HYBRID_TOKENS = 256
"""Tokens of a chunk of the hybrid chunker unless another number is asked for: what its default model takes."""
EMBEDDED, PLACEHOLDER = shape_export("docling", "embedded"), shape_export("docling", "placeholder")
"""The exports of a DoclingDocument with and without the images of its figures."""
FACTS = shape_export("docling", "facts")
"""The export that says which item each block is, and how sure the pages are."""
_LISTS = ("to_formats", "from_formats", "ocr_lang", "page_range")
_UNDERSTOOD = {"to_formats", "image_export_mode", "page_range", "md_page_break_placeholder", "include_images", "pipeline"}
_AS_HERE = {
    "do_ocr": True,
    "do_table_structure": True,
    "table_cell_matching": True,
    "ocr_engine": "auto",
    "ocr_preset": "auto",
    "do_pdf_heading_hierarchy": True,
    "do_formula_enrichment": True,
    "include_raw_text": True,
    "use_markdown_tables": True,
    "use_markdown_images": True,
}
"""Values of options that say what is done here anyway."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: options as /v1/process takes them, and the exports that it is answered with."""

    fields: dict[str, Any]
    exports: tuple[str, ...]


def form_options(form: MultiDict[str, str], prefix: str = "") -> dict[str, Any]:
    """Return the options in the fields of a form whose names have the prefix. Lists are repeated fields, or JSON."""
    found: dict[str, Any] = {}
    for name, values in form.lists():
        if not name.startswith(prefix):
            continue
        option = name.removeprefix(prefix)
        if option in _LISTS and not (len(values) == 1 and values[0].lstrip().startswith("[")):
            found[option] = [part for value in values for part in value.split(",") if part.strip()]
        else:
            found[option] = _parse(values[-1])
    return found


def _parse(value: str) -> Any:
    """Return what a field of a form means: JSON if it is any, else the text."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def conversion_options(options: Mapping[str, Any], target: str) -> Asked:
    """Return what the options of a conversion ask for. Raises InvalidOption for a value that docling-serve refuses too."""
    formats = _formats(options)
    mode = _choice(options, "image_export_mode", IMAGE_MODES)
    embeds = mode != "placeholder" and options.get("include_images") is not False
    document = EMBEDDED if embeds else PLACEHOLDER
    written = {"md": "markdown", "json": document, "html": "html", "text": "text"}
    ignore_options(*(f"to_formats.{name}" for name in formats if name not in written))
    _note_ignored(options, _UNDERSTOOD)
    exports = dict.fromkeys(written[name] for name in formats if name in written)
    return Asked(_fields(options, embeds=embeds, target=target), (*exports, FACTS))


def chunk_options(options: Mapping[str, Any], chunking: Mapping[str, Any], chunker: str, *, with_document: bool) -> Asked:
    """Return what the options of a conversion and of a chunker ask for. Raises InvalidOption."""
    _note_ignored(options, _UNDERSTOOD)
    _note_ignored({name: value for name, value in chunking.items() if name not in ("chunker", "merge_peers")}, {"max_tokens"})
    if chunker == "hierarchical":
        parted = Chunking(MAX_CHUNK_TOKENS, 0, "block")
    else:
        most = _number(chunking.get("max_tokens") or HYBRID_TOKENS, "max_tokens")
        if most < MIN_CHUNK_TOKENS:
            raise InvalidOption.for_fields({"field": "max_tokens", "problem": f"is at least {MIN_CHUNK_TOKENS}"})
        parted = Chunking(min(most, MAX_CHUNK_TOKENS), 0, "block" if chunking.get("merge_peers") is False else "heading")
    exports = (parted.export_name, *((PLACEHOLDER,) if with_document else ()), FACTS)
    return Asked(_fields(options, embeds=False, target="inbody"), exports)


def _fields(options: Mapping[str, Any], *, embeds: bool, target: str) -> dict[str, Any]:
    """Return our options."""
    fields: dict[str, Any] = {"figures": "embed" if embeds else "placeholder"}
    if target == "zip":
        fields["output_format"] = "zip"
    if pages := _page_range(options.get("page_range")):
        fields["page_range"] = pages
    if separator := options.get("md_page_break_placeholder"):
        fields["page_separator"] = str(separator)
    if options.get("pipeline") == "vlm":
        fields["accuracy_mode"] = "maximum"
    return fields


def _formats(options: Mapping[str, Any]) -> list[str]:
    given = options.get("to_formats") or ["md"]
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, list) else [given]
    for name in names:
        if name not in FORMATS:
            raise InvalidOption.for_fields({"field": "to_formats", "problem": f"lists {', '.join(FORMATS)}"})
    return names


def _choice(options: Mapping[str, Any], name: str, allowed: Iterable[str]) -> str:
    """Return the value of an option, the first one if it is not given."""
    known = list(allowed)
    value = options.get(name) or known[0]
    if value not in known:
        raise InvalidOption.for_fields({"field": name, "problem": f"is one of {', '.join(known)}"})
    return str(value)


def _page_range(value: Any) -> str:
    """Return a range of pages as ours; empty for all pages."""
    if value in (None, "", []):
        return ""
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidOption.for_fields({"field": "page_range", "problem": "is the first and the last page, such as [1, 4]"})
    first, last = (_number(one, "page_range") for one in value)
    if first < 1 or last < first:
        raise InvalidOption.for_fields({"field": "page_range", "problem": "counts pages from 1 upwards"})
    if first == 1 and last >= OPEN_END:
        return ""
    return f"{first}-" if last >= OPEN_END else f"{first}-{last}"


def _number(value: Any, name: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise InvalidOption.for_fields({"field": name, "problem": "is a whole number"}) from None


def _note_ignored(options: Mapping[str, Any], understood: set[str]) -> None:
    """Note the options that mean nothing here, unless they are switched off or ask for what is done anyway."""
    for name, value in options.items():
        if name in understood or value is None:
            continue
        if value != _AS_HERE[name] if name in _AS_HERE else value not in (False, "", [], {}):
            ignore_options(name)
