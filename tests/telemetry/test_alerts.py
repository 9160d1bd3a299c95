"""The alerts: every one is explained, tested on made-up numbers, and the causes that can be planted make a real one fire."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from rq.job import Job
from rq.serializers import JSONSerializer

from document_parser.accounts.database import Database
from document_parser.balancing.breaker import Thresholds, record_fault
from document_parser.jobs import queue
from document_parser.jobs.records import record
from document_parser.jobs.records.ledger import Claim, Ledger
from document_parser.jobs.redis.breakers import RedisBreakers
from document_parser.jobs.redis.connection import connect
from document_parser.jobs.webhooks.outbox import Outbox
from document_parser.models import Attempt, JobState, Page, PageWarning, Webhook
from document_parser.settings import (
    AccountSettings,
    DeepSeekSettings,
    EngineSettings,
    NanonetsSettings,
    Settings,
    StoreSettings,
)
from document_parser.storage import LocalStorage
from document_parser.supervisor.valkey import EmbeddedValkey
from document_parser.telemetry import metrics
from document_parser.workers import measure
from document_parser.workers.pool import make_worker
from document_parser.workers.sweep import Sweep
from tests.support import promql
from tests.support.dashboards import BOARDS, queries
from tests.support.ledger_jobs import add_ready_job, card_with_webhook, make_card, mark_dead
from tests.support.nvml import PreparedGpu, PreparedNvml
from tests.support.prometheus import DEPLOY, Prometheus, promtool, run
from tests.support.service import NOBODY, ROOT, Service, free_port, wait_until
from tests.support.vllm_server import ModelServer, served_from_thread

RULES = [rule for group in yaml.safe_load((DEPLOY / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^### (Docparse\w+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


# --- the files


def test_every_alert_has_its_section_in_the_runbook_and_no_section_is_without_an_alert():
    assert SECTIONS.keys() == ALERTS.keys()
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        for part in ("**Means.**", "**See.**", "**Do.**"):
            assert part in SECTIONS[name], (name, part)


def test_every_alert_says_what_is_wrong_and_how_urgent_it_is():
    for name, rule in ALERTS.items():
        assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"}), name
        assert rule["annotations"].keys() == {"summary", "runbook_url"}, name
        assert rule["annotations"]["summary"].endswith("."), name


def test_rules_name_only_series_and_labels_that_the_service_has():
    for rule in RULES:
        assert promql.wrong_names(rule["expr"]) == [], rule
        assert promql.recorded_of(rule["expr"]) <= RECORDED, rule


def test_queries_of_the_docs_name_only_what_there_is():
    for name in ("runbook", "slo", "observability"):
        text = (ROOT / "docs" / f"{name}.md").read_text()
        assert promql.series_of(text) <= promql.SERIES.keys() | {metric.shown_name for metric in metrics.METRICS}
        assert promql.recorded_of(text) <= RECORDED
        assert set(re.findall(r"\bDocparse[A-Z]\w+", text)) <= ALERTS.keys()


def test_every_alert_fires_in_the_unit_tests():
    assert set(re.findall(r'alertname="(\w+)"', (DEPLOY / "rules_test.yaml").read_text())) == ALERTS.keys()


def test_the_cause_of_every_alert_is_planted_below():
    below = Path(__file__).read_text().partition("# --- a real " + "service")[2]
    waited_for = set(re.findall(r'"(Docparse\w+)"', "".join(re.findall(r"planted\.wait_for\(([^)]*)\)", below))))
    assert waited_for == ALERTS.keys()


def test_promtool_runs_the_unit_tests_of_the_rules():
    said = promtool("test", "rules", DEPLOY / "rules_test.yaml")
    assert said.returncode == 0, said.stdout + said.stderr


def test_promtool_accepts_rules_and_configuration():
    for arguments in (("check", "rules", DEPLOY / "rules.yaml"), ("check", "config", DEPLOY / "prometheus.yaml")):
        said = promtool(*arguments)
        assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=DocparseNoWorkers severity=critical", "pagerduty,slack,mail"),
        ("alertname=DocparseDiskLow severity=warning", "slack,mail"),
        ("alertname=SomethingElse", "mail"),
    ],
)
def test_amtool_accepts_the_configuration_and_routes_by_severity(labels, receivers):
    config = DEPLOY / "alertmanager.yaml"
    assert run("amtool", "check-config", config).returncode == 0
    said = run("amtool", "config", "routes", "test", f"--config.file={config}", *labels.split())
    assert said.stdout.strip() == receivers, said.stderr


def test_alertmanager_reads_secrets_from_files_and_hushes_only_alerts_that_exist():
    text = (DEPLOY / "alertmanager.yaml").read_text()
    assert not re.search(
        r"^\s*(slack_api_url|routing_key|service_key|smtp_auth_password|api_url|password):", text, re.MULTILINE
    )
    rules = yaml.safe_load(text)["inhibit_rules"]
    for matcher in (one for rule in rules for side in ("source_matchers", "target_matchers") for one in rule[side]):
        for pattern in matcher.split('"')[1].split("|"):
            assert any(re.fullmatch(pattern, name) for name in ALERTS), pattern


# --- a real service


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A folder for a service's files: a file system of its own where that can be made."""
    folder = tmp_path_factory.mktemp("disk")
    made = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(folder)], capture_output=True).returncode == 0
    )
    yield folder
    if made:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def planted(tmp_path_factory, small_disk):
    """An API process without workers, its Redis, and Prometheus with the rules. The disk counts as full."""
    folder = tmp_path_factory.mktemp("alerts")
    settings = Settings(
        store=StoreSettings(data_dir=folder / "redis", redis_url=""),
        engines=EngineSettings(inference_mode="vllm"),
        deepseek=DeepSeekSettings(url=NOBODY),
        nanonets=NanonetsSettings(url=NOBODY),
        accounts=AccountSettings(database_url=f"postgresql://nobody@127.0.0.1:{free_port()}/none"),
    )
    valkey = EmbeddedValkey(settings)
    wait_until(valkey.ensure, 30, "Valkey answers")
    settings = settings.model_copy(update={"store": settings.store.model_copy(update={"redis_url": settings.redis_url})})
    redis = connect(settings)
    running = Service(small_disk / "service", NUM_WORKERS=0, WEB_WORKERS=1, REDIS_URL=settings.redis_url, MIN_FREE_MB=10**9)
    try:
        with running as service, Prometheus(folder / "prometheus", service.port) as prometheus:
            wait_until(lambda: prometheus.ask("docparse:workers:sum"), 20, "the service is scraped")
            yield Planted(settings, redis, valkey, service, prometheus)
    finally:
        redis.close()
        valkey.stop()


