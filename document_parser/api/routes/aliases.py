"""Serve the names that the production recommendations use: the same views under ``/api/v1``, and no logic of their own."""

from __future__ import annotations

import copy
from typing import Any

from flask import Flask

ALIASES: tuple[tuple[str, str, str], ...] = (
    ("POST", "/api/v1/documents", "process.process_async"),
    ("POST", "/api/v1/documents/sync", "process.process_sync"),
    ("POST", "/api/v1/documents/batch", "batches.process_batch"),
    ("POST", "/api/v1/documents/from-url", "links.process_url"),
    ("POST", "/api/v1/documents/from-s3", "links.process_s3"),
    ("GET", "/api/v1/jobs/<job_id>", "jobs.job"),
    ("GET", "/api/v1/jobs/<job_id>/result", "jobs.result"),
    ("GET", "/api/v1/jobs/<job_id>/download", "jobs.download"),
    ("DELETE", "/api/v1/jobs/<job_id>", "jobs.delete"),
)
"""Method and path of each alias, and the endpoint that it is one of. Endpoints that this version does not have are left out."""


def register(app: Flask) -> None:
    """Add the aliases to an app that has all other routes."""
    for method, path, endpoint in ALIASES:
        if (view := app.view_functions.get(endpoint)) is not None:
            app.add_url_rule(path, f"aliases.{method} {path}".replace(".", "_"), view, methods=[method])


def describe(app: Flask, paths: dict[str, Any]) -> None:
    """Add the aliases to the paths of the OpenAPI document: what their routes are, under operation ids of their own."""
    rules = {
        (endpoint, method): rule.rule
        for rule in app.url_map.iter_rules()
        for endpoint in (rule.endpoint,)
        for method in rule.methods or ()
    }
    for method, path, endpoint in ALIASES:
        rule = rules.get((endpoint, method))
        if rule is not None:
            original = paths[_template(rule)][method.lower()]
            paths.setdefault(_template(path), {})[method.lower()] = _alias_of(original, method, _template(rule), path)


def _alias_of(operation: dict[str, Any], method: str, route: str, path: str) -> dict[str, Any]:
    name = path.replace("/api/v1/", "").replace("/<job_id>", "").replace("/", "_").replace("-", "_").replace("_s3", "_bucket")
    return {
        **copy.deepcopy(operation),
        "operationId": f"alias_{method.lower()}_{name}",
        "summary": f"Alias of {method} {route}",
        "tags": ["aliases"],
    }


def _template(rule: str) -> str:
    return rule.replace("<", "{").replace(">", "}")
