"""Each operation of the OpenAPI document has a method of the client, or a reason why not. Both clients have the same ones."""

from __future__ import annotations

import inspect

from document_parser import AsyncClient, Client
from document_parser.api.factory import create_app
from document_parser.settings import Settings, StoreSettings

METHODS = {
    "process_async": "submit",
    "process_url": "submit_link",
    "process_object": "submit_link",
    "process_batch": "submit_batch",
    "alias_upload_init": "upload",
    "send_piece": "upload",
    "get_upload": "upload_offset",
    "delete_upload": "delete_upload",
    "list_jobs": "jobs",
    "job_status": "status",
    "job_children": "children",
    "job_result": "result",
    "job_download": "download",
    "job_source": "source",
    "job_events": "events",
    "cancel_job": "cancel",
    "delete_job": "delete",
    "retry_job": "retry_scan",
    "job_pages": "pages",
    "job_page": "page",
    "job_page_image": "page_image",
    "job_figure": "figure",
    "retry_page": "retry_page",
    "extract_from_job": "extract",
    "job_extraction": "extraction",
    "batch_extractions": "batch_extractions",
    "validate_schema": "validate_schema",
    "list_schemas": "schemas",
    "classify_job": "classify",
    "job_classification": "classification",
    "job_chunks": "chunks",
    "cite_span": "cite",
    "list_documents": "documents",
    "delete_document": "delete_values",
    "get_batch": "batch",
    "batch_events": "batch_events",
    "batch_download": "download_batch",
    "cancel_batch": "cancel_batch",
    "delete_batch": "delete_batch",
    "list_deliveries": "deliveries",
    "replay_delivery": "replay_webhook",
    "replay_failed_deliveries": "replay_failed_webhooks",
    "ping_webhook": "ping_webhook",
    "list_keys": "keys",
    "create_key": "create_key",
    "rotate_key": "rotate_key",
    "revoke_key": "revoke_key",
    "read_caller": "me",
    "delete_owner": "delete_owner",
    "get_usage": "usage",
    "list_audit": "audit",
    "search_history": "history",
    "count_failures": "failures",
    "list_breakers": "breakers",
    "health": "health",
    "system": "system",
}
REASONS = {
    "process_sync": "parse() waits for as long as it takes",
    "extract": "extract_file() waits for as long as it takes",
    "create_upload": "upload() begins at the alias, whose body names the file and its size",
    "alias_upload_chunk": "upload() sends pieces by tus",
    "alias_upload_complete": "submit_upload() takes all options",
    "get_job": "the same as status",
    "log_in": "for browsers",
    "log_out": "for browsers",
    "live": "for orchestrators",
    "ready": "for orchestrators",
    "metrics": "for Prometheus",
}


def methods_of(kind):
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def test_every_operation_has_a_method_or_a_reason(tmp_path):
    paths = create_app(Settings(store=StoreSettings(data_dir=tmp_path))).api_doc["paths"]
    operations = {operation["operationId"] for path in paths.values() for operation in path.values()}
    named = {name for name in operations if not name.startswith(("alias_get_", "alias_post_", "alias_delete_"))}
    assert named == METHODS.keys() | REASONS.keys()
    assert set(METHODS.values()) <= methods_of(Client)


def test_every_method_can_be_awaited_or_iterated_with_the_same_arguments():
    assert methods_of(AsyncClient) == methods_of(Client)
    iterated = {"events", "batch_events"}
    for name in methods_of(Client) - {"close"}:
        method = getattr(AsyncClient, name)
        assert inspect.isasyncgenfunction(method) if name in iterated else inspect.iscoroutinefunction(method), name
        assert inspect.signature(method) == inspect.signature(getattr(Client, name)), name
