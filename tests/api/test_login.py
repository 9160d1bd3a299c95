"""Tokens of a login provider at the API, and logins of browsers: at the provider, and with an API key."""

from __future__ import annotations

import io
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from document_parser.accounts.erasure import Erasure
from document_parser.accounts.secret_keys import new_key
from document_parser.api.factory import create_app
from document_parser.jobs.records.audit_trail import PENDING
from document_parser.jobs.records.ledger import Ledger
from document_parser.models import JobState
from document_parser.settings import AccountSettings, Settings, StoreSettings
from tests.support.ledger_jobs import read_blank
from tests.support.login_provider import AUDIENCE, log_in_at, running_issuer, running_login_page
from tests.support.owners import make_key
from tests.support.service import wait_until

JOB = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def provider():
    with running_login_page() as address:
        yield address


@pytest.fixture
def client_with(valkey, redis, tmp_path):
    def make(**accounts):
        store = StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url)
        return create_app(Settings(accounts=AccountSettings(auth_mode="required", **accounts), store=store)).test_client()

    return make


@pytest.fixture
def client(client_with, provider):
    return client_with(oidc_issuer=provider, oidc_client_id="docparse", oidc_client_secret="secret")


@pytest.fixture
def key(tmp_path):
    return make_key(tmp_path / "data", "acme", ("process", "read"))


def begin(client, query=""):
    """The address at the provider to which a login sends the browser."""
    answer = client.get(f"/login/provider{query}")
    assert answer.status_code == 303
    return answer.headers["Location"]


def come_back(client, address):
    """Where the browser is sent after it has come back from the provider."""
    parts = urlsplit(address)
    assert parts.path == "/login/callback"
    return led_to(client.get(f"{parts.path}?{parts.query}"))


def led_to(answer):
    return re.search(r'content="0; url=([^"]*)"', answer.text)[1]


def me(client, **headers):
    answer = client.get("/v1/me", headers=headers)
    return answer.get_json()


def refusal(answer):
    return answer.status_code, answer.get_json()["error"]["code"]


def test_a_person_logs_in_at_the_provider_and_sees_what_is_theirs_until_they_log_out(client):
    assert refusal(client.get("/v1/me")) == (401, "KEY_REQUIRED")
    assert client.get("/login/provider?to=//evil.example.org").status_code == 422
    asked = parse_qs(urlsplit(begin(client)).query)
    assert (asked["code_challenge_method"], asked["response_type"], len(asked["nonce"][0])) == (["S256"], ["code"], 43)
    assert come_back(client, log_in_at(begin(client), "ada")) == "/"
    ada = me(client)
    assert (ada["actor"], ada["tier"], ada["scopes"]) == ("user", "oauth", ["extract", "process", "read"])
    assert client.get("/v1/jobs").status_code == 200
    assert refusal(client.get("/v1/keys")) == (403, "SCOPE_MISSING")
    assert client.post("/logout").status_code == 204
    assert refusal(client.get("/v1/me")) == (401, "KEY_REQUIRED")
    assert come_back(client, log_in_at(begin(client, "?to=admin"), "bob")) == "/admin", "where the login began"
    assert me(client)["owner"] != ada["owner"]


def test_a_login_ends_on_every_host_with_the_logout(client, client_with, provider, redis):
    come_back(client, log_in_at(begin(client), "ada"))
    [cookie] = [held for held in client._cookies.values() if held.key.startswith("docparse-session-")]
    assert (cookie.http_only, cookie.same_site) == (True, "Strict")
    assert not any(cookie.value in str(name) + str(redis.get(name)) for name in redis.keys("session:*"))
    other = client_with(oidc_issuer=provider, oidc_client_id="docparse")
    other.set_cookie(cookie.key, cookie.value)
    assert me(other)["actor"] == "user"
    client.post("/logout")
    assert refusal(other.get("/v1/me")) == (401, "KEY_REQUIRED")


def test_the_state_of_a_login_comes_along_when_the_provider_sends_the_browser_back_and_no_script_reads_it(client):
    [cookie] = client.get("/login/provider").headers.getlist("Set-Cookie")
    assert cookie.startswith("docparse-login-")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize("fault", ["another browser", "twice", "no state", "refused", "a code of nobody"])
