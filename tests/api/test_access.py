"""Every route there is: the one scope that opens it, and that no page of another site changes anything through it."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from document_parser.api.factory import create_app
from document_parser.jobs.records.audit_trail import PENDING
from document_parser.settings import AccountSettings, ApiSettings, Settings, StoreSettings
from document_parser.settings.operator_access import create_link
from tests.support.owners import make_key
from tests.support.routes import OPEN, routes

EVIL = {"Origin": "https://evil.example.org"}
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Offset": "0"}
FOR_ADMINS = ("/v1/keys", "/v1/audit", "/v1/history", "/v1/breakers", "/v1/webhooks", "/v1/metrics", "/dashboard")
FOR_ANYONE = ("/login", "/logout", "/static/", "/openapi/", "/samples/")
BODIES = {
    "/login": {"key": "dp_live_"},
    "/v1/keys": {"name": "stolen", "owner": "boss", "scopes": ["admin"], "tier": "none"},
    "/v1/webhooks/ping": {"url": "ftp://none"},
    "/v1/process/url": {"url": "ftp://none"},
    "/v1/process/s3": {"url": "ftp://none"},
    "/api/v1/documents/from-url": {"url": "ftp://none"},
    "/api/v1/documents/from-s3": {"url": "ftp://none"},
}
"""What a route has to be sent to be asked at all; nothing comes of it."""
SCOPES = ("process", "read", "extract", "admin")
VALUES = [(method, path) for method in ("GET", "HEAD") for path in ("/v1/schemas", "/v1/documents")]
"""What is about values, and does not say so."""


def needed(method, rule):
    """The scope of a route by its kind: ``process`` is for what is sent or changed, and for uploads that are under way;
    ``extract`` for values and types of documents.
    """
    path = rule.removeprefix("/api")
    if rule in OPEN or rule.startswith(FOR_ANYONE):
        return None
    if path.startswith(FOR_ADMINS):
        return "admin"
    if "extract" in path or "/classif" in path or (method, path) in VALUES:
        return "extract"
    return "read" if method in ("GET", "HEAD") and not path.startswith("/v1/uploads") else "process"


def ask(client, method, rule, headers):
    """Ask for what does not exist."""
    names = {"instance_number": "0", "page": "1", "per_page": "5", "number": "1", "key_id": "none"}
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: names.get(found[1], str(uuid.uuid4())), rule)
    sent = {"json": BODIES.get(rule, {})} if method == "POST" and not rule.startswith("/v1/uploads") else {}
    return client.open(path, method=method, headers={**TUS, **headers}, buffered=True, **sent)


def code(answer):
    found = answer.get_json(silent=True)
    return found["error"]["code"] if answer.status_code >= 400 and found and "error" in found else ""


@pytest.fixture
def settings(valkey, redis, tmp_path):
    return Settings(
        # Nothing works off what is sent, so nothing waits for it.
        api=ApiSettings(rate_limit_reads="none", rate_limit_uploads="none", sync_timeout_seconds=0, trusted_proxies=1),
        accounts=AccountSettings(auth_mode="required"),
        store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url),
    )


@pytest.fixture
def client(settings):
    return create_app(settings).test_client()


@pytest.mark.parametrize("held", SCOPES)
def test_a_key_of_one_scope_opens_the_routes_of_that_scope_and_no_other(client, tmp_path, held):
    headers = {"X-API-Key": make_key(tmp_path / "data", "acme", (held,)).secret}
    wrong = []
    # The deletion of the owner ends the key.
    for method, rule in sorted(routes(), key=lambda route: route[1] == "/v1/owners/me"):
        if method == "HEAD" and rule.startswith("/dashboard"):
            continue  # it may be refused for another reason, and does not say for which
        scope, answer = needed(method, rule), ask(client, method, rule, headers)
        refused = answer.status_code == 403 and (method == "HEAD" or code(answer) == "SCOPE_MISSING")
        if refused is not (scope is not None and held not in (scope, "admin")):
            wrong.append((method, rule, scope, answer.status_code, code(answer)))
    assert wrong == []


def writes():
    return [(method, rule) for method, rule in routes() if method not in ("GET", "HEAD")]


def test_no_page_of_another_site_writes_by_any_route_whatever_proof_its_visitor_has(client, settings, tmp_path):
    """A key, the login of an admin, and the session of the operator; the browser sends cookies and Origin."""
    key = make_key(tmp_path / "data", "boss", ("admin",)).secret
    proofs = {"key": {"X-API-Key": key, **EVIL}, "login": EVIL, "operator": EVIL}
    for kind, headers in proofs.items():
        if kind == "login":
            assert client.post("/login", json={"key": key}).status_code == 204
        if kind == "operator":
            client.post("/logout")
            link = create_link(settings, "http://localhost").removeprefix("http://localhost")
            assert client.get(link).status_code == 303
        assert client.get("/v1/keys", headers={} if kind != "key" else {"X-API-Key": key}).status_code == 200
        for foreign in (EVIL, {"Sec-Fetch-Site": "cross-site"}) if kind != "key" else ():
            assert code(client.get("/v1/keys", headers=foreign)) == "KEY_REQUIRED", "nor does it read anything"
        answers = {(kind, *route): code(ask(client, *route, headers)) for route in writes()}
        allowed = {"FORBIDDEN", "DASHBOARD_READ_ONLY"} | ({"KEY_REQUIRED", "LOGIN_REQUIRED"} if kind != "key" else set())
        assert {route: told for route, told in answers.items() if told not in allowed} == {}
    assert client.get("/v1/keys").status_code == 200, "nothing has logged them out"


def cookies_of(answer):
    """The attributes of the cookies that an answer sets, by the kind in their names."""
    kinds = {re.match(r"docparse-(session|login)?", line)[1]: line for line in answer.headers.getlist("Set-Cookie")}
    return {kind: {part.strip() for part in line.split(";")[1:]} for kind, line in kinds.items()}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_are_for_this_service_alone_and_under_tls_for_tls_alone(client, settings, tmp_path, scheme):
    behind = {"X-Forwarded-Proto": scheme, "X-Forwarded-For": "198.51.100.9"}
    secure = {"Secure"} if scheme == "https" else set()
    opened = client.post("/login", json={"key": make_key(tmp_path / "data", "acme").secret}, headers=behind)
    assert cookies_of(opened)["session"] == {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200", *secure} | {
        part for part in cookies_of(opened)["session"] if part.startswith("Expires=")
    }
    ended = cookies_of(client.post("/logout", headers=behind))["session"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=0", *secure} <= ended
    link = create_link(settings, "http://localhost").removeprefix("http://localhost")
    operators = cookies_of(client.get(link, headers=behind))[None]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", *secure} <= operators
    assert ("Secure" in operators) == ("Secure" in cookies_of(opened)["session"]) == (scheme == "https")


def test_attempts_of_a_known_caller_that_are_refused_are_in_the_audit(client, redis, tmp_path):
    job, made = str(uuid.uuid4()), make_key(tmp_path / "data", "acme", ("read",))
    redis.hset(f"job:{job}", "owner", "other")
    headers = {"X-API-Key": made.secret}
    assert client.post(f"/v1/jobs/{job}/cancel", headers=headers).status_code == 403
    assert client.get(f"/v1/jobs/{job}/result", headers=headers).status_code == 404
    assert client.post("/v1/keys", json={}, headers=headers).status_code == 403
    assert client.get(f"/v1/jobs/{job}/result", headers={"X-API-Key": made.secret[:-1]}).status_code == 401
    entries = [json.loads(fields[b"entry"]) for _, fields in redis.xrange(PENDING)]
    told = [(one["action"], one["status"], one["owner"], one["key_id"], one.get("job_id")) for one in entries]
    assert told == [
        ("job.cancel", 403, "acme", made.key.id, job),
        ("result.read", 404, "acme", made.key.id, job),
        ("key.create", 403, "acme", made.key.id, None),
    ]


@pytest.mark.parametrize("kind", ["jobs", "batches", "uploads"])
def test_no_id_says_whether_another_owner_has_something_of_it(client, redis, tmp_path, kind):
    """Below a record Redis has keys of other types: one of another owner's job must not answer otherwise than none."""
    name, record = str(uuid.uuid4()), {"jobs": "job", "batches": "batch", "uploads": "upload"}[kind]
    redis.hset(f"{record}:{name}", "owner", "other")
    redis.xadd(f"{record}:{name}:events", {"kind": "job.queued"})
    for key in ("status", "gone"):
        redis.set(f"{record}:{name}:{key}", "other")
    headers = {"X-API-Key": make_key(tmp_path / "data", "acme").secret}
    missing = {"jobs": "JOB_NOT_FOUND", "batches": "BATCH_NOT_FOUND", "uploads": "UPLOAD_NOT_FOUND"}[kind]
    for suffix in ("", ":events", ":status", ":gone", ":pages", "%0a", "%00", ":events:status"):
        for one in (name, str(uuid.uuid4())):
            answer = client.get(f"/v1/{kind}/{one}{suffix}", headers=headers)
            assert (answer.status_code, code(answer)) == (404, missing), suffix


def test_a_list_of_what_can_be_no_owner_is_refused(client, redis, tmp_path):
    redis.set("jobs:endings", 1)
    headers = {"X-API-Key": make_key(tmp_path / "data", "boss", ("admin",)).secret}
    for owner in ("endings", "read", "a:b", "*", "A", "%00", "-"):
        for path in ("/v1/jobs", "/v1/usage", "/dashboard/documents"):
            if (owner, path) != ("*", "/v1/usage"):
                answer = client.get(f"{path}?owner={owner}", headers=headers)
                assert (answer.status_code, code(answer)) == (422, "INVALID_OPTION"), (owner, path)
