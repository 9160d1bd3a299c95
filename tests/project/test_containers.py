"""deploy/docker: what the images are made of, and that the compose files start them with the settings there are."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from packaging.requirements import Requirement

from document_parser.cli.models import server_command
from document_parser.settings import EngineSettings, Settings, StoreSettings, environment_fields
from tests.support.debian_root import DebianRoot, why_no_debian
from tests.support.deploy_tools import checked, compose, tool, why_no_docker
from tests.support.service import ROOT, Service, free_port
from tests.support.valkey import valkey_server

DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
FILES = ("compose.cpu.yaml", "compose.gpu.yaml")
ALIVE = [sys.executable, "-m", "document_parser.cli.worker_alive"]
SECRETS = {
    name: f"{name.lower()}-of-this-test" for name in re.findall(r"^([A-Z0-9_]+)=", (DOCKER / "env.example").read_text(), re.M)
}


def stages() -> dict[str, str]:
    """Each stage of the Dockerfile by name."""
    parts = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def services(name: str) -> dict[str, dict]:
    """The services of a compose file, as Docker Compose puts them together with all profiles."""
    text = checked(*compose(), "-f", DOCKER / name, "--profile", "*", "config", "--format", "json", **SECRETS)
    return json.loads(text)["services"]


def test_the_layer_of_requirements_holds_what_the_program_and_every_extra_that_a_setting_asks_for_need():
    extras = re.search(r"^ARG EXTRAS=(.*)$", DOCKERFILE, re.MULTILINE)[1]
    assert set(extras.split(",")) >= {"s3", "db", "nvml", "otel", "sentry"}
    printed = checked(sys.executable, ROOT / "deploy/docker/requirements.py", extras).splitlines()
    wanted = []
    for text in importlib.metadata.requires("document-parser"):
        needed = Requirement(text)
        marker = str(needed.marker or "")
        if "extra" not in marker or any(f'extra == "{name}"' in marker for name in extras.split(",")):
            wanted.append((needed.name, needed.specifier))
    assert sorted((Requirement(line).name, str(Requirement(line).specifier)) for line in printed) == sorted(
        (name, str(specifier)) for name, specifier in wanted
    )


def test_every_image_runs_as_a_user_without_rights_and_says_whether_it_is_alive():
    found = stages()
    assert found.keys() == {"build", "runtime", "worker", "worker-ocr", "api"}
    for name in ("worker", "worker-ocr", "api"):
        base = found["runtime"] + (found["worker"] if name == "worker-ocr" else "") + found[name]
        assert re.findall(r"^USER (\S+)$", base, re.MULTILINE)[-1] == "10001:10001", name
        assert "HEALTHCHECK" in base, name
        assert not re.search(r"python3-venv|python3-dev|build-essential|pip install", base), name
    assert "pip uninstall --yes pip" in found["build"]


def test_the_context_holds_what_the_images_copy_and_nothing_else():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert ignored[1] == "*", "the first rule leaves everything out"
    assert copied == let_in


def test_the_dockerfile_is_clean_to_its_linter():
    assert checked(tool("hadolint"), "--no-color", DOCKER / "Dockerfile") == ""


@pytest.mark.parametrize("name", FILES)
def test_compose_puts_the_files_together_and_containers_may_write_only_to_their_volumes(name):
    found = services(name)
    known = {setting for _, setting, _ in environment_fields()} | {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"
    }  # fmt: skip
    for service in ("api", "worker", "migrate"):
        assert found[service]["environment"].keys() <= known, service
        assert found[service]["environment"]["AUTH_MODE"] == "required"
        assert found[service]["read_only"]
        assert found[service]["cap_drop"] == ["ALL"]
    assert {port["host_ip"] for service in found.values() for port in service.get("ports", [])} == {"127.0.0.1"}
    # Beside the images of the program, every image has its version.
    others = [one["image"] for one in found.values() if not one["image"].startswith("document-parser-")]
    assert [image for image in others if image.endswith(":latest")] == []
    drain = float(found["worker"]["environment"]["DRAIN_SECONDS"])
    assert found["worker"]["stop_grace_period"] == "1m0s"
    assert 2 * drain + 10 <= 60


def test_images_have_the_names_that_the_chart_and_the_workflow_give_them():
    """So that what the workflow publishes runs in either."""
    text = "".join((DOCKER / f"compose.{part}.yaml").read_text() for part in ("cpu", "gpu", "program"))
    named = set(re.findall(r"\$\{IMAGE:-document-parser\}(\S+)$", text, re.MULTILINE))
    assert named == {f"-{target}:${{TAG:-latest}}" for target in ("api", "worker", "worker-ocr")}
    assert (
        '"docparse.image" -}}\n{{ .root.Values.image.repository }}-{{ .target }}:'
        in (ROOT / "deploy/helm/docparse/templates/_helpers.tpl").read_text()
    )


def test_traces_and_reports_are_off_until_env_names_them_and_then_go_to_the_collector_that_is_started():
    given = yaml.safe_load((DOCKER / "compose.program.yaml").read_text())["services"]["program"]["environment"]
    assert given["OTEL_TRACES_EXPORTER"] == "${OTEL_TRACES_EXPORTER:-none}"
    assert given["SENTRY_DSN"] == "${SENTRY_DSN:-}"
    host, port = re.search(r":-http://([\w-]+):(\d+)\}$", given["OTEL_EXPORTER_OTLP_ENDPOINT"]).groups()
    assert host in yaml.safe_load((DOCKER / "compose.services.yaml").read_text())["services"]
    collector = yaml.safe_load((DOCKER / "otel-collector.yaml").read_text())
    # Ours are sent over HTTP.
    assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(f":{port}")


@pytest.mark.parametrize("name", FILES)
def test_without_secrets_nothing_starts(name):
    ran = subprocess.run(
        [*compose(), "--env-file", os.devnull, "-f", DOCKER / name, "config"], capture_output=True, text=True, check=False
    )
    assert ran.returncode != 0
    assert "set it in .env" in ran.stderr


def test_prometheus_of_compose_asks_its_services_by_the_jobs_that_the_rules_know():
    read = yaml.safe_load((DOCKER / "prometheus.yaml").read_text())
    jobs = {job["job_name"]: job for job in read["scrape_configs"]}
    assert jobs.keys() == {"docparse", "vllm"}
    asked = [target for job in jobs.values() for group in job["static_configs"] for target in group["targets"]]
    described = yaml.safe_load((DOCKER / "compose.gpu.yaml").read_text())["services"]
    assert {target.split(":")[0] for target in asked} <= described.keys()
    assert jobs["docparse"]["authorization"]["credentials_file"] == "/run/secrets/admin_token"


@pytest.mark.parametrize(("model", "port"), [("deepseek", 4444), ("nanonets", 4445)])
def test_the_model_servers_have_the_flags_that_docparse_models_prints(model, port):
    settings = Settings(engines=EngineSettings(), store=StoreSettings())
    line = server_command(settings, model)
    line[line.index("--host") + 1] = "0.0.0.0"
    described = yaml.safe_load((DOCKER / "compose.gpu.yaml").read_text())["services"][f"vllm-{model}"]
    assert described["entrypoint"] + described["command"] == line
    assert described["ipc"] == "host"
    assert described["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert f":{port}/health" in described["healthcheck"]["test"][-1]


def test_a_host_is_alive_while_a_worker_of_it_is_and_while_redis_is_away(tmp_path):
    def alive(**settings: str) -> bool:
        environment = {**service.environment, **settings}
        return subprocess.run(ALIVE, env=environment, cwd=tmp_path, check=False, capture_output=True).returncode == 0

    with Service(tmp_path, NUM_WORKERS=1) as service, valkey_server(tmp_path / "bare") as (port, _):
        assert alive()
        assert not alive(REDIS_URL=f"redis://127.0.0.1:{port}/0"), "no worker has ever been there"
        assert alive(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"), "a restart would not bring Redis back"


@pytest.mark.skipif(bool(why_no_docker()), reason=why_no_docker() or "docker runs")
@pytest.mark.timeout(1800)
def test_the_cpu_service_of_compose_reads_a_page(tmp_path):
    docker = [*compose(), "-f", str(DOCKER / "compose.cpu.yaml"), "--project-name", "docparse-test"]
    port = free_port()
    secrets = {**SECRETS, "API_PUBLISHED_PORT": str(port)}
    try:
        checked(*docker, "up", "--build", "--wait", "--wait-timeout", "1500", "api", "worker", **secrets)
        sample = f"file=@{ROOT / 'samples/scan.pdf'}"
        token = f"Authorization: Bearer {SECRETS['ADMIN_TOKEN']}"
        address = f"http://127.0.0.1:{port}/v1/process/sync"
        answer = checked("curl", "--silent", "--fail", "-H", token, "-F", sample, "-F", "page_range=2", address)
        assert json.loads(answer)["complete"]
    finally:
        checked(*docker, "down", "--volumes", **secrets)


@pytest.mark.debian
@pytest.mark.timeout(2400)
def test_the_images_are_built_without_a_daemon_and_read_as_another_user_below_a_read_only_root(tmp_path, request):
    """By buildah, from a Debian that debootstrap makes; registries of images are not needed."""
    if why_not := why_no_debian(asked_for=request.config.getoption("--debian")) or (
        "" if shutil.which("buildah") else "buildah is not installed"
    ):
        pytest.skip(why_not)
    debian = DebianRoot(tmp_path / "root", "trixie")
    (tmp_path / "pip.conf").write_text("[global]\ncert = /certificates.crt\n")
    buildah = ["buildah", f"--root={tmp_path}/store", f"--runroot={tmp_path}/run"]
    base = checked(*buildah, "from", "scratch").strip()
    checked(*buildah, "add", "--quiet", base, debian.folder, "/")
    checked(*buildah, "commit", "--quiet", base, "localhost/debian")
    try:
        for target in ("api", "worker-ocr"):
            checked(
                *buildah, "bud", "--layers", "--isolation=chroot", f"--target={target}", f"--tag={target}",
                "--build-arg=BASE=localhost/debian", "--volume=/etc/ssl/certs/ca-certificates.crt:/certificates.crt:ro",
                f"--volume={tmp_path}/pip.conf:/etc/pip.conf:ro", f"--file={DOCKER}/Dockerfile", ROOT,
            )  # fmt: skip
            container = checked(*buildah, "from", f"localhost/{target}").strip()
            root = checked(*buildah, "mount", container).strip()
            settings = {"PATH": "/opt/docparse/bin:/usr/sbin:/usr/bin:/bin", "DATA_DIR": "/var/lib/docparse/data"}
            script = "cd /var/lib/docparse && ! touch /opt/docparse/x && docparse parse -"
            with (ROOT / "samples" / "scan.pdf").open("rb") as scan:
                read = subprocess.run(
                    [ROOT / "tests/support/below_read_only_root.sh", root, "sh", "-c", script],
                    stdin=scan, env={**settings, "INFERENCE_MODE": "cpu"}, capture_output=True, text=True, check=False,
                )  # fmt: skip
            assert read.returncode == 0, read.stderr[-4000:]
            assert len(read.stdout) > 500
            checked(*buildah, "umount", container)
    finally:
        checked(*buildah, "rm", "--all")
        checked(*buildah, "rmi", "--all", "--force")
