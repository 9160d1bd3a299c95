"""A real Grafana with the dashboards of ``deploy/grafana``, where there is one: an installed one, or GRAFANA_HOME."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.dashboards import BOARDS, FOLDER
from tests.support.service import free_port, wait_until


@contextmanager
def running_grafana(folder: Path, prometheus_url: str) -> Iterator[httpx2.Client]:
    """A client of Grafana once it has loaded all dashboards. The test is skipped where there is none."""
    home = Path(os.environ.get("GRAFANA_HOME", "/usr/share/grafana"))
    grafana = shutil.which("grafana", path=os.pathsep.join([str(home / "bin"), os.environ.get("PATH", "")]))
    if grafana is None or not (home / "conf" / "defaults.ini").exists():
        pytest.skip("no Grafana here (GRAFANA_HOME names none)")
    port = free_port()
    settings = {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1", "GF_SERVER_HTTP_PORT": str(port), "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_LOGS": str(folder / "logs"), "GF_PATHS_PROVISIONING": str(FOLDER / "provisioning"),
        "GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "PROMETHEUS_URL": prometheus_url, "DOCPARSE_DASHBOARDS": str(FOLDER),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [grafana, "server", "--homepath", home], env={**os.environ, **settings}, stdout=log, stderr=log
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            boards = {board["uid"] for board in BOARDS.values()}
            wait_until(lambda: _loaded(client) == boards, 60, "Grafana has all dashboards", pause=0.5)
            yield client
    finally:
        server.terminate()
        server.wait(30)


def _loaded(client: httpx2.Client) -> set[str]:
    try:
        return {one["uid"] for one in client.get("/api/search", params={"tag": "docparse"}).json()}
    except (httpx2.TransportError, ValueError):
        return set()
