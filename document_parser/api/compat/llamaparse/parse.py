"""Parse jobs: they are this service's own, by the same ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from flask import Response, request

from document_parser.api.auth import check_origin
from document_parser.api.compat import conversion
from document_parser.api.compat.facade import ignore_options, json_response
from document_parser.api.compat.intake import Arrived, begin_upload, receive_form
from document_parser.api.compat.json_body import receive_json
from document_parser.api.compat.llamaparse.wire import (
    PROJECT,
    STATES,
    facade,
    find_input,
    ignore_rest,
    job_facts,
    take_object,
    take_pages,
    take_text,
)
from document_parser.api.middleware.access import OPEN, READ_RESULT, SUBMIT, access_of
from document_parser.api.middleware.identity import identity
from document_parser.api.pagination import page_of
from document_parser.api.routes.jobs import cancel_job
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption
from document_parser.ingest.origin import Origin
from document_parser.jobs.ending import delete_job
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.models import AccuracyMode, JobState

EXPORT = "pageitems"
"""The export that has the pages."""
MODES: dict[str, AccuracyMode | None] = {
    "fast": "fast",
    "cost_effective": None,
    "agentic": None,
    "agentic_plus": "maximum",
    "configured": None,
}
"""The mode of each tier; None for the server's own."""
TIERS = {"fast": "fast", "balanced": "agentic", "maximum": "agentic_plus"}
"""The tier that a job says it had, by its mode."""
VERSION = "2026-09-28"
"""The version that is named: clients know a list of them."""
PAGE_SIZE = 50
"""Jobs in a list unless another number is asked for."""


@facade.route("GET", "/api/v2/parse/versions", OPEN)
def versions() -> Response:
    """Return the version of each tier: there is one."""
    tiers = ("agentic", "agentic_plus", "cost_effective", "fast")
    return json_response({tier: [VERSION] for tier in tiers} | {"latest": dict.fromkeys(tiers, VERSION)})


@facade.route("POST", "/api/v2/parse", SUBMIT, receives=True)
def parse() -> Response:
    """Read a file that was sent before, or one at an address. Raises as ``conversion.submit``, InvalidOption."""
    begin_upload()
    body = receive_json()
    file_id, address = take_text(body, "file_id"), take_text(body, "source_url")
    if bool(file_id) == bool(address):
        raise InvalidOption.for_fields({"field": "file_id", "problem": "send either it or source_url"})
    found = find_input(file_id) if file_id else Arrived(Origin(address=address), "")
    if isinstance(found, Job):
        raise InvalidOption.for_fields({"field": "file_id", "problem": "is the id of a job, not of a file"})
    return _submit(found, body)


@facade.route("POST", "/api/v2/parse/upload", SUBMIT, receives=True)
def parse_upload() -> Response:
    """Read the file in a form. Raises as ``receive_form`` and ``conversion.submit``, InvalidOption."""
    (arrived,), form = receive_form("file")
    try:
        configuration = json.loads(form.get("configuration") or "{}")
    except (ValueError, RecursionError):
        configuration = None
    if not isinstance(configuration, dict):
        raise InvalidOption.for_fields({"field": "configuration", "problem": "is a JSON object"})
    return _submit(arrived, configuration)


@facade.route("GET", "/api/v2/parse", access_of("GET", "/v1/jobs"))
def list_jobs() -> Response:
    """Return the caller's jobs, the newest first. Raises InvalidOption, RedisError."""
    services, wanted = get_services(), request.args.get("status", "")
    size = request.args.get("page_size", str(PAGE_SIZE))
    if not (size.isascii() and size.isdecimal() and 1 <= int(size[:6]) <= 1000):
        raise InvalidOption.for_fields({"field": "page_size", "problem": "is a whole number from 1 to 1000"})
    ignore_options(*(name for name in request.args if name not in ("page_size", "page_token", "status", "project_id")))

    def show(job_ids: list[str]) -> dict[str, dict[str, Any]]:
        jobs = record.load_many(services.redis, job_ids)
        return {job.card.job_id: _described(job) for job in jobs if wanted in ("", STATES[job.state])}

    newest = partial(record.newest, services.redis, identity().owner)
    items, cursor = page_of(newest, show, request.args.get("page_token", ""), int(size))
    return json_response({"items": items, "next_page_token": cursor})


@facade.route("GET", "/api/v2/parse/<job_id>", READ_RESULT)
def get_job(job_id: str) -> Response:
    """Return a job, and of a completed one what ``expand`` names. Raises JobNotFound, JobExpired, and as ``load_result``."""
    job = conversion.find_job(job_id)
    names = [name.strip() for key in ("expand", "expand[]") for text in request.args.getlist(key) for name in text.split(",")]
    body: dict[str, Any] = {"job": _described(job)}
    if job.state is JobState.COMPLETED:
        body |= _expanded(job, {name for name in names if name})
    return json_response(body)


