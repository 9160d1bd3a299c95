"""Every format says what the pages say: nothing lost, nothing invented, nothing executed."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import zipfile
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from document_parser.errors import SeveralTables, TableNotFound
from document_parser.export import FORMATS
from document_parser.export.base import item_of
from document_parser.export.csv import csv_lines
from document_parser.models import Block, Cell, Document, Options, OutputFormat, Page, PageError, Table
from document_parser.text.table_archive import TableArchive
from tests.support.tables import table_of_rows

HEAD = Document(filename="re<port>.pdf", media_type="application/pdf", page_count=3)
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Seen(HTMLParser):
    """The texts and tags of some HTML."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.tags, self.attributes, self.comments = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.comments.append(data.strip())

    @property
    def text(self):
        return squeezed("".join(self.texts))


def squeezed(text):
    return re.sub(r"\s+", "", text)


def written(name: OutputFormat, *pages: Page, **options: str) -> str:
    return raw(name, *pages, **options).decode()


def raw(name: OutputFormat, *pages: Page, **options: str) -> bytes:
    out = io.BytesIO()
    FORMATS[name].write(HEAD, iter(pages), Options.model_validate(options), out)
    return out.getvalue()


def page(*blocks: Block, number: int = 1) -> Page:
    return Page(number=number, blocks=list(blocks), engine="text_layer")


def markdown(*blocks: Block) -> str:
    return written("markdown", page(*blocks))


def rendered(*blocks: Block) -> Seen:
    return Seen(RENDERER.render(markdown(*blocks)))


def paragraph(text: str) -> Block:
    return Block(kind="paragraph", text=text)


def table(rows: list[list[str]], *, header: bool = True) -> Block:
    return Block(kind="table", table=table_of_rows(rows, heads=int(header)))


SPANNED = Block(
    kind="table",
    table=Table(
        rows=2,
        columns=2,
        cells=[
            Cell(row=0, column=0, column_span=2, text="Both", header=True),
            Cell(row=1, column=0, text="1 < 2"),
            Cell(row=1, column=1, text="b"),
        ],
    ),
)
PRICES = table([["Item", "Price"], ["Gear | oil", "23.10"]])
FAILED = Page(number=2, status="failed", error=PageError(code="PAGE_TIMEOUT", message="Too slow."))


# --- Markdown ---------------------------------------------------------------------------------------------------------

AWKWARD = [
    "# not a heading",
    "1. not a list",
    "1986. A great year",
    "- not a bullet",
    "+ nor this",
    "* nor *that*",
    "> not a quote",
    "--- ",
    "***",
    "===",
    "```not code",
    "~~~ neither",
    "<script>alert(1)</script> & <b>bold</b>",
    "<!-- no comment -->",
    "&amp; stays, and so does &copy;",
    "*stars* and _lines_ and __more__ and `ticks`",
    "snake_case_name and 2 * 3 * 4",
    "[link](http://evil.example) ![img](x) [ref]: http://x [^1]",
    "C:\\temp\\*.txt and a \\ end\\",
    "~~gone~~ and ~5 to ~10",
    "a | b\n--- | ---\nc | d",
    "Title\n=====",
    "costs $5 (US$) or $10-$12",
    "    four spaces are no code",
    "__________ fill in ____, and x.___day y.___",
    "(c) 2020 * Company_",
    "line one\nline two",
    "Ünïcödé — “quotes” … שלום",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_a_paragraph_renders_as_the_same_text_and_as_nothing_else(text):
    seen = rendered(paragraph(text))
    assert seen.text == squeezed(text)
    assert set(seen.tags) <= {"p", "br"}
    assert seen.comments == []


@pytest.mark.parametrize("text", AWKWARD)
def test_so_does_a_heading(text):
    seen = rendered(Block(kind="heading", text=text, level=2))
    assert seen.text == squeezed(text)
    assert set(seen.tags) == {"h2"}


@pytest.mark.parametrize("text", AWKWARD)
def test_so_does_a_list_item(text):
    block = Block(kind="list_item", text=text, level=1)
    seen = rendered(block)
    assert seen.text == squeezed(item_of(block).text)
    assert set(seen.tags) <= {"ul", "ol", "li", "br", "p"}
    assert len([tag for tag in seen.tags if tag in {"ul", "ol"}]) == 1


@pytest.mark.parametrize("text", AWKWARD)
def test_so_does_a_cell(text):
    seen = rendered(table([["a", "b"], [text, "end"]]))
    assert seen.text == squeezed(f"ab{text}end")
    assert set(seen.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "br"}


def test_any_mixture_of_marks_renders_as_itself():
    marks = [
        "#",
        "1.",
        "2)",
        "-",
        "*",
        "**",
        "_",
        "__",
        "`",
        "```",
        "~",
        "<b>",
        "&amp;",
        "[a]",
        "(b)",
        "|",
        "---",
        "\\",
        "w",
        " ",
        "\n",
    ]
    source = random.Random(5)
    for _ in range(3000):
        text = "".join(source.choice(marks) for _ in range(source.randint(1, 9)))
        assert rendered(paragraph(text)).text == squeezed(text), text


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, nothing more.",
        "snake_case",
        "2 * 3 = 6",
        "a - b",
        "5 < 6 > 4",
        "R&D",
        "see [12]",
        "e.g. #5",
        "*Corresponding author",
    ],
)
def test_what_needs_no_escape_gets_none(text):
    assert markdown(paragraph(text)) == f"{text}\n"


