"""The page at ``/`` and the dashboard for everybody: axe-core finds nothing in any state, and Esc closes whatever is open."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from document_parser.models import Block
from tests.support.accessibility import sound
from tests.support.browser import PHONE, SECONDS, choose, done, picture_shown
from tests.support.documents import encrypted_pdf, pdf_of_text, stamped_pdf, truncated
from tests.support.service import UNCHECKED, Service, asking
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread
from tests.support.wide_tables import drawn

SHIFTS = """window.moved = [];
new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) {
        window.moved.push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80))]);
    }
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("accessible"), WEB_WORKERS=1, WEB_THREADS=12) as running:
        yield running


@pytest.fixture(scope="module")
def models():
    """DeepSeek-OCR, of which tests say by a page's stamp what it does."""
    with served_from_thread(ModelServer(speed=Speed(), tokens=160)) as deepseek:
        yield deepseek


@pytest.fixture(scope="module")
def gpu_service(tmp_path_factory, models):
    with Service(tmp_path_factory.mktemp("gpu"), WEB_WORKERS=1, **UNCHECKED, **asking(models.url)) as running:
        yield running


PRELOADED_FONTS = """[...document.querySelectorAll('link[rel=preload][as=font]')]
    .map(link => link.href.split('/').at(-1).split('.')[0])"""
"""Names of the fonts that the page loads early. A browser complains of one that is not used, but also where it is slow."""
FONTS_IN_USE = """document.fonts.ready.then(fonts => [...fonts].filter(font => font.status === 'loaded')
    .map(font => font.family.replaceAll('"', '').replace(' ', '-').toLowerCase()))"""


def test_the_start_with_its_options_and_what_was_not_understood(service, opened, rich_job):
    watched = opened(service)
    page = watched.page
    expect(page.locator("#jobs li").first).to_be_visible()
    sound(watched, "start")
    assert page.evaluate(PRELOADED_FONTS) == ["inter"]
    assert "inter" in page.evaluate(FONTS_IN_USE)
    page.locator("#more-options summary").click()
    page.get_by_label("Pages", exact=True).fill("5-3")
    page.get_by_label("Pages", exact=True).press("Tab")
    expect(page.locator("#page-range-problem")).to_be_visible()
    sound(watched, "options")
    page.locator("#open-help").click()
    expect(page.locator("#help")).to_be_visible()
    sound(watched, "help")


def test_uploads_on_their_way_done_and_refused(service, opened, rich, tmp_path):
    (tmp_path / "notes.xyz").write_bytes(b"\x07\x01 no format that is read")
    large = tmp_path / "large.pdf"
    large.write_bytes(b"%PDF-1.7\n" + bytes(4_000_000))
    watched = opened(service, expected={415})
    page = watched.page
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    session = page.context.new_cdp_session(page)
    session.send("Network.emulateNetworkConditions", slow)
    watched.upload(large)
    expect(page.locator("#queue-rows li").first).to_contain_text(re.compile(r"\d+ % of 4.0 MB"))
    sound(watched, "uploading")
    page.get_by_role("button", name="Cancel: large.pdf").click()
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    watched.upload(tmp_path / "notes.xyz")
    expect(page.locator("#queue-rows")).to_contain_text("is not read. Send one of", timeout=SECONDS)
    sound(watched, "refused")
    watched.upload(rich, tmp_path / "notes.xyz")
    page.get_by_role("link", name="Open").click()
    expect(page.locator("#batch-status")).to_have_text("Done, not all of it", timeout=SECONDS)
    sound(watched, "batch")
    page.locator("#delete-batch").click()
    sound(watched, "delete the batch")


def test_a_result_in_every_view(service, opened, rich_job):
    watched = opened(service, f"#/jobs/{rich_job}")
    page = watched.page
    picture_shown(page)
    sound(watched, "page")
    page.locator("#paper .block").first.hover()
    page.locator("#why summary").click()
    page.keyboard.press("z")
    sound(watched, "zoomed, with the trail")
    page.keyboard.press("Escape")
    page.locator("#open-downloads").click()
    sound(watched, "downloads")
    page.keyboard.press("Escape")
    page.locator("#read-again").click()
    sound(watched, "read again")
    page.get_by_role("button", name="Delete").click()
    sound(watched, "delete")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Copy Markdown").click()
    expect(page.locator("#notices")).to_contain_text("Markdown copied.")
    sound(watched, "notice")
    for name in ("Markdown", "JSON", "HTML", "Text"):
        choose(page, name)
        expect(page.locator("#panel-result pre")).to_be_visible()
        sound(watched, name)
    choose(page, "JSON")
    page.get_by_role("button", name="Whole document").click()
    expect(page.locator("#panel-result pre")).to_contain_text("pipeline_version")
    sound(watched, "JSON of the document")
    choose(page, "Tables")
    expect(page.locator(".table-card")).to_be_visible()
    sound(watched, "Tables")
    choose(page, "Page")
    page.locator("#page-after").click()
    expect(page.locator("#paper")).to_contain_text("A blank page")
    sound(watched, "blank page")


