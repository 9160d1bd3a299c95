"""The dashboards: every query asks for what the service shows, and Grafana loads them where there is one."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
import yaml
from playwright.sync_api import expect
from prometheus_client.parser import text_string_to_metric_families as parsed

from document_parser.jobs.redis import counters
from document_parser.telemetry import metrics
from tests.support import promql, vllm_wire
from tests.support.browser import DESKTOP, browser, found_browser, screenshots
from tests.support.dashboards import BOARDS, FOLDER, panels, queries
from tests.support.grafana import running_grafana
from tests.support.prometheus import DEPLOY, Prometheus, promtool
from tests.support.service import Service, wait_until

RECORDED = set(re.findall(r"record: (\S+)", (DEPLOY / "rules.yaml").read_text()))
OF_VLLM = set(re.findall(r"^(vllm:\w+)", vllm_wire.metrics("m", 0, 0, 0, {}), re.MULTILINE))
"""Metrics that the simulated server has, which is held to the real one."""


def test_the_four_dashboards_are_there_with_names_of_their_own():
    assert BOARDS.keys() == {"service", "queue", "engines", "business"}
    for name, board in BOARDS.items():
        assert board["uid"] == f"docparse-{name}"
        assert len({panel["title"] for panel in panels(board)}) == len(panels(board)), name
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]), name


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap_and_ask_the_datasource_that_is_chosen(name):
    for panel in panels(BOARDS[name]):
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
    for one, other in combinations([panel["gridPos"] for panel in BOARDS[name]["panels"]], 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in BOARDS[name]["panels"])


@pytest.mark.parametrize("name", BOARDS)
def test_queries_name_only_series_and_labels_that_the_service_has(name):
    for query in queries(BOARDS[name]):
        assert promql.wrong_names(query) == [], query
        assert promql.recorded_of(query) <= RECORDED, query
        assert set(re.findall(r"vllm:\w+", query)) <= OF_VLLM, query


def test_series_and_labels_are_those_that_the_route_shows(app, redis, tmp_path):
    """What queries are held to is what is scraped: every metric, once something was counted of it."""
    (tmp_path / "data").mkdir(mode=0o700)
    names = {metric.name: metrics.sample_name(metric.name, *metric.labels) for metric in metrics.METRICS}
    counted = {names[metric.name]: 1 for metric in metrics.METRICS if metric.kind == "counter"}
    for metric in metrics.METRICS:
        if metric.kind == "histogram":
            counted |= metrics.observation(metric.name, 1, *metric.labels)
    counters.add(redis, counted)
    reported = [names[name] for name in names if name.startswith(("gpu_", "model_server", "database_up", "model_requests"))]
    counters.report(redis, "a process", dict.fromkeys(reported, 1), 30)
    shown = {
        sample.name: set(sample.labels)
        for family in parsed(app().get("/v1/metrics").text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert shown == {name: set(labels) for name, labels in promql.SERIES.items()}


def test_every_metric_of_the_service_is_on_a_dashboard_or_in_a_rule():
    used = set().union(*(promql.series_of(query) for board in BOARDS.values() for query in queries(board)))
    used |= promql.series_of((DEPLOY / "rules.yaml").read_text())
    parts = re.compile(r"_(bucket|count|sum)$")
    missing = {metric.shown_name for metric in metrics.METRICS} - used - {parts.sub("", name) for name in used}
    assert missing == {"docparse_build_info"}


def test_prometheus_understands_every_query(tmp_path):
    rules = [{"record": "a:query", "expr": query} for board in BOARDS.values() for query in queries(board)]
    groups = [{"name": f"query {number}", "rules": [rule]} for number, rule in enumerate(rules)]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": groups}))
    said = promtool("check", "rules", "--lint=none", tmp_path / "queries.yaml")
    assert said.returncode == 0, said.stdout + said.stderr


def test_provisioning_names_the_dashboards_folder_and_a_datasource():
    (source,) = yaml.safe_load((FOLDER / "provisioning/datasources/docparse.yaml").read_text())["datasources"]
    assert (source["type"], source["isDefault"], source["url"]) == ("prometheus", True, "${PROMETHEUS_URL}")
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/docparse.yaml").read_text())["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "${DOCPARSE_DASHBOARDS}")


def test_grafana_loads_the_dashboards(tmp_path):
    with running_grafana(tmp_path, "http://127.0.0.1:9") as client:
        for board in BOARDS.values():
            found = client.get(f"/api/dashboards/uid/{board['uid']}").json()["dashboard"]
            assert [panel["title"] for panel in found["panels"]] == [panel["title"] for panel in board["panels"]]


def test_grafana_shows_what_a_real_run_did(tmp_path, paper):
    """With GRAFANA_HOME; SCREENSHOTS names the folder that gets a picture of each dashboard."""
    path = found_browser()
    if path is None:
        pytest.skip("no Chromium here")
    with (
        Service(tmp_path / "service") as service,
        Prometheus(tmp_path / "prometheus", service.port) as prometheus,
        running_grafana(tmp_path / "grafana", f"http://127.0.0.1:{prometheus.port}") as client,
        browser(path) as running,
    ):
        for _ in range(20):
            assert service.ended(service.submit(paper))["status"] == "completed"
        wait_until(lambda: prometheus.ask("sum(docparse_jobs_ended_total) >= 20"), 30, "the jobs are scraped")
        page = running.new_page(viewport=DESKTOP)
        for name, board in BOARDS.items():
            page.goto(f"{client.base_url}/d/{board['uid']}?from=now-5m&to=now&kiosk")
            page.wait_for_load_state("networkidle")
            expect(page.get_by_text(panels(board)[0]["title"])).to_be_visible()
            if (folder := screenshots()) is not None:
                page.screenshot(path=folder / f"dashboard-{name}.png", full_page=True)
