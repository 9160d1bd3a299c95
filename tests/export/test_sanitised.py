"""Whatever a document says, its HTML has only what shows text, and its links lead to the web, a mail or a page."""

from __future__ import annotations

import io
from html.parser import HTMLParser

# ruff: noqa: E501 - lists of words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from document_parser.export import FORMATS
from document_parser.models import Block, Cell, Document, Options, Page, PageError, Span, Table

ELEMENTS = {
    "html", "head", "meta", "title", "body", "section", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "ul", "li", "pre", "code",
    "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "img", "br", "a", "em", "strong", "s",
}  # fmt: skip
ATTRIBUTES = {
    "meta": {"charset"}, "section": {"id", "data-page"}, "li": {"value", "dir"}, "td": {"rowspan", "colspan"},
    "th": {"rowspan", "colspan"}, "a": {"href", "rel"}, "img": {"src", "alt"}, "p": {"class", "dir"},
    **{f"h{level}": {"dir"} for level in range(1, 7)},
}  # fmt: skip
SCHEMES = ("http://", "https://", "mailto:", "#page-")
PIECES = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "</section>", "</td></table>", "<!--",
    "-->", "<![CDATA[", "javascript:alert(1)", "&lt;b&gt;", "&#60;", "\x00", "\u202e", "]]>", "'", '"', "`", "=", "{{7*7}}",
    "words", " ", "\n", "☒ yes", "☐ no", "$<b>x</b>$", "| a | b |", "![x](javascript:alert(1))", "style=color:red", "1. ", "- ",
)  # fmt: skip
ADDRESSES = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "data:text/html,<b>", "vbscript:x", "file:///etc/passwd",
    "https://user:pass@example.org", 'https://example.org/"onmouseover="x', "https://example.org/<script>", "mailto:a@example.org",
    "//example.org", "#page-3", "#x", "https://example.org",
)  # fmt: skip

texts = some.lists(some.sampled_from(PIECES), max_size=6).map("".join)


@some.composite
def spanned(draw) -> tuple[str, list[Span]]:
    """A text of some letters, one range of which is a link."""
    text = draw(texts)
    end = draw(some.integers(0, len(text)))
    start = draw(some.integers(0, end))
    link, bold = draw(some.sampled_from(ADDRESSES)), draw(some.booleans())
    return text, [Span(start=start, end=end, link=link, bold=bold)] if start < end else []


@some.composite
def blocks(draw) -> Block:
    kinds = (
        "title",
        "heading",
        "paragraph",
        "list_item",
        "caption",
        "code",
        "formula",
        "footnote",
        "checkbox",
        "figure",
        "page_header",
    )
    text, spans = draw(spanned())
    return Block(kind=draw(some.sampled_from(kinds)), text=text, spans=spans, level=draw(some.integers(1, 9)))


@some.composite
def tables(draw) -> Block:
    cells = []
    for column in range(2):
        text, spans = draw(spanned())
        cells.append(Cell(row=0, column=column, text=text, spans=spans, header=draw(some.booleans())))
    cells.append(Cell(row=1, column=0, text=draw(texts), column_span=2))
    return Block(kind="table", table=Table(rows=2, columns=2, cells=cells))


class Elements(HTMLParser):
    """Every element of some HTML with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data):
        self.comments.append(data)


def html_of(name: str, *shown: Block, **options: str) -> str:
    out = io.BytesIO()
    failed = Page(number=2, status="failed", error=PageError(code="PAGE_TIMEOUT", message=name))
    document = Document(filename=name, media_type="application/pdf", page_count=2)
    pages = [Page(number=1, blocks=list(shown)), failed]
    FORMATS["html"].write(document, iter(pages), Options.model_validate(options), out)
    return out.getvalue().decode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(name=texts, shown=some.lists(some.one_of(blocks(), tables()), max_size=6), separator=texts)
def test_html_has_only_what_shows_text(name, shown, separator):
    found = Elements(html_of(name, *shown, page_separator=separator[:100], headers_footers="keep"))
    assert not found.comments
    for tag, attributes in found.found:
        assert tag in ELEMENTS
        assert set(attributes) <= ATTRIBUTES.get(tag, set())
        for value in (attributes.get("href"), attributes.get("src")):
            assert value is None or value.startswith(SCHEMES), value


def test_spans_of_cells_links_and_check_boxes_are_kept():
    text = "read the terms"
    cells = [Cell(row=0, column=0, text="both", column_span=2, row_span=2), Cell(row=0, column=2, text="☒ yes")]
    html = html_of(
        "a.pdf",
        Block(kind="checkbox", text="☐ no"),
        Block(kind="paragraph", text=text, spans=[Span(start=9, end=14, link="https://example.org/a", bold=True)]),
        Block(kind="table", table=Table(rows=2, columns=3, cells=cells)),
    )
    assert '<p class="checkbox">☐ no</p>' in html
    assert 'read the <a href="https://example.org/a" rel="noopener nofollow"><strong>terms</strong></a>' in html
    assert 'rowspan="2" colspan="2">both</td>' in html
    assert ">☒ yes</td>" in html
