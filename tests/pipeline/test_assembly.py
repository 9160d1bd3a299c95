"""What only the pages together show: running heads, what goes on over a page's end, levels. Nothing is lost by it."""

from __future__ import annotations

import io
import json
import multiprocessing
import tracemalloc
from concurrent.futures import ProcessPoolExecutor

import pytest

from document_parser.export import FORMATS
from document_parser.models import Block, BoundingBox, Cell, Document, Options, Page, PageError, Span, Table
from document_parser.pipeline.assembly.captions_and_links import with_captions
from document_parser.pipeline.assembly.document import assemble_pages, write_document
from tests.support.tables import table_of_rows

HEAD = Document(filename="a.pdf", media_type="application/pdf", page_count=9)
LONG = "The agreement between the two parties begins on the first day of March and ends after three years without notice"
BODY = LONG + "."


def box(top, bottom=None, left=0.1, right=0.9):
    return BoundingBox.of(left, top, right, bottom or top + 0.015)


def block(text, kind="paragraph", at=None, **more):
    return Block(kind=kind, text=text, box=at, **more)


def page(number, *blocks, **more):
    return Page(number=number, blocks=list(blocks), engine="text_layer", **more)


def body(text=BODY, top=0.2, bottom=0.8):
    return block(text, at=box(top, bottom))


def texts(number):
    """Two paragraphs that stand on this page only."""
    return [block(f"{BODY} {'abcdefghi'[number] * 3} {word}.") for word in ("first", "second")]


def table(rows, top=0.2, bottom=0.8, heads=1, **edges):
    return Block(kind="table", table=table_of_rows(rows, heads), box=box(top, bottom, **edges))


def together(*pages):
    return list(assemble_pages(lambda: iter(pages)))


def kinds(pages, place=0):
    return [one.blocks[place].kind for one in pages]


def written(name, *pages, **options):
    out = io.BytesIO()
    write_document(HEAD, lambda: iter(pages), Options(**options), name, out)
    return out.getvalue().decode()


# --- running heads, feet, page numbers --------------------------------------------------------------------------------


def test_a_line_in_the_same_place_of_many_pages_is_a_running_head():
    pages = together(*[page(n, block("Annual Report of the Harbour", at=box(0.05)), body(f"{BODY} {n}")) for n in range(1, 6)])
    assert kinds(pages) == ["page_header"] * 5
    assert kinds(pages, 1) == ["paragraph"] * 5


def test_so_is_one_without_a_place_as_models_write_it():
    pages = together(*[page(n, block("Annual Report of the Harbour"), *texts(n)) for n in range(1, 6)])
    assert kinds(pages) == ["page_header"] * 5


def test_a_head_that_a_model_wrote_into_the_paragraph_below_is_parted_from_it():
    texts = ["Ships came in.", "Ships went out.", "None was lost.", "All were glad."]
    pages = [page(n, block(f"Annual Report of the Harbour\n{text}"), block("Middle")) for n, text in enumerate(texts, 2)]
    first = together(*pages)[0].blocks
    assert [(one.kind, one.text) for one in first[:2]] == [
        ("page_header", "Annual Report of the Harbour"),
        ("paragraph", "Ships came in."),
    ]


def test_numbers_that_count_the_pages_are_page_numbers():
    pages = together(*[page(n, body(f"{BODY} {n}"), block(f"- {n + 40} -", at=box(0.86))) for n in range(1, 5)])
    assert kinds(pages, 1) == ["page_number"] * 4
    pages = together(*[page(n, body(f"{BODY} {n}"), block(f"strana {n} z 4", at=box(0.86))) for n in range(1, 5)])
    assert kinds(pages, 1) == ["page_number"] * 4
    roman = ["iv", "v", "vi", "vii"]
    pages = together(*[page(n, body(f"{BODY} {n}"), block(text)) for n, text in enumerate(roman, 1)])
    assert kinds(pages, 1) == ["page_number"] * 4


