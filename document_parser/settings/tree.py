"""All sections as one frozen tree, and what follows from them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from document_parser.settings.engines import DeepSeekSettings, EngineSettings, NanonetsSettings
from document_parser.settings.process import cores
from document_parser.settings.section import Section
from document_parser.settings.serving import ApiSettings, WebhookSettings
from document_parser.settings.working import QueueSettings, StoreSettings, WorkerSettings


class ClientSettings(Section):
    """What `docparse parse --server` sends."""

    model_config = SettingsConfigDict(env_prefix="DOCPARSE_")

    token: str = Field(default="", description="Admin token of the server that `docparse parse --server` asks.")


class LogSettings(Section):
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
    def operator_token_file(self) -> Path:
        """What proves to this service that a caller is its operator: made once, and read by programs on the machine."""
        return self.data_dir / "operator.token"

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
