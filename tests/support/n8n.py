"""A workflow of n8n carried out node by node, as far as docs/guides/n8n.json needs it: what its requests send is what counts.

This is not n8n. It shows that the addresses, fields and branches of the file are those that the service takes; that n8n imports
the file, only n8n can show.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2

_EXPRESSION = re.compile(r"\{\{ (.*?) \}\}")
_VALUES = {"$execution.id": "7", "$itemIndex": "0", "$workflow.id": "w1"}
_INCLUDES = re.compile(r"\[(.*)\]\.includes\(\$json\.(\w+)\)")


class Workflow:
    """A workflow with one item; ``visited`` are the nodes that it came through."""

    def __init__(self, path: Path, server: str, key: str, document: Path) -> None:
        text = path.read_text().replace("http://127.0.0.1:1233", server)
        read = json.loads(text)
        self.nodes = {node["name"]: node for node in read["nodes"]}
        self.connections = read["connections"]
        self.key = key
        self.document = document
        self.visited: list[str] = []

    def run(self) -> dict[str, Any]:
        """Go from the manual trigger to a node with nothing behind it; return its output."""
        name, item = next(name for name, node in self.nodes.items() if node["type"].endswith(".manualTrigger")), {}
        while True:
            self.visited.append(name)
            assert len(self.visited) < 100
            branch, item = self._carry_out(self.nodes[name], item)
            behind = self.connections.get(name, {}).get("main", [])
            if branch >= len(behind):
                return item
            name = behind[branch][0]["node"]

    def _carry_out(self, node: dict[str, Any], item: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        kind, parameters = node["type"].removeprefix("n8n-nodes-base."), node["parameters"]
        if kind in ("manualTrigger", "readWriteFile"):
            return 0, item
        if kind == "if":
            (condition,) = parameters["conditions"]["conditions"]
            return (0 if self._value(condition["leftValue"], item) is condition["rightValue"] else 1), item
        assert kind == "httpRequest"
        headers = {
            one["name"]: self._value(one["value"], item) for one in parameters.get("headerParameters", {}).get("parameters", [])
        }
        files = {
            one["name"]: (self.document.name, self.document.read_bytes())
            for one in parameters.get("bodyParameters", {}).get("parameters", [])
            if one["parameterType"] == "formBinaryData" and one["inputDataFieldName"] == "data"
        }
        address = self._value(parameters["url"], item)
        headers["Authorization"] = f"Bearer {self.key}"
        method = parameters.get("method", "GET")
        answer = httpx2.request(method, address, headers=headers, files=files or None, timeout=60)
        assert answer.is_success, answer.text
        return 0, answer.json()

    def _value(self, text: str, item: dict[str, Any]) -> Any:
        """Return the value of a parameter: a text that begins with = has expressions."""
        if not text.startswith("="):
            return text
        whole = re.fullmatch(r"=\{\{ (.*) \}\}", text)
        if whole and (includes := _INCLUDES.fullmatch(whole[1])):
            return item[includes[2]] in [one.strip(" '") for one in includes[1].split(",")]
        return _EXPRESSION.sub(lambda match: self._text_of(match[1], item), text[1:])

    def _text_of(self, expression: str, item: dict[str, Any]) -> str:
        return str(item[expression.removeprefix("$json.")]) if expression.startswith("$json.") else _VALUES[expression]
