"""Tables and columns over the same words compete by the agreement that is expected of each."""

from __future__ import annotations

import pytest

from document_parser.layout.page import blocks_of
from tests.support.layout_pages import (
    HEIGHT,
    WIDTH,
    as_runs,
    blocks,
    grid,
    kinds,
    level,
    line,
    prose,
    rows_at,
    texts,
    upright,
    whole,
)


def tables(words, rules=()):
    return [grid(block.table) for block in blocks_of(words, WIDTH, HEIGHT, rules) if block.table]


def test_two_tables_of_one_width_with_other_columns_right_below_each_other_are_two():
    upper = [["Town", "People", "Area"], ["Ashby", "12,400", "31.5"], ["Greyford", "8,150", "22.0"], ["Holm", "940", "7.4"]]
    lower = [["Street", "Length"], ["Mill Road", "1,200 m"], ["Dam Lane", "850 m"], ["Quay", "430 m"]]
    words = rows_at(upper, (80, 230, 380), 104, 18) + rows_at(lower, (80, 400), 186, 18)
    rules = [level(100 + 18 * number) for number in range(5)] + [level(182 + 18 * number) for number in range(5)]
    rules += [upright(at, 100, 172) for at in (72, 220, 370, 520)] + [upright(at, 182, 254) for at in (72, 390, 520)]
    assert tables(words, rules) == [upper, lower]


def test_a_column_with_few_cells_before_a_background_is_part_of_the_table():
    rows = [
        ["Value", "Day", "Start", "Holidays"],
        ["9 March", "3/9", "2/29", "2/22"],
        *([["", "", "", day] for day in ("2/23", "3/8", "5/9")]),
    ]
    lefts = (100, 180, 260, 340)
    words = rows_at(rows, lefts, 104, 18)
    rules = [level(100 + 18 * number, 96, 420) for number in range(6)]
    rules += [upright(at, 100, 190) for at in (96, 176, 256, 336, 420)]
    (found,) = tables(words, rules)
    assert [row[3] for row in found] == ["Holidays", "2/22", "2/23", "3/8", "5/9"]


@pytest.mark.parametrize("gap", [6, 12])
def test_columns_set_close_are_read_one_after_the_other(gap):
    words = prose(14, 72, 100, 290, first="Left", seed=1) + prose(14, 290 + gap, 100, 508 + gap, first="Right", seed=2)
    found = blocks(words)
    assert "table" not in kinds(found)
    assert "Right" not in texts(found)[0]
    assert whole(found).index("Left") < whole(found).index("Right")


def test_narrow_columns_of_a_newspaper_with_lines_between_them_are_no_table():
    words, rules = [], []
    for number, left in enumerate((72, 190, 308)):
        words += prose(9, left, 100, left + 108, size=9, first=f"Story{number}", seed=number)
        rules += [upright(left - 5, 96, 200)] if number else []
    found = blocks_of(words, WIDTH, HEIGHT, rules)
    assert "table" not in kinds(found)
    text = whole(found)
    assert text.index("Story0") < text.index("Story1") < text.index("Story2")


@pytest.mark.parametrize("marks", [(), (upright(80, 630, 660), upright(86, 622, 661))], ids=["rim", "photograph"])
def test_the_dark_rim_of_a_scan_frames_no_table_of_its_columns(marks):
    columns = [(40, 190, (20, 1)), (205, 355, (20, 20)), (370, 520, (20, 20))]
    words = [
        run
        for number, (left, right, lines) in enumerate(columns)
        for part, (top, count) in enumerate(zip((60, 330), lines, strict=True))
        for run in as_runs(prose(count, left, top, right, first="" if part else f"Story{number}", seed=2 * number + part))
    ]
    words += as_runs(line("What they need most", 205, 590, size=30))
    words += as_runs(line("By somebody", 205, 645, size=8)) + as_runs(line("93", 505, 645, size=8))
    rules = [level(8, 0, 594), level(656, 60, 592), upright(588, 0, 660), *marks]
    found = blocks_of(words, WIDTH, HEIGHT, rules)
    assert "table" not in kinds(found)
    text = whole(found)
    assert text.index("Story0") < text.index("Story1") < text.index("Story2")


def test_headings_over_a_rule_are_no_numerator_of_a_fraction():
    head = rows_at([["Model", "First try", "Second try"]], (80, 200, 330), 100)
    body = rows_at([["A", "1.5", "2.5"], ["B", "3.5", "4.5"], ["C", "5.5", "6.5"]], (80, 200, 330), 122)
    body[1] = body[1]._replace(text="✓", math=True)
    words = [word._replace(baseline=word.bottom - 2 / HEIGHT) for word in head + body]
    found = blocks_of(words, WIDTH, HEIGHT, [level(94, 76, 400), level(116, 76, 400), level(176, 76, 400)])
    assert "frac" not in " ".join(texts(found))


def test_columns_of_figures_set_as_close_as_words_are_columns():
    rows = [[str(day), f"1904-01-{day:02}", f"1907-03-{day:02}"] for day in range(11, 17)]
    found = tables(rows_at(rows, (80, 96, 147.5), 100, 14))
    assert found == [rows]


def test_a_line_of_text_is_read_once_whatever_competes():
    words = line("Only one line of text with 12.50 in it.", 72, 100)
    assert texts(blocks(words)) == ["Only one line of text with 12.50 in it."]
