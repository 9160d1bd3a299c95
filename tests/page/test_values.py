"""The tab of values: asked for, shown with their places on the page, checked, and saved; with the keyboard and on a phone."""

from __future__ import annotations

import csv
import json

import pytest
from playwright.sync_api import expect

from tests.support.accessibility import sound
from tests.support.browser import PHONE, becomes_true, choose
from tests.support.drawn_invoices import draw_invoice
from tests.support.service import Service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("values"), NUM_WORKERS=1, WEB_WORKERS=1, WEB_THREADS=12) as running:
        yield running


@pytest.fixture(scope="module")
def invoice(service, tmp_path_factory):
    """The job of an invoice."""
    job_id = service.submit(draw_invoice(tmp_path_factory.mktemp("documents") / "invoice.pdf"))
    service.ended(job_id)
    return job_id


def value(page, text):
    return page.locator("#values-found [data-value]", has_text=text).first


def test_values_are_found_and_each_lights_its_place(service, opened, invoice):
    watched = opened(service, f"#/jobs/{invoice}")
    page = watched.page
    choose(page, "Fields")
    sound(watched, "fields, before")
    page.get_by_role("button", name="Find the values").click()
    row = page.get_by_role("row", name="Invoice number")
    expect(row).to_contain_text("QS-2026-0471")
    expect(row).to_contain_text("%")
    expect(page.get_by_role("row", name="Buyer name")).to_contain_text("Not in the document")
    expect(page.locator("#values-sheet img")).to_be_visible()
    value(page, "QS-2026-0471").hover()
    lit = page.locator("#values-sheet .box.lit")
    expect(lit).to_have_attribute("data-label", "Invoice number")
    value(page, "259.42").focus()
    expect(lit).to_have_attribute("data-label", "Grand total")
    lines = page.get_by_role("region", name="Lines")
    expect(lines.get_by_role("row")).to_have_count(3)
    value(page, "Ring binder").focus()
    expect(lit).to_have_attribute("data-label", "Name, row 2")
    checks = page.get_by_role("region", name="Checks")
    expect(checks.get_by_role("listitem").first).to_contain_text("Passed")
    sound(watched, "fields")
    watched.shoot("tab-fields")


def test_a_box_on_the_page_leads_to_its_value(service, opened, invoice):
    page = opened(service, f"#/jobs/{invoice}").page
    choose(page, "Fields")
    page.get_by_role("button", name="Find the values").click()
    page.locator('#values-sheet .box[data-label="Invoice number"]').click()
    expect(value(page, "QS-2026-0471")).to_be_focused()


def test_fields_that_are_named_and_what_is_blank_or_not_named_at_all(service, opened, invoice):
    watched = opened(service, f"#/jobs/{invoice}")
    page = watched.page
    choose(page, "Fields")
    page.get_by_label("What to look for").select_option(label="Fields that I name")
    page.get_by_role("button", name="Find the values").click()
    expect(page.locator("#values-names-problem")).to_have_text("Type at least one name.")
    sound(watched, "fields, nothing named")
    page.get_by_label("Their names").fill("total, your reference")
    page.get_by_label("Their names").press("Enter")
    expect(page.locator("#values-found tbody tr")).to_have_text(["Total259.4295 %", "Your reference–Left blank"])


def test_values_are_saved_as_csv_and_json(service, opened, invoice):
    page = opened(service, f"#/jobs/{invoice}").page
    choose(page, "Fields")
    page.get_by_role("button", name="Find the values").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    assert saved.value.suggested_filename == "invoice-values.csv"
    rows = list(csv.DictReader(saved.value.path().read_text().splitlines()))
    assert [(row["invoice_number"], row["lines.name"]) for row in rows] == [
        ("QS-2026-0471", "Dividers A4"),
        ("QS-2026-0471", "Ring binder"),
    ]
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download JSON").click()
    found = json.loads(saved.value.path().read_text())
    assert found["data"]["invoice_number"] == "QS-2026-0471"
    assert found["evidence"]["invoice_number"]["page"] == 1