class Planted:
    """What the tests of alerts plant causes in."""

    def __init__(self, settings, redis, valkey, service, prometheus):
        self.settings, self.redis, self.valkey, self.service, self.prometheus = settings, redis, valkey, service, prometheus
        self.ledger = Ledger(redis, settings)

    def wait_for(self, *names: str) -> None:
        """Wait until the conditions of these alerts hold."""
        wait_until(lambda: set(names) <= self.prometheus.alerts(), 20, f"{names} among {self.prometheus.alerts()}", pause=0.3)

    def wait_for_scrape(self, expression: str) -> None:
        """Wait until Prometheus knows that this holds."""
        wait_until(lambda: self.prometheus.ask(expression), 20, expression, pause=0.3)


def test_no_workers_and_a_disk_that_refuses_uploads(planted, paper):
    planted.wait_for("DocparseNoWorkers", "DocparseDiskFull")
    assert planted.prometheus.alerts() <= {"DocparseNoWorkers", "DocparseDiskFull", "DocparseDiskLow"}, (
        "and nothing else is wrong"
    )


def test_a_disk_that_is_nearly_full(planted, small_disk):
    if not small_disk.is_mount():
        pytest.skip("no file system can be mounted here; promtool tests the rule")
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filling").write_bytes(b"x" * int(0.95 * free))
    planted.wait_for("DocparseDiskLow")
    (small_disk / "filling").unlink()


