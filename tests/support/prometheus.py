"""Prometheus' own programs, where they are: ``promtool``, ``prometheus`` and ``amtool``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
import yaml

from tests.support.service import ROOT, free_port, wait_until

DEPLOY = ROOT / "deploy" / "prometheus"

FETCHED = ROOT / ".venv" / "prometheus" / "usr" / "bin"
"""Where ``tests/support/prometheus.sh`` puts the programs."""


def program(name: str) -> str:
    """The path of a program. The test is skipped where there is none."""
    found = shutil.which(name, path=os.pathsep.join([str(FETCHED), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"no {name} here (apt install prometheus prometheus-alertmanager, or tests/support/prometheus.sh)")
    return found


def promtool(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    return run("promtool", *arguments, stdin=stdin)


def run(name: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the programs."""
    return subprocess.run([program(name), *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False)


class Prometheus:
    """Prometheus with the rules of ``deploy/``, which asks one service all the time; ``with`` stops it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._configure({"docparse": [{"targets": [f"127.0.0.1:{port}"]}]})

    def _configure(self, targets: dict[str, list[dict[str, Any]]]) -> None:
        """Write the configuration of ``deploy/`` with these targets of its jobs, and with those jobs only."""
        config = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())
        config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
        config["rule_files"] = [str(DEPLOY / "rules.yaml")]
        jobs = [one for one in config["scrape_configs"] if one["job_name"] in targets]
        config["scrape_configs"] = [one | {"static_configs": targets[one["job_name"]]} for one in jobs]
        del config["alerting"]
        self.targets = targets
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(config))

    def ask_model_server_too(self, url: str) -> None:
        """Read the metrics of a model server at an address such as ``http://127.0.0.1:4444/v1`` from now on."""
        self._configure(self.targets | {"vllm": [{"targets": [httpx2.URL(url).netloc.decode()]}]})
        self.process.send_signal(signal.SIGHUP)

    def __enter__(self) -> Self:
        address = f"127.0.0.1:{self.port}"
        command = [program("prometheus"), f"--config.file={self.folder / 'prometheus.yaml'}", "--log.level=warn"]
        command += [f"--storage.tsdb.path={self.folder / 'tsdb'}", f"--web.listen-address={address}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.client = httpx2.Client(base_url=f"http://{address}", timeout=30, trust_env=False)
        wait_until(self._is_ready, 30, "Prometheus answers")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(30)

    def _is_ready(self) -> bool:
        try:
            return self.client.get("/-/ready").status_code == 200
        except httpx2.TransportError:
            return False

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now: ``metric`` and ``value``."""
        answer = self.client.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", (expression, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def alerts(self) -> set[str]:
        """The alerts whose condition holds now, whether it has held for long enough or not."""
        return {sample["metric"]["alertname"] for sample in self.ask("ALERTS")}
