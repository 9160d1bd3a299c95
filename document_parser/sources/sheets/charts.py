"""Charts of Office Open XML files as the tables of their numbers, from the values that the file keeps of them."""

from __future__ import annotations

from collections.abc import Iterator

from document_parser.models import Block, Cell, Table
from document_parser.sources.sheets.number_formats import GENERAL, compile_format
from document_parser.sources.sheets.package import child, children
from document_parser.sources.xml_trees import Element, local_name

MAX_POINTS = 5000
"""Points of a series that are shown at most: more are a picture of data that stands elsewhere."""
Points = dict[int, str]
"""The texts of the points of a series by their place."""


def chart_blocks(root: Element) -> Iterator[Block]:
    """Yield the title of a chart, if it has one, and the table of its series."""
    chart = next((one for one in root.iter() if local_name(one) == "chart"), root)
    title = child(chart, "title")
    words = _text_of(title) if title is not None else ""
    if words:
        yield Block(kind="caption", text=words)
    series = [one for one in chart.iter() if local_name(one) == "ser"]
    table = _table_of(series)
    if table is not None:
        yield Block(kind="table", table=table)
    axes = [_text_of(one) for axis in chart.iter() if local_name(axis).endswith("Ax") for one in children(axis, "title")]
    for text in filter(None, axes):
        yield Block(kind="caption", text=text)


def _text_of(element: Element) -> str:
    """Return the text of a title: written, or taken from a cell."""
    paragraphs = [one for one in element.iter() if local_name(one) == "p"]
    if paragraphs:
        texts = ("".join(part.text or "" for part in one.iter() if local_name(part) == "t") for one in paragraphs)
        return "\n".join(text.strip() for text in texts if text.strip())
    return " ".join(_points_of(element).values()).strip()


def _table_of(series: list[Element]) -> Table | None:
    """Return the table of series: a column of categories, and one of values for each series; None if there are no points."""
    categories: Points = {}
    columns: list[tuple[str, Points]] = []
    for one in series:
        name = child(one, "tx")
        for kind in ("cat", "xVal"):
            if (found := child(one, kind)) is not None and not categories:
                categories = _points_of(found)
        for kind, label in (("val", ""), ("yVal", ""), ("bubbleSize", "size")):
            if (found := child(one, kind)) is not None:
                title = " ".join(_points_of(name).values()) if name is not None else ""
                columns.append((f"{title} {label}".strip(), _points_of(found)))
    places = sorted({*categories, *(place for _, points in columns for place in points)})[:MAX_POINTS]
    if not places or not columns:
        return None
    first = 1 if categories else 0
    cells = [Cell(row=0, column=first + at, text=title, header=True) for at, (title, _) in enumerate(columns)] + (
        [Cell(row=0, column=0, header=True)] if first else []
    )
    for row, place in enumerate(places, 1):
        if first:
            cells.append(Cell(row=row, column=0, text=categories.get(place, "")))
        cells += [Cell(row=row, column=first + at, text=points.get(place, "")) for at, (_, points) in enumerate(columns)]
    return Table(rows=len(places) + 1, columns=first + len(columns), cells=cells)


def _points_of(element: Element) -> Points:
    """Return the texts of the points kept for a reference or written out; of several levels, joined from the outer one."""
    levels = [one for one in element.iter() if local_name(one) == "lvl"]
    if levels:
        return _join_levels([_level_points(level, GENERAL) for level in levels])
    cache = next((one for one in element.iter() if local_name(one) in {"numCache", "numLit", "strCache", "strLit"}), None)
    if cache is None:
        value = child(element, "v")
        return {0: value.text or ""} if value is not None else {}
    code = child(cache, "formatCode")
    return _level_points(cache, (code.text or GENERAL) if code is not None and local_name(cache).startswith("num") else "")


def _level_points(level: Element, code: str) -> Points:
    """Return the points of one list; numbers are shown by the code of their format, texts (no code) as they are."""
    points: Points = {}
    for point in children(level, "pt")[:MAX_POINTS]:
        value, place = child(point, "v"), point.get("idx", "")
        if value is not None and place.isdecimal():
            points[int(place)] = _show(value.text or "", point.get("formatCode") or code)
    return points


def _join_levels(levels: list[Points]) -> Points:
    """Return points of several levels, the inner one first, as one text each; an outer text stands for all until the next."""
    joined: Points = {}
    last: list[str] = [""] * len(levels)
    for place in sorted(levels[0]):
        last = [points.get(place, before) for points, before in zip(levels, last, strict=True)]
        joined[place] = " ".join(text for text in reversed(last) if text)
    return joined


def _show(text: str, code: str) -> str:
    """Return a number as its format shows it; any other text as it is."""
    if not code:
        return text
    try:
        return compile_format(code).show_number(float(text))
    except (ValueError, OverflowError):
        return text
