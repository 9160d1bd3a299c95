"""The namespaces of OpenDocument 1.3, and names of elements and attributes in them."""

from __future__ import annotations

from typing import Any

from document_parser.sources.xml_trees import Element, integer_of

_OASIS = "urn:oasis:names:tc:opendocument:xmlns:"
_NAMESPACES = {
    "office": f"{_OASIS}office:1.0",
    "text": f"{_OASIS}text:1.0",
    "table": f"{_OASIS}table:1.0",
    "style": f"{_OASIS}style:1.0",
    "draw": f"{_OASIS}drawing:1.0",
    "presentation": f"{_OASIS}presentation:1.0",
    "svg": f"{_OASIS}svg-compatible:1.0",
    "fo": f"{_OASIS}xsl-fo-compatible:1.0",
    "chart": f"{_OASIS}chart:1.0",
    "form": f"{_OASIS}form:1.0",
    "manifest": f"{_OASIS}manifest:1.0",
    "math": "http://www.w3.org/1998/Math/MathML",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xlink": "http://www.w3.org/1999/xlink",
    "xml": "http://www.w3.org/XML/1998/namespace",
}
_PREFIXES = {address: prefix for prefix, address in _NAMESPACES.items()}


def full_name(short: str) -> str:
    """Return ``text:p`` as lxml writes it: ``{namespace}p``."""
    prefix, _, name = short.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{name}"


def short_name(element: Element) -> str:
    """Return the name of an element with the usual prefix of its namespace; empty for one of another namespace."""
    tag: Any = element.tag
    if not isinstance(tag, str) or not tag.startswith("{"):
        return ""
    address, _, name = tag[1:].partition("}")
    prefix = _PREFIXES.get(address)
    return f"{prefix}:{name}" if prefix else ""


def attribute(element: Element, short: str, default: str = "") -> str:
    """Return an attribute by its short name."""
    value: str = element.get(full_name(short), default)
    return value


def whole_number(element: Element, short: str, default: int = 1) -> int:
    """Return an attribute as a number from 0 on; ``default`` if it is none."""
    value = attribute(element, short)
    found = integer_of(value, default)
    return found if found >= 0 else default
