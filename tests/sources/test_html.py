"""Pages of HTML keep their structure and all of their text; what a browser does not show is in the layer ``hidden``."""

from __future__ import annotations

from pathlib import Path

import pytest

from document_parser.models import Block
from document_parser.sources.base import OpenerLimits
from document_parser.sources.markup import tree
from document_parser.sources.markup.blocks import HtmlBlocks, blocks_of_html
from document_parser.sources.markup.html import HtmlFile, decode_html
from document_parser.sources.markup.tree import parse_html
from tests.support.local_reading import read_locally as read

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def page_of(text: str) -> HtmlBlocks:
    """The blocks of a page, its warnings and images."""
    return blocks_of_html(parse_html(text))


def texts_of(text: str, layer: str = "body") -> list[tuple[str, str]]:
    """Kind and text of the blocks of a layer."""
    return [(block.kind, block.text) for block in page_of(text).blocks if block.layer == layer]


def rows_of(block: Block) -> list[list[str]]:
    """The texts of a table's cells, by rows."""
    assert block.table is not None
    return [[cell.text for cell in block.table.cells if cell.row == row] for row in range(block.table.rows)]


def test_a_page_is_read_in_the_confined_child(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text("<title>News</title><h2>Head</h2><p>A <b>bold word</b> and <a href='https://a.org/'>a link</a>")
    document, markdown = read(path)
    assert markdown == "## Head\n\nA **bold word** and [a link](https://a.org/)\n"
    assert document.pages[0].location is not None
    assert document.pages[0].location.name == "News"


def test_lists_have_the_labels_that_a_browser_shows():
    page = "<ol start=5><li>a<li value=9>b<ol type=i><li>deep</ol><li>c</ol><ol reversed><li>y<li>z</ol><ul><li>p<p>q</ul>"
    blocks = page_of(page).blocks
    assert [(block.level, block.text) for block in blocks] == [
        (1, "5. a"), (1, "9. b"), (2, "i. deep"), (1, "10. c"), (1, "2. y"), (1, "1. z"), (1, "• p\nq"),
    ]  # fmt: skip


def test_cells_are_where_their_spans_put_them():
    page = page_of(
        "<table><caption>Cap</caption><tfoot><tr><td>F<td>G<tbody><tr><td rowspan=0>a<td>b<tr><td>c"
        "<thead><tr><th colspan=2>H</table>"
    )
    caption, table = page.blocks
    assert (caption.kind, caption.text) == ("caption", "Cap")
    assert table.table is not None
    assert [(c.row, c.column, c.row_span, c.column_span, c.header, c.text) for c in table.table.cells] == [
        (0, 0, 1, 2, True, "H"), (1, 0, 2, 1, False, "a"), (1, 1, 1, 1, False, "b"), (2, 1, 1, 1, False, "c"),
        (3, 0, 1, 1, False, "F"), (3, 1, 1, 1, False, "G"),
    ]  # fmt: skip


def test_a_row_of_which_all_cells_reach_below_is_no_row_of_its_own():
    table = (
        page_of("<table><tr><th>Year<th>Month<th>Cost<tr><th rowspan=3>2025<tr><td>May<td>41<tr><td>June<td>42</table>")
        .blocks[0]
        .table
    )
    assert table is not None
    assert (table.rows, table.columns) == (3, 3)
    assert [(c.row, c.column, c.row_span, c.text) for c in table.cells[3:]] == [
        (1, 0, 2, "2025"), (1, 1, 1, "May"), (1, 2, 1, "41"), (2, 1, 1, "June"), (2, 2, 1, "42"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "inside", ["<tr></tr>", "<caption>c</caption>", "<tr hidden><td>x</td></tr>", "<tr><td hidden>x</td></tr>"]
)
def test_a_table_without_cells_that_are_shown_does_not_end_the_page(inside: str):
    found = texts_of(f"<p>before</p><table>{inside}</table><p>after</p>")
    assert [found[0], found[-1]] == [("paragraph", "before"), ("paragraph", "after")]


def test_spans_that_no_cell_needs_do_not_widen_a_table():
    table = (
        page_of("<table border=1><tr><td colspan=900>a<td>b<tr><td colspan=900 rowspan=60000>c<td>d</table>").blocks[0].table
    )
    assert table is not None
    assert (table.rows, table.columns) == (2, 2)


def test_the_lines_of_a_cell_stay_lines_and_a_table_in_it_too():
    inner = "<table border=1><tr><td>1<td>2<tr><td>3<td>4</table>"
    page = page_of(f"<table border=1><tr><td><p>a<p>b<ul><li>c</ul><td>{inner}<tr><td>x<td>y</table>")
    assert rows_of(page.blocks[0]) == [["a\nb\n• c", "1 | 2\n3 | 4"], ["x", "y"]]


def test_a_table_that_only_places_things_is_read_as_it_stands():
    assert texts_of("<table><tr><td><h1>Site</h1><td><p>menu<tr><td>text<td>more</table>") == [
        ("heading", "Site"), ("paragraph", "menu"), ("paragraph", "text"), ("paragraph", "more"),
    ]  # fmt: skip
    assert texts_of("<table role=presentation border=1><tr><td>a<td>b<tr><td>c<td>d</table>")[0] == ("paragraph", "a")
    assert texts_of("<table><tr><th><h1>Mail</h1><th><table><tr><th>text</table></table>")[0] == ("heading", "Mail")
    assert texts_of("<table><tr><td>Name<td>Ann<tr><td>Age<td>30</table>") == [("table", "")]


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>secret",
        "<p style='color:red; DISPLAY: none !important'>secret",
        "<style>.x { display: none }</style><p class='a x'>secret",
        "<template>secret</template>",
        "<noscript>secret</noscript>",
        "<dialog>secret</dialog>",
        "<div hidden><table border=1><tr><td>secret<td><tr><td><td></table></div>",
    ],
)
def test_what_a_browser_does_not_show_is_in_the_layer_hidden(hidden: str):
    page = page_of(f"<p>seen{hidden}</p>")
    assert [block.text for block in page.blocks if block.layer == "body" and block.text] == ["seen"]
    assert "secret" in "".join(
        block.text + "".join(cell.text for cell in (block.table.cells if block.table else []))
        for block in page.blocks
        if block.layer == "hidden"
    )
    assert [warning.code for warning in page.warnings] == ["hidden_content"]


