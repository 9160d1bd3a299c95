"""Which readings are rejected, and which must not be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from document_parser.engines.vlm.response import WATCH_CHARACTERS
from document_parser.models import Block, BoundingBox, InkFacts, PageImage, Reading, Table, Word
from document_parser.models import Cell as TableCell
from document_parser.pipeline.checks.evidence import Evidence
from document_parser.pipeline.checks.guards import judge
from document_parser.pipeline.checks.loops import keep_good_prefix, loop_reason
from tests.support.vllm_answers import answer_for, loop_for

START = " ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}word in a natural text {n * n}" for n in range(60)) + "\n"
TOKEN = 4  # characters, about


def seen_after(unit: str) -> int | None:
    """How many characters of a loop the watch has seen when it stops the answer."""
    for length in range(WATCH_CHARACTERS, 12_000, WATCH_CHARACTERS):
        grown = START + (unit * (length // len(unit) + 1))[:length]
        if loop_reason(grown):
            return length
    return None


@pytest.mark.parametrize(
    "unit",
    [
        " and the total of the second quarter",
        "a",
        "blah ",
        "The same sentence stands here once more. ",
        "<|ref|>text<|/ref|><|det|>[[61, 40, 900, 80]]<|/det|>\nSame words\n\n",
        "\\quad ",
    ],
)
def test_a_loop_is_seen_within_two_hundred_tokens(unit):
    assert seen_after(unit) <= 200 * TOKEN


@pytest.mark.parametrize("unit", ["哈", "你好世界", "и так далее "])
def test_a_loop_in_another_script_is_seen_as_soon(unit):
    assert seen_after(unit) <= 600


@pytest.mark.parametrize(
    "unit",
    ["<td></td>", "<tr>" + "<td></td>" * 8 + "</tr>", "| | | |\n", ".", "&nbsp;", "\n", "<tr><td>N/A</td><td>n</td></tr>"],
)
def test_endless_empty_cells_and_leaders_are_seen_too(unit):
    assert seen_after(unit) is not None


@pytest.mark.parametrize("unit", ["{}. The same sentence stands here once more. ", "{}. the total of the quarter\n"])
def test_a_loop_that_counts_is_seen_as_soon(unit):
    grown = START
    for number in range(1, 100):
        grown += unit.format(number)
        if loop_reason(grown):
            break
    assert len(grown) - len(START) <= 200 * TOKEN - WATCH_CHARACTERS
    assert keep_good_prefix(grown) == (START + unit.format(1)).rstrip()


LONG_TERMS = " ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}clause holds for both parties." for n in range(16))


def rows(count: int, cells: list[str]) -> str:
    return "<table>" + ("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>") * count


@pytest.mark.parametrize(
    "text",
    [
        rows(45, ["0"] * 6),
        rows(40, ["0.00", "0.00", "0.00", "-"]),
        rows(31, [""] * 10),
        rows(10, ["N/A", "N/A", "yes"]),
        "<table>" + "".join(f"<tr><td>Item {n}</td>" + "<td>0</td>" * 12 + "</tr>" for n in range(60)),
        "<table>" + "".join(f"<tr><td>{n}</td><td>12.5</td><td>12.5</td></tr>" for n in range(200)),
        "<table><tr>" + "<td></td>" * 40,
        "<table>" + "".join(f"<tr><td>{n}</td><td>Present at the meeting</td></tr>" for n in range(50)),
        "".join(
            f"<|ref|>text<|/ref|><|det|>[[10, {n * 40}, 90, {n * 40 + 20}]]<|/det|>\nNot applicable\n\n" for n in range(20)
        ),
        "".join(f"{n}. Name: ____________________\n" for n in range(1, 40)),
        "".join(f"Chapter {n} {'.' * 90} {n * 7}\n" for n in range(40)),
        "Name: " + "_" * 120 + "\nDate: " + ". " * 60,
        "```\n" + "    0x00, 0x00, 0x00, 0x00,\n" * 40,
        "```\n" + "".join(f"{' ' * depth}}}\n" for depth in range(40, 0, -4)),
        "=" * 200 + "\n",
        "la la la la " * 12,
        "very, very, very, very, very, very good",
        (LONG_TERMS + "\n") * 6,
        "Refrain: row, row, row your boat, gently down the stream.\n" * 4,
    ],
)
def test_real_pages_that_repeat_themselves_are_left_alone(text):
    for end in range(WATCH_CHARACTERS, len(START + text) + WATCH_CHARACTERS, WATCH_CHARACTERS):
        assert loop_reason((START + text)[:end]) is None


@pytest.mark.parametrize("grammar", ["deepseek", "nanonets"])
@pytest.mark.parametrize("value", [0, 7, 2**32 - 1])
def test_ordinary_answers_are_no_loops(grammar, value):
    assert loop_reason(answer_for(value, grammar, 2000)) is None


def test_the_prefix_before_a_loop_is_kept():
    looping = loop_for(5, "deepseek", 6900)
    good = keep_good_prefix(looping)
    assert looping.startswith(good)
    assert good.count("second quarter") <= 2
    assert "stamp-5" in good


def test_a_text_without_a_loop_is_kept_whole():
    assert keep_good_prefix(START) == START


NOBODY = Evidence()


def knows(text: str) -> Evidence:
    """A witness that knows these words and no places."""
    return Evidence([Word(word, 0, 0, 0, 0) for word in text.split()], "text_layer")


INKED = PageImage(1, 100, 100, "jpeg", b"", ink=0.05)
BARE = PageImage(1, 100, 100, "jpeg", b"", ink=0.0)


def said(text: str = "", *blocks: Block, **more) -> Reading:
    return Reading("deepseek", list(blocks) or [Block(kind="paragraph", text=text)], text=text, **more)


@pytest.mark.parametrize(("finish", "warning"), [("length", "truncated"), ("aborted", "truncated"), ("loop", "loop_cut")])
def test_an_answer_that_did_not_end_by_itself_is_rejected(finish, warning):
    assert judge(said("Words", finish_reason=finish), INKED, NOBODY).warning == warning


def test_a_whole_answer_is_accepted():
    assert judge(said("Words"), INKED, NOBODY) is None
    text = answer_for(3, "deepseek", 300)
    assert judge(said(text), INKED, NOBODY) is None


def test_a_loop_that_ended_by_itself_is_rejected():
    assert judge(said(START + "again and " * 200), INKED, NOBODY).warning == "loop_cut"


def test_lines_that_repeat_on_the_page_are_no_loop_of_an_engine_that_finds_words():
    words = [Word("The same label", 0.1, 0.01 * n, 0.3, 0.01 * n + 0.01) for n in range(90)]
    assert judge(Reading("rapidocr", words=words), INKED, NOBODY) is None


def test_nothing_read_on_an_inked_page_is_rejected():
    rejection = judge(said(""), INKED, NOBODY)
    assert rejection.empty
    assert judge(Reading("rapidocr"), INKED, NOBODY).empty
    assert judge(said(" \n.-"), INKED, NOBODY).empty


def test_nothing_read_on_a_bare_page_is_right():
    assert judge(said(""), BARE, NOBODY) is None
    assert judge(Reading("text_layer"), None, NOBODY) is None


def test_a_figure_or_a_filled_table_is_something():
    table = Table(rows=1, columns=1, cells=[TableCell(row=0, column=0, text="7")])
    assert judge(said("", Block(kind="figure")), INKED, NOBODY) is None
    assert judge(said("", Block(kind="table", table=table)), INKED, NOBODY) is None


@pytest.mark.parametrize("text", ["Sums\n<table><tr><td>1", "a <|ref|>text", "a <|ref|>text<|/ref|><|det|>[[1,2"])
def test_markup_without_its_end_is_rejected(text):
    assert judge(said(text), INKED, NOBODY) is not None


def test_a_page_about_html_is_not_taken_for_broken():
    assert judge(said("Write <table> to begin one. Then </table>."), INKED, NOBODY) is None
    assert judge(said("The tag <table> begins one."), INKED, NOBODY) is None


def test_a_reading_that_misses_most_of_the_known_words_is_rejected():
    assert judge(said("Something else entirely"), INKED, knows(START)).warning == "low_coverage"
    assert judge(said(START[: len(START) // 2]), INKED, knows(START)) is None


def test_a_short_witness_proves_nothing():
    assert judge(said("Something else"), INKED, knows("A stamp of few words")) is None


def test_a_witness_without_spaces_is_compared_by_character():
    page = "".join(chr(0x4E00 + 7 * number) for number in range(300))
    assert judge(said("\n".join(page[n : n + 11] for n in range(0, 300, 11))), INKED, knows(page)) is None
    assert judge(said("别的"), INKED, knows(page)) is not None


SENTENCES = (
    "The agreement between the two parties begins on the first day of March and ends after three years. "
    "Each party may give notice in writing, six months before the end of a year. "
    "Payment is due within thirty days of the date of the invoice. "
)
LIE = "Furthermore the lessee surrenders every claim against previous owners, including damages caused by storms or neglect."


@pytest.mark.parametrize(
    "text",
    [
        SENTENCES,
        SENTENCES.upper(),
        SENTENCES.replace("first", "\ufb01rst").replace("invoice", "in-\nvoice"),
        SENTENCES.replace("agreement", "agree ment"),
        " ".join(reversed(SENTENCES.split(". "))),
        SENTENCES + r" $\frac{\alpha}{\beta} = \sum_{n} \gamma_n \delta^n \mathrm{sin} \epsilon \zeta \eta$",
        SENTENCES.replace("three years", "thrce ycars"),
    ],
)
def test_the_same_words_written_otherwise_are_neither_invented_nor_missed(text):
    assert judge(said(text), INKED, knows(SENTENCES)) is None


@pytest.mark.parametrize("text", [SENTENCES + LIE, LIE + " " + SENTENCES])
def test_a_sentence_that_the_witness_knows_nothing_of_is_rejected(text):
    rejection = judge(said(text), INKED, knows(SENTENCES))
    assert (rejection.guard, rejection.warning) == ("fabrication", "suspect_fabrication")


def test_a_description_of_a_picture_is_no_invention():
    blocks = Block(kind="paragraph", text=SENTENCES), Block(kind="figure", text=LIE)
    assert judge(said(SENTENCES, *blocks), INKED, knows(SENTENCES)) is None


ALL_CELLS = "f" * 384
DENSE = PageImage(1, 100, 100, "jpeg", b"", ink=0.1, ink_facts=InkFacts(letters=2000, cells=ALL_CELLS))
SPARSE = PageImage(1, 100, 100, "jpeg", b"", ink=0.001, ink_facts=InkFacts(letters=20, cells="0" * 383 + "1"))


def test_far_fewer_letters_than_the_ink_has_room_for_are_doubted():
    rejection = judge(said("A line of words."), DENSE, NOBODY)
    assert (rejection.guard, rejection.doubtful) == ("coverage", True)
    assert judge(said(SENTENCES * 3), DENSE, NOBODY) is None


def test_handwriting_needs_fewer_letters_for_its_ink():
    hand = replace(DENSE, ink_facts=DENSE.ink_facts.model_copy(update={"uneven": True}))
    letter = "My dear wife, " * 30
    assert judge(said(letter), DENSE, NOBODY).guard == "coverage"
    assert judge(said(letter), hand, NOBODY) is None
    assert judge(said("My dear wife,"), hand, NOBODY).guard == "coverage"


def test_far_more_letters_than_the_ink_has_room_for_are_doubted():
    rejection = judge(said(SENTENCES * 3), SPARSE, NOBODY)
    assert (rejection.guard, rejection.doubtful) == ("fabrication", True)
    assert judge(said("14"), SPARSE, NOBODY) is None


def test_ink_under_a_figure_needs_no_letters():
    whole = Block(kind="figure", box=BoundingBox(left=0, top=0, right=1, bottom=1))
    corner = Block(kind="figure", box=BoundingBox(left=0, top=0, right=0.2, bottom=0.1))
    assert judge(said("", whole), DENSE, NOBODY) is None
    assert judge(said("", Block(kind="figure", text="A harbour.")), DENSE, NOBODY) is None
    assert judge(said("", corner), DENSE, NOBODY).guard == "coverage"


def test_words_known_to_the_page_are_a_better_witness_than_its_ink():
    assert judge(said(SENTENCES), DENSE, knows(SENTENCES)) is None


def test_an_ocr_that_found_far_less_than_was_read_accuses_nobody():
    small_print = " ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}clause unlike others" for n in range(60))
    found = Evidence(knows(SENTENCES).words, "rapidocr")
    assert judge(said(SENTENCES + small_print), INKED, found) is None
    assert judge(said(SENTENCES + small_print), SPARSE, found).guard == "fabrication"
    assert judge(said(SENTENCES + small_print), INKED, knows(SENTENCES)).guard == "fabrication"


def test_an_ocr_accuses_no_script_that_it_cannot_write():
    korean = "이 문서는 두 당사자 사이의 합의가 삼월 첫째 날에 시작하여 세 해 뒤에 끝난다고 적고 있습니다 "
    found = Evidence(knows(SENTENCES).words, "rapidocr")
    assert judge(said(SENTENCES + korean), INKED, found) is None
    assert judge(said(SENTENCES + korean), INKED, knows(SENTENCES)).guard == "fabrication"
    knows_some = Evidence(knows(SENTENCES + "한국").words, "tesseract")
    assert judge(said(SENTENCES + korean), INKED, knows_some).guard == "fabrication"
