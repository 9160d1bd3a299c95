"""Emphasis and links of a text layer are kept: where they stand, in every format, and only where they say something."""

from __future__ import annotations

import html
import io
import random

import pytest
from markdown_it import MarkdownIt
from reportlab.pdfgen.canvas import Canvas

from document_parser.export import FORMATS
from document_parser.layout.page import blocks_of
from document_parser.models import Block, Cell, Continuation, Document, Options, Page, Span, Table, Word
from document_parser.sources.arrays import decode_words, encode_words
from document_parser.sources.pdf.file import PdfFile
from document_parser.text.spans import replace_text, safe_link_of, tidy_spans
from tests.support.layout_pages import HEIGHT, WIDTH

RENDERER = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def line(top, *pieces):
    """Words of a line, 6 points a character; a piece is a text and its look."""
    words, left = [], 60.0
    for text, look in pieces:
        for token in text.split():
            right = left + 6 * len(token)
            box = (left / WIDTH, top / HEIGHT, right / WIDTH, (top + 10) / HEIGHT)
            words.append(Word(token, *box, 10.0, **look))
            left = right + 4
    return words


def styled(block):
    """(text, look) of each span."""
    return [
        (block.text[span.start : span.end], "b" * span.bold + "i" * span.italic + (span.link or "")) for span in block.spans
    ]


def blocks(*lines):
    return blocks_of([word for words in lines for word in words], WIDTH, HEIGHT)


def written(name, *content, pages=None):
    out = io.BytesIO()
    document = Document(filename="a.pdf", media_type="application/pdf", page_count=1)
    FORMATS[name].write(document, pages or [Page(number=1, blocks=list(content))], Options(), out)
    return out.getvalue().decode()


def paragraph(text, *spans):
    return Block(kind="paragraph", text=text, spans=[Span(**span) for span in spans])


BOLD, ITALIC, PLAIN = {"bold": True}, {"italic": True}, {}
FILLER = "and then a good many plain words follow so that this line is running text"


def test_emphasis_goes_over_line_ends_and_healed_hyphens_but_not_over_punctuation():
    [block] = blocks(
        line(100, (FILLER, PLAIN), ("which says what comes be-", ITALIC)),
        line(112, ("fore,", ITALIC), (FILLER, PLAIN), ("and ends", BOLD)),
    )
    assert styled(block) == [("which says what comes before", "i"), ("and ends", "b")]
    assert " before, and" in block.text


def test_a_bullet_is_dropped_from_under_the_emphasis():
    [block] = blocks(line(100, ("•", PLAIN), ("Term:", BOLD), (FILLER, PLAIN)))
    assert (block.kind, styled(block)) == ("list_item", [("Term", "b")])


def test_headings_and_pages_set_in_bold_have_no_bold_words():
    found = blocks(line(100, ("A bold title", BOLD)), line(140, (FILLER, BOLD)), line(152, (FILLER, BOLD)))
    assert [styled(block) for block in found] == [[] for _ in found]


def test_a_part_of_a_word_is_no_emphasis():
    text = "Hydrogen and oxygen"
    assert tidy_spans(text, [Span(start=0, end=5, bold=True), Span(start=9, end=19, italic=True)]) == [
        Span(start=9, end=19, italic=True)
    ]


def test_addresses_spelt_out_are_links_but_not_where_a_line_may_cut_them():
    [block] = blocks(
        line(100, ("See (https://example.org/a_b).", PLAIN), ("or write to clerk@example.org for", PLAIN)),
        line(112, ("more of it, and then again read what stands at https://example.org/long/", PLAIN)),
        line(124, ("path of which nobody knows the end", PLAIN)),
    )
    assert styled(block) == [
        ("https://example.org/a_b", "https://example.org/a_b"),
        ("clerk@example.org", "mailto:clerk@example.org"),
    ]


def test_a_misread_address_of_an_ocr_is_no_link():
    words = [word._replace(size_points=0.0) for word in line(100, ("see https://example.org/a today", PLAIN))]
    assert blocks(words)[0].spans == []


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "file:///etc/passwd",
        "vbscript:x", "ftp://example.org/", "//example.org", "/relative", "https://bank.example@evil.example/", "https://",
        "http://[::1", "https://exa mple.org/", "https://example.org\\@evil.example/", "#top", "#page-0", "",
        "https://example.org/" + "a" * 2000, "https://example.org:99999/", "mailto:", "\x01https://example.org/",
    ],
)  # fmt: skip
def test_other_addresses_are_no_links(address):
    assert safe_link_of(address) is None


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://example.org/a?b=c&d=(e)#f", "https://example.org/a?b=c&d=(e)#f"),
        (' http://example.org:8080/ä b"<>|', "http://example.org:8080/%C3%A4%20b%22%3C%3E%7C"),
        ("mailto:a.b@example.org?subject=x", "mailto:a.b@example.org?subject=x"),
        ("#page-12", "#page-12"),
    ],
)
def test_an_address_becomes_plain_ascii(address, safe):
    assert safe_link_of(address) == safe == safe_link_of(safe)


