"""The page at ``/`` in a real browser, before a real service: every test also fails on any error in the browser's console."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import zipfile
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from document_parser.api.job_fields import TEXT_FIELDS
from document_parser.jobs.records import storage_keys
from document_parser.models import Block, Cell, Options, Span, Table, parse_page_range
from tests.support.browser import PHONE, SECONDS, choose, done, picture_shown
from tests.support.document_host import SECRET, Served, document_host
from tests.support.documents import PARAGRAPH, encrypted_pdf, page_picture, pdf_of_text, stamped_pdf, truncated
from tests.support.service import Service, asking, free_port
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

TOKEN = "for-operators-only"
MANY = 1000
MOST_NODES = 1500
HOSTILE_NAME = '<img src=x onerror=alert(1)>\'; $(id) "&amp;".pdf'
HOSTILE_TEXT = "<script>window.harmed = 1</script> <img src=x onerror='window.harmed = 2'> <b>bold</b> &lt;i&gt; **strong**"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = {"WEB_WORKERS": 1, "WEB_THREADS": 12, "ADMIN_TOKEN": TOKEN, "FETCH_ALLOW_HOSTS": '["127.0.0.1"]'}
    with Service(tmp_path_factory.mktemp("browser"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def models():
    """Both model servers. Tests say by a page's stamp what they do with it."""
    deepseek, nanonets = (
        ModelServer(speed=Speed(), tokens=160),
        ModelServer("nanonets/Nanonets-OCR2-3B", "nanonets", tokens=160),
    )
    with served_from_thread(deepseek), served_from_thread(nanonets):
        yield deepseek, nanonets


@pytest.fixture(scope="module")
def gpu_service(tmp_path_factory, models):
    """The service of a box with model servers."""
    urls = {"VLLM_DEEPSEEK_URL": models[0].url, "VLLM_NANONETS_URL": models[1].url, "INFERENCE_MODE": "vllm"}
    with Service(tmp_path_factory.mktemp("gpu"), WEB_WORKERS=1, WEB_THREADS=12, **urls) as running:
        yield running


# --- in and through ---------------------------------------------------------------------------------------------------


def test_a_link_is_fetched_by_the_server_and_its_query_is_not_shown(service, opened, rich):
    with document_host() as host:
        host.paths["/in/report.pdf"] = Served(rich.read_bytes(), cut_after=500, hold=threading.Event())
        page = opened(service).page
        page.get_by_label("Or a link").fill("report.pdf")
        page.get_by_role("button", name="Read it").click()
        expect(page.locator("#link-problem")).to_have_text("A link begins with https://, http:// or s3://.")
        page.get_by_label("Or a link").fill(host.url("/in/report.pdf", SECRET))
        page.get_by_label("Or a link").press("Enter")
        expect(page.locator("#progress-text")).to_contain_text("Fetching the document: 500 B of")
        expect(page.locator("#job-curl")).to_contain_text("/v1/process/url")
        host.paths["/in/report.pdf"].hold.set()
        done(page)
        expect(page.locator("#paper h2")).to_have_text("Quarterly report")
        assert SECRET not in page.content()


def test_a_document_is_uploaded_and_read_beside_its_picture(service, opened, rich):
    watched = opened(service)
    expect(watched.page.get_by_role("heading", name="Read a document")).to_be_visible()
    expect(watched.page.locator("#health")).to_contain_text("ready")
    watched.shoot("upload")
    watched.page.locator("#more-options summary").click()
    watched.shoot("upload-options")
    page = watched.upload(rich)
    watched.job()
    done(page)
    picture_shown(page)
    expect(page.locator("#paper h2")).to_have_text("Quarterly report")
    expect(page.locator("#paper table tr")).to_have_count(4)
    expect(page.locator("#paper td").nth(1)).to_have_text("12")
    expect(page.locator("#progress-text")).to_have_text("2 pages read")
    expect(page.locator("#legend")).to_contain_text("Text layer1")
    expect(page.locator("#legend")).to_contain_text("Blank1")
    expect(page.locator("#jobs a[aria-current=page] b")).to_have_text("Quarterly report.pdf")
    watched.shoot("result")
    page.keyboard.press("j")
    expect(page.locator("#paper")).to_contain_text("A blank page")
    watched.shoot("blank-page")


def test_the_sample_scan_is_one_click_away_and_the_cpu_reads_it(service, opened):
    watched = opened(service)
    page = watched.page
    page.get_by_role("button", name=re.compile("^scan.pdf")).click()
    job_id = watched.job()
    expect(page.locator("#job-title")).to_have_text("scan.pdf")
    done(page)
    expect(page.locator("#read-again")).to_be_visible()
    page.locator("#page-after").click()
    expect(page.locator("#paper")).to_contain_text("Maintenance Schedule")
    expect(page.locator("#page-badges")).to_contain_text("RapidOCR")
    picture_shown(page)
    page.locator("#why summary").click()
    expect(page.locator("#why-body")).to_contain_text("Accepted")
    expect(page.locator("#why-body")).to_contain_text("turned")
    assert page.url.endswith(f"#/jobs/{job_id}/pages/2")
    watched.shoot("scan-turned-page")
    page.reload()
    expect(page.locator("#page-number")).to_have_value("2")
    expect(page.locator("#paper")).to_contain_text("Maintenance Schedule")


def test_several_files_are_one_batch_with_the_progress_and_the_reason_of_each(service, opened, rich, paper, tmp_path):
    (tmp_path / "notes.xyz").write_bytes(b"\x07\x01 no format that is read")
    (tmp_path / "empty.pdf").touch()
    with zipfile.ZipFile(tmp_path / "letters.zip", "w") as archive:
        archive.writestr("old/letter.txt", "Dear all")
    watched = opened(service, expected={422})
    locked = encrypted_pdf(tmp_path / "locked.pdf", "open sesame", "The secret is out")
    page = watched.upload(rich, paper, tmp_path / "notes.xyz", tmp_path / "empty.pdf", locked, tmp_path / "letters.zip")
    page.wait_for_url(re.compile(r"#/batches/[0-9a-f-]{36}"))
    expect(page.locator("#batch-status")).to_have_text("Done, not all of it", timeout=SECONDS)
    rows = page.locator("#batch-rows li")
    expect(rows).to_have_count(7)
    for index, says in enumerate(
        (
            "2 pages",
            "page",
            "is not read. Send one of",
            "The file has no bytes",
            "This document is locked. Open it and type its password.",
            "letters.zip",
            "old/letter.txt",
        )
    ):
        expect(rows.nth(index)).to_contain_text(says)
    expect(rows.nth(6)).to_have_attribute("data-depth", "1")
    expect(page.locator("#batch-progress-text")).to_have_text("7 of 7 files done, 3 could not be read")
    expect(page.locator("#jobs a[aria-current=page] b")).to_have_text("7 files")
    watched.shoot("batch")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download all").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert {"letter.txt.md", "manifest.json"} <= set(archive.namelist())
    rows.nth(5).get_by_role("link").click()
    expect(page.locator("#inside-title")).to_have_text("1 document inside")
    page.locator("#inside-rows a").click()
    expect(page.locator("#paper")).to_contain_text("Dear all")
    page.go_back()
    page.go_back()
    rows.nth(4).get_by_role("link").click()
    page.get_by_label("Password", exact=True).last.fill("open sesame")
    page.get_by_role("button", name="Unlock and read").click()
    expect(page.locator("#job-title")).to_have_text("locked.pdf")
    done(page)