def test_numbers_that_do_not_count_the_pages_are_content():
    pages = together(*[page(n, body(), block(str(value), at=box(0.86))) for n, value in enumerate((12, 90, 31, 7), 1)])
    assert kinds(pages, 1) == ["paragraph"] * 4


def test_the_number_of_each_invoice_of_a_batch_stays():
    pages = together(*[page(n, block(f"Invoice No. {n * n + 4711}", at=box(0.05)), body()) for n in range(1, 7)])
    assert kinds(pages) == ["paragraph"] * 6


def test_a_head_with_the_page_number_in_it_is_one_and_so_is_what_stands_in_its_place():
    heads = [f"{n + 1} Part One" for n in range(1, 8)] + ["A chapter of one page 9"]
    pages = together(*[page(n + 1, block(text, at=box(0.05)), body(f"{BODY} {n}")) for n, text in enumerate(heads, 1)])
    assert kinds(pages) == ["page_header"] * 8


def test_the_title_and_letterhead_of_the_first_page_stay_where_later_pages_repeat_them():
    lines = [("Harbour Office", "title", 0.03), ("Quay 7, Hamburg", "paragraph", 0.06), ("Tel. 12345", "paragraph", 0.09)]
    pages = [page(n, *[block(text, kind, box(top)) for text, kind, top in lines], body(f"{BODY} {n}")) for n in range(1, 4)]
    text = written("markdown", *pages)
    assert text.count("Harbour Office") == text.count("Quay 7, Hamburg") == 1


ACCOUNT = "Harbour Bank, IBAN DE89 3704 0044 0532 0130 00, VAT DE123456789"


def letter(*feet, kind="paragraph", pages=3, **at):
    """Pages of a letter, each with these lines at its foot."""
    return [
        page(
            n,
            body(f"{BODY} {n}"),
            *[block(text, kind, box(at["top"] + 0.02 * row) if at else None) for row, text in enumerate(feet)],
        )
        for n in range(1, pages + 1)
    ]


@pytest.mark.parametrize("kind", ["paragraph", "page_footer"])
@pytest.mark.parametrize("place", [{}, {"top": 0.92}])
def test_a_foot_with_accounts_stays_on_the_first_page_and_is_said_once(kind, place):
    pages = together(*letter(ACCOUNT, kind=kind, **place))
    assert kinds(pages, 1) == ["paragraph", "page_footer", "page_footer"]
    assert written("markdown", *letter(ACCOUNT, kind=kind, **place)).count("DE89 3704") == 1


def test_a_foot_of_one_page_that_a_model_calls_so_stays_with_its_accounts():
    assert kinds(together(*letter(ACCOUNT, kind="page_footer", pages=1, top=0.92)), 1) == ["paragraph"]
    assert kinds(together(*letter("Confidential", kind="page_footer", pages=1, top=0.92)), 1) == ["page_footer"]


def test_lines_right_beside_the_accounts_stay_with_them_and_others_do_not():
    feet = ["Harbour Office Ltd, Quay 7", ACCOUNT]
    with_note = [
        one.model_copy(update={"blocks": [*one.blocks, block("Confidential", "page_footer", box(0.975))]})
        for one in letter(*feet, kind="page_footer", top=0.9)
    ]
    pages = together(*with_note)
    assert [one.kind for one in pages[0].blocks] == ["paragraph", "paragraph", "paragraph", "page_footer"]
    assert [one.kind for one in pages[1].blocks] == ["paragraph", "page_footer", "page_footer", "page_footer"]


def test_another_account_on_a_later_page_stays_there():
    other = "Tel. 040 1234567"
    pages = [*letter(ACCOUNT, kind="page_footer", top=0.92), page(4, body(), block(other, "page_footer", box(0.92)))]
    assert kinds(together(*pages), 1) == ["paragraph", "page_footer", "page_footer", "paragraph"]


@pytest.mark.parametrize(
    "foot", ["Confidential", "report-2024-final.docx", "© 2023 Harbour Press. All rights reserved", "Rev. 12.03.2024"]
)
def test_running_feet_without_accounts_are_left_out_from_the_first_page_on(foot):
    assert kinds(together(*letter(foot, top=0.92)), 1) == ["page_footer"] * 3


