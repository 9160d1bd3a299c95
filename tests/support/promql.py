"""What a query of Prometheus names: metrics of this service, and the labels that it asks of them."""

from __future__ import annotations

import re

from document_parser.telemetry import metrics

SERIES = {
    metric.shown_name + part: metric.labels + (("le",) if part == "_bucket" else ())
    for metric in metrics.METRICS
    for part in (("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",))
}
"""All series by name, with their labels."""
OF_PROMETHEUS = {"instance", "job"}
"""Labels that Prometheus adds to what it scrapes."""
_SELECTOR = re.compile(r"\b(docparse_\w+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


def series_of(query: str) -> set[str]:
    """The series of this service that a query names."""
    return {name for name, _ in _SELECTOR.findall(query)}


def recorded_of(query: str) -> set[str]:
    """The recorded series that a query names."""
    return set(re.findall(r"\bdocparse:[a-z0-9_:]+", query))


def wrong_names(query: str) -> list[str]:
    """Series that the service does not have, and labels that they do not have."""
    found = [name for name in series_of(query) if name not in SERIES]
    for name, matchers in _SELECTOR.findall(query):
        asked = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)
        found += [f"{name}{{{label}}}" for label in asked if label not in {*SERIES.get(name, ()), *OF_PROMETHEUS}]
    if series_of(query):
        known = {label for name in series_of(query) for label in SERIES.get(name, ())} | OF_PROMETHEUS
        grouped = [label.strip() for labels in _GROUPING.findall(query) for label in labels.split(",") if label.strip()]
        found += [f"by ({label})" for label in grouped if label not in known]
    return found
