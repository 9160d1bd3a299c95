"""The text of paragraphs: runs with their style, and what is anchored in them, which comes after the paragraph."""

from __future__ import annotations

from dataclasses import dataclass, field

from document_parser.models import Span
from document_parser.sources.office.omml import inline_formula
from document_parser.sources.opendocument.names import attribute, short_name, whole_number
from document_parser.sources.opendocument.package import Package
from document_parser.sources.opendocument.styles import TextLook
from document_parser.sources.xml_trees import Element
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Run, Style, safe_link_of, spans_of, strip_runs, text_of

MAX_SPACES = 1000
"""Spaces that one element may stand for."""
MAX_DEPTH = 100
"""Depth of elements within a paragraph."""

_ANCHORED = frozenset({"draw:frame", "draw:g", "draw:custom-shape", "draw:rect", "draw:ellipse", "draw:line", "draw:path",
                       "draw:polyline", "draw:polygon", "draw:connector", "draw:caption", "draw:circle"})  # fmt: skip
_SKIPPED = frozenset({"text:bookmark", "office:event-listeners", "text:script", "text:soft-page-break",
                      "office:annotation-end", "text:reference-mark", "text:change", "svg:title", "svg:desc"})  # fmt: skip


@dataclass
class Paragraph:
    """A paragraph: its runs, what is anchored in it (drawings, notes, comments), and its hidden text."""

    runs: list[Run] = field(default_factory=list)
    anchored: list[Element] = field(default_factory=list)
    notes: list[Element] = field(default_factory=list)
    comments: list[Element] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    is_hidden: bool = False
    """Whether the file says that the paragraph is not shown."""
    formulas: int = 0

    @property
    def text(self) -> str:
        """Return the text without white space at its ends."""
        return text_of(self.runs).strip()

    def text_and_spans(self) -> tuple[str, list[Span]]:
        """Return the text with its spans, white space at its ends removed."""
        runs = strip_runs(self.runs)
        return text_of(runs), spans_of(runs)


def read_paragraph(element: Element, package: Package) -> Paragraph:
    """Return the text of a paragraph or heading."""
    found = Paragraph()
    look = package.styles.look("paragraph", attribute(element, "text:style-name"))
    base = TextLook(hidden=look.hidden)  # what the whole paragraph looks like is no emphasis
    _read(element, package, base, None, found, 0)
    return found


def _read(element: Element, package: Package, look: TextLook, link: str | None, found: Paragraph, depth: int) -> None:
    """Add the text of an element and of those in it."""
    _add(element.text, look, link, found)
    for child in element:
        if depth < MAX_DEPTH:
            _read_child(child, package, look, link, found, depth + 1)
        _add(child.tail, look, link, found)


def _read_child(child: Element, package: Package, look: TextLook, link: str | None, found: Paragraph, depth: int) -> None:
    """Add one element within a paragraph."""
    name = short_name(child)
    if name == "text:s":
        _add(" " * min(MAX_SPACES, whole_number(child, "text:c")), look, link, found, keep=True)
    elif name == "text:tab":
        _add("\t", look, link, found, keep=True)
    elif name == "text:line-break":
        _add("\n", look, link, found, keep=True)
    elif name == "text:span":
        own = package.styles.look("text", attribute(child, "text:style-name"))
        _read(child, package, _combine(look, own), link, found, depth)
    elif name == "text:a":
        _read(child, package, look, safe_link_of(attribute(child, "xlink:href")) or link, found, depth)
    elif name == "text:note":
        mark = "".join(text for part in child if short_name(part) == "text:note-citation" for text in part.itertext())
        note = Style(note=attribute(child, "text:id") or None)
        _add(as_superscript(mark.strip()), look, link, found, keep=True, style=note)
        found.notes.append(child)
    elif name == "office:annotation":
        found.comments.append(child)
    elif name in _ANCHORED:
        _add_drawing(child, package, look, found)
    elif name == "draw:control":
        _add(package.controls.get(attribute(child, "draw:control")), look, link, found, keep=True)
    elif name == "text:ruby-text":
        reading = " ".join("".join(child.itertext()).split())
        _add(f"({reading})" if reading else "", look, link, found)
    elif name == "text:hidden-paragraph":
        found.is_hidden |= attribute(child, "text:is-hidden", "true") != "false"
    elif name == "text:hidden-text":
        hidden = "".join(child.itertext()) or attribute(child, "text:string-value")
        if attribute(child, "text:is-hidden", "true") != "false":
            found.hidden.append(hidden)
        else:
            _add(hidden, look, link, found)
    elif name not in _SKIPPED:
        _read(child, package, look, link, found, depth)  # a field, a mark around text, or an element that nobody knows


def _add_drawing(drawing: Element, package: Package, look: TextLook, found: Paragraph) -> None:
    """Add a formula to the text; any other drawing comes after the paragraph."""
    latex = package.formula_of(drawing)
    if latex:
        found.formulas += 1
        _add(inline_formula(latex), TextLook(hidden=look.hidden), None, found, keep=True)
    else:
        found.anchored.append(drawing)


def _combine(outer: TextLook, inner: TextLook) -> TextLook:
    """Return the look of text in a span within a span."""
    return TextLook(
        outer.bold or inner.bold, outer.italic or inner.italic, outer.struck or inner.struck, outer.hidden or inner.hidden,
        inner.position or outer.position, outer.code or inner.code,
    )  # fmt: skip


def _add(
    text: str | None, look: TextLook, link: str | None, found: Paragraph, *, keep: bool = False, style: Style | None = None
) -> None:
    """Add text in one look, or in a style of its own. White space is one space, as the format says, unless it is to be kept."""
    if not text:
        return
    shown = text if keep else _collapse(text, found)
    if look.hidden:
        found.hidden.append(shown)
        return
    if look.position:
        shown = as_superscript(shown) if look.position == "super" else as_subscript(shown)
    if shown:
        found.runs.append(Run(shown, style or Style(look.bold, look.italic, link, look.struck, look.code)))


def _collapse(text: str, found: Paragraph) -> str:
    """Return a text with one space for each run of white space, and none behind a space that is there already."""
    words = text.split()
    if not words:
        return "" if found.runs and found.runs[-1].text.endswith((" ", "\n", "\t")) else " "
    lead = " " if text[0].isspace() and not (found.runs and found.runs[-1].text.endswith((" ", "\n"))) else ""
    return f"{lead}{' '.join(words)}{' ' if text[-1].isspace() else ''}"