def test_a_page_says_how_many_lines_are_left_out_and_page_numbers_do_not_count():
    pages = [
        page(
            n,
            block("Annual Report\nof the Harbour", "page_header"),
            *texts(n),
            block(f"Page {n} of 3", "page_footer"),
            block(str(n), "page_number"),
        )
        for n in range(1, 4)
    ]
    out = io.BytesIO()
    assert write_document(HEAD, lambda: iter(pages), Options(), "json", out) == 6
    assert [one.stripped for one in Document.model_validate_json(out.getvalue()).pages] == [2, 2, 2]
    assert write_document(HEAD, lambda: iter(pages), Options(headers_footers="keep"), "json", io.BytesIO()) == 0
    assert '"stripped"' not in written("json", *pages, headers_footers="keep")


def test_a_line_on_two_pages_of_many_is_content():
    pages = [
        page(n, block("Notes" if n in (2, 7) else f"Line {n * 7 % 5}", at=box(0.05)), body(f"{BODY} {n}")) for n in range(1, 9)
    ]
    assert kinds(together(*pages)) == ["paragraph"] * 8


def test_text_in_the_middle_of_the_page_is_never_a_running_head():
    pages = together(*[page(n, block("See the notes", at=box(0.4)), body(f"{BODY} {n}", 0.5)) for n in range(1, 6)])
    assert kinds(pages) == ["paragraph"] * 5


def test_what_pages_say_alike_is_their_text_where_they_say_nothing_else():
    said = [page(n, block(f"Invoice 4711, total 12.34 EUR. page {n}", at=box(0.05))) for n in range(1, 4)]
    assert kinds(together(*said)) == ["paragraph"] * 3
    assert written("text", *said).count("Invoice 4711, total 12.34 EUR.") == 3
    numbered = [page(n, block(f"Page {n}", at=box(0.05))) for n in range(1, 4)]
    assert kinds(together(*numbered)) == ["paragraph"] * 3


def test_a_line_below_the_text_of_the_page_is_no_head_above_it():
    labels = [
        page(n, block(f"SKU {1000 + 7 * n}", at=box(0.03)), block("Blue shirt, size M", at=box(0.07))) for n in range(1, 6)
    ]
    assert kinds(together(*labels), 1) == ["paragraph"] * 5


def test_a_document_that_says_nothing_but_what_looks_like_furniture_says_that():
    stamped = page(1, block("Downloaded from example.org on 12 July", "page_header", at=box(0.01)), block("42", "page_number"))
    assert written("text", stamped).split("\n\n") == ["Downloaded from example.org on 12 July", "42\n"]
    assert written("text", stamped, page(2, body())).strip() == BODY


def test_nor_are_a_head_and_a_foot_with_nothing_between_them_on_any_page():
    pages = [
        page(
            n,
            block("Fire Drill Card", at=box(0.05)),
            block("Leave by the north stairs", at=box(0.95)),
            block(str(n), at=box(0.97)),
        )
        for n in range(1, 6)
    ]
    assert [kinds(together(*pages), place)[2] for place in range(3)] == ["paragraph", "paragraph", "page_number"]


def test_a_head_stays_one_where_some_of_its_pages_have_nothing_else():
    pages = [page(n, block("Annual Report of the Harbour", at=box(0.05)), body(f"{BODY} {n}")) for n in range(1, 6)]
    pages.append(page(6, block("Annual Report of the Harbour", at=box(0.05))))
    assert kinds(together(*pages)) == ["page_header"] * 6


def test_a_line_alone_on_its_page_is_its_text_though_other_pages_have_their_head_there():
    pages = [page(n, block("Annual Report of the Harbour", at=box(0.05)), body(f"{BODY} {n}")) for n in range(1, 6)]
    pages.append(page(6, block("Part Two: The Harbour at Night", at=box(0.05))))
    assert kinds(together(*pages)) == ["page_header"] * 5 + ["paragraph"]


