"""The admin page and its routes: what each caller gets of the page, no writes from other sites, and what the routes say."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from document_parser.accounts.database import Database
from document_parser.accounts.history import History
from document_parser.accounts.models import JobRow
from document_parser.api.factory import create_app
from document_parser.api.routes.ui import CONTENT_SECURITY_POLICY
from document_parser.balancing.breaker import Thresholds, record_fault
from document_parser.jobs.redis.breakers import RedisBreakers
from document_parser.settings import AccountSettings, ApiSettings, DeepSeekSettings, NanonetsSettings, Settings, StoreSettings
from document_parser.settings.operator_access import operator_token
from tests.support.owners import make_key

EVIL = {"Origin": "https://evil.example.org"}
SENT = datetime(2027, 3, 1, 12, tzinfo=UTC)
SERVER = "http://user:secret@gpu1:4444/v1"


@pytest.fixture
def settings_for(valkey, redis, tmp_path):
    def make(mode):
        return Settings(
            api=ApiSettings(rate_limit_reads="none"),
            accounts=AccountSettings(auth_mode=mode),
            deepseek=DeepSeekSettings(url=SERVER),
            nanonets=NanonetsSettings(url="http://gpu1:4445/v1,http://gpu2:4445/v1"),
            store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url),
        )

    return make


def access(page):
    return page.text.partition('data-access="')[2].partition('"')[0]


def test_the_page_says_to_each_browser_what_it_lacks_and_lets_no_foreign_script_in(settings_for, tmp_path):
    client = create_app(settings_for("required")).test_client()
    told = {"": access(client.get("/admin"))}
    for owner, scopes in (("acme", ("read",)), ("boss", ("admin",))):
        assert client.post("/login", json={"key": make_key(tmp_path / "data", owner, scopes).secret}).status_code == 204
        page = client.get("/admin")
        told[owner] = access(page)
        assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert page.headers["Cache-Control"] == "no-store"
        assert ("Admin</a>" in client.get("/").text) == (owner == "boss")
    assert told == {"": "login", "acme": "scope", "boss": "granted"}
    off = create_app(settings_for("off")).test_client()
    assert access(off.get("/admin")) == "token"


def test_no_page_of_another_site_changes_anything_with_an_admins_login(settings_for, tmp_path):
    client = create_app(settings_for("required")).test_client()
    key = make_key(tmp_path / "data", "boss", ("admin",))
    client.post("/login", json={"key": key.secret})
    writes = {
        "/v1/keys": {"name": "stolen", "owner": "boss", "scopes": ["admin"]},
        f"/v1/keys/{key.key.id}/rotate": {"grace_seconds": 0},
        f"/v1/keys/{key.key.id}/revoke": {},
        "/v1/webhooks/deliveries/replay": {},
        f"/v1/jobs/{uuid.uuid4()}/webhook/replay": {},
        "/logout": {},
        "/login": {"key": key.secret},
    }
    for path, body in writes.items():
        for headers in (EVIL, {"Sec-Fetch-Site": "cross-site", **EVIL}):
            # The login of the browser proves nothing there, so it is a caller without a key, or a refused origin.
            assert client.post(path, json=body, headers=headers).status_code in (401, 403), path
    assert [one["state"] for one in client.get("/v1/keys").get_json()["keys"]] == ["active"]


def test_the_history_is_searched_page_by_page_and_failures_are_explained(settings_for):
    settings = settings_for("off")
    client = create_app(settings).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {operator_token(settings)}"
    codes = ("DAMAGED_DOCUMENT", "DAMAGED_DOCUMENT", "NEWER_THAN_THIS")
    database = Database(settings)
    History(database).write(
        JobRow(
            job_id=str(uuid.uuid4()),
            owner="acme",
            state="failed",
            error_code=code,
            filename=f"{number}.pdf",
            created_at=SENT + timedelta(hours=number),
        )
        for number, code in enumerate(codes)
    )
    database.close()
    first = client.get("/v1/history?limit=2&owner=acme").get_json()
    rest = client.get(f"/v1/history?limit=2&owner=acme&cursor={first['next_cursor']}").get_json()
    assert [job["filename"] for job in (*first["jobs"], *rest["jobs"])] == ["2.pdf", "1.pdf", "0.pdf"]
    assert rest["next_cursor"] is None
    assert client.get("/v1/history?text=1.pdf&state=&until=2027-03-01T14:00:00Z").get_json()["jobs"] == first["jobs"][1:]
    assert client.get("/v1/history?text=1.%00pdf").get_json()["jobs"] == []
    for wrong in ("cursor=yesterday", "cursor=1_", "state=lost", "since=2027-03-01", "limit=501", "sort=size"):
        assert client.get(f"/v1/history?{wrong}").status_code == 422, wrong
    told = client.get("/v1/history/failures").get_json()
    assert (told["jobs"], told["is_whole"]) == (3, True)
    assert [(one["error_code"], one["jobs"]) for one in told["failures"]] == [("DAMAGED_DOCUMENT", 2), ("NEWER_THAN_THIS", 1)]
    assert told["failures"][0]["meaning"].startswith("The file is damaged")
    assert told["failures"][1]["meaning"] == ""
    assert client.get("/v1/history", headers={"Authorization": ""}).status_code == 401


def test_every_model_server_is_listed_with_its_breaker_and_nothing_of_its_password(settings_for, redis):
    settings = settings_for("off")
    client = create_app(settings).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {operator_token(settings)}"
    breakers = RedisBreakers(redis)
    for server, pause in ((f"deepseek {SERVER}", 600), ("nanonets http://gpu2:4445/v1", 0.01)):
        for _ in range(3):
            breakers.change(server, record_fault(Thresholds(faults=3, pause_seconds=pause, probe_seconds=60)))
    answer = client.get("/v1/breakers")
    while (found := client.get("/v1/breakers").get_json()["breakers"])[2]["state"] == "open":
        time.sleep(0.01)
    told = [(one["engine"], one["server"], one["state"], one["faults"], one["retry_at"] is not None) for one in found]
    assert told == [
        ("deepseek", "gpu1:4444", "open", 3, True),
        ("nanonets", "gpu1:4445", "closed", 0, False),
        ("nanonets", "gpu2:4445", "half_open", 3, True),
    ]
    assert "secret" not in answer.text
