"""Define the settings of the web server and of webhooks."""

from __future__ import annotations

import ipaddress
import re
from typing import get_args

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from document_parser.models import AccuracyMode, FacadeName
from document_parser.settings.section import Emptiable, Section

_RATE_LIMIT = r"[1-9]\d{0,8}/([1-9]\d{0,4} ?)?(second|minute|hour|day|month)s?"
_WEBHOOK_SECRET = r"whsec_(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_ORIGIN = r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?"


FACADES: tuple[FacadeName, ...] = get_args(FacadeName)
"""What FACADES may name."""
UNIX_SOCKET = "unix"
"""What TRUSTED_PROXIES lists for whoever connects by a unix socket."""
MIN_TOKEN_CHARACTERS = 16
"""Minimum length of ADMIN_TOKEN in characters."""


class ApiSettings(Section):
    """The web server and what it accepts."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    api_host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    api_port: int = Field(default=1233, ge=0, le=65535, description="Port to listen on.")
    web_workers: int = Field(default=2, ge=1, description="Web worker processes of `python -m document_parser.api`.")
    web_threads: int = Field(
        default=8, ge=1, description="Threads of each web worker for uploads. The same number serves all other requests."
    )
    max_upload_mb: int = Field(default=200, ge=1, description="Maximum size of an upload in MiB, counted while it is received.")
    max_batch_files: int = Field(default=1000, ge=1, description="Maximum number of files that are sent as one batch.")
    max_batch_mb: int = Field(default=4096, ge=1, description="Maximum size of all files of a batch together, in MiB.")
    max_pages: int = Field(default=2000, ge=1, description="Maximum number of pages that a job reads.")
    sync_timeout_seconds: float = Field(
        default=120.0, ge=0, description="Time that /v1/process/sync waits before it answers 202."
    )
    default_accuracy_mode: AccuracyMode = Field(
        default="balanced", description="Mode of a request that names none: fast, balanced or maximum."
    )
    facades: Emptiable = Field(
        default="",
        description=f"Systems whose clients may be pointed at this service: {', '.join(FACADES)}, separated by commas; all, or "
        "none. Empty: all while only this machine reaches the service, none otherwise.",
    )
    admin_token: Emptiable = Field(
        default="",
        description=(
            "Token for listing, deletion and the dashboard, 16 ASCII characters or more. "
            "Empty: only the token that the service makes in DATA_DIR (docparse operator-token)."
        ),
    )
    dashboard_writes: bool = Field(
        default=False,
        description="Allow the dashboard to requeue jobs, empty queues and delete jobs; it has no CSRF protection of its own.",
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description='Origins whose pages may call the API, as a JSON list like ["https://app.example.org"].'
    )
    rate_limit_uploads: str = Field(
        default="600/minute",
        description="Maximum uploads of one caller, like 600/minute or 10/second;5000/day; none for no limit.",
    )
    rate_limit_reads: str = Field(
        default="6000/minute", description="Maximum other requests of one caller to /v1, in the same form."
    )
    trusted_proxies: int | tuple[str, ...] = Field(
        default=0,
        description="Reverse proxies in front whose X-Forwarded-For is trusted: their number in a row, or better their "
        'addresses, as a JSON list like ["10.0.0.5","192.168.7.0/24","unix"]. 0 trusts none.',
    )
    events_heartbeat_seconds: float = Field(
        default=15.0, gt=0, description="Interval of the heartbeats of a silent event stream."
    )
    events_stream_seconds: float = Field(
        default=600.0, gt=0, description="Maximum duration of an event stream; the client resumes it with Last-Event-ID."
    )
    client_stall_seconds: float = Field(
        default=60.0,
        gt=0,
        description="A connection is closed if its client reads nothing, or sends under 64 KiB of an upload, for this time.",
    )
    max_connections_per_address: int = Field(
        default=256,
        ge=0,
        description="Maximum open connections of one address to a web worker; beyond it the longest idle one is closed. "
        "0: no limit. Does not apply behind TRUSTED_PROXIES.",
    )
    upload_seconds: float = Field(
        default=21600.0, gt=0, description="Maximum time of an upload; one that takes longer is answered 408."
    )
    secret_key: Emptiable = Field(
        default="",
        description="Key that encrypts stored document passwords. Empty: made once in DATA_DIR; set it for several hosts.",
    )

    @field_validator("admin_token")
    @classmethod
    def _is_hard_to_guess(cls, token: str) -> str:
        """Accept only tokens that a header can carry and that cannot be guessed."""
        if token and (len(token) < MIN_TOKEN_CHARACTERS or not re.fullmatch(r"[!-~]+", token)):
            raise ValueError(
                f"needs at least {MIN_TOKEN_CHARACTERS} ASCII characters without white space, like those that "
                "`openssl rand -hex 16` prints; leave it empty and the service makes one in DATA_DIR"
            )
        return token

    @field_validator("facades")
    @classmethod
    def _are_facades(cls, names: str) -> str:
        """Return the names, each once, in lower case."""
        found = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip()))
        if unknown := [name for name in found if name not in FACADES and not (name in ("all", "none") and len(found) == 1)]:
            raise ValueError(f"FACADES lists {', '.join(FACADES)}, or is all or none; it does not know {', '.join(unknown)}")
        return ",".join(found)

    def chosen_facades(self, *, private: bool) -> tuple[FacadeName, ...]:
        """Return the facades that are served; ``private`` says that only this machine reaches the service."""
        if self.facades in ("", "all", "none"):
            return FACADES if self.facades == "all" or (not self.facades and private) else ()
        return tuple(name for name in FACADES if name in self.facades.split(","))

    @field_validator("trusted_proxies")
    @classmethod
    def _are_proxies(cls, proxies: int | tuple[str, ...]) -> int | tuple[str, ...]:
        """Accept only numbers and addresses of proxies."""
        if isinstance(proxies, int) and proxies < 0:
            raise ValueError("TRUSTED_PROXIES is the number of proxies in a row, 0 or more, or a JSON list of their addresses")
        for name in () if isinstance(proxies, int) else proxies:
            try:
                network = ipaddress.ip_network(name, strict=False) if name != UNIX_SOCKET else None
            except ValueError:
                raise ValueError(
                    f"TRUSTED_PROXIES lists addresses and networks like 10.0.0.5 and 192.168.7.0/24, or unix: {name}"
                ) from None
            if network is not None and not network.prefixlen:
                raise ValueError(f"TRUSTED_PROXIES does not trust everyone: {name}")
        return proxies

    @field_validator("rate_limit_uploads", "rate_limit_reads")
    @classmethod
    def _is_rate_limit(cls, text: str, info: ValidationInfo) -> str:
        """Return the limit, or an empty text for ``none``. An empty variable counts as not set."""
        if text.lower() in ("", "none"):
            return ""
        if not re.fullmatch(rf"{_RATE_LIMIT}(;{_RATE_LIMIT})*", text):
            raise ValueError(f"{str(info.field_name).upper()} is written like 600/minute or 10/second;5000/day, or none")
        return text

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        """Return the origins in lower case, as browsers send them.

        Each origin must be listed: with ``*`` any page on the web could send documents.
        """
        for origin in origins:
            if not is_origin(origin):
                raise ValueError(
                    f"CORS_ORIGINS lists origins like https://app.example.org, without path and without *: {origin}"
                )
        return tuple(origin.lower() for origin in origins)


class UploadSettings(Section):
    """Resumable uploads (tus). Those that no job has used yet count against the limits."""

    model_config = SettingsConfigDict(env_prefix="UPLOAD_")

    expire_hours: float = Field(
        default=24.0, gt=0, description="Hours after its last piece for which a resumable upload is kept."
    )
    max_per_caller: int = Field(
        default=100, ge=0, description="Maximum number of resumable uploads of one caller that no job has used. 0: no limit."
    )
    max_mb_per_caller: int = Field(default=16_384, ge=0, description="Maximum MiB of these uploads. 0: no limit.")
    max_count: int = Field(
        default=2000, ge=0, description="Maximum number of resumable uploads of all callers that no job has used. 0: no limit."
    )
    max_mb: int = Field(default=65_536, ge=0, description="Maximum MiB of all these uploads. 0: no limit.")


class WebhookSettings(Section):
    """Telling a caller's server that a job has ended."""

    model_config = SettingsConfigDict(env_prefix="WEBHOOK_", hide_input_in_errors=True)

    secret: Emptiable = Field(
        default="",
        pattern=rf"^({_WEBHOOK_SECRET}([\s,]+{_WEBHOOK_SECRET})*)?$",
        description=(
            "Secret that signs webhooks: whsec_ and base64; if several, the newest first, each signs. "
            "Empty: made once in DATA_DIR/webhook.secret; set it for several hosts."
        ),
    )
    timeout_seconds: float = Field(default=15.0, gt=0, description="Deadline of one delivery.")
    retry_seconds: tuple[float, ...] = Field(
        default=(5, 300, 1800, 7200, 18_000, 36_000, 36_000),
        description=(
            "Pauses before further attempts, as a JSON list; after the last, or an hour before the job expires, "
            "the delivery is given up."
        ),
    )
    allow_hosts: tuple[str, ...] = Field(
        default=(),
        description='Hosts that webhooks may reach although their address is private, as a JSON list like ["erp.lan:8080"].',
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the operator's secrets, newest first; empty if they are kept in a file."""
        return tuple(re.findall(_WEBHOOK_SECRET, self.secret))


class FetchSettings(Section):
    """Documents that are fetched from addresses and buckets."""

    model_config = SettingsConfigDict(env_prefix="FETCH_")

    allow_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts from which documents may be fetched although their address is private, as a JSON list like "
        '["files.lan:8080"].',
    )
    s3_buckets: tuple[str, ...] = Field(
        default=(),
        description="Buckets whose documents any caller may have read with this server's credentials, as a JSON list like "
        '["inbox","shared/papers"]. Without an entry s3:// is refused; pre-signed addresses need none.',
    )
    connect_seconds: float = Field(default=10.0, gt=0, description="Deadline for connecting to a host's address.")
    stall_seconds: float = Field(default=30.0, gt=0, description="Maximum time in which a host sends nothing.")
    seconds: float = Field(
        default=900.0, gt=0, description="Maximum time in which a document is fetched, with all attempts and redirects."
    )
    max_redirects: int = Field(default=5, ge=0, description="Maximum number of redirects that are followed.")


class ResultSettings(Section):
    """Results that are put into buckets (result_s3)."""

    model_config = SettingsConfigDict(env_prefix="RESULT_S3_")

    buckets: tuple[str, ...] = Field(
        default=(),
        description="Buckets into which any caller may have results put with this server's credentials, as a JSON list like "
        '["results","shared/read"]. Without an entry result_s3 is refused.',
    )
    retry_seconds: tuple[float, ...] = Field(
        default=(5, 60, 600, 3600, 10_800),
        description="Pauses before further attempts to put a result, as a JSON list; after the last it is given up.",
    )


def is_origin(text: str) -> bool:
    """Return whether a text is the origin of pages: scheme, host and port, without a path."""
    return re.fullmatch(_ORIGIN, text.lower()) is not None