def test_running_heads_are_kept_where_they_are_wanted_and_always_in_json():
    pages = [page(n, block("Annual Report", at=box(0.05)), body(f"{BODY} {n}")) for n in range(1, 5)]
    for name in ("markdown", "html", "text"):
        assert "Annual Report" not in written(name, *pages)
        assert written(name, *pages, headers_footers="keep").count("Annual Report") == 4
    assert written("json", *pages).count("Annual Report") == 4


# --- paragraphs over the end of a page --------------------------------------------------------------------------------


def two(above, below):
    return page(1, body(above, bottom=0.9)), page(2, body(below, top=0.1))


@pytest.mark.parametrize(
    ("above", "below", "whole"),
    [
        (LONG, "and goes on.", f"{LONG} and goes on."),
        (f"{LONG} of the agree-", "ment. And more.", f"{LONG} of the agreement. And more."),
        (f"{LONG} of the well-", "known kind.", f"{LONG} of the well-known kind."),
        (f"{LONG},", f"Monsieur Dupont {BODY}", f"{LONG}, Monsieur Dupont {BODY}"),
        ("这是一个很长的段落，它在页面的末尾还没有结束，因此必须继续写到下一页的开头那里去", "继续。", None),
    ],
)
def test_a_paragraph_that_breaks_off_goes_on_with_the_next_page(above, below, whole):
    pages = two(above, below)
    whole = whole or f"{above} {below}"
    assert written("text", *pages).strip() == whole.replace("去 继续", "去\n\n继续")
    first, second = together(*pages)
    assert (first.blocks[0].text, second.blocks[0].text) == (above, below)


def test_the_mark_in_json_says_how_the_parts_make_the_whole():
    first, second = together(*two(f"{LONG} of the agree-", "ment."))
    mark = second.blocks[0].continues
    assert (first.blocks[0].continued_on, mark.page, mark.block) == (2, 1, 0)
    whole = first.blocks[mark.block].text[: -mark.cut or None] + mark.between + second.blocks[0].text
    assert whole == f"{LONG} of the agreement."


@pytest.mark.parametrize(
    ("above", "below"),
    [(BODY, "and small letters."), (LONG, "A new Sentence."), ("Short line", "and another"), (f"{LONG}:", "first")],
)
def test_a_paragraph_that_has_ended_does_not(above, below):
    assert together(*two(above, below))[1].blocks[0].continues is None


def test_footnotes_feet_and_figures_stand_between_the_parts_and_come_after_them():
    pages = [
        page(1, body(LONG, bottom=0.8), block("1 A note.", "footnote", box(0.88)), block("7", "page_number", box(0.95))),
        page(
            2,
            Block(kind="figure", box=box(0.1, 0.3)),
            block("Figure 1: Ships", "caption", box(0.31)),
            body("and goes on.", 0.4),
        ),
    ]
    text = written("text", *pages)
    assert text.index("and goes on.") < text.index("A note.") < text.index("Figure 1")
    assert f"{LONG} and goes on." in text


def test_nothing_is_joined_over_a_page_that_failed_or_was_left_out():
    failed = Page(number=2, status="failed", error=PageError(code="PAGE_TIMEOUT", message=""))
    first, last = page(1, body(LONG, bottom=0.9)), page(3, body("and goes on.", 0.1))
    assert together(first, last)[1].blocks[0].continues is None
    assert together(first, failed, last)[2].blocks[0].continues is None


def test_blank_backs_of_sheets_part_nothing():
    pages = together(page(1, body(LONG, bottom=0.9)), Page(number=2, status="blank"), page(3, body("and goes on.", 0.1)))
    assert [one.number for one in pages] == [1, 2, 3]
    assert pages[2].blocks[0].continues.page == 1


def test_a_paragraph_over_three_pages_is_one():
    pages = [page(n, body(LONG[0].lower() + LONG[1:] if n > 1 else LONG, 0.1, 0.9)) for n in (1, 2, 3)]
    assert len(written("text", *pages).strip().split("\n\n")) == 1