def test_what_was_asked_for_with_the_document_is_there_without_asking(service, opened, tmp_path):
    job_id = service.submit(draw_invoice(tmp_path / "a.pdf", "QS-9"), schema="invoice")
    service.ended(job_id)
    assert service.result(job_id)["extraction"]["status"] == "completed"
    page = opened(service, f"#/jobs/{job_id}").page
    choose(page, "Fields")
    expect(page.get_by_role("row", name="Invoice number")).to_contain_text("QS-9")


def test_values_are_asked_for_only_once_the_schemas_are_there(service, opened, invoice):
    page = opened(service).page
    held = []
    page.route("**/v1/schemas", lambda route: held.append(route))
    page.evaluate(f"location.hash = '#/jobs/{invoice}'")
    with page.expect_request("**/v1/schemas"):
        choose(page, "Fields")
    find = page.get_by_role("button", name="Find the values")
    expect(find).to_be_hidden()
    held.pop().continue_()
    find.click()
    expect(value(page, "259.42")).to_be_visible()


def test_an_answer_that_comes_while_somebody_goes_through_another_takes_no_focus(service, opened, tmp_path):
    job_id = service.submit(draw_invoice(tmp_path / "a.pdf"), schema="invoice")
    service.ended(job_id)
    page = opened(service).page
    held = []
    page.route(
        f"**/v1/jobs/{job_id}/extract*",
        lambda route: held.append(route) if route.request.method == "POST" else route.continue_(),
    )
    page.evaluate(f"location.hash = '#/jobs/{job_id}'")
    choose(page, "Fields")
    value(page, "259.42").wait_for()
    with page.expect_request(f"**/v1/jobs/{job_id}/extract*"):
        page.get_by_role("button", name="Find the values").click()
    value(page, "259.42").focus()
    first = value(page, "259.42").element_handle()
    held.pop().continue_()
    becomes_true(page, "!document.querySelector('#values-says').textContent")
    assert not first.is_visible()
    expect(value(page, "259.42")).to_be_focused()
    expect(page.locator("#values-sheet .box.lit")).to_have_attribute("data-label", "Grand total")


def test_an_older_answer_that_comes_late_is_not_shown(service, opened, tmp_path):
    job_id = service.submit(draw_invoice(tmp_path / "a.pdf"), schema="invoice")
    service.ended(job_id)
    page = opened(service).page
    held = []
    page.route(f"**/v1/jobs/{job_id}/extractions/*", lambda route: held.append(route))
    with page.expect_request(f"**/v1/jobs/{job_id}/extractions/*"):
        page.evaluate(f"location.hash = '#/jobs/{job_id}'")
        choose(page, "Fields")
    page.locator("#values-schema").select_option("")
    page.locator("#values-names").fill("grand total")
    page.get_by_role("button", name="Find the values").click()
    expect(page.get_by_role("table", name="Single values").get_by_role("row")).to_have_count(2)
    with page.expect_response(f"**/v1/jobs/{job_id}/extractions/*"):
        held.pop().continue_()
    page.wait_for_timeout(100)
    expect(page.get_by_role("table", name="Single values").get_by_role("row")).to_have_count(2)


def test_on_a_phone_the_page_stays_in_sight_beside_the_values(service, opened, invoice):
    watched = opened(service, f"#/jobs/{invoice}", viewport=PHONE)
    page = watched.page
    choose(page, "Fields")
    page.get_by_role("button", name="Find the values").click()
    value(page, "259.42").focus()
    lit = page.locator("#values-sheet .box.lit")
    expect(lit).to_be_in_viewport()
    page.locator("#values-sheet .leaf").hover(position={"x": 3, "y": 3})
    expect(lit).to_have_attribute("data-label", "Grand total")
    sound(watched, "fields on a phone")
    watched.shoot("tab-fields-phone")
