"""What drawings of Word hold: text boxes, pictures, charts, diagrams, writing in shapes, embedded objects.

DrawingML and the older VML are walked alike; of two versions of one drawing (``mc:AlternateContent``) one is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from document_parser.errors import DocumentError
from document_parser.models import Block
from document_parser.sources.office.charts import chart_blocks
from document_parser.sources.office.package import RELATIONSHIPS
from document_parser.sources.office.smartart import read_diagram, text_of_paragraphs
from document_parser.sources.office.word_styles import WORD
from document_parser.sources.xml_trees import Element, is_true, local_name

if TYPE_CHECKING:
    from document_parser.sources.office.word_context import WordContext

COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
"""The namespace of content in several versions, in lxml's form."""
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_VML = "{urn:schemas-microsoft-com:vml}"
_VML_OFFICE = "{urn:schemas-microsoft-com:office:office}"
_CHARTS = frozenset(
    f"{{{name}}}chart"
    for name in (
        "http://schemas.openxmlformats.org/drawingml/2006/chart",
        "http://schemas.microsoft.com/office/drawing/2014/chartex",
    )
)
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_DIAGRAM_DATA = f"{RELATIONSHIPS}dm"
_VML_HIDDEN = re.compile(r"\bvisibility\s*:\s*hidden")

_SHAPES = frozenset({"pic", "wsp", "wgp", "grpSp", "shape", "rect", "oval", "roundrect", "group"})
"""Elements whose name is not that of the shapes after them."""


class DrawingReader:
    """Reads the drawings of one part. ``read_blocks`` reads the content of a text box."""

    def __init__(self, context: WordContext, part: str, read_blocks: Callable[[Element], list[Block]]) -> None:
        self._context = context
        self._part = part
        self._read_blocks = read_blocks
        self._blocks: list[Block] = []
        self._name = ""

    def read(self, element: Element) -> list[Block]:
        """Return the blocks of a ``w:drawing``, ``w:pict`` or ``w:object``, in their order in the file."""
        before, self._blocks, self._name = (self._blocks, self._name), [], ""
        self._walk(element)
        found = self._blocks
        self._blocks, self._name = before
        return found

    def _walk(self, element: Element) -> None:
        """Read the children of an element."""
        for child in element:
            tag = child.tag
            if tag == f"{WORD}txbxContent":
                self._add_box(child)
            elif tag == f"{COMPATIBILITY}AlternateContent":
                self._choose(child)
            elif tag == f"{_DRAWING}blip":
                self._add_picture(child.get(f"{RELATIONSHIPS}embed"))
            elif tag == f"{_VML}imagedata":
                self._add_picture(child.get(f"{RELATIONSHIPS}id") or child.get(f"{_VML_OFFICE}relid"))
            elif tag in _CHARTS:
                self._add_chart(child.get(f"{RELATIONSHIPS}id"))
            elif tag == _DIAGRAM:
                self._add_diagram(child.get(_DIAGRAM_DATA))
            elif tag == f"{_VML}textpath":
                self._add_text(child.get("string", ""), watermark="watermark" in element.get("id", "").lower())
            elif tag == f"{_DRAWING}txBody":
                self._add_text(text_of_paragraphs(child))
            elif tag == f"{_VML_OFFICE}OLEObject":
                self._check_object(child)
            elif child.get(f"{_VML_OFFICE}hr") not in {"t", "true"}:
                before, self._name = self._name, _name_of(child) or self._name
                count = len(self._blocks)
                self._walk(child)
                if _is_hidden(child):
                    self._blocks[count:] = [_as_hidden(block) for block in self._blocks[count:]]
                if local_name(child) in _SHAPES:
                    self._name = before

    def _check_object(self, element: Element) -> None:
        """Warn of an object that is only linked to, and of a formula of old versions. Others are files inside the document."""
        found = self._context.package.relationships(self._part).get(element.get(f"{RELATIONSHIPS}id", ""))
        program = element.get("ProgID", "")
        if program.startswith("Equation."):
            self._context.old_formulas += 1
        elif found is None or found.external:
            self._context.warn_of_object(program or "an unknown program")

    def _choose(self, element: Element) -> None:
        """Read the first version, and the fallback only if that shows nothing."""
        for version in sorted(element, key=lambda one: local_name(one) == "Fallback"):
            before = len(self._blocks)
            self._walk(version)
            if len(self._blocks) > before:
                return

    def _add_box(self, element: Element) -> None:
        """Add the content of a text box; pictures in it do not take the name of the box."""
        blocks, name = self._blocks, self._name
        found = self._read_blocks(element)
        self._blocks, self._name = [*blocks, *found], name

    def _add_picture(self, relationship: str | None) -> None:
        """Add an embedded image. One outside the document is never fetched: its figure has no image."""
        found = self._context.package.relationships(self._part).get(relationship or "")
        picture = found.target if found is not None and not found.external else None
        self._blocks.append(Block(kind="figure", text=self._name, picture=picture))

    def _add_chart(self, relationship: str | None) -> None:
        """Add the data of a chart."""
        root = self._related(relationship, "A chart")
        self._blocks += chart_blocks(root) if root is not None else []

    def _add_diagram(self, relationship: str | None) -> None:
        """Add the text of a diagram as a list."""
        root = self._related(relationship, "A diagram")
        for item in read_diagram(root) if root is not None else ():
            self._blocks.append(Block(kind="list_item", text=f"• {item.text}", level=item.level))

    def _related(self, relationship: str | None, what: str) -> Element | None:
        """Return the root of a related part; None, with a warning, if it cannot be read."""
        found = self._context.package.relationships(self._part).get(relationship or "")
        try:
            return None if found is None or found.external else self._context.package.xml(found.target)
        except (DocumentError, KeyError):
            self._context.warn(f"{what} of the document cannot be read: its data is damaged.")
            return None

    def _add_text(self, text: str, *, watermark: bool = False) -> None:
        """Add writing that is part of a shape."""
        if text.strip():
            self._blocks.append(Block(kind="watermark" if watermark else "paragraph", text=text.strip()))


def _is_hidden(element: Element) -> bool:
    """Return whether a drawing or a shape in it is switched off."""
    if element.tag.startswith(_VML):
        return _VML_HIDDEN.search(element.get("style", "")) is not None
    for child in element:
        name = local_name(child)
        properties = next(iter(child), None) if name.startswith("nv") else child
        if properties is not None and local_name(properties) in {"docPr", "cNvPr"}:
            return is_true(properties.get("hidden"))
    return False


def _as_hidden(block: Block) -> Block:
    """Return a block of a drawing that is not shown."""
    return block.model_copy(update={"layer": "hidden"}) if block.layer == "body" else block


def _name_of(element: Element) -> str:
    """Return the alternative text that an element gives a drawing; empty if it gives none."""
    if local_name(element) in {"docPr", "cNvPr"}:
        return " ".join((element.get("descr") or element.get("title") or "").split())
    return " ".join(element.get("alt", "").split()) if element.tag.startswith(_VML) else ""
