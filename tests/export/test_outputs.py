"""The formats agree with the JSON, whatever the document: drawn ones and real ones where the corpus is there."""

from __future__ import annotations

import asyncio
import io
import json
import random
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser

import jsonschema
import pytest
from markdown_it import MarkdownIt

from document_parser.export import FORMATS
from document_parser.export.figures import Figures
from document_parser.export.schema import schema_text
from document_parser.models import Block, BoundingBox, Cell, Document, Options, Page, PageError, Table
from document_parser.pipeline.assembly.document import write_document
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.settings import EngineSettings, Settings
from tests.support.service import ROOT

HEAD = Document(filename="drawn.pdf", media_type="application/pdf", page_count=6)
SCHEMA = ROOT / "docs" / "document.schema.json"
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
STORED = Figures({"page-0001-figure-1.jpg": b"\xff\xd8\xff picture"}.get, "figures")
WORDS = [
    *("harbour", "ship", "1.", "12.50", "*star*", "_under_", "a|b", "<b>bold</b>", "&amp;", "#7", "-", "+", "$5", "[x](y)"),
    *("~~gone~~", "`tick`", "C:\\path", "2)", "Straße", "船", "שלום", "well-", "---", "===", ">", "quote"),
]


# --- what JSON says ---------------------------------------------------------------------------------------------------


def squeezed(text):
    return re.sub(r"\s+", "", text)


def whole_tables(document):
    """Every table as rows of (row, column, text): those that go on put together by their marks."""
    tables, places = [], {}
    for page in document.pages:
        for place, block in enumerate(page.blocks):
            if block.kind != "table" or not block.table or not block.table.cells:
                continue
            mark, table = block.continues, block.table
            if mark is None:
                tables.append([table, 0])
                places[page.number, place] = len(tables) - 1
                tables[-1] = [row_texts(table, 0)]
            else:
                places[page.number, place] = places[mark.page, mark.block]
                tables[places[page.number, place]].append(row_texts(table, mark.repeated_rows))
    return [[row for part in parts for row in part] for parts in tables]


def row_texts(table, first):
    """The rows of a table from a row on; a place that no cell covers is an empty cell, as in HTML."""
    covered = {
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    }
    begin = {(cell.row, cell.column): (cell.row_span, cell.column_span, squeezed(cell.text)) for cell in table.cells}
    return [
        [
            begin.get((row, column), (1, 1, ""))
            for column in range(table.columns)
            if (row, column) in begin or (row, column) not in covered
        ]
        for row in range(first, table.rows)
    ]


def headings(document):
    return [
        (min(6, max(1, block.level or (1 if block.kind == "title" else 2))), squeezed(block.text))
        for page in document.pages
        for block in page.blocks
        if block.kind in ("title", "heading") and block.text.strip()
    ]


# --- what a reader of the text sees -----------------------------------------------------------------------------------