@pytest.mark.parametrize(
    "formula",
    [
        "$x^2<img src=x onerror=alert(1)>$",
        "$$a_1 <svg/onload=alert(1)> b$$",
        "$</p><script>alert(1)</script>=1$",
        "$x_1 <!-- y -->$",
        "$x_1 <https://evil.example>$",
        "$[x](javascript:alert(1))_1$",
        "$![x](https://evil.example/pixel)_1$",
    ],
)
@pytest.mark.parametrize("kind", ["paragraph", "heading", "list_item", "caption", "formula", "footnote"])
def test_a_formula_brings_no_markup_into_viewers_that_know_no_formulas(formula, kind):
    shown = MarkdownIt("commonmark", {"html": True}).render(markdown(Block(kind=kind, text=formula)))
    assert not re.search(r"<(?!/?(?:p|h\d|ul|li|em|br)\b)|javascript:[^)]*\"|href|src=\"", shown), shown


@pytest.mark.parametrize("formula", ["$[x](a)_1$", "$[x][y]_1$", "$$a_1\n[x]: javascript:alert(1)$$"])
def test_a_formula_holds_no_link_and_no_target_of_links(formula):
    """Some viewers take a line for a target wherever it stands."""
    for block in (paragraph(formula), Block(kind="formula", text=formula.strip("$"))):
        assert not re.search(r"\][(\[:]", markdown(block))


@pytest.mark.parametrize(
    "command", ["href", "url", "includegraphics", "htmlData", "htmlClass", "class", "cssId", "style", "require"]
)
def test_no_command_of_a_formula_links_loads_or_sets_attributes(command):
    text = rf"$\{command}{{javascript:alert(1)}}{{x_1}}$"
    for block in (paragraph(text), Block(kind="formula", text=text.strip("$")), table([["a", "b"], [text, "c"]])):
        assert rf"\backslash {command}{{" in markdown(block)
        assert f"\\{command}" not in markdown(block)
    longer = "text" if command.startswith("html") else f"{command}ness"
    assert markdown(paragraph(rf"$\{longer}_1$")) == f"$\\{longer}_1$\n"
    assert markdown(paragraph("$a<b$")) == "$a\\lt b$\n"


@pytest.mark.parametrize(
    ("separator", "line"),
    [
        ("=====", "====="),
        ("PAGE {page}", "PAGE 7"),
        ("[page {page}]", "[page 12]"),
        ("-8<- {page}", "-8<- 3"),
        ("@@", "  @@  "),
    ],
)
def test_a_line_of_the_document_is_never_the_line_between_pages(separator, line):
    """Programs split a text at these lines."""
    held = [
        paragraph(f"before\n{line}\nafter"),
        Block(kind="heading", text=line),
        Block(kind="code", text=f"a\n{line}\n<b>"),
        Block(kind="formula", text=f"a\n{line}\nb"),
        Block(kind="list_item", text=f"one\n{line}"),
    ]
    between = re.compile(re.escape(separator).replace(r"\{page\}", r"\d+"))
    for name in ("markdown", "text"):
        for block in held:
            text = written(name, page(block), page(paragraph("end"), number=2), page_separator=separator)
            found = [one.strip() for one in text.split("\n") if between.fullmatch(one.strip())]
            assert found == [separator.replace("{page}", "2")], (name, text)
    assert re.sub(r"\s", "", line) in re.sub(r"\s", "", rendered(held[0]).text)


@pytest.mark.parametrize("formula", ["$x_1 * y_2 * z$", "$$\\frac{a}{b}$$", "$O(n)$", "$a < b$"])
def test_formulas_in_a_text_stay_as_they_are(formula):
    assert markdown(paragraph(f"where {formula} holds")) == f"where {formula} holds\n"