def test_hidden_words_leave_their_sentence_whole():
    page = page_of("<p>vis<span style='display:none'>secret</span>ible</p>")
    assert [(block.layer, block.text) for block in page.blocks] == [("body", "visible"), ("hidden", "secret")]


def test_rules_for_paper_and_rules_that_need_more_than_a_class_hide_nothing():
    style = "<style>@media print { .x { display: none } } div .x { display: none } .x:hover { display: none }</style>"
    assert texts_of(f"{style}<p class=x>seen") == [("paragraph", "seen")]


def test_raised_and_lowered_text_is_kept_apart():
    page = "<p>10<sup>6</sup> m, H<sub>2</sub>O, 1<sup>st</sup>, note<sup>[3]</sup>, x<sup>A</sup></p>"
    assert texts_of(page) == [("paragraph", "10⁶ m, H₂O, 1ˢᵗ, note[3], x^(A)")]


def test_formulas_are_latex():
    assert texts_of("<p>Area <math><mi>π</mi><msup><mi>r</mi><mn>2</mn></msup></math>.") == [
        ("paragraph", r"Area $\pi r^{2}$.")
    ]
    assert texts_of("<math display=block><mfrac><mi>a</mi><mn>2</mn></mfrac></math>") == [("formula", r"$$\frac{a}{2}$$")]


def test_a_formula_that_is_written_twice_is_read_once():
    tex = "<annotation encoding='application/x-tex'>x^2</annotation>"
    math = f"<math><semantics><mi>x</mi>{tex}</semantics></math>"
    katex = f"<span class=katex><span class=katex-mathml>{math}</span><span class=katex-html aria-hidden=true>x2</span></span>"
    assert texts_of(f"<p>{katex}") == [("paragraph", "$x^2$")]
    wiki = r"<span class=mwe-math-mathml-inline style='display:none'><math><mi>a</mi></math></span>"
    image = r"<img class=mwe-math-fallback-image-inline alt='{\displaystyle a}' src=a.svg>"
    assert texts_of(f"<p>{wiki}{image}") == [("paragraph", "$a$")]


def test_forms_show_what_they_hold():
    form = (
        "<p><input type=checkbox checked> yes <input type=radio> no <input value=Ann> "
        "<select><option>A<option selected>B</select>"
        "<input type=hidden value=token><input type=password value=word><textarea>one\ntwo</textarea>"
    )
    assert texts_of(form) == [("paragraph", "☒ yes ☐ no Ann B one\ntwo")]


def test_images_of_the_page_are_figures_and_others_are_their_text():
    page = page_of(f"<p><img src='{PIXEL}' alt=cat></p><p>a <img src=http://a.org/x.png alt=dog> b <img src=y.png></p>")
    assert [(block.kind, block.text, block.picture) for block in page.blocks] == [
        ("figure", "cat", "image"), ("paragraph", "a dog b", None),
    ]  # fmt: skip
    assert page.images == [PIXEL]
    assert [warning.code for warning in page.warnings] == ["not_read"]


def test_drawings_are_their_words_and_the_images_in_them():
    drawing = f"<svg><text>A</text><text>B</text></svg><svg><title>Cover</title><image xlink:href='{PIXEL}'/></svg>"
    page = page_of(f"{drawing}<img src='data:image/svg+xml,%3Csvg%3E%3Ctext%3EC%3C/text%3E%3C/svg%3E'>")
    assert [(block.kind, block.text, block.picture) for block in page.blocks] == [
        ("figure", "A\nB", None), ("figure", "Cover", "image"), ("figure", "C", None),
    ]  # fmt: skip


