"""Lines in doubt are read the other way round too, and only what reads clearly better is turned."""

from __future__ import annotations

import numpy as np
import pytest

from document_parser.engines.rapidocr.ocr import Read
from document_parser.engines.rapidocr.turned_lines import read_turned

PIXELS = np.full((200, 400, 3), 255, dtype=np.uint8)
SURE = Read("Minutes of the meeting", 0.98)


class OtherWayRound:
    """Networks that read these in turned lines."""

    def __init__(self, *readings):
        self.readings, self.asked = readings, 0

    def read(self, lines):
        self.asked += len(lines)
        return list(self.readings)


def box(number):
    top = 10 + 40 * number
    return [(20, top), (220, top), (220, top + 20), (20, top + 20)]


def turned(ocr, *read):
    corners = np.array([box(number) for number in range(len(read))], dtype=np.float32)
    found, places = read_turned(ocr, PIXELS, corners, read)
    return [one and one.text for one in found], [
        place[0].tolist() == list(box(number)[0]) for number, place in enumerate(places)
    ]


def test_a_stamp_on_its_head_is_read_from_where_it_begins():
    ocr = OtherWayRound(Read("RECEIVED 1996", 0.92))
    assert turned(ocr, SURE, Read("966I CEAIE", 0.45), SURE) == ([SURE.text, "RECEIVED 1996", SURE.text], [True, False, True])


@pytest.mark.parametrize(
    ("as_found", "other"),
    [
        (Read("Signed", 0.6), Read("pou6iS", 0.76)),  # a scribble
        (Read("90", 0.5), Read("06", 0.99)),  # too short to tell
        (Read("SWIMS", 0.8), Read("SWIMS", 0.9)),  # the same both ways
        (Read("0bia", 0.5), Read("vbegicg", 0.9, lost_letters=2.0)),  # letters were left out
    ],
)
def test_what_reads_no_better_the_other_way_round_stays(as_found, other):
    assert turned(OtherWayRound(other), SURE, as_found, SURE) == ([SURE.text, as_found.text, SURE.text], [True] * 3)


def test_a_page_of_which_most_lines_are_in_doubt_is_not_turned_line_by_line():
    ocr = OtherWayRound(*[Read("RECEIVED 1996", 0.92)] * 3)
    doubtful = [Read("966I CEAIE", 0.45)] * 3
    assert turned(ocr, SURE, *doubtful)[1] == [True] * 4
    assert not ocr.asked


def test_lines_that_were_not_read_in_time_and_sure_ones_are_not_tried():
    ocr = OtherWayRound()
    assert turned(ocr, None, SURE) == ([None, SURE.text], [True, True])
    assert not ocr.asked
