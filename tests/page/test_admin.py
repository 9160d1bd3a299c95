"""The admin page in a real browser: who is let in, each section, and all of it by keyboard, on a phone and in the dark."""

from __future__ import annotations

import csv
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from document_parser.accounts.database import Database
from document_parser.accounts.history import History
from document_parser.accounts.models import JobRow
from document_parser.accounts.records import Counted
from document_parser.accounts.secret_keys import is_well_formed
from document_parser.accounts.usage import Usage
from document_parser.settings import Settings, StoreSettings
from tests.support.accessibility import sound
from tests.support.browser import DESKTOP, SECONDS
from tests.support.owners import client_of, make_key
from tests.support.receiver import receiving
from tests.support.service import SOON, Service, wait_until

SECTIONS = ("system", "usage", "jobs", "failures", "keys", "tiers", "webhooks", "audit")
SMALLEST = {"width": 360, "height": 740}
DAMAGED, LOCKED = "DAMAGED_DOCUMENT", "ENCRYPTED_DOCUMENT"
MARKUP = "<img src=x onerror=document.title=1><b>bold.txt"
LONG = "Contract with a very long name that nobody has shortened for the sake of telephones, signed.pdf"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = {"AUTH_MODE": "required", "WEB_WORKERS": 1, "WEB_THREADS": 12, "RATE_LIMIT_READS": "none", **SOON}
    settings |= {"INFERENCE_MODE": "auto", "VLLM_DEEPSEEK_URL": "http://127.0.0.1:9/v1"}
    settings |= {"WEBHOOK_ALLOW_HOSTS": '["127.0.0.1"]', "WEBHOOK_RETRY_SECONDS": "[0.1]"}
    with Service(tmp_path_factory.mktemp("admin"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def keys(service):
    """A key of each of two owners, one of which may do everything."""
    return {"boss": make_key(service.data_dir, "boss", ("admin",)), "acme": make_key(service.data_dir, "acme", name="Till")}


@pytest.fixture(scope="module")
def read(service, keys, rich):
    """The job of a document that was read."""
    with client_of(service.port, keys["acme"].secret) as client, rich.open("rb") as stream:
        job_id = client.post("/v1/process/async", files={"file": (rich.name, stream)}).json()["job_id"]
        assert client.get(f"/v1/jobs/{job_id}/status", params={"wait": 30}).json()["status"] == "completed"
    found = lambda: service.client.get("/v1/history", params={"text": job_id, "state": "completed"}).json()["jobs"]  # noqa: E731
    wait_until(found, 20, "the job is in the history")
    return job_id


@pytest.fixture(scope="module")
def past(service, keys, read):
    """What was used and what failed before: three days of two engines, and seventy jobs of which four failed."""
    database = Database(Settings(store=StoreSettings(data_dir=service.data_dir)))
    key, today = keys["acme"].key.id, datetime.now(UTC).date()
    days = [today - timedelta(days=number) for number in (1, 2, 3)]
    pages = {"text_layer": 300, "nanonets": 100}
    Usage(database).add("past", [Counted("acme", key, day, name, {"pages": n}) for day in days for name, n in pages.items()])
    failed = {3: DAMAGED, 4: DAMAGED, 5: DAMAGED, 6: LOCKED}
    History(database).write(
        JobRow(
            job_id=str(uuid.uuid4()),
            owner="globex",
            state="failed" if number in failed else "completed",
            error_code=failed.get(number, ""),
            filename={3: LONG, 5: MARKUP}.get(number, f"invoice {number}.pdf"),
            created_at=datetime.now(UTC) - timedelta(hours=1, minutes=number),
        )
        for number in range(70)
    )
    database.close()


def titled(page, title):
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def rows(page, view):
    return page.locator(f"#{view}-view tbody tr")


def settled(page, section):
    """Wait until a section has loaded what it shows."""
    expect(page.locator(f"#{section}-view")).to_be_visible()
    expect(page.locator(f"#{section}-view .waiting")).to_have_count(0, timeout=SECONDS)
    assert page.locator(f"#{section}-view .failure").count() == 0


# --- who is let in ----------------------------------------------------------------------------------------------------


def test_a_key_without_the_scope_sees_nothing_and_is_told_why_and_one_with_it_comes_in(service, opened, keys):
    watched = opened(service, "admin#/keys", operator=False)
    page = watched.page
    titled(page, "Log in as an admin")
    for name, title in (("acme", "Not for this login"), ("boss", "Keys")):
        assert [asked for asked in watched.asked if asked.startswith("/v1/")] == []
        page.get_by_label("API key", exact=True).fill(keys[name].secret)
        page.get_by_label("API key", exact=True).press("Enter")
        titled(page, title)
        expect(page.locator(".caller")).to_have_text(name)
        if name == "acme":
            expect(page.locator("#side")).to_be_hidden()
            expect(page.locator("#login-view")).to_contain_text("needs the scope admin")
            sound(watched, "without the scope")
    expect(rows(page, "keys").filter(has_text="you are logged in with it")).to_have_count(1)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)


def test_the_operators_token_is_enough_for_this_tab_and_a_wrong_one_is_refused(service, opened):
    page = opened(service, "admin", operator=False, expected={401}).page
    page.get_by_text("I run this service").click()
    page.get_by_label("Admin token").fill("guess")
    page.get_by_label("Admin token").press("Enter")
    expect(page.locator("#login-problem")).to_contain_text("not accepted")
    expect(page.get_by_label("Admin token")).to_be_focused()
    page.get_by_label("Admin token").fill(service.operator_token)
    page.get_by_label("Admin token").press("Enter")
    titled(page, "Queue and engines")
    page.reload()
    expect(page.locator("#system-state .figures")).to_contain_text("Accepted")
    page.get_by_role("button", name="Forget the token").click()
    titled(page, "Log in as an admin")


# --- the sections -----------------------------------------------------------------------------------------------------


def test_every_section_is_for_everybody_and_none_is_wider_than_a_small_phone(service, opened, past, read):
    watched = opened(service, "admin")
    page = watched.page
    addresses = {name: name for name in SECTIONS} | {"jobs": "jobs?state=failed", "job": f"jobs/{read}"}
    for section, address in addresses.items():
        page.set_viewport_size(DESKTOP)
        watched.open(f"admin#/{address}")
        settled(page, section)
        expect(page.locator("#side a[aria-current=page]")).to_have_count(1)
        if section == "job":
            page.get_by_role("button", name="Why page 1 reads").click()
            expect(page.locator("#why-1")).to_contain_text("Accepted")
        sound(watched, section)
        page.set_viewport_size(SMALLEST)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), section
        expect(page.locator(f"#{section}-view .frame-scroll[tabindex]")).to_have_count(0)
        if section == "keys":
            sound(watched, "keys on a phone")


