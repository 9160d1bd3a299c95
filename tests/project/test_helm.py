"""deploy/helm/docparse: what the chart renders for six kinds of sites, and what its schema refuses.

``tests/project/renders`` holds what helm made of the files in ``ci``, so that most of these tests need no helm. Where there is
one (``make test-deploy``), the renders are compared with what it makes of them now; ``python -m tests.support.renders`` writes
them anew.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Iterator

import pytest
import yaml

import document_parser
from document_parser.cli.models import SERVER_PROFILES, server_command
from document_parser.jobs.scheduling.lanes import LANES
from document_parser.settings import EngineSettings, Settings, StoreSettings, VlmSettings, environment_fields
from tests.support.deploy_tools import FOLDER, checked, tool
from tests.support.renders import CHART, RENDERS, SITES, parsed, rendered
from tests.support.service import ROOT

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
POD_KINDS = ("Deployment", "StatefulSet", "Job")
KUBERNETES = ("1.30.0", "1.36.0")
OF_AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
"""What boto3 reads beside our settings."""


@functools.cache
def objects(site: str) -> list[dict]:
    """What the chart renders for a site, as it is kept."""
    return parsed((RENDERS / f"{site}.yaml").read_text())


def pods(site: str) -> Iterator[tuple[str, dict]]:
    """The name and the pod of each object that has one."""
    for one in objects(site):
        if one["kind"] in POD_KINDS:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def of_kind(site: str, kind: str) -> dict[str, dict]:
    return {one["metadata"]["name"]: one for one in objects(site) if one["kind"] == kind}


def refused(*options: str) -> str:
    """What helm says about values that the schema refuses."""
    command = [tool("helm"), "template", "docparse", CHART, "-f", CHART / "ci" / "trial.yaml", *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode != 0, "it was rendered"
    return ran.stderr


def test_the_chart_names_this_version_and_six_sites_are_kept():
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == document_parser.__version__
    assert len(SITES) == 6
    assert sorted(SITES) == sorted(path.stem for path in RENDERS.glob("*.yaml"))


@pytest.mark.parametrize("site", SITES)
def test_helm_renders_what_is_kept(site):
    checked(tool("helm"), "lint", "--strict", CHART, "-f", CHART / "ci" / f"{site}.yaml")
    assert rendered(site) == objects(site), "python -m tests.support.renders writes them anew, if this is meant"


@pytest.mark.parametrize("version", KUBERNETES)
def test_renders_fit_the_schemas_of_kubernetes(version):
    if not (FOLDER / "python" / "kubernetes_validate").is_dir():
        pytest.skip("no schemas of Kubernetes here; make test-deploy brings them")
    command = [FOLDER / "python/bin/kubernetes-validate", "--strict", "-k", version, *RENDERS.glob("*.yaml")]
    told = subprocess.run(command, env={"PYTHONPATH": str(FOLDER / "python")}, capture_output=True, text=True, check=False)
    lines = (told.stdout + told.stderr).splitlines()
    assert sum(line.startswith("INFO") for line in lines) >= 80
    assert [line for line in lines if not line.startswith("INFO") and "Couldn't find schema" not in line] == []


def test_renders_fit_the_schemas_of_custom_resources():
    if not (FOLDER / "npm" / "node_modules").is_dir():
        pytest.skip("no schemas of custom resources here; make test-deploy brings them")
    groups = ("keda.sh", "monitoring.coreos.com", "external-secrets.io")
    custom = [one for site in SITES for one in objects(site) if one["apiVersion"].split("/")[0] in groups]
    assert len({one["kind"] for one in custom}) == 4
    script = ROOT / "tests" / "support" / "custom_resources.mjs"
    assert checked(tool("node"), script, FOLDER / "npm", stdin=json.dumps(custom)) == ""


@pytest.mark.parametrize("site", SITES)
def test_no_container_has_rights_that_it_does_not_need_and_each_is_bounded_and_watched(site):
    for name, pod in pods(site):
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert not any("hostPath" in volume for volume in pod["volumes"]), name
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }, name  # fmt: skip
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
        assert "memory" in container["resources"]["limits"], name
        assert not container["image"].endswith(":latest"), name
        assert ":" in container["image"], name
        if not name.endswith("-migrate"):
            assert "livenessProbe" in container, name


@pytest.mark.parametrize("site", SITES)
def test_probes_are_our_live_and_ready_and_a_pod_has_longer_to_stop_than_its_pages(site):
    drain = float(of_kind(site, "ConfigMap")["docparse"]["data"]["DRAIN_SECONDS"])
    for name, pod in pods(site):
        (container,) = pod["containers"]
        if container["name"] == "api":
            assert container["readinessProbe"]["httpGet"]["path"] == "/v1/health/ready"
            assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"]
            assert container["livenessProbe"]["httpGet"]["path"] == "/v1/health/live"
            before = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
            assert 0 < before < before + 2 * drain < pod["terminationGracePeriodSeconds"], name
        elif container["name"] == "worker":
            assert container["livenessProbe"]["exec"]["command"][-1] == "document_parser.cli.worker_alive"
            assert 2 * drain < pod["terminationGracePeriodSeconds"], name


@pytest.mark.parametrize("site", SITES)
def test_pods_get_settings_that_exist_and_secrets_only_from_a_secret(site):
    known = {setting for _, setting, _ in environment_fields()} | OF_AWS
    given = set(of_kind(site, "ConfigMap")["docparse"]["data"])
    for _, pod in pods(site):
        for container in pod["containers"]:
            if container["name"] in ("api", "worker", "migrate"):
                given |= {one["name"] for one in container.get("env", [])}
    assert given - {"REDIS_PASSWORD", "POSTGRES_PASSWORD"} <= known
    for secret in of_kind(site, "Secret").values():
        rest = [one for one in objects(site) if one is not secret and one["kind"] != "Secret"]
        for key, value in secret["stringData"].items():
            if len(value) > len("postgres"):
                assert value not in json.dumps(rest), key


def test_traces_are_switched_on_by_settings_that_all_pods_of_the_program_have():
    given = of_kind("production", "ConfigMap")["docparse"]["data"]
    assert (given["OTEL_TRACES_EXPORTER"], given["OTEL_EXPORTER_OTLP_ENDPOINT"][-5:]) == ("otlp", ":4318")
    for name, pod in pods("production"):
        assert {"configMapRef": {"name": "docparse"}} in pod["containers"][0]["envFrom"], name


def test_settings_of_the_values_exist():
    known = {setting for _, setting, _ in environment_fields()}
    assert VALUES["settings"].keys() <= known
    for pool in VALUES["workers"].values():
        assert pool["settings"].keys() <= known


@pytest.mark.parametrize("site", SITES)
def test_no_pods_are_scaled_by_two_and_what_is_scaled_names_no_number(site):
    scaled = [one["spec"]["scaleTargetRef"]["name"] for kind in ("HorizontalPodAutoscaler", "ScaledObject")
              for one in of_kind(site, kind).values()]  # fmt: skip
    assert len(scaled) == len(set(scaled))
    for name, one in of_kind(site, "Deployment").items():
        assert ("replicas" not in one["spec"]) == (name in scaled) or one["spec"]["replicas"] == 0, name


@pytest.mark.parametrize("site", ["gpu", "metrics-api"])
def test_pools_are_scaled_by_the_seconds_of_work_of_every_lane(site):
    found = of_kind(site, "ScaledObject")
    assert found
    for one in found.values():
        assert {trigger["name"] for trigger in one["spec"]["triggers"]} == set(LANES)
        for trigger in one["spec"]["triggers"]:
            asked = trigger["metadata"].get("query") or trigger["metadata"]["valueLocation"]
            assert f'docparse_work_seconds{{lane="{trigger["name"]}"' in asked
            # Twice the seconds aimed at want twice the pods there are.
            assert trigger["metricType"] == "Value"
    if site == "gpu":
        zero = {name for name, one in found.items() if one["spec"]["minReplicaCount"] == 0}
        assert zero == {"docparse-worker-gpu", "docparse-vllm-deepseek", "docparse-vllm-nanonets"}


@pytest.mark.parametrize("model", ["deepseek", "nanonets"])
def test_model_servers_have_the_flags_that_docparse_models_prints_and_a_gpu_of_their_own(model):
    line = server_command(Settings(engines=EngineSettings(), store=StoreSettings()), model)
    line[line.index("--host") + 1] = "0.0.0.0"
    server = dict(pods("gpu"))[f"docparse-vllm-{model}"]["containers"][0]
    share = server["args"].index("--gpu-memory-utilization") + 1
    assert server["args"][share] == "0.90", "the GPU is its own"
    line[line.index("--gpu-memory-utilization") + 1] = "0.90"
    assert sorted(server["command"] + server["args"]) == sorted(line)
    assert server["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_third_model_has_the_flags_that_docparse_models_prints():
    server = VALUES["vllm"]["servers"]["vlm"]
    own = VlmSettings(url=f"http://127.0.0.1:{server['port']}/v1", model=server["model"], grammar="chandra")
    line = server_command(Settings(engines=EngineSettings(), store=StoreSettings(), vlm=own), "vlm")
    assert line[line.index("--dtype") : line.index("--host")] + line[line.index("--gpu-memory-utilization") :] == server["args"]


def test_prometheus_finds_the_jobs_that_the_rules_know_and_shows_that_it_may():
    api, *models = of_kind("gpu", "ServiceMonitor").values()
    services = of_kind("gpu", "Service")
    assert services["docparse-api"]["metadata"]["labels"][api["spec"]["jobLabel"]] == "docparse"
    assert api["spec"]["endpoints"][0]["authorization"]["credentials"]["key"] == "ADMIN_TOKEN"
    for one in models:
        relabelings = {step["targetLabel"]: step["replacement"] for step in one["spec"]["endpoints"][0]["relabelings"]}
        assert relabelings["job"] == "vllm"
        assert relabelings["engine"] in SERVER_PROFILES


def test_the_command_of_the_docs_makes_rules_for_the_prometheus_operator():
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    (command,) = re.findall(r"^\$ (.*kind: PrometheusRule.*) \| kubectl .*$", page, re.MULTILINE)
    made = yaml.safe_load(checked("bash", "-c", command))
    assert made["kind"] == "PrometheusRule"
    assert made["spec"] == yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yaml").read_text())


def test_migrations_run_before_an_upgrade_and_after_an_installation():
    (job,) = of_kind("production", "Job").values()
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["docparse", "db", "upgrade"]
    assert of_kind("metrics-api", "Job") == {}


def test_pods_are_reached_by_nobody_but_those_that_must():
    policies = of_kind("gpu", "NetworkPolicy")
    assert policies["docparse"]["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "docparse", "app.kubernetes.io/instance": "docparse"}},
        "policyTypes": ["Ingress"],
    }
    assert policies["docparse-vllm-deepseek"]["spec"]["egress"] == []
    assert of_kind("local-storage", "NetworkPolicy") == {}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--set", "workers.cpu.autoscaling.by=both"], "/workers/cpu/autoscaling/by"),
        (["--set", "api.autoscaling.by=keda"], "/api/autoscaling/by"),
        (["--set", "vllm.servers.deepseek.autoscaling.by=hpa"], "/vllm/servers/deepseek/autoscaling"),
        (["--set", "workers.cpu.autoscaling.by=hpa", "--set", "workers.cpu.autoscaling.min=0"], "minimum"),
        (["--set", "storage.kind=local"], "/api/replicas"),
        (["--set", "secrets.existingSecret=mine"], "/secrets/values"),
        (["--set", "redis.internal=false"], "REDIS_URL"),
        (["--set", "api.replica=3"], "replica"),
        (["--set", "settings.DRAIN_SECONDS=long"], "DRAIN_SECONDS"),
        (["--set", "workers.cpu.image=latest"], "/workers/cpu/image"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value[-1],
)
def test_the_schema_refuses_what_would_not_work_and_names_it(options, says):
    assert says in refused(*options)


def test_the_schema_knows_every_value_and_no_other():
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"].keys() - {"global"} == VALUES.keys()
    for section in ("api", "keda", "vllm", "redis", "networkPolicy", "serviceMonitor", "ingress"):
        assert schema["properties"][section]["properties"].keys() == VALUES[section].keys(), section
