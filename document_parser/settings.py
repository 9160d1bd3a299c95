"""Every setting of the product: one frozen tree, read once from the environment and ``.env``.

The only module that reads the environment. A field's environment name is its section's prefix and its own name in capitals;
its description is the sentence that stands beside it in ``.env.example``, which ``python -m document_parser.settings`` writes.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from document_parser.models import AccuracyMode, EngineName

OcrRuntime = Literal["auto", "openvino", "onnxruntime"]
CheckedPages = Literal["auto", "suspicious", "all"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


_RATE_LIMIT = r"[1-9]\d{0,8}/([1-9]\d{0,4} ?)?(second|minute|hour|day|month)s?"
_WEBHOOK_SECRET = r"whsec_(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_ORIGIN = r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?"


class _Section(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )


class ApiSettings(_Section):
    """The web server and what it accepts."""

    api_host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    api_port: int = Field(default=1233, ge=0, le=65535, description="Port to listen on.")
    web_workers: int = Field(default=2, ge=1, description="Web worker processes of `python -m document_parser.api`.")
    web_threads: int = Field(default=8, ge=1, description="Threads of each web worker.")
    max_upload_mb: int = Field(default=200, ge=1, description="Largest upload, in MiB; counted while it streams in.")
    max_pages: int = Field(default=2000, ge=1, description="Most pages a document may have.")
    sync_timeout_seconds: float = Field(
        default=120.0, ge=0, description="How long /v1/process/sync waits before it answers 202."
    )
    default_accuracy_mode: AccuracyMode = Field(
        default="balanced", description="Mode of a request that names none: fast, balanced or maximum."
    )
    admin_token: str = Field(
        default="", description="Opens listing, deletion and the dashboard to callers from elsewhere. Empty: loopback only."
    )
    dashboard_writes: bool = Field(
        default=False, description="Let the dashboard requeue, empty and delete; it has no CSRF protection of its own."
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description='Origins whose pages may call the API, as a JSON list like ["https://app.example.org"].'
    )
    rate_limit_uploads: str = Field(
        default="600/minute",
        description="Most uploads of one caller, like 600/minute or 10/second;5000/day; none for no limit.",
    )
    rate_limit_reads: str = Field(
        default="6000/minute", description="Most other requests of one caller to /v1, in the same form."
    )
    trusted_proxies: int = Field(
        default=0, ge=0, description="Reverse proxies in front whose X-Forwarded-For is believed; 0 believes none."
    )
    events_heartbeat_seconds: float = Field(
        default=15.0, gt=0, description="How often a silent event stream says that it lives."
    )
    events_stream_seconds: float = Field(
        default=600.0, gt=0, description="Longest event stream; its client goes on where it was with Last-Event-ID."
    )
    client_stall_seconds: float = Field(
        default=60.0,
        gt=0,
        description="A client that takes nothing of its answer, or sends under 64 KiB of an upload, for this long is cut off.",
    )
    upload_seconds: float = Field(
        default=21600.0, gt=0, description="Longest time an upload may take; one that takes longer is cut off with 408."
    )
    secret_key: str = Field(
        default="", description="Encrypts document passwords at rest. Empty: made once in DATA_DIR; set it for many machines."
    )

    @field_validator("rate_limit_uploads", "rate_limit_reads")
    @classmethod
    def _is_rate_limit(cls, text: str, info: ValidationInfo) -> str:
        """Empty where there is none: an empty variable counts as not set."""
        if text.lower() in ("", "none"):
            return ""
        if not re.fullmatch(rf"{_RATE_LIMIT}(;{_RATE_LIMIT})*", text):
            raise ValueError(f"{str(info.field_name).upper()} is written like 600/minute or 10/second;5000/day, or none")
        return text

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        """In small letters, as browsers send them. Each is named: with ``*`` every page of the web could send documents."""
        for origin in origins:
            if not re.fullmatch(_ORIGIN, origin.lower()):
                raise ValueError(
                    f"CORS_ORIGINS lists origins like https://app.example.org, without path and without *: {origin}"
                )
        return tuple(origin.lower() for origin in origins)


class StoreSettings(_Section):
    """Where jobs and documents live."""

    data_dir: Path = Field(default=Path("data"), description="Folder of documents, results and the embedded server.")
    redis_url: str = Field(
        default="",
        description="redis://, rediss://, unix:// or redis+sentinel://host,host/service/db. Empty: an embedded Valkey.",
    )
    storage_url: str = Field(
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


class WorkerSettings(_Section):
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
        default=2048,
        ge=0,
        description="A worker, reader, drawer or sweeper that holds more memory than this, in MiB, does too; 0 for never.",
    )
    opener_memory_mb: int = Field(default=2048, ge=64, description="Memory a document's opener child may take, in MiB.")
    opener_timeout_seconds: float = Field(
        default=60.0, gt=0, description="Deadline for opening a document or rendering one page."
    )
    max_image_megapixels: int = Field(default=200, ge=1, description="Largest picture accepted, in million pixels.")


class QueueSettings(_Section):
    """How much may wait, and which documents go first."""

    queue_max_jobs: int = Field(default=10_000, ge=0, description="Most jobs that have not ended; beyond it 503. 0: no bound.")
    queue_max_pages: int = Field(
        default=200_000, ge=0, description="Most pages left to read, of documents that have been opened. 0: no bound."
    )
    queue_max_mb: int = Field(default=51_200, ge=0, description="Most MiB of uploads whose jobs have not ended. 0: no bound.")
    idempotency_hours: float = Field(default=24.0, gt=0, description="How long an Idempotency-Key stands for its job.")

    express_max_pages: int = Field(
        default=8, ge=0, description="Documents of so many pages to read go express, unless `priority` says otherwise."
    )
    express_max_kb: int = Field(
        default=4096, ge=0, description="Uploads up to this size, in KiB, are opened express: their pages are not known yet."
    )


class EngineSettings(_Section):
    """Which engines may read."""

    inference_mode: Literal["auto", "vllm", "cpu"] = Field(
        default="auto", description="auto: model servers where they answer, else the CPU; vllm: only they; cpu: never they."
    )
    cpu_engine: Literal["rapidocr", "tesseract"] = Field(default="rapidocr", description="Engine used without a GPU.")
    cpu_picture_dpi: float = Field(default=108.0, gt=0, description="Resolution of page pictures for the CPU engines.")
    cpu_ocr_runtime: OcrRuntime = Field(
        default="auto", description="What computes RapidOCR's models: openvino, onnxruntime; auto: the first where installed."
    )
    tesseract_languages: str = Field(
        default="auto", description="Languages for Tesseract, joined by +; auto: those installed that fit the page best."
    )
    tesseract_program: str = Field(
        default="tesseract", description="Tesseract's program, a name or a path; empty: never asked."
    )
    check_image_pages: CheckedPages = Field(
        default="all",
        description=(
            "Which pages without a text layer the CPU reads too, to check a model: all; auto: those for which a core is free "
            "while the model answers; suspicious: where something is odd. Maximum mode checks all."
        ),
    )
    vllm_api_key: str = Field(default="EMPTY", description="Key sent to the model servers.")
    vllm_connect_seconds: float = Field(default=2.0, gt=0, description="Deadline for reaching a model server.")
    vllm_read_seconds: float = Field(default=60.0, gt=0, description="Longest silence of a model server during an answer.")
    vllm_request_seconds: float = Field(default=240.0, gt=0, description="Deadline of one answer of a model server.")
    vllm_probe_seconds: float = Field(default=5.0, ge=0, description="How long a model server's last sign of life counts.")
    vllm_connect_retries: int = Field(default=2, ge=0, description="Retries on a fresh connection after a connection fault.")
    vllm_breaker_faults: int = Field(
        default=5, ge=1, description="Faults in a row after which a model server is left alone; pages go down the ladder."
    )
    vllm_breaker_seconds: float = Field(
        default=15.0, gt=0, description="How long it is left alone before one page tries it; doubles up to eight times."
    )
    retry_temperatures: tuple[float, ...] = Field(
        default=(0.2,), description="Temperatures of further attempts by the same model, as a JSON list."
    )

    @property
    def allowed(self) -> tuple[EngineName, ...]:
        """The engines that read page pictures, as far as the settings go."""
        match self.inference_mode:
            case "vllm":
                return ("deepseek", "nanonets")
            case "cpu":
                return self._on_cpu
        return ("deepseek", "nanonets", *self._on_cpu)

    @property
    def _on_cpu(self) -> tuple[EngineName, ...]:
        """The CPU engine, and behind RapidOCR Tesseract, which knows the scripts that it does not."""
        return ("rapidocr", "tesseract") if self.cpu_engine == "rapidocr" else (self.cpu_engine,)


class _ModelSettings(_Section):
    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of its servers, each once. Empty ones are none."""
        return tuple(dict.fromkeys(url.strip() for url in str(getattr(self, "url")).split(",") if url.strip()))  # noqa: B009