def test_keys_are_made_replaced_and_ended_by_keyboard_and_the_focus_comes_back(service, opened, keys):
    watched = opened(service, "admin#/keys", expected={422})
    page, press = watched.page, watched.page.keyboard.press
    settled(page, "keys")
    page.locator("#new-key").focus()
    press("Enter")
    expect(page.locator("#key-name")).to_be_focused()
    press("Enter")
    expect(page.locator("#key-name-problem")).to_have_text("What it is for is missing.")
    page.keyboard.type("Archive")
    press("Tab")
    page.keyboard.type("No Such Owner")
    press("Enter")
    expect(page.locator("#key-owner-problem")).to_contain_text("is not 1 to 64 of a-z")
    expect(page.locator("#key-owner")).to_be_focused()
    sound(watched, "a new key that is refused")
    page.locator("#key-owner").fill("archive")
    press("Enter")
    expect(page.locator("#copy-key")).to_be_focused()
    secret = page.locator("#made-key").inner_text()
    assert is_well_formed(secret)
    press("Enter")
    expect(page.locator("#notices")).to_contain_text("Key copied.")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    press("Escape")
    expect(page.locator("#made-dialog")).to_be_hidden()
    expect(page.locator("#new-key")).to_be_focused()
    assert secret not in page.content()

    row = rows(page, "keys").filter(has_text="Archive")
    row.get_by_role("button", name="Replace").focus()
    press("Enter")
    page.locator("#rotate-grace").select_option("3600")
    page.locator("#rotate-form").get_by_role("button", name="Replace it").press("Enter")
    expect(page.locator("#copy-key")).to_be_focused()
    replaced = page.locator("#made-key").inner_text()
    expect(row).to_have_count(2)
    press("Escape")
    # The row whose button opened it was drawn anew. The focus is there at once, before the browser draws a frame.
    assert page.evaluate("document.activeElement.closest('tr')?.textContent.includes('Archive')")

    hint = replaced[: len("dp_live_") + 4]
    rows(page, "keys").filter(has_text=hint).get_by_role("button", name="Revoke").press("Enter")
    expect(page.locator("#confirm-says")).to_contain_text("archive ends on every host")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    sound(watched, "revoke a key")
    press("Escape")
    expect(rows(page, "keys").filter(has_text=hint).get_by_role("button", name="Revoke")).to_be_focused()
    press("Enter")
    page.locator("#confirm-act").press("Enter")
    expect(rows(page, "keys").filter(has_text=hint)).to_have_count(0)
    expect(page.locator("#keys-title")).to_be_focused()
    page.get_by_role("combobox", name="State").select_option("all")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(rows(page, "keys").filter(has_text=hint)).to_contain_text("Revoked")
    with client_of(service.port, secret) as old, client_of(service.port, replaced) as new:
        assert old.get("/v1/me").status_code == 200, "it has an hour left"
        wait_until(lambda: new.get("/v1/me").status_code == 401, 10, "the revoked key ends")


