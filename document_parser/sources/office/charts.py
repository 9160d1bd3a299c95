"""The data of charts as a table: categories in the first column, a column for each series.

Source: ECMA-376, part 1, section 21.2, and Microsoft's extension for newer charts (MS-ODRAWXML, chartex).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from document_parser.models import Block, Cell, LayerName, Table
from document_parser.sources.number_formats.formats import compile_format
from document_parser.sources.office.smartart import text_of_paragraphs
from document_parser.sources.xml_trees import Element, integer_of, local_name

_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_NEWER_CHART = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
_MAX_POINTS = 10_000
"""Values of a series that are kept; a chart draws no more that anyone could see."""


@dataclass
class ChartColumn:
    """A column of the table: its heading, and its values by their places."""

    name: str
    values: dict[int, str] = field(default_factory=dict)


@dataclass
class Chart:
    """What a chart says: its title, the titles of its axes, and its data."""

    title: str = ""
    axes: list[str] = field(default_factory=list)
    columns: list[ChartColumn] = field(default_factory=list)


def chart_blocks(root: Element, layer: LayerName = "body") -> list[Block]:
    """Return a chart as blocks: its title as caption, and its data as a table. Empty for a chart without both."""
    chart = read_chart(root)
    title = " – ".join(filter(None, (chart.title, ", ".join(chart.axes))))
    blocks = [Block(kind="caption", text=title, layer=layer)] if title else []
    table = _table_of(chart.columns)
    return [*blocks, Block(kind="table", table=table, layer=layer)] if table else blocks


def read_chart(root: Element) -> Chart:
    """Return the data of a chart part, given its root element."""
    if root.tag.startswith(_NEWER_CHART):
        return _read_newer_chart(root)
    chart = root.find(f"{_CHART}chart")
    if chart is None:
        return Chart()
    found = Chart(title=_title_of(chart))
    area = chart.find(f"{_CHART}plotArea")
    for element in area if area is not None else ():
        if local_name(element).endswith("Ax") and (title := _title_of(element)) and title not in found.axes:
            found.axes.append(title)
    for series in chart.iter(f"{_CHART}ser"):
        _add_series(found.columns, series)
    return found


def _title_of(element: Element) -> str:
    """Return the title of a chart or an axis; empty if it has none of its own."""
    title = element.find(f"{_CHART}title")
    if title is None:
        return ""
    rich = text_of_paragraphs(title)
    cached = "" if rich else "".join(value.text or "" for value in title.iter(f"{_CHART}v"))
    return " ".join((rich or cached).split())


def _add_series(columns: list[ChartColumn], series: Element) -> None:
    """Add the columns of a series: its categories unless those of the series before are the same, and its values."""
    name = _series_name(series)
    keys = _values(series.find(f"{_CHART}cat")) or _values(series.find(f"{_CHART}xVal"))
    known = next((column for column in reversed(columns) if not column.name), None)
    if known is None or (keys and known.values != keys):
        columns.append(ChartColumn("", keys))
    values = _values(series.find(f"{_CHART}val")) or _values(series.find(f"{_CHART}yVal"))
    for place, label in _own_labels(series).items():
        values[place] = f"{values[place]} ({label})" if values.get(place) else label
    columns.append(ChartColumn(name or f"{len(columns)}", values))
    sizes = _values(series.find(f"{_CHART}bubbleSize"))
    if sizes:
        columns.append(ChartColumn(f"{name} (size)".strip(), sizes))


def _own_labels(series: Element) -> dict[int, str]:
    """Return the labels that someone wrote at points; those of fields repeat what the table has."""
    found = {}
    for label in series.iterfind(f"{_CHART}dLbls/{_CHART}dLbl"):
        rich = label.find(f"{_CHART}tx/{_CHART}rich")
        place = label.find(f"{_CHART}idx")
        text = "" if rich is None or any(local_name(one) == "fld" for one in rich.iter()) else text_of_paragraphs(rich)
        if text and place is not None and 0 <= (at := integer_of(place.get("val"), -1)) < _MAX_POINTS:
            found[at] = " ".join(text.split())
    return found


def _series_name(series: Element) -> str:
    """Return the name of a series; empty if it has none."""
    text = series.find(f"{_CHART}tx")
    return "" if text is None else " ".join("".join(value.text or "" for value in text.iter(f"{_CHART}v")).split())


def _values(element: Element | None) -> dict[int, str]:
    """Return the values of a dimension by their places; the levels of a category are joined, the outer one first."""
    if element is None:
        return {}
    levels = list(element.iter(f"{_CHART}lvl"))
    if levels:
        return _joined_levels([_points(level, f"{_CHART}pt", "General") for level in levels])
    code = next((found.text for found in element.iter(f"{_CHART}formatCode")), None) or "General"
    return _points(element, f"{_CHART}pt", code)


def _points(element: Element, tag: str, code: str) -> dict[int, str]:
    """Return the points within an element by their places, as the number format shows them."""
    found = {}
    for point in element.iter(tag):
        place = integer_of(point.get("idx"), -1)
        text = point.text if point.text and point.text.strip() else "".join(value.text or "" for value in point)
        if 0 <= place < _MAX_POINTS:
            found[place] = shown_value(text, point.get("formatCode") or code)
    return found


def _joined_levels(levels: Sequence[dict[int, str]]) -> dict[int, str]:
    """Return the categories of several levels, the innermost first in ``levels``; an outer one holds until the next."""
    outer = [_filled(level, levels[0]) for level in levels[1:]]
    return {
        place: " / ".join([*(level.get(place, "") for level in reversed(outer)), text]) for place, text in levels[0].items()
    }


def _filled(level: dict[int, str], places: Iterable[int]) -> dict[int, str]:
    """Return an outer level with a value at every place."""
    filled, now = {}, ""
    for place in sorted({*places, *level}):
        now = filled[place] = level.get(place, now)
    return filled


def shown_value(text: str, code: str) -> str:
    """Return a cached number as its format shows it; any other text as it is."""
    try:
        return compile_format(code).show_number(float(text))
    except (ValueError, OverflowError):
        return text


def _table_of(columns: Sequence[ChartColumn]) -> Table | None:
    """Return the table of the columns; None if they have no values. A first column without values is left out."""
    kept = [column for column in columns if column.name or column.values]
    rows = 1 + max((max(column.values, default=-1) for column in kept), default=-1)
    if not rows:
        return None
    cells = [Cell(row=0, column=place, text=column.name, header=True) for place, column in enumerate(kept)]
    for row in range(rows):
        cells += [Cell(row=row + 1, column=place, text=column.values.get(row, "")) for place, column in enumerate(kept)]
    return Table(rows=rows + 1, columns=len(kept), cells=cells)


def _read_newer_chart(root: Element) -> Chart:
    """Return the data of a chart of the newer kinds (sunburst, waterfall, funnel, …)."""
    found = Chart()
    title = next(root.iter(f"{_NEWER_CHART}title"), None)
    found.title = "" if title is None else " ".join(text_of_paragraphs(title).split())
    names = [
        " ".join("".join(value.text or "" for value in text.iter(f"{_NEWER_CHART}v")).split())
        for text in root.iter(f"{_NEWER_CHART}tx")
    ]
    for data in root.iter(f"{_NEWER_CHART}data"):
        for dimension in data:
            levels = [
                _points(level, f"{_NEWER_CHART}pt", level.get("formatCode", "General"))
                for level in dimension.iter(f"{_NEWER_CHART}lvl")
            ]
            if not levels:
                continue
            if local_name(dimension) == "strDim":
                found.columns.append(ChartColumn("", _joined_levels(levels)))
            else:
                found.columns.append(ChartColumn(names.pop(0) if names else "", levels[0]))
    return found