def test_uploads_that_wait_for_a_slow_redis(planted, paper):
    def send(_):
        with paper.open("rb") as stream:
            return planted.service.client.post("/v1/process/async", files={"file": stream}).status_code

    send(0)
    planted.wait_for_scrape('docparse_http_request_duration_seconds_count{route="/v1/process/async"}')
    planted.redis.execute_command("CLIENT", "PAUSE", 3000, "ALL")
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(4))) == {507}
    planted.wait_for("DocparseSlowUploads")


def test_refused_uploads_are_a_rate_of_errors_and_burn_the_budget(planted, paper):
    def send(times):
        for _ in range(times):
            with paper.open("rb") as stream:
                assert planted.service.client.post("/v1/process/async", files={"file": stream}).status_code == 507

    send(1)
    planted.wait_for_scrape('docparse_http_requests_total{status="507"}')
    send(40)
    planted.wait_for("DocparseErrorRate", "DocparseErrorBudgetBurnsFast", "DocparseErrorBudgetBurnsSlowly")


def test_documents_that_nobody_reads_are_old_and_build_up(planted):
    old = datetime.now(UTC) - timedelta(hours=1)
    queue.submit(planted.redis, planted.settings, make_card(str(uuid.uuid4()), lane="normal", created_at=old), None)
    planted.wait_for("DocparseQueueTooOld")
    add_ready_job(planted.ledger, planted.redis, 950, str(uuid.uuid4()))
    planted.wait_for_scrape("docparse:work_seconds:sum > 900")
    add_ready_job(planted.ledger, planted.redis, 100, str(uuid.uuid4()), owner="acme")
    planted.wait_for("DocparseQueueBuildsUp", "DocparseBacklogBurn")


def test_workers_that_go_away_while_work_waits_and_tasks_of_another_program(planted):
    names = [f"worker-{number}" for number in range(3)]
    workers = [make_worker(planted.settings, planted.redis, prefers_pages=True, is_alone=False) for _ in names]
    for worker in workers:
        worker.register_birth()
        worker.heartbeat()
    planted.wait_for_scrape("docparse:workers:sum == 3")
    for worker in workers[1:]:
        worker.register_death()
    planted.wait_for("DocparseFewWorkers")
    for _ in range(2):
        foreign = Job.create("os.getcwd", connection=planted.redis, serializer=JSONSerializer)
        workers[0].execute_job(foreign, workers[0].queues[0])
        planted.wait_for_scrape("docparse_foreign_tasks_total > 0")
    planted.wait_for("DocparseForeignTasks")
    workers[0].register_death()


def test_processes_that_die_while_they_read(planted):
    planted.ledger.heartbeat("reader", [])
    claims = [planted.ledger.claim("reader", empty_handed=number == 0) for number in range(8)]
    assert all(isinstance(claim, Claim) for claim in claims)
    mark_dead(planted.redis, "reader")
    Sweep(planted.settings, planted.redis, LocalStorage(planted.service.data_dir), "test").release_dead_claims()
    planted.wait_for("DocparseProcessesDie")


def test_a_redis_that_is_nearly_full_of_connections_and_of_data(planted):
    found = planted.redis.info()
    planted.redis.config_set("maxclients", int(found["connected_clients"] * 1.1) + 1)
    planted.redis.config_set("maxmemory", int(found["used_memory"] * 1.05))
    planted.wait_for("DocparseRedisConnections", "DocparseRedisMemory")
    planted.redis.config_set("maxclients", found["maxclients"])
    planted.redis.config_set("maxmemory", found["maxmemory"])


def test_a_webhook_that_was_given_up(planted):
    card = card_with_webhook("http://hooks.test/")
    record.create(planted.redis, card, None)
    assert planted.ledger.end(card.job_id, JobState.CANCELLED) == "ok"
    assert Outbox(planted.redis).complete_delivery(card.job_id, Webhook(state="failed", attempts=7), 3000)
    planted.wait_for("DocparseDeadWebhooks")


