"""What the models write, as blocks."""

from __future__ import annotations

import random

import pytest

from document_parser.engines.vlm.deepseek import parse_deepseek
from document_parser.engines.vlm.html_table import MAX_COLUMNS, read_table
from document_parser.engines.vlm.markdown import markdown_blocks, normalize_formulas
from document_parser.engines.vlm.nanonets import parse_nanonets
from document_parser.models import Block, BoundingBox

END = "<｜end▁of▁sentence｜>"

DEEPSEEK = rf"""<|ref|>title<|/ref|><|det|>[[60, 42, 930, 91]]<|/det|>
# Quarterly report

<|ref|>sub_title<|/ref|><|det|>[[60, 100, 500, 120]]<|/det|>
### 1. Results

<|ref|>text<|/ref|><|det|>[[60, 420, 930, 480]]<|/det|>
See \(x^2\) and 你好.
\[ E = mc^2 \tag{{1}} \]

<|ref|>image<|/ref|><|det|>[[100, 500, 900, 700]]<|/det|>
<|ref|>image_caption<|/ref|><|det|>[[100, 710, 900, 730]]<|/det|>
<center>Figure 1: The harbour.</center>

<|ref|>header<|/ref|><|det|>[[0, 0, 999, 20]]<|/det|>
Annual review
<|ref|>poem<|/ref|><|det|>[[10, 800, 20, 820]]<|/det|>
A label nobody has seen.
{END}"""


def texts(blocks: list[Block]) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks]


def grid(block: Block) -> list[tuple[int, int, int, int, str]]:
    assert block.table is not None
    return [(cell.row, cell.column, cell.row_span, cell.column_span, cell.text) for cell in block.table.cells]


def test_labels_become_kinds_and_the_end_token_goes():
    assert texts(parse_deepseek(DEEPSEEK)) == [
        ("title", "Quarterly report"),
        ("heading", "1. Results"),
        ("paragraph", "See $x^2$ and 你好."),
        ("formula", r"E = mc^2 \tag{1}"),
        ("figure", ""),
        ("caption", "Figure 1: The harbour."),
        ("page_header", "Annual review"),
        ("paragraph", "A label nobody has seen."),
    ]


def test_levels_come_from_the_label_or_from_the_marks():
    blocks = parse_deepseek(DEEPSEEK)
    assert [block.level for block in blocks[:3]] == [1, 3, None]
    assert parse_deepseek("<|ref|>sub_title<|/ref|><|det|>[[1,2,3,4]]<|/det|>\nBare")[0].level == 2


def test_boxes_count_to_999_over_the_page():
    assert parse_deepseek(DEEPSEEK)[6].box == BoundingBox(left=0, top=0, right=1, bottom=0.02002)


def test_several_boxes_of_one_block_are_united():
    block = parse_deepseek("<|ref|>text<|/ref|><|det|>[[0, 0, 499, 100], [500, 50, 999, 999]]<|/det|>\nTwo columns")[0]
    assert block.box == BoundingBox(left=0, top=0, right=1, bottom=1)


@pytest.mark.parametrize(
    "answer",
    [
        "<|det|>title [[99, 99, 300, 300]]<|/det|>\n# Report",
        "<|ref|>title<|/ref|><|det|>[99, 99, 300, 300]<|/det|># Report",
        "<|ref|>title<|/ref|>\n<|det|>[[99, 99, 300, 300]]\n# Report",
        "title[[99, 99, 300, 300]]\n# Report",
    ],
)
def test_variants_of_the_place_are_understood(answer):
    (block,) = parse_deepseek(answer)
    assert (block.kind, block.text) == ("title", "Report")
    assert block.box == BoundingBox(left=0.0991, top=0.0991, right=0.3003, bottom=0.3003)


def test_a_table_under_its_captions_label_gets_its_own_box():
    caption, table = parse_deepseek(
        "<|ref|>table<|/ref|><|det|>[[60, 120, 930, 400]]<|/det|>\n"
        "<|ref|>table_caption<|/ref|><|det|>[[60, 100, 930, 119]]<|/det|>\n"
        "Table 1: Sums\n<table><tr><td>a</td><td>b</td></tr></table>"
    )
    assert (caption.kind, caption.text, caption.box.bottom) == ("caption", "Table 1: Sums", 0.11912)
    assert (table.kind, table.box.top, table.box.bottom) == ("table", 0.12012, 0.4004)


def test_a_table_that_was_seen_and_not_read_stays_as_a_picture():
    blocks = parse_deepseek(
        "<|ref|>table<|/ref|><|det|>[[60, 120, 930, 400]]<|/det|>\n"
        "<|ref|>text<|/ref|><|det|>[[60, 420, 930, 480]]<|/det|>\nAfter it\n"
        "<|ref|>table<|/ref|><|det|>[[60, 500, 930, 600]]<|/det|>\n<table><tr><td>a</td></tr></table>"
    )
    assert [block.kind for block in blocks] == ["figure", "paragraph", "table"]
    assert [block.box.top for block in blocks] == [0.12012, 0.42042, 0.5005]