def test_headings_have_a_hash_for_each_level_and_titles_one():
    text = markdown(Block(kind="title", text="A"), Block(kind="heading", text="B #", level=3))
    assert text == "# A\n\n### B \\#\n"


def test_list_items_nest_and_keep_their_own_numbers():
    items = [("outer", 1), ("- inner", 2), ("• outer again", 1)]
    assert markdown(*[Block(kind="list_item", text=text, level=level) for text, level in items]) == (
        "- outer\n  - inner\n- outer again\n"
    )
    numbers = Seen(RENDERER.render(markdown(*[Block(kind="list_item", text=f"{n}. item", level=1) for n in (3, 4, 7, 1)])))
    assert [value for name, value in numbers.attributes if name == "start"] == ["3", "7"]
    assert numbers.tags.count("ol") == 3


def test_code_names_its_language_in_markdown_and_html():
    code = Block(kind="code", text="int i;", language="c++")
    assert markdown(code) == "```c++\nint i;\n```\n"
    assert '<pre><code class="language-c++">int i;</code></pre>' in written("html", page(code))


def test_code_keeps_its_lines_and_any_backticks():
    code = "if a:\n    b = '```'"
    seen = rendered(Block(kind="code", text=code))
    assert "".join(seen.texts).strip() == code
    assert seen.tags == ["pre", "code"]


def test_a_displayed_formula_stands_between_double_dollars():
    assert markdown(Block(kind="formula", text="$$\nE = mc^2\n$$")) == "$$\nE = mc^2\n$$\n"


def test_a_formulas_lines_are_no_markdown():
    assert markdown(Block(kind="formula", text="a\n= b\n===\n- c\n1. d")) == "$$\na\n= b === - c 1. d\n$$\n"


def test_a_plain_table_is_a_pipe_table():
    assert markdown(PRICES) == "| Item | Price |\n| --- | --- |\n| Gear \\| oil | 23.10 |\n"


@pytest.mark.parametrize(
    "block",
    [
        SPANNED,
        table([["a", "b"], ["two\nlines", "c"]]),
        table([["a", "b"], ["$|x|$", "c"]]),
        Block(kind="table", table=Table(rows=1, columns=1, cells=[Cell(row=0, column=0), Cell(row=2, column=0, header=True)])),
    ],
)
def test_a_table_that_pipes_would_harm_is_html(block):
    text = markdown(block)
    assert text.startswith("<table>\n")
    assert "\n\n" not in text.strip()
    assert "<script" not in text


def test_a_page_that_failed_is_a_comment_and_a_blank_page_is_nothing():
    blank = Page(number=3, status="blank")
    assert written("markdown", page(paragraph("one")), FAILED, blank) == (
        "one\n\n<!-- page 2 could not be read: PAGE_TIMEOUT -->\n"
    )


def test_the_separator_stands_between_pages_with_the_number_of_the_next():
    pages = [page(paragraph(text), number=number) for number, text in ((1, "one"), (4, "two"))]
    assert written("markdown", *pages, page_separator="<!-- page {page} -->") == "one\n\n<!-- page 4 -->\n\ntwo\n"
    assert written("text", *pages, page_separator="== {page} {x}") == "one\n\n== 4 {x}\n\ntwo\n"


def test_running_heads_are_stripped_unless_they_are_wanted():
    pages = page(Block(kind="page_header", text="Head"), paragraph("Body"), Block(kind="page_number", text="7"))
    for name in ("markdown", "text", "html"):
        assert "Head" not in written(name, pages)
        kept = written(name, pages, headers_footers="keep")
        assert kept.index("Head") < kept.index("Body") < kept.index("7")


def test_a_figure_is_a_placeholder_that_names_its_page():
    assert markdown(Block(kind="figure")) == "![](#page-1)\n"
    assert markdown(Block(kind="figure", text="A [red] bird")) == "![A \\[red\\] bird](#page-1)\n"


def test_an_empty_document_is_an_empty_text():
    assert raw("markdown", Page(number=1, status="blank")) == b""
    assert raw("text", Page(number=1, status="blank")) == b""


# --- HTML -------------------------------------------------------------------------------------------------------------


def test_html_shows_markup_as_text_and_runs_nothing():
    hostile = '<script>alert(1)</script><img src=x onerror=alert(1)> & "quotes"'
    blocks = [
        Block(kind=kind, text=hostile) for kind in ("title", "paragraph", "list_item", "caption", "code", "formula", "footnote")
    ]
    seen = Seen(written("html", page(*blocks, table([[hostile, hostile]]))))
    assert seen.text.count(squeezed(hostile)) == len(blocks) + 2
    assert not {"script", "img", "style", "iframe"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]


