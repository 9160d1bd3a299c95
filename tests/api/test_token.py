"""Tokens: a wrong one is 401 whoever sends it, guesses are limited, and a token that can be guessed starts no service."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from document_parser.settings import ApiSettings, Settings, StoreSettings, example_environment
from document_parser.settings.operator_access import operator_token
from document_parser.settings.startup import bad_settings

TOKEN = "correct-horse-battery-staple"
JOB = "00000000-0000-4000-8000-000000000000"
ROUTES = [
    ("GET", "/v1/jobs"),
    ("DELETE", f"/v1/jobs/{JOB}"),
    ("DELETE", f"/api/v1/jobs/{JOB}"),
    ("DELETE", f"/v1/batches/{JOB}"),
    ("GET", "/v1/webhooks/deliveries"),
    ("POST", "/v1/webhooks/deliveries/replay"),
    ("POST", f"/v1/jobs/{JOB}/webhook/replay"),
    ("POST", "/v1/webhooks/ping"),
]
WRONG = ["Bearer guess", "bearer guess", f"Bearer {TOKEN}x", f"Bearer {TOKEN} x", "Bearer", TOKEN, f"Token {TOKEN}", "!", ""]


def basic(password):
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def ask(client, method, path, **headers):
    return client.open(path, method=method, headers=headers, json={"url": "x"} if path.endswith("ping") else None)


def code(answer):
    return answer.status_code, answer.get_json()["error"]["code"]


def login_required(answer, scheme="Bearer"):
    assert code(answer) == (401, "LOGIN_REQUIRED"), answer.text
    assert answer.headers["WWW-Authenticate"].startswith(f"{scheme} realm=")
    assert TOKEN not in answer.text


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("admin_token", [TOKEN, ""], ids=["a token", "no token"])
def test_a_wrong_token_is_401(app, method, path, admin_token):
    client = app(admin_token=admin_token)
    for wrong in WRONG:
        login_required(ask(client, method, path, Authorization=wrong))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_either_token_opens_and_none_does_not(app, tmp_path, method, path):
    client = app(admin_token=TOKEN)
    made = operator_token(Settings(store=StoreSettings(data_dir=tmp_path / "data")))
    for right in (TOKEN, made):
        assert ask(client, method, path, Authorization=f"Bearer {right}").status_code not in (401, 403)
    for nothing in ({}, {"Authorization": basic(TOKEN)}, {"Authorization": basic("guess")}):
        # A browser sends the dashboard's password on its own: it opens nothing here.
        assert code(ask(client, method, path, **nothing)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("address", ["/dashboard/", "/dashboard/documents"])
def test_the_dashboard_takes_no_wrong_token_and_no_wrong_password(app, redis, address):
    client = app(admin_token=TOKEN)
    for wrong in (*WRONG, basic("guess"), basic(""), "Basic !", "Basic", "Basic \xff"):
        login_required(client.get(address, headers={"Authorization": wrong}), "Basic")
        redis.flushall()
    for right in (f"Bearer {TOKEN}", basic(TOKEN)):
        assert client.get(address, headers={"Authorization": right}, buffered=True).status_code in (200, 302, 308)


def test_routes_that_read_no_token_do_not_mind_one(app):
    client = app(admin_token=TOKEN)
    for path in ("/v1/health/live", "/openapi.json"):
        assert client.get(path, headers={"Authorization": "Bearer guess"}).status_code == 200
    assert client.get(f"/v1/jobs/{JOB}/status", headers={"Authorization": "Bearer guess"}).status_code == 404


def test_after_ten_wrong_tokens_an_address_waits_and_no_other_does(app, tmp_path):
    client = app(admin_token=TOKEN)
    elsewhere = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    for count in range(12):
        # Right ones do not count.
        assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == (200 if count < 10 else 429)
        answer = client.get("/v1/jobs", headers={"Authorization": f"Bearer guess-{count}"})
        assert code(answer) == ((401, "LOGIN_REQUIRED") if count < 10 else (429, "RATE_LIMITED"))
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {TOKEN}"}, **elsewhere).status_code == 200
    assert code(client.get("/dashboard/documents", headers={"Authorization": basic("guess")})) == (429, "RATE_LIMITED")
    # What cannot be guessed is not kept out: whoever guesses from the same address locks nobody out of the machine.
    made = operator_token(Settings(store=StoreSettings(data_dir=tmp_path / "data")))
    assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {made}"}).status_code == 200


def test_many_right_tokens_at_once_are_all_let_in(app):
    application = app(admin_token=TOKEN).application

    def status(_):
        return application.test_client().get("/v1/jobs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(status, range(200))) == {200}


@pytest.mark.parametrize("token", ["short", "x" * 15, "with spaces in between", "žluťoučký kůň úpěl ďábelské ódy"])
def test_a_token_that_can_be_guessed_or_not_be_sent_starts_no_service(monkeypatch, token):
    monkeypatch.setenv("ADMIN_TOKEN", token)
    ((name, problem),) = bad_settings()
    assert name == "ADMIN_TOKEN"
    assert "at least 16 ASCII characters" in problem
    assert token not in problem
    with pytest.raises(ValueError, match="at least 16") as error:
        ApiSettings()
    assert token not in str(error.value)
    assert "ADMIN_TOKEN" in example_environment()
