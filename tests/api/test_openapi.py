"""The OpenAPI document: valid 3.1 that generators take, and what it says of each route is so."""

from __future__ import annotations

import importlib
import io
import json
import re
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from redis import Redis

from document_parser.api.factory import create_app
from document_parser.api.middleware.errors import ProblemBody
from document_parser.api.openapi import OPERATOR_SECURITY
from document_parser.settings import ApiSettings, Settings, StoreSettings
from tests.support import fuzz
from tests.support.browser import Watched
from tests.support.documents import illustrated_pdf
from tests.support.error_kinds import error_kinds
from tests.support.receiver import receiving, told
from tests.support.receiver import settings as webhooks
from tests.support.service import ROOT, Service, redis_url_of

SAMPLES = ROOT / "samples"
PROBLEM = {"$ref": "#/components/schemas/ProblemBody"}
OPERATION_IDS = {
    "process_async",
    "process_sync",
    "list_jobs",
    "job_status",
    "job_result",
    "job_chunks",
    "cite_span",
    "job_download",
    "job_events",
    "cancel_job",
    "retry_job",
    "delete_job",
    "job_pages",
    "job_page",
    "job_page_image",
    "job_figure",
    "retry_page",
    "list_deliveries",
    "replay_delivery",
    "replay_failed_deliveries",
    "ping_webhook",
    "live",
    "ready",
    "health",
    "system",
    "metrics",
}
OPERATORS_ROUTES = {
    "delete_owner",
    "list_keys",
    "list_audit",
    "search_history",
    "count_failures",
    "list_breakers",
    "get_usage",
    "list_documents",
    "delete_document",
    "create_key",
    "rotate_key",
    "revoke_key",
    "list_jobs",
    "delete_job",
    "delete_batch",
    "alias_delete_jobs",
    "list_deliveries",
    "replay_delivery",
    "replay_failed_deliveries",
    "ping_webhook",
}
WITHOUT_A_BODY = {"create_upload", "send_piece", "delete_upload", "log_in", "log_out"}
"""What tus answers with headers alone, and logins, whose cookie is a header."""


def document_of(folder, **api):
    return create_app(Settings(api=ApiSettings(**api), store=StoreSettings(data_dir=folder))).api_doc


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    return document_of(tmp_path_factory.mktemp("openapi"))


def operations_of(document):
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


@pytest.fixture(scope="module")
def operations(document):
    return operations_of(document)