def test_html_has_a_section_for_every_page():
    seen = Seen(written("html", page(paragraph("a")), FAILED))
    assert [value for name, value in seen.attributes if name == "data-page"] == ["1", "2"]
    assert "PAGE_TIMEOUT" in seen.text


def test_html_leaves_the_direction_of_hebrew_and_arabic_to_the_browser():
    blocks = [
        Block(kind="heading", text="مقدمة", level=2),
        Block(kind="paragraph", text="Plain"),
        Block(kind="list_item", text="- אחד"),
    ]
    shown = written("html", page(*blocks))
    assert '<h2 dir="auto">مقدمة</h2>' in shown
    assert '<li dir="auto">אחד' in shown
    assert "<p>Plain</p>" in shown


def test_html_tables_have_spans_a_head_and_their_caption():
    text = written("html", page(Block(kind="caption", text="Table 1: Both"), SPANNED))
    assert "<caption>Table 1: Both</caption>" in text
    assert '<th colspan="2">Both</th>' in text
    assert "<td>1 &lt; 2</td>" in text
    assert text.count("Table 1: Both") == 1


def test_html_lists_are_nested_and_balanced():
    items = [("1. a", 1), ("b", 2), ("c", 3), ("2. d", 1), ("e", 1)]
    text = written("html", page(*[Block(kind="list_item", text=text, level=level) for text, level in items]))
    for tag in ("ol", "ul", "li"):
        assert text.count(f"<{tag}") == text.count(f"</{tag}>")
    assert '<li value="2">d' in text


# --- JSON, CSV, text, ZIP ---------------------------------------------------------------------------------------------


def test_json_reads_back_as_the_same_document():
    pages = [page(paragraph("one"), SPANNED, Block(kind="page_header", text="Head")), FAILED]
    text = raw("json", *pages)
    assert Document.model_validate_json(text) == HEAD.model_copy(update={"pages": pages})
    assert raw("json", *pages) == text
    assert Document.model_validate_json(raw("json")).pages == []


def test_tables_lists_every_table_with_page_and_caption():
    pages = [
        page(Block(kind="caption", text="Figure 1: Birds"), PRICES, Block(kind="caption", text="Table 2: Prices")),
        page(SPANNED, number=5),
    ]
    entries = json.loads(raw("tables", *pages))
    assert [(entry["page"], entry["caption"]) for entry in entries] == [(1, "Table 2: Prices"), (5, "")]
    assert list(csv.reader(io.StringIO(entries[0]["csv"], newline=""))) == [["Item", "Price"], ["Gear | oil", "23.10"]]
    assert list(csv.reader(io.StringIO(entries[1]["csv"], newline=""))) == [["Both", ""], ["1 < 2", "b"]]
    assert json.loads(raw("tables")) == []


def test_csv_is_an_archive_of_a_file_per_table_and_a_list_of_them():
    pages = [
        page(table([["a"], ["1"]], header=False), PRICES, Block(kind="caption", text="Table 2: Prices")),
        page(SPANNED, number=5),
    ]
    archive = TableArchive(io.BytesIO(raw("csv", *pages)))
    assert [(one.file, one.page, one.caption, one.header) for one in archive.entries] == [
        ("page-0001-table-1.csv", 1, "", False),
        ("page-0001-table-2.csv", 1, "Table 2: Prices", True),
        ("page-0005-table-1.csv", 5, "", True),
    ]
    assert archive.open(archive.entry(2)).read() == b"Item,Price\r\nGear | oil,23.10\r\n"
    assert raw("csv", *pages) == raw("csv", *pages)
    with pytest.raises(SeveralTables, match="3 tables"):
        archive.entry(None)
    with pytest.raises(TableNotFound, match="from 1 to 3"):
        archive.entry(4)


def test_the_csv_of_a_document_with_one_table_or_none():
    assert TableArchive(io.BytesIO(raw("csv", page(PRICES)))).entry(None).file == "page-0001-table-1.csv"
    assert TableArchive(io.BytesIO(raw("csv"))).entry(None) is None
    with pytest.raises(TableNotFound, match="has no table"):
        TableArchive(io.BytesIO(raw("csv"))).entry(1)


def test_csv_follows_rfc_4180():
    made = table([['say "hi"', "a,b"], ["two\nlines", " "]]).table
    assert made is not None
    assert "".join(csv_lines([made])) == '"say ""hi""","a,b"\r\n"two\nlines",\r\n'


