"""The words of SVG drawings."""

from __future__ import annotations

from document_parser.sources.markup.images import data_of
from document_parser.sources.markup.tree import Element, parse_html


def drawing_text(drawing: Element) -> str:
    """Return the words of an SVG drawing, a line for each text; its title if it has none."""
    texts = [element for element in drawing.walk() if element.tag in {"text", "foreignobject"}]
    lines = [" ".join(element.text().split()) for element in texts]
    if not any(lines):
        lines = [" ".join(child.text().split()) for child in drawing.elements() if child.tag == "title"]
        lines = lines or [drawing.get("aria-label")]
    return "\n".join(filter(None, lines))


def words_in(address: str) -> str:
    """Return the words of a drawing that the page holds as a ``data:`` address."""
    if not address.startswith("data:image/svg+xml"):
        return ""
    try:
        return drawing_text(parse_html(data_of(address).decode("utf-8", "replace")).root)
    except ValueError:
        return ""
