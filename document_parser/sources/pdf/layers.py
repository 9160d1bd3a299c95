"""Find what a PDF page does not show because its layer (optional content) is switched off. Runs in the opener child.

Which layers are on follows from the document's configuration, usages, memberships with policies, and expressions. PDFium knows
all that when it draws, and tells nobody: objects that may be in a layer, and that change no pixel, are in one that is off.

Source: ISO 32000-1, 8.11.
"""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.models import BoundingBox
from document_parser.sources.pdf.objects import Box, PageObject, address_of
from document_parser.sources.pdf.rendering import MIN_CHANGE_LEVELS, Pixels, Region, objects_removed

_LAYER_MARK = "OC"
"""Tag of marked content that belongs to a layer."""
_MAX_MARKS = 16
"""Marks of an object that are looked at."""
_MAX_NAME_BYTES = 16
"""Bytes of a mark's name, in UTF-16, that are read."""
_MAX_RENDERINGS = 64
"""Groups of objects that are rendered by themselves, because others lie at the same place; each needs two
renderings at most, of 10 to 20 ms."""

_Group = tuple[int, ...]
"""The addresses of the layer marks of objects, and of the form that they are in: such objects are shown or hidden together."""


class LayeredObjects(NamedTuple):
    """The objects of a page without lines, fills and images of layers that are off.

    Texts of such layers are among them, so that they can be reported; ``hidden_texts`` has their addresses. ``unchecked`` is
    the number of groups of objects that may be in a layer that is off, and were not looked at because there are too many.
    """

    objects: list[PageObject]
    hidden_texts: frozenset[int] = frozenset()
    unchecked: int = 0


def split_layers(page: Any, objects: Sequence[PageObject]) -> LayeredObjects:
    """Find the objects in layers that are off. A page without objects in layers is not rendered."""
    groups: defaultdict[_Group, list[PageObject]] = defaultdict(list)
    for one in objects:
        if one.box is not None and (marks := _layer_of(one)):
            groups[marks].append(one)
    if not groups:
        return LayeredObjects(list(objects))
    found, unchecked = _find_hidden(page, list(groups.values()))
    hidden = [one for group in found for one in group]
    texts = frozenset(one.address for one in hidden if one.kind == pdfium.FPDF_PAGEOBJ_TEXT)
    gone = {one.address for one in hidden} - texts
    return LayeredObjects([one for one in objects if one.address not in gone], texts, unchecked)


def _layer_of(one: PageObject) -> _Group:
    """Return what may put an object into a layer; empty if nothing does. PDFium does not say whether a form is in one."""
    return (*_layer_marks_of(one.found), *([one.form] if one.form else []))


def _layer_marks_of(found: Any) -> Iterator[int]:
    """Yield the addresses of an object's layer marks."""
    name, size = (ctypes.c_ushort * (_MAX_NAME_BYTES // 2))(), ctypes.c_ulong()
    for number in range(min(_MAX_MARKS, max(0, pdfium.FPDFPageObj_CountMarks(found)))):
        mark = pdfium.FPDFPageObj_GetMark(found, number)
        if pdfium.FPDFPageObjMark_GetName(mark, name, _MAX_NAME_BYTES, size):
            text = bytes(name)[: max(0, min(size.value, _MAX_NAME_BYTES) - 2)].decode("utf-16-le", "replace")
            if text == _LAYER_MARK:
                yield address_of(mark)


def _find_hidden(page: Any, groups: Sequence[list[PageObject]]) -> tuple[list[list[PageObject]], int]:
    """Return the groups that change no pixel, and how many groups were not looked at.

    Where groups overlap, one that is off changes nothing by itself over all that is in no layer, nor is it missed on the page:
    light text in one layer shows only on the dark fill of another.
    """
    region = Region.around(page, BoundingBox(left=0, top=0, right=1, bottom=1))
    handles = [[one.found for one in group] for group in groups]
    places = [[region.slices_of(one.box) for one in group if one.box is not None] for group in groups]

    def is_changed(before: Pixels, number: int) -> bool:
        """Return whether the page now differs from ``before`` at the place of a group."""
        changed = np.abs(region.render(page) - before).max(axis=2) > MIN_CHANGE_LEVELS
        return any(changed[place].any() for place in places[number])

    shown = region.render(page)
    with objects_removed([found for group in handles for found in group]):
        bare = region.render(page)
        changed = np.abs(shown - bare).max(axis=2) > MIN_CHANGE_LEVELS
        seen = [any(changed[place].any() for place in found) for found in places]
        boxes = [_box_around(group) for group in groups]
        doubtful = [number for number, is_seen in enumerate(seen) if is_seen and _overlaps_other(number, boxes)]
        unseen_alone = []
        for number in doubtful[:_MAX_RENDERINGS]:
            with _objects_active(handles[number]):
                if not is_changed(bare, number):
                    unseen_alone.append(number)
    hidden = [group for group, is_seen in zip(groups, seen, strict=True) if not is_seen]
    for number in unseen_alone:
        with objects_removed(handles[number]):
            is_missed = is_changed(shown, number)
        if not is_missed:
            hidden.append(groups[number])
    return hidden, max(0, len(doubtful) - _MAX_RENDERINGS)


@contextmanager
def _objects_active(handles: Sequence[Any]) -> Iterator[None]:
    """Activate these objects of a page inside the block."""
    for handle in handles:
        pdfium.FPDFPageObj_SetIsActive(handle, True)
    try:
        yield
    finally:
        for handle in handles:
            pdfium.FPDFPageObj_SetIsActive(handle, False)


def _box_around(group: Sequence[PageObject]) -> Box:
    """Return the box around the objects of a group, which all have a place."""
    boxes = [one.box for one in group if one.box is not None]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _overlaps_other(number: int, boxes: Sequence[Box]) -> bool:
    """Return whether the box with this number overlaps another one."""
    box = boxes[number]
    return any(
        other is not box and box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
        for other in boxes
    )
