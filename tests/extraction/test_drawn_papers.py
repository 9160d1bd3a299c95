"""The truth of documents drawn for the extraction benchmark is that of the drawing; layouts and languages are kept apart."""

from __future__ import annotations

import pytest

from benchmarks.extraction.drawn.documents import COUNT, draw_paper
from benchmarks.extraction.drawn.long_table import VARIANTS, long_table
from benchmarks.extraction.drawn.papers import HELD_OUT_LANGUAGES, HELD_OUT_LAYOUTS, KINDS
from benchmarks.extraction.drawn.scoring import Counts, leaves
from document_parser.extraction.schema import compile_schema
from document_parser.models import BoundingBox, Page
from document_parser.models.extraction import Extraction, FieldEvidence

SEEDS = [0, 5, 91, 93, 150, 158, 172, 173]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_places_of_a_drawn_document_are_those_of_values_that_its_schema_asks_for(seed):
    paper = draw_paper(seed)
    compile_schema(paper.schema)
    values = dict(leaves(paper.data))
    assert set(paper.words) <= {pointer for pointer, value in values.items() if value is not None}
    assert all(values[pointer] is None for pointer in paper.blanks)
    assert draw_paper(seed).data == paper.data


def test_what_is_returned_as_it_was_drawn_is_right_and_a_value_on_a_blank_field_is_counted():
    paper = next(one for one in map(draw_paper, range(COUNT)) if one.words and one.blanks)
    page = Page(number=1, width=595.28, height=841.89)

    def placed(pointer: str) -> FieldEvidence:
        words = paper.words.get(pointer, [])
        boxes = [BoundingBox.of(w.left / 595.28, w.top / 841.89, w.right / 595.28, w.bottom / 841.89) for w in words]
        return FieldEvidence(page=words[0].page if words else None, boxes=boxes)

    evidence = {key: placed(f"/{key}") for key in paper.data}
    whole, blank = Counts(), next(iter(paper.blanks)).removeprefix("/")
    assert whole.add(paper, Extraction(data=paper.data, evidence=evidence), {1: page}) == []
    assert (whole.f1, whole.filled, whole.on_page, whole.in_box) == (1.0, 0, whole.placed, whole.words)
    wrong = Counts()
    wrong.add(paper, Extraction(data={**paper.data, blank: "invented"}, evidence=evidence), {1: page})
    assert (wrong.filled, wrong.f1 < 1) == (1, True)


def test_layouts_and_languages_kept_apart_are_layouts_and_languages_that_are_drawn():
    assert {layout for _, layouts, _ in KINDS.values() for layout in layouts} > HELD_OUT_LAYOUTS
    papers = [draw_paper(seed) for seed in SEEDS]
    for paper in papers:
        assert paper.is_held_out == (paper.layout in HELD_OUT_LAYOUTS or paper.language in HELD_OUT_LANGUAGES)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_long_list_has_as_many_pages_and_rows_as_asked(variant):
    table = long_table(variant, rows=20, pages=3)
    assert (table.pages, len(table.rows)) == (3, 20)
    assert [row["position"] for row in table.rows] == list(range(1, 21))