def test_usage_is_drawn_and_said_in_figures_and_the_csv_has_all_of_it(service, opened, past):
    page = opened(service, "admin#/usage?owner=acme").page
    settled(page, "usage")
    chart = page.get_by_role("img", name="Pages a day")
    expect(chart).to_have_accessible_name(re.compile(r"1,20\d pages from .*; most of them on .*: 400"))
    assert chart.locator("rect.bar").count() >= 6
    page.get_by_text("The figures as a table").click()
    yesterday = page.locator(".figures-table tbody tr").filter(has_text=str(datetime.now(UTC).date() - timedelta(days=1)))
    expect(yesterday.locator("td").first).to_have_text("400")
    engine = page.get_by_label("By engine").locator("tbody tr").filter(has_text="Nanonets-OCR2")
    expect(engine).to_contain_text("25 %")
    expect(page.get_by_label("By key").locator("tbody tr")).to_contain_text("Till")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    with Path(download.value.path()).open() as file:
        lines = list(csv.DictReader(file))
    told = service.client.get("/v1/usage", params={"by": "owner", "owner": "acme"}).json()["total"]
    assert sum(int(line["pages"]) for line in lines) == told["pages"] >= 1200
    assert {(line["owner"], type(date.fromisoformat(line["day"]))) for line in lines} == {("acme", date)}
    page.get_by_role("textbox", name="Owner").fill("nobody")
    page.get_by_role("textbox", name="Owner").press("Enter")
    expect(page.locator("#usage-charts")).to_contain_text("Nothing was read")
    assert page.url.endswith("owner=nobody")


def test_jobs_are_searched_and_failures_lead_to_theirs(service, opened, past, read):
    page = opened(service, "admin#/failures").page
    settled(page, "failures")
    expect(rows(page, "failures").first).to_contain_text(DAMAGED)
    expect(rows(page, "failures").first).to_contain_text("75 %")
    page.get_by_role("link", name=f"Show the jobs with {DAMAGED}").press("Enter")
    titled(page, "Jobs")
    expect(page.locator("#jobs-title")).to_be_focused()
    expect(rows(page, "jobs")).to_have_count(3)
    expect(page.get_by_role("combobox", name="State")).to_have_value("failed")
    page.get_by_role("link", name="Clear").click()
    expect(rows(page, "jobs")).to_have_count(50)
    page.get_by_role("button", name="Show older").press("Enter")
    expect(rows(page, "jobs")).to_have_count(71)
    expect(rows(page, "jobs").nth(50).locator("th")).to_be_focused()
    page.get_by_role("searchbox", name="Document").fill("QUARTERLY")
    page.get_by_role("searchbox", name="Document").press("Enter")
    expect(rows(page, "jobs")).to_have_count(1)
    page.get_by_role("link", name="Quarterly report.pdf").press("Enter")
    titled(page, "Quarterly report.pdf")
    expect(page.locator(".trail-page")).to_have_count(2)
    page.get_by_role("button", name="Why page 1 reads").press("Enter")
    expect(page.locator("#why-1")).to_contain_text("Text layer")
    page.go_back()
    expect(page.get_by_role("searchbox", name="Document")).to_have_value("QUARTERLY")
    page.get_by_role("searchbox", name="Document").fill("no such document")
    page.get_by_role("searchbox", name="Document").press("Enter")
    expect(page.locator("#jobs-list .empty")).to_contain_text("None fits what was asked for")


