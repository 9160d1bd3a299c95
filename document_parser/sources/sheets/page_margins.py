"""Headers and footers of printed sheets as text, without their codes (ECMA-376 part 1, 18.3.1.46)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from document_parser.models import Block, BlockKind
from document_parser.sources.xml_trees import Element, is_true, local_name

_CODE = re.compile(r'&(?:"[^"]*"|\d+|K(?:[0-9A-Fa-f]{6}|\d\d[+-]\d{3})|(&)|([LCR])|(A)|.)', re.DOTALL)
_SHOWN = {"oddHeader": "page_header", "oddFooter": "page_footer"}
_EVEN = {"evenHeader": "page_header", "evenFooter": "page_footer"}
_FIRST = {"firstHeader": "page_header", "firstFooter": "page_footer"}


def margin_blocks(element: Element | None, sheet: str) -> list[Block]:
    """Return headers and footers that hold text: of odd pages, and of even and first pages if those have their own."""
    return list(_blocks(element, sheet)) if element is not None else []


def _blocks(element: Element, sheet: str) -> Iterator[Block]:
    """Yield each text once."""
    kinds: dict[str, str] = dict(_SHOWN)
    kinds |= _EVEN if is_true(element.get("differentOddEven")) else {}
    kinds |= _FIRST if is_true(element.get("differentFirst")) else {}
    seen = set()
    for part in element:
        kind, text = kinds.get(local_name(part)), margin_text(part.text or "", sheet)
        if kind is not None and text and (kind, text) not in seen:
            seen.add((kind, text))
            found: BlockKind = "page_header" if kind == "page_header" else "page_footer"
            yield Block(kind=found, layer="headers", text=text)


def margin_text(code: str, sheet: str) -> str:
    """Return the text of a header or footer: its left, middle and right part, each on a line.

    Dates and page numbers are left out.
    """

    def show(match: re.Match[str]) -> str:
        """Return what a code shows."""
        if match[1]:
            return "&"
        if match[2]:
            return "\x00"
        return sheet if match[3] else ""

    parts = (part.strip() for part in _CODE.sub(show, code).split("\x00"))
    return "\n".join(part for part in parts if any(map(str.isalnum, part)))
