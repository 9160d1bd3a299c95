"""Logging in on the page, where each caller sees its own documents only."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from tests.support.accessibility import sound
from tests.support.browser import PHONE, SECONDS, done
from tests.support.documents import pdf_of_text
from tests.support.login_provider import running_login_page
from tests.support.owners import make_key
from tests.support.service import Service, wait_until

TIERS = """
[key]
[oauth]
[small]
documents_per_day = 1
quota_status = 402
modes = ["fast", "maximum"]
lanes = ["batch"]
max_file_mb = 3
[one]
concurrent_jobs = 1
[slow]
requests_per_minute = 4
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    tiers = tmp_path_factory.mktemp("tiers") / "tiers.toml"
    tiers.write_text(TIERS)
    with running_login_page() as provider:
        accounts = {
            "TIERS_FILE": tiers,
            "AUTH_MODE": "required",
            "OIDC_ISSUER": provider,
            "OIDC_CLIENT_ID": "docparse",
            "OIDC_CLIENT_SECRET": "x",
        }
        with Service(tmp_path_factory.mktemp("login"), WEB_WORKERS=2, WEB_THREADS=8, **accounts) as running:
            yield running


@pytest.fixture(scope="module")
def key(service):
    return make_key(service.data_dir, "accounting").secret


def enter(page, key):
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Log in with the key").click()


def test_with_a_key_a_person_reads_a_document_and_logs_out(service, opened, paper, key):
    # What the page asked just before the login ended may be refused after it.
    watched = opened(service, operator=False, expected={401})
    page = watched.page
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.locator("#upload-view")).to_be_hidden()
    watched.shoot("login")
    enter(page, key)
    expect(page.locator(".caller")).to_have_text("accounting")
    watched.upload(paper)
    done(page)
    expect(page.locator("#jobs li")).to_have_count(1)
    expect(page.locator("#job-curl")).to_contain_text('-H "X-API-Key: $API_KEY"')
    watched.shoot("logged-in")
    page.reload()
    done(page)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    asked = [address for address in watched.asked if address.startswith("/")]  # and not a picture that has come
    assert "/v1/me" not in asked
    assert asked[asked.index("/logout") + 1] == "/", "nothing is asked once the login is about to end"


def test_a_wrong_key_is_said_beside_its_field(service, opened):
    watched = opened(service, operator=False, expected={401})
    enter(watched.page, "guess")
    expect(watched.page.get_by_role("alert").filter(has_text="no API key")).to_be_visible()
    expect(watched.page.get_by_label("API key", exact=True)).to_be_focused()


def test_a_person_logs_in_at_the_provider_and_comes_back(service, chromium):
    # The provider's own page complains of what it cannot load, so nobody listens to the console here.
    with chromium.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        begun = f"http://127.0.0.1:{service.port}/#/jobs/{uuid.uuid4()}"
        page.goto(begun)
        page.get_by_role("link", name="Log in at localhost").click()
        page.locator('[name="sub"]').fill("ada")
        page.locator('button:has-text("Authorize")').first.click()
        expect(page.locator(".caller")).to_contain_text("oidc-")
        expect(page.locator("#job-failure")).to_contain_text("There is no such document")
        assert page.url == begun
        expect(page.get_by_role("link", name="Dashboard")).to_have_count(0)
        page.goto(f"http://127.0.0.1:{service.port}/admin#/keys")
        expect(page.get_by_role("heading", level=1)).to_have_text("Not for this login")
        expect(page.locator("#side")).to_be_hidden()


def test_a_login_that_failed_says_so_once(service, opened):
    watched = opened(service, "?login=LOGIN_FAILED", operator=False)
    expect(watched.page.get_by_role("alert").filter(has_text="refused")).to_be_visible()
    assert "login=" not in watched.page.url


def test_the_page_asks_for_a_login_again_when_the_key_has_ended(service, opened):
    made = make_key(service.data_dir, "leaving")
    page = opened(service, operator=False, expected={401}).page
    page.clock.install()
    enter(page, made.secret)
    expect(page.locator(".caller")).to_have_text("leaving")
    assert service.client.post(f"/v1/keys/{made.key.id}/revoke").status_code == 200

    def asks_for_a_login():
        page.clock.fast_forward("01:00")  # until the page looks again what there is
        return page.get_by_role("heading", name="Log in").is_visible()

    wait_until(asks_for_a_login, 60, "the page asks for a login")