def test_deleting_a_batch_asks_once_and_leaves_nothing(service, opened, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("words")
    page = opened(service, expected={404}).upload(tmp_path / "a.txt", tmp_path / "b.txt")
    expect(page.locator("#batch-status")).to_have_text("Done", timeout=SECONDS)
    batch_id = page.url.rpartition("/")[2]
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", name="Read a document")).to_be_visible()
    assert service.client.get(f"/v1/batches/{batch_id}").status_code == 404
    expect(page.locator(f'#jobs [data-id="{batch_id}"]')).to_have_count(0)


def test_a_document_that_was_read_before_is_told_from_one_that_was_read_now(opened, paper, tmp_path):
    with Service(tmp_path, WEB_WORKERS=1, CACHE_HOURS=1) as caching:
        caching.ended(caching.submit(paper))
        watched = opened(caching)
        page = watched.upload(paper)
        watched.job()
        done(page)
        expect(page.locator("#job-facts")).to_contain_text("read before, and copied")
        expect(page.locator("#page-badges")).to_contain_text("Read before, and copied")
        page.locator("#why summary").click()
        expect(page.locator("#why-body")).to_contain_text("from the cache")


def test_an_upload_shows_how_far_it_is_and_can_be_stopped(service, opened, tmp_path):
    large = tmp_path / "large.pdf"
    large.write_bytes(b"%PDF-1.7\n" + bytes(4_000_000))
    watched = opened(service)
    page = watched.page
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_000_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    watched.upload(large)
    expect(page.locator("#queue-rows li")).to_contain_text(re.compile(r"[1-9]\d? % of 4.0 MB"))
    assert 0 < page.locator("#queue-rows progress").evaluate("bar => bar.value") < 100
    watched.shoot("uploading")
    page.get_by_role("button", name="Cancel: large.pdf").click()
    expect(page.locator("#queue")).to_be_hidden()
    expect(page.get_by_role("heading", name="Read a document")).to_be_visible()


def test_files_are_dropped_and_pasted(service, opened, paper):
    watched = opened(service)
    give = """([event, bytes]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(bytes)], `${event}.pdf`, {type: "application/pdf"}));
        const more = event === "paste" ? {clipboardData: carried} : {dataTransfer: carried};
        const Kind = event === "paste" ? ClipboardEvent : DragEvent;
        document.body.dispatchEvent(new Kind(event, {bubbles: true, cancelable: true, ...more}));
    }"""
    for event in ("drop", "paste"):
        watched.page.evaluate(give, [event, list(paper.read_bytes())])
        expect(watched.page.locator("#job-title")).to_have_text(f"{event}.pdf")
        done(watched.page)


def test_a_page_range_that_is_none_is_marked_on_its_field_before_the_file_is_sent(service, opened, paper):
    watched = opened(service)
    page = watched.page
    page.locator("#more-options summary").click()
    field = page.get_by_label("Pages", exact=True)
    field.fill("one to three")
    page.locator("#more-options summary").click()
    watched.upload(paper)
    problem = page.locator("#page-range-problem")
    expect(problem).to_have_text("Use numbers and ranges like 1,3-5,8-. “one to three” is neither.")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_attribute("aria-describedby", "page-range-problem")
    watched.shoot("bad-range", full=False)
    assert "/v1/process/async" not in watched.asked
    field.fill("2")
    expect(problem).to_be_hidden()
    expect(field).to_have_attribute("aria-invalid", "false")
    watched.upload(paper)
    done(page)
    expect(page.locator("#page-total")).to_have_text("of 1")
    expect(page.locator("#page-number")).to_have_value("2")


def test_the_page_takes_the_same_page_ranges_as_the_server(service, opened):
    texts = ["".join(signs) for length in range(6) for signs in product("10-, ", repeat=length)]
    texts += [
        "1,3-5,8-",
        "12-7",
        "1234567890",
        "1234567890-",
        "one",
        "1–3",
        "１",
        "1;2",
        "-3",
        "1--2",
        "1-2-3",
        "1 2",
        "+1",
        "1.5",
    ]
    asked = (
        "async texts => { const {rangeProblem} = await import('/static/ui/page_range.js'); return texts.map(rangeProblem); }"
    )
    told = opened(service).page.evaluate(asked, texts)
    assert {text for text, problem in zip(texts, told, strict=True) if not problem} == set(filter(is_range, texts))


def is_range(text: str) -> bool:
    try:
        parse_page_range(text)
    except ValueError:
        return False
    return True


def test_pages_that_a_document_does_not_have_are_marked_and_others_chosen_right_there(service, opened, paper):
    watched = opened(service)
    page = watched.page
    page.locator("#more-options summary").click()
    page.get_by_label("Pages", exact=True).fill("7-")
    watched.upload(paper)
    field = page.locator("#other-pages")
    expect(field).to_be_focused(timeout=SECONDS)
    expect(field).to_have_value("7-")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#other-pages-problem")).to_have_text("The document has 2 pages.")
    expect(page.locator("#job-failure code")).to_have_text("PAGE_RANGE_EMPTY")
    watched.shoot("no-such-pages")
    field.fill("0")
    page.get_by_role("button", name="Read these pages").click()
    expect(page.locator("#other-pages-problem")).to_have_text("Pages count from 1.")
    field.fill("2")
    page.keyboard.press("Enter")
    done(page)
    expect(page.locator("#page-number")).to_have_value("2")


def test_an_option_that_the_server_does_not_understand_is_marked_on_its_field(service, opened, paper):
    watched = opened(service, expected={422})
    page = watched.page
    page.locator("#more-options summary").click()
    field = page.get_by_label("Line between pages")
    field.evaluate("field => field.removeAttribute('maxlength')")
    field.fill("x" * 201)
    watched.upload(paper)
    expect(page.locator("#page-separator-problem")).to_contain_text("200")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("---")
    expect(page.locator("#page-separator-problem")).to_be_hidden()


# --- who reads --------------------------------------------------------------------------------------------------------


def test_the_header_says_that_no_model_server_answers_and_what_needs_one_is_greyed_until_one_comes_up(opened, paper, tmp_path):
    port = free_port()
    settings = {
        **asking(f"http://127.0.0.1:{port}/v1", "auto"),
        "TESSERACT_PROGRAM": "no-such-program",
        "DEFAULT_ACCURACY_MODE": "maximum",
    }
    with Service(tmp_path, WEB_WORKERS=1, NUM_WORKERS=1, **settings) as running:
        watched = opened(running)
        page = watched.page
        expect(page.locator("#health")).to_have_text("1 worker ready · CPU only, no model server answers")
        maximum = page.get_by_role("radio", name=re.compile("^Maximum.*Needs a model server, but none answers"))
        expect(maximum).to_be_disabled()
        expect(page.get_by_role("radio", name=re.compile("^Balanced.*The CPU engine reads scans"))).to_be_checked()
        watched.shoot("cpu-only")
        watched.upload(paper)
        done(page)
        engines = page.locator("#reread-engine option")
        expect(engines.filter(has_text="DeepSeek-OCR: plain pages and scans (does not answer)")).to_be_disabled()
        expect(engines.filter(has_text="Tesseract, without a GPU (cannot read: its program")).to_be_disabled()
        expect(engines.filter(has_text="RapidOCR, without a GPU")).to_be_enabled()
        expect(page.locator("#reread-mode option[value=maximum]")).to_be_disabled()
        with served_from_thread(ModelServer(speed=Speed()), port=port):
            expect(page.locator("#health")).to_have_text("1 worker ready · Nanonets-OCR2 does not answer", timeout=SECONDS)
            expect(engines.filter(has_text="DeepSeek-OCR: plain pages and scans")).to_be_enabled()
            watched.open()
            expect(page.get_by_role("radio", name=re.compile("^Maximum.*A model reads every page"))).to_be_checked()
            expect(page.get_by_role("radio", name=re.compile("^Maximum"))).to_be_enabled()


def test_a_service_that_asks_no_model_says_so(service, opened):
    expect(opened(service).page.locator("#health")).to_have_text("2 workers ready · CPU only, no model server is used")


# --- while it runs ----------------------------------------------------------------------------------------------------


def test_pages_fill_while_they_are_read_and_a_cancelled_job_keeps_them(gpu_service, models, opened, tmp_path):
    models[0].script("stall", stamp=9, sticky=True)
    models[1].script("stall", stamp=9, sticky=True)
    watched = opened(gpu_service)
    page = watched.upload(stamped_pdf(tmp_path / "Register of 1911.pdf", range(1, 25)))
    job_id = watched.job()
    expect(page.locator("#progress-text")).to_have_text("23 of 24 pages", timeout=SECONDS)
    expect(page.locator("#legend")).to_contain_text("DeepSeek-OCR23")
    expect(page.locator("#legend")).to_contain_text("Being read1")
    expect(page.locator("#progress-time")).to_contain_text("left")
    expect(page.locator("#announcer")).to_contain_text("of 24 pages are read")
    page.locator("#page-map canvas").hover(position={"x": 20, "y": 20})
    expect(page.locator("#page-map .tip")).to_have_text("Page 1: read by DeepSeek-OCR")
    page.locator("#page-map canvas").click(position={"x": 60, "y": 20})
    expect(page.locator("#page-number")).to_have_value("2")
    page.locator("#page-number").fill("3")
    page.locator("#page-number").press("Enter")
    expect(page.locator("#paper")).to_contain_text("stamp-3")
    picture_shown(page)
    watched.shoot("running")
    choose(page, "Markdown")
    expect(page.locator("#panel-result")).to_contain_text("Not written yet")
    choose(page, "Page")
    page.get_by_role("button", name="Cancel").click()
    done(page, "Cancelled")
    expect(page.locator("#progress-text")).to_have_text("Cancelled after 23 of 24 pages")
    expect(page.locator("#legend")).to_contain_text("Not read1")
    expect(page.locator("#legend li").filter(has_text="Waiting")).to_be_hidden()
    assert gpu_service.status(job_id)["status"] == "cancelled"
    expect(page.get_by_role("button", name="Copy Markdown")).to_be_visible()
    expect(page.locator("#paper")).to_contain_text("stamp-3")
    watched.shoot("cancelled")
    page.locator("#page-number").fill("9")
    page.locator("#page-number").press("Enter")
    expect(page.locator("#page-map")).to_have_attribute("aria-valuetext", "Page 9: not read, the job was cancelled")
    expect(page.locator("#page-badges")).to_have_text("Not read")
    expect(page.locator("#paper")).to_have_text("Not readThe job was cancelled before this page was read.")
    expect(page.locator("#paper")).to_have_attribute("aria-busy", "false")


def test_a_tab_that_nobody_looks_at_holds_no_stream_and_catches_up(gpu_service, models, opened, tmp_path):
    for server in models:
        server.script("stall", stamp=61, sticky=True)
    watched = opened(gpu_service)
    page = watched.upload(stamped_pdf(tmp_path / "unseen.pdf", [61, 62]))
    job_id = watched.job()
    expect(page.locator("#progress-text")).to_have_text("1 of 2 pages", timeout=SECONDS)
    turn = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); "
    turn += "document.dispatchEvent(new Event('visibilitychange')); }"
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/events")):
        page.evaluate(turn, True)
    gpu_service.client.post(f"/v1/jobs/{job_id}/cancel")
    expect(page.locator("#job-status")).to_have_text("Reading")
    page.evaluate(turn, False)
    done(page, "Cancelled")


