"""AUTH_MODE=required: who is let in, what a caller without rights is told, and how soon a key ends everywhere."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from document_parser.accounts.models import JobRow
from document_parser.accounts.secret_keys import new_key
from document_parser.api.factory import create_app
from document_parser.settings import AccountSettings, ApiSettings, Settings, StoreSettings
from document_parser.settings.exposure import Exposed, check_exposure, is_loopback
from document_parser.settings.operator_access import create_link, operator_token
from tests.support.owners import make_key
from tests.support.service import API, Service, free_port, gunicorn, wait_until

TOKEN = "correct-horse-battery-staple"
JOB = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def hosts(valkey, redis, tmp_path):
    """Two web processes over one Redis and one database, as clients without keys."""
    settings = Settings(
        api=ApiSettings(admin_token=TOKEN),
        accounts=AccountSettings(auth_mode="required"),
        store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url),
    )
    return [create_app(settings).test_client() for _ in range(2)]


@pytest.fixture
def make(tmp_path):
    def make(*scopes, owner="acme", **facts):
        return make_key(tmp_path / "data", owner, scopes or ("read",), **facts)

    return make


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def code(answer):
    return answer.status_code, answer.get_json()["error"]["code"]


def test_a_key_is_taken_as_a_bearer_token_and_as_x_api_key(hosts, make):
    key = make().secret
    basic = "Basic " + base64.b64encode(b"proxy:password").decode()
    for headers in (bearer(key), {"X-API-Key": key}, {"X-API-Key": key, "Authorization": basic}):
        assert hosts[0].get("/v1/jobs", headers=headers).status_code == 200


def test_without_a_key_nothing_of_the_api_answers_but_its_health(hosts):
    client = hosts[0]
    for path in ("/v1/jobs", f"/v1/jobs/{JOB}/status", f"/v1/jobs/{JOB}/result", "/v1/system", "/v1/usage", "/v1/metrics"):
        assert code(client.get(path)) == (401, "KEY_REQUIRED")
    assert code(client.post("/v1/process/async", data=b"words")) == (401, "KEY_REQUIRED")
    for path in ("/", "/v1/health/live", "/openapi.json"):
        assert client.get(path).status_code == 200


def test_each_way_in_which_a_key_does_not_work_has_its_own_code(hosts, make, tmp_path):
    client = hosts[0]
    ended = make(expires_at=datetime.now(UTC) + timedelta(seconds=2)).secret
    revoked = make()
    assert client.post(f"/v1/keys/{revoked.key.id}/revoke", headers=bearer(TOKEN)).status_code == 200
    wait_until(lambda: client.get("/v1/jobs", headers=bearer(ended)).status_code == 401, 7, "the key expires")
    told = {
        ended: "KEY_EXPIRED",
        revoked.secret: "KEY_REVOKED",
        new_key(): "KEY_INVALID",
        revoked.secret[:-1]: "KEY_INVALID",
        "dp_live_": "KEY_INVALID",
        "guess": "LOGIN_REQUIRED",
    }
    for key, expected in told.items():
        for headers in (bearer(key), {"X-API-Key": key}):
            answer = client.get("/v1/jobs", headers=headers)
            assert code(answer) == (401, expected)
            assert answer.headers["WWW-Authenticate"]
            assert key not in answer.text or key == "dp_live_"
    assert "an API key, which begins with dp_live_" in client.get("/v1/jobs", headers=bearer("guess")).text


def test_a_scope_opens_what_it_names_and_admin_opens_all(hosts, make):
    client = hosts[0]
    asked = {
        "read": ("GET", "/v1/jobs"),
        "process": ("POST", f"/v1/jobs/{JOB}/cancel"),
        "admin": ("GET", "/v1/keys"),
    }
    for held in ("read", "process", "extract", "admin"):
        key = make(held).secret
        for needed, (method, path) in asked.items():
            answer = client.open(path, method=method, headers=bearer(key))
            if held in (needed, "admin"):
                assert answer.status_code in (200, 404), answer.text
            else:
                assert code(answer) == (403, "SCOPE_MISSING")
                assert answer.get_json()["error"]["details"] == {"needed": needed, "scopes": [held]}


def test_with_auth_mode_off_an_admins_key_opens_what_is_the_operators(valkey, redis, tmp_path, make):
    store = StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url)
    client = create_app(Settings(store=store, accounts=AccountSettings(auth_mode="off"))).test_client()
    assert client.get("/v1/keys", headers=bearer(make("admin").secret)).status_code == 200
    assert code(client.get("/v1/keys", headers=bearer(make("read").secret))) == (403, "SCOPE_MISSING")
    assert code(client.get("/v1/keys", headers=bearer(new_key()))) == (401, "KEY_INVALID")
    assert code(client.get("/v1/keys")) == (403, "FORBIDDEN")
    assert client.get("/v1/system", headers=bearer(new_key())).status_code == 200, "where none is needed, none is looked at"


def test_the_operators_proofs_go_on_working_as_an_admin(hosts, tmp_path):
    settings = Settings(store=StoreSettings(data_dir=tmp_path / "data"))
    client = hosts[0]
    for token in (TOKEN, operator_token(settings)):
        assert client.get("/v1/keys", headers=bearer(token)).status_code == 200
        assert client.get("/v1/jobs", headers={"X-API-Key": token}).status_code == 200
    link = create_link(settings, "http://localhost").removeprefix("http://localhost")
    assert client.get(link).status_code == 303
    assert client.get("/v1/jobs").status_code == 200


def test_a_key_that_is_revoked_on_one_host_ends_on_the_other_within_five_seconds(hosts, make):
    here, there = hosts
    key = make()
    assert [client.get("/v1/jobs", headers=bearer(key.secret)).status_code for client in hosts] == [200, 200]
    assert here.post(f"/v1/keys/{key.key.id}/revoke", headers=bearer(TOKEN)).get_json()["state"] == "revoked"
    for client in (here, there):
        wait_until(lambda client=client: client.get("/v1/jobs", headers=bearer(key.secret)).status_code == 401, 5, "it ends")


def test_a_key_is_made_shown_once_listed_and_rotated(hosts):
    client, headers = hosts[0], bearer(TOKEN)
    wanted = {"name": "till", "owner": "acme", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00Z"}
    made = client.post("/v1/keys", json=wanted, headers=headers)
    assert made.status_code == 201
    key = made.get_json()
    assert client.get("/v1/jobs", headers=bearer(key["key"])).status_code == 200
    listed = client.get("/v1/keys?owner=acme", headers=headers)
    assert [one["id"] for one in listed.get_json()["keys"]] == [key["id"]]
    assert key["key"] not in listed.text
    assert listed.get_json()["keys"][0] == {name: value for name, value in key.items() if name != "key"}
    new = client.post(f"/v1/keys/{key['id']}/rotate", json={}, headers=headers)
    assert new.status_code == 201
    assert client.get("/v1/jobs", headers=bearer(new.get_json()["key"])).status_code == 200
    wait_until(lambda: client.get("/v1/jobs", headers=bearer(key["key"])).status_code == 401, 5, "the old one ends")
    assert code(client.post(f"/v1/keys/{key['id']}/rotate", json={}, headers=headers)) == (409, "KEY_ENDED")
    assert code(client.post(f"/v1/keys/{JOB}/rotate", json={}, headers=headers)) == (404, "KEY_NOT_FOUND")
    assert code(client.post(f"/v1/keys/{JOB}/revoke", headers=headers)) == (404, "KEY_NOT_FOUND")
    graced = client.post(f"/v1/keys/{new.get_json()['id']}/rotate", json={"grace_seconds": 3600}, headers=headers)
    assert graced.status_code == 201
    assert client.get("/v1/jobs", headers=bearer(new.get_json()["key"])).status_code == 200


SITE, OTHER = "https://app.example.org", "https://evil.example"


def allowed_origin(answer):
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    return answer.headers.get("Access-Control-Allow-Origin")


def test_a_page_may_use_a_key_that_names_its_origin_and_no_other_key(hosts):
    client, admin = hosts[0], bearer(TOKEN)
    before = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    preflight = {SITE: {"Origin": SITE, **before}, OTHER: {"Origin": OTHER, **before}}
    assert allowed_origin(client.options("/v1/jobs", headers=preflight[SITE])) is None
    wanted = {"name": "till", "owner": "acme", "scopes": ["read", "process"]}
    made = client.post("/v1/keys", json=wanted | {"origins": [SITE]}, headers=admin).get_json()
    assert made["origins"] == [SITE]
    plain = client.post("/v1/keys", json=wanted, headers=admin).get_json()["key"]

    def is_asked(origin):
        return allowed_origin(client.options("/v1/jobs", headers=preflight[origin])) == origin

    wait_until(lambda: is_asked(SITE), 5, "a preflight is allowed on every host")
    assert not is_asked(OTHER)
    told = {
        (made["key"], SITE): SITE,
        (made["key"], OTHER): None,
        (plain, SITE): None,
        (new_key(), SITE): SITE,  # what an unknown key is told holds for anyone
    }
    for (key, origin), allowed in told.items():
        assert allowed_origin(client.get("/v1/jobs", headers={"Origin": origin, **bearer(key)})) == allowed
    for (key, origin), status in {(made["key"], SITE): 404, (made["key"], OTHER): 403, (plain, SITE): 403}.items():
        answer = client.delete(f"/v1/jobs/{JOB}", headers={"Origin": origin, **bearer(key)})
        assert answer.status_code == status, "pages of other sites change nothing"
    client.post(f"/v1/keys/{made['id']}/revoke", headers=admin)
    wait_until(lambda: not is_asked(SITE), 5, "it ends with the key")


def test_a_login_of_the_page_is_never_used_for_another_site(hosts):
    client, wanted = hosts[0], {"name": "till", "owner": "acme", "origins": [SITE]}
    made = client.post("/v1/keys", json=wanted, headers=bearer(TOKEN)).get_json()
    assert client.post("/login", json={"key": made["key"]}).status_code < 400
    assert client.get("/v1/jobs").status_code == 200
    for headers in ({"Origin": SITE}, {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "cross-site"}):
        assert code(client.get("/v1/jobs", headers=headers)) == (401, "KEY_REQUIRED")


def test_a_key_with_origins_is_for_their_pages_even_where_others_are_listed(valkey, redis, tmp_path, make):
    settings = Settings(
        api=ApiSettings(cors_origins=(OTHER,)),
        accounts=AccountSettings(auth_mode="required"),
        store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url),
    )
    client, keys = create_app(settings).test_client(), (make(origins=[SITE]).secret, make().secret)
    found = [
        [allowed_origin(client.get("/v1/jobs", headers={"Origin": site, **bearer(key)})) for site in (SITE, OTHER)]
        for key in keys
    ]
    assert found == [[SITE, None], [None, OTHER]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "n", "owner": "A b"}, "owner"),
        ({"name": "n", "owner": "a", "scopes": ["all"]}, "scopes"),
        ({"name": "n", "owner": "a", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "n", "owner": "a", "expires_at": 4102444800}, "expires_at"),
        ({"name": "n", "owner": "a", "secret": "mine"}, "secret"),
        ({"name": "n", "owner": "a", "origins": ["*"]}, "origins"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_name(hosts, body, field):
    answer = hosts[0].post("/v1/keys", json=body, headers=bearer(TOKEN))
    assert code(answer) == (422, "INVALID_OPTION")
    assert field in answer.get_json()["error"]["message"]


def upgrade(url, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "document_parser", "db", "upgrade"],
        env={"DATABASE_URL": url, "DATA_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        check=True,
        stdout=subprocess.DEVNULL,
    )


NEVER_THERE = {
    "/v1/keys?owner=%00": 200,
    "/v1/usage?owner=%00": 422,
    "/v1/audit?owner=%00": 200,
    "/v1/audit?key_id=%00": 200,
    "/v1/audit?job_id=a%00": 200,
    "/v1/audit?action=%00": 200,
    "/v1/history?text=%00": 200,
    "/v1/history?owner=%00": 200,
    "/v1/history?error_code=%00": 200,
    "/v1/history/failures?owner=%00": 200,
    "/v1/audit?since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z": 200,
    "/v1/audit?since=0001-01-01T00:00:00%2B14:00": 422,
    "/v1/history?until=9999-12-31T23:59:59-14:00": 422,
    "/v1/history?cursor=1_00000000-0000-4000-8000-000000000000": 200,
}
"""What no database has, and some refuse with an error."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_a_database_cannot_hold_is_found_nowhere_or_refused(kind, request, valkey, redis, tmp_path):
    url = "" if kind == "sqlite" else request.getfixturevalue("postgresql").create_database("odd_questions")
    upgrade(url, tmp_path)
    settings = Settings(
        api=ApiSettings(admin_token=TOKEN),
        accounts=AccountSettings(auth_mode="required", database_url=url),
        store=StoreSettings(data_dir=tmp_path, redis_url=valkey.redis_url),
    )
    client, headers = create_app(settings).test_client(), bearer(TOKEN)
    wanted = {"name": "till", "owner": "acme", "scopes": ["read"]}
    assert client.post("/v1/keys", json=wanted, headers=headers).status_code == 201
    tables = client.application.extensions["document_parser"].accounts.tables
    tables.history.write([JobRow(job_id=JOB, owner="acme", state="failed", error_code="X", created_at=datetime.now(UTC))])
    answers = {path: client.get(path, headers=headers) for path in NEVER_THERE}
    assert {path: answer.status_code for path, answer in answers.items()} == NEVER_THERE
    found = [
        path
        for path, answer in answers.items()
        if any(answer.get_json().get(name) for name in ("keys", "entries", "jobs", "failures"))
    ]
    assert found == [], "it is no question for everything"
    for change in ("rotate", "revoke"):
        assert code(client.post(f"/v1/keys/%00/{change}", json={}, headers=headers)) == (404, "KEY_NOT_FOUND")
    late = wanted | {"expires_at": "9999-12-31T23:59:59-14:00"}
    assert code(client.post("/v1/keys", json=late, headers=headers)) == (422, "INVALID_OPTION")
    tables.database.close()


