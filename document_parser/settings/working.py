"""Where jobs live, who works them off, and how much may wait."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from document_parser.settings.section import Emptiable, Section


class StoreSettings(Section):
    """Where jobs and documents live."""

    data_dir: Path = Field(default=Path("data"), description="Folder of documents, results and the embedded server.")
    redis_url: Emptiable = Field(
        default="",
        description="redis://, rediss://, unix:// or redis+sentinel://host,host/service/db. Empty: an embedded Valkey.",
    )
    storage_url: Emptiable = Field(
        default="", description="s3://bucket/prefix for documents and results. Empty: DATA_DIR (needs the extra 's3')."
    )
    s3_endpoint_url: str = Field(default="", description="Address of an S3 service that is not AWS.")
    job_ttl_hours: float = Field(default=24.0, gt=0, description="Hours a job and its files stay after it has ended.")
    cache_hours: float = Field(
        default=24.0, ge=0, description="Hours that what was read is kept for whoever sends the same again. 0: not at all."
    )
    min_free_mb: int = Field(
        default=512, ge=0, description="Uploads are refused (507) that would leave the disk of DATA_DIR fewer MiB. 0: no bound."
    )
    tombstone_days: float = Field(default=7.0, gt=0, description="Days an expired job answers 410 instead of 404.")


class WorkerSettings(Section):
    """The pool that reads."""

    num_workers: int = Field(default=2, ge=0, description="Workers started beside the API; 0 to run them elsewhere.")
    page_concurrency: int = Field(default=32, ge=1, description="Pages one reader keeps in flight at the model servers.")
    cpu_concurrency: int = Field(
        default=0, ge=0, description="Pages one reader reads at once on the CPU; 0 is cores divided by workers."
    )
    read_slice_seconds: float = Field(
        default=20.0, gt=0, description="A reader makes way for waiting documents after this long."
    )
    page_timeout_seconds: float = Field(default=600.0, gt=0, description="Deadline of one page over all its attempts.")
    heartbeat_seconds: float = Field(default=2.0, gt=0, description="How often a running task says that it lives.")
    heartbeat_timeout_seconds: float = Field(
        default=8.0, gt=0, description="A task silent for this long counts as dead and its pages are read again."
    )
    sweep_seconds: float = Field(default=3.0, gt=0, description="How often lost work is looked for.")
    drain_seconds: float = Field(default=25.0, gt=0, description="How long running pages may finish after a stop.")
    worker_max_jobs: int = Field(
        default=2000, ge=0, description="A worker makes room for a fresh one after about so many tasks; 0 for never."
    )
    worker_max_rss_mb: int = Field(
        default=1400,
        ge=0,
        description="A worker, reader, drawer or sweeper that holds more memory than this, in MiB, does too; 0 for never.",
    )
    opener_memory_mb: int = Field(default=1280, ge=64, description="Memory a document's opener child may take, in MiB.")
    opener_timeout_seconds: float = Field(
        default=60.0, gt=0, description="Deadline for opening a document or rendering one page."
    )
    max_image_megapixels: int = Field(default=200, ge=1, description="Largest picture accepted, in million pixels.")
    max_image_memory_mb: int = Field(
        default=1024,
        ge=1,
        description="Most memory that decoding a picture may take, in MiB: what a pixel takes depends on its kind. "
        "Keep it below OPENER_MEMORY_MB.",
    )


class QueueSettings(Section):
    """How much may wait, and which documents go first."""

    queue_max_jobs: int = Field(default=10_000, ge=0, description="Most jobs that have not ended; beyond it 503. 0: no bound.")
    queue_max_pages: int = Field(
        default=200_000, ge=0, description="Most pages left to read, of documents that have been opened. 0: no bound."
    )
    queue_max_mb: int = Field(default=51_200, ge=0, description="Most MiB of uploads whose jobs have not ended. 0: no bound.")
    owner_processor_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="Processor seconds an hour that opening and drawing an owner's documents may take; "
        "beyond it they go to the lane batch. 0: no bound.",
    )
    idempotency_hours: float = Field(default=24.0, gt=0, description="How long an Idempotency-Key stands for its job.")

    express_max_pages: int = Field(
        default=8, ge=0, description="Documents of so many pages to read go express, unless `priority` says otherwise."
    )
    express_max_kb: int = Field(
        default=4096, ge=0, description="Uploads up to this size, in KiB, are opened express: their pages are not known yet."
    )