def test_failures_that_are_not_all_counted_are_said_to_be_a_part(service, opened, past):
    page = opened(service, "admin#/failures").page
    settled(page, "failures")
    expect(page.locator("#failures-part")).to_be_hidden()

    def counted_in_part(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"is_whole": False})

    page.route("**/v1/history/failures*", counted_in_part)
    page.reload()
    expect(page.locator("#failures-part")).to_contain_text("Only the newest")


def test_tiers_stand_in_the_order_of_their_file(service, opened):
    page = opened(service, "admin#/tiers").page
    settled(page, "tiers")
    assert page.locator("#tiers-view thead th").all_text_contents() == ["Limit", "free", "key", "oauth", "enterprise"]


def test_the_audit_is_searched(service, opened, past, read):
    listed = lambda: service.client.get("/v1/audit", params={"job_id": read}).json()["entries"]  # noqa: E731
    wait_until(listed, 20, "the upload is in the audit")
    page = opened(service, f"admin#/jobs/{read}").page
    page.get_by_role("link", name="Who read or changed it").click()
    titled(page, "Audit")
    expect(page.get_by_label("Job", exact=True)).to_have_value(read)
    page.get_by_role("combobox", name="Action").select_option("job.submit")
    page.get_by_role("button", name="Search").click()
    expect(rows(page, "audit")).to_have_count(1)
    expect(rows(page, "audit")).to_contain_text("acme")


def test_queue_and_engines_show_what_reads_and_the_breakers(service, opened):
    page = opened(service, "admin").page
    titled(page, "Queue and engines")
    expect(page.get_by_label("Engines", exact=True)).to_contain_text("does not answer")
    expect(page.get_by_label("Model servers and their breakers").locator("tbody").first).to_contain_text("127.0.0.1:9")
    expect(page.get_by_label("Model servers and their breakers").locator("tbody").first).to_contain_text("Closed")


def test_a_list_that_does_not_come_says_so_and_comes_when_asked_again(service, opened, past):
    watched = opened(service, "admin#/webhooks", expected={422})
    page = watched.page
    expect(page.locator("#webhooks-list .empty")).to_contain_text("No deliveries")
    fault = {"error": {"code": "DATABASE_UNAVAILABLE", "message": "The database does not answer.", "retryable": False}}
    page.route("**/v1/history?*", lambda route: route.fulfill(status=422, json=fault))
    watched.open("admin#/jobs")
    expect(page.get_by_role("alert")).to_contain_text("The jobs could not be loaded")
    expect(page.get_by_role("alert")).to_contain_text("The database does not answer.")
    page.unroute("**/v1/history?*")
    page.get_by_role("button", name="Try again").press("Enter")
    expect(rows(page, "jobs")).to_have_count(50)


def test_the_focus_goes_to_the_heading_when_rows_that_had_it_cannot_be_loaded_again(service, opened):
    make_key(service.data_dir, "acme", name="Till 2")
    page = opened(service, "admin#/keys", expected={422}).page
    replace = rows(page, "keys").filter(has_text="Till 2").get_by_role("button", name="Replace")
    replace.press("Enter")
    page.locator("#rotate-grace").select_option("3600")
    asked = []
    page.route("**/v1/keys?*", lambda route: asked.append(route))
    page.get_by_role("button", name="Replace it").press("Enter")
    expect(page.locator("#copy-key")).to_be_focused()
    page.keyboard.press("Escape")
    expect(replace).to_be_focused()
    wait_until(lambda: page.wait_for_timeout(20) or asked, 10, "the keys are asked for")
    fault = {"error": {"code": "DATABASE_UNAVAILABLE", "message": "The database does not answer.", "retryable": False}}
    asked[0].fulfill(status=422, json=fault)
    expect(page.get_by_role("alert")).to_contain_text("The keys could not be loaded")
    expect(page.locator("#keys-title")).to_be_focused()


