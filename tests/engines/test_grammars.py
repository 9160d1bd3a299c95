"""The forms in which models answer, parsed: kinds, tables with spans, exact boxes, answers that break off, and none."""

from __future__ import annotations

import time

import pytest

from document_parser.engines.vlm.grammars import GRAMMARS, Scale, grammar_of_model, problem_of_answer
from document_parser.engines.vlm.grammars.dots_mocr import parse_dots_mocr, size_for_model
from document_parser.engines.vlm.grammars.mineru import join_answers, parse_mineru, regions_of
from document_parser.engines.vlm.grammars.otsl import read_otsl
from document_parser.models import Block, BoundingBox
from document_parser.pipeline.checks.loops import keep_good_prefix, loop_reason
from tests.support.vllm_answers import VLM_MODELS, answer_for, text_of_layout

THOUSAND = Scale(1000, 1000)
CHANDRA = """<div data-bbox="100 20 900 40" data-label="Page-Header"><p>Annual report</p></div>
<div data-bbox="100 60 900 100" data-label="Section-Header"><h1>Results &amp; outlook</h1></div>
<div data-bbox="100 120 900 200" data-label="Text"><p>Sales <b>grew</b> by <math>x^2</math>,
as H<sub>2</sub>O.<br>A second line.</p></div>
<div data-bbox="100 210 900 300" data-label="Table"><table border="1"><caption>Table 1</caption><thead><tr>
<th rowspan="2">Item</th><th colspan="2">Year</th></tr><tr><th>2024</th><th>2025</th></tr></thead>
<tbody><tr><td>Paid <input type="checkbox" checked/></td><td><math>\\alpha</math></td><td>3</td></tr></tbody></table></div>
<div data-bbox="100 310 900 400" data-label="List-Group"><ol><li>First</li><li>Second<ul><li>Inner</li></ul></li></ol></div>
<div data-bbox="100 410 900 500" data-label="Equation-Block"><p><math display="block">E = mc^2</math> (3)</p></div>
<div data-bbox="100 510 500 700" data-label="Figure"><img alt="A chart > of sales"/><div>Bars: 1, 2</div>
<table><tr><td>2024</td><td>7</td></tr></table></div>
<div data-bbox="100 710 900 760" data-label="Code-Block"><pre><code>for x in y:
    print(x)</code></pre></div>
<div data-bbox="100 770 900 800" data-label="Form"><p><input type="checkbox"/> No <input type="radio" checked> Yes</p></div>
<div data-bbox="480 960 520 980" data-label="Page-Footer">12</div>"""
DOTS = (
    '[{"bbox": [140, 70, 1260, 112], "category": "Section-header", "text": "## Über uns"},'
    ' {"bbox": [140, 140, 700, 280], "category": "Picture"},'
    ' {"bbox": [140, 300, 700, 320], "category": "Caption", "text": "Fig. 1"},'
    ' {"bbox": [140, 350, 1260, 560], "category": "Table", "text": "<table><tr><td colspan=\\"2\\">A</td></tr>'
    '<tr><td>1</td><td>2</td></tr></table>"},'
    ' {"bbox": [140, 600, 1260, 660], "category": "Formula", "text": "$$\\\\frac{a}{b}$$"},'
    ' {"bbox": [140, 700, 1260, 760], "category": "List-item", "text": "- one"},'
    ' {"bbox": [140, 1900, 1260, 1930], "category": "Page-footer", "text": "Seite 3"}]'
)


def kinds(blocks: list[Block]) -> list[str]:
    return [block.kind for block in blocks]


def box(left: float, top: float, right: float, bottom: float) -> BoundingBox:
    return BoundingBox(left=left, top=top, right=right, bottom=bottom)


def grid(block: Block) -> list[tuple[int, int, int, int, str]]:
    assert block.table is not None
    return [(cell.row, cell.column, cell.row_span, cell.column_span, cell.text) for cell in block.table.cells]