def test_a_tracker_is_nothing():
    assert page_of("<p>a<img width=1 height=1 src='http://a.org/t.gif'>").warnings == []


def test_the_image_of_a_figure_is_its_own(tmp_path: Path):
    path = tmp_path / "a.html"
    path.write_text(f"<img alt=x src=other.png><img src='{PIXEL}'>")
    assert HtmlFile(path, OpenerLimits(), None).picture_data(1, 0).startswith(b"\x89PNG")


def test_links_lead_to_the_web_only():
    page = page_of(
        "<base href='https://b.org/d/'><p><a href=x>rel</a> <a href='javascript:alert(1)'>script</a> <a href='file:///etc/passwd'>file</a>"
    )
    assert [(span.start, span.link) for span in page.blocks[0].spans] == [(0, "https://b.org/d/x")]


def test_scripts_and_styles_are_no_text():
    assert texts_of("<script>var a = '<p>x</p>'</script><style>p{}</style><p onclick='x()'>text</p>") == [("paragraph", "text")]


def test_words_of_neighbours_do_not_run_together():
    assert texts_of("<nav><a href=/a>Home</a><a href=/b>About</a></nav><div>a</div><div>b</div>one<br><br>two") == [
        ("paragraph", "Home About"), ("paragraph", "a"), ("paragraph", "b"), ("paragraph", "one"), ("paragraph", "two"),
    ]  # fmt: skip


def test_code_keeps_its_lines_and_its_indent():
    assert texts_of("<pre>  if x:\n\ty<div>a</div><div>b</div></pre>") == [("code", "  if x:\n\ty\na\nb")]


def test_a_reading_stands_behind_its_base():
    assert texts_of("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>") == [("paragraph", "漢(kan)")]


def test_code_within_a_text_is_marked_and_a_block_of_code_has_no_looks():
    inline, block = page_of("<p>Run <code>make test</code> or <kbd>q</kbd></p><pre><code>make</code></pre>").blocks
    assert [inline.text[span.start : span.end] for span in inline.spans if span.code] == ["make test", "q"]
    assert (block.kind, block.spans) == ("code", [])


def test_struck_out_text_is_marked():
    block = page_of("<p><del>old price</del> <ins>new</ins>").blocks[0]
    assert [(span.start, span.end, span.struck) for span in block.spans] == [(0, 9, True)]


def test_notes_of_a_book_are_in_their_layer():
    assert texts_of("<p>text</p><aside epub:type=footnote><p>1. a note</p></aside>", "notes") == [("footnote", "1. a note")]


def test_the_mark_of_a_note_names_the_note_of_the_page_that_it_leads_to():
    mark = '<sup><a epub:type="noteref" href="#{}">1</a></sup>'
    page = f"<p>a{mark.format('n')} b{mark.format('elsewhere')}</p><aside role=doc-footnote id=n><p>x<p>y</aside>"
    found = page_of(page).blocks
    assert [(block.text, block.note) for block in found] == [("a¹ b¹", None), ("x", "n"), ("y", "n")]
    assert [(span.start, span.end, span.note) for span in found[0].spans] == [(1, 2, "n")]


def test_xhtml_with_tags_that_end_in_themselves_keeps_its_text():
    page = '<?xml version="1.0"?><html xmlns="x"><head><title/></head><body><a id="x"/><p>a<![CDATA[<b>]]></p>'
    assert texts_of(page) == [("paragraph", "a<b>")]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<meta charset=iso-8859-1>“Ä”".encode("cp1252"), "“Ä”"),
        ("<meta charset=shift_jis>①日本".encode("cp932"), "①日本"),
        ("<p>Größe".encode("utf-16"), "Größe"),
        ("<p>plain words".encode("utf-16-le"), "plain words"),
        ("<meta charset=iso-2022-jp>日本".encode("iso-2022-jp"), "日本"),
        (b"<p>a\0b\0c", "a"),
        ("<meta charset=no-such-thing>Grüße".encode(), "Grüße"),
    ],
)
def test_encodings_mean_what_browsers_take_them_for(data: bytes, text: str):
    assert text in decode_html(data).text


def test_tags_that_nest_too_deep_are_left_out_and_their_text_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tree, "MAX_DEPTH", 20)
    page = page_of("<div>" * 50 + "<p>deep <b>text</b>" + "</div>" * 50 + "<p>after")
    assert [block.text for block in page.blocks] == ["deep text", "after"]
    assert [warning.code for warning in page.warnings] == ["not_read"]


def test_tables_in_tables_end_somewhere():
    page = page_of("<table border=1><tr><td>x<td>" * 60 + "deep" + "</table>" * 60)
    shown = "".join(
        block.text + "".join(cell.text for cell in (block.table.cells if block.table else [])) for block in page.blocks
    )
    assert shown.count("deep") == 1
