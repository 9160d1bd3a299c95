"""deploy/logging ships the log: the programs accept their configurations, and these fit the lines that the service writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import datetime

import pytest
import yaml

from document_parser.settings import LogSettings
from document_parser.telemetry import logs
from tests.support.service import ROOT

FOLDER = ROOT / "deploy" / "logging"
PLACEHOLDERS = {
    "ELASTICSEARCH_HOST": "elastic.example",
    "ELASTICSEARCH_URL": "https://elastic.example:9200",
    "ELASTICSEARCH_API_KEY": "key",
    "AWS_REGION": "eu-central-1",
}


def load(name: str) -> dict:
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.fixture
def line(capsys) -> dict:
    """A line as the service writes it."""
    logs.configure(LogSettings())
    logs.get_logger("document_parser").info("job_queued")
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("fluent-bit", ["--dry-run", "--config", str(FOLDER / "fluent-bit.yaml")]),
        ("vector", ["validate", "--no-environment", str(FOLDER / "vector.yaml")]),
    ],
)
def test_the_program_accepts_its_configuration(program, arguments):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    ran = subprocess.run(
        [program, *arguments], cwd=FOLDER, env=os.environ | PLACEHOLDERS, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_fluent_bit_reads_the_units_and_knows_the_time_of_a_line(line):
    found = load("fluent-bit.yaml")
    (parser,) = found["parsers"]
    assert datetime.strptime(line[parser["time_key"]], parser["time_format"].replace("%S.%L", "%S.%f"))
    by_name = {one["name"]: one for one in found["pipeline"]["filters"]}
    assert by_name["parser"]["parser"] == parser["name"]
    assert line[by_name["grep"]["regex"].split()[0]]
    assert {one["name"] for one in found["pipeline"]["outputs"]} == {"es", "cloudwatch_logs"}
    check_units(found["pipeline"]["inputs"][0]["systemd_filter"])


def test_vector_reads_the_units_and_leads_every_line_to_both_sinks():
    found = load("vector.yaml")
    assert found["transforms"]["lines"]["inputs"] == list(found["sources"])
    assert {sink["type"]: sink["inputs"] for sink in found["sinks"].values()} == {
        "elasticsearch": ["lines"],
        "aws_cloudwatch_logs": ["lines"],
    }
    check_units(found["sources"]["journal"]["include_units"])


def check_units(named: list[str]) -> None:
    units = {path.name.removesuffix(".service") for path in (ROOT / "systemd").iterdir()}
    wanted = {re.sub(r"^_SYSTEMD_UNIT=|\.service$|(?<=@)\d+", "", name) for name in named}
    assert wanted <= units, (wanted, units)


@pytest.mark.parametrize("name", ["fluent-bit.yaml", "vector.yaml"])
def test_every_placeholder_is_named_in_the_head_of_the_file(name):
    text = (FOLDER / name).read_text()
    used = set(re.findall(r"\$\{([A-Z_]+)\}", text))
    assert used <= PLACEHOLDERS.keys()
    head = text.partition("\n\n")[0].partition("\nservice")[0]
    assert [name for name in used if f"{name}=" not in head] == []
