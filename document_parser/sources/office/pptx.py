"""A presentation of PowerPoint (pptx, pptm, ppsx, potx, also Strict) as a document of slides. Runs in the opener child.

The XML is walked by our own reader: shapes within groups, alternatives and diagrams are lost by libraries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, DocumentError, PageUnreadable
from document_parser.models import Block, Cell, LayerName, Location, Member, PageWarning, Part, Table
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.office.charts import chart_blocks
from document_parser.sources.office.package import RELATIONSHIPS, OfficePackage
from document_parser.sources.office.slide_comments import comment_authors, slide_comments
from document_parser.sources.office.slide_text import DRAWING, BulletStyles, TextReader
from document_parser.sources.office.smartart import read_diagram
from document_parser.sources.visual_order import Place, visual_order
from document_parser.sources.xml_trees import Element, integer_of, is_true, local_name

PRESENTATION = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
"""The namespace of presentations, in lxml's form."""
MAX_DEPTH = 40
"""Depth of groups within groups."""
MAX_KEPT_SLIDES = 20
"""Slides that are kept once read: those whose facts go out when the document is opened (16), and some that are asked for."""
MAX_KEPT_BASES = 30
"""Layouts and masters that are kept for the slides that follow: programs write a dozen layouts for a master."""
_ROW_EMU = 228_600
"""Shapes whose upper edges are within this distance (a quarter of an inch, in EMU) are read from left to right."""
_TITLES = frozenset({"title", "ctrTitle"})
_MARGINS = frozenset({"dt", "ftr", "hdr", "sldNum"})
_SHAPES = frozenset({"sp", "grpSp", "graphicFrame", "pic", "cxnSp"})


class Presentation(FlowingDocument):
    """A presentation: each slide is a part; embedded documents are documents inside it."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the list of slides. Raises DamagedDocument, EncryptedDocument, TooLargeUnpacked."""
        del password
        super().__init__(limits)
        self._package = OfficePackage(path, limits)
        root = self._package.xml(self._package.main)
        if root.tag != f"{PRESENTATION}presentation":
            raise DamagedDocument(
                "The file is an office document, but no presentation. Give it its own extension, then send it."
            )
        known = self._package.relationships(self._package.main)
        ids = (one.get(f"{RELATIONSHIPS}id", "") for one in root.iter(f"{PRESENTATION}sldId"))
        self._slides = [known[one].target if one in known else "" for one in ids]
        self.page_count = len(self._slides)
        if not self.page_count:
            raise DamagedDocument("The presentation has no slides.")
        self._parts: dict[int, Part] = {}
        self._authors = comment_authors(self._package)
        self._bases: dict[str, Element] = {}
        self._embedded = self._package.embedded_in({slide: number for number, slide in enumerate(self._slides, 1) if slide})

    def location(self, number: int) -> Location:
        """Return the title of a slide."""
        return self._read(number).location

    def part(self, number: int) -> Part:
        """Return the title, the shapes in visual order, the notes of the speaker and the comments."""
        return self._read(number)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an image on a slide."""
        pictures = [block.picture for block in self._read(number).blocks if block.kind == "figure" and block.picture]
        try:
            return self._package.read(pictures[index])
        except (IndexError, KeyError, DocumentError) as error:
            raise PageUnreadable("The image cannot be read from the presentation.", page=number) from error

    def members(self) -> list[Member]:
        """Return the embedded documents."""
        return self._embedded.members()

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded document. Raises PageUnreadable."""
        return self._embedded.open_member(index)

    def _read(self, number: int) -> Part:
        """Return a slide. The first ones that are asked for are kept, the last one in any case. Raises PageUnreadable."""
        if not 1 <= number <= self.page_count:
            raise PageUnreadable("The presentation has no such slide.", page=number)
        if number not in self._parts:
            if len(self._parts) >= MAX_KEPT_SLIDES:
                self._parts.popitem()
            try:
                reader = _SlideReader(self._package, self._slides[number - 1], self._authors, self._bases)
                self._parts[number] = reader.read()
            except (KeyError, DocumentError) as error:
                raise PageUnreadable("The slide is missing from the file, or damaged.", page=number) from error
        return self._parts[number]


@dataclass(frozen=True)
class _Shape:
    """A shape with its place on the slide in EMU; None if nothing says it."""

    element: Element
    place: Place | None
    placeholder: str | None
    """The type of the placeholder that it fills; None if it fills none."""
    styles: BulletStyles


