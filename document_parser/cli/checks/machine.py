"""Check the machine: Python, folders, memory, files, clock, GPU, systemd's units, and who can reach the service."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from document_parser.classification.labels import load_labels
from document_parser.cli.checks import Finding
from document_parser.cli.models import needed_gpu_mib
from document_parser.extraction.registry import load_schemas
from document_parser.settings import Settings
from document_parser.settings.exposure import Exposed, check_exposure, is_loopback
from document_parser.settings.startup import may_be_closed
from document_parser.supervisor.valkey import private_folder

MIN_PYTHON = (3, 11)
"""Oldest Python version that works."""
SCARCE_DISK_MIB = 5 * 1024
"""Free space in MiB below which a warning is given."""
SOCKET_PATH_BYTES = 107
"""Longest path of a unix socket in bytes."""
MIN_OPEN_FILES = 1024
"""Minimum number of files that a process should be able to open."""
WORKER_MIB = 1000
"""Memory of a worker with its work horse that reads on the CPU, in MiB.

Measured peaks are 720 MB, with the page images beside them.
"""
WEB_WORKER_MIB = 150
"""Memory of a web worker in MiB."""
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""File with the memory limit of this process's control group in bytes."""
SYSTEMD = Path("/run/systemd/system")
"""Folder that exists if systemd runs."""
UNITS = ("docparse-api.service", "vllm-deepseek.service", "vllm-nanonets.service")
"""Units of the service."""
COMMAND_SECONDS = 10
"""Deadline of a program that a check runs, in seconds."""


def check_python() -> Iterator[Finding]:
    """Check the version of Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < MIN_PYTHON:
        yield Finding("python", "missing", version, "Install Python 3.11 or newer.")
    else:
        yield Finding("python", "ok", f"{version}, {sys.executable}")


def check_folder(settings: Settings) -> Iterator[Finding]:
    """Check that DATA_DIR exists or can be created, is writable by this user, and has space. Leaves nothing in it."""
    path = settings.data_dir
    try:
        there = nearest_folder(path)
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        advice = f"Give it to this user (uid {os.getuid()}), or set DATA_DIR."
        yield Finding("folder", "missing", f"{path}: {error.strerror}", advice)
        return
    free = shutil.disk_usage(there).free >> 20
    detail = f"{path}, {_gib(free)} free" + ("" if there == path else "; made when the service starts")
    if free < 2 * settings.api.max_upload_mb:
        yield Finding("folder", "missing", detail, "Two uploads of MAX_UPLOAD_MB do not fit. Free space, or set DATA_DIR.")
    elif path.exists() and path.stat().st_mode & 0o077 and not may_be_closed(path):
        yield Finding("folder", "warning", f"{detail}; other users can read it", "Set DATA_DIR to a folder of its own.")
    elif free < SCARCE_DISK_MIB:
        yield Finding("folder", "warning", detail, "Free space, shorten JOB_TTL_HOURS, or set DATA_DIR.")
    else:
        yield Finding("folder", "ok", detail)


def nearest_folder(path: Path) -> Path:
    """Return the path if it exists, else the nearest folder above it that does. Raises OSError."""
    return next(place for place in (path, *path.parents) if place.exists())


def check_runtime_folder(settings: Settings) -> Iterator[Finding]:
    """Check the folder of the embedded Valkey's socket."""
    if not settings.embedded:
        return
    length = len(os.fsencode(settings.valkey_socket))
    if length > SOCKET_PATH_BYTES:
        detail = f"{settings.valkey_socket} has {length} bytes; the path of a socket has at most {SOCKET_PATH_BYTES}"
        yield Finding("runtime folder", "missing", detail, "Set TMPDIR to a shorter folder, or REDIS_URL.")
        return
    folder = settings.runtime_dir
    try:
        if folder.exists():
            private_folder(settings)
        else:
            with tempfile.TemporaryFile(dir=folder.parent):
                pass
    except OSError as error:
        yield Finding("runtime folder", "missing", str(error), "Remove it, or set TMPDIR to a folder this user can write to.")
    else:
        yield Finding("runtime folder", "ok", str(folder))


def check_memory(settings: Settings) -> Iterator[Finding]:
    """Check whether the memory is enough for all processes at their peaks."""
    there = _memory_mib()
    need = settings.workers.num_workers * WORKER_MIB + settings.api.web_workers * WEB_WORKER_MIB
    detail = f"{_gib(there)}; {settings.workers.num_workers} workers and the API may take about {_gib(need)}"
    if need > there:
        yield Finding("memory", "warning", detail, "Lower NUM_WORKERS, or add memory.")
    else:
        yield Finding("memory", "ok", detail)


