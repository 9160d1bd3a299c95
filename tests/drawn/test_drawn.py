"""Forty drawn documents are read by their text layer: each word once, each block what it is, as far as today's reading goes."""

from __future__ import annotations

import asyncio
from functools import cache

import pytest

from benchmarks.drawn.document import FIRST_FIT_SEED, CannotDraw, DrawnDocument, draw, plan
from benchmarks.drawn.kinds import KINDS
from benchmarks.drawn.reading import DrawnReader, DrawnReading
from benchmarks.drawn.scores import block_scores, plain, word_f1
from benchmarks.drawn.truth import Block, Kind, Truth
from document_parser import models

SEEDS = range(40)
READ_AS = {Kind.CLAUSE: "paragraph", Kind.PAIR: "paragraph", Kind.CONTENTS: "paragraph"}


def drawn_or_skipped(seed: int) -> DrawnDocument:
    try:
        return drawn(seed)
    except CannotDraw as reason:
        pytest.skip(f"seed {seed}: {reason}")


@cache
def drawn(seed: int) -> DrawnDocument:
    return draw(seed)


def perfect(truth: Truth) -> DrawnReading:
    """What a reader says who sees everything as it is."""
    words = [word for block in truth.body() for word in block.words]
    return DrawnReading(truth.markdown(), [as_read(block) for block in truth.body()], words, truth.pages)


def as_read(block: Block) -> models.Block:
    mark = f"[{'x' if block.checked else ' '}] " if block.kind is Kind.CHECKBOX else f"{block.marker} "
    cells = [
        models.Cell(row=c.row, column=c.column, row_span=c.rowspan, column_span=c.colspan, text=c.text) for c in block.cells
    ]
    table = models.Table(rows=block.shape[0], columns=block.shape[1], cells=cells) if cells else None
    kind = READ_AS.get(block.kind, str(block.kind))
    return models.Block.model_validate({"kind": kind, "text": f"{mark}{block.text}".strip(), "table": table})


def test_a_seed_names_one_document_and_its_truth():
    for seed in SEEDS:
        one, other = drawn_or_skipped(seed), draw(seed)
        assert one.truth.as_json() == other.truth.as_json(), f"seed {seed}"


def test_the_seeds_of_this_test_hold_every_kind_of_document():
    assert {plan(seed)[0].kind for seed in SEEDS} == set(KINDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_of_a_document_scores_full_against_itself(seed):
    truth = drawn_or_skipped(seed).truth
    assert word_f1(plain(truth.markdown()), plain(truth.markdown())) == 1
    assert {name: value for name, value in block_scores(truth, perfect(truth)).items() if value < 1} == {}, f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_read_scores_nothing(seed):
    truth = drawn_or_skipped(seed).truth
    scores = block_scores(truth, DrawnReading())
    for name in ("headings", "items", "clauses", "checkboxes", "pairs", "struck", "tables_same"):
        assert scores.get(name, 0) == 0, f"seed {seed}: {name}"


def test_what_is_fitted_on_is_never_reported():
    with pytest.raises(ValueError, match="not for use 'report'"):
        draw(FIRST_FIT_SEED)
    with pytest.raises(ValueError, match="not for use 'fit'"):
        draw(FIRST_FIT_SEED - 1, "fit")
    assert draw(FIRST_FIT_SEED + 2, "fit").truth.kind in KINDS


def test_boxes_of_words_lie_on_the_page_and_hold_the_words_of_the_body():
    for seed in SEEDS:
        truth = drawn_or_skipped(seed).truth
        if truth.has_boxes:
            width, height = plan(seed)[0].style.paper
            words = [word for block in truth.body() for word in block.words]
            assert all(0 <= w.left < w.right <= width and 0 <= w.top < w.bottom <= height for w in words), f"seed {seed}"


@pytest.fixture(scope="module")
def readings() -> dict[int, DrawnReading]:
    async def read_all(folder) -> dict[int, DrawnReading]:
        found = {}
        async with DrawnReader() as reader:
            for seed in SEEDS:
                try:
                    document = drawn(seed)
                except CannotDraw:
                    continue
                path = folder / f"{seed}.pdf"
                path.write_bytes(document.pdf)
                found[seed] = await reader.read(path, words=document.truth.has_boxes)
        return found

    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(read_all(Path(folder)))