def test_it_is_valid_openapi_3_1(document):
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_operations_keep_the_names_that_clients_are_generated_from(document, operations):
    assert set(operations) >= OPERATION_IDS
    assert len(operations) == sum(len(path) for path in document["paths"].values())
    assert [name for name in operations if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []


def test_every_error_is_the_one_problem_body_with_an_example_of_each_of_its_codes(document, operations):
    for name, operation in operations.items():
        for status, answer in operation["responses"].items():
            health = status == "503" and name in ("health", "ready")
            if int(status) >= 400 and status != "414" and not health:
                (media,) = answer["content"].values()
                assert media["schema"] == PROBLEM, (name, status)
                assert set(media["examples"]) == set(re.findall(r"^- `([A-Z_]+)`: ", answer["description"], re.MULTILINE))
    for code in {kind.code for kind in error_kinds()} & set(document["components"]["examples"]):
        assert ProblemBody.model_validate(document["components"]["examples"][code]["value"]).error.code == code


def test_every_answer_in_json_has_an_example_that_its_schema_allows(document, operations):
    examples, checked = document["components"]["examples"], set()
    for name, operation in operations.items():
        for status, answer in operation["responses"].items():
            media = answer.get("content", {}).get("application/json")
            if media is None or not status.startswith("2"):
                continue
            (example,) = media["examples"]
            assert media["examples"][example] == {"$ref": f"#/components/examples/{example}"}, (name, status)
            if (example, media["schema"]["$ref"]) not in checked:
                checked.add((example, media["schema"]["$ref"]))
                schema = {**media["schema"], "components": document["components"]}
                found = [error.message for error in Draft202012Validator(schema).iter_errors(examples[example]["value"])]
                assert found == [], (name, status)
    assert {example for example, _ in checked} == set(examples) - {kind.code for kind in error_kinds()}


def test_every_error_names_codes_that_have_its_status(operations):
    statuses = {kind.code: str(kind.status) for kind in error_kinds()}
    for name, operation in operations.items():
        for status, answer in operation["responses"].items():
            codes = re.findall(r"^- `([A-Z_]+)`: ", answer["description"], re.MULTILINE)
            # A tier may give quotas the status 402.
            found = {"402" if (code, status) == ("QUOTA_EXCEEDED", "402") else statuses[code] for code in codes}
            assert found <= {status}, (name, status)


def test_every_route_says_what_it_gives(operations):
    for name, operation in operations.items():
        given = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert given, name
        for answer in given if name not in WITHOUT_A_BODY else ():
            assert answer["content"], name
            assert all(kind["schema"] for kind in answer["content"].values()), name


def test_files_and_streams_have_their_own_media_types(operations):
    def types(name, status="200"):
        return set(operations[name]["responses"][status]["content"])

    files = {"text/markdown", "text/html", "text/plain", "application/zip", "application/json"}
    assert types("job_result") >= files
    assert types("process_sync") >= files
    assert types("job_download") >= files
    assert types("job_events") == {"text/event-stream"}
    assert types("job_figure") == types("job_page_image") == {"image/jpeg"}
    assert "text/plain" in types("metrics")
    assert types("process_sync", "202") == types("process_async", "202") == {"application/json"}


def test_the_operators_routes_take_the_token(document, operations):
    scheme = document["components"]["securitySchemes"]["admin_token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    secured = {name for name, operation in operations.items() if operation.get("security") == OPERATOR_SECURITY}
    assert secured == OPERATORS_ROUTES
    assert all({"401", "403"} <= set(operations[name]["responses"]) for name in secured)


def test_headers_stand_where_they_come(operations):
    def headers(name, status):
        return set(operations[name]["responses"][status]["headers"])

    for name, operation in operations.items():
        ours = [answer for status, answer in operation["responses"].items() if status != "414"]
        assert all("X-Request-ID" in answer["headers"] for answer in ours), name
        if "429" in operation["responses"]:
            assert {"Retry-After", "X-RateLimit-Limit"} <= headers(name, "429")
    assert {"Location", "Idempotency-Replayed"} <= headers("process_async", "202")
    assert "Location" in headers("retry_page", "202")
    asked = {name: {(p["in"], p["name"]) for p in operation.get("parameters", ())} for name, operation in operations.items()}
    assert ("header", "Idempotency-Key") in asked["process_async"] & asked["process_sync"]
    assert ("header", "Last-Event-ID") in asked["job_events"]


def test_the_accuracy_mode_shown_is_the_servers_own(tmp_path):
    body = operations_of(document_of(tmp_path, default_accuracy_mode="fast"))["process_async"]["requestBody"]
    mode = body["content"]["multipart/form-data"]["schema"]["properties"]["accuracy_mode"]
    assert mode["examples"] == ["fast"]
    assert "default" not in mode


# --- Try it out -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def receiver():
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    unlimited = {"RATE_LIMIT_READS": "none", "RATE_LIMIT_UPLOADS": "none", "CACHE_HOURS": 24}
    with Service(tmp_path_factory.mktemp("tried"), NUM_WORKERS=1, WEB_WORKERS=1, **webhooks(**unlimited)) as running:
        yield running


@pytest.fixture(scope="module")
def illustrated(tmp_path_factory):
    return illustrated_pdf(tmp_path_factory.mktemp("figure") / "illustrated.pdf")


def shown(schema, described):
    """What Swagger UI fills in for a field; None where it leaves it empty."""
    if "example" in described:
        return described["example"]
    return schema.get("example", next(iter(schema.get("examples", ())), schema.get("default")))


def filled_query(operation):
    fields = {p["name"]: shown(p["schema"], p) for p in operation.get("parameters", ()) if p["in"] == "query"}
    return {name: str(value) for name, value in fields.items() if value not in (None, "")}


def emptied_query(operation):
    """Every field is there and empty."""
    return {p["name"]: "" for p in operation.get("parameters", ()) if p["in"] == "query"}


def as_text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def form_of(schema, *, empty=False):
    fields = {name: shown(field, {}) for name, field in schema["properties"].items() if field.get("format") != "binary"}
    if empty:
        return dict.fromkeys(fields, "")
    return {name: as_text(value) for name, value in fields.items() if value not in (None, "")}


def bodies_of(operation, file):
    """The requests that Swagger UI makes of an operation: how its body is sent, filled in and left empty."""
    query = filled_query(operation)
    content = operation.get("requestBody", {}).get("content", {})
    for kind, described in content.items():
        schema = described["schema"]
        match kind:
            case "multipart/form-data":
                for empty in (False, True):
                    yield {
                        "params": query,
                        "data": form_of(schema, empty=empty),
                        "files": {"file": (file.name, file.read_bytes())},
                    }
            case "application/octet-stream":
                options = form_of(content["multipart/form-data"]["schema"])
                named = {"filename": file.name, **options}
                assert set(named) <= set(emptied_query(operation))
                yield {"params": named, "content": file.read_bytes(), "headers": {"Content-Type": kind}}
            case "application/x-www-form-urlencoded":
                yield {"params": query, "data": form_of(schema)}
                yield {"params": query, "data": form_of(schema, empty=True)}
            case "application/json":
                yield {"params": query, "json": described.get("example", form_of(schema) if "properties" in schema else None)}
            case _:
                raise AssertionError(kind)
    if not operation.get("requestBody", {}).get("required"):
        yield {"params": query}
        yield {"params": emptied_query(operation)}


def job_for(name, service, receiver, illustrated):
    """A job in which the operation can succeed."""
    if name == "cancel_job":
        return service.submit(SAMPLES / "scan.pdf", cache="false")
    job_id = service.submit(illustrated, webhook_url=receiver.url)
    service.ended(job_id)
    told(service, job_id)
    if name == "retry_job":
        with Redis.from_url(redis_url_of(service)) as redis:
            card = json.loads(redis.hget(f"job:{job_id}", "card")) | {"unscanned": True}
            failed = {"state": "failed", "error": json.dumps({"code": "VIRUS_SCAN_UNAVAILABLE", "message": "", "status": 503})}
            redis.hset(f"job:{job_id}", mapping={"card": json.dumps(card), **failed})
    return job_id


def uploaded(service, file):
    """The id of a complete resumable upload of the file."""
    kind = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    length = {"Upload-Length": str(file.stat().st_size)}
    answer = service.client.post("/v1/uploads", content=file.read_bytes(), headers=kind | length)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rpartition("/")[2]


def resolve(document, schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


@pytest.mark.parametrize("name", sorted(OPERATION_IDS))
def test_what_try_it_out_sends_is_taken(name, service, receiver, illustrated, document, operations):
    operation = operations[name]
    path, method = next((p, m) for p, found in document["paths"].items() for m, o in found.items() if o is operation)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        media["schema"] = resolve(document, media["schema"])
    for request in bodies_of(operation, SAMPLES / "paper.pdf"):
        values = {p["name"]: shown(p["schema"], p) for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert None not in values.values(), name
        if "job_id" in values:
            values["job_id"] = job_for(name, service, receiver, illustrated)
        if "upload_id" in (request.get("json") or {}):
            request["json"]["upload_id"] = uploaded(service, SAMPLES / "paper.pdf")
        queries = [p for p in operation.get("parameters", ()) if p["in"] == "query" and p["required"]]
        request["params"] = {**request.get("params", {}), **{p["name"]: shown(p["schema"], p) for p in queries}}
        answer = service.client.request(method, path.format(**values), **request)
        assert str(answer.status_code) in operation["responses"], (name, request, answer.text)
        assert answer.is_success, (name, request, answer.text)


def test_every_field_has_an_example_or_a_default_or_is_a_choice(document, operations):
    """A choice that is left out is sent as nothing, and so are the fields beside a raw body, whose defaults the form has, and a
    header.
    """
    for name, operation in operations.items():
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            left_out = parameter["in"] == "header" or "enum" in schema or {"type": "null"} in schema.get("anyOf", ())
            assert left_out or shown(schema, parameter) is not None or name in fuzz.RECEIVING, (
                name,
                parameter["name"],
            )
        for media in operation.get("requestBody", {}).get("content", {}).values():
            for field, schema in resolve(document, media["schema"]).get("properties", {}).items():
                known = shown(schema, {}) is not None or field in media.get("example", {}) or "binary" in str(schema)
                assert known or "enum" in schema or {"type": "null"} in schema.get("anyOf", ()), (name, field)


def test_in_the_browser_a_document_is_sent_and_its_job_looked_at(service, chromium, tmp_path):
    page = chromium.new_page()
    watched = Watched(page, f"http://127.0.0.1:{service.port}", tmp_path)
    watched.open("docs")

    def execute(operation_id, tag, *files):
        block = page.locator(f"#operations-{tag}-{operation_id}")
        block.locator(".opblock-summary-control").click()
        block.locator(".try-out__btn").click()
        if files:
            with page.expect_file_chooser() as choosing:
                block.locator("input[type=file]").click()
            choosing.value.set_files(files)
        block.locator(".execute").click()
        return block.locator(".live-responses-table .response-col_status").last.inner_text()

    assert execute("health", "service").startswith("200")
    assert execute("process_async", "process", SAMPLES / "paper.pdf").startswith("202")
    assert execute("job_status", "jobs").startswith("200")
    page.close()
    assert watched.complaints == []
    assert [address for address in watched.asked if address.startswith(("http:", "https:"))] == []


# --- a generated client -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated(service, tmp_path_factory):
    """The package that openapi-python-client makes of the running service's document, without a warning."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(service.client.get("/openapi.json").text)
    # It reads pictures and zip files, and sends pieces of uploads, only where it is told that they are bytes.
    kinds = ("image/jpeg", "application/zip", "application/offset+octet-stream")
    octets = dict.fromkeys(kinds, "application/octet-stream")
    (folder / "config.json").write_text(json.dumps({"content_type_overrides": octets, "post_hooks": []}))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--config", "config.json"]
    ran = subprocess.run([*command, "--output-path", "client", "--fail-on-warning"], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "client")
        yield importlib.import_module("document_parser_client")


def part_of(package, name):
    return importlib.import_module(f"{package.__name__}.{name}")


@pytest.mark.parametrize("raw", [False, True], ids=["form", "raw"])
def test_a_generated_client_lists_submits_waits_and_downloads(service, generated, raw):
    jobs, models = part_of(generated, "api.jobs"), part_of(generated, "models")
    process, types = part_of(generated, "api.process"), part_of(generated, "types")
    for name in ("list_jobs", "job_status", "job_result", "job_download"):
        part_of(generated, f"api.jobs.{name}")
    part_of(generated, "api.process.process_async")
    paper = types.File(payload=io.BytesIO((SAMPLES / "paper.pdf").read_bytes()), file_name="paper.pdf")

    with generated.AuthenticatedClient(base_url=f"http://127.0.0.1:{service.port}", token=service.operator_token) as client:
        if raw:
            accepted = process.process_async.sync(client=client, body=paper, filename="paper.pdf", page_range="1")
        else:
            body = models.ProcessAsyncFilesBody(file=paper, page_range="1")
            accepted = process.process_async.sync(client=client, body=body)
        assert isinstance(accepted, models.Accepted)
        assert accepted.job_id in [job.job_id for job in jobs.list_jobs.sync(client=client, limit=10).jobs]
        while (status := jobs.job_status.sync(accepted.job_id, client=client, wait=10)).status != models.JobState.COMPLETED:
            assert status.status in (models.JobState.QUEUED, models.JobState.PROCESSING)
        assert (status.filename, status.progress.total_pages) == ("paper.pdf", 1)
        result = jobs.job_result.sync(accepted.job_id, client=client, format_=models.JobResultFormat.JSON)
        assert [page.number for page in result.document.pages] == [1]
        markdown = jobs.job_download.sync(accepted.job_id, client=client)
        assert markdown == service.result(accepted.job_id)["markdown"]
        missing = jobs.job_status.sync("0" * 36, client=client)
        assert missing.error.code == "JOB_NOT_FOUND"


# --- every answer against the document --------------------------------------------------------------------------------


def test_an_event_id_that_no_event_can_have_is_refused_before_the_stream_begins(service):
    job_id = service.submit(SAMPLES / "paper.pdf")
    service.ended(job_id)
    for event_id in ("20000000000000000000", "1-99999999999999999999", "\u0663"):
        answer = service.client.get(f"/v1/jobs/{job_id}/events", params={"last_event_id": event_id})
        assert answer.status_code == 422, answer.text


def test_an_empty_choice_counts_as_left_out_in_a_query_and_a_form_and_not_in_json(service):
    job_id = service.submit(SAMPLES / "paper.pdf")
    service.ended(job_id)
    assert service.client.get(f"/v1/jobs/{job_id}/result", params={"format": ""}).status_code == 200
    assert service.client.get(f"/v1/jobs/{job_id}/result", params={"form": ""}).status_code == 422
    retry = f"/v1/jobs/{job_id}/pages/1/retry"
    assert service.client.post(retry, json={"engine": ""}).status_code == 422
    assert service.client.post(retry, json={"": None}).status_code == 422
    assert service.client.post(retry, data={"engine": ""}).status_code == 202


def test_an_unknown_option_is_an_error_although_it_is_empty(service):
    with (SAMPLES / "paper.pdf").open("rb") as stream:
        answer = service.client.post("/v1/process/async", files={"file": stream}, data={"colour": ""})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("cursor", ["inf", "nan", "1e400", "-1", "1_0", " 1"])
def test_a_cursor_that_no_answer_gave_is_refused(service, cursor):
    answer = service.client.get("/v1/jobs", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_OPTION")


def test_schemathesis_finds_nothing(tmp_path):
    """A part of what ``make fuzz`` sends."""
    found = fuzz.run(tmp_path, each=3, whole=False)
    assert found.passed, found.output
    assert found.cases >= 1000
