"""The packages of Mistral and Azure for Node, pointed at this service."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("node_clients.mjs")


@pytest.fixture
def node_packages(request):
    """The folder in which install.sh has put them."""
    venv = request.config.getoption("--clients")
    if venv is None:
        pytest.skip("the clients of other systems were not asked for: make test-clients installs them")
    folder = venv.resolve() / "node"
    if shutil.which("node") is None or not (folder / "installed").exists():
        reason = folder / "why-not"
        pytest.skip(reason.read_text().strip() if reason.exists() else f"no packages for Node in {folder}")
    return folder


def test_mistral_and_azure_read_a_report_on_node(served, report, node_packages):
    command = ["node", str(PROGRAM), served.url, served.key, str(report)]
    told = subprocess.run(command, cwd=node_packages, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert "| Brake lining | 12 | 148.50 |" in found["mistral"][0]
    assert found["azure"]["content"].startswith("# Quarterly report")
    assert (found["azure"]["pages"], found["azure"]["rows"]) == (2, 4)
    assert (found["mistralRefusal"], found["azureRefusal"]) == (401, "401")