def test_a_page_that_the_server_did_not_give_is_fetched_once_it_answers_again(gpu_service, models, opened, tmp_path):
    for server in models:
        server.script("stall", stamp=66, sticky=True)
    watched = opened(gpu_service)
    watched.page.route("**/pages/1", lambda route: route.abort())
    page = watched.upload(stamped_pdf(tmp_path / "away.pdf", [65, 66]))
    job_id = watched.job()
    expect(page.locator("#progress-text")).to_have_text("1 of 2 pages", timeout=SECONDS)
    expect(page.locator("#paper")).to_contain_text("The server does not answer")
    page.unroute("**/pages/1")
    gpu_service.client.post(f"/v1/jobs/{job_id}/cancel")
    done(page, "Cancelled")
    expect(page.locator("#paper")).to_contain_text("stamp-65")
    picture_shown(page)
    assert all("ERR_FAILED" in complaint for complaint in watched.complaints)
    watched.complaints.clear()


def test_failed_and_flagged_pages_are_listed_with_their_reasons(gpu_service, models, opened, tmp_path):
    for server in models:
        server.script("fail_500", stamp=42, sticky=True)
        server.script("empty", stamp=44, sticky=True)
    models[0].script("loop", stamp=45, sticky=True)
    watched = opened(gpu_service)
    page = watched.upload(stamped_pdf(tmp_path / "damaged.pdf", range(41, 49)))
    done(page, "Done, with gaps")
    issues = page.locator("#issues")
    expect(issues).to_contain_text("3 pages need a look")
    expect(issues.locator("li").first).to_contain_text("PAGE_UNREADABLE")
    expect(issues.locator("li").last).to_contain_text("Another engine than the first choice")
    issues.locator("summary").click()
    page.keyboard.press("f")
    expect(page.locator("#page-number")).to_have_value("2")
    expect(page.locator("#page-notes")).to_be_visible()
    expect(page.locator("#paper")).to_contain_text("Nothing was read here")
    expect(page.locator("#progress-text")).to_have_text("6 of 8 pages read")
    expect(page.locator("#why-body")).to_contain_text("Failed")
    picture_shown(page)
    watched.shoot("failed-pages")
    issues.get_by_role("button", name="Page 5", exact=True).click()
    expect(page.locator("#page-number")).to_have_value("5")
    watched.shoot("flagged-page")


