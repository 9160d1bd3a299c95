"""Lines of writing with something tall in them, parted in a detection's map drawn here."""

from __future__ import annotations

import cv2
import numpy as np

from document_parser.engines.rapidocr.text_map import split_lines


def drawn(*boxes):
    """A map with these (left, top, right, bottom) spots of writing."""
    writing = np.zeros((200, 600), dtype=np.float32)
    for left, top, right, bottom in boxes:
        writing[top:bottom, left:right] = 1
    return writing


def spots(writing):
    """(left, top, width, height) of every spot, the largest first."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((writing > 0.3).astype(np.uint8), connectivity=8)
    return [tuple(map(int, row[:4])) for row in sorted(stats[1:], key=lambda row: -row[4])]


LINE = (50, 100, 550, 116)


def test_a_line_is_cut_loose_from_a_fraction_that_stands_out_above_and_below_it():
    writing = drawn(LINE, (300, 70, 340, 146))
    line, *beside = spots(split_lines(writing))
    assert line[:3] == (50, line[1], 500)
    assert 97 <= line[1] <= 100
    assert line[1] + line[3] <= 120
    assert [width for _, _, width, _ in beside] == [40, 40]


def test_two_lines_that_one_tall_sign_joins_become_two():
    writing = drawn(LINE, (50, 150, 350, 166), (200, 100, 220, 160))
    assert sum(width >= 300 for _, _, width, _ in spots(split_lines(writing))) == 2


def test_a_map_of_plain_lines_is_left_as_it_is():
    writing = drawn(LINE, (50, 150, 350, 166))
    assert split_lines(writing) is writing


def test_lines_that_lean_or_bend_are_left_whole():
    bent = np.zeros((200, 600), dtype=np.float32)
    for column in range(50, 550):
        top = round(100 + 30 * np.sin(column / 160))
        bent[top : top + 16, column] = 1
    leaning = np.zeros((200, 600), dtype=np.float32)
    for column in range(50, 550):
        top = round(40 + 0.2 * column)
        leaning[top : top + 16, column] = 1
    assert split_lines(bent) is bent
    assert split_lines(leaning) is leaning


def test_a_block_without_a_line_in_it_is_left_as_it_is():
    blob = np.zeros((200, 600), dtype=np.float32)
    cv2.circle(blob, (300, 100), 80, 1.0, -1)
    blob[95:105, 300:400] = 1
    assert split_lines(blob) is blob
