"""What the reader of a sheet should know: formulas without results, and what the program does not show."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from document_parser.models import PageWarning
from document_parser.sources.sheets.references import column_name
from document_parser.sources.sheets.rows import FormulaCount, SheetRow

MAX_NAMED = 20
"""Cells, rows or columns that a warning names."""
MIN_ZEROS = 2
"""Formulas of a sheet from which results that are all 0 are told to be no results: one formula may well give 0."""


def formula_warnings(count: FormulaCount, *, recalculates: bool) -> list[PageWarning]:
    """Return the warning for formulas without a stored result.

    Some libraries store 0 for every formula and ask the program to calculate all of them (``recalculates``).
    """
    if count.uncached:
        named = _listed(count.uncached)
        message = (
            f"{len(count.uncached)} formulas have no stored result and are shown empty ({named}). "
            "Open the file in a spreadsheet program, save it and send it again."
        )
        details = {"count": len(count.uncached), "cells": count.uncached[:MAX_NAMED]}
        return [PageWarning(code="uncached_formula", message=message, details=details)]
    if recalculates and count.zeros == count.formulas >= MIN_ZEROS:
        message = (
            f"All {count.formulas} formulas have the stored result 0: the program that wrote the file did not calculate them. "
            "Open the file in a spreadsheet program, save it and send it again."
        )
        return [PageWarning(code="uncached_formula", message=message, details={"count": count.formulas})]
    return []


def hidden_warnings(rows: Sequence[SheetRow], hidden_columns: Collection[int]) -> list[PageWarning]:
    """Return the warning for hidden rows and columns with content, and for values whose format shows nothing."""
    numbers = [str(row.number) for row in rows if row.hidden]
    used = {column for row in rows for column in row.columns} if hidden_columns else set()
    columns = [column_name(column) for column in sorted(used & set(hidden_columns))]
    unseen = sum(
        not text and value is not None and value.strip("0.") != ""
        for row in rows
        if "" in row.texts
        for text, value in zip(row.texts, row.values, strict=True)
    )
    parts = [f"rows {_listed(numbers)} are hidden"] if numbers else []
    parts += [f"columns {_listed(columns)} are hidden"] if columns else []
    parts += [f"{unseen} values have a format that shows nothing"] if unseen else []
    if not parts:
        return []
    message = "; ".join(parts)
    return [PageWarning(code="hidden_content", message=f"{message[0].upper()}{message[1:]}.")]


def _listed(names: Sequence[str]) -> str:
    """Return the first names, with dots if there are more."""
    return ", ".join(names[:MAX_NAMED]) + (" …" if len(names) > MAX_NAMED else "")