def test_a_page_with_a_little_ink_that_nobody_could_read_is_listed_and_not_called_empty(service, opened, tmp_path):
    specks = page_picture("")
    for place in range(100, 1000, 300):
        specks.paste(0, (place, place, place + 9, place + 9))
    specks.save(tmp_path / "specks.png")
    page = opened(service).upload(tmp_path / "specks.png")
    done(page, "Done, 1 page flagged")
    expect(page.locator("#issues")).to_contain_text("1 page needs a look")
    expect(page.locator("#page-notes")).to_contain_text("a little ink on it")
    expect(page.locator("#paper")).not_to_contain_text("No ink")


def test_a_failed_page_is_read_again_from_the_list_and_shows_it_without_a_reload(gpu_service, models, opened, tmp_path):
    for server in models:
        server.reset()
        server.script("fail_500", stamp=52, sticky=True)
    watched = opened(gpu_service)
    page = watched.upload(stamped_pdf(tmp_path / "letters.pdf", [51, 52, 53]))
    job_id = watched.job()
    done(page, "Done, with gaps")
    page.locator("#issues summary").click()
    expect(page.locator("#read-failed")).to_be_hidden()
    # It fails once more, for all to see, and the page stays as it was.
    page.get_by_role("button", name="Read page 2 again").click()
    expect(page.locator("#page-number")).to_have_value("2")
    expect(page.locator("#page-notes")).to_contain_text("The new reading failed", timeout=SECONDS)
    expect(page.locator("#notices")).to_contain_text("Page 2 could not be read again (PAGE_UNREADABLE)")
    watched.shoot("reread-failed")
    page.get_by_role("button", name="Close", exact=True).first.click()
    for server in models:
        server.reset()
    page.get_by_role("button", name="Read page 2 again").click()
    expect(page.locator("#paper")).to_contain_text("stamp-52", timeout=SECONDS)
    done(page)
    expect(page.locator("#issues")).to_be_hidden()
    expect(page.locator("#progress-text")).to_have_text("3 pages read")
    expect(page.locator("#job-facts")).to_contain_text("revision 2")
    expect(page.locator("#why-body")).to_contain_text("Read again")
    assert gpu_service.status(job_id)["revision"] == 2
    watched.shoot("reread-done")


def test_who_reads_a_page_again_is_chosen_in_words_and_with_the_keyboard(gpu_service, models, opened, tmp_path):
    for server in models:
        server.reset()
    watched = opened(gpu_service, expected={404})
    page = watched.upload(stamped_pdf(tmp_path / "minutes.pdf", [55]))
    job_id = watched.job()
    done(page)
    picture_shown(page)
    expect(page.locator("#page-badges")).to_contain_text("DeepSeek-OCR")
    choose(page, "Markdown")
    expect(page.locator("#panel-result pre")).to_contain_text("stamp-55")
    choose(page, "Page")
    page.keyboard.press("Shift+Tab")
    page.locator("#copy-page").focus()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#read-again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Which engine")).to_be_focused()
    assert "Tesseract" not in page.locator("#reread select[name=engine]").inner_text()
    watched.shoot("reread-form")
    page.keyboard.press("Escape")
    expect(page.locator("#reread")).to_be_hidden()
    expect(page.locator("#read-again")).to_be_focused()
    page.keyboard.press("r")
    page.get_by_label("Which engine").select_option("Nanonets-OCR2: tables, forms, handwriting")
    expect(page.get_by_label("How carefully").last).to_be_disabled()
    models[1].script("stall", stamp=55)
    page.get_by_role("button", name="Read it again").click()
    expect(page.locator("#page-badges")).to_contain_text("Being read again")
    expect(page.locator("#read-again")).to_be_disabled()
    expect(page.locator("#job-status")).to_have_text("Reading again")
    expect(page.locator("#paper")).to_contain_text("stamp-55")
    watched.shoot("rereading")
    page.reload()
    expect(page.locator("#job-status")).to_have_text("Reading again")
    picture_shown(page)
    gpu_service.client.delete(f"/v1/jobs/{job_id}")
    expect(page.locator("#job-failure")).to_contain_text("There is no such document", timeout=SECONDS)


def test_a_locked_document_asks_for_its_password_before_a_page_is_read_again(service, opened, tmp_path):
    job_id = service.submit(encrypted_pdf(tmp_path / "locked.pdf", "open sesame", "The secret is out"), password="open sesame")
    service.ended(job_id)
    watched = opened(service, f"#/jobs/{job_id}", expected={409, 422})
    page = watched.page
    expect(page.locator("#paper")).to_contain_text("The secret is out")
    page.locator("#read-again").click()
    page.get_by_label("Which engine").select_option("The text in the file, as it is")
    page.get_by_role("button", name="Read it again").click()
    expect(page.locator("#reread-problem")).to_contain_text("Type it again")
    watched.shoot("reread-locked", full=False)
    page.keyboard.type("open sesame")
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("Page 1 was read again.", timeout=SECONDS)
    expect(page.locator("#job-facts")).to_contain_text("revision 2")