def test_a_login_that_was_not_begun_here_or_was_refused_opens_nothing(client, client_with, provider, fault):
    address = log_in_at(begin(client), "ada", allow=fault != "refused")
    browser = client
    if fault == "another browser":
        browser = client_with(oidc_issuer=provider, oidc_client_id="docparse", oidc_client_secret="secret")
    elif fault == "twice":
        come_back(client, address)
        client.post("/logout")
    elif fault == "no state":
        address = address.partition("&state")[0]
    elif fault == "a code of nobody":
        state = parse_qs(urlsplit(address).query)["state"][0]
        address = f"http://x/login/callback?code=guess&state={state}"
    assert come_back(browser, address) == "/?login=LOGIN_FAILED"
    assert refusal(browser.get("/v1/me")) == (401, "KEY_REQUIRED")


def test_a_login_that_was_begun_comes_back_once_whatever_the_browser_holds(client):
    address = log_in_at(begin(client), "ada")
    state = parse_qs(urlsplit(address).query)["state"][0]
    [cookie] = [held for held in client._cookies.values() if held.key.startswith("docparse-login-")]
    come_back(client, f"http://x/login/callback?error=access_denied&state={state}")
    client.set_cookie(cookie.key, cookie.value)
    assert come_back(client, address) == "/?login=LOGIN_FAILED"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cookie_that_came_over_https_is_sent_over_nothing_else(client, key, scheme):
    answers = [
        client.post("/login", json={"key": key.secret}, base_url=f"{scheme}://localhost"),
        client.get("/login/provider", base_url=f"{scheme}://localhost"),
    ]
    for answer in answers:
        [cookie] = answer.headers.getlist("Set-Cookie")
        assert ("Secure" in cookie.split("; ")) is (scheme == "https")


def test_a_login_that_failed_is_told_of_where_it_began(client):
    state = parse_qs(urlsplit(begin(client, "?to=admin")).query)["state"][0]
    assert come_back(client, f"http://x/login/callback?error=access_denied&state={state}") == "/admin?login=LOGIN_FAILED"


def test_the_holder_of_a_key_logs_in_without_leaving_the_key_in_the_browser(client, key):
    assert client.post("/login", json={"key": key.secret}).status_code == 204
    assert (me(client)["owner"], me(client)["key_id"]) == ("acme", key.key.id)
    assert not any(key.secret in held.value for held in client._cookies.values())


def test_a_login_with_a_key_ends_with_the_key(client, key, tmp_path):
    client.post("/login", json={"key": key.secret})
    admin = make_key(tmp_path / "data", "root", ("admin",)).secret
    assert client.post(f"/v1/keys/{key.key.id}/revoke", headers={"X-API-Key": admin}).status_code == 200
    wait_until(lambda: client.get("/v1/me").status_code == 401, 5, "the key has ended")
    assert refusal(client.get("/v1/me")) == (401, "KEY_REVOKED")
    assert client.post("/logout").status_code == 204


@pytest.mark.parametrize("wrong", [new_key(), "guess", "", "dp_live_"], ids=["of nobody", "guess", "empty", "cut off"])
def test_a_wrong_key_logs_nobody_in(client, wrong):
    assert refusal(client.post("/login", json={"key": wrong})) == (401, "KEY_INVALID")
    assert refusal(client.get("/v1/me")) == (401, "KEY_REQUIRED")


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_pages_of_other_sites_cannot_use_a_login(client, key, headers):
    client.post("/login", json={"key": key.secret})
    assert refusal(client.get("/v1/me", headers=headers))[1] in ("KEY_REQUIRED", "FORBIDDEN")
    assert client.post(f"/v1/jobs/{JOB}/cancel", headers=headers).status_code in (401, 403)


def test_a_page_of_another_site_can_log_nobody_in_or_out(client, key):
    evil = {"Origin": "http://evil.example"}
    assert refusal(client.post("/login", json={"key": key.secret}, headers=evil)) == (403, "FORBIDDEN")
    client.post("/login", json={"key": key.secret})
    assert refusal(client.post("/logout", headers=evil)) == (403, "FORBIDDEN")
    assert me(client)["owner"] == "acme"


def test_a_key_in_the_request_comes_before_the_login_of_the_browser(client, key, tmp_path):
    client.post("/login", json={"key": key.secret})
    other = make_key(tmp_path / "data", "other", ("read",)).secret
    assert me(client, **{"X-API-Key": other})["owner"] == "other"