def test_what_others_wrote_is_shown_as_they_wrote_it(service, opened, past, keys):
    make_key(service.data_dir, "acme", name=MARKUP)
    watched = opened(service, "admin#/jobs?text=bold", expected={404})  # nothing but the history knows the job
    page = watched.page
    expect(rows(page, "jobs").locator("th a")).to_have_text(MARKUP)
    rows(page, "jobs").locator("th a").click()
    titled(page, MARKUP)
    watched.open("admin#/keys?owner=acme")
    expect(rows(page, "keys").locator("th b").filter(has_text="bold.txt")).to_have_text(MARKUP)
    expect(page.locator("main img")).to_have_count(0)


def test_deliveries_are_listed_and_those_that_were_given_up_are_delivered_again(service, opened, keys, tmp_path, past):
    document = tmp_path / "note.txt"
    document.write_text("A note.")
    with receiving(200, 500, 500) as receiver, client_of(service.port, keys["acme"].secret) as client:

        def send():
            form = {"webhook_url": receiver.url}
            with document.open("rb") as stream:
                sent = client.post("/v1/process/async", files={"file": ("note.txt", stream)}, data=form)
            return sent.json()["job_id"]

        def states():
            return sorted(one["state"] for one in service.client.get("/v1/webhooks/deliveries").json()["deliveries"])

        first = send()
        wait_until(lambda: states() == ["delivered"], 60, "the first is delivered")
        second = send()
        wait_until(lambda: states() == ["delivered", "failed"], 60, "the second is given up")
        watched = opened(service, "admin#/webhooks")
        page = watched.page
        settled(page, "webhooks")
        expect(rows(page, "webhooks")).to_have_count(2)
        expect(page.locator("#webhooks-counts")).to_have_text("0 waiting, 1 given up.")
        given_up = rows(page, "webhooks").filter(has_text=second)
        expect(given_up).to_contain_text("Given up")
        expect(given_up).to_contain_text("500")
        assert "secret" not in page.locator("#webhooks-view").inner_text(), "the receiver's address stays with who sent it"
        sound(watched, "deliveries")
        page.get_by_role("combobox", name="State").select_option("failed")
        page.get_by_role("button", name="Show", exact=True).press("Enter")
        expect(rows(page, "webhooks")).to_have_count(1)
        page.get_by_role("button", name="Deliver failed ones again").press("Enter")
        expect(page.locator("#confirm-says")).to_contain_text("1 webhook that was given up is delivered again")
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        page.get_by_role("button", name="Deliver them").press("Enter")
        expect(page.locator("#notices")).to_contain_text("1 webhook will be delivered again.")
        expect(page.locator("#webhooks-list .empty")).to_contain_text("No deliveries")
        wait_until(lambda: states() == ["delivered", "delivered"], 60, "it is delivered")
        watched.open("admin#/webhooks")
        page.get_by_role("button", name=f"Deliver job.completed of {first} again").press("Enter")
        expect(page.locator("#notices")).to_contain_text("delivered again")
        wait_until(lambda: len(receiver.about(first)) == 2, 60, "the first is delivered again")