def test_a_stream_that_fails_is_replaced_by_asking(service, opened, paper):
    watched = opened(service)
    watched.page.route("**/events", lambda route: route.fulfill(status=200, content_type="text/plain", body="no stream"))
    watched.complaints.clear()
    watched.upload(paper)
    done(watched.page)
    expect(watched.page.locator("#paper")).to_contain_text("quick brown fox")
    # The browser itself says that this is no stream; nothing else may be wrong.
    assert all("text/event-stream" in complaint for complaint in watched.complaints)
    watched.complaints.clear()


def test_without_a_stream_the_page_looked_at_fills_once_it_is_read(gpu_service, models, opened, tmp_path):
    models[0].script("slow", stamp=77)
    watched = opened(gpu_service)
    watched.page.route("**/events", lambda route: route.fulfill(status=200, content_type="text/plain", body="no stream"))
    page = watched.upload(stamped_pdf(tmp_path / "slow.pdf", [77]))
    expect(page.locator("#paper")).to_have_attribute("aria-busy", "true")
    done(page)
    expect(page.locator("#paper")).to_contain_text("stamp-77")
    assert all("text/event-stream" in complaint for complaint in watched.complaints)
    watched.complaints.clear()


def test_a_busy_server_is_waited_for_as_long_as_it_asks(service, opened, paper):
    watched = opened(service, expected={503, 429})
    page = watched.page
    refusals = iter((503, 429))

    def refuse(route: Route) -> None:
        status = next(refusals, None)
        if status is None:
            route.continue_()
            return
        error = {"code": "BUSY", "message": "Later.", "details": {}, "retryable": True}
        route.fulfill(status=status, headers={"Retry-After": "1"}, json={"error": error})

    page.route("**/v1/process/async", refuse)
    watched.upload(paper)
    expect(page.locator("#queue-rows")).to_contain_text("The server is busy. Trying again in 1 s.")
    done(page)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_locked_document_asks_for_its_password_and_is_read_with_it(service, opened, tmp_path):
    # Its picture may come too late: once the job has ended nobody has the password any more.
    watched = opened(service, expected={422})
    page = watched.upload(encrypted_pdf(tmp_path / "locked.pdf", "open sesame", "The secret is out"))
    failure = page.locator("#job-failure")
    expect(failure).to_contain_text("This document is locked")
    expect(page.locator("#unlock-password")).to_be_focused()
    watched.shoot("locked")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(failure).to_contain_text("That password does not open it")
    page.locator("#unlock-password").fill("open sesame")
    page.get_by_role("button", name="Unlock and read").click()
    done(page)
    expect(page.locator("#paper")).to_contain_text("The secret is out")
    assert "open sesame" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    expect(page.locator("#job-curl")).to_contain_text('-F "password=$PASSWORD"')


def test_a_locked_document_of_another_visit_asks_for_the_file_too(service, opened, tmp_path):
    path = encrypted_pdf(tmp_path / "locked.pdf", "open sesame", "The secret is out")
    job_id = service.submit(path)
    service.ended(job_id)
    page = opened(service, f"#/jobs/{job_id}", expected={422}).page
    page.get_by_label("The file once more", exact=True).set_input_files(path)
    page.locator("#unlock-password").fill("open sesame")
    page.keyboard.press("Enter")
    done(page)


def test_a_broken_file_tells_its_code_and_what_to_do(service, opened, paper, tmp_path):
    watched = opened(service)
    page = watched.upload(truncated(paper, tmp_path / "cut off.pdf", keep=0.2))
    failure = page.locator("#job-failure")
    expect(failure).to_contain_text(re.compile("DAMAGED_DOCUMENT|UNREADABLE_DOCUMENT"))
    expect(failure.locator("p")).not_to_be_empty()
    expect(page.locator("#views")).to_be_hidden()
    watched.shoot("broken")


def test_a_document_that_is_not_there_is_told_in_words(service, opened):
    watched = opened(service, "#/jobs/00000000-0000-0000-0000-000000000000", expected={404})
    expect(watched.page.locator("#job-failure")).to_contain_text("There is no such document")
    watched.shoot("missing")


def test_markup_in_a_document_or_its_name_stays_text(service, opened, tmp_path):
    path = pdf_of_text(tmp_path / HOSTILE_NAME, [HOSTILE_TEXT])
    watched = opened(service)
    page = watched.upload(path)
    done(page)
    expect(page.locator("#job-title")).to_have_text(HOSTILE_NAME)
    expect(page.locator("#jobs a[aria-current=page] b")).to_have_text(HOSTILE_NAME)
    expect(page.locator("#paper")).to_contain_text("<script>window.harmed = 1</script>")
    expect(page.locator("#paper")).to_contain_text("<b>bold</b> &lt;i&gt; **strong**")
    picture_shown(page)
    watched.shoot("hostile")
    for name, words in (("Markdown", "script"), ("JSON", "<script>"), ("HTML", "&lt;script&gt;"), ("Text", "<script>")):
        choose(page, name)
        expect(page.locator("#panel-result pre")).to_contain_text(words)
    assert page.evaluate("window.harmed") is None
    assert page.locator("main script, main img[src=x], #paper b").count() == 0


# --- looking at it ----------------------------------------------------------------------------------------------------


def test_a_block_and_its_box_light_each_other(service, opened, rich_job):
    watched = opened(service, f"#/jobs/{rich_job}")
    page = watched.page
    picture_shown(page)
    table = page.locator("#paper .block", has=page.locator("table"))
    box = page.locator(f'.box[data-index="{table.get_attribute("data-block")}"]')
    table.hover()
    expect(box).to_have_class(re.compile(r"\blit\b"))
    watched.shoot("hover")
    page.locator("#paper h2").hover()
    expect(box).not_to_have_class(re.compile(r"\blit\b"))
    box.hover()
    expect(table).to_have_class(re.compile(r"\blit\b"))
    box.click()
    expect(table).to_be_focused()
    page.keyboard.press("z")
    expect(page.locator("#zoom")).to_have_attribute("aria-pressed", "true")
    expect(box).to_be_in_viewport()
    watched.shoot("zoomed")
    page.keyboard.press("ArrowUp")
    expect(table).not_to_be_focused()
    expect(page.locator(".box.lit")).to_have_count(1)