def test_text_without_any_label_is_kept():
    assert texts(parse_deepseek("Plain words.\n\n# And a heading" + END)) == [
        ("paragraph", "Plain words."),
        ("heading", "And a heading"),
    ]


def test_nanonets_markdown_becomes_blocks():
    answer = (
        "<watermark>OFFICIAL COPY</watermark>\n# Invoice 2026-001\n\nDear Ms Smith,\nthank you.\n\n"
        "- Widgets\n  - small\n- Gadgets\n\n1. First\n2) Second\n\n"
        "☐ Cash\n- [x] Card\n[ ] Cheque\n\n$$\n\\frac{a}{b}\n$$\n\n"
        "```python\nprint('<td>')\n```\n\n![A chart](chart.png)\n<img>The company's logo</img>\n---\n"
        "Signed: <signature>J. Smith</signature> <page_number>9/22</page_number>"
    )
    assert texts(parse_nanonets(answer)) == [
        ("watermark", "OFFICIAL COPY"),
        ("heading", "Invoice 2026-001"),
        ("paragraph", "Dear Ms Smith,\nthank you."),
        ("list_item", "Widgets"),
        ("list_item", "small"),
        ("list_item", "Gadgets"),
        ("list_item", "1. First"),
        ("list_item", "2) Second"),
        ("checkbox", "☐ Cash"),
        ("checkbox", "☑ Card"),
        ("checkbox", "☐ Cheque"),
        ("formula", "\\frac{a}{b}"),
        ("code", "print('<td>')"),
        ("figure", "A chart"),
        ("figure", "The company's logo"),
        ("paragraph", "Signed:"),
        ("signature", "J. Smith"),
        ("page_number", "9/22"),
    ]


def test_list_items_know_their_depth():
    blocks = markdown_blocks("- a\n    - b\n        - c\n    - d\n- e\n\ntext\n\n  - f")
    assert [block.level for block in blocks] == [1, 2, 3, 2, 1, None, 1]


def test_a_form_blank_is_no_rule():
    assert texts(markdown_blocks("Name\n\n__________\n\n***")) == [("paragraph", "Name"), ("paragraph", "__________")]


def test_a_pipe_table_has_a_header():
    (block,) = markdown_blocks("| Item | Price |\n|:--|--:|\n| Nut \\| bolt | $x$ |\n| | 2 |")
    assert grid(block) == [
        (0, 0, 1, 1, "Item"),
        (0, 1, 1, 1, "Price"),
        (1, 0, 1, 1, "Nut | bolt"),
        (1, 1, 1, 1, "$x$"),
        (2, 0, 1, 1, ""),
        (2, 1, 1, 1, "2"),
    ]
    assert [cell.header for cell in block.table.cells] == [True, True, False, False, False, False]


def test_an_html_table_keeps_spans_and_headers():
    (block,) = markdown_blocks(
        "<table border='1'><thead><tr><td rowspan='2'>Year</td><td colspan=2>Sales</td></tr>"
        "<tr><td>N</td><td>S</td></tr></thead><tbody><tr><th>2025</th><td>1&nbsp;000 &lt; x</td><td>x<sup>2</sup></td></tr>"
        "</tbody></table>"
    )
    assert grid(block) == [
        (0, 0, 2, 1, "Year"),
        (0, 1, 1, 2, "Sales"),
        (1, 1, 1, 1, "N"),
        (1, 2, 1, 1, "S"),
        (2, 0, 1, 1, "2025"),
        (2, 1, 1, 1, "1 000 < x"),
        (2, 2, 1, 1, "x²"),
    ]
    assert [cell.header for cell in block.table.cells] == [True] * 5 + [False] * 2
    assert (block.table.rows, block.table.columns) == (3, 3)


def test_a_table_is_read_however_badly_it_is_written():
    table, caption = read_table("<table><caption>Sums</caption><tr><td>a<td>b<tr>stray<td>c</tr></td><td>d")
    assert caption == "Sums"
    assert [(cell.row, cell.column, cell.text) for cell in table.cells] == [
        (0, 0, "a"),
        (0, 1, "b"),
        (1, 0, "stray"),
        (1, 1, "c"),
        (2, 0, "d"),
    ]


def test_a_table_in_a_cell_becomes_its_text():
    table, _ = read_table("<table><tr><td>a <table><tr><td>b</td><td>c</td></tr></table></td><td>d</td></tr></table>")
    assert [cell.text for cell in table.cells] == ["a b c", "d"]


def test_spans_beyond_all_sense_are_cut_to_the_table():
    table, _ = read_table("<table><tr><td colspan=999999 rowspan=999999>a</td></tr><tr><td>b</td></tr></table>")
    assert [cell.text for cell in table.cells] == ["a\nb"], "no column is left for b, and its text is not lost"
    assert all(cell.row + cell.row_span <= table.rows for cell in table.cells)
    assert all(cell.column + cell.column_span <= table.columns for cell in table.cells)


