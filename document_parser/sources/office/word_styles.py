"""Styles of Word documents: which paragraphs are headings, which runs are emphasised, raised or hidden.

Source: ECMA-376, part 1, section 17.7 (styles, ``basedOn``) and 17.3.2 (run properties).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from document_parser.models import BlockKind
from document_parser.sources.xml_trees import Element, integer_of

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
"""The namespace of Word, in lxml's form."""
VALUE = f"{WORD}val"
_NO_LEVEL = 9
"""The outline level of body text; headings have 0 to 8."""
MAX_LEVEL = 6
"""The deepest level of headings that the formats know."""
_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titolo|kop|rubrik|overskrift|otsikko|nagłówek|nadpis|címsor|заголовок|标题|標題|見出し|제목)"
    r"\s*([1-9])",
    re.IGNORECASE,
)
"""Names of heading styles. Word writes the English ones, other programs those of their language."""
_KINDS: dict[str, BlockKind] = {
    "title": "title", "caption": "caption", "source code": "code", "sourcecode": "code", "html preformatted": "code",
    "preformatted text": "code", "macro text": "code", "code": "code", "code block": "code", "verbatim": "code",
}  # fmt: skip
"""Names of styles that say what a paragraph is."""
_CODE_STYLES = frozenset({
    "html code", "html keyboard", "html sample", "html typewriter", "verbatim char", "source text", "inline code", "code",
    "code char", "source code char",
})  # fmt: skip
"""Names of character styles of code within a text: Word's own, and those of pandoc and of LibreOffice."""
_OFF = frozenset({"0", "false", "off", "none"})

Shift = Literal["", "super", "sub"]
"""Whether text is raised or lowered."""
_SHIFTS: dict[str, Shift] = {"superscript": "super", "subscript": "sub"}
_RUN_PROPERTIES = {
    f"{WORD}b": "bold", f"{WORD}i": "italic", f"{WORD}strike": "struck", f"{WORD}dstrike": "struck", f"{WORD}vanish": "hidden",
    f"{WORD}vertAlign": "shift", f"{WORD}rFonts": "font",
}  # fmt: skip
"""The run properties that matter to a text."""


class Look(NamedTuple):
    """How a run is shown. ``font`` is its font for signs, if one is named."""

    bold: bool = False
    italic: bool = False
    struck: bool = False
    shift: Shift = ""
    hidden: bool = False
    font: str | None = None
    code: bool = False


PLAIN = Look()


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """What a paragraph's style says of it.

    ``level`` is the level of a heading from 1; ``numbering`` the number of its list (None: no list), ``depth`` the level in the
    list from 0, None if the list says it. ``hidden`` is whether its text is.
    """

    identifier: str = ""
    kind: BlockKind | None = None
    level: int | None = None
    numbering: str | None = None
    depth: int | None = None
    hidden: bool = False


class StyleSource(Protocol):
    """Where the elements of styles are. ``default`` is the id of the style of paragraphs that name none; empty without one."""

    default: str

    def get(self, identifier: str) -> Element | None:
        """Return a style; None if there is none of the id."""