def test_while_the_database_is_away_known_keys_work_and_others_are_told_to_come_again(valkey, redis, tmp_path, postgresql):
    url = postgresql.create_database("keys_away")
    accounts = AccountSettings(auth_mode="required", database_url=url)
    store = StoreSettings(data_dir=tmp_path, redis_url=valkey.redis_url)
    client = create_app(Settings(accounts=accounts, store=store)).test_client()
    assert code(client.get("/v1/jobs", headers=bearer(new_key()))) == (503, "DATABASE_NOT_UPGRADED")
    upgrade(url, tmp_path)
    known, other = (make_key(tmp_path, "acme", ("read",), url) for _ in range(2))
    assert client.get("/v1/jobs", headers=bearer(known.secret)).status_code == 200
    postgresql.kill()
    try:
        assert client.get("/v1/jobs", headers=bearer(known.secret)).status_code == 200
        away = client.get("/v1/jobs", headers=bearer(other.secret))
        assert code(away) == (503, "DATABASE_UNAVAILABLE")
        assert away.headers["Retry-After"]
    finally:
        postgresql.start()
    assert client.get("/v1/jobs", headers=bearer(other.secret)).status_code == 200
    client.application.extensions["document_parser"].accounts.tables.database.close()


# --- where a service without keys may listen --------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_on_loopback_nobody_needs_to_choose(host):
    assert is_loopback(host)
    check_exposure(AccountSettings(_env_file=None), [host])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "10.0.0.1", "documents.example.org", ""])
