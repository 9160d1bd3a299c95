"""How the text inside an element of HTML looks: emphasis, links, raised and lowered text."""

from __future__ import annotations

import re

from document_parser.sources.markup.page import HtmlPage
from document_parser.sources.markup.tree import Element
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Style

_BOLD, _ITALIC, _STRUCK = (
    frozenset({"b", "strong"}),
    frozenset({"i", "em", "cite", "dfn", "var"}),
    frozenset({"del", "s", "strike"}),
)
_CODE = frozenset({"code", "kbd", "samp", "tt"})
"""Elements of code. What is in ``pre`` is a block of code, whose text has no style."""


def styled(element: Element, style: dict[str, str], look: Style, page: HtmlPage) -> Style:
    """Return the style of the text inside an element."""
    weight, lines = style.get("font-weight", ""), style.get("text-decoration", "") + style.get("text-decoration-line", "")
    if element.tag in _BOLD or weight in {"bold", "bolder"} or (weight.isdigit() and int(weight[:4]) >= 600):
        look = look._replace(bold=True)
    elif weight in {"normal", "400"}:
        look = look._replace(bold=False)
    if element.tag in _ITALIC or style.get("font-style") in {"italic", "oblique"}:
        look = look._replace(italic=True)
    elif style.get("font-style") == "normal":
        look = look._replace(italic=False)
    if element.tag in _STRUCK or "line-through" in lines:
        look = look._replace(struck=True)
    if element.tag in _CODE:
        look = look._replace(code=True)
    if element.tag == "a" and element.get("href"):
        look = look._replace(link=page.link(element.get("href")))
    return look


def raised(text: str) -> str:
    """Return raised text; marks that say by themselves what they are stay as they are."""
    return as_superscript(text) if _is_shiftable(text) else text


def lowered(text: str) -> str:
    """Return lowered text."""
    return as_subscript(text) if _is_shiftable(text) else text


def _is_shiftable(text: str) -> bool:
    """Return whether a text would be misread at the height of the line: not a note in brackets, a symbol, or a long text."""
    inner = text.strip()
    return (
        bool(re.search(r"\w", inner))
        and not re.fullmatch(r"[\[(].*[\])]", inner, re.S)
        and len(inner) <= 12
        and "$" not in inner
    )
