"""Traces: one for each document, from the request that sends it to its webhook, in all processes; and nothing while off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from document_parser.telemetry import tracing
from tests.support import collector
from tests.support.collector import Collector, Span, collecting
from tests.support.documents import pdf_of_text, stamped_pdf
from tests.support.processes import kill_horses
from tests.support.receiver import Receiver, receiving, settings, told
from tests.support.service import ROOT, UNCHECKED, Service, asking, start_reading
from tests.support.vllm_batching import UNHURRIED
from tests.support.vllm_server import ModelServer, served_from_thread

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
CHAT = "chat deepseek-ai/DeepSeek-OCR"
PAGES = 6
FEW, MANY = range(PAGES), range(100, 130)
"""Stamps of the pages of two documents."""
SECRET = "zebra"
"""The name of a file and a word in it, which no span may hold."""


@dataclass
class Run:
    """What a service exported that read documents, and what others saw of the trace."""

    collector: Collector
    models: ModelServer
    receiver: Receiver
    jobs: dict[str, str]
    log: list[dict]

    def of_job(self, which: str, name: str) -> list[Span]:
        job_id = self.jobs[which]
        return [span for span in self.collector.named(name) if span.attributes.get("docparse.job.id") == job_id]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("traced")
    few, many = stamped_pdf(folder / "few.pdf", FEW), stamped_pdf(folder / "many.pdf", MANY)
    text = pdf_of_text(folder / f"{SECRET}.pdf", [f"{SECRET} " * 60] * 2)
    jobs: dict[str, str] = {}
    with (
        collecting() as spans,
        receiving() as receiver,
        served_from_thread(ModelServer(speed=UNHURRIED, tokens=60)) as models,
    ):
        more = {**settings(), **UNCHECKED, **asking(models.url), **collector.settings(spans.url)}
        with Service(folder, WEB_WORKERS=1, **more) as service:
            hook = {"webhook_url": receiver.url}
            service.client.headers["traceparent"] = CALLER
            jobs["few"] = service.submit(few, **hook)
            del service.client.headers["traceparent"]
            service.ended(jobs["few"])
            jobs["text"] = service.submit(text, **hook)
            service.ended(jobs["text"])
            jobs["killed"] = start_reading(service, many)
            kill_horses(service)
            assert service.ended(jobs["killed"])["status"] == "completed"
            for which in ("few", "text"):
                told(service, jobs[which])
            spans_before_the_end = len(spans.spans)
        assert len(spans.spans) > spans_before_the_end, "the last ones come as the service ends"
        yield Run(spans, models, receiver, jobs, [json.loads(line) for line in service.log.splitlines()])


def test_a_document_is_one_trace_from_its_request_to_its_webhook(run):
    names = run.collector.names(TRACE)
    assert names == {
        "POST /v1/process/async": 1,
        "wait in queue": 1,
        "plan": 1,
        "read page": PAGES,
        "read deepseek": PAGES,
        CHAT: PAGES,
        "assemble": 1,
        "POST": 1,
    }


def test_the_callers_span_is_the_parent_of_the_request(run):
    (request,) = [span for span in run.collector.named("POST /v1/process/async") if span.trace_id == TRACE]
    assert request.parent == CALLER.split("-")[2]
    assert request.attributes["http.response.status_code"] == 202
    assert request.resource["service.name"] == "document-parser"


def test_each_stage_and_page_is_below_the_request_and_each_engine_call_below_its_page(run):
    spans = [span for span in run.collector.spans if span.trace_id == TRACE]
    parents = {(span.name, parent.name) for span in spans if (parent := run.collector.parent_of(span)) is not None}
    request = "POST /v1/process/async"
    assert parents == {
        *((name, request) for name in ("wait in queue", "plan", "read page", "assemble", "POST")),
        ("read deepseek", "read page"),
        (CHAT, "read deepseek"),
    }
    assert all(span.start <= span.end for span in spans)


def test_model_servers_and_receivers_of_webhooks_are_told_the_trace(run):
    (call,) = run.receiver.about(run.jobs["few"])
    (post,) = run.of_job("few", "POST")
    assert call.headers["traceparent"].split("-")[1:3] == [TRACE, post.id]
    chats = {span.id for span in run.collector.named(CHAT) if span.trace_id == TRACE}
    asked = [one.traceparent.split("-") for one in run.models.log if one.stamp in FEW]
    assert {span for _, trace, span, _ in asked if trace == TRACE} == chats


def test_pages_of_the_text_layer_are_spans_too(run):
    pages = run.of_job("text", "read page")
    assert sorted(span.attributes["docparse.page.number"] for span in pages) == [1, 2]
    assert {span.attributes["docparse.engine"] for span in pages} == {"text_layer"}
    assert {span.trace_id for span in pages}.isdisjoint({TRACE})


def test_a_killed_worker_breaks_no_trace_and_loses_no_page(run):
    pages = run.of_job("killed", "read page")
    assert {span.attributes["docparse.page.number"] for span in pages} == set(range(1, len(MANY) + 1))
    (trace,) = {span.trace_id for span in pages}
    (request,) = [span for span in run.collector.named("POST /v1/process/async") if span.trace_id == trace]
    assert {span.parent for span in pages} == {request.id}
    assert len(run.of_job("killed", "assemble")) == 1


def test_no_span_holds_a_name_of_a_file_or_a_word_of_it(run):
    assert SECRET not in str(run.collector.spans)


def test_lines_of_the_log_name_their_trace(run):
    of_job = [line for line in run.log if line.get("job_id") == run.jobs["few"]]
    named = {line["event"] for line in of_job if line.get("trace_id") == TRACE}
    assert {"job_queued", "request"} <= named
    assert {line["service"] for line in run.log} == {"document-parser"}


def test_a_collector_that_is_away_is_said_once_and_delays_nothing(tmp_path):
    paper = pdf_of_text(tmp_path / "paper.pdf", ["Some words on a page. " * 20])
    with collecting() as spans:
        spans.away = True
        with Service(tmp_path, WEB_WORKERS=1, OTEL_BSP_SCHEDULE_DELAY=100, **collector.settings(spans.url)) as service:
            for _ in range(3):
                assert service.ended(service.submit(paper))["status"] == "completed"
    lines = [json.loads(line) for line in service.log.splitlines()]
    said = [line["pid"] for line in lines if line["event"] == "traces_not_exported"]
    assert spans.refused > len(said) == len(set(said)) > 0
    assert not [line for line in lines if line["logger"].startswith(("opentelemetry", "urllib3"))]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        CALLER + "\n",
        CALLER + "-" + "x" * 100_000,
    ],
)
def test_a_traceparent_that_is_not_valid_is_not_taken(sent):
    assert tracing.accept_traceparent(sent) == ""
    assert tracing.accept_traceparent(CALLER) == CALLER


def test_nothing_of_opentelemetry_is_imported_while_it_is_off():
    program = (
        "import sys\n"
        "from document_parser.api.factory import create_app\n"
        "from document_parser.settings import load_settings\n"
        "from document_parser.telemetry import tracing\n"
        "from document_parser.workers.pool import preload\n"
        "create_app()\n"
        "tracing.configure(load_settings().tracing)\n"
        "preload(load_settings())\n"
        "with tracing.span('x') as span:\n"
        "    span.note({'a': 1})\n"
        "assert tracing.headers() == {} and tracing.traceparent() == ''\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