def test_chandra_gives_each_element_its_kind_and_box():
    blocks = GRAMMARS["chandra"].parse(CHANDRA, THOUSAND)
    assert kinds(blocks) == [
        "page_header", "heading", "paragraph", "caption", "table", "list_item", "list_item", "list_item", "formula",
        "paragraph", "figure", "code", "checkbox", "page_footer",
    ]  # fmt: skip
    by_kind = {block.kind: block for block in blocks}
    assert (by_kind["heading"].text, by_kind["heading"].level) == ("Results & outlook", 1)
    assert by_kind["heading"].box == box(0.1, 0.06, 0.9, 0.1)
    assert blocks[2].text == "Sales grew by $x^2$, as H₂O.\nA second line."
    assert [(span.start, span.end) for span in blocks[2].spans if span.bold] == [(6, 10)]
    assert [(one.text, one.level) for one in blocks if one.kind == "list_item"] == [
        ("1. First", 1),
        ("2. Second", 1),
        ("Inner", 2),
    ]
    assert (blocks[8].text, blocks[9].text) == ("E = mc^2", "(3)")
    assert by_kind["code"].text == "for x in y:\n    print(x)"
    assert by_kind["checkbox"].text == "☐ No ☑ Yes"
    assert by_kind["page_footer"].box == box(0.48, 0.96, 0.52, 0.98)


def test_chandra_keeps_spans_marks_and_formulas_of_a_table():
    table = next(block for block in GRAMMARS["chandra"].parse(CHANDRA, THOUSAND) if block.kind == "table")
    assert grid(table) == [
        (0, 0, 2, 1, "Item"), (0, 1, 1, 2, "Year"), (1, 1, 1, 1, "2024"), (1, 2, 1, 1, "2025"),
        (2, 0, 1, 1, "Paid ☑"), (2, 1, 1, 1, "$\\alpha$"), (2, 2, 1, 1, "3"),
    ]  # fmt: skip


def test_what_a_model_says_of_a_picture_is_no_text_of_the_page():
    figure = next(block for block in GRAMMARS["chandra"].parse(CHANDRA, THOUSAND) if block.kind == "figure")
    assert figure.text == "A chart > of sales\nBars: 1, 2\n2024 7"
    assert figure.box == box(0.1, 0.51, 0.5, 0.7)


def test_html_takes_the_box_of_every_element_that_has_one():
    answer = (
        '<html><body><h2 data-bbox="81 56 930 98">Title</h2><ul data-bbox="0 100 500 300"><li data-bbox="0 100 500 200">a</li>'
    )
    answer += '<li data-bbox="0 200 500 300">b</li></ul><div class="image" data-bbox="0 400 500 600"><img/></div><p>no box yet'
    blocks = GRAMMARS["html"].parse(f"```html\n{answer}\n```", THOUSAND)
    assert [(one.kind, one.text) for one in blocks] == [
        ("heading", "Title"), ("list_item", "a"), ("list_item", "b"), ("figure", "no box yet"),
    ]  # fmt: skip
    assert [one.box and one.box.top for one in blocks] == [0.056, 0.1, 0.2, 0.4]


LIGHTON = """![header](100,20,900,40) Annual report
![title](100,60,900,100) ## 2.2 Results
![text](100,120,480,800) Sales *grew*, as the
![image](100,810,480,900) A photo of a mill.
![text+](520,120,900,300) next column says.
![table](520,310,900,500) <table><tr><td colspan="2">A</td></tr><tr><td>1</td><td>2</td></tr></table>
![chart](520,510,900,600) <table><tr><td>2024</td><td>7</td></tr></table>
![caption](520,605,900,620) Figure 1: Sales.
![formula](520,630,900,660) $$E = mc^2$$
![list](520,670,900,760)
- one
- two
![code](520,770,900,800) for x in y:
    print(x)
![page_number](480,960,520,980) 3"""