# --- tables over the end of a page ------------------------------------------------------------------------------------

COLUMNS = ["Item", "Price"]


def listing(first, count=3, heads=True, **place):
    rows = [[f"Part {number}", f"{number}.50"] for number in range(first, first + count)]
    return table([COLUMNS, *rows] if heads else rows, heads=int(heads), **place)


def items(count):
    return [f"Part {number}" for number in range(1, count + 1)]


def first_column(text):
    return [entry.split(",")[0] for entry in json.loads(text)[0]["csv"].split("\r\n")[:-1]]


def test_a_table_that_goes_on_is_one_table_with_one_header():
    pages = [
        page(1, listing(1)),
        page(2, block("Prices (continued)", at=box(0.1)), listing(4)),
        page(3, listing(7, heads=False), body(top=0.85, bottom=0.9)),
    ]
    assert first_column(written("tables", *pages)) == ["Item", *items(9)]
    assert written("markdown", *pages).count("| --- | --- |") == 1
    html = written("html", *pages)
    assert (html.count("<table>"), html.count("<th>"), html.count("<tr>")) == (1, 2, 10)
    assert written("text", *pages).count("Item\tPrice") == 1


def test_each_page_keeps_its_own_table_in_json_and_says_what_it_repeats():
    _, second = together(page(1, listing(1)), page(2, listing(4)))
    assert second.blocks[0].table.rows == 4
    assert second.blocks[0].continues.repeated_rows == 1


@pytest.mark.parametrize(
    "other",
    [
        table([["Name", "Town"], ["Ada", "London"]]),
        table([["a", "b", "c"], ["1", "2", "3"]]),
        listing(4, heads=False, left=0.4),
        listing(4, top=0.7, bottom=0.9),
    ],
)
def test_another_table_stays_its_own(other):
    assert together(page(1, listing(1)), page(2, other))[1].blocks[0].continues is None


def test_text_between_two_tables_parts_them():
    pages = together(page(1, listing(1)), page(2, body("Another list.", 0.1, 0.12), listing(4)))
    assert pages[1].blocks[1].continues is None


def test_a_first_row_that_a_model_took_for_a_header_is_a_row():
    pages = [page(1, listing(1)), page(2, table([["Part 4", "4.50"], ["Part 5", "5.50"]]))]
    assert first_column(written("tables", *pages)) == ["Item", *items(5)]


def price_lists(count):
    for number in range(1, count + 1):
        yield page(number, block("Price list", at=box(0.05)), listing(20 * number, 20), block(BODY, "footnote"))


def peak_of_writing(name, count, path):
    """Return the most bytes in use at once while a document of so many pages is written to the path."""
    tracemalloc.start()
    with path.open("wb") as out:
        write_document(HEAD, lambda: price_lists(count), Options(), name, out)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.fixture(scope="module")
