"""Cheap signs and compact methods that spare looks at a page say the same as the plain ones that they stand for."""

from __future__ import annotations

import sys
import unicodedata
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from document_parser.layout.blocks.gutters import InkMap, _find_best_run, _find_strips, _reach_of_ink
from document_parser.layout.blocks.list_markers import is_marker, list_marker_of
from document_parser.layout.blocks.proposals import PageProposals
from document_parser.layout.blocks.reading_order import _LIST_MARKER, _is_list_marker
from document_parser.layout.formulas.scripts import ScriptedWord
from document_parser.layout.formulas.structure import _level_note_marks, merge_raised_numbers
from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.initials import join_initials
from document_parser.layout.lines.joining import _is_far, _needs_space, is_right_to_left
from document_parser.layout.lines.lines import Line, body_size, lines_of
from document_parser.layout.lines.rotated import MIN_SIDEWAYS_WORDS, find_page_turn
from document_parser.layout.lines.units import Scale, size_of
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.aligned import is_aligned_table, propose_grids
from document_parser.layout.tables.candidates import _borders_of, _Search, propose_tables, variants_of
from document_parser.layout.tables.column_sets import Region
from document_parser.layout.tables.features import FEATURES, OF_ITSELF, expected_of, features_of, features_of_all
from document_parser.layout.tables.forest import bound_of, forest
from document_parser.layout.tables.grid import GridCell
from document_parser.models import BoundingBox, RulingLine, Word
from document_parser.text.direction import has_right_to_left

SEEDS = range(30)


def test_every_letter_from_right_to_left_is_found_and_no_other_character() -> None:
    for code in range(sys.maxunicode + 1):
        assert has_right_to_left(chr(code)) == (unicodedata.bidirectional(chr(code)) in ("R", "AL"))


@pytest.mark.parametrize(
    ("texts", "backwards"), [(["אב", "a"], True), (["אב", "abc"], False), (["é", "12"], False), (["ab"], False)]
)
def test_the_direction_is_that_of_most_letters(texts: list[str], backwards: bool) -> None:
    assert is_right_to_left([Word(text, 0, 0, 1, 1) for text in texts]) is backwards


@pytest.mark.parametrize("text", ["•", "-", "a)", "(iv)", "[12]", "b.", "xi.", "3.", "3.1", "3.1.2.", "§ 12", "§4.", "–"])
def test_no_list_marker_is_left_out_for_its_last_character(text: str) -> None:
    assert _LIST_MARKER.fullmatch(text)
    assert _is_list_marker(text)


@pytest.mark.parametrize(
    "marker", ["•", "12.", "(a)", "z.", "(xviii)", "xviii.", "XVIII)", "IV.", "(B)", "б)", "α.", "①", "[103]"]
)
def test_no_marker_of_an_item_is_taken_for_a_word(marker: str) -> None:
    found = list_marker_of(f"{marker} text")
    assert found is not None
    assert found.text == marker
    assert is_marker(marker)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_words_within_edges_are_those_whose_middles_are(seed: int) -> None:
    random = Random(seed)
    corners = [(random.uniform(0, 90), random.uniform(0, 90)) for _ in range(40)]
    words = [Word(f"w{n}", left, top, left + 20, top + 10, 8) for n, (left, top) in enumerate(corners)]
    held = [w for w in words if 20 < (w.left + w.right) / 2 < 70 and 30 < (w.top + w.bottom) / 2 < 80]
    assert PageIndex(words).words_within(20, 30, 70, 80) == held


@pytest.mark.parametrize("gap", [0.0, 0.5, 0.7, 1.5, 1.7, 2.5])
@pytest.mark.parametrize("texts", [("one", "two"), ("x²", ",y"), ("文", "字"), ("☐", "yes")])
def test_words_as_far_apart_as_no_parts_of_one_are_get_the_space_that_the_rules_give(
    gap: float, texts: tuple[str, str]
) -> None:
    before, word = Word(texts[0], 0, 0, 10, 10, 10), Word(texts[1], 10 + gap, 0, 20 + gap, 10, 8)
    assert not _is_far(before, word) or _needs_space(before, word)


