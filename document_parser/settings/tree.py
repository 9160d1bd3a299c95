"""Join all sections into one frozen tree, with the paths and addresses that follow from them."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import SettingsConfigDict

from document_parser.models import VLM_ENGINES, EngineName, ModelServerName, VlmName
from document_parser.settings.accounts import AccountSettings
from document_parser.settings.engines import (
    DeepSeekSettings,
    EngineSettings,
    ExtractModelSettings,
    ModelSettings,
    NanonetsSettings,
    VlmSettings,
)
from document_parser.settings.process import cores
from document_parser.settings.section import Emptiable, Section
from document_parser.settings.serving import ApiSettings, FetchSettings, ResultSettings, UploadSettings, WebhookSettings
from document_parser.settings.working import ExtractionSettings, QueueSettings, StoreSettings, VirusScanSettings, WorkerSettings

DSN_PATTERN = re.compile(r"https?://[^@/\s]+@[^/\s]+(/[^/\s]+)*/[0-9]+")
"""Form of the address of a project in Sentry."""


class ClientSettings(Section):
    """What the commands with `--server` send."""

    model_config = SettingsConfigDict(env_prefix="DOCPARSE_")

    api_key: str = Field(default="", description="API key that commands with `--server` and `docparse mcp` send.")
    token: str = Field(default="", description="API key or admin token that they send if DOCPARSE_API_KEY is empty.")

    @property
    def key(self) -> str:
        """Return what commands send as their key; empty: none."""
        return self.api_key or self.token


class LogSettings(Section):
    """What is written to standard output."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Lowest level that is written.")
    log_format: Literal["json", "text"] = Field(default="json", description="json for machines, text for people.")


class TracingSettings(Section):
    """Traces of documents, for OpenTelemetry. Other OTEL_ variables are read from the environment only, not from this file."""

    model_config = SettingsConfigDict(env_prefix="OTEL_")

    traces_exporter: Literal["none", "otlp"] = Field(
        default="none", description="otlp exports a trace of each document, by OTLP over HTTP (needs the extra 'otel')."
    )
    exporter_otlp_endpoint: str = Field(
        default="http://localhost:4318", description="Address of the OpenTelemetry collector, without the path."
    )
    service_name: str = Field(default="document-parser", description="Name of this service in traces and in every log line.")

    @field_validator("traces_exporter")
    @classmethod
    def _is_installed(cls, given: str) -> str:
        """Accept an exporter only if it is installed."""
        if given != "none" and not _has_otlp_exporter():
            raise ValueError("needs the extra 'otel': pip install 'document-parser[otel]'")
        return given


class ErrorReportSettings(Section):
    """Reports of unexpected errors."""

    model_config = SettingsConfigDict(env_prefix="SENTRY_", hide_input_in_errors=True)

    dsn: Emptiable = Field(
        default="", description="DSN of a Sentry that is sent the service's own faults (needs the extra 'sentry'). Empty: none."
    )
    environment: str = Field(default="production", description="Name of this installation in Sentry.")

    @field_validator("dsn")
    @classmethod
    def _can_be_sent(cls, given: str) -> str:
        """Accept an address only if what sends reports is installed."""
        if given and find_spec("sentry_sdk") is None:
            raise ValueError("needs the extra 'sentry': pip install 'document-parser[sentry]'")
        if given and not DSN_PATTERN.fullmatch(given):
            raise ValueError("needs a DSN as Sentry shows it: https://KEY@HOST/PROJECT")
        return given


