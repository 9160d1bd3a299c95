"""Tables on the page at ``/``: no column is squeezed, at no width of the window; what does not fit scrolls in its own frame."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from document_parser.models import Block
from tests.support.browser import Watched, becomes_true, choose
from tests.support.documents import pdf_of_text
from tests.support.service import CORPUS, Service
from tests.support.wide_tables import GERMAN, drawn, of_rows, widest

WIDTHS = (375, 768, 1280, 1920)
ON_A_PAGE = 10
LEAST_CHARACTERS = 8

SQUEEZED = """least => {
    const unspaced = /[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}]/u;
    const found = [];
    for (const [number, cell] of document.querySelectorAll("table.grid :is(th, td)").entries()) {
        const places = [];
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
        while (walker.nextNode()) {
            if (walker.currentNode.nodeName === "BR") places.push([walker.currentNode, null]);
            for (let at = 0; at < (walker.currentNode.length ?? 0); at += 1) places.push([walker.currentNode, at]);
        }
        const text = places.map(([node, at]) => (at === null ? "\\n" : node.data[at])).join("");
        const top = ([node, at]) => {
            const range = new Range();
            range.setStart(node, at);
            range.setEnd(node, at + 1);
            return Math.round(range.getBoundingClientRect().top);
        };
        for (const { 0: word, index } of text.matchAll(/\\S+/gu)) {
            if (word.length <= least) continue;
            const tops = Array.from(word, (_, at) => top(places[index + at]));
            const lines = Object.values(Object.groupBy(tops, (top) => top)).map((same) => same.length);
            const whole = word.length <= 48 && !unspaced.test(word);
            if (lines.length > 1 && (whole || Math.min(...lines.slice(0, -1)) < least)) found.push([number, word, lines]);
        }
        if (cell.scrollWidth > cell.clientWidth + 1) found.push([number, text.slice(0, 60), "spills over its neighbour"]);
    }
    return found;
}"""
"""Words of more than ``least`` characters that a cell breaks, and cells whose text reaches out of them."""

FRAMES = """() => [...document.querySelectorAll(".frame")].map((frame) => {
    const scroller = frame.querySelector(".frame-scroll");
    return {
        wide: scroller.scrollWidth > scroller.clientWidth + 1,
        reached: scroller.tabIndex === 0 && scroller.getAttribute("role") === "region",
        name: scroller.getAttribute("aria-label"),
        hint: frame.querySelector(".frame-hint").checkVisibility(),
    };
})"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("wide"), WEB_WORKERS=1, NUM_WORKERS=1) as running:
        yield running


def job_with(service, folder, tables):
    """A job whose pages bear these tables."""
    pages = [tables[first : first + ON_A_PAGE] for first in range(0, len(tables), ON_A_PAGE)]
    job_id = service.submit(pdf_of_text(folder / "wide tables.pdf", ["Replaced below."] * len(pages)), output_format="json")
    service.ended(job_id)
    for number, on_it in enumerate(pages, start=1):
        service.write_page(job_id, number, blocks=[Block(kind="table", table=table) for table in on_it])
    return job_id, [len(on_it) for on_it in pages]


@pytest.fixture(scope="module")
def drawn_job(service, tmp_path_factory):
    return job_with(service, tmp_path_factory.mktemp("drawn"), drawn())


def laid_out_well(watched: Watched) -> None:
    """At every width of the window."""
    for width in WIDTHS:
        watched.page.set_viewport_size({"width": width, "height": 900})
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
        assert watched.page.evaluate(SQUEEZED, LEAST_CHARACTERS) == [], f"at {width} px"
        frames = watched.page.evaluate(FRAMES)
        assert frames
        for frame in frames:
            assert frame["wide"] == frame["hint"]
            assert not frame["wide"] or (frame["reached"] and "scrolls sideways" in frame["name"])


def all_pages_laid_out_well(watched: Watched, job_id: str, counts: list[int]) -> None:
    for number, count in enumerate(counts, start=1):
        watched.open(f"#/jobs/{job_id}/pages/{number}")
        expect(watched.page.locator("#page-number")).to_have_value(str(number))
        expect(watched.page.locator("#paper .frame")).to_have_count(count)
        laid_out_well(watched)


def test_no_width_of_the_window_squeezes_a_column(service, opened, drawn_job):
    job_id, counts = drawn_job
    watched = opened(service)
    all_pages_laid_out_well(watched, job_id, counts)
    for width in (375, 1280):
        watched.page.set_viewport_size({"width": width, "height": 900})
        watched.shoot(f"wide-tables-{width}")


@pytest.mark.corpus
def test_no_width_of_the_window_squeezes_the_hundred_widest_tables_of_the_corpus(service, opened, corpus, tmp_path):
    tables = widest([corpus, *filter(lambda folder: folder.is_dir(), [CORPUS.with_name("corpus2")])])
    assert tables[0].columns > 10
    job_id, counts = job_with(service, tmp_path, tables)
    all_pages_laid_out_well(opened(service), job_id, counts)


def test_previews_of_tables_are_not_squeezed_and_no_view_scrolls_the_page_sideways(service, opened, drawn_job):
    job_id, counts = drawn_job
    watched = opened(service, f"#/jobs/{job_id}")
    page = watched.page
    expect(page.locator("#paper .frame")).to_have_count(counts[0])
    choose(page, "Tables")
    expect(page.locator(".table-card")).to_have_count(sum(counts))
    laid_out_well(watched)
    watched.shoot("wide-tables-previews")
    for name in ("Markdown", "JSON", "HTML", "Text"):
        choose(page, name)
        expect(page.locator("#panel-result pre")).to_contain_text("Rechtsschutzversicherungsgesellschaften")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator("#panel-result pre").evaluate("source => source.clientWidth") > 300


def test_a_wide_table_is_scrolled_with_the_keyboard_and_arrows_turn_no_page_meanwhile(service, opened, tmp_path):
    wide = of_rows(tuple(GERMAN.split() * 5), tuple("1234567"))
    job_id, _ = job_with(service, tmp_path, [wide, *drawn()])
    page = opened(service, f"#/jobs/{job_id}").page
    frame = page.get_by_role("region", name="Table 1 of the page, scrolls sideways")
    expect(page.locator("#paper .frame-hint").first).to_have_text("15 columns: scroll sideways for all")
    frame.focus()
    page.keyboard.press("ArrowRight")
    becomes_true(page, "document.activeElement.scrollLeft > 0")
    expect(page.locator("#page-number")).to_have_value("1")
    expect(page.locator("#paper .frame").first).to_have_class("frame more-after more-before")
    page.keyboard.press("j")
    expect(page.locator("#page-number")).to_have_value("2")


def test_words_kept_whole_are_copied_as_they_stand(service, opened, drawn_job):
    job_id, _ = drawn_job
    page = opened(service, f"#/jobs/{job_id}").page
    cells = page.locator("#paper table").nth(3).locator("td")
    expect(cells.nth(1)).to_have_text(drawn()[3].cells[4].text)
    assert cells.nth(1).evaluate("cell => { getSelection().selectAllChildren(cell); return getSelection().toString(); }") == (
        drawn()[3].cells[4].text
    )