@facade.route("POST", "/api/v2/parse/<job_id>/cancel", access_of("POST", "/v1/jobs/<job_id>/cancel"))
def cancel(job_id: str) -> Response:
    """End a job; finished pages are kept. Raises JobNotFound, JobEnded, RedisError."""
    check_origin()
    cancel_job(get_services(), conversion.find_job(job_id).card.job_id)
    return json_response(_described(conversion.find_job(job_id)))


@facade.route("DELETE", "/api/v2/parse/<job_id>", access_of("DELETE", "/v1/jobs/<job_id>"))
def delete(job_id: str) -> Response:
    """Delete a job with all its files. Raises JobNotFound, JobExpired, StorageUnavailable, RedisError."""
    check_origin()
    services = get_services()
    delete_job(services.redis, services.ledger, services.storage, conversion.find_job(job_id))
    return json_response({"id": job_id, "project_id": PROJECT})


def _submit(arrived: Arrived, body: dict[str, Any]) -> Response:
    options = _options(body)
    return json_response(_described(conversion.find_job(conversion.submit(arrived, options, exports=(EXPORT,)).job_id)))


def _options(body: dict[str, Any]) -> dict[str, Any]:
    """Return our options for those of a request. Raises InvalidOption."""
    options: dict[str, Any] = {"figures": "placeholder"}
    tier = take_text(body, "tier")
    if mode := MODES.get(tier):
        options["accuracy_mode"] = mode
    if tier and tier not in MODES:
        ignore_options("tier")
    if body.pop("disable_cache", None):
        options["cache"] = False
    ranges, output = take_object(body, "page_ranges"), take_object(body, "output_options")
    options |= take_pages(ranges)
    markdown = take_object(output, "markdown")
    if markdown.pop("inline_images", None):
        options["figures"] = "embed"
    for name in ("version", "client_name"):
        body.pop(name, None)
    ignore_rest(body)
    ignore_rest(ranges, "page_ranges.")
    ignore_rest(output, "output_options.")
    ignore_rest(markdown, "output_options.markdown.")
    return options


def _described(job: Job) -> dict[str, Any]:
    """Return a job as LlamaParse describes it."""
    tier = TIERS.get(job.card.options.accuracy_mode)
    return {"id": job.card.job_id, "name": job.card.filename, "tier": tier, **job_facts(job)}


def _expanded(job: Job, names: set[str]) -> dict[str, Any]:
    """Return the parts of a result that are asked for. Raises as ``load_result``."""
    found: dict[str, Any] = {}
    wanted = names & {"markdown", "text", "items", "metadata", "images_content_metadata"}
    pages = list(_pages(job)) if wanted else []
    for name in sorted(wanted - {"images_content_metadata"}):
        found[name] = {"pages": [_part(page, name) for page in pages if page["success"] or name in ("markdown", "items")]}
    if "images_content_metadata" in wanted:
        found["images_content_metadata"] = _images(job, pages)
    if "markdown_full" in names:
        found["markdown_full"] = conversion.load_text(job, "markdown")
    if "text_full" in names:
        found["text_full"] = conversion.load_text(job, "text")
    if "job_metadata" in names:
        found["job_metadata"] = {"job_pages": job.page_count, "job_credits_usage": 0}
    ignore_options(*(f"expand.{name}" for name in sorted(names - found.keys() - {"usage"})))
    return found


def _pages(job: Job) -> Iterator[dict[str, Any]]:
    """Yield the lines of the export with the pages."""
    with conversion.load_export(job, EXPORT) as stream:
        yield from map(json.loads, stream)


def _part(page: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one part of a page, or why it has none."""
    number = {"page_number": page["page_number"]}
    if not page["success"]:
        return number | {"success": False, "error": page["error"]}
    if name == "markdown":
        warned = {"warnings": page["warnings"]} if page.get("warnings") else {}
        return number | {key: page[key] for key in ("success", "markdown", "header", "footer")} | warned
    if name == "items":
        return number | {key: page[key] for key in ("success", "page_width", "page_height", "items")}
    if name == "text":
        return number | {"text": page["text"]}
    return number | {"confidence": page["confidence"], "warnings": page.get("warnings", [])}


def _images(job: Job, pages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures that were cut out, each with the address of its image, which needs the key of the caller."""
    base = f"{request.host_url}v1/jobs/{job.card.job_id}/figures"
    images = [
        {
            "filename": image["filename"],
            "index": index,
            "content_type": "image/jpeg",
            "category": "layout",
            "bbox": {side: round(value) for side, value in image["bbox"][0].items()} if image["bbox"] else None,
            "presigned_url": f"{base}/{image['filename']}",
        }
        for index, image in enumerate(image for page in pages if page["success"] for image in page["images"])
    ]
    chosen = set(filter(None, request.args.get("image_filenames", "").split(",")))
    images = [image for image in images if not chosen or image["filename"] in chosen]
    return {"images": images, "total_count": len(images)}
