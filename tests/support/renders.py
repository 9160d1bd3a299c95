"""What helm makes of the chart for each file of values in ci.

``python -m tests.support.renders`` writes it to tests/project/renders.
"""

from __future__ import annotations

from typing import Any

import yaml

import document_parser
from tests.support.deploy_tools import checked, tool
from tests.support.service import ROOT

CHART = ROOT / "deploy" / "helm" / "docparse"
RENDERS = ROOT / "tests" / "project" / "renders"
SITES = sorted(path.stem for path in (CHART / "ci").glob("*.yaml"))
ANY_VERSION = "0.0.0-version"
"""Stands for this version, so that a new one changes no render."""


def chart_command(site: str) -> list[str]:
    """The command line that renders a site."""
    return [tool("helm"), "template", "docparse", str(CHART), "-n", "documents", "-f", str(CHART / "ci" / f"{site}.yaml")]


def parsed(text: str) -> list[dict[str, Any]]:
    """The objects of a render in an order of their own: helm's differs between versions."""
    found = [one for one in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if one]
    return sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))


def rendered(site: str) -> list[dict[str, Any]]:
    """What helm makes of a site now."""
    return parsed(_without_checksums(checked(*chart_command(site)).replace(document_parser.__version__, ANY_VERSION)))


def _without_checksums(text: str) -> str:
    """Checksums of settings hold the version; that they are there is enough."""
    lines = (f"{line.split('checksum/')[0]}{line.strip().split(':')[0]}: sum" if "checksum/" in line else line
             for line in text.splitlines())  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for site in SITES:
        (RENDERS / f"{site}.yaml").write_text(yaml.safe_dump_all(rendered(site), sort_keys=False, width=140))
