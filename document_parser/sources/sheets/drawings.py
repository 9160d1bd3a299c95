"""What floats above the cells of a worksheet: text boxes, pictures and charts, each with the cell at which it is anchored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from document_parser.models import Block
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.office.charts import chart_blocks
from document_parser.sources.office.package import Relationship
from document_parser.sources.office.smartart import read_diagram
from document_parser.sources.sheets.package import find_member, relation_id, relationships_of, try_part
from document_parser.sources.sheets.tables import PlacedBlock
from document_parser.sources.xml_trees import Element, child, children, is_true, local_name
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Run, Style, spans_of, strip_runs, text_of


class Drawing(NamedTuple):
    """The blocks of a drawing, and the members with the images of its pictures, in the order of their figures."""

    blocks: list[PlacedBlock]
    images: list[str]
    unread: list[str]
    """What could not be read, in words."""


def read_drawing(members: ZipMembers, name: str) -> Drawing:
    """Return what a drawing holds; shapes that are hidden are in layer hidden."""
    root = try_part(members, name)
    drawing = Drawing([], [], [])
    if root is None:
        drawing.unread.append("a drawing")
        return drawing
    relations = relationships_of(members, name)
    for anchor in sorted(_unwrap(root), key=_place_of):
        row, column = _place_of(anchor)
        for shape in _shapes_in(anchor):
            for block, image in _blocks_of(shape, members, relations, drawing.unread):
                drawing.blocks.append(PlacedBlock(row, column, block))
                if image is not None:
                    drawing.images.append(image)
    return drawing


def _unwrap(element: Element) -> Iterator[Element]:
    """Yield the children of an element; of alternatives the first, or what stands for it, never both."""
    for part in element:
        if local_name(part) == "AlternateContent":
            chosen = child(part, "Choice")
            chosen = chosen if chosen is not None and len(chosen) else child(part, "Fallback")
            if chosen is not None:
                yield from _unwrap(chosen)
        else:
            yield part


def _place_of(anchor: Element) -> tuple[int, int]:
    """Return the row and column, from 1, at which something is anchored; of an anchor without a cell the first cell."""
    start = child(anchor, "from")
    if start is None:
        return 1, 1
    numbers = {local_name(part): part.text or "" for part in start}
    row, column = numbers.get("row", ""), numbers.get("col", "")
    return (int(row) + 1 if row.isdecimal() else 1), (int(column) + 1 if column.isdecimal() else 1)


def _shapes_in(element: Element) -> Iterator[Element]:
    """Yield shapes, pictures and frames, also those in groups."""
    for part in _unwrap(element):
        match local_name(part):
            case "sp" | "cxnSp" | "pic" | "graphicFrame":
                yield part
            case "grpSp":
                yield from _shapes_in(part)


def _blocks_of(
    shape: Element, members: ZipMembers, relations: dict[str, Relationship], unread: list[str]
) -> Iterator[tuple[Block, str | None]]:
    """Yield the blocks of a shape, each with the member of its image if it is a picture."""
    properties = next((one for one in shape.iter() if local_name(one) == "cNvPr"), None)
    hidden = properties is not None and is_true(properties.get("hidden"))
    for block, image in _shown_blocks(shape, properties, members, relations, unread):
        yield block.model_copy(update={"layer": "hidden"}) if hidden else block, image


def _shown_blocks(
    shape: Element, properties: Element | None, members: ZipMembers, relations: dict[str, Relationship], unread: list[str]
) -> Iterator[tuple[Block, str | None]]:
    """Yield the blocks of a shape as if it were shown."""
    described = (properties.get("descr") or "").strip() if properties is not None else ""
    if local_name(shape) == "pic":
        blip = next((one for one in shape.iter() if local_name(one) == "blip"), None)
        relation = relations.get(relation_id(blip, "embed")) if blip is not None else None
        member = find_member(members, relation.target) if relation is not None and not relation.external else None
        yield Block(kind="figure", text=described, picture=member and member.rpartition("/")[2]), member
    elif local_name(shape) == "graphicFrame":
        for one in shape.iter():
            if local_name(one) == "chart" and (relation := relations.get(relation_id(one))) is not None:
                root = try_part(members, relation.target)
                if root is None:
                    unread.append("a chart")
                else:
                    yield from ((block, None) for block in chart_blocks(root))
            elif local_name(one) == "relIds" and (relation := relations.get(relation_id(one, "dm"))) is not None:
                yield from ((block, None) for block in _diagram_blocks(try_part(members, relation.target)))
    else:
        body = child(shape, "txBody")
        yield from ((block, None) for block in text_blocks(body) if body is not None)


def text_blocks(body: Element | None) -> Iterator[Block]:
    """Yield the paragraphs of the text of a shape."""
    for paragraph in children(body, "p") if body is not None else []:
        runs = strip_runs(list(_runs_of(paragraph)))
        if runs:
            yield Block(kind="paragraph", text=text_of(runs), spans=spans_of(runs))


def _runs_of(paragraph: Element) -> Iterator[Run]:
    """Yield the runs of a paragraph of DrawingML."""
    for part in paragraph:
        name = local_name(part)
        if name == "br":
            yield Run("\n")
        elif name in {"r", "fld"}:
            text = "".join(one.text or "" for one in children(part, "t"))
            yield _styled(text, child(part, "rPr"))
        elif name not in {"pPr", "endParaRPr"}:  # formulas and what later versions add
            yield Run("".join(one.text or "" for one in part.iter() if local_name(one) == "t"))


def _styled(text: str, looks: Element | None) -> Run:
    """Return a run in the style of its properties."""
    if looks is None:
        return Run(text)
    baseline = looks.get("baseline", "0")
    if baseline.lstrip("-").isdecimal() and int(baseline) and text.strip():
        text = as_superscript(text) if int(baseline) > 0 else as_subscript(text)
    struck = looks.get("strike", "noStrike") != "noStrike"
    return Run(text, Style(bold=is_true(looks.get("b")), italic=is_true(looks.get("i")), struck=struck))


def _diagram_blocks(root: Element | None) -> Iterator[Block]:
    """Yield the texts of a diagram (SmartArt) as a nested list."""
    for item in read_diagram(root) if root is not None else ():
        yield Block(kind="list_item", text=item.text, level=item.level)