@pytest.fixture(scope="module")
def linked_pdf(tmp_path_factory):
    path = tmp_path_factory.mktemp("links") / "links.pdf"
    canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT))

    def put(x, y, text, font="Helvetica"):
        canvas.setFont(font, 11)
        canvas.drawString(x, y, text)
        return (x, y - 2, x + canvas.stringWidth(text, font, 11), y + 9)

    put(60, 760, "Read")
    canvas.linkURL("https://example.org/rules?a=1", put(90, 760, "the rules", "Helvetica-Bold"))
    put(142, 760, "and")
    canvas.linkURL("javascript:alert(1)", put(168, 760, "nothing else"))
    put(238, 760, "as told on")
    canvas.linkAbsolute("", "second", put(300, 760, "page two"))
    canvas.linkURL("file:///etc/passwd", put(352, 760, "or here."))
    canvas.showPage()
    canvas.bookmarkPage("second")
    put(60, 760, "The second page.", "Helvetica-Oblique")
    canvas.showPage()
    canvas.save()
    return path


def test_links_of_a_pdf_lead_to_the_web_and_to_its_pages_and_nowhere_else(linked_pdf):
    pdf = PdfFile(linked_pdf)
    [block] = blocks_of(pdf.words(1), WIDTH, HEIGHT)
    assert styled(block) == [("the rules", "bhttps://example.org/rules?a=1"), ("page two", "#page-2")]
    assert (
        written("markdown", block)
        == "Read [**the rules**](https://example.org/rules?a=1) and nothing else as told on page two or here.\n"
    )
    shown = written("html", block)
    assert '<a href="https://example.org/rules?a=1" rel="noopener nofollow"><strong>the rules</strong></a>' in shown
    assert '<a href="#page-2" rel="noopener nofollow">page two</a>' in shown
    assert "javascript" not in shown
    assert written("text", block) == f"{block.text}\n"


def test_words_travel_with_their_links(linked_pdf):
    words = PdfFile(linked_pdf).words(1)
    assert any(word.link for word in words)
    assert decode_words(encode_words(words)) == words


def test_emphasis_goes_on_over_the_end_of_a_page():
    mark = Continuation(page=1, block=0, cut=1, between="")
    first = paragraph("A rule that is impor-", {"start": 2, "end": 21, "bold": True}).model_copy(update={"continued_on": 2})
    last = paragraph("tant indeed.", {"start": 0, "end": 4, "bold": True}).model_copy(update={"continues": mark})
    pages = [Page(number=1, blocks=[first]), Page(number=2, blocks=[last])]
    assert written("markdown", pages=pages) == "A **rule that is important** indeed.\n"


def test_cells_keep_links_and_emphasis():
    cells = [
        Cell(row=0, column=0, text="Name", header=True),
        Cell(row=1, column=0, text="A home", spans=[Span(start=2, end=6, link="https://a.example/x")]),
    ]
    table = Block(kind="table", table=Table(rows=2, columns=1, cells=cells))
    assert written("markdown", table) == "| Name |\n| --- |\n| A [home](https://a.example/x) |\n"
    assert '<td>A <a href="https://a.example/x" rel="noopener nofollow">home</a></td>' in written("html", table)


def test_a_link_that_its_text_spells_out_stays_bare_in_markdown():
    text = "at https://a.example/b_c_d or www.b.example"
    spans = [
        {"start": 3, "end": 26, "link": "https://a.example/b_c_d"},
        {"start": 30, "end": 43, "link": "http://www.b.example/"},
    ]
    assert written("markdown", paragraph(text, *spans)) == f"{text}\n"


def seen(markdown):
    """(text, hrefs by the text under them, characters that are strong, that are emphasised), as a reader of Markdown has it."""
    text, links, strong, slanted, depth = "", [], "", "", {"strong": 0, "em": 0}
    for token in RENDERER.parse(markdown):
        for child in token.children or []:
            if child.type in ("softbreak", "hardbreak"):
                text += " "
            elif child.type == "link_open":
                links.append([child.attrs["href"], ""])
                depth["link"] = 1
            elif child.type == "link_close":
                depth["link"] = 0
            elif child.type.endswith(("_open", "_close")):
                depth[child.tag] = depth.get(child.tag, 0) + (1 if child.type.endswith("_open") else -1)
            else:
                assert child.type in ("text", "text_special", "code_inline"), child.type
                text += child.content
                strong += child.content if depth["strong"] else ""
                slanted += child.content if depth["em"] else ""
                if depth.get("link"):
                    links[-1][1] += child.content
    return text, [tuple(link) for link in links], strong, slanted


PIECES = [
    "word",
    "a",
    "*",
    "**",
    "_",
    "[",
    "]",
    "(b)",
    "!",
    "`",
    "~~",
    "<i>",
    "&amp;",
    "\\",
    "|",
    ".",
    ",",
    "-",
    "x_y",
    " ",
    " ",
    " ",
    "“",
    "”",
    "é",
    "中文",
    "5",
    "#",
    "1.",
]
ADDRESSES = ["https://a.example/(b)?c=d&copy;e", "http://b.example/x_y_z*", "mailto:c@d.example", "https://e.example/a)b(c"]


