"""The marks of notes in the texts of a part: each names a note that comes after it, or it is text as any other."""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.models import Block, Cell, Span
from document_parser.models.packed_cells import PackedCells
from document_parser.text.spans import Run, runs_of, spans_of


def with_answered_marks(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks, in which marks of notes that do not come after them are text as any other."""
    found: list[Block] = []
    known: set[str] = set()
    for block in reversed(blocks):
        if block.note is not None:
            known.add(block.note)
        found.append(_answered(block, known))
    return found[::-1]


def _answered(block: Block, known: set[str]) -> Block:
    """Return a block whose marks of notes are of known notes."""
    if _has_unanswered(block.spans, known):
        return block.model_copy(update={"spans": _without_unanswered(block.text, block.spans, known)})
    if block.table is None or isinstance(block.table.cells, PackedCells):
        return block
    if not any(_has_unanswered(cell.spans, known) for cell in block.table.cells):
        return block
    cells = [_answered_cell(cell, known) for cell in block.table.cells]
    return block.model_copy(update={"table": block.table.model_copy(update={"cells": cells})})


def _answered_cell(cell: Cell, known: set[str]) -> Cell:
    """Return a cell whose marks of notes are of known notes."""
    return cell.model_copy(update={"spans": _without_unanswered(cell.text, cell.spans, known)})


def _has_unanswered(spans: Sequence[Span], known: set[str]) -> bool:
    """Return whether a text has a mark of a note that is not known."""
    return any(span.note is not None and span.note not in known for span in spans)


def _without_unanswered(text: str, spans: Sequence[Span], known: set[str]) -> list[Span]:
    """Return the spans without those of marks of notes that are not known."""
    return spans_of(
        Run(run.text, run.style if run.style.note in known else run.style._replace(note=None)) for run in runs_of(text, spans)
    )
