"""deploy/argo-rollouts: the steps of a canary, what is asked of a new version, and that it goes back by itself."""

from __future__ import annotations

import itertools
import json
import re

import pytest
import yaml

from document_parser.telemetry.metrics import METRICS
from tests.support.deploy_tools import FOLDER, checked, tool
from tests.support.renders import RENDERS, parsed
from tests.support.service import ROOT

ROLLOUTS = ROOT / "deploy" / "argo-rollouts"


def objects(name: str) -> dict[str, dict]:
    return {one["kind"]: one for one in yaml.safe_load_all((ROLLOUTS / f"{name}.yaml").read_text())}


def queries() -> dict[str, str]:
    """The query of each measure of the analysis."""
    metrics = objects("analysis")["AnalysisTemplate"]["spec"]["metrics"]
    return {metric["name"]: metric["provider"]["prometheus"]["query"] for metric in metrics}


def test_a_canary_takes_5_25_50_and_100_percent_and_is_watched_before_each_step():
    steps = objects("rollout")["Rollout"]["spec"]["strategy"]["canary"]["steps"]
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [5, 25, 50, 100]
    for before, step in itertools.pairwise(steps):
        if "setWeight" in step:
            assert before["analysis"]["templates"] == [{"templateName": "docparse-api"}]


@pytest.mark.parametrize("name", ["rollout", "blue-green"])
def test_a_version_that_fails_goes_back_by_itself(name):
    spec = objects(name)["Rollout"]["spec"]
    assert spec["progressDeadlineAbort"], "a version that never becomes ready"
    # A failed analysis aborts a Rollout; these measures fail at their second bad value.
    for metric in objects("analysis")["AnalysisTemplate"]["spec"]["metrics"]:
        assert metric["failureLimit"] < metric["count"], metric["name"]


@pytest.mark.parametrize("name", ["rollout", "blue-green"])
def test_a_rollout_runs_the_pods_of_the_chart(name):
    chart = {(one["kind"], one["metadata"]["name"]): one for one in parsed((RENDERS / "external-secrets.yaml").read_text())}
    found = objects(name)
    reference = found["Rollout"]["spec"]["workloadRef"]
    deployment = chart[reference["kind"], reference["name"]]
    assert deployment["spec"]["replicas"] == 0
    assert found["Rollout"]["metadata"]["name"] == deployment["metadata"]["name"]
    assert found["Service"]["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    scaled = chart["HorizontalPodAutoscaler", "docparse-api"]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Rollout", found["Rollout"]["metadata"]["name"])


def test_what_is_asked_of_a_version_are_metrics_that_the_service_has():
    ours = {f"docparse_{metric.name}" for metric in METRICS}
    named = {name for query in queries().values() for name in re.findall(r"\bdocparse_\w+", query)}
    assert len(named) == 3
    assert {re.sub("_(total|bucket)$", "", name) for name in named} <= ours
    labels = {f"docparse_{metric.name}": set(metric.labels) for metric in METRICS}
    for query in queries().values():
        # Every pod returns the numbers of all: a sum over the pods would count each request as often as there are pods.
        for grouped, name in re.findall(r"max by \(([^)]*)\) \(\s*rate\((docparse_\w+)", query):
            assert set(grouped.split(", ")) - {"le"} == labels[re.sub("_(total|bucket)$", "", name)]
        assert query.count("docparse_") == query.count("max by")
        # Probes and scrapes would hide a fault among their many answers.
        assert query.count('route!~"/v1/health.*|/v1/metrics') == query.count("docparse_http_")


def test_the_bounds_of_the_analysis_are_its_arguments():
    spec = objects("analysis")["AnalysisTemplate"]["spec"]
    given = {argument["name"] for argument in spec["args"]}
    text = json.dumps(spec["metrics"])
    assert set(re.findall(r"\{\{args\.([\w-]+)\}\}", text)) == given
    for metric in spec["metrics"]:
        assert "{{args." in metric["successCondition"], metric["name"]


def test_rollouts_fit_the_schemas_of_their_definitions():
    if not (FOLDER / "npm" / "node_modules").is_dir():
        pytest.skip("no schemas of custom resources here; make test-deploy brings them")
    read = [one for path in ROLLOUTS.glob("*.yaml") for one in yaml.safe_load_all(path.read_text())]
    custom = [one for one in read if one["apiVersion"].startswith("argoproj.io")]
    assert len(custom) == 3
    script = ROOT / "tests" / "support" / "custom_resources.mjs"
    assert checked(tool("node"), script, FOLDER / "npm", stdin=json.dumps(custom)) == ""
