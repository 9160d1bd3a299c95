"""Read the fields of a form of unstructured-api."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from document_parser.errors import InvalidOption
from document_parser.models import DEFAULT_MAX_CHARACTERS, ElementChunking, ElementOptions

_MODES = {"fast": "fast", "vlm": "maximum", "hi_res": "", "auto": "", "ocr_only": ""}
"""The accuracy mode of each strategy; empty for the server's own."""
_CHUNKINGS: dict[str, tuple[ElementChunking, bool]] = {
    "basic": ("basic", True),
    "by_title": ("title", True),
    "by_page": ("basic", False),
    # The hosted service measures how much alike the texts are.
    "by_similarity": ("title", True),
}
"""How each strategy parts the elements, and whether chunks may reach over the end of a page."""
_USED = frozenset(
    {
        "strategy",
        "coordinates",
        "output_format",
        "include_page_breaks",
        "pdf_infer_table_structure",
        "skip_infer_table_types",
        "extract_image_block_types",
        "unique_element_ids",
        "chunking_strategy",
        "combine_under_n_chars",
        "max_characters",
        "multipage_sections",
        "new_after_n_chars",
        "overlap",
        "overlap_all",
        "include_orig_elements",
        "starting_page_number",
        "include_slide_notes",
        # The type is seen in the content itself.
        "content_type",
        "gz_uncompressed_content_type",
        "encoding",
    }
)
"""Fields that mean something here."""
_CLIENT_ONLY = ("split_pdf_",)
"""How fields begin that are for the client itself, which sends them all the same."""
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on", "y", "t"}), frozenset({"false", "0", "no", "off", "n", "f", "", "none"})
MAX_SIZE = 10**9
"""The greatest number that a field may have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for: options of the job, elements, and their format. ``ignored`` are fields that mean nothing here."""

    options: Mapping[str, Any]
    elements: ElementOptions
    is_csv: bool
    plain_tables: frozenset[str]
    ignored: tuple[str, ...]

    def elements_of(self, filename: str) -> ElementOptions:
        """Return the options of the elements of one document: for some types, tables shall have no HTML."""
        extension = filename.rpartition(".")[2].lower()
        return self.elements._replace(table_html=self.elements.table_html and extension not in self.plain_tables)


def parse_form(form: MultiDict[str, str]) -> Asked:
    """Return what a form asks for. Raises InvalidOption for what it says wrong."""
    fields = _Fields(form)
    strategy = fields.text("strategy", "auto").lower()
    mode = _MODES.get(strategy, "")
    options: dict[str, Any] = {"headers_footers": "keep", "figures": "placeholder"} | ({"accuracy_mode": mode} if mode else {})
    if not fields.flag("include_slide_notes", default=True):
        options["layers"] = "body,headers"
    ignored = [name for name in fields.names if name not in _USED and not name.startswith(_CLIENT_ONLY)]
    if strategy not in _MODES:
        ignored.append("strategy")
    types = {one.lower() for one in fields.texts("extract_image_block_types")}
    if types - {"image"}:
        ignored.append("extract_image_block_types")
    if fields.text("chunking_strategy", "") == "by_similarity":
        ignored.append("chunking_strategy")
    return Asked(
        options=options,
        elements=_elements(fields, images="image" in types),
        is_csv=fields.text("output_format", "application/json").lower() == "text/csv",
        plain_tables=frozenset(one.strip().lower().lstrip(".") for one in fields.texts("skip_infer_table_types")),
        ignored=tuple(ignored),
    )


def _elements(fields: _Fields, *, images: bool) -> ElementOptions:
    """Return the options of the elements. Raises InvalidOption; the limits are those of the library ``unstructured``."""
    chosen = fields.text("chunking_strategy", "").lower()
    if chosen and chosen != "none" and chosen not in _CHUNKINGS:
        raise InvalidOption.for_fields({"field": "chunking_strategy", "problem": f"is one of {', '.join(_CHUNKINGS)}"})
    chunking, multipage = _CHUNKINGS.get(chosen, ("none", True))
    hard_max = fields.number("max_characters", DEFAULT_MAX_CHARACTERS, least=1)
    overlap = fields.number("overlap", 0)
    combine = fields.number("combine_under_n_chars", hard_max)
    if chunking != "none" and overlap >= hard_max:
        raise InvalidOption.for_fields({"field": "overlap", "problem": f"is less than max_characters ({hard_max})"})
    if chunking != "none" and combine > hard_max:
        raise InvalidOption.for_fields({"field": "combine_under_n_chars", "problem": f"is at most max_characters ({hard_max})"})
    return ElementOptions(
        starting_page_number=fields.number("starting_page_number", 1),
        coordinates=fields.flag("coordinates", default=False),
        page_breaks=fields.flag("include_page_breaks", default=False),
        unique_ids=fields.flag("unique_element_ids", default=False),
        table_html=fields.flag("pdf_infer_table_structure", default=True),
        images=images,
        chunking=chunking,
        hard_max=hard_max,
        soft_max=min(hard_max, fields.number("new_after_n_chars", hard_max)),
        combine_under=combine,
        overlap=overlap,
        overlap_all=fields.flag("overlap_all", default=False),
        multipage=multipage and fields.flag("multipage_sections", default=True),
        orig_elements=fields.flag("include_orig_elements", default=True),
    )


class _Fields:
    """The fields of a form. Clients send lists as ``name``, as ``name[]``, or as JSON."""

    def __init__(self, form: MultiDict[str, str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, values in form.lists():
            self._values.setdefault(name.removesuffix("[]"), []).extend(values)

    @property
    def names(self) -> list[str]:
        """Return the names of all fields."""
        return list(self._values)

    def text(self, name: str, default: str) -> str:
        """Return a field; the default if it is empty."""
        return (self._values.get(name) or [""])[-1].strip() or default

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list."""
        found: list[str] = []
        for value in self._values.get(name, ()):
            try:
                listed = json.loads(value.replace("'", '"')) if value.lstrip().startswith("[") else [value]
            except (ValueError, RecursionError):
                listed = [value]
            found += [str(one) for one in listed if one]
        return found

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a truth value. Raises InvalidOption."""
        value = self.text(name, str(default)).lower()
        if value not in _TRUE and value not in _FALSE:
            raise InvalidOption.for_fields({"field": name, "problem": "is true or false"})
        return value in _TRUE

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        """Return a whole number. Raises InvalidOption."""
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdecimal() and least <= int(value[:12]) <= MAX_SIZE):
            raise InvalidOption.for_fields({"field": name, "problem": f"is a whole number from {least} to {MAX_SIZE}"})
        return int(value)
