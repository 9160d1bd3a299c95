"""Define the settings of storage, workers and the queue."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from document_parser.settings.section import Emptiable, Section


class StoreSettings(Section):
    """Where jobs and documents live."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    data_dir: Path = Field(default=Path("data"), description="Folder for documents, results and the embedded Valkey.")
    redis_url: Emptiable = Field(
        default="",
        description="redis://, rediss://, unix:// or redis+sentinel://host,host/service/db. Empty: an embedded Valkey.",
    )
    storage_url: Emptiable = Field(
        default="", description="s3://bucket/prefix for documents and results. Empty: DATA_DIR (needs the extra 's3')."
    )
    storage_key: Emptiable = Field(
        default="",
        description="Key that encrypts stored files, as `docparse storage new-key` prints it; several with commas, the newest "
        "first, while files are moved to a new one by `docparse storage rekey`. Empty: files are not encrypted.",
    )
    scratch_dir: Emptiable = Field(
        default="",
        description="With STORAGE_KEY: folder for bytes that are not encrypted while they are received and read; a tmpfs, for "
        "example. Empty: DATA_DIR/staging.",
    )
    s3_endpoint_url: str = Field(
        default="", description="Address of an S3 service that is not AWS: for storage, s3:// documents and result_s3."
    )
    job_ttl_hours: float = Field(default=24.0, gt=0, description="Hours for which an ended job and its files are kept.")
    max_retention_hours: float = Field(
        default=0.0,
        ge=0,
        description="Largest retention_hours that a caller may ask for. 0: JOB_TTL_HOURS, so that callers may only shorten it.",
    )
    cache_hours: float = Field(
        default=24.0,
        ge=0,
        description="Hours for which readings are kept for later uploads of the same document. 0: no cache.",
    )
    min_free_mb: int = Field(
        default=512,
        ge=0,
        description="Uploads that would leave fewer MiB free on the disk of DATA_DIR are refused (507). 0: no limit.",
    )
    tombstone_days: float = Field(
        default=7.0, gt=0, description="Days for which an expired job is answered 410 instead of 404."
    )

    @field_validator("storage_key")
    @classmethod
    def _is_storage_key(cls, given: str) -> str:
        """Accept only keys of 32 bytes in base 64."""
        for word in filter(None, (part.strip() for part in given.split(","))):
            if not re.fullmatch(r"[A-Za-z0-9_-]{43}=", word):
                raise ValueError("needs keys like those that `docparse storage new-key` prints, with commas between them")
        return given


