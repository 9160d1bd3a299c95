"""Owners: each sees its own, on every route there is, and to all others it does not exist."""

from __future__ import annotations

import base64
import io
import re
import uuid
import zipfile
from contextlib import ExitStack

import pytest

from document_parser.api.middleware.access import find_access
from document_parser.classification.labels import order_of
from document_parser.extraction.schema import schema_of_names
from document_parser.models.extraction import ExtractionOrder
from tests.support.documents import report_pdf
from tests.support.owners import client_of, make_key
from tests.support.routes import OPEN, routes
from tests.support.service import SOON, Service, wait_until

TUS = {"Tus-Resumable": "1.0.0"}
SECRET = "alices-secret-report"
"""The name of Alice's document: in nothing that Bob gets."""
SENTENCE = "Quarterly"
"""What stands in it."""
ORDER = {"fields": ["report"]}
"""What Alice has extracted."""
KEY = "the same Idempotency-Key"

SHARED = {"/v1/health", "/v1/system", "/v1/schemas"}
"""Facts of the service that are the same for all."""
LISTS = {"/v1/jobs", "/v1/usage", "/v1/documents"}
"""Lists, which are empty for Bob."""
OWN = {"/v1/me", "/login", "/login/provider", "/login/callback", "/logout"}
"""What tells of the caller alone."""
ADMINS = {
    ("GET", "/v1/metrics"),
    ("GET", "/v1/webhooks/deliveries"),
    ("POST", "/v1/webhooks/deliveries/replay"),
    ("POST", "/v1/webhooks/ping"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/history"),
    ("GET", "/v1/history/failures"),
    ("GET", "/v1/breakers"),
    ("GET", "/v1/keys"),
    ("POST", "/v1/keys"),
    ("POST", "/v1/keys/<key_id>/rotate"),
    ("POST", "/v1/keys/<key_id>/revoke"),
}
"""For admins only."""
BY_NAME = re.compile(r"<(job_id|batch_id|upload_id)>")
"""Routes whose path names something of one owner."""
BY_BODY = {
    "/v1/process/async": "upload",
    "/v1/process/sync": "upload",
    "/v1/extract": "upload",
    "/v1/process/batch": "batch",
    "/api/v1/documents": "upload",
    "/api/v1/documents/sync": "upload",
    "/api/v1/documents/batch": "batch",
    "/api/v1/documents/upload/complete": "upload",
    "/api/v1/documents/upload/chunk": "chunk",
    "/v1/uploads": "concat",
}
"""Routes that may name an upload of one owner beside their path, and how."""
NAMES_NOTHING = {
    "/v1/process/url",
    "/v1/process/s3",
    "/v1/extract/validate",
    "/api/v1/documents/from-url",
    "/api/v1/documents/from-s3",
    "/api/v1/documents/upload/init",
}
"""Routes that make something new and can name nothing that there is."""
ENDS_THE_CALLER = {"/v1/owners/me"}
"""Deletes all that the caller's owner has, and its keys: tests/service/test_erasure.py looks at what is left."""
MISSING = {"JOB_NOT_FOUND", "BATCH_NOT_FOUND", "UPLOAD_NOT_FOUND"}
"""What Bob is told of what is Alice's: not that a page or a figure of it is missing."""
TREES = ("/dashboard/", "/static/", "/openapi/", "/samples/")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = {"AUTH_MODE": "required", "CACHE_HOURS": 24, "RATE_LIMIT_READS": "none", **SOON}
    with Service(tmp_path_factory.mktemp("owners"), **settings) as service:
        yield service


@pytest.fixture(scope="module")
def callers(service):
    """Alice, Bob and an admin."""
    with ExitStack() as undo:
        scopes = {"alice": ("process", "read", "extract"), "bob": ("process", "read", "extract"), "boss": ("admin",)}
        keys = {owner: make_key(service.data_dir, owner, held).secret for owner, held in scopes.items()}
        yield {owner: undo.enter_context(client_of(service.port, key)) for owner, key in keys.items()}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    return report_pdf(tmp_path_factory.mktemp("alice") / f"{SECRET}.pdf")


def send(client, document, path="/v1/process/async", field="file", **headers):
    with document.open("rb") as stream:
        answer = client.post(path, files={field: (document.name, stream)}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


def ended(client, job_id):
    status = client.get(f"/v1/jobs/{job_id}/status", params={"wait": 30}).json()
    assert status["status"] == "completed", status
    return status


@pytest.fixture(scope="module")
def alices(callers, document):
    """What Alice has: a job that has been read, a batch, an upload that is complete and one that is not."""
    alice = callers["alice"]
    job_id = send(alice, document, **{"Idempotency-Key": str(uuid.uuid5(uuid.NAMESPACE_DNS, KEY))})["job_id"]
    ended(alice, job_id)
    batch_id = send(alice, document, "/v1/process/batch", "files")["batch_id"]
    assert alice.get(f"/v1/batches/{batch_id}", params={"wait": 30}).json()["status"] == "completed"
    assert alice.post(f"/v1/jobs/{job_id}/extract", json=ORDER).status_code == 200
    extraction = ExtractionOrder(json_schema=schema_of_names(ORDER["fields"])).digest
    assert alice.post(f"/v1/jobs/{job_id}/classify").status_code == 200
    asked = {"extraction_id": extraction, "classification_id": order_of((), {}).digest}
    names = {"job_id": job_id, "batch_id": batch_id, "upload_id": upload(alice, document)}
    return {**names, "key_id": job_id, **asked}


def upload(client, document):
    """The id of a complete upload."""
    name = base64.b64encode(document.name.encode()).decode()
    size = str(document.stat().st_size)
    headers = {**TUS, "Upload-Length": size, "Upload-Metadata": f"filename {name}", "Upload-Concat": "partial"}
    created = client.post("/v1/uploads", headers={**headers, "Content-Type": "application/offset+octet-stream"})
    assert created.status_code == 201, created.text
    location = created.headers["Location"]
    piece = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert client.patch(location, headers=piece, content=document.read_bytes()).status_code == 204
    return location.rpartition("/")[2]


def address_of(rule, names):
    numbers = {"number": "1", "name": "page-0001-figure-1.png", "instance_number": "0", "page": "1", "per_page": "5"}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: {**numbers, **names}.get(found[1], "x"), rule)


def call(client, method, rule, names):
    """Ask as a caller who knows all names."""
    address = address_of(rule, names)
    kind = BY_BODY.get(rule)
    if kind == "concat":
        headers = {**TUS, "Upload-Concat": f"final;/v1/uploads/{names['upload_id']}"}
        return client.request(method, address, headers=headers)
    if kind == "chunk":
        return client.post(address, params={"upload_id": names["upload_id"], "offset": 0}, content=b"")
    if kind == "batch":
        return client.post(address, files={"upload_id": (None, names["upload_id"])})
    if kind == "upload":
        order = {"extract_fields": "total"} if rule == "/v1/extract" else {}
        return client.post(address, json={"upload_id": names["upload_id"], **order})
    if rule.startswith("/v1/uploads"):
        piece = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        return client.request(method, address, headers=piece)
    query = {"start": 0, "end": 1} if rule.endswith("/cite") else None
    if rule.endswith("<batch_id>/extractions"):
        query = {"extract_fields": "total"}
    return client.request(method, address, params=query, json={} if method == "POST" else None)


def test_every_route_is_in_the_walk():
    unknown = [
        (method, rule)
        for method, rule in routes()
        if not (
            rule in OPEN | SHARED | LISTS | OWN | NAMES_NOTHING | ENDS_THE_CALLER
            or rule in BY_BODY
            or BY_NAME.search(rule)
            or (method, rule) in ADMINS
            or ("GET", rule) in ADMINS
            or rule.startswith(TREES)
        )
    ]
    assert unknown == [], "say in this file how another owner is kept out"
    assert [route for route in routes() if find_access(*route) is None] == [], "say in access.py what it needs"


def test_bob_finds_nothing_of_alice_on_any_route(callers, alices, document):
    bob, found = callers["bob"], []
    traces = {SECRET, SENTENCE, *alices.values()}
    for method, rule in routes():
        if rule in ENDS_THE_CALLER:
            continue
        answer = call(bob, method, rule, alices)
        sent = address_of(rule, alices)
        # A route that says which path it did not find may repeat what was sent; it was Bob who sent it.
        said = answer.text.replace(sent, "") + str(dict(answer.headers))
        if (BY_NAME.search(rule) and not rule.startswith("/dashboard")) or rule in BY_BODY:
            allowed = {404}
        elif rule.startswith("/dashboard") or (method, rule) in ADMINS or ("GET", rule) in ADMINS:
            allowed = {403}
        else:
            allowed = set(range(100, 500))
        missing = answer.json()["error"]["code"] if answer.status_code == 404 and method != "HEAD" else ""
        if allowed == {404} and missing and missing not in MISSING:
            found.append((method, rule, missing))
        leaks = [trace for trace in traces if trace in said] if rule not in OPEN and not rule.startswith(TREES[1:]) else []
        if answer.status_code not in allowed or leaks:
            found.append((method, rule, answer.status_code, leaks, answer.text[:200]))
    assert found == []
    assert bob.get("/v1/jobs").json()["jobs"] == []


def test_alice_is_let_in_wherever_bob_is_not(callers, alices):
    alice, kept_out = callers["alice"], []
    for method, rule in routes():
        if method in ("GET", "HEAD") and BY_NAME.search(rule) and not rule.startswith("/dashboard"):
            answer = call(alice, method, rule, alices)
            if answer.status_code != 200 and "figures" not in rule:
                kept_out.append((method, rule, answer.status_code, answer.text[:200]))
    assert kept_out == []
    listed = {job["job_id"] for job in alice.get("/v1/jobs").json()["jobs"]}
    assert alices["job_id"] in listed
    assert SENTENCE in alice.get(f"/v1/jobs/{alices['job_id']}/result", params={"format": "markdown"}).text


def test_the_same_document_with_the_same_key_is_another_job_that_is_read_anew(callers, alices, document):
    headers = {"Idempotency-Key": str(uuid.uuid5(uuid.NAMESPACE_DNS, KEY))}
    again = send(callers["alice"], document)
    assert again["cache"] == "hit", "her own readings are used"
    bobs = send(callers["bob"], document, **headers)
    assert bobs["job_id"] != alices["job_id"]
    assert (bobs["cache"], bobs["shared"]) == ("miss", False), "Bob does not learn that somebody has read it before"
    ended(callers["bob"], bobs["job_id"])
    assert callers["alice"].get(f"/v1/jobs/{bobs['job_id']}/status").status_code == 404
    assert callers["bob"].delete(f"/v1/jobs/{bobs['job_id']}").status_code == 200
    assert callers["alice"].get(f"/v1/jobs/{alices['job_id']}/result").status_code == 200


def test_an_admin_and_the_operator_see_what_they_ask_for_by_its_owner(service, callers, alices):
    for admin in (callers["boss"], service.client):
        assert admin.get(f"/v1/jobs/{alices['job_id']}/status").status_code == 200
        assert admin.get("/v1/jobs").json()["jobs"] == []
        assert alices["job_id"] in admin.get("/v1/jobs", params={"owner": "alice"}).text
        assert SECRET in admin.get("/dashboard/documents", params={"owner": "alice"}).text
    refused = callers["bob"].get("/v1/jobs", params={"owner": "alice"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "SCOPE_MISSING")


def has_contents(answer):
    """Whether an answer has something of Alice's document."""
    if answer.headers.get("Content-Type", "") == "application/zip":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return any(SENTENCE.encode() in archive.read(name) for name in archive.namelist())
    kinds = ("image/jpeg", "image/png", "application/octet-stream", "application/pdf")
    return answer.headers.get("Content-Type", "").startswith(kinds) or SENTENCE in answer.text


def test_every_answer_with_contents_is_in_the_audit(service, callers, alices):
    """All GET routes, asked by the owner and, for the dashboard's, by an admin: who got contents is known, and from where."""
    got = {}
    for method, rule in routes():
        if method != "GET" or rule in OPEN or rule.startswith(TREES[1:]):
            continue
        for caller in ("alice", "boss"):
            answer = call(callers[caller], method, rule, alices)
            if answer.status_code == 200 and has_contents(answer):
                got[answer.headers["X-Request-ID"]] = (rule, caller)
    assert len(got) >= 12, got

    def audited():
        entries, cursor = [], None
        while cursor != "":
            query = {"action": "result.read", "limit": 100, **({"cursor": cursor} if cursor else {})}
            page = service.client.get("/v1/audit", params=query).json()
            entries, cursor = entries + page["entries"], page["next_cursor"] or ""
        return {entry["request_id"]: entry for entry in entries}

    wait_until(lambda: set(got) <= set(audited()), 20, f"each is noted: {[got[n] for n in set(got) - set(audited())]}")
    found = audited()
    assert {found[number]["owner"] for number in got} == {"alice", "boss"}
    assert {found[number]["address"] for number in got} == {"127.0.0.1"}


def test_what_bob_tried_has_changed_nothing(callers, alices):
    alice = callers["alice"]
    assert alice.get(f"/v1/jobs/{alices['job_id']}/status").json()["status"] == "completed"
    assert alice.get(f"/v1/batches/{alices['batch_id']}").json()["status"] == "completed"
    assert alice.post("/v1/process/async", json={"upload_id": alices["upload_id"]}).status_code == 202
    assert alice.delete(f"/v1/batches/{alices['batch_id']}").status_code == 200
    assert callers["bob"].get(f"/v1/batches/{alices['batch_id']}").status_code == 404