@pytest.mark.parametrize("seed", range(20))
def test_any_mixture_of_marks_and_spans_reads_back_as_the_same_text_and_links(seed):
    source = random.Random(seed)
    for _ in range(300):
        text = "".join(source.choice(PIECES) for _ in range(source.randint(1, 14)))
        places = sorted(source.sample(range(len(text) + 1), min(len(text) + 1, 2 * source.randint(1, 3))))
        spans = [
            Span(
                start=start,
                end=end,
                bold=source.random() < 0.5,
                italic=source.random() < 0.4,
                code=source.random() < 0.3,
                link=source.choice([None, *ADDRESSES]),
            )
            for start, end in zip(places[::2], places[1::2], strict=False)
        ]
        tidy = tidy_spans(text, spans)
        markdown = written(
            "markdown",
            Block(
                kind="paragraph",
                text=f"Q {text} Q",
                spans=[span.model_copy(update={"start": span.start + 2, "end": span.end + 2}) for span in tidy],
            ),
        )
        read, links, strong, slanted = seen(markdown)
        assert squeezed(read) == squeezed(f"Q {text} Q"), (text, spans, markdown)
        wanted = [
            span.link
            for before, span in zip([None, *tidy], tidy, strict=False)
            if span.link and not (before and before.link == span.link and not text[before.end : span.start].strip())
        ]
        assert [href for href, _ in links] == [RENDERER.normalizeLink(link) for link in wanted], (text, tidy, markdown)
        for found, look in ((strong, "bold"), (slanted, "italic")):
            allowed = squeezed("".join(text[span.start : span.end] for span in tidy if getattr(span, look)))
            assert is_part_of(squeezed(found), allowed), (look, text, tidy, markdown)


def squeezed(text):
    return "".join(text.split())


def is_part_of(found, whole):
    """Whether characters stand in another text in the same order."""
    rest = iter(whole)
    return all(character in rest for character in found)


def test_plain_emphasis_survives_the_round_trip_whole():
    text = "All of it, some of it: “quoted” words (in brackets) and more."

    def span(words, **look):
        return Span(start=text.index(words), end=text.index(words) + len(words), **look)

    spans = [span("of it, ", bold=True), span("“quoted”", italic=True), span("(in brackets)", bold=True, italic=True)]
    _, _, strong, slanted = seen(written("markdown", Block(kind="paragraph", text=text, spans=tidy_spans(text, spans))))
    assert (strong, slanted) == ("of it(in brackets)", "“quoted”(in brackets)")


def test_a_line_of_thousands_of_looks_takes_no_time_to_speak_of():
    text = "word " * 20_000
    spans = [Span(start=5 * n, end=5 * n + 4, bold=n % 3 == 0, italic=n % 2 == 0, code=n % 5 == 0) for n in range(20_000)]
    tidy = tidy_spans(text, spans)
    assert written("markdown", Block(kind="paragraph", text=text, spans=tidy)).count("**") > 10_000


@pytest.mark.parametrize(
    "code", ["a*b*c", "x_y_", "<b>&amp;", "a`b", "`a`", "$x$ and $y$", "a | b", "\\n", "# no", "[a](b)", "- x"]
)
def test_code_within_a_text_reads_back_letter_by_letter_in_a_paragraph_and_in_a_cell(code):
    text, spans = f"Type {code} here", [Span(start=5, end=5 + len(code), code=True)]
    assert tidy_spans(text, spans) == spans
    cells = [Cell(row=0, column=0, text="Head", header=True), Cell(row=1, column=0, text=text, spans=spans)]
    table = Block(kind="table", table=Table(rows=2, columns=1, cells=cells))
    for block in (Block(kind="paragraph", text=text, spans=spans), table):
        shown = f"<code>{html.escape(code, quote=False)}</code>"
        assert shown in RENDERER.render(written("markdown", block)).replace("&quot;", '"')
        assert shown in written("html", block).replace("&#x27;", "'").replace("&quot;", '"')


def test_code_in_a_link_stays_in_it_and_two_pieces_of_code_stay_two():
    look = {"code": True, "link": "https://example.org"}
    link = paragraph("See f(x) there", {"start": 4, "end": 8, **look})
    assert "[`f(x)`](https://example.org)" in written("markdown", link)
    text = "Always run make test first"
    looks = {"start": 7, "end": 11, "bold": True}, {"start": 11, "end": 20, "bold": True, "code": True}
    assert "Always **run `make test`** first" in written("markdown", paragraph(text, *looks))
    two = paragraph("cd ls", {"start": 0, "end": 2, "code": True}, {"start": 3, "end": 5, "code": True})
    assert "`cd` `ls`" in written("markdown", two)


def test_a_number_put_right_leaves_the_spans_around_it_where_they_were():
    text, spans = replace_text("Pay 1,35 today", [Span(start=9, end=14, bold=True)], "1,35", "1,350.00")
    assert (text, [text[span.start : span.end] for span in spans]) == ("Pay 1,350.00 today", ["today"])
