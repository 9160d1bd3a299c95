"""MinerU's API: ``/file_parse`` waits for its files, ``/tasks`` does not. Source: its ``fast_api.py`` and ``api_client.py``.

A task is the jobs of its files. Its id has their ids and what of them is wanted, so that nothing is stored for it.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from flask import Response, request
from werkzeug.datastructures import MultiDict

from document_parser.api.compat import conversion
from document_parser.api.compat.facade import Facade, error_of, ignore_options, json_response
from document_parser.api.compat.intake import Arrived, receive_form
from document_parser.api.middleware.access import OPEN, READ, READ_RESULT, RESULT_READ, SUBMIT, Access
from document_parser.api.middleware.errors import Problem
from document_parser.api.middleware.identity import identity
from document_parser.api.middleware.wires import Wire
from document_parser.api.ownership import check_job
from document_parser.api.routes.results import CHUNK_BYTES, stem
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption, JobNotFound, SyncTimeout
from document_parser.jobs.records.job import ID_PATTERN, Job
from document_parser.models import JobState, format_utc, shape_export
from document_parser.version import __version__

MAX_FILES = 50
"""Files of one request."""
LAST_PAGE = 99_999
"""What clients send as the last page if they mean all."""
PROTOCOL_VERSION = 2
"""The version of the protocol that MinerU's own client asks for."""
_FILES = {"return_md": "md", "return_middle_json": "middle", "return_content_list": "content_list", "return_images": "images"}
"""The fields that ask for files, and what they ask for."""
_LETTERS = {"d": "md", "m": "middle", "c": "content_list", "i": "images", "z": "zip"}
"""The letter of each of them in the id of a task, and the one for an archive."""
_NAMES = {"md": "md_content", "middle": "middle_json", "content_list": "content_list"}
"""The name of each file in the answer."""
_ENDINGS = {"md": ".md", "middle": "_middle.json", "content_list": "_content_list.json"}
"""How the name of each file in an archive ends."""
_METHOD = "auto"
"""The folder of an archive in which the files of a document are: MinerU names it for the way in which it was read."""
_TASK = re.compile(rf"([dmciz]*)((?:\.{ID_PATTERN}){{1,{MAX_FILES}}})")
_TRUE = ("true", "1", "yes", "on", "t", "y")


def _write_error(problem: Problem, status: int) -> tuple[Any, int]:
    """Return an error as FastAPI does, which MinerU's clients show."""
    return {"detail": problem.message, "error": problem.message, "code": problem.code}, status


_FIELDS = {"page_range": "start_page_id and end_page_id"}
"""What clients call options of this service."""
facade = Facade(Wire("mineru", _write_error, field_names=_FIELDS, first_page=0), roots=("/file_parse", "/tasks"))
"""The routes of MinerU's API."""


@dataclass(frozen=True, slots=True)
class Task:
    """The jobs of some files, and what of them is wanted."""

    job_ids: tuple[str, ...]
    wanted: frozenset[str]

    @property
    def task_id(self) -> str:
        """Return the id, which says all of it."""
        return ".".join(["".join(letter for letter, name in _LETTERS.items() if name in self.wanted), *self.job_ids])

    @classmethod
    def parse(cls, task_id: str) -> Task:
        """Return the task of an id, if all its jobs are the caller's. Raises JobNotFound, RedisError."""
        match = _TASK.fullmatch(task_id)
        if match is None:
            raise JobNotFound()
        ids = tuple(match[2][1:].split("."))
        for job_id in ids:
            check_job(get_services().redis, identity(), job_id)
        return cls(ids, frozenset(_LETTERS[letter] for letter in match[1]))


