"""HTML as a tree of bounded depth, parsed as browsers do. Runs in the opener child.

Lexbor follows the parsing rules of the HTML standard. Its time grows with the square of the depth, and so does that of every
program that follows them: tags that nest deeper than MAX_DEPTH are left out before it sees them, their text stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_DEPTH = 256
"""Elements inside each other; browsers stop at 512, pages of people stay below 100."""
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
"""Elements that have no end tag."""

_END_OPTIONAL = frozenset({
    "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup", "colgroup", "rp", "rt",
    "rb", "rtc", "html", "head", "body",
})  # fmt: skip
"""Elements that the next one ends; they nest only with others."""
_ATTRIBUTES = r"(?:[^<>\"'/]|/(?!>)|\"[^\"]{0,65536}\"|'[^']{0,65536}')*+"
"""What may follow a tag's name. Longer values are those of images, which do not nest."""
_TAG = re.compile(rf"<(/?)([a-zA-Z][^\s/>]*){_ATTRIBUTES}/?>")
_SELF_CLOSED = re.compile(rf"<([a-zA-Z][^\s/>]*)({_ATTRIBUTES})/>")
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.S)
_XHTML = re.compile(r"\s*<\?xml\b|<html[^>]+xmlns\s*=", re.I)


class Element:
    """An element of a page: its name in lower case without prefix, its attributes, its texts and elements in order."""

    __slots__ = ("attributes", "children", "tag")

    def __init__(self, tag: str, attributes: dict[str, str] | None = None, children: list[Element | str] | None = None) -> None:
        """Make an element; attributes without a value are empty strings."""
        self.tag = tag
        self.attributes = attributes if attributes is not None else {}
        self.children = children if children is not None else []

    def get(self, name: str) -> str:
        """Return an attribute without white space at its ends; empty if there is none."""
        return self.attributes.get(name, "").strip()

    def elements(self) -> Iterator[Element]:
        """Yield the elements directly inside this one."""
        return (child for child in self.children if isinstance(child, Element))

    def walk(self) -> Iterator[Element]:
        """Yield this element and all inside it, in the order of the page."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += [child for child in reversed(element.children) if isinstance(child, Element)]

    def find(self, tag: str) -> Element | None:
        """Return the first element of this name, or this one; None if there is none."""
        return next((element for element in self.walk() if element.tag == tag), None)

    def text(self) -> str:
        """Return all text inside, as written."""
        pieces, waiting = [], list[Element | str]([self])
        while waiting:
            node = waiting.pop()
            if isinstance(node, str):
                pieces.append(node)
            else:
                waiting += reversed(node.children)
        return "".join(pieces)


class ParsedHtml:
    """A parsed page: its root element, and how many tags nested too deep and were left out."""

    __slots__ = ("left_out", "root")

    def __init__(self, root: Element, left_out: int) -> None:
        """Keep both."""
        self.root = root
        self.left_out = left_out


def parse_html(text: str) -> ParsedHtml:
    """Parse a page, or a piece of one. XHTML is read the same way, with its tags that end in themselves and its CDATA."""
    if _XHTML.search(text[:4096]):
        text = _as_html(text)
    text, left_out = _limit_depth(text)
    parser = LexborHTMLParser(text)
    return ParsedHtml(_tree_of(parser.root), left_out) if parser.root is not None else ParsedHtml(Element("html"), left_out)


def _as_html(text: str) -> str:
    """Return XHTML written so that HTML parsers understand it."""
    text = _CDATA.sub(lambda match: escape(match[1], quote=False), text)
    return _SELF_CLOSED.sub(
        lambda match: match[0] if match[1].lower() in VOID else f"<{match[1]}{match[2]}></{match[1]}>", text
    )


def _limit_depth(text: str) -> tuple[str, int]:
    """Return the page without tags that nest deeper than MAX_DEPTH, and how many those are."""
    if text.count("<") <= MAX_DEPTH:
        return text, 0
    depth = left_out = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth, left_out
        name = match[2].lower()
        if name in VOID or name in _END_OPTIONAL or match[0].endswith("/>"):
            return match[0]
        depth += -1 if match[1] else 1
        depth = max(depth, 0)
        if depth < MAX_DEPTH:
            return match[0]
        left_out += not match[1]
        return " "

    limited = _TAG.sub(keep, text)
    return (limited, left_out) if left_out else (text, 0)


def _tree_of(root: LexborNode) -> Element:
    """Return the tree of our elements, without comments, with the content of templates."""
    top = Element(root.tag or "html")
    waiting: list[tuple[LexborNode, Element]] = [(root, top)]
    while waiting:
        node, element = waiting.pop()
        child = node.child
        while child is not None:
            if child.is_text_node:
                element.children.append(child.text_content or "")
            elif child.is_element_node:
                inner = Element(_name_of(child), {name.lower(): value or "" for name, value in child.attributes.items()})
                element.children.append(inner)
                waiting.append((child, inner))
                if inner.tag == "template":
                    waiting += [(fragment, inner) for fragment in child.template_fragments()[:1]]
            child = child.next
    return top


def _name_of(node: LexborNode) -> str:
    """Return the name of an element without a prefix, which XHTML may give to formulas and drawings."""
    return (node.tag or "").lower().rpartition(":")[2]
