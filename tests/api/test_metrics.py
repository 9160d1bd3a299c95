"""The metrics: every number exact, whoever counted it and whichever web worker is asked, and nothing unbounded in a label."""

from __future__ import annotations

import os
import re
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import get_args

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed

from document_parser.api.factory import create_app
from document_parser.api.middleware.request_log import Counts
from document_parser.balancing.in_flight import Candidate
from document_parser.errors import PageUnreadable
from document_parser.ingest.sniff import SUPPORTED
from document_parser.jobs import gauges
from document_parser.jobs.records import record
from document_parser.jobs.redis import counters
from document_parser.jobs.redis.connection import RedisError, connect
from document_parser.jobs.redis.in_flight import RedisInFlight
from document_parser.jobs.scheduling.lanes import LANES
from document_parser.jobs.scheduling.quotas import QUOTAS
from document_parser.models import (
    PIPELINE_VERSION,
    AccuracyMode,
    Attempt,
    GuardName,
    JobError,
    JobState,
    OutputFormat,
    Page,
    PageWarning,
    ReaderName,
    WarningCode,
)
from document_parser.settings import Settings, StoreSettings
from document_parser.storage import LocalStorage
from document_parser.supervisor.valkey import EmbeddedValkey
from document_parser.telemetry import metrics
from document_parser.version import __version__
from document_parser.workers.sweep import Sweep
from tests.support import documents
from tests.support.error_kinds import error_kinds
from tests.support.ledger_jobs import JOB, OTHER, add_ready_job, make_card, mark_dead
from tests.support.processes import kill_horses
from tests.support.prometheus import Prometheus, promtool
from tests.support.service import ROOT, SOON, UNCHECKED, Service, asking, wait_until
from tests.support.vllm_server import ModelServer, served_from_thread

DOCS = (ROOT / "docs" / "observability.md").read_text()


