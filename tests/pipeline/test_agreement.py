"""Two readings of one page: what counts as the same, which numbers differ, and where words without a place belong."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from document_parser.models import INK_COLUMNS, INK_ROWS, Block, BoundingBox, Cell, InkFacts, PageImage, Table, Word
from document_parser.pipeline.checks.agreement import correct_numbers
from document_parser.pipeline.checks.evidence import ink_below, uncovered_ink
from document_parser.pipeline.reading.box_matching import place_blocks
from document_parser.pipeline.reading.crops import join_rest, rest_of, sound_prefix
from document_parser.text.normalize import Vocabulary, overlap_of, tokenize
from document_parser.text.numbers import describe_differences, find_differences


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ﬁle oﬃce", "file office"),
        ("ＡＢＣ １２３", "abc 123"),
        ("Straße", "STRASSE"),
        ("co\u00adoperate", "cooperate"),
        ("the year’s end", "The year's end"),
        ("東京 都", "東京都"),
    ],
)
def test_letter_forms_make_no_difference(one, other):
    assert tokenize(one) == tokenize(other)


def test_agreement_counts_words_whatever_their_order():
    assert overlap_of(tokenize("a b c d"), tokenize("d c b a")) == 1
    assert overlap_of(tokenize("one two three four"), tokenize("one two five six")) == 0.5
    assert overlap_of([], []) == 1
    assert overlap_of(tokenize("one"), []) == 0


def test_words_broken_at_a_line_end_agree():
    assert overlap_of(tokenize("trans- portation costs"), tokenize("transportation costs")) == 1
    assert Vocabulary(tokenize("the trans- portation")).knows(["transportation"]) == [True]
    assert Vocabulary(tokenize("transportation")).knows(["trans", "portation"]) == [True, True]


def shown(read, known):
    return [(one.read, one.known) for one in find_differences([read], [known])]


@pytest.mark.parametrize(
    ("read", "known", "found"),
    [
        ("Total 1,250.00", "Total 1,350.00", [("1,250.00", "1,350.00")]),
        ("due 2026-03-14", "due 2026-03-15", [("2026-03-14", "2026-03-15")]),
        ("IBAN DE89 3704 0044", "IBAN DE89 3704 0041", [("0044", "0041")]),
        ("Sum of 98765", "Sum of 1234", [("98765", "1234")]),
        ("Paid 13.20, then 13.20", "Paid 10.20, then 13.20", [("13.20", "10.20")]),
    ],
)
def test_amounts_dates_and_identifiers_that_differ_are_found(read, known, found):
    assert shown(read, known) == found


@pytest.mark.parametrize(
    ("read", "known"),
    [
        ("1.234.567,89", "1 234 567,89"),
        ("1234567", "1,234,567"),
        ("12 March 2026", "12 March 2026 and more"),
        ("Page 7 of 9", "Page 8 of 9"),
        ("the stamp says 4711", "words and no number"),
        ("１２３４", "1234"),
        ("+49 30 1234567", "+49301234567"),
        ("2019–2023", "2019 - 2023"),
        ("4711 4712", "4711 4712 4713"),
        ("Invoice 4711. Copy of 4711", "Invoice 4711"),
    ],
)
def test_numbers_written_otherwise_or_without_a_counterpart_are_no_difference(read, known):
    assert shown(read, known) == []


def test_numbers_are_put_right_where_they_have_one_place():
    table = Table(rows=1, columns=2, cells=[Cell(row=0, column=0, text="Total"), Cell(row=0, column=1, text="1,250.00")])
    blocks = [Block(kind="table", table=table), Block(kind="paragraph", text="of 5011 and 5011")]
    assert correct_numbers(blocks, find_differences(["Total 1,250.00"], ["Total 1,350.00"]))
    assert table.cells[1].text == "1,350.00"
    assert not correct_numbers(blocks, find_differences(["of 5011"], ["of 5012"]))
    assert "5011 (other reading: 5012)" in describe_differences(find_differences(["of 5011"], ["of 5012"]))


def line(text, top, left=0.1):
    return [Word(word, left + 0.1 * n, top, left + 0.1 * n + 0.08, top + 0.02) for n, word in enumerate(text.split())]


PAGE = [*line("Report of the harbour", 0.1), *line("Ships lie at anchor tonight", 0.3), *line("Total of goods 1,250", 0.6)]


def test_blocks_without_a_place_get_that_of_the_words_that_say_the_same():
    table = Table(rows=1, columns=2, cells=[Cell(row=0, column=0, text="Total of goods"), Cell(row=0, column=1, text="1,250")])
    blocks = [
        Block(kind="title", text="Report of the Harbour"),
        Block(kind="paragraph", text="Ships lie at anchor tonight"),
        Block(kind="table", table=table),
        Block(kind="paragraph", text="Nothing of this stands there"),
    ]
    place_blocks(blocks, PAGE)
    assert [block.box and (block.box.top, block.box.bottom) for block in blocks] == [
        (0.1, 0.12),
        (0.3, 0.32),
        (0.6, 0.62),
        None,
    ]
    assert blocks[2].box.left == 0.1


def test_a_word_of_a_line_has_its_share_of_the_line():
    blocks = [Block(kind="paragraph", text="lie still")]
    place_blocks(blocks, [Word("Ships lie still", 0.1, 0.3, 0.4, 0.32)])
    assert blocks[0].box.left == pytest.approx(0.22, abs=0.01)


def inked(*rows: int) -> InkFacts:
    """The ink of a page with writing across these rows of the grid."""
    width = INK_COLUMNS // 4
    return InkFacts(letters=900, cells="".join(("f" if row in rows else "0") * width for row in range(INK_ROWS)))


def picture(marks: InkFacts) -> PageImage:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 480), "white").save(buffer, "JPEG")
    return PageImage(1, 320, 480, "jpeg", buffer.getvalue(), ink=0.1, ink_facts=marks)


def block(top: float, bottom: float, left: float = 0.0, right: float = 1.0) -> Block:
    return Block(kind="paragraph", text="x", box=BoundingBox(left=left, top=top, right=right, bottom=bottom))


def test_the_rest_of_a_page_begins_below_the_last_block_that_was_read():
    prefix = sound_prefix([block(0.1, 0.2), block(0.25, 0.5), block(0.5, 0.6)], picture(inked(6, 15, 30, 40)))
    assert (len(prefix.blocks), prefix.bottom, prefix.is_worth_a_crop) == (2, 0.5, True)
    rest = rest_of(prefix)
    assert rest.height_pixels == pytest.approx(240, abs=4)
    assert ink_below(rest.ink_facts, 0) > 0
    moved = join_rest(prefix, [block(0.0, 0.5)])[-1].box
    assert (moved.top, moved.bottom) == (pytest.approx(0.504), pytest.approx(0.752))


def test_a_second_column_that_nobody_has_read_forbids_a_crop():
    marks = inked(5, 10, 15, 20)
    assert sound_prefix([block(0.1, 0.5, right=0.45), block(0.6, 0.7)], picture(marks)) is None
    assert uncovered_ink(marks, [block(0.1, 0.5, right=0.45).box], 0.5) > 0.4


def test_nothing_is_left_to_read_where_there_is_no_more_ink():
    assert sound_prefix([block(0.1, 0.5), block(0.5, 0.6)], picture(inked(6, 15))).is_whole


def test_blocks_without_places_say_nothing_of_where_to_go_on():
    assert sound_prefix([Block(kind="paragraph", text="x"), block(0.5, 0.6)], picture(inked(6))) is None


def test_a_number_misread_once_of_several_times_is_a_difference():
    assert shown("in 1980, and 2980, and in 1980", "in 1980, and 1980, and in 1980") == [("2980", "1980")]
    assert shown("in 1980, and 2980", "in 1980") == []
    assert shown("in 1980, and 1980", "in 1980, and 1980, and 1980") == []