@dataclass
class _SlideReader:
    """Reads one slide with what it inherits from its layout and master."""

    package: OfficePackage
    name: str
    authors: dict[str, str]
    """The names of those who comment, by their ids."""
    bases: dict[str, Element]
    """The layouts and masters that slides before were based on."""
    blocks: list[Block] = field(default_factory=list)
    warnings: list[PageWarning] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the slide, its layout and its master. Raises KeyError, DocumentError."""
        self.root = self.package.xml(self.name)
        self.layout, layout_name = self._inherited(self.name, "slideLayout")
        self.master, _ = self._inherited(layout_name, "slideMaster") if layout_name else (None, "")
        self.text = TextReader(self.package.relationships(self.name))

    def read(self) -> Part:
        """Return the slide as a part."""
        layer: LayerName = "hidden" if self.root.get("show") in {"0", "false"} else "body"
        shapes = [*self._shapes(self.root)]
        titles = [shape for shape in shapes if shape.placeholder in _TITLES]
        for shape in titles:
            self._add_title(shape, layer)
        title = " ".join(block.text for block in self.blocks if block.kind == "heading")
        for shape in _ordered([one for one in shapes if one.placeholder not in _TITLES]):
            self._add_shape(shape, layer)
        self._add_notes()
        self._add_comments()
        if any(block.layer == "hidden" for block in self.blocks):
            what = "The slide is" if layer == "hidden" else "Shapes of the slide are"
            message = f"{what} hidden. The text leaves it out; JSON has it, and layers=hidden shows it."
            self.warnings.append(PageWarning(code="hidden_content", message=message))
        return Part(
            location=Location(kind="slide", name=" ".join(title.split())),
            blocks=[block for block in self.blocks if block.text or block.table or block.kind == "figure"],
            warnings=self.warnings,
        )

    def _inherited(self, part: str, kind: str) -> tuple[Element | None, str]:
        """Return the root of the part that a part is based on, and its name; None and empty if it cannot be read."""
        found = self.package.related(part, kind) or ""
        if found and found not in self.bases:
            if len(self.bases) >= MAX_KEPT_BASES:
                self.bases.clear()
            try:
                self.bases[found] = self.package.xml(found)
            except (KeyError, DocumentError):
                return None, ""
        return self.bases.get(found), found

    # --- shapes -------------------------------------------------------------------------------------------------------

    def _shapes(self, root: Element) -> Iterator[_Shape]:
        """Yield the shapes of a slide; those of a group have the place of the group."""
        for tree in root.iter(f"{PRESENTATION}spTree"):
            yield from map(self._shape, _unwrapped(tree))
            return

    def _shape(self, element: Element) -> _Shape:
        """Return a shape with its place and its placeholder."""
        holder = next(element.iter(f"{PRESENTATION}ph"), None) if local_name(element) != "grpSp" else None
        place = _place_of(element)
        if holder is None:
            return _Shape(element, place, None, BulletStyles(_own_styles(element)))
        kind = holder.get("type", "obj")
        bases = [base for root in (self.layout, self.master) if (base := _find_placeholder(root, holder)) is not None]
        for base in bases:
            place = place or _place_of(base)
        styles = [style for one in (element, *bases) for style in _own_styles(one)]
        return _Shape(element, place, kind, BulletStyles((*styles, *self._master_style(kind))))

    def _master_style(self, kind: str) -> tuple[Element, ...]:
        """Return the style of text that the master has for a kind of placeholder."""
        name = "titleStyle" if kind in _TITLES else "otherStyle" if kind in _MARGINS else "bodyStyle"
        found = next(self.master.iter(f"{PRESENTATION}{name}"), None) if self.master is not None else None
        return () if found is None else (found,)

    def _add_title(self, shape: _Shape, layer: LayerName) -> None:
        """Add the title of the slide as a heading."""
        layer = "hidden" if _is_hidden(shape.element) else layer
        body = shape.element.find(f"{PRESENTATION}txBody")
        text = " ".join(self.text.text(body).split())
        if text:
            self.blocks.append(Block(kind="heading", text=text, level=1, layer=layer))

    def _add_shape(self, shape: _Shape, layer: LayerName, depth: int = 0) -> None:
        """Add what a shape shows."""
        element, name = shape.element, local_name(shape.element)
        layer = "hidden" if _is_hidden(element) else layer
        if name == "grpSp":
            self._add_group(element, layer, depth)
        elif name == "graphicFrame":
            self._add_frame(element, layer)
        elif name == "pic":
            self._add_picture(element, layer)
        elif (body := element.find(f"{PRESENTATION}txBody")) is not None:
            is_margin = shape.placeholder in _MARGINS and layer == "body"
            blocks = self.text.blocks(body, shape.styles, "headers" if is_margin else layer)
            if shape.placeholder in _MARGINS:
                blocks = [block.model_copy(update={"kind": "page_footer", "level": None}) for block in blocks]
            self.blocks += blocks

    def _add_group(self, element: Element, layer: LayerName, depth: int) -> None:
        """Add the shapes of a group in visual order."""
        if depth > MAX_DEPTH:
            self._warn("Shapes that lie too deep in groups were not read.")
            return
        for shape in _ordered([self._shape(one) for one in _unwrapped(element)]):
            self._add_shape(shape, layer, depth + 1)

    def _add_picture(self, element: Element, layer: LayerName) -> None:
        """Add an embedded image with its description. One outside the file is never fetched: its figure has no image."""
        blip = next(element.iter(f"{DRAWING}blip"), None)
        found = self.package.relationships(self.name).get(blip.get(f"{RELATIONSHIPS}embed", "") if blip is not None else "")
        properties = next(element.iter(f"{PRESENTATION}cNvPr"), None)
        text = properties.get("descr", "") if properties is not None else ""
        picture = found.target if found is not None and not found.external else None
        self.blocks.append(Block(kind="figure", text=text, picture=picture, layer=layer))

    def _add_frame(self, element: Element, layer: LayerName) -> None:
        """Add a table, a chart or a diagram; the picture of an embedded document."""
        for table in element.iter(f"{DRAWING}tbl"):
            self._add_table(table, layer)
        for data in element.iter(f"{DRAWING}graphicData"):
            for child in data:
                name = local_name(child)
                if name == "chart" and (root := self._related(child.get(f"{RELATIONSHIPS}id"), "A chart")) is not None:
                    self.blocks += chart_blocks(root, layer)
                elif name == "relIds" and (root := self._related(child.get(f"{RELATIONSHIPS}dm"), "A diagram")) is not None:
                    self.blocks += [
                        Block(kind="list_item", text=item.text, level=item.level, layer=layer) for item in read_diagram(root)
                    ]
        for picture in element.iter(f"{PRESENTATION}pic"):
            self._add_picture(picture, layer)
            return

    def _related(self, relationship: str | None, what: str) -> Element | None:
        """Return the root of a related part; None, with a warning, if it cannot be read."""
        found = self.package.relationships(self.name).get(relationship or "")
        try:
            if found is not None and not found.external:
                return self.package.xml(found.target)
        except (KeyError, DocumentError):
            pass
        self._warn(f"{what} on the slide was not read: its data is missing or damaged.")
        return None

    def _warn(self, message: str) -> None:
        """Add a warning of something that was not read."""
        self.warnings.append(PageWarning(code="not_read", message=message))

    def _add_table(self, table: Element, layer: LayerName) -> None:
        """Add a table. What is stored under a merge is not shown, and left out."""
        properties = table.find(f"{DRAWING}tblPr")
        has_header = properties is not None and properties.get("firstRow") in {"1", "true"}
        cells, rows = [], [*table.iterchildren(f"{DRAWING}tr")]
        for row, element in enumerate(rows):
            for column, cell in enumerate(element.iterchildren(f"{DRAWING}tc")):
                if cell.get("hMerge") in {"1", "true"} or cell.get("vMerge") in {"1", "true"}:
                    continue
                text = self.text.text(cell.find(f"{DRAWING}txBody"))
                cells.append(
                    Cell(
                        row=row,
                        column=column,
                        row_span=_span_of(cell, "rowSpan", len(rows) - row),
                        column_span=_span_of(cell, "gridSpan", 1000),
                        text=text,
                        header=has_header and row == 0,
                    )
                )
        if cells:
            width = max(cell.column + cell.column_span for cell in cells)
            self.blocks.append(Block(kind="table", table=Table(rows=len(rows), columns=width, cells=cells), layer=layer))

    # --- notes and comments -------------------------------------------------------------------------------------------

    def _add_notes(self) -> None:
        """Add the notes of the speaker: all text of the page of notes but its margins."""
        found = self.package.related(self.name, "notesSlide")
        try:
            root = self.package.xml(found) if found else None
        except (KeyError, DocumentError):
            self._warn("The notes of the slide were not read: their data is damaged.")
            return
        reader = TextReader(self.package.relationships(found)) if found else self.text
        for shape in root.iter(f"{PRESENTATION}sp") if root is not None else ():
            holder = next(shape.iter(f"{PRESENTATION}ph"), None)
            if holder is not None and holder.get("type") in {"sldImg", *_MARGINS}:
                continue
            body = shape.find(f"{PRESENTATION}txBody")
            if body is not None:
                self.blocks += reader.blocks(body, BulletStyles(), "notes")

    def _add_comments(self) -> None:
        """Add comments, of the old and of the threaded kind."""
        for relationship in self.package.relationships(self.name).values():
            if relationship.kind not in {"comments", "comment"} or relationship.external:
                continue
            try:
                root = self.package.xml(relationship.target)
            except (KeyError, DocumentError):
                self._warn("Comments on the slide were not read: their data is damaged.")
                continue
            for text in slide_comments(root, self.authors):
                self.blocks.append(Block(kind="paragraph", text=text, layer="comments"))


def _unwrapped(parent: Element) -> Iterator[Element]:
    """Yield the shapes in an element; of alternatives those of the first version that has any."""
    for element in parent:
        if local_name(element) == "AlternateContent":
            versions = ([*_unwrapped(version)] for version in element)
            yield from next(filter(None, versions), ())
        elif local_name(element) in _SHAPES:
            yield element


def _is_hidden(element: Element) -> bool:
    """Return whether a shape is switched off; what is in a group is hidden with it."""
    for own in element:
        if local_name(own).startswith("nv"):
            properties = own.find(f"{PRESENTATION}cNvPr")
            return properties is not None and is_true(properties.get("hidden"))
    return False


def _own_styles(element: Element) -> tuple[Element, ...]:
    """Return the styles of lists that a shape itself has."""
    return tuple(element.iter(f"{DRAWING}lstStyle"))[:1]


def _find_placeholder(root: Element | None, holder: Element) -> Element | None:
    """Return the shape of a layout or master that a placeholder is based on: of its index, else of its type."""
    if root is None:
        return None
    same_type = None
    for shape in root.iter(f"{PRESENTATION}sp"):
        other = next(shape.iter(f"{PRESENTATION}ph"), None)
        if other is None:
            continue
        if holder.get("idx") is not None and other.get("idx") == holder.get("idx"):
            return shape
        if same_type is None and _type_of(other) == _type_of(holder):
            same_type = shape
    return same_type


def _type_of(holder: Element) -> str:
    """Return the type of a placeholder, one for those that masters do not tell apart."""
    kind = holder.get("type", "obj")
    return "title" if kind in _TITLES else "body" if kind in {"obj", "body", "subTitle"} else str(kind)


def _place_of(element: Element) -> Place | None:
    """Return where a shape lies in EMU; None if it does not say it."""
    if local_name(element) == "graphicFrame":
        transform = element.find(f"{PRESENTATION}xfrm")
    else:
        properties = next((one for one in element if local_name(one) in {"spPr", "grpSpPr"}), None)
        transform = properties.find(f"{DRAWING}xfrm") if properties is not None else None
    offset = transform.find(f"{DRAWING}off") if transform is not None else None
    if transform is None or offset is None:
        return None
    size = transform.find(f"{DRAWING}ext")
    width, height = (_number(size.get("cx")), _number(size.get("cy"))) if size is not None else (0, 0)
    return Place(_number(offset.get("x")), _number(offset.get("y")), max(0, width), max(0, height))


def _number(value: str | None) -> int:
    """Return a length; 0 if it is none."""
    return integer_of(value, 0)


def _ordered(shapes: list[_Shape]) -> list[_Shape]:
    """Return shapes in the order in which they are read; unknown places first, margins last from left to right."""
    inner = [shape for shape in shapes if shape.placeholder not in _MARGINS]
    margins = [shape for shape in shapes if shape.placeholder in _MARGINS]
    ordered = [inner[index] for index in visual_order([shape.place for shape in inner], _ROW_EMU)]
    return [*ordered, *sorted(margins, key=lambda shape: shape.place.left if shape.place else 0)]


def _span_of(cell: Element, name: str, most: int) -> int:
    """Return the rows or columns of a cell, at most ``most``."""
    return max(1, min(_number(cell.get(name)) or 1, most))
