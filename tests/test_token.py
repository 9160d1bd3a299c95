"""The admin token: a wrong one is 401 from everywhere, whoever sends it; who sends none is let in or kept out as before."""

from __future__ import annotations

import base64

import pytest

from document_parser.settings import example_environment

TOKEN = "correct-horse-battery-staple"
JOB = "00000000-0000-4000-8000-000000000000"
ELSEWHERE = {"X-Forwarded-For": "192.0.2.1"}
ROUTES = [
    ("GET", "/v1/jobs"),
    ("DELETE", f"/v1/jobs/{JOB}"),
    ("GET", "/v1/webhooks/deliveries"),
    ("POST", "/v1/webhooks/deliveries/replay"),
    ("POST", f"/v1/jobs/{JOB}/webhook/replay"),
    ("POST", "/v1/webhooks/ping"),
]
WRONG = [
    "Bearer guess",
    "bearer guess",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN} x",
    "Bearer",
    "Bearer ",
    TOKEN,
    f"Token {TOKEN}",
    "!",
    "",
]


def basic(password):
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def ask(client, method, path, **headers):
    return client.open(path, method=method, headers=headers, json={"url": "x"} if path.endswith("ping") else None)


def login_required(answer, scheme="Bearer"):
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "LOGIN_REQUIRED"), answer.text
    assert answer.headers["WWW-Authenticate"].startswith(f"{scheme} realm=")
    assert TOKEN not in answer.text


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("place", [{}, ELSEWHERE], ids=["at the machine", "from elsewhere"])
@pytest.mark.parametrize("admin_token", [TOKEN, ""], ids=["a token", "no token"])
def test_a_wrong_token_is_401_from_everywhere(app, method, path, place, admin_token):
    client = app(admin_token=admin_token)
    for wrong in WRONG:
        login_required(ask(client, method, path, Authorization=wrong, **place))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_right_token_opens_from_everywhere_and_none_at_the_machine_only(app, method, path):
    client = app(admin_token=TOKEN)
    for place in ({}, ELSEWHERE):
        assert ask(client, method, path, Authorization=f"Bearer {TOKEN}", **place).status_code not in (401, 403)
    assert ask(client, method, path).status_code not in (401, 403)
    assert ask(client, method, path, **ELSEWHERE).get_json()["error"]["code"] == "FORBIDDEN"
    # A browser sends the dashboard's password on its own: it opens nothing here, and closes nothing.
    for password in (TOKEN, "guess"):
        assert ask(client, method, path, Authorization=basic(password)).status_code not in (401, 403)
        assert ask(client, method, path, Authorization=basic(password), **ELSEWHERE).get_json()["error"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("address", ["/dashboard/", "/dashboard/documents"])
@pytest.mark.parametrize("place", [{}, ELSEWHERE], ids=["at the machine", "from elsewhere"])
def test_the_dashboard_takes_no_wrong_token_and_no_wrong_password(app, address, place):
    client = app(admin_token=TOKEN)
    for wrong in (*WRONG, basic("guess"), basic(""), "Basic !", "Basic", "Basic \xff"):
        login_required(client.get(address, headers={"Authorization": wrong, **place}), "Basic")
    for right in (f"Bearer {TOKEN}", basic(TOKEN)):
        assert client.get(address, headers={"Authorization": right, **place}, buffered=True).status_code in (200, 302, 308)


def test_where_there_is_no_token_a_browser_is_not_asked_for_one(app):
    client = app()
    login_required(client.get("/dashboard/documents", headers={"Authorization": basic("guess")}), "Bearer")
    assert client.get("/dashboard/documents").status_code == 200
    assert "no ADMIN_TOKEN" in client.get("/v1/jobs", headers={"Authorization": "Bearer x"}).get_json()["error"]["message"]
    assert "ADMIN_TOKEN" in example_environment()


def test_routes_that_read_no_token_do_not_mind_one(app):
    client = app(admin_token=TOKEN)
    for path in ("/v1/health/live", "/openapi.json"):
        assert client.get(path, headers={"Authorization": "Bearer guess"}).status_code == 200
    assert client.get(f"/v1/jobs/{JOB}/status", headers={"Authorization": "Bearer guess"}).status_code == 404
