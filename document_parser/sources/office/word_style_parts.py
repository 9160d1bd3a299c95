"""The styles of a Word document, each made into a tree when it is first asked for.

A usual file has hundreds of styles, of which a document uses a dozen: a tree of all of them costs more than that of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from document_parser.errors import DamagedDocument
from document_parser.sources.office.word_pruning import is_written_as_usual
from document_parser.sources.office.word_styles import WORD
from document_parser.sources.xml_trees import Element, parse_xml

_STYLE = re.compile(rb"<w:style(\s[^<>]*)?>")
_END = b"</w:style>"
_ATTRIBUTE = re.compile(rb'\s([\w:]+)="([^"&]*)"')
_ATTRIBUTES = re.compile(rb'(?:\s+[\w:]+="[^"&]*")*\s*')
_ROOT = re.compile(rb"<w:styles\b[^<>]*[^/<>]>")
_CLOSED = b"</w:styles>"
_OTHER_ENCODING = re.compile(rb"""\s*<\?xml[^>]*\sencoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_DEFAULT = frozenset({"1", "true", "on"})


class StyleTree:
    """The styles of a part of which the whole tree was made."""

    def __init__(self, root: Element | None) -> None:
        """Take the root of the part; None if the document has none."""
        self.default = ""
        self._elements: dict[str, Element] = {}
        for style in root.iterchildren(f"{WORD}style") if root is not None else ():
            identifier = style.get(f"{WORD}styleId", "")
            self._elements[identifier] = style
            if style.get(f"{WORD}type") == "paragraph" and style.get(f"{WORD}default") in _DEFAULT:
                self.default = identifier

    def get(self, identifier: str) -> Element | None:
        """Return a style; None if there is none of the id."""
        return self._elements.get(identifier)


class StyleParts:
    """The styles of a part that is cut into pieces. ``note_damage`` is called for a piece that cannot be read."""

    def __init__(self, start: bytes, pieces: dict[str, bytes], default: str, note_damage: Callable[[], None]) -> None:
        """Keep the start tag of the root, the pieces by the ids of their styles, and the id of the default style."""
        self.default = default
        self._start = start
        self._pieces = pieces
        self._note_damage = note_damage
        self._elements: dict[str, Element | None] = {}

    def get(self, identifier: str) -> Element | None:
        """Return a style; None if there is none of the id, or it is damaged."""
        if identifier not in self._elements:
            piece = self._pieces.get(identifier)
            self._elements[identifier] = None if piece is None else self._read(piece)
        return self._elements[identifier]

    def _read(self, piece: bytes) -> Element | None:
        """Return the tree of a style; None if it is damaged."""
        try:
            return parse_xml(b"".join((self._start, piece, _CLOSED)))[0]
        except DamagedDocument:
            self._note_damage()
            return None


def split_styles(data: bytes, note_damage: Callable[[], None]) -> StyleParts | None:
    """Return the styles of a part without making a tree of all; None if it is written in another way than programs do."""
    root = _ROOT.search(data)
    if root is None or _OTHER_ENCODING.match(data) or not is_written_as_usual(data) or not data.rstrip().endswith(_CLOSED):
        return None
    pieces: dict[str, bytes] = {}
    default, place = "", root.end()
    while (start := _STYLE.search(data, place)) is not None:
        end = data.find(_END, start.end())
        tag = start[1] or b""
        if end < 0 or _ATTRIBUTES.fullmatch(tag) is None:
            return None
        place = end + len(_END)
        facts = {name: value.decode("utf-8", "replace") for name, value in _ATTRIBUTE.findall(tag)}
        identifier = facts.get(b"w:styleId", "")
        pieces[identifier] = data[start.start() : place]
        if facts.get(b"w:type") == "paragraph" and facts.get(b"w:default") in _DEFAULT:
            default = identifier
    return StyleParts(root[0], pieces, default, note_damage)