def test_elsewhere_somebody_must_have_chosen(host, monkeypatch):
    monkeypatch.delenv("AUTH_MODE", raising=False)
    with pytest.raises(Exposed, match="AUTH_MODE=required"):
        check_exposure(AccountSettings(_env_file=None), ["127.0.0.1", host])
    monkeypatch.setenv("AUTH_MODE", "")
    with pytest.raises(Exposed):
        check_exposure(AccountSettings(_env_file=None), [host])
    for chosen in ("off", "required"):
        monkeypatch.setenv("AUTH_MODE", chosen)
        check_exposure(AccountSettings(_env_file=None), [host])


@pytest.mark.parametrize(
    ("command", "status"),
    [(API, 2), (gunicorn("--bind", "0.0.0.0:{port}"), 4)],
    ids=["our start", "gunicorn alone, elsewhere than in the checkout"],
)
def test_a_start_on_a_public_address_is_refused_with_a_sentence(tmp_path, command, status):
    port = free_port()
    service = Service(tmp_path, [part.format(port=port) for part in command], API_PORT=port, API_HOST="0.0.0.0")
    with service.started():
        assert service.process.wait(60) == status
    assert "Set AUTH_MODE=required and make keys with docparse keys create" in service.log
    assert "Traceback" not in service.log


def test_a_start_on_a_public_address_that_is_meant_warns(tmp_path):
    with Service(tmp_path, API_HOST="0.0.0.0", AUTH_MODE="off", NUM_WORKERS=0, WEB_WORKERS=1) as service:
        assert httpx2.get(f"http://127.0.0.1:{service.port}/v1/health/live").status_code == 200
    assert '"anyone_may_use_the_service"' in service.log
