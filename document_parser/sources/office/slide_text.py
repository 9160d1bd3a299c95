"""The text of shapes on slides (DrawingML): paragraphs with emphasis, list depth and labels, fields and formulas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from document_parser.models import Block, BlockKind, LayerName
from document_parser.sources.office.omml import MATH, inline_formula, latex_of_math
from document_parser.sources.office.package import RELATIONSHIPS, Relationship
from document_parser.sources.xml_trees import Element, integer_of, local_name
from document_parser.text.numerals import format_number
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Run, Style, safe_link_of, slice_runs, spans_of, strip_runs, text_of

DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
"""The namespace of DrawingML, in lxml's form."""
_MAX_LEVEL = 9
_NUMBER_SHAPES = {"ParenBoth": ("(", ")"), "ParenR": ("", ")"), "Period": ("", "."), "Plain": ("", "")}


@dataclass
class ListLabels:
    """Counts the numbered paragraphs of one shape."""

    counts: dict[int, tuple[str, int]] = field(default_factory=dict)

    def next(self, level: int, scheme: str, start: int) -> str:
        """Return the label of the next paragraph of a level. Deeper levels begin anew, and so does another scheme."""
        for deeper in [one for one in self.counts if one > level]:
            del self.counts[deeper]
        before = self.counts.get(level)
        number = before[1] + 1 if before is not None and before[0] == scheme else start
        self.counts[level] = scheme, number
        return format_label(number, scheme)

    def interrupt(self, level: int) -> None:
        """Note a paragraph without a number: the numbers of its level and of deeper ones begin anew."""
        for one in [one for one in self.counts if one >= level]:
            del self.counts[one]


_OPENING, _CLOSING = frozenset("<‹"), frozenset(">›")
"""Around what stands for a number that programs put in: PowerPoint writes ``‹#›``, LibreOffice ``<number>``."""


def format_label(number: int, scheme: str) -> str:
    """Return a number in a scheme such as ``arabicPeriod`` (ECMA-376, 20.1.10.61); an unknown scheme counts ``1.``."""
    shape = next((one for one in _NUMBER_SHAPES if scheme.endswith(one)), "Period")
    kind = scheme.removesuffix(shape)
    text = format_number(number, "a" if kind.startswith("alpha") else "i" if kind.startswith("roman") else "1")
    text = text.upper() if kind.endswith("Uc") else text
    before, after = _NUMBER_SHAPES[shape]
    return f"{before}{text}{after}"


@dataclass(frozen=True)
class BulletStyles:
    """What says whether paragraphs are list items, the nearest first: lists of styles, and properties of levels."""

    styles: tuple[Element, ...] = ()

    def bullet_of(self, paragraph: Element, level: int) -> Element | None:
        """Return the element that says how a paragraph is marked; None if nothing does."""
        own = paragraph.find(f"{DRAWING}pPr")
        for properties in (own, *(style.find(f"{DRAWING}lvl{level}pPr") for style in self.styles)):
            for element in properties if properties is not None else ():
                if local_name(element) in {"buNone", "buChar", "buAutoNum", "buBlip"}:
                    return element
        return None


class TextReader:
    """Reads the text bodies of shapes of one slide."""

    def __init__(self, relationships: dict[str, Relationship]) -> None:
        """Keep the relationships of the slide, which name the addresses of links."""
        self._relationships = relationships

    def blocks(self, body: Element, styles: BulletStyles, layer: LayerName = "body") -> list[Block]:
        """Return the paragraphs of a text body, those with a bullet or number as list items."""
        labels, found = ListLabels(), []
        for paragraph in body.iterchildren(f"{DRAWING}p"):
            properties = paragraph.find(f"{DRAWING}pPr")
            level = _level_of(properties)
            runs = strip_runs(list(self._runs(paragraph)))
            if not runs:
                continue
            found.append(_block_of(runs, level, styles.bullet_of(paragraph, level), labels, layer))
        return found

    def text(self, body: Element | None) -> str:
        """Return the text of a body, a line a paragraph."""
        if body is None:
            return ""
        lines = (text_of(list(self._runs(paragraph))).strip() for paragraph in body.iterchildren(f"{DRAWING}p"))
        return "\n".join(line for line in lines if line)

    def _runs(self, paragraph: Element) -> Iterator[Run]:
        """Yield the runs of a paragraph: text, fields, line breaks and formulas; the first version of alternatives."""
        for element in paragraph:
            name = local_name(element)
            if name == "r" or (name == "fld" and not _is_stand_in(element)):
                yield self._run(element)
            elif name == "br":
                yield Run("\n")
            elif name == "AlternateContent":
                yield from self._runs(next(iter(element), element))
            elif element.tag in {f"{MATH}oMath", f"{MATH}oMathPara"}:
                yield Run(inline_formula(latex_of_math(element)))
            elif name == "m":
                yield from self._runs(element)

    def _run(self, element: Element) -> Run:
        """Return one run in its style."""
        found = element.find(f"{DRAWING}t")
        text = (found.text or "" if found is not None else "").replace("\v", "\n")
        properties = element.find(f"{DRAWING}rPr")
        if properties is None:
            return Run(text)
        shift = integer_of(properties.get("baseline"), 0)
        if shift:
            text = as_subscript(text) if shift < 0 else as_superscript(text)
        style = Style(
            bold=properties.get("b") in {"1", "true"},
            italic=properties.get("i") in {"1", "true"},
            link=self._link(properties),
            struck=properties.get("strike", "noStrike") != "noStrike",
        )
        return Run(text, style)

    def _link(self, properties: Element) -> str | None:
        """Return the address that a run leads to; None if it leads nowhere safe."""
        link = properties.find(f"{DRAWING}hlinkClick")
        found = self._relationships.get(link.get(f"{RELATIONSHIPS}id", "")) if link is not None else None
        return safe_link_of(found.target) if found is not None and found.external else None


def _level_of(properties: Element | None) -> int:
    """Return the depth of a paragraph from 1."""
    level = integer_of(properties.get("lvl"), 0) if properties is not None else 0
    return max(1, min(_MAX_LEVEL, level + 1))


def _block_of(runs: list[Run], level: int, bullet: Element | None, labels: ListLabels, layer: LayerName) -> Block:
    """Return a paragraph as block."""
    mark = local_name(bullet) if bullet is not None else "buNone"
    if mark == "buNone":
        labels.interrupt(level)
        return _make("paragraph", runs, layer)
    if mark == "buAutoNum" and bullet is not None:
        start = integer_of(bullet.get("startAt"), 1)
        label = labels.next(level, bullet.get("type", "arabicPeriod"), start)
        return _make("list_item", [Run(f"{label} "), *runs], layer, level)
    return _make("list_item", runs, layer, level)


def _make(kind: BlockKind, runs: list[Run], layer: LayerName, level: int | None = None) -> Block:
    """Return a block of runs."""
    runs = slice_runs(runs, 0)
    return Block(kind=kind, text=text_of(runs), spans=spans_of(runs), layer=layer, level=level)


def _is_stand_in(field: Element) -> bool:
    """Return whether a field is the number of a slide and its text only stands for it, such as ``‹#›`` or ``<number>``."""
    found = field.find(f"{DRAWING}t")
    text = (found.text or "" if found is not None else "").strip()
    return field.get("type") == "slidenum" and text[:1] in _OPENING and text[-1:] in _CLOSING
