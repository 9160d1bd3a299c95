"""Name the metrics and render them for Prometheus. Other modules decide what is counted, and where.

A sample's name in Redis is the metric's name and its label values, joined by ``|``. A histogram has one sample for each bucket
that is not empty (not cumulated) and one for the sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

PREFIX = "docparse_"
"""The prefix of all metrics in Prometheus."""
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""The buckets for durations of HTTP requests."""
PAGE_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
"""The buckets for durations of reading a page."""
FILE_BYTES = (1024, 10_240, 102_400, 1_048_576, 5_242_880, 10_485_760, 26_214_400, 52_428_800, 104_857_600, 524_288_000)
"""The buckets for sizes of documents."""
JOB_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800, 43200)
"""The buckets for durations of jobs."""

DEFAULTS = ("balanced", "markdown")
"""The mode and format of jobs that ask for nothing else."""


@dataclass(frozen=True)
class Metric:
    """A metric. ``known`` are label values that are shown as 0 before anything was counted."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()

    @property
    def shown_name(self) -> str:
        """Return the name of the metric in Prometheus."""
        return PREFIX + self.name + ("_total" if self.kind == "counter" else "")


METRICS = (
    Metric("build_info", "gauge", "Always 1; the versions are its labels.", ("version", "pipeline_version")),
    Metric("redis_up", "gauge", "1 if Redis answers, else 0. With 0, only the metrics of this process are shown."),
    Metric("storage_free_bytes", "gauge", "Free bytes of the file system that stores documents; local storage only."),
    Metric("storage_size_bytes", "gauge", "Size in bytes of the file system that stores documents; local storage only."),
    Metric("storage_min_free_bytes", "gauge", "Uploads that would leave fewer bytes free on the disk of DATA_DIR are refused."),
    Metric("redis_clients", "gauge", "Connections to Redis."),
    Metric("redis_max_clients", "gauge", "Connections that Redis accepts at most."),
    Metric("redis_memory_bytes", "gauge", "Memory that Redis uses for data."),
    Metric("redis_max_memory_bytes", "gauge", "Memory that Redis may use for data; 0 for no limit."),
    Metric("database_up", "gauge", "1 if the database answers the sweeper that leads, else 0."),
    Metric("http_requests", "counter", "Requests answered.", ("method", "route", "status")),
    Metric(
        "http_request_duration_seconds",
        "histogram",
        "Time from a request's headers to the end of its response, including waiting.",
        ("method", "route"),
        REQUEST_SECONDS,
    ),
    Metric("http_requests_in_progress", "gauge", "Requests being answered, without health and metrics."),
    Metric("http_errors", "counter", "Error responses by error code.", ("code",)),
    Metric("http_request_bytes", "counter", "Bytes of request bodies, as their headers announce them.", ("method", "route")),
    Metric("jobs", "gauge", "Jobs that have not ended, by state.", ("state",)),
    Metric("jobs_created", "counter", "Jobs accepted, by mode and output format.", ("mode", "format"), known=(DEFAULTS,)),
    Metric(
        "jobs_ended",
        "counter",
        "Jobs that have ended, by state, accuracy mode and output format.",
        ("state", "mode", "format"),
        known=(("completed", *DEFAULTS), ("failed", *DEFAULTS), ("cancelled", *DEFAULTS)),
    ),
    Metric("job_errors", "counter", "Failed jobs by error code.", ("code",)),
    Metric("job_duration_seconds", "histogram", "Time from submission to the end of a job.", ("state",), JOB_SECONDS),
    Metric("job_wait_seconds", "histogram", "Time from submission to the start of a job.", buckets=JOB_SECONDS),
    Metric("file_size_bytes", "histogram", "Sizes of accepted documents by detected type.", ("type",), FILE_BYTES),
    Metric(
        "cache_lookups",
        "counter",
        "Documents by what the cache had of them; shared: another job was reading the same document.",
        ("outcome",),
        known=(("hit",), ("miss",), ("shared",), ("off",)),
    ),
    Metric(
        "quota_refusals",
        "counter",
        "Requests and documents refused because of a limit of their owner's tier.",
        ("quota",),
    ),
    Metric("oldest_queued_job_age_seconds", "gauge", "Age of the oldest job that has not started; 0 for none."),
    Metric("oldest_open_job_age_seconds", "gauge", "Age of the oldest job that has not ended; 0 for none."),
    Metric(
        "documents_waiting",
        "gauge",
        "Documents that wait to be fetched or opened, by lane; in lane finish, those that wait to be assembled or exported.",
        ("lane",),
    ),
    Metric("pages_ready", "gauge", "Pages that wait for a reader.", ("lane",)),
    Metric("queue_age_seconds", "gauge", "Age of the oldest job whose document or pages wait; 0 for none.", ("lane",)),
    Metric("work_seconds", "gauge", "Seconds of work that wait: documents and pages at the pace of reading.", ("lane",)),
    Metric("pages_per_second", "gauge", "Pace at which engines read pages, measured while pages wait."),
    Metric("pages_suspect", "gauge", "Pages that wait to be read alone because a process died while it read them."),
    Metric("claims", "gauge", "Pages and stages that tasks work on."),
    Metric(
        "lost_claims", "counter", "Pages and stages taken from processes that died.", ("kind",), known=(("page",), ("stage",))
    ),
    Metric("pages", "counter", "Pages finished, each once, by the engine that read them.", ("engine", "outcome")),
    Metric("pages_cached", "counter", "Finished pages whose reading came from the cache.", ("engine",)),
    Metric("page_duration_seconds", "histogram", "Time of all attempts at a page.", ("engine",), PAGE_SECONDS),
    Metric("page_attempts", "counter", "Attempts at finished pages.", ("engine", "outcome")),
    Metric("guard_rejections", "counter", "Readings that a guard rejected.", ("engine", "guard")),
    Metric("engine_errors", "counter", "Attempts that gave no answer, by error code.", ("engine", "code")),
    Metric("engine_seconds", "counter", "Time that engines spent on attempts.", ("engine",)),
    Metric("tokens", "counter", "Tokens of prompts and answers of the models.", ("engine",)),
    Metric("page_warnings", "counter", "Warnings of finished pages.", ("code",), known=(("engine_fallback",),)),
    Metric("page_errors", "counter", "Failed pages by error code.", ("code",)),
    Metric("model_requests_in_flight", "gauge", "Requests that model servers are answering, by engine.", ("engine",)),
    Metric("model_servers_left_alone", "gauge", "Model servers whose circuit breaker is open or half open.", ("engine",)),
    Metric("model_server_up", "gauge", "1 if a model server serves its model, else 0.", ("engine", "server")),
    Metric("model_server_requests", "gauge", "Requests of all clients at a vLLM server.", ("engine", "server", "state")),
    Metric("model_server_cache_usage_ratio", "gauge", "Share of a vLLM server's KV cache in use.", ("engine", "server")),
    Metric("gpu_utilization_ratio", "gauge", "Share of time in which a GPU computed.", ("host", "gpu")),
    Metric("gpu_memory_used_bytes", "gauge", "Memory of a GPU in use.", ("host", "gpu")),
    Metric("gpu_memory_size_bytes", "gauge", "Memory of a GPU.", ("host", "gpu")),
    Metric("workers", "gauge", "Living workers.", ("state",)),
    Metric("readers", "gauge", "Living readers: workers' tasks that read pages."),
    Metric("foreign_tasks", "counter", "Tasks that other programs wrote to Redis. No worker runs them.", known=((),)),
    Metric("webhooks_pending", "gauge", "Webhooks to deliver, now or later."),
    Metric("webhooks_given_up", "gauge", "Failed webhooks that can be replayed until their jobs expire."),
    Metric(
        "webhook_tries",
        "counter",
        "Attempts to deliver a webhook, by outcome; pending ones are tried again.",
        ("outcome",),
        known=(("delivered",), ("pending",), ("failed",)),
    ),
)
"""All metrics, in the order in which they are shown."""
BY_NAME = {metric.name: metric for metric in METRICS}
"""All metrics by name, without the prefix."""


def sample_name(name: str, *labels: str) -> str:
    """Return the name of a sample in Redis. Raises KeyError for an unknown metric."""
    assert len(labels) == len(BY_NAME[name].labels), name
    return "|".join((name, *(label.replace("|", "_") for label in labels)))


def observation(name: str, value: float, *labels: str) -> dict[str, float]:
    """Return how much one observation of a histogram adds to each sample."""
    series = sample_name(name, *labels)
    bucket = next((bound_text(bound) for bound in BY_NAME[name].buckets if value <= bound), "+Inf")
    return {f"{series}|{bucket}": 1, f"{series}|sum": value}


def bound_text(bound: float) -> str:
    """Return the upper bound of a bucket as the names of samples have it."""
    return f"{bound:g}"


def exposition(samples: Mapping[str, float], accept: str = "") -> tuple[bytes, str]:
    """Render samples in Prometheus' text format, or OpenMetrics if ``accept`` asks for it. Return them and the content type."""
    registry = CollectorRegistry()
    registry.register(_Samples(samples))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Samples(Collector):
    """Gives samples to prometheus_client as families of metrics."""

    def __init__(self, samples: Mapping[str, float]) -> None:
        self._by_metric: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
        for name, value in samples.items():
            metric, *labels = name.split("|")
            self._by_metric[metric][tuple(labels)] = value

    def describe(self) -> Iterable[Family]:
        return ()

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            found = dict.fromkeys(metric.known, 0.0) | self._by_metric.get(metric.name, {})
            yield _histogram_family(metric, found) if metric.kind == "histogram" else _number_family(metric, found)


def _number_family(metric: Metric, found: Mapping[tuple[str, ...], float]) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(PREFIX + metric.name, metric.help, labels=metric.labels)
    for labels, value in sorted(found.items()):
        if len(labels) == len(metric.labels):
            family.add_metric(labels, value)
    return family


def _histogram_family(metric: Metric, found: Mapping[tuple[str, ...], float]) -> Family:
    family = HistogramMetricFamily(PREFIX + metric.name, metric.help, labels=metric.labels)
    series: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for (*labels, part), value in sorted(found.items()):
        series[tuple(labels)][part] = value
    for names, parts in series.items():
        if len(names) == len(metric.labels):
            family.add_metric(names, _cumulate(metric, parts), parts.get("sum", 0.0))
    return family


def _cumulate(metric: Metric, parts: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the cumulated counts of a histogram by upper bound, as Prometheus wants them."""
    count = 0.0
    buckets: list[tuple[str, float]] = []
    for bound in metric.buckets:
        count += parts.get(bound_text(bound), 0.0)
        buckets.append((str(float(bound)), count))
    return [*buckets, ("+Inf", count + parts.get("+Inf", 0.0))]