def test_a_new_key_is_copied_where_browsers_offer_no_clipboard_and_replaced_and_ended_in_two_tabs(service, opened, keys):
    """Over plain HTTP from another machine there is only the old way of copying."""
    watched = opened(service, "admin#/keys", expected={409, 422})
    page = watched.page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator("#new-key").click()
    page.locator("#key-name").fill("Scanner")
    page.locator("#key-owner").fill("scans")
    page.get_by_label("Web pages that may use it").fill("nowhere")
    page.locator("#key-form").get_by_role("button", name="Make the key").click()
    expect(page.locator("#key-origins-problem")).to_contain_text("Web pages that may use it")
    page.get_by_label("Web pages that may use it").fill("https://one.example.org, https://two.example.org")
    page.locator("#key-form").get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="Copy the key").click()
    # A notice outside of the dialog could be neither heard nor closed.
    expect(page.locator("#made-dialog #notices")).to_contain_text("Key copied.")
    expect(page.locator("#copy-key")).to_be_focused()
    assert page.evaluate("getSelection().toString()") == ""
    page.keyboard.press("Escape")
    expect(page.locator("body > #notices")).to_have_count(1)
    row = rows(page, "keys").filter(has_text="Scanner")
    expect(row).to_contain_text("in pages of https://one.example.org, https://two.example.org")

    # Another tab ends the key; this one still offers to replace it.
    with page.context.new_page() as other:
        other.goto(page.url)
        rows(other, "keys").filter(has_text="Scanner").get_by_role("button", name="Revoke").click()
        other.get_by_role("button", name="Revoke it").click()
        expect(rows(other, "keys").filter(has_text="Scanner")).to_have_count(0)
    row.get_by_role("button", name="Replace").click()
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator("#rotate-problem")).to_contain_text("revoked")
    page.keyboard.press("Escape")


def test_a_login_that_ends_elsewhere_is_asked_for_again_and_leads_back(service, opened):
    made = make_key(service.data_dir, "chief", ("admin",))
    watched = opened(service, "admin#/audit?action=key.create", operator=False, expected={401})
    page = watched.page
    page.get_by_label("API key", exact=True).fill(made.secret)
    page.get_by_label("API key", exact=True).press("Enter")
    titled(page, "Audit")
    with page.context.new_page() as other:
        other.goto(f"{watched.base}/admin")
        other.get_by_role("button", name="Log out").click()
        expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_role("button", name="Search").click()
    titled(page, "Log in as an admin")
    assert page.url.endswith("/admin#/audit?action=key.create")
    page.get_by_label("API key", exact=True).fill(made.secret)
    page.get_by_label("API key", exact=True).press("Enter")
    titled(page, "Audit")
    expect(page.get_by_role("combobox", name="Action")).to_have_value("key.create")


def test_the_state_of_the_service_is_asked_for_while_it_is_seen_and_while_that_helps(service, opened, past):
    watched = opened(service, "admin#/constructor", expected={401, 500})
    page = watched.page
    titled(page, "Queue and engines")
    expect(page.locator("#system-state .figures")).to_contain_text("Accepted")
    page.clock.install()
    failed = {"error": {"code": "INTERNAL_ERROR", "message": "The server has failed.", "retryable": False}}
    refused = {"error": {"code": "LOGIN_REQUIRED", "message": "Send the operator's token.", "retryable": False}}

    def asked_in_a_minute():
        watched.asked.clear()
        for _ in range(6):
            page.clock.fast_forward(10_000)
            page.evaluate("() => fetch('/v1/health/live')")  # what was sent before has been noted when this has come
        return watched.asked.count("/v1/breakers")

    def hide(hidden):
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{ value: {str(hidden).lower()}, configurable: true }})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    wait_until(lambda: asked_in_a_minute() > 1, 60, "it is asked for")
    hide(True)
    page.clock.fast_forward(20_000)
    assert asked_in_a_minute() == 0, "hidden"
    page.route("**/v1/breakers", lambda route: route.fulfill(status=500, json=failed))
    hide(False)
    page.clock.fast_forward(15_000)
    expect(page.get_by_role("alert")).to_contain_text("The server has failed.")
    page.evaluate("document.querySelector('#system-state .failure button').focus()")
    wait_until(lambda: asked_in_a_minute() > 1, 60, "it is asked for: a server that fails may recover")
    expect(page.get_by_role("button", name="Try again")).to_be_focused()
    page.unroute("**/v1/breakers")
    page.route("**/v1/breakers", lambda route: route.fulfill(status=401, json=refused))
    page.clock.fast_forward(15_000)
    expect(page.get_by_role("alert")).to_contain_text("Send the operator's token.")
    assert asked_in_a_minute() == 0, "who is shut out stays so"