class DeepSeekSettings(_ModelSettings):
    """DeepSeek-OCR behind vLLM."""

    model_config = SettingsConfigDict(env_prefix="VLLM_DEEPSEEK_")

    url: str = Field(default="http://127.0.0.1:4444/v1", description="OpenAI addresses of DeepSeek-OCR, joined by commas.")
    model: str = Field(default="deepseek-ai/DeepSeek-OCR", description="Model name it serves.")
    prompt: str = Field(default="<|grounding|>Convert the document to markdown.", description="Prompt; paraphrases degrade it.")
    max_tokens: int = Field(default=6900, ge=1, description="Longest answer; picture and answer share 8192 tokens.")
    temperature: float = Field(default=0.0, ge=0, description="Temperature of the first attempt.")
    ngram_size: int = Field(default=30, ge=1, description="Length of repeated n-grams its logits processor forbids.")
    window_size: int = Field(default=90, ge=1, description="Window in which they are forbidden.")
    whitelist_token_ids: tuple[int, ...] = Field(
        default=(128821, 128822), description="Tokens that may repeat (<td> and </td>), as a JSON list."
    )
    picture_dpi: float = Field(default=144.0, gt=0, description="Resolution of page pictures.")
    picture_long_side: int = Field(default=1664, ge=64, description="Longest side of page pictures, in pixels.")


