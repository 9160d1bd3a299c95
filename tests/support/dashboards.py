"""The dashboards of ``deploy/grafana`` and their queries."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.service import ROOT

FOLDER = ROOT / "deploy" / "grafana"
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(board: dict[str, Any]) -> list[str]:
    """The queries of a dashboard, with its variables filled in as Grafana does."""
    values = {one["name"]: one.get("query", "") for one in board["templating"]["list"] if one["type"] == "textbox"}
    values["__rate_interval"] = "1m"
    found = [target["expr"] for panel in panels(board) for target in panel["targets"]]
    found += [note["expr"] for note in board["annotations"]["list"]]
    return [re.sub(r"\$(\w+)", lambda name: values[name[1]], query) for query in found]
