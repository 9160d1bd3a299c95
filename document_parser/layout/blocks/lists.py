"""Give list items their depth, by indent and by the style of their markers. Lengths are in points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from document_parser.layout.blocks.list_markers import ListMarker, capital_of, is_next_capital, section_number_of
from document_parser.layout.lines.units import Scale
from document_parser.models import Block

SAME_INDENT_POINTS = 4.0
"""Points by which the beginnings of items of one depth may differ."""


@dataclass(frozen=True, slots=True)
class MarkedBlock:
    """A block and the marker that its text began with."""

    block: Block
    marker: ListMarker | None


@dataclass(slots=True)
class _Depth:
    """One depth of a list: where its items begin, and the styles that their markers may have."""

    start: float
    styles: frozenset[str]


def with_subentries(blocks: Iterable[MarkedBlock]) -> Iterator[MarkedBlock]:
    """Yield the blocks, those numbered below the list item before them as items too: 4.1 after the item "4 Techniques"."""
    number = ""
    for marked in blocks:
        block = marked.block
        entry = section_number_of(block.text)
        if block.kind == "list_item":
            number = entry or ""
        elif number and block.kind == "paragraph" and entry and entry.startswith(f"{number.partition('.')[0]}."):
            number = entry
            marked = MarkedBlock(block.model_copy(update={"kind": "list_item", "level": 1}), marked.marker)
        else:
            number = ""
        yield marked


def with_capitals(blocks: Sequence[MarkedBlock]) -> list[MarkedBlock]:
    """Return the blocks, those that "A.", "B." or "I.", "II." number in their order as items: an initial has no next one."""
    found = list(blocks)
    last: tuple[int, str] | None = None
    for place, marked in enumerate(blocks):
        capital = capital_of(marked.block.text) if marked.block.kind == "paragraph" else None
        if capital is None:
            continue
        if last is not None and is_next_capital(capital, last[1]):
            for number, text in (last, (place, capital)):
                block = blocks[number].block.model_copy(update={"kind": "list_item", "level": 1})
                found[number] = MarkedBlock(block, ListMarker(f"{text}.", False))
        last = place, capital
    return found


def set_depths(blocks: Sequence[MarkedBlock], scale: Scale, *, backwards: bool) -> list[Block]:
    """Return the blocks with the depth of list items from 1: by their indent, and by the style of their markers.

    ``backwards``: the text runs from right to left. A block that is no item ends the list, unless it is indented as the second
    paragraph of an item is.
    """
    depths: list[_Depth] = []
    placed: list[Block] = []
    for place, marked in enumerate(blocks):
        block = marked.block
        if block.box is None or (block.kind != "list_item" and not _is_inside(block, depths, scale, backwards)):
            depths = []
        if block.kind != "list_item" or block.box is None:
            placed.append(block)
            continue
        start = _start_of(block, scale, backwards)
        styles = marked.marker.styles if marked.marker else frozenset[str]()
        _close_depths(depths, start)
        if not depths or start > depths[-1].start + SAME_INDENT_POINTS:
            depths.append(_Depth(start, styles))
        else:
            _settle(depths, start, styles, marked.marker, blocks[place + 1 :], scale)
        placed.append(block.model_copy(update={"level": len(depths)}))
    return placed


def _start_of(block: Block, scale: Scale, backwards: bool) -> float:
    """Return how far from the page's edge a block begins, in points, in the direction of reading."""
    if block.box is None:
        return 0.0
    return (1 - block.box.right if backwards else block.box.left) * scale.width


def _is_inside(block: Block, depths: Sequence[_Depth], scale: Scale, backwards: bool) -> bool:
    """Return whether a block between items belongs to the item before it: it begins where an item's text does, or deeper."""
    inner = block.kind in ("paragraph", "code", "formula", "checkbox")
    return bool(depths) and inner and _start_of(block, scale, backwards) > depths[0].start + SAME_INDENT_POINTS


def _close_depths(depths: list[_Depth], start: float) -> None:
    """Remove the depths that lie deeper than an item that begins here; the outermost one stays."""
    while len(depths) > 1 and start < depths[-1].start - SAME_INDENT_POINTS:
        depths.pop()
    if depths and start < depths[0].start - SAME_INDENT_POINTS:
        depths[:] = []


def _settle(
    depths: list[_Depth],
    start: float,
    styles: frozenset[str],
    marker: ListMarker | None,
    rest: Sequence[MarkedBlock],
    scale: Scale,
) -> None:
    """Find the depth of an item that begins where others do: that of its style, or one deeper if theirs goes on below it."""
    level = [depth for depth in depths if abs(depth.start - start) <= SAME_INDENT_POINTS]
    known = next((depth for depth in reversed(level) if depth.styles & styles), None)
    if known is not None:
        known.styles &= styles
        del depths[next(n for n, depth in enumerate(depths) if depth is known) + 1 :]
    elif marker is not None and marker.is_first and depths[-1].styles and _goes_on(depths[-1].styles, rest):
        depths.append(_Depth(start, styles))
    else:
        depths[-1].styles = styles


def _goes_on(styles: frozenset[str], rest: Sequence[MarkedBlock]) -> bool:
    """Return whether a list in one of these styles goes on with a later number, before anything but items."""
    for marked in rest:
        if marked.block.kind != "list_item":
            return False
        if marked.marker and marked.marker.styles & styles:
            return marked.marker.bullet or not marked.marker.is_first
    return False