@pytest.mark.parametrize("size", [{}, {"viewport": PHONE}], ids=["desktop", "phone"])
def test_the_login_is_for_everybody(service, opened, size):
    sound(opened(service, operator=False, **size), "login")


def test_a_guest_is_told_what_its_tier_allows_what_is_left_and_when_it_begins_anew(tmp_path, opened, paper):
    tiers = tmp_path / "tiers.toml"
    tiers.write_text("[guest]\nanonymous = true\ndocuments_per_day = 1\nretention_hours = 2\n")
    settings = {"AUTH_MODE": "required", "TIERS_FILE": str(tiers), "WEB_WORKERS": 1, "NUM_WORKERS": 0}
    with Service(tmp_path / "guests", **settings) as service:
        watched = opened(service, operator=False, expected={401, 429})  # a guest has no list
        page = watched.page
        page.locator("#more-options summary").click()
        hours = page.get_by_label("Hours for which it is kept")
        hours.fill("3")
        hours.blur()
        expect(page.get_by_text("Type between 0.1 and 2 hours, or nothing.")).to_be_visible()
        hours.fill("1.5")
        expect(page.locator("#curl")).to_contain_text("-F retention_hours=1.5")
        watched.upload(paper)
        watched.job()
        page.goto(f"{watched.base}/#/")
        watched.upload(paper)
        expect(page.locator("#queue")).to_contain_text("Your tier allows 1 document a day. Left: 0; this needs 1.")
        expect(page.locator("#queue")).to_contain_text("The count begins anew on ")
        watched.shoot("quota-used-up")


def test_what_a_tier_leaves_out_is_not_offered_and_a_quota_that_is_used_up_is_explained(service, opened, paper):
    watched = opened(service, operator=False, expected={402})
    page = watched.page
    enter(page, make_key(service.data_dir, "small", tier="small").secret)
    expect(page.locator("#drop-hint")).to_contain_text("up to 3 MB each")
    expect(page.get_by_role("radio", name="Balanced")).to_be_disabled()
    expect(page.locator(".choice").filter(has_text="Balanced")).to_contain_text("Not in your tier.")
    expect(page.get_by_role("radio", name="Fast")).to_be_checked()
    page.locator("#more-options summary").click()
    expect(page.get_by_label("Whose turn").locator("option")).to_have_text(["Small documents first", "After the others"])
    watched.upload(paper)
    done(page)
    page.goto(f"{watched.base}/#/")
    watched.upload(paper)
    expect(page.locator("#queue")).to_contain_text("Your tier allows 1 document a day. Left: 0; this needs 1.")
    expect(page.locator("#queue").get_by_role("button", name="Try again")).to_have_count(0)
    watched.shoot("quota-of-a-key")


def test_more_files_than_are_allowed_at_once_are_refused_at_once(service, opened, paper, tmp_path):
    watched = opened(service, operator=False, expected={429})
    enter(watched.page, make_key(service.data_dir, "one", tier="one").secret)
    expect(watched.page.locator("#upload-view")).to_be_visible()
    pdf_of_text(tmp_path / "other.pdf", ["Another text."])
    watched.upload(paper, tmp_path / "other.pdf")
    expect(watched.page.locator("#queue")).to_contain_text("Your tier allows 1 document at once. Send fewer.")
    assert watched.asked.count("/v1/process/batch") == 1


def test_who_sends_too_many_requests_is_told_for_how_long_the_page_waits(service, opened):
    watched = opened(service, operator=False, expected={429})
    page = watched.page
    enter(page, make_key(service.data_dir, "slow", tier="slow").secret)
    expect(page.locator(".caller")).to_have_text("slow")
    for _ in range(4):
        page.reload()
        expect(page.locator("#upload-view")).to_be_visible()
    expect(page.locator("#notices")).to_contain_text("Your tier allows 4 requests a minute. The page goes on in ")
