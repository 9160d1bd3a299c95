"""Styles of OpenDocument: which text is bold, hidden or raised, how lists are numbered, which slides are hidden."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from document_parser.sources.opendocument.names import attribute, full_name, short_name, whole_number
from document_parser.sources.xml_trees import Element, integer_of

_CODE_STYLES = frozenset({"Source_20_Text", "Source_Text", "User_20_Entry", "Example", "Teletype"})
"""Character styles of code within a text: LibreOffice's own, and those of pandoc."""
_MAX_PARENTS = 50
"""Styles that a style is based on; a longer chain is a circle."""


class TextLook(NamedTuple):
    """How a style shows text."""

    bold: bool = False
    italic: bool = False
    struck: bool = False
    hidden: bool = False
    position: str = ""
    """``super`` or ``sub``; empty for text on the line."""
    code: bool = False


class LevelStyle(NamedTuple):
    """How one level of a list is numbered; ``number_format`` is empty for bullets and unnumbered levels."""

    number_format: str = ""
    prefix: str = ""
    suffix: str = ""
    shown_levels: int = 1
    start: int = 1
    is_bullet: bool = False


@dataclass
class Styles:
    """The styles of a document, those of its content before the common ones."""

    styles: dict[tuple[str, str], Element] = field(default_factory=dict)
    lists: dict[str, dict[int, LevelStyle]] = field(default_factory=dict)
    outline: dict[int, LevelStyle] = field(default_factory=dict)
    _looks: dict[tuple[str, str], TextLook] = field(default_factory=dict)

    def add(self, root: Element) -> None:
        """Add the styles of a file; those that are known already stay."""
        for element in root.iter(full_name("style:style"), full_name("text:list-style"), full_name("text:outline-style")):
            match short_name(element):
                case "style:style":
                    key = attribute(element, "style:family"), attribute(element, "style:name")
                    self.styles.setdefault(key, element)
                case "text:list-style":
                    self.lists.setdefault(attribute(element, "style:name"), _levels_of(element))
                case _:
                    self.outline = self.outline or _levels_of(element)

    def look(self, family: str, name: str) -> TextLook:
        """Return how a style shows text, with what it inherits."""
        key = family, name
        if key not in self._looks:
            self._looks[key] = self._find_look(family, name)
        return self._looks[key]

    def _find_look(self, family: str, name: str) -> TextLook:
        values: dict[str, str] = {}
        chain = self._chain(family, name)
        for style in chain:
            for properties in style.iterchildren(full_name("style:text-properties")):
                for key, value in properties.attrib.items():
                    values.setdefault(key, value)
        weight = values.get(full_name("fo:font-weight"), "")
        through = values.get(
            full_name("style:text-line-through-style"), values.get(full_name("style:text-line-through-type"), "")
        )
        position = values.get(full_name("style:text-position"), "").split(" ")[0]
        return TextLook(
            bold=weight == "bold" or integer_of(weight, 0) >= 600,
            italic=values.get(full_name("fo:font-style"), "") in ("italic", "oblique"),
            struck=through not in ("", "none"),
            hidden=values.get(full_name("text:display"), "") == "none",
            position=_position_of(position),
            code=family == "text" and any(attribute(style, "style:name") in _CODE_STYLES for style in chain),
        )

    def _chain(self, family: str, name: str) -> list[Element]:
        """Return a style and those that it is based on, the nearest first."""
        found: list[Element] = []
        while name and len(found) < _MAX_PARENTS and (style := self.styles.get((family, name))) is not None:
            found.append(style)
            name = attribute(style, "style:parent-style-name")
        return found

    def outline_level(self, name: str) -> int:
        """Return the level of headings that a style of paragraphs says; 0 if it says none."""
        for style in self._chain("paragraph", name):
            if level := whole_number(style, "style:default-outline-level", 0):
                return level
        return 0

    def list_style_of(self, name: str) -> str:
        """Return the style of lists that a style of paragraphs names; empty if it names none."""
        return next(
            (found for style in self._chain("paragraph", name) if (found := attribute(style, "style:list-style-name"))), ""
        )

    def is_hidden_page(self, name: str) -> bool:
        """Return whether a style of slides hides them."""
        return any(
            attribute(properties, "presentation:visibility") == "hidden"
            for style in self._chain("drawing-page", name)
            for properties in style.iterchildren(full_name("style:drawing-page-properties"))
        )


def _position_of(value: str) -> str:
    """Return ``super`` or ``sub`` for the first word of a position: a word, or a share of the font size."""
    if value in ("super", "sub"):
        return value
    share = value.removesuffix("%")
    if share == value or share.lstrip("-").strip("0") == "":
        return ""
    return "sub" if share.startswith("-") else "super"


def _levels_of(style: Element) -> dict[int, LevelStyle]:
    """Return the levels of a style of lists."""
    found = {}
    for level in style:
        name = short_name(level)
        if name in ("text:list-level-style-number", "text:outline-level-style"):
            found[whole_number(level, "text:level")] = LevelStyle(
                number_format=attribute(level, "style:num-format"),
                prefix=attribute(level, "style:num-prefix"),
                suffix=attribute(level, "style:num-suffix"),
                shown_levels=whole_number(level, "text:display-levels"),
                start=whole_number(level, "text:start-value"),
            )
        elif name in ("text:list-level-style-bullet", "text:list-level-style-image"):
            found[whole_number(level, "text:level")] = LevelStyle(is_bullet=True)
    return found