class Styles:
    """The styles of a document by their ids. Each is resolved when it is first asked for."""

    def __init__(self, source: StyleSource) -> None:
        """Keep where the styles are."""
        self._source = source
        self._paragraphs: dict[str | None, ParagraphStyle] = {}
        self._characters: dict[str, Look] = {}

    def paragraph(self, identifier: str | None) -> ParagraphStyle:
        """Return what the style of a paragraph says; None stands for the default style."""
        found = self._paragraphs.get(identifier)
        if found is None:
            found = self._paragraphs[identifier] = self._resolve_paragraph(identifier or self._source.default)
        return found

    def character(self, identifier: str) -> Look:
        """Return how a character style shows its runs."""
        found = self._characters.get(identifier)
        if found is None:
            found = PLAIN
            for style in reversed(list(self._chain(identifier))):
                found = look_of(style.find(f"{WORD}rPr"), found)
                if _name_of(style) in _CODE_STYLES:
                    found = found._replace(code=True)
            self._characters[identifier] = found
        return found

    def has_first_row(self, identifier: str) -> bool:
        """Return whether a table style sets the first row apart."""
        return any(
            part.get(f"{WORD}type") == "firstRow" and len(part)
            for style in self._chain(identifier)
            for part in style.iterchildren(f"{WORD}tblStylePr")
        )

    def number_of(self, identifier: str) -> str | None:
        """Return the list that a numbering style stands for; None if it has none."""
        return self._resolve_paragraph(identifier).numbering

    def _chain(self, identifier: str) -> Iterator[Element]:
        """Yield a style and those that it is based on, nearest first."""
        seen: set[str] = set()
        while identifier not in seen and (style := self._source.get(identifier)) is not None:
            seen.add(identifier)
            yield style
            based = style.find(f"{WORD}basedOn")
            identifier = based.get(VALUE, "") if based is not None else ""

    def _resolve_paragraph(self, identifier: str) -> ParagraphStyle:
        """Return a paragraph style with what it takes over from those that it is based on."""
        kind: BlockKind | None = None
        level = numbering = depth = None
        hidden = PLAIN
        chain = list(self._chain(identifier))
        for style in chain:
            name = _name_of(style)
            kind = kind or _KINDS.get(name)
            level = _level_of(style, name) if level is None else level
            number, deep = numbering_of(style.find(f"{WORD}pPr"))
            if numbering is None and number is not None:
                numbering = number
            depth = deep if depth is None else depth
        for style in reversed(chain):
            hidden = look_of(style.find(f"{WORD}rPr"), hidden)
        heading = min(level + 1, MAX_LEVEL) if level is not None and level < _NO_LEVEL else None
        return ParagraphStyle(identifier, kind, heading, numbering, depth, hidden.hidden)


def _name_of(style: Element) -> str:
    """Return the name of a style in lower case."""
    name = style.find(f"{WORD}name")
    return str(name.get(VALUE, "")).strip().lower() if name is not None else ""


def _level_of(style: Element, name: str) -> int | None:
    """Return the outline level that a style itself has, from 0; None if it says none."""
    properties = style.find(f"{WORD}pPr")
    level = outline_level(properties)
    if level is not None:
        return level
    match = _HEADING.fullmatch(name)
    return int(match[1]) - 1 if match else None


def outline_level(properties: Element | None) -> int | None:
    """Return the outline level in paragraph properties, 0 to 9; None if they have none."""
    found = None if properties is None else properties.find(f"{WORD}outlineLvl")
    return None if found is None else _number(found)


def indent_of(element: Element | None) -> int | None:
    """Return where a ``w:ind`` element says that text begins, in twentieths of a point; None if it does not."""
    text = None if element is None else element.get(f"{WORD}left") or element.get(f"{WORD}start")
    return integer_of(text, 0) if text else None


def numbering_of(properties: Element | None) -> tuple[str | None, int | None]:
    """Return the list and the level from 0 in paragraph properties; None for what they do not say."""
    found = None if properties is None else properties.find(f"{WORD}numPr")
    if found is None:
        return None, None
    number, level = found.find(f"{WORD}numId"), found.find(f"{WORD}ilvl")
    return (None if number is None else number.get(VALUE)), (None if level is None else _number(level))


def _number(element: Element) -> int | None:
    """Return the value of an element as a number; None if it is none."""
    number = integer_of(element.get(VALUE), -1)
    return number if number >= 0 else None


def look_of(properties: Element | None, base: Look = PLAIN) -> Look:
    """Return the look of run properties over the look of their style."""
    if properties is None or not len(properties):
        return base
    bold, italic, struck, shift, hidden, font, code = base
    for child in properties:
        match _RUN_PROPERTIES.get(child.tag):
            case "bold":
                bold = is_on(child)
            case "italic":
                italic = is_on(child)
            case "struck":
                struck = is_on(child)
            case "hidden":
                hidden = is_on(child)
            case "shift":
                shift = _SHIFTS.get(child.get(VALUE), "")
            case "font":
                font = child.get(f"{WORD}ascii") or child.get(f"{WORD}hAnsi") or font
    return Look(bold, italic, struck, shift, hidden, font, code)


def is_on(element: Element | None) -> bool:
    """Return whether a property is there and not switched off."""
    return element is not None and element.get(VALUE) not in _OFF