def test_a_model_server_that_fails_and_its_breaker(planted):
    board, thresholds = RedisBreakers(planted.redis), Thresholds(faults=1, pause_seconds=600, probe_seconds=60)
    board.change("deepseek http://model.test/v1", record_fault(thresholds))
    planted.wait_for("DocparseBreakerOpen")
    broken = Attempt(engine="deepseek", outcome="error", code="ENGINE_ERROR")
    job_id, pages = str(uuid.uuid4()), 21
    record.create(planted.redis, make_card(job_id, owner="broken"), None)
    planted.ledger.heartbeat("planner", [])
    assert planted.ledger.claim_stage(job_id, "plan", "planner", alone=True)
    planted.ledger.create_entries(job_id, pages, range(1, pages + 1))
    for number in range(1, pages + 1):
        claim = planted.ledger.claim_planned_page(job_id, number, "planner")
        error = {"code": "PAGE_UNREADABLE", "message": ""}
        planted.ledger.finish(claim, Page(number=number, status="failed", attempts=[broken], error=error))
        if number == 1:
            planted.wait_for_scrape('docparse_pages_total{outcome="failed"}')
    planted.wait_for("DocparsePagesFail", "DocparseModelServerFails")


def test_models_whose_pages_another_engine_reads(planted):
    silent = Attempt(engine="nanonets", outcome="rejected", guard="empty")
    warning = PageWarning(code="engine_fallback", message="")
    job_id, pages = str(uuid.uuid4()), 80
    planted.ledger.heartbeat("planner", [])
    record.create(planted.redis, make_card(job_id, owner="silent"), None)
    assert planted.ledger.claim_stage(job_id, "plan", "planner", alone=True)
    planted.ledger.create_entries(job_id, pages, range(1, pages + 1))
    for number in range(1, pages + 1):
        claim = planted.ledger.claim_planned_page(job_id, number, "planner")
        page = Page(number=number, engine="rapidocr", attempts=[silent], warnings=[warning])
        planted.ledger.finish(claim, page)
        if number == 1:
            planted.wait_for_scrape('docparse_guard_rejections_total{engine="nanonets"}')
    planted.wait_for("DocparseNoAnswers", "DocparseReadsWithoutModels")


def test_a_model_server_that_went_away_and_a_lost_database(planted):
    with served_from_thread(ModelServer()) as server:
        settings = planted.settings.model_copy(update={"deepseek": DeepSeekSettings(url=server.url)})
        measure.report_shared_parts(settings, planted.redis, Database(settings))
        planted.wait_for_scrape("docparse_model_server_up == 1")
        planted.prometheus.ask_model_server_too(server.url)
        planted.wait_for_scrape('up{job="vllm"} == 1')
        assert not {"DocparseModelServerDown", "DocparseModelMetricsLost"} & planted.prometheus.alerts()
    measure.report_shared_parts(settings, planted.redis, Database(settings))
    planted.wait_for("DocparseModelServerDown", "DocparseModelMetricsLost", "DocparseDatabaseLost")


def test_gpus_that_are_busy_and_full(planted):
    measure.report_gpus(planted.redis, PreparedNvml([PreparedGpu(99, 80 << 30)]))
    planted.wait_for("DocparseGpuBusy", "DocparseGpuMemoryFull")


def test_every_query_of_the_dashboards_is_answered(planted):
    answered = {query: planted.prometheus.ask(query) for board in BOARDS.values() for query in queries(board)}
    silent = [query for query, found in answered.items() if not found]
    assert len(silent) < len(answered) / 2, "most find something, in a service in which nothing was read"


def test_a_redis_that_is_lost(planted):
    """Redis does not come back."""
    planted.valkey.stop()
    planted.wait_for("DocparseRedisLost")
    wait_until(lambda: "DocparseNoWorkers" not in planted.prometheus.alerts(), 20, "of what nobody knows, nobody is told")


def test_an_api_that_is_gone(planted):
    """The last test: the service does not come back."""
    planted.service.stop()
    planted.wait_for("DocparseDown")