class NanonetsSettings(_ModelSettings):
    """Nanonets-OCR2-3B behind vLLM."""

    model_config = SettingsConfigDict(env_prefix="VLLM_NANONETS_")

    url: str = Field(default="http://127.0.0.1:4445/v1", description="OpenAI addresses of Nanonets-OCR2-3B, joined by commas.")
    model: str = Field(default="nanonets/Nanonets-OCR2-3B", description="Model name it serves.")
    prompt: str = Field(
        default=(
            "Extract the text from the above document as if you were reading it naturally. Return the tables in html format. "
            "Return the equations in LaTeX representation. If there is an image in the document and image caption is not "
            "present, add a small description of the image inside the <img></img> tag; otherwise, add the image caption "
            "inside <img></img>. Watermarks should be wrapped in brackets. Ex: <watermark>OFFICIAL COPY</watermark>. Page "
            "numbers should be wrapped in brackets. Ex: <page_number>14</page_number> or <page_number>9/22</page_number>. "
            "Prefer using ☐ and ☑ for check boxes."
        ),
        description="Prompt of the model's card.",
    )
    figures_prompt: str = Field(
        default="Only return HTML table within <table></table>.",
        description="Ends the prompt of pages that are mostly tables of figures, as the model's card says for financial ones.",
    )
    max_tokens: int = Field(default=15000, ge=1, description="Longest answer in tokens.")
    temperature: float = Field(default=0.0, ge=0, description="Temperature of the first attempt.")
    repetition_penalty: float = Field(default=1.0, gt=0, description="Sent explicitly: the model's own 1.05 harms tables.")
    picture_dpi: float = Field(default=200.0, gt=0, description="Resolution of page pictures.")
    picture_long_side: int = Field(default=2048, ge=64, description="Longest side of page pictures, in pixels.")
    picture_short_side: int = Field(default=1280, ge=0, description="Small originals are enlarged to this short side.")
    picture_fine_side: int = Field(
        default=1536, ge=0, description="The same for tables of figures and handwriting, within the longest side."
    )