def test_every_kind_of_block_is_shown_as_what_it_is(service, opened, tmp_path):
    job_id = service.submit(pdf_of_text(tmp_path / "kinds.pdf", ["Replaced below."]))
    service.ended(job_id)
    blocks = blocks_of_all_kinds()
    service.write_page(job_id, 1, engine="deepseek", blocks=blocks)
    watched = opened(service, f"#/jobs/{job_id}")
    page = watched.page
    picture_shown(page)
    paper = page.locator("#paper")
    expect(paper.locator("h2")).to_have_text("Minutes of the meeting")
    expect(paper.locator("p strong")).to_have_text("unanimously")
    expect(paper.locator("p em")).to_have_text("in writing")
    expect(paper.locator("a")).to_have_count(1)
    link = paper.locator("a[href='https://example.org/minutes'][target=_blank][rel='noopener noreferrer nofollow']")
    expect(link).to_have_text("unanimously")
    expect(paper.locator("p code:not(.math)")).to_have_text("make test")
    expect(paper.locator("p code.math")).to_have_text("a^2 + b^2")
    expect(paper.locator(".formula")).to_have_text("\\int_0^1 x^2\\,dx = \\frac{1}{3}")
    expect(paper.locator("ul > li > ul > li")).to_have_text("Deeper")
    assert paper.locator("ol > li").evaluate_all("items => items.map(item => item.value)") == [3, 4]
    expect(paper.locator("pre code")).to_have_text("total = sum(parts)")
    assert paper.locator("th").first.evaluate("cell => [cell.colSpan, cell.textContent]") == [2, "Both"]
    assert paper.locator("td").first.evaluate("cell => [cell.rowSpan, cell.textContent]") == [2, "North"]
    # The last row has no first cell of its own, and its second stands below the second of the row above.
    assert paper.locator("tbody tr").last.locator("td").all_inner_texts() == ["12.50"]
    expect(paper.locator(".block")).to_have_count(len(blocks))
    watched.shoot("kinds")


def blocks_of_all_kinds() -> list[Block]:
    cells = [
        Cell(row=0, column=0, column_span=2, text="Both", header=True),
        Cell(row=1, column=0, row_span=2, text="North"),
        Cell(row=1, column=1, text="7.00"),
        Cell(row=2, column=1, text="12.50"),
    ]
    return [
        Block(kind="page_header", text="Harbour board"),
        Block(kind="title", text="Minutes of the meeting"),
        Block(kind="paragraph", text="Type make test first.", spans=[Span(start=5, end=14, code=True)]),
        Block(
            kind="paragraph",
            text="It was 𝕕ecided unanimously and in writing that $a^2 + b^2$ costs $5 or $6.",
            spans=[
                Span(start=15, end=26, bold=True, link="https://example.org/minutes"),
                Span(start=31, end=41, italic=True, link="javascript:window.harmed=3"),
            ],
        ),
        Block(kind="heading", text="Decisions", level=2),
        Block(kind="list_item", text="First", level=1),
        Block(kind="list_item", text="Deeper", level=2),
        Block(kind="list_item", text="3. Third", level=1),
        Block(kind="list_item", text="4. Fourth", level=1),
        Block(kind="formula", text="\\int_0^1 x^2\\,dx = \\frac{1}{3}"),
        Block(kind="code", text="total = sum(parts)"),
        Block(kind="table", table=Table(rows=3, columns=2, cells=cells)),
        Block(kind="caption", text="Table 1: what was spent"),
        Block(kind="figure", text=""),
        Block(kind="paragraph", text="Smudged beyond reading", confidence=0.31),
        Block(kind="checkbox", text="☑ Agreed"),
        Block(kind="signature", text="J. Marsh"),
        Block(kind="footnote", text="1 Not audited."),
        Block(kind="page_number", text="1"),
    ]


