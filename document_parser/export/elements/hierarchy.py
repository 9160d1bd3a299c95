"""Find the parent of each element: the title, header or list item that it is below.

Source: ``set_element_hierarchy`` of the library ``unstructured``, whose rules these are.
"""

from __future__ import annotations

from document_parser.export.elements.element import Element

_BELOW_TITLES = frozenset(
    {"Text", "UncategorizedText", "NarrativeText", "ListItem", "BulletedText", "Table", "FigureCaption", "CheckBox"}
)
_BELOW: dict[str, frozenset[str]] = {"Title": _BELOW_TITLES, "Header": _BELOW_TITLES | {"Title"}}
"""The types of elements that may be below one of another type."""


class Hierarchy:
    """The elements that the next one may be below."""

    def __init__(self) -> None:
        self._open: list[tuple[str, int, str]] = []

    def parent_of(self, element: Element) -> str | None:
        """Return the id of the element's parent; None if it is below nothing. The element may have children from now on."""
        depth = element.metadata.get("category_depth") or 0
        while self._open and not _is_below(element.type, depth, *self._open[-1][:2]):
            self._open.pop()
        parent = self._open[-1][2] if self._open else None
        self._open.append((element.type, depth, element.element_id))
        return parent


def _is_below(kind: str, depth: int, other: str, other_depth: int) -> bool:
    """Return whether an element of this type and depth is below the other."""
    return other_depth < depth if kind == other else kind in _BELOW.get(other, ())