class Settings(BaseModel):
    """Hold all settings. ``load_settings()`` reads them; tests and the command line may create their own."""

    model_config = ConfigDict(frozen=True)

    api: ApiSettings = Field(default_factory=ApiSettings)
    accounts: AccountSettings = Field(default_factory=AccountSettings)
    uploads: UploadSettings = Field(default_factory=UploadSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    workers: WorkerSettings = Field(default_factory=WorkerSettings)
    extraction: ExtractionSettings = Field(default_factory=ExtractionSettings)
    virus_scan: VirusScanSettings = Field(default_factory=VirusScanSettings)
    queue: QueueSettings = Field(default_factory=QueueSettings)
    engines: EngineSettings = Field(default_factory=EngineSettings)
    deepseek: DeepSeekSettings = Field(default_factory=DeepSeekSettings)
    nanonets: NanonetsSettings = Field(default_factory=NanonetsSettings)
    vlm: VlmSettings = Field(default_factory=VlmSettings)
    extract: ExtractModelSettings = Field(default_factory=ExtractModelSettings)
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings)
    fetch: FetchSettings = Field(default_factory=FetchSettings)
    results: ResultSettings = Field(default_factory=ResultSettings)
    client: ClientSettings = Field(default_factory=ClientSettings)
    logs: LogSettings = Field(default_factory=LogSettings)
    error_reports: ErrorReportSettings = Field(default_factory=ErrorReportSettings)
    tracing: TracingSettings = Field(default_factory=TracingSettings)

    @property
    def data_dir(self) -> Path:
        """Return the absolute path of DATA_DIR."""
        return self.store.data_dir.absolute()

    @property
    def plain_dir(self) -> Path:
        """Return the folder for files that are being received, and with STORAGE_KEY for all that is not encrypted."""
        named = self.store.scratch_dir if self.store.storage_key else ""
        return Path(named).absolute() if named else self.data_dir / "staging"

    @property
    def operator_token_file(self) -> Path:
        """Return the path of the file that holds the operator token.

        It is created once and read by programs on the machine to prove to this service that they act for the operator.
        """
        return self.data_dir / "operator.token"

    @property
    def accounts_file(self) -> Path:
        """Return the path of the SQLite database of keys, usage, history and audit. It is unused with DATABASE_URL."""
        return self.data_dir / "accounts.db"

    @property
    def language_packs_dir(self) -> Path:
        """Return the folder of the language packs that ``docparse languages`` brings."""
        named = self.engines.tessdata_dir
        return Path(named).absolute() if named else self.data_dir / "tessdata"

    @property
    def runtime_dir(self) -> Path:
        """Return a short folder for sockets, named after DATA_DIR: paths of unix sockets end at about 107 bytes."""
        name = hashlib.sha256(os.fsencode(self.data_dir.resolve())).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"docparse-{os.getuid()}-{name}"

    @property
    def embedded(self) -> bool:
        """Return whether this host runs its own Valkey."""
        return not self.store.redis_url

    @property
    def valkey_socket(self) -> Path:
        """Return the path of the embedded Valkey's socket."""
        return self.runtime_dir / "valkey.sock"

    @property
    def redis_url(self) -> str:
        """Return REDIS_URL, or the address of the embedded Valkey if it is empty."""
        return self.store.redis_url or f"unix://{self.valkey_socket}"

    def model_server(self, name: ModelServerName) -> ModelSettings:
        """Return the settings of a model's servers."""
        by_name: dict[ModelServerName, ModelSettings] = {
            "deepseek": self.deepseek,
            "nanonets": self.nanonets,
            "vlm": self.vlm,
            "extract": self.extract,
        }
        return by_name[name]

    def key_of(self, name: ModelServerName) -> str:
        """Return the key that a model's servers are sent."""
        own: dict[ModelServerName, str] = {"extract": self.extract.api_key, "vlm": self.vlm.api_key}
        return own.get(name) or self.engines.vllm_api_key

    @property
    def reading_models(self) -> tuple[VlmName, ...]:
        """Return the models that may read pages if INFERENCE_MODE allows models: those with an address and a name."""
        return tuple(name for name in VLM_ENGINES if self.model_server(name).is_set)

    @property
    def allowed_engines(self) -> tuple[EngineName, ...]:
        """Return the engines that may read page images by these settings."""
        models = () if self.engines.inference_mode == "cpu" else self.reading_models
        return (*models, *self.engines.cpu_engines)

    @property
    def asks_extract_model(self) -> bool:
        """Return whether values are asked of a model too: one is set, and INFERENCE_MODE allows model servers."""
        return self.extract.is_set and self.engines.inference_mode != "cpu"

    def extract_model_of(self, tier: str) -> str:
        """Return the model that is asked for values of documents of this tier; empty if none is.

        A tier whose engines include no model has its documents sent to none. Raises TierUnknown.
        """
        engines = self.accounts.tier(tier).engines
        allowed = engines is None or bool(set(engines).intersection(VLM_ENGINES))
        return self.extract.model if allowed and self.asks_extract_model else ""

    @property
    def cpu_window(self) -> int:
        """Return how many pages one reader reads at once on the CPU."""
        return self.workers.cpu_concurrency or max(1, cores() // max(1, self.workers.num_workers))


def _has_otlp_exporter() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # a package that it is in
        return False


@cache
def load_settings() -> Settings:
    """Return the settings of this process, read at the first call.

    Raises pydantic.ValidationError or pydantic_settings.SettingsError that names the invalid ones.
    """
    return Settings()