class WebhookSettings(_Section):
    """Telling a caller's server that a job has ended."""

    model_config = SettingsConfigDict(env_prefix="WEBHOOK_", hide_input_in_errors=True)

    secret: str = Field(
        default="",
        pattern=rf"^({_WEBHOOK_SECRET}([\s,]+{_WEBHOOK_SECRET})*)?$",
        description=(
            "Signs webhooks: whsec_ and base64; several, newest first, each sign. "
            "Empty: made once in DATA_DIR/webhook.secret; set it for many hosts."
        ),
    )
    timeout_seconds: float = Field(default=15.0, gt=0, description="Deadline of one delivery.")
    retry_seconds: tuple[float, ...] = Field(
        default=(5, 300, 1800, 7200, 18_000, 36_000, 36_000),
        description=(
            "Pauses before further tries, as a JSON list; after the last, or an hour before the job expires, "
            "the delivery is given up."
        ),
    )
    allow_hosts: tuple[str, ...] = Field(
        default=(),
        description='Hosts that may be called although their address is private, as a JSON list like ["erp.lan:8080"].',
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The operator's secrets, newest first; none where they are kept in a file."""
        return tuple(re.findall(_WEBHOOK_SECRET, self.secret))


class ClientSettings(_Section):
    """What `docparse parse --server` sends."""

    model_config = SettingsConfigDict(env_prefix="DOCPARSE_")

    token: str = Field(default="", description="Admin token of the server that `docparse parse --server` asks.")


class LogSettings(_Section):
    """What is written to standard output."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level written.")
    log_format: Literal["json", "text"] = Field(default="json", description="json for machines, text for people.")


class Settings(BaseModel):
    """The tree. ``load_settings()`` reads it; tests and the CLI may make their own."""

    model_config = ConfigDict(frozen=True)

    api: ApiSettings = Field(default_factory=ApiSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    workers: WorkerSettings = Field(default_factory=WorkerSettings)
    queue: QueueSettings = Field(default_factory=QueueSettings)
    engines: EngineSettings = Field(default_factory=EngineSettings)
    deepseek: DeepSeekSettings = Field(default_factory=DeepSeekSettings)
    nanonets: NanonetsSettings = Field(default_factory=NanonetsSettings)
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)
    client: ClientSettings = Field(default_factory=ClientSettings)
    logs: LogSettings = Field(default_factory=LogSettings)

    @property
    def data_dir(self) -> Path:
        return self.store.data_dir.absolute()

    @property
    def runtime_dir(self) -> Path:
        """A short folder for sockets, named by DATA_DIR: unix socket paths end at about 107 bytes."""
        name = hashlib.sha256(os.fsencode(self.data_dir.resolve())).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"docparse-{os.getuid()}-{name}"

    @property
    def embedded(self) -> bool:
        """Whether this host runs its own Valkey."""
        return not self.store.redis_url

    @property
    def valkey_socket(self) -> Path:
        return self.runtime_dir / "valkey.sock"

    @property
    def redis_url(self) -> str:
        return self.store.redis_url or f"unix://{self.valkey_socket}"

    @property
    def cpu_window(self) -> int:
        """Pages one reader reads at once on the CPU."""
        return self.workers.cpu_concurrency or max(1, cores() // max(1, self.workers.num_workers))


@cache
def load_settings() -> Settings:
    """The settings of this process, read at the first call. Raises pydantic.ValidationError naming the bad ones."""
    return Settings()


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


def cap_threads() -> None:
    """Keep numeric libraries to one thread each. Must run before they are imported."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def send_no_statistics() -> None:
    """Keep ONNX Runtime from identifying this machine and reporting its use. Must run before it is imported."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def environment_of_child(**variables: str) -> dict[str, str]:
    """The environment of this process with these variables set, for a program that it starts."""
    return {**os.environ, **variables}


def environment_fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """(section title, environment name, field) of every setting, in order."""
    for section in Settings.model_fields.values():
        kind = section.annotation
        assert isinstance(kind, type)
        assert issubclass(kind, BaseSettings)
        prefix = kind.model_config.get("env_prefix", "")
        title = (kind.__doc__ or "").strip()
        for name, field in kind.model_fields.items():
            yield title, (prefix + name).upper(), field


def example_environment() -> str:
    """The text of ``.env.example``."""
    lines = ["# Every setting with its default. Copy to .env and uncomment what you change."]
    last = ""
    for title, name, field in environment_fields():
        if title != last:
            lines += ["", f"# --- {title}"]
            last = title
        lines += [f"# {field.description}", f"#{name}={_as_text(field.default)}"]
    return "\n".join(lines) + "\n"


def _as_text(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ",".join(str(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)


if __name__ == "__main__":
    sys.stdout.write(example_environment())