class Tables(HTMLParser):
    """Tables and headings of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.headings = [], []
        self.inside = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        spans = dict(attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append([int(spans.get("rowspan", 1)), int(spans.get("colspan", 1)), ""])
            self.inside = self.tables[-1][-1][-1]
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append([int(tag[1]), ""])
            self.inside = self.headings[-1]

    def handle_endtag(self, tag):
        if tag in ("td", "th", "h1", "h2", "h3", "h4", "h5", "h6"):
            self.inside[-1] = squeezed(self.inside[-1])
            self.inside = None

    def handle_data(self, data):
        if self.inside is not None:
            self.inside[-1] += data

    @property
    def found(self):
        tables = [[[tuple(cell) for cell in row] for row in table] for table in self.tables]
        return tables, [tuple(heading) for heading in self.headings]


def without_empty_ends(tables):
    """Pipe tables fill rows with empty cells; cells that say nothing are left out of account."""
    return [[[cell for cell in row if cell[2]] for row in table] for table in tables]


def agrees(document, markdown, html):
    rendered, headed = Tables(MARKDOWN.render(markdown)).found
    shown, shown_headed = Tables(html).found
    assert shown == whole_tables(document)
    assert without_empty_ends(rendered) == without_empty_ends(whole_tables(document))
    assert headed == shown_headed == headings(document)


# --- drawn documents --------------------------------------------------------------------------------------------------


def box(top, bottom):
    return BoundingBox.of(0.1, top, 0.9, bottom)


def drawn(seed) -> list[Page]:
    """A document of a few pages with everything in it, the same for the same seed."""
    chance = random.Random(seed)

    def text(most=12):
        return " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, most)))

    columns = chance.randint(1, 4)
    header = [text(2) for _ in range(columns)]

    def table(top, bottom):
        heads = chance.randint(0, 2)
        rows = [header if not row else [text(3) for _ in range(columns)] for row in range(chance.randint(1, 6))]
        cells = [
            Cell(row=row, column=column, text=cell if chance.random() > 0.1 else "", header=row < heads)
            for row, cells in enumerate(rows)
            for column, cell in enumerate(cells)
        ]
        if columns > 1 and chance.random() < 0.3:
            cells = [cell for cell in cells if (cell.row, cell.column) != (len(rows) - 1, 1)]
            cells[-(columns - 1)].column_span = 2
        return Block(kind="table", table=Table(rows=len(rows), columns=columns, cells=cells), box=box(top, bottom))

    def block(top, bottom):
        kind = chance.choice(
            ["paragraph", "paragraph", "heading", "list_item", "table", "code", "footnote", "figure", "formula"]
        )
        if kind == "table":
            return table(top, bottom)
        level = chance.randint(1, 6) if kind in ("heading", "list_item") else None
        return Block(kind=kind, text=text(30), level=level, box=box(top, bottom))

    def page(number):
        if chance.random() < 0.1:
            return Page(number=number, status="failed", error=PageError(code="PAGE_TIMEOUT", message=""))
        count = chance.randint(1, 6)
        blocks = [block(0.2 + 0.7 * n / count, 0.2 + 0.7 * (n + 1) / count) for n in range(count)]
        if chance.random() < 0.5:
            blocks[0] = table(0.2, 0.3)
        if chance.random() < 0.5:
            blocks[-1] = table(0.8, 0.9)
        return Page(number=number, blocks=[Block(kind="paragraph", text="Running head", box=box(0.04, 0.05)), *blocks])

    pages = [page(number) for number in range(1, chance.randint(2, 7))]
    pages[0].blocks.append(Block(kind="figure", picture="page-0001-figure-1.jpg", box=box(0.9, 0.95)))
    return pages


def written(name, pages, **options) -> bytes:
    out = io.BytesIO()
    write_document(HEAD, lambda: iter(pages), Options(**options), name, out, STORED)
    return out.getvalue()


@pytest.mark.parametrize("seed", range(150))
def test_markdown_and_html_have_the_tables_and_headings_of_the_json(seed):
    pages = drawn(seed)
    document = Document.model_validate_json(written("json", pages))
    agrees(document, written("markdown", pages).decode(), written("html", pages).decode())


@pytest.mark.parametrize("seed", range(0, 150, 10))
def test_csv_has_them_too(seed):
    pages = drawn(seed)
    document = Document.model_validate_json(written("json", pages))
    tables = [entry["csv"] for entry in json.loads(written("tables", pages))]
    assert len(tables) == len(whole_tables(document))
    rows = [sum(1 for _ in io.StringIO(re.sub(r'"(?:[^"]|"")*"', "q", table))) for table in tables]
    assert rows == [len(table) for table in whole_tables(document)]


@pytest.mark.parametrize("seed", range(40))
def test_no_text_is_lost_on_the_way_to_json(seed):
    pages = drawn(seed)
    found = Document.model_validate_json(written("json", pages))
    for before, after in zip(pages, found.pages, strict=True):
        assert sorted(texts(before)) == sorted(texts(after))


def texts(page) -> Iterator[str]:
    for block in page.blocks:
        yield block.text
        yield from (cell.text for cell in block.table.cells) if block.table else ()


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("figures", ["placeholder", "embed"])
def test_the_same_document_and_options_give_the_same_bytes(name, figures):
    for seed in range(5):
        assert written(name, drawn(seed), figures=figures) == written(name, drawn(seed), figures=figures)


@pytest.mark.parametrize("name", ["markdown", "html", "text"])
def test_a_page_that_failed_is_seen(name):
    failed = Page(number=2, status="failed", error=PageError(code="PAGE_TIMEOUT", message=""))
    text = written(name, [Page(number=1), failed]).decode()
    assert "page 2 could not be read: PAGE_TIMEOUT" in text
    assert ("<!-- page 2" in text) == (name == "markdown")


# --- every option in every format -------------------------------------------------------------------------------------


def two_pages():
    def page(number):
        figure = Block(kind="figure", picture=f"page-000{number}-figure-1.jpg", text="Ship", box=box(0.3, 0.5))
        blocks = [Block(kind="page_header", text="HEAD"), Block(kind="paragraph", text=f"Body {number}."), figure]
        return Page(number=number, blocks=blocks)

    return [page(1), page(2)]


@pytest.mark.parametrize(
    ("name", "options", "there", "missing"),
    [
        ("markdown", {"headers_footers": "keep"}, "HEAD", None),
        ("html", {"headers_footers": "keep"}, '<p class="page-header">HEAD</p>', None),
        ("text", {"headers_footers": "keep"}, "HEAD", None),
        ("json", {"headers_footers": "keep"}, '"page_header"', None),
        ("json", {"headers_footers": "strip"}, '"page_header"', None),
        ("markdown", {"headers_footers": "strip"}, "Body 1.", "HEAD"),
        ("html", {"headers_footers": "strip"}, "Body 1.", "HEAD"),
        ("text", {"headers_footers": "strip"}, "Body 1.", "HEAD"),
        ("markdown", {"page_separator": "== {page} =="}, "\n\n== 2 ==\n\n", "== 1 =="),
        ("text", {"page_separator": "== {page} =="}, "\n\n== 2 ==\n\n", "== 1 =="),
        (
            "html",
            {"page_separator": "== {page} <"},
            '</section>\n<p class="page-separator">== 2 &lt;</p>\n<section id="page-2"',
            "== 1",
        ),
        ("json", {"page_separator": "== {page} =="}, '"number":2', "== 2"),
        ("tables", {"page_separator": "=="}, "[", "=="),
    ],
)
def test_options_do_what_they_say(name, options, there, missing):
    text = written(name, two_pages(), **options).decode()
    assert there in text
    assert missing is None or missing not in text


@pytest.mark.parametrize(
    "options",
    [{"headers_footers": "keep"}, {"page_separator": "== {page}"}, {"figures": "none"}, {"figures": "embed"}],
)
def test_the_zips_texts_follow_the_options_as_the_formats_do(options):
    archive = zipfile.ZipFile(io.BytesIO(written("zip", two_pages(), **options)))
    for name, member in (("markdown", "document.md"), ("html", "document.html"), ("text", "document.txt")):
        assert archive.read(member) == written(name, two_pages(), **options)


# --- the schema, and real documents -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_schema_is_current():
    assert SCHEMA.read_text() == schema_text(), "python -m document_parser.export.schema > docs/document.schema.json"


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_json_is_of_the_schema(validator, seed):
    validator.validate(json.loads(written("json", drawn(seed))))


def test_the_schema_refuses_what_is_no_document(validator):
    document = json.loads(written("json", drawn(1)))
    for wrong in ({"pages": None}, {"page_count": "two"}, {"pages": [{"number": 1}]}):
        assert not validator.is_valid(document | wrong)


@pytest.mark.corpus
def test_real_documents_agree_in_all_formats_and_are_of_the_schema(corpus, validator):
    names = ["digital/federal-register-2020-17221", "digital/redp5110_sampled", "digital/demo2", "tables/schools"]
    names += [
        "digital/sample_contract",
        "tables/icdar13_us-018",
        "tables/icdar13_eu-026",
        "receipts/zugferd_FX_EN16931_Rabatte",
    ]

    async def outputs(path):
        found = {}
        with await reader.read(path, Options(accuracy_mode="fast")) as document:
            for name in ("json", "markdown", "html"):
                out = io.BytesIO()
                document.write(name, out)
                found[name] = out.getvalue().decode()
        return found

    async def main():
        nonlocal reader
        async with DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu"))) as reader:
            return [await outputs(corpus / f"{name}.pdf") for name in names]

    reader = None
    for found in asyncio.run(main()):
        validator.validate(json.loads(found["json"]))
        agrees(Document.model_validate_json(found["json"]), found["markdown"], found["html"])
