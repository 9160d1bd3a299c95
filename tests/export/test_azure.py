"""The form of Azure Document Intelligence: a span cut from the content is the content of its element, however it is counted."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import pytest
import regex
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import document_parser
from document_parser.export.azure import write_azure
from document_parser.models import Block, BoundingBox, Cell, Document, Options, Page, PageError, PageWords, Span, Table
from document_parser.text.string_index import STRING_INDEX_TYPES
from tests.support.service import ROOT
from tests.support.tables import table_of_rows

FORMATS = ("text", "markdown")
TEXTS = (
    "The café e\u0301tait fermé 👍🏽 today",
    "👨‍👩‍👧‍👦 family 🇩🇪🇫🇷 flags",
    "\u0301starts with an accent \u200dand a joiner",
    "क्षत्रिय विद्यार्थी สวัสดี 각 \u1100\u1161\u11a8",
    "☒ Yes ☐No 𝒳 𝒴",
    "a*b_c `code` $x^2 < y_1$ | <b>tags</b> & [1](2) # no",
    '-- > "quoted" --> end\nsecond line 😀',
)
KINDS = (
    *("paragraph", "heading", "title", "list_item", "formula", "code", "footnote"),
    *("page_header", "page_footer", "page_number", "figure", "checkbox", "caption"),
)


def written(pages: list[Page], content_format: str = "text", counted: str = "unicodeCodePoint") -> dict[str, Any]:
    out = io.BytesIO()
    head = Document(filename="a.pdf", media_type="application/pdf", page_count=len(pages))
    write_azure(head, pages, Options(), out, variant=f"{content_format}.{counted.lower()}")
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


@cache
def clusters() -> Any:
    """The graphemes of Unicode 8.0, as Annex 29 of then has them: those of today, parted again where its rules had no link."""
    return regex.compile(r"\X")


def units_of(content: str, counted: str) -> list[str]:
    """The content as the units that a client of this kind counts."""
    if counted == "unicodeCodePoint":
        return list(content)
    if counted == "utf16CodeUnit":
        data = content.encode("utf-16-le")
        return [data[place : place + 2].decode("utf-16-le", "surrogatepass") for place in range(0, len(data), 2)]
    found: list[str] = []
    for cluster in clusters().findall(content):
        # Emoji joined by U+200D, skin colours (both Unicode 11) and Indic conjuncts (15.1) were several graphemes then.
        parts = regex.split(
            r"(?<=\u200d)(?=[^\p{M}\u200d])|(?=[\U0001F3FB-\U0001F3FF])|(?<=\p{M})(?=\p{Lo})", cluster, flags=regex.V1
        )
        for part in filter(None, parts):
            flag = r"[\U0001F1E6-\U0001F1FF]"
            if found and regex.match(flag, part) and regex.fullmatch(flag + "+", found[-1]):
                found[-1] += part
            else:
                found.append(part)
    return found


def cut(units: list[str], span: dict[str, int]) -> str:
    pieces = units[span["offset"] : span["offset"] + span["length"]]
    assert len(pieces) == span["length"]
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def elements_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    elements = list(found.get("paragraphs", []))
    for page in found["pages"]:
        elements += [*page["words"], *page["lines"]]
    for owner in (*found.get("tables", []), *found.get("figures", [])):
        elements += [cell for cell in owner.get("cells", []) if cell["spans"]]
        elements += [owner["caption"]] if "caption" in owner else []
    return elements


def check_spans(found: dict[str, Any]) -> None:
    units = units_of(found["content"], found["stringIndexType"])
    for element in elements_of(found):
        spans = element.get("spans") or [element["span"]]
        assert "".join(cut(units, span) for span in spans) == element["content"]
    for page in found["pages"]:
        for mark in page.get("selectionMarks", []):
            assert cut(units, mark["span"]) in (f":{mark['state']}:", "☒" if mark["state"] == "selected" else "☐")
        cut(units, page["spans"][0])
        for formula in page.get("formulas", []):
            assert formula["value"].split()[0] in cut(units, formula["span"])
    for name in ("tables", "figures", "sections", "styles"):
        for element in found.get(name, []):
            for span in element["spans"]:
                cut(units, span)


def resolve(found: dict[str, Any], reference: str) -> dict[str, Any]:
    _, name, number = reference.split("/")
    return found[name][int(number)]  # type: ignore[no-any-return]


def texts() -> st.SearchStrategy[str]:
    letters = st.text(alphabet='ab \n\u0301\u200d字ก😀🏽🇩👍*_|<&$☒☐-"`#', min_size=1, max_size=24)
    return st.lists(st.sampled_from(TEXTS) | letters, min_size=1, max_size=4).map(" ".join)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    if draw(st.integers(0, 4)) == 0:
        rows = draw(st.lists(st.lists(texts() | st.just(""), min_size=2, max_size=2), min_size=1, max_size=4))
        return Block(kind="table", table=table_of_rows(rows, heads=draw(st.integers(0, 1))))
    box = BoundingBox.of(0.1, 0.1, 0.9, 0.5) if draw(st.booleans()) else None
    return Block(kind=draw(st.sampled_from(KINDS)), text=draw(texts()), box=box)


@st.composite
def documents(draw: st.DrawFn) -> list[Page]:
    pages = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        found = draw(st.lists(blocks(), max_size=6))
        words = [
            (word, 0.1 + 0.01 * place, 0.1 + 0.02 * line, 0.12 + 0.01 * place, 0.12 + 0.02 * line, 0.9)
            for line, block in enumerate(found)
            for place, word in enumerate(block.text.split())
        ]
        pages.append(Page(number=number, width=595, height=842, blocks=found, words=PageWords.pack(words)))
    return pages


@pytest.mark.parametrize("content_format", FORMATS)
@given(pages=documents())
@settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_every_span_cut_from_the_content_is_the_content_of_its_element(pages: list[Page], content_format: str):
    kinds = [written(pages, content_format, counted) for counted in STRING_INDEX_TYPES]
    for found in kinds:
        check_spans(found)
    texts = [[element["content"] for element in elements_of(found)] for found in kinds]
    assert texts[0] == texts[1] == texts[2]
    for section in kinds[0]["sections"]:
        for element in section["elements"]:
            assert resolve(kinds[0], element)


def test_offsets_count_what_the_client_asked_for():
    page = Page(number=1, blocks=[Block(kind="paragraph", text="👨‍👩‍👧 e\u0301 end")])
    last = {counted: written([page], counted=counted)["pages"][0]["words"][-1]["span"] for counted in STRING_INDEX_TYPES}
    assert last["unicodeCodePoint"] == {"offset": 9, "length": 3}
    assert last["utf16CodeUnit"] == {"offset": 12, "length": 3}
    # Unicode 8.0, which Azure names, has a grapheme for each member of a family.
    assert last["textElements"] == {"offset": 6, "length": 3}


def test_real_pages_have_their_words_in_their_places():
    document = document_parser.parse(ROOT / "samples/paper.pdf", page_range="1")
    found = written(document.pages)
    check_spans(found)
    page = found["pages"][0]
    placed = [word for word in page["words"] if "polygon" in word]
    assert len(placed) >= 0.97 * len(page["words"])
    assert (page["width"], page["height"], page["unit"]) == (
        pytest.approx(8.2677, abs=0.3),
        pytest.approx(11.69, abs=0.8),
        "inch",
    )
    for word in placed:
        left, top, right, _, _, bottom = word["polygon"][:6]
        assert 0 <= left < right <= page["width"]
        assert 0 <= top < bottom <= page["height"]
    assert found["paragraphs"][0]["role"] in ("title", "sectionHeading")


def test_a_turned_page_has_the_polygons_of_the_page_in_the_file():
    box = BoundingBox.of(0.1, 0.2, 0.3, 0.4)
    page = Page(number=1, width=842, height=595, rotation=270, blocks=[Block(kind="paragraph", text="sideways", box=box)])
    found = written([page])
    assert (found["pages"][0]["width"], found["pages"][0]["height"]) == (8.2639, 11.6944)
    assert found["pages"][0]["angle"] == 90
    polygon = found["paragraphs"][0]["boundingRegions"][0]["polygon"]
    assert polygon[:2] == [pytest.approx(0.6 * 8.2639, abs=0.001), pytest.approx(0.1 * 11.6944, abs=0.001)]


def test_cells_of_a_table_have_their_places_and_spans():
    table = Table(
        rows=2,
        columns=2,
        cells=[
            Cell(row=0, column=0, column_span=2, text="Blue wool & more", header=True),
            Cell(row=1, column=0, text="12"),
            Cell(row=1, column=1, text="13.50"),
        ],
    )
    words = [
        ("Blue wool & more", 0.2, 0.1, 0.6, 0.12, 1.0),
        ("12", 0.2, 0.2, 0.25, 0.22, 1.0),
        ("13.50", 0.5, 0.2, 0.6, 0.22, 1.0),
    ]
    block = Block(kind="table", table=table, box=BoundingBox.of(0.1, 0.05, 0.9, 0.3))
    page = Page(number=1, width=720, height=720, blocks=[block], words=PageWords.pack(words))
    for content_format in FORMATS:
        found = written([page], content_format)
        check_spans(found)
        head, first, second = found["tables"][0]["cells"]
        assert (head["kind"], head["columnSpan"]) == ("columnHeader", 2)
        assert first["boundingRegions"][0]["polygon"][0] == pytest.approx(2.0, abs=0.01)
        assert second["boundingRegions"][0]["polygon"][0] == pytest.approx(5.0, abs=0.01)
        assert resolve(found, second["elements"][0])["content"] == second["content"] == "13.50"
    assert '<th colspan="2">Blue wool &amp; more</th>' in found["content"]


def test_sections_are_the_tree_of_headings():
    kinds = [("title", None, "T"), ("paragraph", None, "p"), ("heading", 2, "A"), ("heading", 3, "AA"), ("heading", 2, "B")]
    found = written([Page(number=1, blocks=[Block(kind=kind, level=level, text=text) for kind, level, text in kinds])])
    assert [section["elements"] for section in found["sections"]] == [
        ["/sections/1"],
        ["/paragraphs/0", "/paragraphs/1", "/sections/2", "/sections/4"],
        ["/paragraphs/2", "/sections/3"],
        ["/paragraphs/3"],
        ["/paragraphs/4"],
    ]


def test_markdown_has_headers_as_comments_and_pages_apart():
    first = [
        Block(kind="page_header", text='The "head" -->'),
        Block(kind="heading", level=2, text="Part #"),
        Block(kind="figure"),
    ]
    pages = [Page(number=1, blocks=first), Page(number=2, blocks=[Block(kind="page_number", text="2")])]
    found = written(pages, "markdown")
    assert found["content"] == (
        '<!-- PageHeader="The &quot;head&quot; &#45;-&gt;" -->\n\n## Part \\#\n\n<figure>\n</figure>\n\n<!-- PageBreak -->\n\n'
        '<!-- PageNumber="2" -->'
    )
    assert [one.get("role") for one in found["paragraphs"]] == ["pageHeader", "sectionHeading", "pageNumber"]


def test_bold_words_are_styles():
    block = Block(kind="paragraph", text="one two three", spans=[Span(start=4, end=13, bold=True)])
    found = written([Page(number=1, blocks=[block])])
    assert found["styles"] == [{"fontWeight": "bold", "spans": [{"offset": 4, "length": 9}], "confidence": 1.0}]


def test_a_failed_page_is_in_the_content_and_a_warning():
    failed = Page(number=2, status="failed", error=PageError(code="PAGE_UNREADABLE", message="The page is damaged."))
    found = written([Page(number=1, blocks=[Block(kind="paragraph", text="fine")]), failed])
    assert found["warnings"] == [{"code": "PAGE_UNREADABLE", "message": "The page is damaged.", "target": "page 2"}]
    assert found["content"] == "fine\n[page 2 could not be read: PAGE_UNREADABLE]"
    assert found["pages"][1]["words"] == []
