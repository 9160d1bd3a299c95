"""Give the answers of the OpenAPI document examples.

They were recorded from a service, with ids, times and hosts that stand for others. Their names are those of the models, or of
the operation whose answer differs from that of others with the same model.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

_COMPONENTS = "#/components/examples"


def add_answer_examples(paths: dict[str, Any], examples: dict[str, Any]) -> None:
    """Add an example to each JSON answer with a status below 300, and what it refers to to ``examples``."""
    recorded = json.loads(files("document_parser.api").joinpath("answer_examples.json").read_bytes())
    for operation in (operation for path in paths.values() for operation in path.values()):
        for status, answer in operation["responses"].items():
            media = answer.get("content", {}).get("application/json") if status.startswith("2") else None
            if media is None:
                continue
            name = operation["operationId"]
            name = name if name in recorded else media["schema"].get("$ref", "").rpartition("/")[2]
            if name in recorded:
                media["examples"] = {name: {"$ref": f"{_COMPONENTS}/{name}"}}
                examples[name] = {"value": recorded[name]}
