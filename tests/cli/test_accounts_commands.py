"""docparse keys, usage and db: what they print, what they exit with, and that a running service knows at once."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from document_parser.accounts.audit import Audit
from document_parser.accounts.database import Database
from document_parser.accounts.keys import Keys
from document_parser.accounts.migrations import HEAD
from document_parser.accounts.records import AuditFilter, Counted
from document_parser.accounts.usage import Usage
from document_parser.settings import AccountSettings, Settings, StoreSettings
from tests.support.commands import docparse
from tests.support.owners import client_of
from tests.support.service import CLEARED, ROOT, Service, wait_until

NOBODY = "postgresql://docparse:secret@127.0.0.1:9/none"
"""A database that is not there."""


@pytest.fixture
def run(tmp_path):
    """Runs docparse in a folder of its own; ``cold``: with the start of Python and the loading of its modules."""

    def run(*arguments, status=0, cold=False, **settings):
        environment = {name: value for name, value in os.environ.items() if name not in CLEARED}
        environment |= {"DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT), **settings}
        command = [sys.executable, "-m", "document_parser", *arguments] if cold else docparse(*arguments)
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if status == 0 else done.stderr

    return run


@pytest.fixture
def database(tmp_path):
    found = Database(Settings(store=StoreSettings(data_dir=tmp_path / "data"), accounts=AccountSettings(database_url="")))
    yield found
    found.close()


def made(told):
    """Id and key of a key that was made."""
    return re.search(r"^id: +(\S+)$", told, re.MULTILINE)[1], re.search(r"^key: +(dp_live_\S+)$", told, re.MULTILINE)[1]


def test_a_key_is_made_listed_rotated_and_revoked(run, database, tmp_path):
    key_id, key = made(
        run(
            *("keys", "create", "--name", "the till", "--owner", "acme"),
            *("--tier", "enterprise", "--scopes", "read,admin", "--expires", "2099-01-31"),
        )
    )
    found = Keys(database).find(key)
    assert (found.id, found.name, found.owner, found.tier) == (key_id, "the till", "acme", "enterprise")
    assert found.scopes == ("read", "admin")
    assert found.expires_at == datetime(2099, 1, 31, tzinfo=UTC)
    listed = run("keys", "list", cold=True)
    assert key not in listed
    assert re.search(rf"^{key_id} +{key[:12]}… +acme +enterprise +read,admin +active .*the till$", listed, re.MULTILINE)
    assert key_id not in run("keys", "list", "--owner", "other")
    new_id, new = made(run("keys", "rotate", key_id, "--grace-hours", "2"))
    assert Keys(database).find(new).id == new_id
    assert "active" in run("keys", "list").split(key_id)[1].splitlines()[0]
    assert "the till" in run("keys", "revoke", new_id)
    assert "revoked" in run("keys", "list").split(new_id)[1].splitlines()[0]
    told = [(row.action, row.subject, row.actor) for row in Audit(database).list(AuditFilter(), before=None, limit=9)]
    assert told == [
        ("key.revoke", new_id, "operator"),
        ("key.rotate", new_id, "operator"),
        ("key.create", key_id, "operator"),
    ]
    assert stat.S_IMODE((tmp_path / "data" / "accounts.db").stat().st_mode) == 0o600, "nobody else may read it"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("keys", "create", "--name", "n", "--owner", "Acme!"), 1, "owner: is not 1 to 64"),
        (("keys", "create", "--name", "n", "--owner", "a", "--scopes", "all"), 1, "all is not one of process, read"),
        (("keys", "create", "--name", "n", "--owner", "a", "--expires", "2001-01-01"), 1, "has passed already"),
        (("keys", "create", "--name", "n", "--owner", "a", "--expires", "soon"), 2, "'soon' is not a date"),
        (("keys", "create", "--name", "n"), 2, "--owner"),
        (("keys", "revoke", "nothing"), 1, "No API key has this id"),
        (("keys", "rotate", "nothing"), 1, "No API key has this id"),
        (("usage", "--by", "moon"), 2, "name some of owner,day,key,engine"),
        (("usage", "--from", "yesterday"), 2, "is not a day"),
    ],
)
def test_what_cannot_be_done_is_said(run, arguments, status, says):
    assert says in run(*arguments, status=status)


@pytest.mark.parametrize("command", [("keys", "list"), ("usage",), ("db", "current")])
def test_a_database_that_is_away_is_status_four_and_names_no_password(run, command):
    told = run(*command, status=4, DATABASE_URL=NOBODY)
    assert "does not answer" in told
    assert "secret" not in told


def test_usage_is_printed_for_bills(run, database):
    counted = [
        Counted("acme", "k", date(2027, 1, 30), "deepseek", {"pages": 3, "milliseconds": 1500, "tokens": 900}),
        Counted("acme", "k", date(2027, 1, 31), "none", {"documents": 1, "bytes": 4096}),
        Counted("globex", "", date(2027, 1, 31), "rapidocr", {"pages": 2}),
    ]
    Usage(database).add("b", counted)
    lines = list(csv.DictReader(io.StringIO(run("usage", "--csv", cold=True))))
    assert [line["engine"] for line in lines] == ["deepseek", "none", "rapidocr"]
    assert lines[0] == {
        **{"owner": "acme", "day": "2027-01-30", "key": "k", "engine": "deepseek"},
        **{"documents": "0", "pages": "3", "bytes": "0", "seconds": "1.500", "tokens": "900", "extractions": "0"},
    }
    (line,) = csv.DictReader(io.StringIO(run("usage", "--csv", "--by", "owner", "--from", "2027-01-31", "--owner", "acme")))
    assert (line["owner"], line["pages"], line["documents"]) == ("acme", "0", "1")
    assert re.search(r"^k +1 +3 +4096 +1\.5 +900 +0$", run("keys", "usage"), re.MULTILINE)


def test_the_database_is_upgraded_and_downgraded(run, postgresql):
    url = postgresql.create_database("by_command")
    assert "database: no tables" in run("db", "current", DATABASE_URL=url)
    assert "docparse db upgrade" in run("keys", "list", status=4, DATABASE_URL=url)
    assert f"database: {HEAD}" in run("db", "upgrade", DATABASE_URL=url)
    made(run("keys", "create", "--name", "n", "--owner", "acme", DATABASE_URL=url))
    assert "acme" in run("keys", "list", DATABASE_URL=url)
    assert "database: no tables" in run("db", "downgrade", "--to", "base", DATABASE_URL=url)


def test_a_running_service_knows_of_a_revocation_at_the_command_line(run, tmp_path):
    with Service(tmp_path, AUTH_MODE="required", NUM_WORKERS=0, WEB_WORKERS=2) as service:
        key_id, key = made(run("keys", "create", "--name", "n", "--owner", "acme"))
        with client_of(service.port, key) as client:
            assert client.get("/v1/jobs").status_code == 200
            run("keys", "revoke", key_id)
            # Enough requests for both web processes to answer some.
            wait_until(lambda: {client.get("/v1/jobs").status_code for _ in range(20)} == {401}, 5, "the key ends in both")