def clean_process():
    """A process without the threads and objects of earlier tests, whose memory would count."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", list(FORMATS))
def test_memory_stays_flat_however_long_the_document_and_its_table_are(name, clean_process, tmp_path):
    _, short, long = (clean_process.submit(peak_of_writing, name, count, tmp_path / "out").result() for count in (2, 20, 80))
    # Of a page that takes 60,000 bytes in memory a few short lines are kept.
    assert long < short + 60 * 8_000


# --- heading levels ---------------------------------------------------------------------------------------------------


def heading(text, level, size=None, kind="heading"):
    return Block(kind=kind, text=text, level=level, size_points=size, box=box(0.3))


def levels(*pages):
    return [(one.kind, one.level) for found in together(*pages) for one in found.blocks]


def test_section_numbers_rank_headings_alike_on_every_page():
    found = levels(
        page(1, heading("1 Start", 2), heading("1.1 Aims", 3)),
        page(2, heading("1.2 Means", 1), heading("2 Middle", 2), heading("2.1.1 Deep", 2)),
    )
    assert [level for _, level in found] == [2, 3, 3, 2, 4]


def test_headings_of_one_size_are_of_one_level_and_those_of_a_smaller_size_one_below():
    found = levels(
        page(1, heading("Start", 1, 18), heading("Aims", 2, 14)),
        page(2, heading("Middle", 1, 18), heading("Means", 1, 14.1), heading("Small", 1, 12)),
        page(3, heading("End", 2, 18), heading("Rest", 2, 14)),
    )
    assert [level for _, level in found] == [1, 2, 1, 2, 3, 1, 2]


def test_only_the_first_title_is_the_documents():
    found = levels(page(1, heading("The Book", 1, 30, "title")), page(2, heading("Part", 1, 30, "title")))
    assert found == [("title", 1), ("heading", 1)]


def opening(text, level, size):
    return Block(kind="heading", text=text, level=level, size_points=size, box=box(0.1))


def test_a_heading_that_begins_the_document_and_is_the_largest_has_level_1():
    found = levels(page(1, opening("Notice", 2, 14), body("Text."), heading("Means", 2, 12)), page(2, heading("Small", 3, 11)))
    assert [level for kind, level in found if kind == "heading"] == [1, 2, 3]


def test_running_heads_above_the_title_do_not_count():
    head = [block("Annual Report of the Harbour", at=box(0.03)) for _ in range(5)]
    titled = page(1, head[0], opening("Notice", 2, 14), body("Text."), heading("Means", 2, 12))
    found = levels(titled, *(page(n, head[n - 1], body(f"Other text {n}.")) for n in range(2, 6)))
    assert ("heading", 1) in found


def test_headings_below_a_title_are_one_level_apart_however_large_they_are():
    title = Block(kind="title", text="The Gazette", level=1, size_points=40, box=box(0.1))
    found = levels(page(1, title, heading("Fire in the harbour", 1, 20), heading("What is known", 1, 15.5)))
    assert [level for _, level in found] == [1, 2, 3]


def test_headings_of_one_size_are_ranked_by_the_kinds_of_their_numbers():
    marks = ["I. Facts", "A. Before", "B. After", "II. Law", "A. Rules", "Closing"]
    found = levels(page(1, *(heading(text, 2, 12) for text in marks)))
    assert [level for _, level in found] == [2, 3, 3, 2, 3, 2]


def test_the_hanging_lines_of_an_item_go_on_over_a_pages_end_though_a_name_begins_them():
    item = Block(kind="list_item", text=f"1. {LONG} by", level=1, box=box(0.85, 0.93))
    rest = block("Weber and others.", at=box(0.1, left=0.13))
    found = together(page(1, item), page(2, rest))
    assert found[1].blocks[0].continues is not None
    flush = together(page(1, item), page(2, block("Weber and others.", at=box(0.1))))
    assert flush[1].blocks[0].continues is None


def test_a_chapter_is_above_its_sections_though_all_headings_are_of_one_size():
    texts = ["Chapter 1: Start", "1.1 Aims", "1.2 Means", "Chapter 2: Rest", "2.1 End"]
    found = levels(page(1, opening("The Book", 1, 20), *(heading(text, 3, 12) for text in texts)))
    assert [level for _, level in found] == [1, 2, 3, 3, 2, 3]


# --- lists over a page's end ------------------------------------------------------------------------------------------


def listed(text, level, left):
    return Block(kind="list_item", text=text, level=level, box=BoundingBox(left=left, top=0.5, right=0.9, bottom=0.55))


def test_items_at_the_top_of_a_page_are_as_deep_as_those_before_that_begin_at_the_same_place():
    found = together(
        page(1, listed("1. one", 1, 0.1), listed("a) two", 2, 0.15), listed("(i) three", 3, 0.2)),
        page(2, listed("b) four", 1, 0.15), listed("2. five", 1, 0.1), body("Text."), listed("x) six", 1, 0.15)),
    )
    assert [one.level for one in found[1].blocks if one.kind == "list_item"] == [2, 1, 1]


def test_items_farther_in_than_all_of_the_page_before_are_one_deeper():
    found = together(
        page(1, listed("1. one", 1, 0.1), listed("a) two", 2, 0.15)),
        page(2, listed("(i) three", 1, 0.2), listed("(ii) four", 1, 0.2), listed("b) five", 1, 0.15)),
    )
    assert [one.level for one in found[1].blocks] == [3, 3, 2]


# --- footnotes --------------------------------------------------------------------------------------------------------


def test_a_footnote_of_the_first_column_comes_after_the_second():
    blocks = [body("Left."), block("1 A note.", "footnote", box(0.9)), body("Right."), block("7", "page_number", box(0.95))]
    (found,) = together(page(1, *blocks))
    assert [one.text for one in found.blocks] == ["Left.", "Right.", "1 A note.", "7"]


def test_a_note_below_a_table_stays_there():
    blocks = [listing(1), block("a Without tax.", "footnote", box(0.5)), body("After.")]
    (found,) = together(page(1, *blocks))
    assert [one.kind for one in found.blocks] == ["table", "footnote", "paragraph"]


# --- captions and links


def linked(text, *targets):
    spans = [Span(start=2 * place, end=2 * place + 1, link=target) for place, target in enumerate(targets)]
    return Block(kind="paragraph", text=text, spans=spans)


def test_a_caption_and_its_table_or_figure_name_each_other_where_they_stand_in_the_page():
    blocks = [
        block("1 Not to scale.", "footnote", box(0.9)),
        block("Figure 1: A crane.", "caption", box(0.3)),
        block("", "figure", box(0.1, 0.29)),
        body(),
        block("Table 2: Loads.", "caption", box(0.5)),
        block("Page head", "page_header", box(0.02)),
        table([("Load", "kg"), ("One", "2")], 0.52, 0.6),
        block("Figure 3: Nothing that is here.", "caption", box(0.7)),
        body(),
    ]
    [found] = assemble_pages(lambda: [page(1, *blocks)])
    pairs = {place: block.caption_of for place, block in enumerate(found.blocks) if block.caption_of is not None}
    assert {(found.blocks[caption].text, found.blocks[owner].kind) for caption, owner in pairs.items()} == {
        ("Figure 1: A crane.", "figure"),
        ("Table 2: Loads.", "table"),
    }
    assert {owner: place for place, owner in pairs.items()} == {
        place: block.caption for place, block in enumerate(found.blocks) if block.caption is not None
    }
    [again] = assemble_pages(lambda: [found])
    assert again == found


def test_links_of_captions_that_held_for_the_page_alone_give_way_to_those_that_hold_in_the_document():
    caption, figure = block("Figure 1: A crane.", "caption", box(0.3)), block("", "figure", box(0.1, 0.29))
    alone = with_captions(page(1, caption, figure, body()))
    moved = with_captions(alone.model_copy(update={"blocks": [alone.blocks[0], body(), alone.blocks[1]]}))
    assert [(one.caption, one.caption_of) for one in alone.blocks] == [(None, 1), (0, None), (None, None)]
    assert [(one.caption, one.caption_of) for one in moved.blocks] == [(None, None)] * 3


def test_links_lead_to_pages_that_are_there_and_others_leave_their_text():
    found = list(
        assemble_pages(lambda: [page(2, linked("a b c", "#page-3", "#page-7", "https://example.org/")), page(3, body())])
    )
    assert [span.link for span in found[0].blocks[0].spans] == ["#page-3", "https://example.org/"]
    out = io.BytesIO()
    write_document(HEAD, lambda: found, Options(), "html", out)
    assert ('href="#page-3"' in out.getvalue().decode(), "#page-7" in out.getvalue().decode()) == (True, False)
    cell = Cell(row=0, column=0, text="see 9", spans=[Span(start=0, end=3, bold=True, link="#page-9")])
    tabled = Block(kind="table", table=Table(rows=1, columns=1, cells=[cell]))
    [only] = assemble_pages(lambda: [page(2, tabled)])
    assert only.blocks[0].table.cells[0].spans == [Span(start=0, end=3, bold=True)]