def test_lighton_gives_each_part_its_kind_and_box():
    blocks = GRAMMARS["lighton"].parse(LIGHTON, THOUSAND)
    assert [(one.kind, one.text) for one in blocks if one.kind != "table"] == [
        ("page_header", "Annual report"), ("heading", "2.2 Results"), ("paragraph", "Sales grew, as the"),
        ("figure", "A photo of a mill."), ("paragraph", "next column says."), ("figure", "2024 7"),
        ("caption", "Figure 1: Sales."), ("formula", "E = mc^2"), ("list_item", "one"), ("list_item", "two"),
        ("code", "for x in y:\n    print(x)"), ("page_number", "3"),
    ]  # fmt: skip
    assert (blocks[1].level, blocks[1].box) == (2, box(0.1, 0.06, 0.9, 0.1))
    assert grid(blocks[5]) == [(0, 0, 1, 2, "A"), (1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")]
    assert all(block.box is not None for block in blocks)
    cut = GRAMMARS["lighton"].parse(LIGHTON[: LIGHTON.index("980) 3")], THOUSAND)
    assert [one.text for one in cut][-1] == "for x in y:\n    print(x)"


def test_lighton_without_grounding_has_the_boxes_of_images_only():
    answer = "# Title\n\nText of *it*.\n\n![image](image_1.png) 120,340,560,910\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    answer += "![image](image_2.png)\n"
    blocks = GRAMMARS["lighton"].parse(answer, THOUSAND)
    assert kinds(blocks) == ["heading", "paragraph", "figure", "table", "figure"]
    assert [one.box for one in blocks] == [None, None, box(0.12, 0.34, 0.56, 0.91), None, None]
    assert grid(blocks[3])[2:] == [(1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")]


def test_markdown_loses_the_fence_and_the_facts_around_it():
    answer = "---\nprimary_language: en\nis_rotation_valid: True\n---\n# Title\n\nText."
    assert [one.text for one in GRAMMARS["markdown"].parse(answer, None)] == ["Title", "Text."]
    assert [one.text for one in GRAMMARS["markdown"].parse("```markdown\n# Title\n\nText.\n```", None)] == ["Title", "Text."]
    kept = GRAMMARS["markdown"].parse("```\nfirst\n```\n\nText.\n\n```\nsecond\n```", None)
    assert kinds(kept) == ["code", "paragraph", "code"]


def test_otsl_spans_to_the_right_and_down():
    table, before = read_otsl("Sales<fcel>A<lcel><fcel>B<nl><ucel><xcel><fcel>$x$<nl><ecel><fcel>1<ched>H<nl>")
    assert before == "Sales"
    assert table is not None
    assert (table.rows, table.columns) == (3, 3)
    assert grid(Block(kind="table", table=table)) == [
        (0, 0, 2, 2, "A"), (0, 2, 1, 1, "B"), (1, 2, 1, 1, "$x$"), (2, 0, 1, 1, ""), (2, 1, 1, 1, "1"), (2, 2, 1, 1, "H"),
    ]  # fmt: skip
    assert [cell.header for cell in table.cells] == [False] * 5 + [True]


def test_otsl_that_breaks_off_or_spans_nothing_keeps_its_cells():
    table, _ = read_otsl("<lcel>lost<ucel><fcel>A<nl><xcel>")
    assert table is not None
    assert [cell.text for cell in table.cells] == ["lost", "", "A", ""]
    assert read_otsl("<nl><nl>")[0] is None


def test_paddleocr_vl_reads_tables_in_otsl_between_text():
    blocks = GRAMMARS["paddleocr_vl"].parse("Before\n\n<fcel>A<fcel>B<nl>\n<fcel>1<fcel>2<nl>\nAfter", THOUSAND)
    assert kinds(blocks) == ["paragraph", "table", "paragraph"]
    assert [cell[-1] for cell in grid(blocks[1])] == ["A", "B", "1", "2"]


@pytest.mark.parametrize("form", ["{text}{corners}", "<|TEXT_START|>{text}<|TEXT_END|><|LOC_BEGIN|>{corners}<|LOC_END|>\n"])
def test_paddleocr_vl_puts_each_spotted_line_into_the_box_of_its_corners(form):
    corners = "".join(f"<|LOC_{number}|>" for number in (100, 200, 300, 210, 300, 250, 90, 240))
    answer = form.format(text="Hello & you", corners=corners) + form.format(text="Second", corners=corners) + "unplaced"
    blocks = GRAMMARS["paddleocr_vl"].parse(answer, THOUSAND)
    assert [one.text for one in blocks] == ["Hello & you", "Second", "unplaced"]
    assert [one.box for one in blocks] == [box(0.09, 0.2, 0.3, 0.25)] * 2 + [None]


def test_dots_mocr_counts_the_pixels_that_the_model_sees():
    scale = size_for_model(1393, 1970, 28)
    assert scale == (1400, 1960)
    blocks = parse_dots_mocr(DOTS, scale)
    assert kinds(blocks) == ["heading", "figure", "caption", "table", "formula", "list_item", "page_footer"]
    assert (blocks[0].text, blocks[0].level, blocks[0].box) == ("Über uns", 2, box(0.1, 0.03571, 0.9, 0.05714))
    assert grid(blocks[3]) == [(0, 0, 1, 2, "A"), (1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")]
    assert blocks[4].text == "\\frac{a}{b}"
    assert all(block.box is None for block in parse_dots_mocr(DOTS, None))


@pytest.mark.parametrize(("size", "seen"), [((5000, 7000), (2828, 3948)), ((20, 20), (56, 56)), ((28, 28 * 30), (28, 840))])
def test_the_size_that_the_model_sees_is_that_of_its_image_processor(size, seen):
    assert size_for_model(*size, 28) == seen


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ('{"bbox": [0, 0, 9, 9], "category": "Text", "text": "cut in the mid', "cut in the mid"),
        ('{"bbox": [0, 0, 9, 9], "category": "Text", "text": "ends in \\', "ends in"),
        ('{"bbox": [0, 0, 9, 9], "category": "Formula", "text": "\\frac{a}{b} \\alpha"}]', "\\frac{a}{b} \\alpha"),
    ],
)
def test_dots_mocr_that_is_no_whole_json_keeps_what_can_be_read(end, last):
    blocks = parse_dots_mocr(DOTS[: DOTS.rindex("{")] + end, Scale(1400, 1960))
    assert blocks[0].text == "Über uns"
    assert blocks[-1].text == last


LAYOUT = """<|box_start|>100 050 900 090<|box_end|><|ref_start|>title<|ref_end|><|rotate_up|>
<|box_start|>100 100 900 400<|box_end|><|ref_start|>table<|ref_end|><|rotate_right|>
<|box_start|>120 120 300 160<|box_end|><|ref_start|>text<|ref_end|><|rotate_up|>
<|box_start|>100 410 900 600<|box_end|><|ref_start|>list<|ref_end|><|rotate_up|>
<|box_start|>100 410 900 500<|box_end|><|ref_start|>list_item<|ref_end|><|rotate_up|>
<|box_start|>100 610 900 700<|box_end|><|ref_start|>image<|ref_end|><|rotate_up|>
<|box_start|>100 710 900 710<|box_end|><|ref_start|>text<|ref_end|><|rotate_up|>
<|box_start|>100 720 900 760<|box_end|><|ref_start|>equation<|ref_end|><|rotate_up|>"""


def test_mineru_reads_each_part_of_a_page_once():
    regions = regions_of(LAYOUT, THOUSAND)
    assert [(one.type, one.angle) for one in regions] == [
        ("title", 0),
        ("table", 90),
        ("list_item", 0),
        ("image", 0),
        ("equation", 0),
    ]
    assert [one.prompt.strip() for one in regions] == [
        "Text Recognition:", "Table Recognition:", "Text Recognition:", "", "Formula Recognition:",
    ]  # fmt: skip


def test_mineru_puts_what_crops_read_into_their_regions():
    regions = regions_of(LAYOUT, THOUSAND)
    read = ["Title", "<fcel>A<lcel><nl><fcel>1<fcel>2<nl>", "One <|box_start|> thing", "", "\\[\nE = mc^2\n\\]"]
    blocks = parse_mineru(join_answers(list(zip(regions, read, strict=True))), THOUSAND)
    assert kinds(blocks) == ["heading", "table", "list_item", "figure", "formula"]
    assert [one.box for one in blocks] == [region.box for region in regions]
    assert grid(blocks[1]) == [(0, 0, 1, 2, "A"), (1, 0, 1, 1, "1"), (1, 1, 1, 1, "2")]
    assert (blocks[2].text, blocks[4].text) == ("One  thing", "E = mc^2")


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_an_answer_that_breaks_off_anywhere_keeps_its_clean_beginning(grammar):
    answer = text_of_layout(7) if grammar == "mineru" else answer_for(7, grammar, 60)
    whole = [block.text for block in GRAMMARS[grammar].parse(answer, THOUSAND)]
    assert any("stamp-7" in text for text in whole)
    for end in range(0, len(answer), 7):
        texts = [block.text for block in GRAMMARS[grammar].parse(answer[:end], THOUSAND)]
        assert texts[:-2] == whole[: max(0, len(texts) - 2)], answer[:end]
        assert problem_of_answer(grammar, answer[:end]) == "" or end < 80


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_a_loop_is_seen_in_an_answer_and_cut_off(grammar):
    good = text_of_layout(7) if grammar == "mineru" else answer_for(7, grammar, 60)
    looping = good.rstrip(']}>"\n ') + " and the total of the second quarter" * 60
    assert loop_reason(looping)
    blocks = GRAMMARS[grammar].parse(keep_good_prefix(looping), THOUSAND)
    assert sum(block.text.count("second quarter") for block in blocks) <= 2
    assert any("stamp-7" in block.text for block in blocks)


@pytest.mark.parametrize(
    "part",
    [
        '<div data-bbox="10 {top} 900 {end}" data-label="Form"><p><input type="checkbox"/> Yes or no</p></div>',
        '{{"bbox": [10, {top}, 900, {end}], "category": "Text", "text": "Signature of the member"}},',
        "![text](10,{top},900,{end}) Signature of the member",
        "<|box_start|>010 {top} 900 {end}<|box_end|><|ref_start|>text<|ref_end|><|rotate_up|>\nSignature of the member",
    ],
)
def test_the_same_words_in_boxes_that_move_on_are_a_loop_only_where_no_form_has_so_many(part):
    column, loop = ("\n".join(part.format(top=20 * row, end=20 * row + 12) for row in range(rows)) for rows in (24, 150))
    assert loop_reason(column) is None
    assert loop_reason(loop)


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize(
    "text", ["", " \n", "<" * 3000, '{"bbox": [' * 2000, "<|box_start|>1 " * 2000, "<fcel>" * 5000, '<a "' * 4000]
)
def test_no_text_takes_long_or_raises(grammar, text):
    started = time.process_time()
    GRAMMARS[grammar].parse(text, THOUSAND)
    problem_of_answer(grammar, text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_an_empty_answer_is_no_wrong_form(grammar):
    assert GRAMMARS[grammar].parse("", THOUSAND) == []
    assert problem_of_answer(grammar, " \n") == ""


@pytest.mark.parametrize("set_to", GRAMMARS)
@pytest.mark.parametrize("answered", ["chandra", "lighton", "dots_mocr", "mineru", "deepseek"])
def test_an_answer_in_another_form_is_not_taken_for_text(set_to, answered):
    answer = text_of_layout(7) if answered == "mineru" else answer_for(7, answered, 60)
    problem = problem_of_answer(set_to, answer)
    if set_to == answered or {set_to, answered} == {"html", "chandra"}:
        assert problem == ""
    else:
        assert f"VLLM_VLM_GRAMMAR={set_to}" in problem
        assert ("VLLM_DEEPSEEK_URL" if answered == "deepseek" else f"Set VLLM_VLM_GRAMMAR={answered}.") in problem
        assert "stamp" not in problem


@pytest.mark.parametrize("grammar", ["html", "chandra", "dots_mocr", "mineru"])
def test_plain_text_and_a_refusal_are_no_layout(grammar):
    assert "docs/engines.md" in problem_of_answer(grammar, "I'm sorry, but I can't help with that.")


def test_a_page_about_another_form_may_be_read_as_markdown():
    assert problem_of_answer("markdown", 'Write `<div data-label="Text" data-bbox="0 0 1 1">`, or {"bbox": [1]}.') == ""


def test_models_are_known_by_their_names():
    assert {model: grammar_of_model(model) for model in VLM_MODELS.values()} == {
        model: grammar for grammar, model in VLM_MODELS.items() if grammar != "html"
    } | {VLM_MODELS["html"]: None}