def test_without_a_provider_there_is_no_login_at_one(client_with):
    client = client_with()
    assert refusal(client.get("/login/provider")) == (404, "LOGIN_OFF")
    assert led_to(client.get("/login/callback?code=x&state=y")) == "/?login=LOGIN_OFF"


def test_a_provider_that_does_not_answer_is_said(client_with):
    client = client_with(oidc_issuer="http://127.0.0.1:9", oidc_client_id="docparse")
    assert refusal(client.get("/login/provider")) == (503, "LOGIN_PROVIDER_UNAVAILABLE")
    token = ".".join(["eyJhbGciOiJSUzI1NiJ9", "e30", "AAAA"])
    assert refusal(client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})) == (503, "LOGIN_PROVIDER_UNAVAILABLE")


def test_a_token_of_the_provider_is_a_bearer_token_and_says_why_it_is_not_taken(client_with, tmp_path):
    with running_issuer() as issuer:
        client = client_with(oidc_issuer=issuer.address, oidc_audience=AUDIENCE)
        assert me(client, Authorization=f"Bearer {issuer.token()}")["actor"] == "user"
        told = {issuer.token(aud="others"): "TOKEN_INVALID", issuer.token(exp=1): "TOKEN_EXPIRED"}
        for token, code in told.items():
            answer = client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
            assert refusal(answer) == (401, code)
            assert token not in answer.text
            assert answer.headers["WWW-Authenticate"]
        key = make_key(tmp_path / "data", "acme", ("read",)).secret
        assert me(client, Authorization=f"Bearer {key}")["owner"] == "acme"


def test_who_can_log_in_again_gets_no_new_quota_by_deleting_everything(client_with, redis, valkey, paper, tmp_path):
    tiers = tmp_path / "tiers.toml"
    tiers.write_text("[oauth]\ndocuments_per_day = 1")
    with running_issuer() as issuer:
        client = client_with(oidc_issuer=issuer.address, oidc_audience=AUDIENCE, tiers_file=str(tiers))
        headers, ledger = {"Authorization": f"Bearer {issuer.token()}"}, Ledger(redis, valkey)

        def send():
            return client.post("/v1/process/async", data={"file": (io.BytesIO(paper.read_bytes()), "a.pdf")}, headers=headers)

        job_id = send().get_json()["job_id"]
        read_blank(ledger, job_id, 1)
        assert ledger.end(job_id, JobState.COMPLETED) == "ok"
        assert client.delete("/v1/owners/me", headers=headers).get_json()["jobs"] == 1
        assert client.get("/v1/jobs", headers=headers).get_json()["jobs"] == []
        assert refusal(send()) == (429, "QUOTA_EXCEEDED")


def test_logins_are_in_the_audit(client, key, redis):
    client.post("/login", json={"key": key.secret})
    client.post("/logout")
    entries = str(redis.xrange(PENDING))
    assert entries.count("session.open") == entries.count("session.close") == 1


def test_where_anyone_may_send_documents_the_page_offers_a_login_and_asks_for_none(client_with, tmp_path):
    tiers = tmp_path / "tiers.toml"
    tiers.write_text("[free]\nanonymous = true\n[key]\n[oauth]\n")
    client = client_with(tiers_file=str(tiers))
    page, login = client.get("/").text, client.get("/?login").text
    assert ('href="/?login"' in page, "login-view" in page) == (True, False)
    assert ('href="/?login"' in login, "login-view" in login) == (False, True)


def test_the_logins_of_an_owner_who_deletes_everything_end(client, key, redis):
    client.post("/login", json={"key": key.secret})
    assert redis.keys("session:*")
    assert client.delete("/v1/owners/me").status_code == 200
    assert not redis.keys("session:*")
    assert refusal(client.get("/v1/me")) == (401, "KEY_REQUIRED")


@pytest.mark.parametrize(("left", "expected"), [([3, 0], 200), ([3, 3, 3], 503)])
def test_a_deletion_is_repeated_where_a_write_came_in_between_and_says_what_is_left(client, key, monkeypatch, left, expected):
    counts = iter(left)
    monkeypatch.setattr(Erasure, "count", lambda self, owner, before: next(counts))
    answer = client.delete("/v1/owners/me", headers={"X-API-Key": key.secret})
    assert (answer.status_code, next(counts, None)) == (expected, None)
    if expected == 503:
        error = answer.get_json()["error"]
        assert (error["code"], error["details"], error["retryable"]) == ("DELETION_INCOMPLETE", {"rows": 3}, True)
