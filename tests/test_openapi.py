"""The OpenAPI document: valid 3.1 that generators take, and what it says of each route is so."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from document_parser import errors
from document_parser.api.factory import create_app
from document_parser.settings import ApiSettings, Settings, StoreSettings

PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
OPERATION_IDS = {
    "process_async",
    "process_sync",
    "list_jobs",
    "job_status",
    "job_result",
    "job_download",
    "job_events",
    "cancel_job",
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
OPERATORS_ROUTES = {"list_jobs", "delete_job", "list_deliveries", "replay_delivery", "replay_failed_deliveries", "ping_webhook"}


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


def test_every_error_is_the_one_problem_body(operations):
    for name, operation in operations.items():
        for status, answer in operation["responses"].items():
            health = status == "503" and name in ("health", "ready")
            if int(status) >= 400 and not health:
                assert answer["content"] == PROBLEM, (name, status)


def test_every_error_names_codes_that_have_its_status(operations):
    def tree(kind):
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in tree(child))]

    statuses = {kind.code: str(kind.status) for kind in tree(errors.DocumentParserError)}
    for name, operation in operations.items():
        for status, answer in operation["responses"].items():
            codes = re.findall(r"^- `([A-Z_]+)`: ", answer["description"], re.MULTILINE)
            assert {statuses[code] for code in codes} <= {status}, (name, status)


def test_every_route_says_what_it_gives(operations):
    for name, operation in operations.items():
        given = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert given, name
        for answer in given:
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


def test_the_operators_routes_take_the_admin_token_or_a_caller_on_the_machine(document, operations):
    scheme = document["components"]["securitySchemes"]["admin_token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    secured = {name for name, operation in operations.items() if operation.get("security") == [{}, {"admin_token": []}]}
    assert secured == OPERATORS_ROUTES
    assert all({"401", "403"} <= set(operations[name]["responses"]) for name in secured)


def test_headers_stand_where_they_come(operations):
    def headers(name, status):
        return set(operations[name]["responses"][status]["headers"])

    for name, operation in operations.items():
        assert all("X-Request-ID" in answer["headers"] for answer in operation["responses"].values()), name
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
