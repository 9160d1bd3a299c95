"""Paragraphs, lists and tables of RTF, made of the characters that were read."""

from __future__ import annotations

from dataclasses import replace

from document_parser.models import Block, BlockKind, LayerName
from document_parser.sources.markup.lists import BULLET
from document_parser.sources.markup.rtf_characters import CharacterReader, Flow
from document_parser.sources.markup.rtf_table import CellFormat, Row, table_of
from document_parser.sources.markup.rtf_text import join_surrogates
from document_parser.text.spans import Run, spans_of, strip_runs, text_of, tidy_spans


class BlockBuilder(CharacterReader):
    """Makes blocks of text."""

    def end_paragraph(self) -> None:
        """End a paragraph: a block, or a line of a cell."""
        self.decode()
        flow, state = self.flow, self.state
        runs = joined(flow.runs)
        flow.runs = []
        if runs and state.in_list:
            counted = self.lists.label(state.list_number, state.level)
            flow.label = flow.label or counted
        if state.in_table:
            self.add_to_cell([*([Run(f"{flow.label} ")] if flow.label and runs else []), *runs])
            flow.label = ""
            return
        self.end_table()
        label, flow.label = flow.label, ""
        if runs:
            flow.blocks.append(self.block(runs, label))
        for layer, beside in flow.beside.items():
            kept = joined(beside)
            if kept:
                flow.blocks.append(text_block("paragraph", kept, layer))
        flow.beside = {}
        self.put_later(flow)

    def block(self, runs: list[Run], label: str) -> Block:
        """Return a paragraph as the block that it is."""
        flow, state = self.flow, self.state
        level = self.headings.get(state.style_number) or (state.outline + 1 if state.outline is not None else 0)
        if flow.kind == "paragraph" and 0 < level <= 9:
            heading = [Run(f"{label} "), *runs] if label and label != "•" else runs
            return text_block("heading", heading, flow.layer, min(6, level))
        if flow.kind == "paragraph" and (label or state.in_list):
            return text_block("list_item", [Run(f"{label} " if label else BULLET), *runs], flow.layer, state.level + 1)
        return text_block(flow.kind, runs, flow.layer)

    def put_later(self, flow: Flow) -> None:
        """Add what is anchored in the paragraph that ended."""
        flow.blocks += flow.later
        flow.later = []

    def add_to_cell(self, runs: list[Run]) -> None:
        """Add a line to the cell that is being read."""
        cell = self.flow.cell
        if runs:
            cell += [Run("\n"), *runs] if cell else runs

    def end_cell(self, number: int, bare: bool) -> None:
        """End a cell."""
        del number, bare
        flow = self.flow
        self.add_to_cell(joined(flow.runs))
        flow.row.texts.append(flow.cell)
        flow.runs, flow.cell, flow.label = [], [], ""

    def end_row(self, number: int, bare: bool) -> None:
        """End a row. Programs write its format before or after its cells."""
        del number, bare
        flow = self.flow
        if flow.row.texts:
            flow.rows.append(flow.row)
        flow.row = replace(flow.row, texts=[])
        flow.after_table += flow.later
        flow.later = []

    def end_nested_cell(self, number: int, bare: bool) -> None:
        """End a cell of a table in a cell; its rows are lines of the outer one."""
        del number, bare
        flow = self.flow
        flow.nested = flow.nested or [[]]
        flow.nested[-1].append(" ".join(text_of(joined(flow.runs)).split()))
        flow.runs = []

    def end_nested_row(self, number: int, bare: bool) -> None:
        """End a row of a table in a cell."""
        del number, bare
        flow = self.flow
        if flow.nested and flow.nested[-1]:
            self.add_to_cell([Run(" | ".join(flow.nested[-1]))])
        flow.nested = []

    def begin_row(self, number: int, bare: bool) -> None:
        """Begin the format of a row."""
        del number, bare
        if self.state.destination == "text":
            self.flow.row = Row(texts=self.flow.row.texts)
            self.cell_merge = {}

    def define_cell(self, number: int, bare: bool) -> None:
        """Define the next cell of a row by its right edge."""
        del bare
        merge = self.cell_merge
        left, up = merge.get("clmrg", False), merge.get("clvmrg", False)
        self.flow.row.formats.append(CellFormat(number, left, merge.get("clvmgf", False), up))
        self.cell_merge = {}

    def end_table(self) -> None:
        """End a table: what follows is no row."""
        flow = self.flow
        if flow.cell or any(run.text.strip() for text in flow.row.texts for run in text):
            flow.row.texts += [flow.cell] if flow.cell else []
            flow.rows.append(flow.row)
        rows, flow.rows, flow.row, flow.cell = flow.rows, [], Row(), []
        table = table_of(rows) if rows else None
        if table is not None:
            flow.blocks.append(Block(kind="table", layer=flow.layer, table=table))
        flow.blocks += flow.after_table
        flow.after_table = []


def joined(runs: list[Run]) -> list[Run]:
    """Return the runs of a paragraph without white space at its ends, pairs of UTF-16 units joined."""
    merged: list[Run] = []
    for run in runs:
        if merged and merged[-1].style == run.style:
            merged[-1] = Run(merged[-1].text + run.text, run.style)
        else:
            merged.append(run)
    return strip_runs([Run(join_surrogates(run.text), run.style) for run in merged])


def text_block(kind: BlockKind, runs: list[Run], layer: LayerName, level: int | None = None) -> Block:
    """Return a block of text with its emphasis and links."""
    text = text_of(runs)
    return Block(kind=kind, layer=layer, text=text, spans=tidy_spans(text, spans_of(runs)), level=level)