def shown(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Samples by name and labels. A sample that stood twice would fail."""
    found = {}
    for family in parsed(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(service_or_text, name: str, **labels: str) -> float:
    text = service_or_text if isinstance(service_or_text, str) else service_or_text.client.get("/v1/metrics").text
    return shown(text).get((f"docparse_{name}", frozenset(labels.items())), 0.0)


# --- names and form


def test_every_metric_stands_in_the_docs_with_its_labels_and_nothing_else_does():
    rows = re.findall(r"^\| `(docparse_\w+)` \| (\w+) \| ([^|]*) \|", DOCS, re.MULTILINE)
    documented = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert documented == {metric.shown_name: (metric.kind, metric.labels) for metric in metrics.METRICS}


def test_the_metrics_of_the_docs_examples_exist():
    parts = {"_bucket", "_count", "_sum"}
    known = {metric.shown_name for metric in metrics.METRICS}
    known |= {metric.shown_name + part for metric in metrics.METRICS if metric.kind == "histogram" for part in parts}
    assert set(re.findall(r"\bdocparse_\w+", DOCS)) <= known


def test_every_guard_and_warning_that_may_be_a_label_stands_in_the_docs():
    for name in (*GuardName.__args__, *WarningCode.__args__):
        assert f"`{name}`" in DOCS, name


def test_names_follow_the_conventions_of_prometheus():
    for metric in metrics.METRICS:
        assert re.fullmatch(r"docparse_[a-z_]+", metric.shown_name)
        assert metric.kind != "histogram" or metric.shown_name.endswith(("_seconds", "_bytes"))
        assert list(metric.buckets) == sorted(metric.buckets)
        assert len({metrics.bound_text(bound) for bound in metric.buckets}) == len(metric.buckets)


def test_both_formats_are_parsed_by_the_clients_own_parsers():
    samples = {metrics.sample_name("pages", "rapidocr", "done"): 3.0, "redis_up": 1.0}
    text, kind = metrics.exposition(samples)
    assert kind.startswith("text/plain")
    assert value(text.decode(), "pages_total", engine="rapidocr", outcome="done") == 3
    text, kind = metrics.exposition(samples, "application/openmetrics-text;version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    families = {family.name: family for family in openmetrics(text.decode())}
    assert families["docparse_pages"].samples[0].value == 3


def test_a_histogram_is_shown_cumulated_with_count_and_sum():
    samples: dict[str, float] = {}
    for seconds in (0.01, 0.02, 3.0, 700.0):
        for name, by in metrics.observation("page_duration_seconds", seconds, "rapidocr").items():
            samples[name] = samples.get(name, 0.0) + by
    text = metrics.exposition(samples)[0].decode()
    buckets = {
        le: value(text, "page_duration_seconds_bucket", engine="rapidocr", le=le)
        for le in ("0.01", "0.05", "5.0", "600.0", "+Inf")
    }
    assert buckets == {"0.01": 1, "0.05": 2, "5.0": 3, "600.0": 3, "+Inf": 4}
    assert value(text, "page_duration_seconds_count", engine="rapidocr") == 4
    assert value(text, "page_duration_seconds_sum", engine="rapidocr") == pytest.approx(703.03)


def test_samples_of_another_version_are_not_shown():
    text = metrics.exposition({"pages|one label too few": 1.0, "no_such_metric|a": 2.0, "redis_up": 1.0})[0].decode()
    assert "no_such" not in text
    assert "too few" not in text


# --- what the ledger counts


def test_a_page_counts_once_with_its_attempts_guards_and_warnings(ledger, redis):
    add_ready_job(ledger, redis, 1)
    page = Page(number=1, engine="rapidocr", warnings=[PageWarning(code="engine_fallback"), PageWarning(code="low_confidence")])
    page.attempts = [
        Attempt(engine="deepseek", outcome="rejected", guard="loop", milliseconds=400, tokens=70),
        Attempt(engine="deepseek", outcome="rejected", guard="loop", milliseconds=400),
        Attempt(engine="nanonets", outcome="error", code="ENGINE_REFUSED", milliseconds=100),
        Attempt(engine="rapidocr", outcome="accepted", milliseconds=700),
    ]
    claim = ledger.claim("a", empty_handed=True)
    ledger.finish(claim, page)
    assert ledger.finish(claim, page) == "not_yours"
    found = gauges.samples(redis)
    counted = {
        name: number for name, number in found.items() if name.startswith(("page_", "pages|", "guard", "engine", "tokens"))
    }
    assert counted == {
        "pages|rapidocr|done": 1,
        "page_attempts|deepseek|rejected": 2,
        "page_attempts|nanonets|error": 1,
        "page_attempts|rapidocr|accepted": 1,
        "guard_rejections|deepseek|loop": 2,
        "engine_errors|nanonets|ENGINE_REFUSED": 1,
        "engine_seconds|deepseek": 0.8,
        "engine_seconds|nanonets": 0.1,
        "engine_seconds|rapidocr": 0.7,
        "tokens|deepseek": 70,
        "page_warnings|engine_fallback": 1,
        "page_warnings|low_confidence": 1,
        "page_duration_seconds|rapidocr|2.5": 1,
        "page_duration_seconds|rapidocr|sum": 1.6,
    }


def test_blank_and_failed_pages_count_without_an_engine(ledger, redis):
    add_ready_job(ledger, redis, 2)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1, status="blank"))
    broken = Page(number=2, status="failed", error={"code": PageUnreadable.code, "message": ""})
    ledger.finish(ledger.claim("a", empty_handed=False), broken)
    found = gauges.samples(redis)
    assert (found["pages|none|blank"], found["pages|none|failed"], found["page_errors|PAGE_UNREADABLE"]) == (1, 1, 1)


def test_a_page_that_kills_its_readers_counts_once_as_failed(valkey, ledger, redis, tmp_path):
    add_ready_job(ledger, redis, 1)
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path), "test")
    for trial in range(4):
        ledger.heartbeat(f"a{trial}", [])
        assert ledger.claim(f"a{trial}", empty_handed=True)
        mark_dead(redis, f"a{trial}")
        sweep.release_dead_claims()
    found = gauges.samples(redis)
    assert (found["pages|none|failed"], found["page_errors|WORKER_CRASHED"], found["lost_claims|page"]) == (1, 1, 4)


def test_an_end_counts_once_by_state_and_code_with_its_duration(ledger, redis):
    created = datetime.now(UTC) - timedelta(seconds=100)
    record.create(redis, make_card().model_copy(update={"created_at": created}), None)
    error = JobError(code="DAMAGED_DOCUMENT", message="", status=422, retryable=False)
    assert ledger.end(JOB, JobState.FAILED, error) == "ok"
    assert ledger.end(JOB, JobState.CANCELLED) == "failed"
    found = gauges.samples(redis)
    assert (found["jobs_ended|failed|balanced|markdown"], found["job_errors|DAMAGED_DOCUMENT"]) == (1, 1)
    assert "jobs_ended|cancelled|balanced|markdown" not in found
    assert found["job_duration_seconds|failed|120"] == 1
    assert found["job_duration_seconds|failed|sum"] == pytest.approx(100, abs=10)


# --- how things stand


def test_jobs_are_told_by_state_with_the_age_of_the_oldest(ledger, redis):
    old = datetime.now(UTC) - timedelta(hours=2)
    add_ready_job(ledger, redis, 1, OTHER)
    record.create(redis, make_card().model_copy(update={"created_at": old}), None)
    found = gauges.samples(redis)
    assert (found["jobs|queued"], found["jobs|processing"], found["pages_ready|normal"]) == (1, 1, 1)
    assert found["oldest_queued_job_age_seconds"] == pytest.approx(7200, abs=60)
    assert ledger.claim_stage(JOB, "plan", "p", alone=True)
    found = gauges.samples(redis)
    assert (found["jobs|queued"], found["jobs|processing"], found["oldest_queued_job_age_seconds"]) == (0, 2, 0)
    assert found["oldest_open_job_age_seconds"] == pytest.approx(7200, abs=60)
    for job_id in (JOB, OTHER):
        ledger.end(job_id, JobState.CANCELLED)
    found = gauges.samples(redis)
    assert (
        found["jobs|queued"],
        found["jobs|processing"],
        found["pages_ready|normal"],
        found["oldest_open_job_age_seconds"],
    ) == (
        0,
        0,
        0,
        0,
    )


def test_a_deleted_job_is_not_queued_any_more(ledger, redis, tmp_path):
    record.create(redis, make_card(), None)
    record.delete(redis, record.load(redis, JOB))
    assert gauges.samples(redis)["jobs|queued"] == 0


def test_requests_in_flight_are_summed_over_the_servers_of_a_model(redis):
    requests = RedisInFlight(redis, 60)
    for number, server in enumerate(("deepseek a", "deepseek a", "deepseek b", "nanonets c")):
        requests.enter(f"request-{number}", [Candidate(server)])
    found = gauges.samples(redis)
    assert (found["model_requests_in_flight|deepseek"], found["model_requests_in_flight|nanonets"]) == (3, 1)
    requests.leave("request-0")
    requests.close()
    assert gauges.samples(redis)["model_requests_in_flight|deepseek"] == 2


def test_anything_else_is_counted_by_name_and_labels(redis):
    counters.count(redis, "webhook_tries", "delivered")
    counters.count(redis, "webhook_tries", "delivered", by=2)
    assert gauges.samples(redis)["webhook_tries|delivered"] == 3
    with pytest.raises(KeyError):
        counters.count(redis, "unheard_of")


# --- requests


def test_what_could_not_be_written_is_written_when_redis_is_back(tmp_path):
    settings = Settings(store=StoreSettings(data_dir=tmp_path, redis_url=""))
    server, redis = EmbeddedValkey(settings), connect(settings, retries=0)
    counts = Counts(redis)
    counts.add({"http_requests|GET|/v1/jobs|503": 2})
    with pytest.raises(RedisError):
        counts.flush()
    counts.add({"http_requests|GET|/v1/jobs|503": 1})
    try:
        wait_until(server.ensure, 30, "Valkey answers")
        # Its own thread may be faster than this.
        counts.flush()
        wait_until(lambda: redis.hget("metrics", "http_requests|GET|/v1/jobs|503") == b"3", 10, "all three are counted")
    finally:
        redis.close()
        server.stop()


def test_without_redis_the_route_answers_and_says_so(tmp_path):
    app = create_app(Settings(store=StoreSettings(data_dir=tmp_path, redis_url="redis://127.0.0.1:9/0")))
    answer = app.test_client().get("/v1/metrics")
    assert answer.status_code == 200
    assert value(answer.text, "redis_up") == 0
    assert value(answer.text, "storage_free_bytes") > 0
    assert [labels for name, labels in shown(answer.text) if name == "docparse_build_info"]


# --- a whole service


@pytest.fixture(scope="module")
def model():
    with served_from_thread(ModelServer(tokens=60)) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory, model):
    with Service(
        tmp_path_factory.mktemp("metrics"),
        WEB_WORKERS=2,
        PAGE_CONCURRENCY=4,
        VLLM_BREAKER_FAULTS=3,
        **asking(model.url, "auto"),
        **SOON,
        LOG_LEVEL="DEBUG",
        **UNCHECKED,
    ) as service:
        yield service


def from_each_web_worker(service) -> dict[int, str]:
    """The metrics as each web worker tells them: pid to text. Which one answered, the log says."""
    found: dict[int, str] = {}
    deadline = time.monotonic() + 30
    while len(found) < 2:
        assert time.monotonic() < deadline, "one web worker answers everything"
        name = f"scrape-{os.urandom(8).hex()}"
        url = f"http://127.0.0.1:{service.port}/v1/metrics"
        text = httpx2.get(url, headers={"X-Request-ID": name, "Connection": "close"}).text
        line = re.compile(rf".*{name}.*")
        wait_until(lambda line=line: line.search(service.log), 5, "the request is logged")
        pid = int(re.search(r'"pid": (\d+)', line.search(service.log)[0])[1])
        found[pid] = text
    return found


def test_after_a_known_run_every_web_worker_tells_the_same_exact_numbers(service, model, paper, tmp_path):
    scan = documents.stamped_pdf(tmp_path / "scan.pdf", [300, 301, 302])
    model.script("loop", stamp=301, sticky=True)
    broken = documents.truncated(paper, tmp_path / "broken.pdf", 0.2)
    assert service.ended(service.submit(scan))["status"] == "completed"
    assert service.ended(service.submit(paper))["status"] == "completed"
    assert service.ended(service.submit(broken))["status"] == "failed"
    assert service.client.get("/v1/jobs/quagga/status").status_code == 404
    assert service.client.get("/v1/quagga?q=okapi").status_code == 404

    def all_written():
        return value(service, "http_requests_total", method="GET", route="unmatched", status="404") == 1

    wait_until(all_written, 10, "the last request is counted")
    for text in from_each_web_worker(service).values():
        assert value(text, "pages_total", engine="deepseek", outcome="done") == 2
        assert value(text, "pages_total", engine="rapidocr", outcome="done") == 1
        assert value(text, "pages_total", engine="text_layer", outcome="done") == 2
        assert value(text, "page_attempts_total", engine="deepseek", outcome="accepted") == 2
        assert value(text, "page_attempts_total", engine="deepseek", outcome="rejected") == 2
        assert value(text, "guard_rejections_total", engine="deepseek", guard="loop") == 2
        assert value(text, "page_warnings_total", code="engine_fallback") == 1
        assert value(text, "page_duration_seconds_count", engine="deepseek") == 2
        assert value(text, "tokens_total", engine="deepseek") > 0
        assert value(text, "engine_seconds_total", engine="deepseek") > 0
        assert value(text, "jobs_created_total", mode="balanced", format="markdown") == 3
        assert value(text, "file_size_bytes_count", type="pdf") == 3
        assert value(text, "job_wait_seconds_count") == 3
        assert value(text, "jobs_ended_total", state="completed", mode="balanced", format="markdown") == 2
        assert value(text, "jobs_ended_total", state="failed", mode="balanced", format="markdown") == 1
        assert value(text, "job_errors_total", code="DAMAGED_DOCUMENT") == 1
        assert value(text, "job_duration_seconds_count", state="completed") == 2
        assert value(text, "http_requests_total", method="POST", route="/v1/process/async", status="202") == 3
        assert value(text, "http_request_duration_seconds_count", method="POST", route="/v1/process/async") == 3
        assert value(text, "http_request_bytes_total", method="POST", route="/v1/process/async") > scan.stat().st_size
        assert value(text, "http_requests_total", method="GET", route="/v1/jobs/{job_id}/status", status="404") == 1
        assert value(text, "jobs", state="queued") == value(text, "jobs", state="processing") == 0
        assert value(text, "redis_up") == 1
        assert value(text, "workers", state="idle") + value(text, "workers", state="busy") == 2
        assert not re.search(r"quagga|okapi|scan\.pdf|paper\.pdf|[0-9a-f]{8}-[0-9a-f]{4}-", text)


def test_after_a_kill_in_the_middle_of_a_page_each_page_is_counted_once(service, model, tmp_path):
    before = value(service, "pages_total", engine="deepseek", outcome="done")
    lost = value(service, "lost_claims_total", kind="page")
    model.script("stall", stamp=402)
    job_id = service.submit(documents.stamped_pdf(tmp_path / "killed.pdf", range(400, 408)))
    wait_until(lambda: [entry for entry in model.asked(402) if entry.state == "running"], 60, "a page hangs")
    wait_until(lambda: value(service, "model_requests_in_flight", engine="deepseek") >= 1, 10, "it is told as in flight")
    assert value(service, "readers") >= 1
    kill_horses(service)
    assert service.ended(job_id)["status"] == "completed"
    assert value(service, "pages_total", engine="deepseek", outcome="done") == before + 8
    assert value(service, "lost_claims_total", kind="page") > lost
    wait_until(lambda: value(service, "model_requests_in_flight", engine="deepseek") == 0, 10, "nothing is in flight any more")


def test_a_model_server_that_fails_opens_its_breaker_and_makes_the_alerts_fire(service, model, tmp_path):
    """The cause is real from end to end: a server that answers 500, pages that another engine has to read."""
    wait_until(lambda: value(service, "model_server_up", engine="deepseek", server="1") == 1, 20, "the server is measured")
    running = {"engine": "deepseek", "server": "1", "state": "running"}
    wait_until(lambda: value(service, "model_server_requests", **running) == 0, 20, "nothing is asked of it any more")
    with Prometheus(tmp_path / "prometheus", service.port) as prometheus:
        wait_until(lambda: prometheus.ask("docparse:workers:sum"), 20, "the service is scraped")
        assert not {"DocparseBreakerOpen", "DocparseNoWorkers", "DocparseErrorRate"} & prometheus.alerts()
        model.script("fail_500", sticky=True)
        ids = [service.submit(documents.stamped_pdf(tmp_path / f"{stamp}.pdf", [stamp])) for stamp in (900, 901, 902)]
        assert {service.ended(job_id)["status"] for job_id in ids} == {"completed"}
        wait_until(lambda: "DocparseBreakerOpen" in prometheus.alerts(), 20, "the alert", pause=0.3)
    assert value(service, "engine_errors_total", engine="deepseek", code="ENGINE_REFUSED") >= 1
    assert value(service, "model_servers_left_alone", engine="deepseek") == 1


BOUNDED = {
    "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"},
    "status": {str(status) for status in range(200, 600)},
    "mode": {*get_args(AccuracyMode)},
    "format": {*get_args(OutputFormat)},
    "state": {*(state.value for state in JobState), "busy", "idle", "running", "waiting"},
    "type": {*SUPPORTED, "other"},
    "code": {*(kind.code for kind in error_kinds()), *get_args(WarningCode)},
    "engine": {*get_args(ReaderName), "none", "extract"},
    "server": {"1"},
    "outcome": {
        "done",
        "blank",
        "failed",
        "accepted",
        "rejected",
        "error",
        "delivered",
        "pending",
        "hit",
        "miss",
        "shared",
        "off",
    },
    "guard": {*get_args(GuardName)},
    "lane": {*LANES, "finish"},
    "kind": {"page", "stage"},
    "quota": {*QUOTAS, "requests_per_minute"},
    "version": {__version__},
    "pipeline_version": {PIPELINE_VERSION},
}
"""Every value that a label may have, by label. Those of ``route`` are the templates of the app, and ``unmatched``."""


def test_nothing_that_a_caller_sends_becomes_a_label(service, tmp_path):
    odd = 'okapi|quagga"}'
    ask, url = service.client.request, "/v1/process/async"
    for method in ("OKAPI", "PROPFIND", "get", "OPTIONS", "DELETE"):
        ask(method, "/v1/jobs")
    for path in (
        "/okapi/1",
        "/okapi/2?x=3",
        "/v1/jobs/okapi/status",
        "/v1/jobs/%00/result",
        "/v1/batches/okapi",
        "//okapi",
        "/v1",
    ):
        ask("GET", path, headers={"X-Request-ID": "okapi", "Idempotency-Key": odd, "Accept": "okapi/okapi"})
    for name, content in {
        f"{odd}.okapi": b"okapi",
        "a.pdf": b"okapi",
        "a.okapi": b"%PDF-1.7 okapi",
        "empty": b"",
        "a.exe": b"MZ\0",
    }.items():
        ask("POST", url, files={"file": (name, content, "okapi/okapi")})
    for option in ("accuracy_mode", "output_format", "priority", "okapi", "page_range", "webhook_url"):
        ask("POST", url, files={"file": ("a.txt", b"okapi")}, data={option: odd})
    answer = ask("POST", url, files={"file": ("okapi.md", b"# okapi")}, data={"output_format": "html", "accuracy_mode": "fast"})
    assert service.ended(answer.json()["job_id"])["status"] == "completed"
    others = {"method": "OTHER", "route": "unmatched", "status": "405"}
    wait_until(lambda: value(service, "http_requests_total", **others) >= 2, 10, "all is counted")
    text = service.client.get("/v1/metrics").text
    assert "okapi" not in text
    assert "quagga" not in text
    rules = create_app(Settings(store=StoreSettings(data_dir=tmp_path))).url_map.iter_rules()
    routes = {re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule) for rule in rules} | {"unmatched"}
    allowed = {**BOUNDED, "route": routes}
    for _, labels in shown(text):
        for label, found in labels:
            assert label == "le" or found in allowed[label], (label, found)
    assert value(text, "file_size_bytes_count", type="markdown") == 1
    assert value(text, "jobs_created_total", mode="fast", format="html") == 1
    assert value(text, "http_errors_total", code="UNSUPPORTED_FORMAT") >= 1


def test_promtool_finds_nothing_to_say_of_the_metrics(service):
    text = service.client.get("/v1/metrics").text
    said = promtool("check", "metrics", stdin=text)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    body = service.client.get("/v1/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}).text
    assert [family.name for family in openmetrics(body)] == [f"docparse_{metric.name}" for metric in metrics.METRICS]


def test_what_waits_is_told_while_nobody_works(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        for _ in range(3):
            service.submit(paper)
        text = service.client.get("/v1/metrics").text
        assert (value(text, "jobs", state="queued"), value(text, "documents_waiting", lane="express")) == (3, 3)
        assert (value(text, "workers", state="busy"), value(text, "workers", state="idle")) == (0, 0)
        assert value(text, "oldest_queued_job_age_seconds") > 0


def test_requests_in_progress_are_told_while_they_last_and_expire_with_a_killed_web_worker(service, paper):
    job_id = service.submit(paper)
    assert service.ended(job_id)["status"] == "completed"
    wait_until(lambda: value(service, "http_requests_in_progress") == 0, 10, "every request has been answered")
    with socket.create_connection(("127.0.0.1", service.port)) as caller:
        caller.sendall(b"POST /v1/process/async HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n")
        caller.sendall(b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n")
        wait_until(lambda: value(service, "http_requests_in_progress") == 1, 10, "the upload is told")
    wait_until(lambda: value(service, "http_requests_in_progress") == 0, 10, "it is over")
