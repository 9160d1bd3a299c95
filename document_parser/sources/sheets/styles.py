"""The number formats of an Office Open XML workbook, by the style index of its cells."""

from __future__ import annotations

from document_parser.sources.number_formats.formats import BUILT_IN, GENERAL, NumberFormat, compile_format
from document_parser.sources.xml_trees import Element, child, children


def formats_of(styles: Element | None) -> list[NumberFormat]:
    """Return the number format of each cell style, at least one."""
    if styles is None:
        return [compile_format(GENERAL)]
    codes = dict(BUILT_IN)
    declared = child(styles, "numFmts")
    for element in children(declared, "numFmt") if declared is not None else []:
        codes[_number(element.get("numFmtId"))] = element.get("formatCode", GENERAL)
    cell_styles = child(styles, "cellXfs")
    ids = [_number(style.get("numFmtId")) for style in children(cell_styles, "xf")] if cell_styles is not None else []
    return [compile_format(codes.get(number, GENERAL)) for number in ids] or [compile_format(GENERAL)]


def _number(text: str | None) -> int:
    """Return the number of an attribute; 0 for what is none."""
    return int(text) if text and text.isdecimal() else 0