@facade.route("GET", "/health", OPEN)
def health() -> Response:
    """Return what MinerU's client checks before it sends anything. Counts of tasks are for the operator alone."""
    return json_response(
        {
            "status": "healthy",
            "version": __version__,
            "protocol_version": PROTOCOL_VERSION,
            "max_concurrent_requests": max(1, get_services().settings.api.web_threads // 2),
            "processing_window_size": 64,
        }
    )


@facade.route("POST", "/file_parse", Access("process", actions=("job.submit", RESULT_READ)), receives=True)
def file_parse() -> Response:
    """Return the files of documents once they are read. Raises as ``conversion.submit`` and ``wait_for_job``."""
    task, form = _submit()
    jobs = _wait(task)
    return _result(task, jobs, form.get("backend", ""), _status(task, jobs))


@facade.route("POST", "/tasks", SUBMIT, receives=True)
def submit_task() -> Response:
    """Queue documents. Raises as ``conversion.submit``."""
    task, _ = _submit()
    jobs = [conversion.find_job(job_id) for job_id in task.job_ids]
    return json_response({**_status(task, jobs), "message": "Task submitted successfully"}, 202)


@facade.route("GET", "/tasks/<job_id>", READ)
def task_status(job_id: str) -> Response:
    """Return how far a task is. Raises JobNotFound, JobExpired, RedisError."""
    task = Task.parse(job_id)
    return json_response(_status(task, [conversion.find_job(job_id) for job_id in task.job_ids]))


@facade.route("GET", "/tasks/<job_id>/result", READ_RESULT)
def task_result(job_id: str) -> Response:
    """Return the files of a task that has ended; 202 before, 409 if none of its documents could be read."""
    task = Task.parse(job_id)
    jobs = [conversion.find_job(job_id) for job_id in task.job_ids]
    status = _status(task, jobs)
    if status["status"] == "failed":
        return json_response({**status, "message": "Task execution failed", "detail": status["error"]}, 409)
    if status["status"] != "completed":
        return json_response({**status, "message": "Task result is not ready yet"}, 202)
    return _result(task, jobs, "", {})


def _submit() -> tuple[Task, MultiDict[str, str]]:
    """Make jobs of the files of this request."""
    arrived, form = receive_form("files", max_files=MAX_FILES)
    wanted = {part for name, part in _FILES.items() if _is_true(form, name, default=name == "return_md")}
    if _is_true(form, "response_format_zip", default=False):
        wanted.add("zip")
    ignore_options(*(name for name in form if name not in (*_FILES, "response_format_zip", "start_page_id", "end_page_id")))
    options = {"page_range": _page_range(form)}
    exports = tuple(map(_export, sorted(wanted & _NAMES.keys() | ({"content_list"} if "images" in wanted else set()))))
    key = "" if len(arrived) > 1 else None
    taken = [conversion.submit(_named(one), options, exports=exports, key=key) for one in arrived]
    return Task(tuple(one.job_id for one in taken), frozenset(wanted)), form


def _named(arrived: Arrived) -> Arrived:
    return arrived if arrived.filename else Arrived(arrived.document, "document")


def _export(part: str) -> str:
    return shape_export("mineru", part)


def _is_true(form: MultiDict[str, str], name: str, *, default: bool) -> bool:
    return form[name].strip().lower() in _TRUE if name in form else default


def _page_range(form: MultiDict[str, str]) -> str:
    """Return the pages, which MinerU counts from 0, as a range of this service. Raises InvalidOption."""
    first, last = (_page(form, name, default) for name, default in (("start_page_id", 0), ("end_page_id", LAST_PAGE)))
    if not first and last >= LAST_PAGE:
        return ""
    if last < first:
        raise InvalidOption.for_fields({"field": "end_page_id", "problem": "is less than start_page_id"})
    return f"{first + 1}-{'' if last >= LAST_PAGE else last + 1}"


def _page(form: MultiDict[str, str], name: str, default: int) -> int:
    sent = form.get(name, "").strip()
    if sent in ("", "-1"):
        return default
    if not (sent.isascii() and sent.isdecimal() and len(sent) < 7):
        raise InvalidOption.for_fields({"field": name, "problem": "is a page, counted from 0"})
    return int(sent)


def _wait(task: Task) -> list[Job]:
    """Return the jobs once all have ended. The error of the only file is that of the request; those of others stay beside them.

    Raises as ``conversion.wait_for_job``.
    """
    if len(task.job_ids) == 1:
        return [conversion.wait_for_job(task.job_ids[0])]
    deadline = time.monotonic() + get_services().settings.api.sync_timeout_seconds
    jobs = [conversion.find_job(job_id, max(0, deadline - time.monotonic())) for job_id in task.job_ids]
    if waiting := [job.card.job_id for job in jobs if not job.state.has_ended]:
        raise SyncTimeout(job_id=waiting[0])
    return jobs


def _status(task: Task, jobs: list[Job]) -> dict[str, Any]:
    """Return how far a task is, as MinerU describes it."""
    base = request.base_url.partition("/tasks")[0].removesuffix("/file_parse") + f"/tasks/{task.task_id}"
    failed = [job for job in jobs if _error_of(job)]
    ended = [job.completed_at for job in jobs if job.completed_at is not None]
    started = [job.started_at for job in jobs if job.started_at is not None]
    status = "processing" if started else "pending"
    if all(job.state.has_ended for job in jobs):
        status = "failed" if len(failed) == len(jobs) else "completed"
    return {
        "task_id": task.task_id,
        "status": status,
        "backend": "document-parser",
        "file_names": _stems(jobs),
        "created_at": format_utc(min(job.card.created_at for job in jobs)),
        "started_at": format_utc(min(started)) if started else None,
        "completed_at": format_utc(max(ended)) if ended and status in ("completed", "failed") else None,
        "error": _error_of(failed[0]) if failed and status == "failed" else None,
        "status_url": base,
        "result_url": f"{base}/result",
        "queued_ahead": min(((job.queue_position or 1) - 1 for job in jobs), default=0) if status == "pending" else 0,
    }


def _error_of(job: Job) -> str | None:
    """Return why nothing of a document was read; None if something was, or will be."""
    if (error := error_of(job)) is not None:
        return f"{error.code}: {error.message}"
    return "The job was cancelled." if job.state is JobState.CANCELLED else None


def _stems(jobs: list[Job]) -> list[str]:
    """Return the names of the files without extensions, each once."""
    names: list[str] = []
    for job in jobs:
        name, count = stem(job), 1
        while name in names:
            name, count = f"{stem(job)}_{count}", count + 1
        names.append(name)
    return names


def _result(task: Task, jobs: list[Job], backend: str, status: Mapping[str, Any]) -> Response:
    """Return the files of the jobs as JSON, or as an archive."""
    if "zip" in task.wanted:
        return _archive(task, jobs)
    results = {name: _files_of(task, job) for name, job in zip(_stems(jobs), jobs, strict=True)}
    return json_response({**status, "backend": backend or "document-parser", "version": __version__, "results": results})


def _files_of(task: Task, job: Job) -> dict[str, Any]:
    """Return the wanted files of a job as texts; of one that failed, why."""
    if error := _error_of(job):
        return {"error": error}
    files: dict[str, Any] = {_NAMES[part]: conversion.load_text(job, _export(part)) for part in _texts(task)}
    if warned := _warnings(job):
        files["warnings"] = warned
    if "images" in task.wanted:
        images = ((name, base64.b64encode(data).decode()) for name, data in _images_of(job))
        files["images"] = {name: f"data:image/jpeg;base64,{data}" for name, data in images}
    return files


def _warnings(job: Job) -> list[dict[str, Any]]:
    """Return the pages that ask to be looked at, and why. Their messages are in the middle JSON."""
    return [{"page_idx": page - 1, "codes": codes} for page, codes in conversion.warned_pages(job).items()]


def _texts(task: Task) -> list[str]:
    return [part for part in _NAMES if part in task.wanted]


def _images_of(job: Job) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each image that is there."""
    for entry in conversion.load_json(job, _export("content_list")):
        name = entry.get("img_path", "").rpartition("/")[2]
        data = conversion.figure_image(job.card.job_id, name) if name else None
        if data is not None:
            yield name, data


def _archive(task: Task, jobs: list[Job]) -> Response:
    """Return a ZIP archive with a folder for each document."""
    packed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the response
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, job in zip(map(_safe, _stems(jobs)), jobs, strict=True):
            folder = f"{name}/{_METHOD}"
            if error := _error_of(job):
                archive.writestr(f"{folder}/error.json", json.dumps({"error": error}))
                continue
            for part in _texts(task):
                archive.writestr(f"{folder}/{name}{_ENDINGS[part]}", conversion.load_text(job, _export(part)))
            if warned := _warnings(job):
                archive.writestr(f"{folder}/warnings.json", json.dumps(warned))
            if "images" in task.wanted:
                for image, data in _images_of(job):
                    archive.writestr(f"{folder}/images/{image}", data)
    packed.seek(0)
    response = Response(iter(lambda: packed.read(CHUNK_BYTES), b""), mimetype="application/zip")
    response.call_on_close(packed.close)
    response.headers["Content-Disposition"] = 'attachment; filename="results.zip"'
    return response


def _safe(name: str) -> str:
    """Return a name that is a folder of its own."""
    return re.sub(r"^\.", "_", re.sub(r"[^\w.-]", "_", re.sub(r"\.{2,}", "_", name))) or "unnamed"
