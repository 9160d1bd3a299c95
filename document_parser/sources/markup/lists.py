"""Labels of HTML lists as browsers show them."""

from __future__ import annotations

from document_parser.sources.markup.tree import Element
from document_parser.text.numerals import format_number

BULLET = "• "
"""Before items without a number."""

_TYPES = {
    "lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "upper-latin": "A", "lower-roman": "i", "upper-roman": "I",
    "decimal": "1", "none": "none",
}  # fmt: skip
"""Values of list-style-type and the ``type`` of HTML that they stand for."""


class ListLevel:
    """A list that is being read: its items are numbered or have bullets."""

    def __init__(self, element: Element, style: dict[str, str]) -> None:
        """Read the attributes of the list; ``style`` are its inline declarations."""
        kind = style.get("list-style-type", "") or style.get("list-style", "")
        self._ordered = element.tag == "ol"
        self._type = next((_TYPES[word] for word in kind.split() if word in _TYPES), element.get("type") or "1")
        items = sum(child.tag == "li" for child in element.elements())
        self._step = -1 if "reversed" in element.attributes else 1
        self._next = integer(element.get("start"), items if self._step < 0 else 1)

    def label(self, item: Element) -> str:
        """Return the label of the next item, with a space behind it; empty for a list without marks."""
        if not self._ordered:
            return "" if self._type == "none" else BULLET
        number = integer(item.get("value"), self._next)
        self._next = number + self._step
        kind = item.get("type") or self._type
        return "" if kind == "none" else f"{format_number(number, kind)}. "


def integer(text: str, default: int) -> int:
    """Return a whole number written in an attribute; the default for anything else."""
    digits = text.lstrip("+-")
    return int(text) if digits.isascii() and digits.isdigit() and len(text) < 10 and len(text) - len(digits) < 2 else default