def test_a_span_over_the_edge_where_no_other_cell_begins_is_cut():
    table, _ = read_table("<table><tr><td colspan=9>Title</td></tr><tr><td>a</td><td>b</td></tr></table>")
    assert table.columns == 2
    assert table.cells[0].column_span == 2


def test_text_in_cells_beyond_the_last_column_is_not_lost():
    row = "".join(f"<td>w{number}</td>" for number in range(MAX_COLUMNS + 5))
    table, _ = read_table(f"<table><tr>{row}</tr></table>")
    assert table.columns == MAX_COLUMNS
    assert f"w{MAX_COLUMNS + 4}" in table.cells[-1].text


def test_formula_delimiters_become_dollars_only_in_pairs():
    assert normalize_formulas(r"a \( x \) b \[ y \] c") == "a $x$ b $$y$$ c"
    assert normalize_formulas(r"a \( x") == r"a \( x"
    assert normalize_formulas(r"x \) y") == r"x \) y"
    assert normalize_formulas(r"\begin{array} a \\[2pt] b") == r"\begin{array} a \\[2pt] b"


def test_code_is_left_alone():
    assert texts(markdown_blocks("```\nre.match(r'\\(x\\)')\n# no heading\n```")) == [
        ("code", "re.match(r'\\(x\\)')\n# no heading")
    ]


def test_an_answer_cut_in_the_middle_still_gives_its_beginning():
    blocks = parse_deepseek(DEEPSEEK[:300])
    assert blocks[0].text == "Quarterly report"
    rows = parse_nanonets("# A\n<table><tr><td>1</td><td>2</td></tr><tr><td>3")
    assert grid(rows[1])[-1] == (1, 0, 1, 1, "3")


PIECES = [
    "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "[[1,2,3,4]]", "[[", "999999999999", "title", "table", "image", END,
    "<table>", "</table>", "<tr>", "</tr>", "<td", " rowspan=9999", " colspan='99999'", ">", "</td>", "<th>", "<thead>",
    "<img>", "</img>", "<page_number>", "</signature>", "<", "&#x110000;", "&#99999999999999;", "&amp", "\x00", "\ud800",
    "$$", "\\(", "\\)", "\\[", "\\]", "\\\\", "$", "```", "~~~", "| a | b |", "|---|---|", "|", "# ", "####### ", "- ",
    "1. ", "☐", "[x] ", "![a](b)", "\n", "\n\n", "\r\n", "    ", "\t", "word", "你好", "<br>", "<sup>2</sup>", "---", "***",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_no_text_makes_a_parser_fail(seed):
    chance = random.Random(seed)
    for _ in range(25):
        text = "".join(chance.choices(PIECES, k=chance.randrange(80)))
        for block in [*parse_deepseek(text), *parse_nanonets(text)]:
            Block.model_validate_json(block.model_dump_json())


@pytest.mark.parametrize("piece", [*PIECES, "<td rowspan=9999 colspan=9999>", "|\n|-|\n", "```\n", "$$\n", "a[[1,1,1,1]]\n"])
@pytest.mark.timeout(20)
def test_a_long_answer_of_one_piece_is_read_in_reasonable_time(piece):
    text = piece * (60_000 // len(piece))
    parse_deepseek(text)
    parse_nanonets(text)


def test_a_tag_without_its_partner_goes_and_its_words_stay():
    assert texts(parse_nanonets("Text\n\n<img>A chart\n\nMore </watermark>text")) == [
        ("paragraph", "Text"),
        ("paragraph", "A chart"),
        ("paragraph", "More text"),
    ]


def test_emphasis_in_html_becomes_that_of_markdown():
    text = "Total <b>5</b>, <em>not</em> <strong>6 or 7</strong>; a <b and c> b"
    [block] = parse_nanonets(text)
    assert block.text == "Total 5, not 6 or 7; a <b and c> b"
    assert [(block.text[span.start : span.end], span.bold, span.italic) for span in block.spans] == [
        ("not", False, True),
        ("6 or 7", True, False),
    ]


def test_emphasis_leaves_the_text_and_what_is_none_stays():
    [block] = parse_nanonets("**Due *now* and** here: 2 * 3 * 4, `**kept**`, $a^* b^*$, _blank_ ____, ***all*** ** open")
    assert block.text == "Due now and here: 2 * 3 * 4, `**kept**`, $a^* b^*$, _blank_ ____, all ** open"
    looks = [(block.text[span.start : span.end], "b" * span.bold + "i" * span.italic) for span in block.spans]
    assert looks == [("Due ", "b"), ("now", "bi"), (" and", "b"), ("all", "bi")]


def test_a_text_of_nothing_but_marks_takes_no_time_to_speak_of():
    for text in ("*a " * 50_000, "**a " * 50_000, "***a " * 50_000, "$a " * 50_000, "**a*b" * 50_000, "**a *" * 50_000):
        assert parse_nanonets(text)