@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-5", "-5"),
        ("+15.3 %", "+15.3 %"),
        ("- none -", "- none -"),
        ("-", "-"),
        ("--", "--"),
        ("-1,234.50", "-1,234.50"),
        ("-€ 1.200,00", "-€ 1.200,00"),
        ("−3 kg", "−3 kg"),
        ("-1.5e-3", "-1.5e-3"),
        ("+49 30 901820", "+49 30 901820"),
        ("- a phrase of words", "- a phrase of words"),
        ("+A1", "'+A1"),
        ("-2+3", "'-2+3"),
        ("- 1 * B2", "'- 1 * B2"),
        ("-name", "'-name"),
        ('"=1+1', "'\"=1+1"),
        ("-EUR 5", "-EUR 5"),
        ("\t=1", "'=1"),
        ("\r\n-A1", "'-A1"),
        ("a=1", "a=1"),
        ("mail@example.org", "mail@example.org"),
    ],
)
def test_csv_disarms_formulas_and_leaves_numbers_alone(cell, stored):
    made = table([[cell, "x"]]).table
    assert made is not None
    assert next(csv.reader(csv_lines([made])))[0] == stored


def test_the_option_csv_safe_leaves_formulas_as_they_were_read():
    made = page(table([["=1+1", "-2+3"]]))
    for name in ("tables", "csv", "zip"):
        assert "'=1+1" in all_text(raw(name, made))
        assert "'=1+1" not in all_text(raw(name, made, csv_safe=False))
        assert "=1+1" in all_text(raw(name, made, csv_safe=False))


def all_text(data: bytes) -> str:
    """The text of a file, or of the CSV files of an archive."""
    if not data.startswith(b"PK"):
        return data.decode()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".csv"))


@pytest.mark.parametrize("sign", "=@＝＠")
@pytest.mark.parametrize("before", ["", "\t", "\r", "\n", "\r\n", " ", "\u00a0", "\u3000", "\ufeff"])
def test_nothing_that_spreadsheets_skip_hides_a_formula_from_the_guard(sign, before):
    stored = next(csv_lines([table([[f"{before}{sign}cmd|' /C calc'!A0", "x"]]).table])).lstrip('"')
    assert stored.startswith("'")


@pytest.mark.parametrize("cell", ["-2\n+cmd|' /C calc'!A0", "－2+cmd|' /C calc'!A0", "＋HYPERLINK(1)", "+1\r\n(2)"])
def test_a_formula_over_lines_or_with_a_full_width_sign_is_disarmed(cell):
    assert next(csv_lines([table([[cell, "x"]]).table])).lstrip('"').startswith("'")


def test_text_is_plain_with_tables_between_tabs():
    blocks = [
        Block(kind="title", text="# A *star*"),
        Block(kind="list_item", text="• one"),
        Block(kind="list_item", text="2. two"),
    ]
    assert written("text", page(*blocks, SPANNED), FAILED) == (
        "# A *star*\n\n- one\n2. two\n\nBoth\t\n1 < 2\tb\n\n[page 2 could not be read: PAGE_TIMEOUT]\n"
    )


def test_the_archive_holds_everything_and_is_the_same_each_time():
    pages = [page(paragraph("one"), PRICES, SPANNED), FAILED]
    archive = zipfile.ZipFile(io.BytesIO(raw("zip", *pages)))
    assert archive.namelist() == [
        "document.md",
        "document.json",
        "document.html",
        "document.txt",
        "tables/page-0001-table-1.csv",
        "tables/page-0001-table-2.csv",
    ]
    assert archive.read("document.md") == raw("markdown", *pages)
    assert archive.read("document.json") == raw("json", *pages)
    assert archive.read("tables/page-0001-table-1.csv") == b"Item,Price\r\nGear | oil,23.10\r\n"
    assert raw("zip", *pages) == raw("zip", *pages)


@pytest.mark.parametrize("name", list(FORMATS))
def test_pages_are_asked_for_one_at_a_time_and_only_once(name):
    asked = []

    def pages():
        for number in range(1, 6):
            asked.append(number)
            yield page(paragraph(f"page {number}"), number=number)

    FORMATS[name].write(HEAD, pages(), Options(), io.BytesIO())
    assert asked == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", list(FORMATS))
def test_characters_that_no_file_can_hold_break_nothing(name):
    assert raw(name, page(paragraph("nul \x00 bell \x07 and \x0b"), table([["\x00", "\x1b"]]))) is not None


@pytest.mark.parametrize("name", ["markdown", "html", "text"])
def test_control_characters_are_not_shown(name):
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", written(name, page(paragraph("a\x00b\x1bc\td"))))