@pytest.mark.parametrize("count", [MIN_SIDEWAYS_WORDS - 1, MIN_SIDEWAYS_WORDS])
def test_a_page_is_turned_from_the_fewest_words_on_by_direction_or_shape(count: int) -> None:
    told = [Word("upside", 10, 10 + 9 * n, 60, 18 + 9 * n, 8, direction=180) for n in range(count)]
    shown = [Word("running up", 10 + 12 * n, 10, 20 + 12 * n, 90, 8) for n in range(count)]
    few = count < MIN_SIDEWAYS_WORDS
    assert find_page_turn(told) == (0 if few else 180)
    assert (find_page_turn(shown) == 0) is few


@pytest.mark.parametrize("seed", SEEDS)
def test_the_body_size_is_that_of_the_middle_character(seed: int) -> None:
    random = Random(seed)
    words = [
        Word("x" * random.randint(1, 9), 0, 0, random.randint(1, 50), random.randint(4, 14), random.choice([0, 8.0, 9.5, 10.0]))
        for _ in range(random.randint(1, 40))
    ]
    sizes = sorted(size_of(word) for word in words for _ in word.text)
    assert body_size(words) == sizes[(len(sizes) - 1) // 2]


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_in_points_and_back_are_those_of_the_words(seed: int) -> None:
    random = Random(seed)
    scale = Scale(595.0, 842.0)
    words = [Word(f" w{number} ", *(random.random() for _ in range(4)), 9.0, baseline=random.random()) for number in range(9)]
    placed = scale.to_points(words)
    assert [word.text for word in placed] == [f"w{number}" for number in range(9)]
    assert [word.baseline for word in placed] == [word.baseline * 842.0 for word in words]
    assert all(word.left <= word.right and word.top <= word.bottom and word.size_points == 9.0 for word in placed)
    assert scale.box_of(placed) == BoundingBox.of(
        min(min(word.left, word.right) for word in words),
        min(min(word.top, word.bottom) for word in words),
        max(max(word.left, word.right) for word in words),
        max(max(word.top, word.bottom) for word in words),
    )


def _plain_best_run(white: list[list[bool]], width: int, shortest: int) -> tuple[int, int, int, int] | None:
    """Return (column, first row, row behind the last, score) of the best run of white strips, cell by cell."""
    found = []
    for column in range(len(white[0]) - width + 1):
        first, lefts, rights = 0, 0, 0
        for row, cells in enumerate(white):
            if not all(cells[column : column + width]):
                first, lefts, rights = row + 1, 0, 0
                continue
            lefts += not all(cells[:column])
            rights += not all(cells[column + width :])
            ends = row + 1 == len(white) or not all(white[row + 1][column : column + width])
            if ends and row + 1 - first >= shortest:
                found.append((min(lefts, rights), row + 1, -column, first))
    score, end, column, first = max(found, default=(0, 0, 0, 0))
    return (-column, first, end, score) if score else None


@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_strip_is_the_one_that_counting_cell_by_cell_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    heights = random.integers(1, 4, 20)
    bands = random.random((20, 14)) < 0.15
    edges = np.append(0, heights.cumsum()).astype(np.int32)
    ink = np.append(bands.T, np.ones((14, 1), dtype=np.bool_), axis=1)
    found = _find_best_run(_find_strips(~ink, 2), edges, 4, *_reach_of_ink(ink, 2))
    plain = _plain_best_run((~np.repeat(bands, heights, axis=0)).tolist(), 2, 4)
    assert (found and (found[0], int(edges[found[1]]), int(edges[found[2]]), found[3])) == plain


def test_a_covered_rectangle_may_begin_and_end_between_the_edges_of_words() -> None:
    words = [Word("left", 0, 0, 40, 100, 8), Word("right", 60, 0, 100, 100, 8)]
    ink = InkMap(PageIndex(words).boxes, 8.0)
    before = ink.copy()
    ink.cover(40, 50, 60, 70)
    upper, whole = ink.find_tallest_gutter(), before.find_tallest_gutter()
    assert upper is not None
    assert whole is not None
    assert (upper.top, upper.bottom) == (0.0, 50.0)
    assert (whole.top, whole.bottom) == (0.0, 102.0)


def _plain_stretches(left: list[float], right: list[float], most: int, least: float) -> list[tuple[float, float]]:
    """Return the stretches inside the text that at most ``most`` words cover, edge by edge."""
    found: list[tuple[float, float]] = []
    edges = sorted([*left, *right])
    for start, end in pairwise(edges):
        if sum(one < end and start < other for one, other in zip(left, right, strict=True)) > most:
            continue
        if found and found[-1][1] == start:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return [(low, high) for low, high in found if high - low >= least and edges[0] < low and high < edges[-1]]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_border_lies_in_each_stretch_of_white_of_each_search(seed: int) -> None:
    random = np.random.default_rng(seed)
    left = random.uniform(0, 90, 20)
    right = left + random.uniform(1, 9, 20)
    words = [Word("x", *place, 8) for place in zip(left, 10.0 * np.arange(20), right, 10.0 * np.arange(20) + 8, strict=True)]
    region = Region(PageIndex(words), [Line((word,)) for word in words], 1.0)
    split = np.ones(20, dtype=np.bool_)
    searches = [_Search(start, 20, start, 3.0, most, split) for most in (0, 1, 2) for start in (0, 7)]
    for search, borders in zip(searches, _borders_of(region, searches), strict=True):
        stretches = _plain_stretches(left[search.top :].tolist(), right[search.top :].tolist(), search.most, 3.0)
        assert len(borders) == len(stretches)
        assert all(low < border < high for border, (low, high) in zip(borders.tolist(), stretches, strict=True))


def _table_words(seed: int) -> list[Word]:
    """Return the words of a table of numbers with empty cells and headings, some of which cross its columns."""
    random = Random(seed)
    words = []
    for row in range(12):
        for column in range(4):
            text = random.choice(["12.5", "Total", "a longer text", "•", "7", ""])
            left = 50 + 90 * column + random.choice([0, 0, 0, 40])
            words += [Word(text, left, 40 + 14 * row, left + 6 * len(text), 50 + 14 * row, 10, bold=row == 0)] if text else []
    return words


@pytest.mark.parametrize("seed", SEEDS)
def test_the_features_of_candidates_judged_together_are_those_of_each_alone(seed: int) -> None:
    words = _table_words(seed)
    rules = [
        RulingLine(40, 52, 400, 52.5),
        RulingLine(40, 120, 400, 121),
        RulingLine(130, 40, 130.5, 200),
        RulingLine(0, 0, 99, 99),
    ]
    region = Region(PageIndex(words, rules), lines_of(words), 10.0)
    runs = propose_tables(region)
    candidates = [*runs, *(reading for run in runs[:2] for reading in variants_of(run))]
    together = features_of_all(candidates)
    assert len(candidates) > len(runs) > 0
    for candidate, row in zip(candidates, together, strict=True):
        np.testing.assert_allclose(row, features_of(candidate), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["runs", "readings"])
def test_a_forest_expects_the_same_of_candidates_whose_other_features_were_left_out(name: str) -> None:
    trees, words = forest(name), _table_words(3)
    rules = [RulingLine(40, 52, 400, 52.5), RulingLine(130, 40, 130.5, 200), RulingLine(0, 0, 99, 99)]
    runs = propose_tables(Region(PageIndex(words, rules), lines_of(words), 10.0))
    candidates = [reading for run in runs for reading in variants_of(run) if reading.sets is runs[0].sets]
    everything, used = features_of_all(candidates), features_of_all(candidates, trees.used)
    assert (used[:, list(trees.used)] == everything[:, list(trees.used)]).all()
    assert trees.predict(used).tolist() == trees.predict(everything).tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_candidates_are_let_go_unseen_around_only_if_trees_expect_less_of_all(seed: int) -> None:
    trees, words = forest("runs"), _table_words(seed)
    rules = [RulingLine(40, 52, 400, 52.5), RulingLine(130, 40, 130.5, 200)]
    runs = propose_tables(Region(PageIndex(words, rules), lines_of(words), 10.0))
    features = features_of_all(runs)
    expected = trees.predict(features)
    alone = np.where(np.isin(np.arange(len(FEATURES)), list(OF_ITSELF)), features, 0.0)
    assert (bound_of("runs", OF_ITSELF).predict(alone) > expected - 1e-9).all()
    for least in (-2.0, float(expected.max()), float(expected.max()) + 0.01, 3.0):
        found = expected_of(runs, "runs", trees, least)
        assert found is None if expected.max() < least else found is not None and found.tolist() == expected.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_shape_of_a_candidate_is_that_of_its_grid(seed: int) -> None:
    words = _table_words(seed)
    for run in propose_tables(Region(PageIndex(words), lines_of(words), 10.0)):
        found, grid = dict(zip(FEATURES, features_of(run).tolist(), strict=True)), run.to_grid()
        cells = [cell for row in grid.rows for cell in row]
        assert (found["rows"], found["columns"]) == (len(grid.rows), grid.columns)
        if len(cells) < run.cells.stop - run.cells.start:
            continue  # cells of a row that share columns are one in the grid
        assert found["filled"] == sum(cell.last - cell.first + 1 for cell in cells) / (len(grid.rows) * grid.columns)
        assert found["rows_lone"] == sum(sum(cell.last - cell.first + 1 for cell in row) <= 1 for row in grid.rows)
        assert found["last_lone"] == (sum(cell.last - cell.first + 1 for cell in grid.rows[-1]) <= 1)


def test_a_cell_loses_the_dots_that_lead_to_its_number_and_no_other() -> None:
    cells = [GridCell(0, 0, (Word(text, 0, 0, 9, 9, 8),)) for text in ("Rent .......", "Rent . . . . . ", "etc.", "v1.2")]
    assert [cell.text for cell in cells] == ["Rent", "Rent", "etc.", "v1.2"]


def test_a_cached_property_is_computed_once_for_each_object() -> None:
    class Counted:
        calls = 0

        @cached_property
        def value(self) -> int:
            Counted.calls += 1
            return Counted.calls

    first, second = Counted(), Counted()
    assert [first.value, first.value, second.value, first.value] == [1, 1, 2, 1]
    assert isinstance(Counted.value, cached_property)


def test_proposals_of_the_same_words_are_the_same_grids_and_those_that_the_words_propose() -> None:
    words = [
        Word(f"{column}{row}", 80.0 * column, 14.0 * row, 80.0 * column + 30, 14.0 * row + 10, 10.0)
        for row in range(5)
        for column in range(3)
    ]
    proposals = PageProposals(PageIndex(words))
    (grid,) = proposals.grids_of(words)
    assert [grid] == propose_grids(words)
    assert proposals.grids_of(list(words))[0] is grid
    assert (proposals.prior_of(grid) > 0.5) is is_aligned_table(grid)
    assert proposals.score([(grid, 2.0)])[0].agreement > proposals.score([(grid, 0.0)])[0].agreement
    assert proposals.score([(grid, 2.0)]) is proposals.score([(grid, 2.0)])


def test_words_of_one_size_have_no_raised_numbers() -> None:
    words = [Word(text, 20.0 * place, 0, 20.0 * place + 20, 10, 9.0, baseline=8.0 - place) for place, text in enumerate("ab12")]
    assert merge_raised_numbers(words) == words == _level_note_marks(words)
    assert not any(ScriptedWord(word).add_script(after) for word, after in pairwise(words))


@pytest.mark.parametrize(("size", "joined"), [(17.0, True), (16.9, False)])
def test_a_drop_cap_is_1_7_times_as_large_as_the_words_beside_it(size: float, joined: bool) -> None:
    initial = Word("T", 0, 0, 15, 30, size)
    lines = [Word("his", 16, 1, 40, 11, 10.0), Word("goes", 16, 14, 40, 24, 10.0), Word("on", 16, 28, 40, 38, 10.0)]
    assert (join_initials([initial, *lines])[0].text == "This") is joined


@pytest.mark.parametrize(
    ("letter", "width", "first"),
    [
        pytest.param("D", 20, "Demande nous est leur il", id="a drop cap"),
        pytest.param("I", 8, "emande nous est leur il", id="a ruling read as a letter"),
    ],
)
def test_a_drop_cap_of_a_scan_begins_the_line_beside_it(letter: str, width: float, first: str) -> None:
    initial = Word(letter, 30 - width, 0, 30, 30)
    texts = ("emande nous est leur il", "avoir et facture rapport", "mais journal il des au gare")
    lines = [Word(text, 31, 16.0 * place, 160, 16.0 * place + 15) for place, text in enumerate(texts)]
    assert first in [word.text for word in join_initials([initial, *lines])]