def test_every_format_is_shown_copied_and_downloaded(service, opened, rich_job):
    watched = opened(service, f"#/jobs/{rich_job}")
    page = watched.page
    picture_shown(page)
    for name, words in (
        ("Markdown", "# Quarterly report"),
        ("JSON", '"blocks"'),
        ("HTML", "<h1>Quarterly"),
        ("Text", "Quarterly report"),
    ):
        choose(page, name)
        expect(page.locator("#panel-result pre")).to_contain_text(words)
        watched.shoot(f"tab-{name.lower()}")
    choose(page, "JSON")
    page.get_by_role("button", name="Whole document").click()
    expect(page.locator("#panel-result pre")).to_contain_text('"pipeline_version"')
    choose(page, "Tables")
    expect(page.locator(".table-card")).to_have_count(1)
    watched.shoot("tab-tables")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    assert "Brake lining,12,148.50" in Path(saved.value.path()).read_text()
    assert saved.value.suggested_filename == "Quarterly report-page-1-table-1.csv"
    choose(page, "Chunks")
    first = page.get_by_role("region", name="Chunk 1", exact=True)
    expect(first.get_by_role("region", name="Text of chunk 1")).to_contain_text("# Quarterly report")
    watched.shoot("tab-chunks")
    with page.expect_popup() as opened_place:
        first.get_by_role("link", name="Show the place: Chunk 1").click()
    assert opened_place.value.evaluate("document.images[0].naturalWidth") > 0
    opened_place.value.close()
    page.get_by_role("button", name="Copy Markdown").click()
    expect(page.locator("#notices")).to_contain_text("Markdown copied.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("# Quarterly report")
    for label, ending in (
        ("Markdown", "md"),
        ("JSON", "json"),
        ("HTML", "html"),
        ("Tables as CSV", "csv"),
        ("Tables as JSON", "tables.json"),
        ("Plain text", "txt"),
        ("Chunks for search", "chunks.jsonl"),
        ("Everything", "zip"),
    ):
        page.locator("#open-downloads").click()
        if ending == "md":
            watched.shoot("download-menu", full=False)
        with page.expect_download() as saved:
            page.get_by_role("menuitem", name=f"{label} .{ending}").click()
        assert saved.value.suggested_filename == f"Quarterly report.{ending}"
        assert Path(saved.value.path()).stat().st_size > 0


def test_the_curl_line_does_what_the_page_did(service, opened, tmp_path):
    path = pdf_of_text(tmp_path / HOSTILE_NAME, ["The same again."])
    watched = opened(service)
    page = watched.page
    page.get_by_text("Fast", exact=True).click()
    page.locator("#more-options summary").click()
    page.get_by_label("Line between pages").fill('--- it\'s {page}; "x" ---')
    page.get_by_label("Pages", exact=True).fill("1-")
    expect(page.locator("#curl")).to_contain_text("accuracy_mode=fast")
    watched.upload(path)
    done(page)
    sent, fetched = page.locator("#job-curl").inner_text().splitlines()
    answer = subprocess.run(
        ["bash", "-c", sent.replace("curl", "curl -sS", 1)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    job_id = json.loads(answer.stdout)["job_id"]
    assert service.ended(job_id)["filename"] == HOSTILE_NAME
    assert not list(tmp_path.glob("*.md"))
    subprocess.run(["bash", "-c", fetched.replace("curl", "curl -sS", 1)], cwd=tmp_path, check=True)
    (saved,) = tmp_path.glob("*.md")
    assert "The same again." in saved.read_text()


def test_a_dropped_folder_with_folders_in_it_becomes_a_batch_of_its_files_with_their_paths(service, opened, tmp_path):
    folder = tmp_path / "desk"
    for path in ("a.txt", "mail/b.txt", "mail/old/c.txt", "mail/.hidden.txt"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"words of {path}")
    watched = opened(service)
    devtools = watched.page.context.new_cdp_session(watched.page)
    carried = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for event in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": event, "x": 700, "y": 300, "data": carried})
    watched.page.wait_for_url(re.compile(r"#/batches/[0-9a-f-]{36}"))
    expect(watched.page.locator("#batch-status")).to_have_text("Done", timeout=SECONDS)
    rows = watched.page.locator("#batch-rows li")
    expect(rows).to_have_count(3)
    for index, path in enumerate(("desk/a.txt", "desk/mail/b.txt", "desk/mail/old/c.txt")):
        expect(rows.nth(index)).to_contain_text(path)
    watched.shoot("batch-of-a-folder")


OFF_THE_PAGE = {
    **dict.fromkeys(
        ("chunk_strategy", "chunk_max_tokens", "chunk_overlap"),
        "chunks of other sizes need no reading: programs ask for them when the document is there",
    ),
    **dict.fromkeys(("classify", "labels"), "the page shows no types of documents; programs and the command line ask for them"),
    "webhook_url": "the page itself follows its jobs; an address of a program has no use there",
    "result_s3": "callers write only into buckets that the operator lists, which the page does not know",
}
"""The options that the page does not offer, and why."""


def test_every_option_is_on_the_page_or_left_out_for_a_reason(service, opened):
    page = opened(service).page
    offered = set(page.evaluate("Array.from(document.getElementById('options').elements, ({ name }) => name)")) - {""}
    assert offered | OFF_THE_PAGE.keys() == {*Options.model_fields, *TEXT_FIELDS}
    assert not offered & OFF_THE_PAGE.keys()
    page.locator("#more-options summary").click()
    for name in offered:
        for control in page.locator(f"#options select[name={name}] option").all():
            value = control.get_attribute("value")
            assert Options.model_validate({name: value}), (name, value)


def test_what_is_changed_on_the_page_is_sent_and_what_is_not_has_the_servers_default(service, opened, paper):
    watched = opened(service)
    watched.page.locator("#more-options summary").click()
    chosen = {"layers": "body", "csv_safe": "false", "priority": "batch", "cache": "false"}
    for name, value in chosen.items():
        default = Options.model_fields[name].default
        expect(watched.page.locator(f"select[name={name}]")).to_have_value(str(default).lower())
        watched.page.locator(f"select[name={name}]").select_option(value)
    expect(watched.page.locator("#curl")).to_contain_text("-F layers=body -F csv_safe=false -F priority=batch -F cache=false")
    watched.upload(paper)
    done(watched.page)
    options = json.loads((service.data_dir / storage_keys.card(watched.job())).read_text())["card"]["options"]
    assert {name: str(options[name]).lower() for name in chosen} == chosen


def test_what_becomes_of_doubt_and_of_figures_is_chosen_in_words_and_sent(service, opened, paper):
    watched = opened(service)
    page = watched.page
    page.locator("#more-options summary").click()
    expect(page.locator("#curl")).not_to_contain_text("on_low_quality")
    page.get_by_label("A page in doubt").select_option("Count it as failed")
    page.get_by_label("Pictures and charts").select_option("Leave them out")
    expect(page.locator("#curl")).to_contain_text("-F on_low_quality=fail -F figures=none")
    watched.shoot("more-options")
    watched.upload(paper)
    done(page)
    options = json.loads((service.data_dir / storage_keys.card(watched.job())).read_text())["card"]["options"]
    assert (options["on_low_quality"], options["figures"]) == ("fail", "none")


def test_everything_is_done_with_the_keyboard_alone(service, opened):
    watched = opened(service)
    page = watched.page
    expect(page.locator("#health")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#files")).to_be_focused()
    watched.shoot("keyboard-upload", full=False)
    page.keyboard.press("Tab")
    expect(page.locator("#link")).to_be_focused()
    page.keyboard.press("Tab")  # the button beside the link
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first sample
    watched.job()
    expect(page.locator("#job-title")).to_be_focused()
    done(page)
    picture_shown(page)
    page.keyboard.press("j")
    expect(page.locator("#page-number")).to_have_value("2")
    page.keyboard.press("k")
    expect(page.locator("#page-number")).to_have_value("1")
    page.keyboard.press("Tab")
    expect(page.locator("#copy-result")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem").nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#open-downloads")).to_be_focused()
    page.locator("#page-map").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#page-map")).to_have_attribute("aria-valuenow", "2")
    expect(page.locator("#page-map")).to_have_attribute("aria-valuetext", "Page 2: read by Text layer")
    page.keyboard.press("Tab")
    expect(page.locator("#tab-page")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-markdown")).to_be_focused()
    expect(page.locator("#tab-markdown")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#panel-result pre")).to_contain_text("Counting Swifts")
    page.keyboard.press("Home")
    page.locator("#paper .block").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#paper .block").nth(1)).to_be_focused()
    watched.shoot("keyboard-block", full=False)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    watched.shoot("help", full=False)
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Read a document")).to_be_visible()


def test_single_keys_can_be_switched_off(service, opened, rich_job):
    page = opened(service, f"#/jobs/{rich_job}").page
    picture_shown(page)
    page.locator("#open-help").click()
    page.get_by_label("Single keys act as shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("#page-number")).to_have_value("1")


def test_deleting_asks_once_and_leaves_nothing(service, opened, paper):
    watched = opened(service, expected={404})
    page = watched.upload(paper)
    job_id = watched.job()
    done(page)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    watched.shoot("delete", full=False)
    page.keyboard.press("Escape")
    expect(page.locator("#confirm-delete")).to_be_hidden()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("heading", name="Read a document")).to_be_visible()
    assert service.client.get(f"/v1/jobs/{job_id}/status").status_code == 404
    expect(page.locator(f'#jobs [data-id="{job_id}"]')).to_have_count(0)
    assert job_id not in page.evaluate("localStorage.getItem('docparse.jobs')")


def test_only_own_documents_are_listed_until_the_admin_token_is_given(service, opened, paper, rich_job):
    watched = opened(service, expected={401, 403}, operator=False)
    page = watched.page
    expect(page.locator("#jobs-note")).to_contain_text("Only documents sent from this browser")
    expect(page.locator("#token-form")).to_contain_text("docparse operator-link")
    expect(page.locator("#jobs li")).to_have_count(0)
    watched.upload(paper)
    job_id = watched.job()
    expect(page.locator("#jobs li")).to_have_count(1)
    expect(page.locator(f'#jobs [data-id="{job_id}"] b')).to_have_text(paper.name)
    done(page)
    picture_shown(page)
    watched.shoot("admin-token")
    page.get_by_label("Admin token").fill("guessed")
    page.keyboard.press("Enter")
    expect(page.locator("#jobs-note")).to_contain_text("was not accepted")
    assert not page.evaluate("sessionStorage.getItem('docparse.admin-token')"), "it would count as a guess again and again"
    page.get_by_label("Admin token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator(f'#jobs [data-id="{rich_job}"]')).to_be_visible()
    expect(page.locator("#token-form")).to_be_hidden()
    assert TOKEN not in page.evaluate("JSON.stringify(localStorage)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(service, opened, rich_job, scheme):
    options = {"viewport": PHONE, "color_scheme": scheme, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
    watched = opened(service, **options)
    page = watched.page
    for name, address in (("upload", "#/"), ("result", f"#/jobs/{rich_job}")):
        watched.open(address)
        if name == "result":
            picture_shown(page)
            page.get_by_role("button", name="Picture").tap()
            expect(page.locator(".leaf img")).to_be_hidden()
            page.get_by_role("button", name="Picture").tap()
            page.get_by_role("button", name="Read again").tap()
            expect(page.locator("#reread")).to_be_visible()
            page.get_by_role("button", name="Download").tap()
            expect(page.locator("#download-menu").get_by_text("Everything")).to_be_visible()
        else:
            expect(page.locator("#jobs li").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        watched.shoot(f"phone-{name}-{scheme}")


def test_the_list_of_documents_uses_the_width_of_a_phone(service, opened, tmp_path):
    name = "Minutes of the extraordinary general meeting of the harbour board, second part, corrected copy.pdf"
    service.ended(service.submit(pdf_of_text(tmp_path / name, ["Short."])))
    page = opened(service, viewport=PHONE, is_mobile=True, has_touch=True).page
    row = page.locator("#jobs li").first
    expect(row.locator("b")).to_have_text(name)
    assert row.evaluate("row => row.getBoundingClientRect().width") > PHONE["width"] - 20
    for part in row.locator("b, time, span").all():
        assert part.evaluate("part => part.scrollWidth <= part.clientWidth || getComputedStyle(part).display === 'inline'")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_lines_that_were_left_out_are_counted_and_kept_on_request(service, opened, paper):
    watched = opened(service)

    def with_three(route: Route) -> None:
        told = route.fetch().json()
        route.fulfill(json={**told, "stripped": 3} if told["number"] == 1 else told)

    watched.page.route("**/pages/*", with_three)
    page = watched.upload(paper)
    done(page)
    expect(page.locator("#page-notes")).to_contain_text("3 lines of page headers and footers left out.")
    watched.shoot("stripped")
    first = watched.job()
    page.get_by_role("button", name="Read the document again and keep them").click()
    page.wait_for_url(lambda url: "/jobs/" in url and first not in url)
    done(page)
    options = json.loads((service.data_dir / storage_keys.card(watched.job())).read_text())["card"]["options"]
    assert options["headers_footers"] == "keep"
    # Another visit has the file no more: it is asked for.
    elsewhere = opened(service, f"#/jobs/{first}")
    elsewhere.page.route("**/pages/*", with_three)
    elsewhere.page.reload()
    elsewhere.page.get_by_role("button", name="Read the document again and keep them").click()
    expect(elsewhere.page.get_by_label("Headers, footers, page numbers")).to_be_focused()
    expect(elsewhere.page.get_by_label("Headers, footers, page numbers")).to_have_value("keep")


def test_it_follows_a_dark_desktop(service, opened, rich_job):
    watched = opened(service, color_scheme="dark")
    expect(watched.page.locator("#jobs li").first).to_be_visible()
    watched.shoot("dark-upload")
    watched.open(f"#/jobs/{rich_job}")
    picture_shown(watched.page)
    watched.page.locator("#paper .block").nth(1).hover()
    watched.shoot("dark-result")
    choose(watched.page, "JSON")
    expect(watched.page.locator("#panel-result pre")).to_be_visible()
    watched.shoot("dark-json")


def test_a_thousand_pages_stay_few_elements_and_few_requests(service, opened, tmp_path):
    path = pdf_of_text(tmp_path / "annals.pdf", [f"Page {number} of the annals. {PARAGRAPH}" for number in range(1, MANY + 1)])
    watched = opened(service)
    page = watched.upload(path)
    job_id = watched.job()
    expect(page.locator("#page-total")).to_have_text("of 1,000", timeout=SECONDS)
    service.ended(job_id, seconds=180)
    done(page)
    expect(page.locator("#legend")).to_contain_text("Text layer1,000")
    picture_shown(page)
    watched.shoot("thousand-pages")
    assert page.evaluate("document.querySelectorAll('*').length") < MOST_NODES

    again = opened(service, f"#/jobs/{job_id}/pages/500")
    page = again.page
    expect(page.locator("#paper")).to_contain_text("Page 500 of the annals")
    for _ in range(3):
        page.keyboard.press("j")
    expect(page.locator("#paper")).to_contain_text("Page 503 of the annals")
    picture_shown(page)
    choose(page, "JSON")
    page.get_by_role("button", name="Whole document").click()
    expect(page.locator("#panel-result .hint")).to_contain_text("The first 200 kB")
    assert page.evaluate("document.querySelectorAll('*').length") < MOST_NODES
    assert page.evaluate("document.querySelector('#panel-result pre').textContent.length") <= 200_000
    pages_asked = {
        address for address in again.asked if re.search(r"/pages/\d+$", address.partition("#")[0]) and address.startswith("/v1")
    }
    assert len(pages_asked) <= 8
    assert not [address for address in again.asked if address.endswith("/events")]


def test_the_page_holds_no_inline_script_style_or_handler(service):
    answer = service.client.get("/")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.text)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert not [address for address in addresses if "//" in address]
    for address in {address for address in addresses if address.startswith("/static/")}:
        assert service.client.get(address).status_code == 200


def test_only_the_samples_themselves_are_served_as_samples(service):
    assert service.client.get("/samples/paper.pdf").content.startswith(b"%PDF")
    for name in ("demo.py", "..%2Fsetup.cfg", "nothing.pdf"):
        assert service.client.get(f"/samples/{name}").status_code == 404