def check_open_files(_: Settings) -> Iterator[Finding]:
    """Check how many files a process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MIN_OPEN_FILES:
        yield Finding(
            "open files", "warning", f"at most {soft} (hard limit {hard})", "Raise it: ulimit -n 65536, or LimitNOFILE=."
        )
    else:
        yield Finding("open files", "ok", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft}")


def check_clock(_: Settings) -> Iterator[Finding]:
    """Check whether the clock is synchronised.

    Deadlines use Redis' clock, but S3 signatures and webhooks need the right time of day.
    """
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if _output("timedatectl", "show", "--property=NTPSynchronized", "--value").strip() == "no":
        yield Finding("clock", "warning", f"{now}, not synchronised", "Run a time service: apt-get install systemd-timesyncd.")
    else:
        yield Finding("clock", "ok", now)


def check_gpu(settings: Settings) -> Iterator[Finding]:
    """Check the GPU, if the model servers are to run on this machine."""
    urls = [url for name in settings.reading_models for url in settings.model_server(name).urls]
    if settings.engines.inference_mode == "cpu" or not any(map(_is_local_url, urls)):
        return
    listed = _output("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits").strip()
    if not listed:
        advice = "Pages are read on the CPU. Install the driver, name servers elsewhere, or set INFERENCE_MODE=cpu."
        yield Finding("gpu", "warning", "nvidia-smi finds none", advice)
        return
    need = needed_gpu_mib(settings.reading_models)
    for line in listed.splitlines():
        name, _, mib = line.rpartition(",")
        has = int(mib) if mib.strip().isdigit() else 0
        detail = f"{name}, {_gib(has)}; the model servers want about {_gib(need)}"
        enough = has >= need
        yield Finding(
            "gpu", "ok" if enough else "warning", detail, "" if enough else "Serve one of them: docparse models --only."
        )


def check_units(settings: Settings) -> Iterator[Finding]:
    """Check systemd's units, if systemd runs and they are installed."""
    if not SYSTEMD.is_dir():
        return
    for unit in UNITS:
        shown = _output("systemctl", "show", "--property=LoadState,ActiveState", unit)
        facts = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        if facts.get("LoadState") == "loaded":
            state = facts.get("ActiveState", "unknown")
            advice = "" if state == "active" else f"systemctl enable --now {unit}; journalctl -u {unit} shows the reason."
            yield Finding(unit, "warning" if advice else "ok", state, advice)


def check_tiers(settings: Settings) -> Iterator[Finding]:
    """Show the tiers and their limits, and whether they apply."""
    accounts = settings.accounts
    applies = "" if accounts.needs_key else "; none applies with AUTH_MODE=off"
    where = accounts.tiers_file or "those of the program"
    yield Finding("tiers", "ok", f"{', '.join(accounts.tiers)} ({where}){applies}")
    for name, tier in accounts.tiers.items():
        limits = tier.model_dump(mode="json", exclude_defaults=True)
        shown = (f"{field} {', '.join(value) if isinstance(value, list) else value}" for field, value in limits.items())
        yield Finding(f"tier {name}", "ok", "; ".join(shown) or "no limits")


def check_own_files(settings: Settings) -> Iterator[Finding]:
    """Check the types and schemas of the operator's own, if there are any."""
    own = settings.extraction
    if own.labels_file:
        try:
            yield Finding("own types", "ok", f"{', '.join(load_labels(own.labels_file))} ({own.labels_file})")
        except ValueError as problem:
            advice = "Correct the file (docs/classification.md), or leave LABELS_FILE empty."
            yield Finding("own types", "missing", f"LABELS_FILE: {problem}", advice)
    if own.schemas_dir:
        try:
            found = load_schemas(own.schemas_dir).keys()
            yield Finding("own schemas", "ok", f"{', '.join(sorted(found))} ({own.schemas_dir})")
        except ValueError as problem:
            advice = "Correct the file (docs/extraction.md), or leave SCHEMAS_DIR empty."
            yield Finding("own schemas", "missing", f"SCHEMAS_DIR: {problem}", advice)


def check_reach(settings: Settings) -> Iterator[Finding]:
    """Check who can reach the API, and the secrets that matter then."""
    host, api = settings.api.api_host, settings.api
    outside = not is_loopback(host) or bool(api.trusted_proxies)
    if outside and not api.admin_token:
        advice = (
            "Set ADMIN_TOKEN, or use the links of docparse operator-link. Otherwise only this machine can list and delete jobs."
        )
        yield Finding("admin token", "warning", f"none, and other machines can reach {host}", advice)
    else:
        yield Finding("admin token", "ok", "set" if api.admin_token else f"none; only this machine can reach {host}")
    yield _auth_mode(settings, host)
    yield _operator_token(settings)
    several = not settings.embedded or bool(settings.store.storage_url)
    if several and not api.secret_key:
        advice = "Set SECRET_KEY to the same value on every host. Otherwise only one host can read document passwords."
        yield Finding("secret key", "warning", "made in DATA_DIR, but other hosts may share Redis or storage", advice)


def _auth_mode(settings: Settings, host: str) -> Finding:
    """Check whether the service would start where it is to listen, and who may use it then."""
    try:
        check_exposure(settings.accounts, [host])
    except Exposed:
        advice = "Set AUTH_MODE=required, or AUTH_MODE=off if something else keeps others out."
        return Finding("auth mode", "missing", f"not set, and other machines can reach {host}: no start", advice)
    if settings.accounts.needs_key:
        return Finding("auth mode", "ok", "required: callers send API keys")
    return Finding("auth mode", "ok", f"off: anyone who reaches {host} may use the service")


def _operator_token(settings: Settings) -> Finding:
    """Check whether this user, and no other on the machine, can act as the operator."""
    path = settings.operator_token_file
    try:
        mode = path.stat().st_mode
        readable = os.access(path, os.R_OK)
    except FileNotFoundError:
        return Finding("operator token", "ok", f"{path} is made when the service starts")
    except OSError:
        readable, mode = False, 0
    if not readable:
        return Finding("operator token", "warning", f"{path} cannot be read", "Run docparse as the service's user.")
    if mode & 0o077:
        return Finding("operator token", "warning", f"{path} can be read by others", f"chmod 600 {path}")
    return Finding("operator token", "ok", f"{path}; docparse operator-token and operator-link print it and links")


def _is_local_url(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _memory_mib() -> int:
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if MEMORY_LIMIT.is_file() and (limit := MEMORY_LIMIT.read_text().strip()).isdigit():
        there = min(there, int(limit))
    return there >> 20


def _gib(mib: int) -> str:
    return f"{mib / 1024:.1f} GiB"


def _output(*command: str) -> str:
    """Return the output of a program; empty if it is absent or fails."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout if ran.returncode == 0 else ""
