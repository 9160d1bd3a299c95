""".github/workflows: what a change passes before it is on production, and that each file is one that GitHub takes."""

from __future__ import annotations

import re

import pytest
import yaml

import document_parser
from tests.support.deploy_tools import checked, tool
from tests.support.service import ROOT

FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
TARGETS = {"api", "worker", "worker-ocr"}


def workflow(name: str) -> dict:
    """A workflow; YAML 1.1 reads its key ``on`` as true."""
    read = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return {"on": read.pop(True), **read}


def uses(name: str) -> set[str]:
    return set(re.findall(r"uses: (\S+)", (FOLDER / f"{name}.yaml").read_text()))


def test_actionlint_finds_nothing():
    assert checked(tool("actionlint"), "-no-color", *FOLDER.glob("*.yaml")) == ""


@pytest.mark.parametrize("name", NAMES)
def test_each_has_rights_of_its_own_a_bound_of_time_and_actions_of_a_known_version(name):
    found = workflow(name)
    assert found["permissions"]["contents"] == "read"
    for job in found["jobs"].values():
        assert "timeout-minutes" in job or "uses" in job
    assert [action for action in uses(name) if not action.startswith("./") and not re.search(r"@v?\d", action)] == []


def test_a_change_is_linted_typed_tested_and_built():
    text = (FOLDER / "checks.yaml").read_text()
    for step in (
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "lint-imports",
        "bash .ci/run",
        "make test-deploy",
        "pip wheel",
    ):
        assert f"run: {step}" in text, step


def test_every_image_has_its_packages_listed_and_is_scanned_before_anything_is_deployed():
    found = workflow("images")
    assert set(found["jobs"]["image"]["strategy"]["matrix"]["target"]) == TARGETS
    steps = [step.get("uses", "").split("@")[0] for step in found["jobs"]["image"]["steps"]]
    built, listed, scanned = (
        steps.index(f"{action}") for action in ("docker/build-push-action", "anchore/sbom-action", "aquasecurity/trivy-action")
    )
    assert built < listed < scanned
    assert found["jobs"]["image"]["steps"][scanned]["with"]["exit-code"] == "1"
    assert found["jobs"]["image"]["needs"] == "checks"
    assert found["jobs"]["staging"]["needs"] == "image"


@pytest.mark.parametrize("tag", ["staging", f"v{document_parser.__version__}"])
def test_images_have_the_names_and_the_tag_that_the_chart_takes(tmp_path, tag):
    (step,) = [step for step in workflow("images")["jobs"]["image"]["steps"] if step.get("id") == "name"]
    given = {"REGISTRY": "ghcr.io", "REPOSITORY": "Owner/Docs", "TARGET": "worker-ocr", "TAG": tag}
    checked("bash", "-c", step["run"], GITHUB_OUTPUT=str(tmp_path / "output"), **given)
    told = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    chart = yaml.safe_load((ROOT / "deploy/helm/docparse/Chart.yaml").read_text())
    assert told == {"image": "ghcr.io/owner/docs-worker-ocr", "tag": tag if tag == "staging" else chart["appVersion"]}


def test_production_is_deployed_and_rolled_back_by_hand_alone():
    assert workflow("deploy")["on"].keys() == {"workflow_call", "workflow_dispatch"}
    assert workflow("rollback")["on"].keys() == {"workflow_dispatch"}
    callers = [name for name in NAMES if "./.github/workflows/deploy.yaml" in uses(name)]
    assert callers == ["images"]
    assert workflow("images")["jobs"]["staging"]["with"]["environment"] == "staging"
    for name in ("deploy", "rollback"):
        (job,) = workflow(name)["jobs"].values()
        assert job["environment"]["name"] == "${{ inputs.environment }}", "its reviewers are asked"
        assert workflow(name)["concurrency"]["group"] == "deploy-${{ inputs.environment }}", "never two at once"
        # What a person types reaches the shell only as a variable.
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