class WorkerSettings(Section):
    """The pool that reads."""

    num_workers: int = Field(default=2, ge=0, description="Workers started beside the API; 0 to run them elsewhere.")
    page_concurrency: int = Field(default=32, ge=1, description="Pages that one reader keeps in flight at the model servers.")
    cpu_concurrency: int = Field(
        default=0, ge=0, description="Pages that one reader reads at once on the CPU; 0: cores divided by workers."
    )
    read_slice_seconds: float = Field(
        default=20.0, gt=0, description="Time after which a reader ends if documents wait to be planned."
    )
    page_timeout_seconds: float = Field(default=600.0, gt=0, description="Deadline of one page over all its attempts.")
    heartbeat_seconds: float = Field(default=2.0, gt=0, description="Interval of the heartbeats of a running task.")
    heartbeat_timeout_seconds: float = Field(
        default=8.0, gt=0, description="A task silent for this long counts as dead and its pages are read again."
    )
    sweep_seconds: float = Field(default=3.0, gt=0, description="Interval of the sweep, which enqueues lost work again.")
    drain_seconds: float = Field(default=25.0, gt=0, description="Time that running pages have to finish after a stop.")
    worker_max_jobs: int = Field(
        default=2000, ge=0, description="Approximate number of tasks after which a worker is replaced; 0: never."
    )
    worker_max_rss_mb: int = Field(
        default=1400,
        ge=0,
        description="Memory in MiB above which a worker, reader, drawer or sweeper is replaced too; 0: never.",
    )
    opener_memory_mb: int = Field(default=1280, ge=64, description="Maximum memory of a document's opener child, in MiB.")
    opener_timeout_seconds: float = Field(
        default=60.0, gt=0, description="Deadline for opening a document or rendering one page."
    )
    max_image_megapixels: int = Field(default=200, ge=1, description="Maximum size of an image in million pixels.")
    max_image_memory_mb: int = Field(
        default=1024,
        ge=1,
        description="Maximum memory for decoding an image, in MiB; the bytes of a pixel depend on the kind of image. "
        "Keep it below OPENER_MEMORY_MB.",
    )
    max_unpacked_mb: int = Field(
        default=2048, ge=1, description="Maximum size of everything in an office file or archive once unpacked, in MiB."
    )
    max_expansion_ratio: int = Field(
        default=200, ge=1, description="Maximum size of an office file or archive once unpacked, as a multiple of its own."
    )
    max_members: int = Field(default=10_000, ge=1, description="Maximum number of files in an office file, archive or mail.")
    max_nesting_depth: int = Field(
        default=5, ge=0, description="How deep files inside files are read: attachments of mails in archives are 2 deep."
    )
    libreoffice_program: Emptiable = Field(
        default="soffice",
        description="Name or path of LibreOffice, which converts DOC, PPT and other old formats. Empty: they are not read.",
    )
    libreoffice_memory_mb: int = Field(
        default=2048, ge=256, description="Maximum address space of LibreOffice while it converts a document, in MiB."
    )
    libreoffice_timeout_seconds: float = Field(
        default=120.0, gt=0, description="Deadline of a conversion by LibreOffice, beside OPENER_TIMEOUT_SECONDS."
    )


class ExtractionSettings(Section):
    """How documents are classified, and values extracted from them."""

    schemas_dir: Emptiable = Field(
        default="",
        description="Folder of schemas of your own, one JSON file each, beside the shipped ones. Empty: none.",
    )
    labels_file: Emptiable = Field(
        default="",
        description="JSON file with types of documents of your own: a list of name, description and words. Empty: none.",
    )


class VirusScanSettings(Section):
    """The virus scanner that every file passes before it is read."""

    model_config = SettingsConfigDict(env_prefix="CLAMD_")

    url: Emptiable = Field(
        default="",
        pattern=r"^(tcp://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}|unix:///.+)?$",
        description="clamd that scans uploads and what is in them: tcp://host:port or unix:///run/clamd.ctl; empty: no scan.",
    )
    timeout_seconds: float = Field(
        default=60.0, gt=0, description="Deadline for scanning one file; a file not scanned by then is answered 503."
    )
    retry_hours: float = Field(
        default=24.0,
        gt=0,
        description="Hours for which a file inside a document waits for a virus scanner that is away; then its job fails.",
    )


class QueueSettings(Section):
    """How much may wait, and which documents go first."""

    queue_max_jobs: int = Field(
        default=10_000,
        ge=0,
        description="Maximum number of jobs that have not ended; beyond it uploads are answered 503. 0: no limit.",
    )
    queue_max_pages: int = Field(
        default=200_000,
        ge=0,
        description="Maximum number of pages left to read, of documents that have been opened. 0: no limit.",
    )
    queue_max_mb: int = Field(
        default=51_200, ge=0, description="Maximum MiB of uploads whose jobs have not ended. 0: no limit."
    )
    owner_processor_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="Processor seconds per hour for opening and drawing one owner's documents; "
        "beyond it they go to the lane batch. 0: no limit.",
    )
    idempotency_hours: float = Field(default=24.0, gt=0, description="Hours for which an Idempotency-Key returns its job.")

    express_max_pages: int = Field(
        default=8,
        ge=0,
        description="Maximum pages of a document for the lane express, unless `priority` names a lane.",
    )
    express_max_kb: int = Field(
        default=4096,
        ge=0,
        description="Maximum size of an upload, in KiB, that is opened in the lane express, before its pages are known.",
    )
