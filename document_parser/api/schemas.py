"""Bodies, paths and queries of the routes, as models: the API's documentation is made from them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from document_parser.models import JobState, JobStatus, OutputFormat


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobPath(BaseModel):
    job_id: str = Field(description="The id the upload was answered with.")


class StatusQuery(_Strict):
    wait: float = Field(default=0, ge=0, le=60, description="Wait up to so many seconds for the job to end.")


class ResultQuery(_Strict):
    format: OutputFormat | Literal[""] = Field(default="", description="Another format than the one asked for at upload.")


class JobsQuery(_Strict):
    limit: int = Field(default=50, ge=1, le=500, description="Most jobs in one answer.")
    cursor: str = Field(default="", max_length=64, description="next_cursor of the answer before.")
    status: JobState | Literal[""] = Field(default="", description="Only jobs in this state.")


class Accepted(BaseModel):
    """The answer to an upload."""

    job_id: str
    status: JobState
    message: str
    status_url: str
    result_url: str


class ResultWarning(BaseModel):
    page: int
    code: str


class Result(BaseModel):
    """The result of a job; the content stands under its format's name."""

    job_id: str
    filename: str
    format: OutputFormat
    expires_at: str | None
    complete: bool
    failed_pages: list[int]
    warnings: list[ResultWarning]
    markdown: str | None = None
    html: str | None = None
    text: str | None = None
    document: dict[str, Any] | None = None
    tables: list[dict[str, Any]] | None = None


class Jobs(BaseModel):
    jobs: list[JobStatus]
    next_cursor: str | None


class Cancelled(BaseModel):
    job_id: str
    status: JobState
    message: str


class Deleted(BaseModel):
    job_id: str
    deleted_files: int
    message: str


class Check(BaseModel):
    ok: bool
    detail: str = ""


class Health(BaseModel):
    """What works and what does not."""

    status: Literal["ok", "degraded", "down"]
    version: str
    workers: int
    checks: dict[str, Check]
    warnings: list[str]
