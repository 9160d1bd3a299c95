"""The text of diagrams (SmartArt) as a nested list, from their data part.

Source: ECMA-376, part 1, section 21.4: points with text, and connections that make them a tree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from document_parser.sources.xml_trees import Element, integer_of, local_name

_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_NO_NODES = frozenset({"doc", "pres", "parTrans", "sibTrans"})
"""Types of points that hold no text of their own: the root, the shapes drawn, and the lines between nodes."""


class DiagramItem(NamedTuple):
    """The text of a node, and its depth from 1."""

    text: str
    level: int


def read_diagram(root: Element) -> list[DiagramItem]:
    """Return the nodes of a diagram with text in their order; nodes that no connection reaches come last."""
    points = {point.get("modelId"): point for point in root.iter(f"{_DIAGRAM}pt")}
    children: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for connection in root.iter(f"{_DIAGRAM}cxn"):
        if connection.get("type", "parOf") == "parOf":
            order = integer_of(connection.get("srcOrd"), 0)
            children[connection.get("srcId")].append((order, connection.get("destId", "")))
    seen: set[str] = set()
    roots = [key for key, point in points.items() if point.get("type") == "doc"]
    items = [item for key in roots for item in _below(key, 0, points, children, seen)]
    rest = [key for key in points if key not in seen and points[key].get("type", "node") not in _NO_NODES]
    return items + [item for key in rest for item in _below(key, 1, points, children, seen)]


def _below(
    key: str, level: int, points: dict[str, Element], children: dict[str, list[tuple[int, str]]], seen: set[str]
) -> Iterator[DiagramItem]:
    """Yield a node and those below it, each once."""
    waiting = [(key, level)]
    while waiting:
        now, depth = waiting.pop()
        if now in seen or now not in points:
            continue
        seen.add(now)
        text = "" if points[now].get("type", "node") in _NO_NODES else text_of_paragraphs(points[now])
        if text:
            yield DiagramItem(text, max(1, depth))
        below = depth + 1 if text or not depth else depth
        waiting += [(child, below) for _, child in sorted(children.get(now, ()), reverse=True)]


def text_of_paragraphs(element: Element) -> str:
    """Return the text of the DrawingML paragraphs within an element, one a line."""
    lines = ("".join(map(_piece, paragraph.iter())) for paragraph in element.iter(f"{_DRAWING}p"))
    return "\n".join(line.strip() for line in lines if line.strip())


def _piece(element: Element) -> str:
    """Return what one element of a paragraph shows."""
    if not str(element.tag).startswith(_DRAWING):
        return ""
    name = local_name(element)
    return element.text or "" if name == "t" else "\n" if name == "br" else ""