def test_a_page_whose_own_headings_leave_levels_out_and_whose_tables_scroll(service, opened, tmp_path):
    job_id = service.submit(pdf_of_text(tmp_path / "outline.pdf", ["Replaced below."]))
    service.ended(job_id)
    ranks = (3, 1, 4, 2, 6, 6, 2)
    headings = [Block(kind="heading", level=rank, text=f"Of rank {rank}") for rank in ranks]
    blocks = [*headings, *(Block(kind="table", table=table) for table in drawn())]
    service.write_page(job_id, 1, blocks=blocks)
    watched = opened(service, f"#/jobs/{job_id}")
    picture_shown(watched.page)
    sound(watched, "its own headings")
    choose(watched.page, "Tables")
    expect(watched.page.locator(".table-card").first).to_be_visible()
    sound(watched, "previews")


def test_running_cancelled_and_flagged(gpu_service, models, opened, tmp_path):
    models.script("stall", stamp=1, sticky=True)
    models.script("loop", stamp=2, sticky=True)
    watched = opened(gpu_service)
    page = watched.upload(stamped_pdf(tmp_path / "Register.pdf", (1, 2, 3)))
    expect(page.locator("#progress-text")).to_have_text("2 of 3 pages", timeout=SECONDS)
    sound(watched, "running")
    page.get_by_role("button", name="Cancel").click()
    done(page, "Cancelled")
    expect(page.locator("#paper")).to_contain_text("Not read")
    sound(watched, "cancelled")
    page.locator("#page-after").click()
    expect(page.locator("#page-notes")).not_to_be_empty()
    page.locator("#issues summary").click()
    sound(watched, "flagged")


def test_locked_broken_missing_and_without_such_pages(service, opened, paper, tmp_path):
    watched = opened(service, expected={404, 422})
    page = watched.upload(encrypted_pdf(tmp_path / "locked.pdf", "open sesame", "The secret is out"))
    expect(page.locator("#unlock-password")).to_be_focused(timeout=SECONDS)
    sound(watched, "locked")
    watched.open()
    watched.upload(truncated(paper, tmp_path / "cut off.pdf", keep=0.2))
    expect(page.locator("#job-failure code")).to_be_visible(timeout=SECONDS)
    sound(watched, "broken")
    job_id = service.submit(paper, page_range="7-")
    service.ended(job_id)
    watched.open(f"#/jobs/{job_id}")
    expect(page.locator("#other-pages")).to_be_focused()
    sound(watched, "without such pages")
    watched.open("#/jobs/00000000-0000-0000-0000-000000000000")
    expect(page.locator("#job-failure")).to_contain_text("There is no such document")
    sound(watched, "missing")


def test_on_a_phone(service, opened, rich_job):
    watched = opened(service, viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    expect(watched.page.locator("#jobs li").first).to_be_visible()
    sound(watched, "start")
    watched.open(f"#/jobs/{rich_job}")
    picture_shown(watched.page)
    sound(watched, "result")
    watched.page.get_by_role("button", name="Read again").tap()
    sound(watched, "read again")


def test_the_dashboard(service, opened, rich):
    # RQ forgets its own side of a job minutes after its end.
    job_id = service.submit(rich)
    service.ended(job_id)
    pages = {
        "/dashboard/documents": ".state.completed",
        f"/dashboard/documents/{job_id}": ".state.done",
        "/dashboard/": "tr[data-role=queue]",
        "/dashboard/0/view/jobs/express/finished/20/asc/1": "tr[data-role=job]",
        f"/dashboard/0/view/job/{job_id}": ".description-scroll",
        "/dashboard/0/view/workers": "tr[data-role=worker]",
    }
    for size in ({}, {"viewport": PHONE}):
        watched = opened(service, **size)
        for address, shown in pages.items():
            watched.page.goto(watched.base + address)
            expect(watched.page.locator(shown).first).to_be_visible(timeout=SECONDS)
            sound(watched, address)


def test_esc_closes_whatever_is_open_and_gives_the_focus_back(service, opened, rich_job):
    page = opened(service, f"#/jobs/{rich_job}").page
    picture_shown(page)
    page.locator("#zoom").click()
    page.locator("#sheet").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#zoom")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#zoom")).to_be_focused()
    # Whatever was opened last closes first, wherever the focus went meanwhile.
    page.locator("#zoom").click()
    page.locator("#read-again").click()
    page.get_by_role("button", name="Delete").click()
    page.locator("#open-downloads").click()
    page.locator("#paper .block").first.focus()
    for closed, focused in (
        ("#downloads", "#open-downloads"),
        ("#confirm-delete", "#delete-job"),
        ("#reread", "#read-again"),
        (".sheet.zoomed", None),
    ):
        page.keyboard.press("Escape")
        expect(page.locator(closed)).not_to_be_visible()
        if focused:
            expect(page.locator(focused)).to_be_focused()
    page.locator("#open-help").click()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("#open-help")).to_be_focused()


def test_nothing_moves_while_the_page_fills(service, opened, rich_job):
    watched = opened(service)
    page = watched.page
    page.add_init_script(SHIFTS)
    for size in ({"width": 1280, "height": 800}, PHONE):
        page.set_viewport_size(size)
        page.goto("about:blank")
        watched.open()
        expect(page.locator("#health")).to_contain_text("ready")
        expect(page.locator("#jobs li").first).to_be_attached()
        moved = page.evaluate("window.moved")
        assert sum(by for by, *_ in moved) < 0.01, moved
