"""Run the pool of RQ workers: they die with it, drain when asked, and are replaced when one is lost."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import select
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, NoReturn

import structlog
from rq.executions import Execution
from rq.job import Job as RqJob
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import Worker
from rq.worker_pool import ForkProcess, WorkerPool

from document_parser.engines.registry import cpu_engine_state
from document_parser.errors import OpenerCrashed
from document_parser.host.lean_imports import block_import, permanent_imports
from document_parser.host.processes import die_with_parent
from document_parser.jobs.queue import (
    CPU_ENGINE,
    FINISH,
    OPENERS,
    PAGES,
    QUEUES,
    WORKER_KEY_SECONDS,
    TaskJob,
    choose_plan_in_turn,
    is_own_task,
    job_of,
    living_workers,
    queue,
)
from document_parser.jobs.records.record import log_fields
from document_parser.jobs.redis import counters
from document_parser.jobs.redis.connection import Redis, RedisError, connect
from document_parser.jobs.scheduling import lanes
from document_parser.settings import Settings
from document_parser.settings.secrets import make_webhook_secret
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from document_parser.sources.zygote import start_zygote
from document_parser.telemetry import error_reports, logs, tracing
from document_parser.workers import context, draw_pages, sweep, transfers
from document_parser.workers.heartbeat import draining
from document_parser.workers.recycling import jobs_until_retirement, over_memory_limit

if TYPE_CHECKING:
    from document_parser.telemetry.spans import Recorder

log = logs.get_logger(__name__)

PRELOADED = (
    "document_parser.workers.tasks",
    "document_parser.engines.rapidocr.engine",
    "document_parser.engines.rapidocr.ocr",  # with OpenVINO, imported so that it starts nothing
    "document_parser.engines.tesseract.engine",
    "cv2",
)
"""The modules that are imported before workers are forked."""
PRELOADED_FOR_MODELS = (
    *(f"document_parser.engines.vlm.{name}" for name in ("deepseek", "nanonets", "two_step", "chat")),
    "anyio._backends._asyncio",  # what the model servers' client imports at its first request
)
"""More such modules where model servers may read."""
CHECK_SECONDS = 1.0
"""The interval at which a pool looks whether a process is missing, and asks those again that are to stop."""
STOP_CHECK_SECONDS = 0.02
"""The interval at which a pool that stops looks whether all processes have ended."""
BEAT_SECONDS = 5
"""The interval of a worker's heartbeats."""
WORKER_TTL_SECONDS = BEAT_SECONDS + 15
"""RQ waits for work this long less 15 seconds, then sends a heartbeat."""
assert WORKER_KEY_SECONDS == WORKER_TTL_SECONDS + 60  # the first heartbeat is RQ's own


class PageWorker(Worker):
    """An RQ worker that dies with the pool, and its work horse with it. When it is stopped, the horse finishes its pages."""

    log_result_lifespan = False
    max_connection_wait_time = 1.0
    """Seconds between two tries to reach a Redis that is away: RQ's own pauses grow to a minute, and work would wait."""

    def __init__(
        self,
        queues: list[Queue],
        *arguments: Any,
        settings: Settings,
        prefers_pages: bool,
        is_alone: bool = False,
        **options: Any,
    ) -> None:
        """Create a worker. ``prefers_pages`` lets it take pages before documents.

        ``is_alone`` says that it is the only worker of its pool: it then agrees with the workers of other pools, rather
        than with its own, which of them takes pages first.
        """
        super().__init__(queues, *arguments, **options)
        self.settings = settings
        self.is_alone = is_alone
        self.jobs_done = 0
        self.jobs_at_most = jobs_until_retirement(settings)
        self.prefers_pages = prefers_pages
        self.cpu_engine = ""
        self.turns = lanes.turns()
        self.reorder_queues(queues[0])

    def reorder_queues(self, reference_queue: Queue) -> None:
        """Put the queues in the order of the next turn of lanes, as for pages. RQ calls it after each job.

        Raises RedisError.
        """
        if self.is_alone:
            # Of pools with one worker each, the first by name takes pages first; a single worker prefers documents.
            living = living_workers(self.connection)
            self.prefers_pages = len(living) > 1 and living[0].key == self.key
        documents = (FINISH, *next(self.turns))
        names = (PAGES, *documents) if self.prefers_pages else (*documents, PAGES)
        by_name = {queue.name: queue for queue in self.queues}
        self._ordered_queues = [by_name[name] for name in names]

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> tuple[RqJob, Queue] | None:
        """Return RQ's next job and its queue; for a plan, that of the owner whose turn it is. None if RQ has none."""
        found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        if found is None or found[1].name not in lanes.LANES:
            return found
        taken, queue = found
        chosen = choose_plan_in_turn(self.connection, queue.name, taken.id)  # type: ignore[arg-type]
        job = taken if chosen == taken.id else queue.fetch_job(chosen)
        if job is None:
            return found
        job.redis_server_version = taken.redis_server_version
        return job, queue

    def execute_job(self, job: RqJob, queue: Queue) -> None:
        """Run one of our tasks in a work horse, or drop a job that is none. All log lines about it name the job."""
        if not is_own_task(job):
            self.drop(job)
            return
        facts, job_id = {"task": job.id}, job_of(job.id)
        if job_id:
            facts |= {"job_id": job_id, **log_fields(self.connection, job_id)}
        with structlog.contextvars.bound_contextvars(**facts):
            super().execute_job(job, queue)
        self.jobs_done += 1
        self.retire_if_due()

    def drop(self, job: RqJob) -> None:
        """Delete an RQ job that is not one of our tasks, before anything of it is imported.

        If it has replaced the RQ job of a document, the sweep enqueues that again. Raises RedisError.
        """
        self.connection.delete(job.key)
        counters.count(self.connection, "foreign_tasks")
        log.warning("foreign_task_dropped", advice="Another program writes to this Redis. Protect it with a password and TLS.")

    def register_birth(self) -> None:
        """Register the worker in Redis, with its CPU engine and the confinement of its openers."""
        super().register_birth()  # type: ignore[no-untyped-call]  # RQ leaves it without types
        self.report_cpu_engine()
        self.report_confinement()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Send a heartbeat. Every one sets the key's time to live to the same value, which shows when it came."""
        super().heartbeat(WORKER_KEY_SECONDS, pipeline)
        if pipeline is None:
            self.report_cpu_engine()
            self.report_confinement()

    def report_confinement(self) -> None:
        """Report in the worker's key what confines the openers of this pool. Raises RedisError."""
        if context.pool_confinement:
            self.connection.hsetnx(self.key, OPENERS, context.pool_confinement[0].model_dump_json())

    def report_cpu_engine(self) -> None:
        """Report the state of the CPU engine, if this process has found a new one. Raises RedisError.

        What a work horse has reported since is kept.
        """
        found = cpu_engine_state(self.settings)
        report = found.model_dump_json() if found else ""
        write = self.connection.hsetnx if report == self.cpu_engine else self.connection.hset
        write(self.key, CPU_ENGINE, report)
        self.cpu_engine = report

    def perform_job(self, job: RqJob, queue: Queue, execution: Execution) -> bool:
        """Run the task, in the work horse, and report the CPU engine again: a failing runtime shows only when it computes."""
        well = super().perform_job(job, queue, execution)
        error_reports.flush()  # a work horse ends without a word
        self.report_cpu_engine()
        return well

    def retire_if_due(self) -> None:
        """Retire after enough tasks or with too much memory, between two tasks, so that no work is lost.

        The pool starts a fresh worker within about a second.
        """
        grown = over_memory_limit(self.settings)
        if grown or self.jobs_done == self.jobs_at_most:
            log.info("worker_retires", tasks=self.jobs_done, reason="memory" if grown else "tasks")
            self._stop_requested = True

    def main_work_horse(self, job: RqJob, queue: Queue) -> None:
        """Run the work horse so that it dies with its worker."""
        # Without this, a worker killed by -9 would leave its horse reading, and pages would be read twice.
        assert self.pid is not None
        die_with_parent(self.pid)
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Let a stop drain the work horse instead of ending it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: draining.set())

    def handle_warm_shutdown_request(self) -> None:
        """Pass a stop of the worker on to its work horse."""
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)


class SpanSender:
    """The process that exports the spans of a pool. A new one takes over where one that died has stopped."""

    def __init__(self, run: Callable[..., None], arguments: tuple[object, ...]) -> None:
        self.run = run
        self.arguments = arguments
        self.process: BaseProcess | None = None

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self.process is None or not self.process.is_alive():
            self.process = ForkProcess(target=self.run, args=self.arguments, name="span sender")
            self.process.start()

    def join(self, seconds: float) -> None:
        """Wait for it to export what is left."""
        if self.process is not None:
            self.process.join(seconds)


class Pool(WorkerPool):
    """RQ's pool with our workers, and beside them a sweeper, a process that draws page images, and one for transfers."""

    def __init__(self, settings: Settings, redis: Redis, num_workers: int) -> None:
        super().__init__(list(QUEUES), redis, num_workers=num_workers, worker_class=PageWorker, serializer=JSONSerializer)
        self.settings = settings
        self.beside: dict[str, BaseProcess] = {}
        self.span_sender: SpanSender | None = None
        self.asked_to_stop: set[str] = set()
        self.stop_by: float | None = None
        self.ask_again_at = 0.0
        self.woken, self.waker = os.pipe()
        os.set_blocking(self.waker, False)

    def start(self, burst: bool = False, logging_level: str = "WARNING") -> None:
        """Run until asked to stop and all processes have ended. A stop takes effect at once.

        RQ's own loop sleeps a second before it sees that it is to stop, and another before it sees that its workers have ended.
        """
        self.log.setLevel(logging_level)
        self._burst = burst
        self.status = self.Status.STARTED
        self.start_workers(burst=burst, logging_level=logging_level)
        self._install_signal_handlers()  # type: ignore[no-untyped-call]  # RQ leaves it without types
        awaited = select.poll()
        awaited.register(self.woken, select.POLLIN)
        while self.status != self.Status.STOPPED:
            self.check_workers()
            awaited.poll(CHECK_SECONDS * 1000)
        while not self.all_workers_have_stopped():
            time.sleep(STOP_CHECK_SECONDS)

    def get_worker_process(self, name: str, burst: bool, _sleep: float = 0, logging_level: str = "INFO") -> BaseProcess:
        """Return a new worker process. One worker takes pages first, the others documents: neither waits behind the other."""
        taken = {data.process.name.endswith("likes pages") for data in self.worker_dict.values()}
        prefers_pages = True not in taken and self.num_workers > 1
        return ForkProcess(
            target=run_worker,
            args=(self.settings, prefers_pages, self.num_workers == 1, os.getpid()),
            name=f"worker {name}, likes {'pages' if prefers_pages else 'documents'}",
        )

    def check_workers(self, respawn: bool = True) -> None:
        """Start workers and processes beside them that are missing, unless the pool is stopping."""
        if self.span_sender is not None and self.status != self.Status.STOPPED:
            self.span_sender.ensure()
        super().check_workers(respawn=respawn)
        if self.status != self.Status.STOPPED:
            self.ensure_beside("sweeper", sweep.run_sweeper, self.settings)
            self.ensure_beside("drawer", draw_pages.run_page_image_process)
            self.ensure_beside("transfers", transfers.run_transfer_process)

    def ensure_beside(self, name: str, run: Callable[..., NoReturn], *arguments: object) -> None:
        """Start a process beside the workers, unless it runs."""
        if name not in self.beside or not self.beside[name].is_alive():
            self.beside[name] = ForkProcess(target=run, args=(*arguments, os.getpid()), name=name)
            self.beside[name].start()

    def request_stop(self, signum: int | None = None, frame: object = None) -> None:
        """Note that the pool is to stop, and wake its loop."""
        # Nothing else: this handler may interrupt the very start of a worker, which would then never be stopped.
        self.status = self.Status.STOPPED
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes too
            os.write(self.waker, b"x")

    def all_workers_have_stopped(self) -> bool:
        """Stop each worker once, and kill those that are left at the deadline. Return whether all processes have ended.

        A second signal before the deadline would make a worker drop what it is reading.
        """
        if self.stop_by is None:
            self.stop_by = time.monotonic() + self.settings.workers.drain_seconds
        for data in self.worker_dict.values():
            if data.name not in self.asked_to_stop:
                self.asked_to_stop.add(data.name)
                self.stop_worker(data)
            elif time.monotonic() > self.stop_by:
                log.warning("drain_deadline_passed", seconds=self.settings.workers.drain_seconds, worker=data.name)
                self.stop_worker(data, signal.SIGKILL)
        living = [process for process in self.beside.values() if process.is_alive()]
        if time.monotonic() >= self.ask_again_at:  # again, as one that was just starting may have missed it
            self.ask_again_at = time.monotonic() + CHECK_SECONDS
            for process in living:
                process.terminate()
        return super().all_workers_have_stopped() and not living


@logs.CrashLogged()
def run_worker(settings: Settings, prefers_pages: bool, is_alone: bool, parent: int) -> None:
    """Run one worker process until it is asked to stop or the pool ends."""
    # Until RQ has put its own handlers in place, a stop simply ends this process.
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    die_with_parent(parent)
    try:
        _work(settings, connect(settings), prefers_pages, is_alone)
    except RedisError as error:
        # Not an error of this worker: the pool starts another one, until Redis answers again.
        log.warning("worker_waits", error=type(error).__name__)


def _work(settings: Settings, redis: Redis, prefers_pages: bool, is_alone: bool) -> None:
    """Work until asked to stop. Raises RedisError if Redis is away for too long, or at the start."""
    make_worker(settings, redis, prefers_pages=prefers_pages, is_alone=is_alone).work(with_scheduler=False, logging_level=None)


def make_worker(settings: Settings, redis: Redis, *, prefers_pages: bool, is_alone: bool) -> PageWorker:
    """Return a worker for all queues, with a unique name. Raises RedisError."""
    worker = PageWorker(
        [queue(redis, name) for name in QUEUES],
        name=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        connection=redis,
        job_class=TaskJob,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_SECONDS,
        job_monitoring_interval=BEAT_SECONDS,
        settings=settings,
        prefers_pages=prefers_pages,
        is_alone=is_alone,
    )
    worker.log_job_description = False
    return worker


def preload(settings: Settings) -> None:
    """Import what every task needs before the workers are forked. A task then starts within 25 ms instead of 4 seconds."""
    asks_models = settings.engines.inference_mode != "cpu"
    if tracing.recorder() is not None:
        importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    with permanent_imports(), block_import("aiohttp"):  # for a transport of openai's that is not used
        for module in (*PRELOADED, *(PRELOADED_FOR_MODELS if asks_models else ())):
            importlib.import_module(module)
        if asks_models:
            importlib.import_module("document_parser.engines.vlm.certificates").load_certificates()
        importlib.import_module("document_parser.imaging.digit_shapes").load_weights()


def run_pool(settings: Settings, num_workers: int) -> None:
    """Run a pool of workers until this process is asked to stop; then let them drain."""
    # Before the other modules are loaded: the zygote loads what it needs meanwhile.
    context.pool_zygotes.append(start_zygote(OpenerLimits.from_settings(settings)))
    preload(settings)
    _examine_openers(settings)
    make_webhook_secret(settings)
    pool = Pool(settings, connect(settings), num_workers)
    log.info("workers_started", workers=num_workers)
    _log_cpu_engine(settings)
    if (recorder := tracing.recorder()) is None:
        pool.start(logging_level="WARNING")
    else:
        _start_with_span_sender(pool, recorder)


def _start_with_span_sender(pool: Pool, recorder: Recorder) -> None:
    """Run a pool whose processes hand their spans to one that exports them, which ends after all others."""
    from document_parser.telemetry.spans import FLUSH_SECONDS, run_span_sender, span_sockets

    receiving, sending = span_sockets()
    recorder.hand_to(sending)
    pool.span_sender = SpanSender(run_span_sender, (pool.settings.tracing, receiving, sending))
    pool.start(logging_level="WARNING")
    sending.close()
    pool.span_sender.join(FLUSH_SECONDS + STOP_CHECK_SECONDS)


def _examine_openers(settings: Settings) -> None:
    """Find out what confines the openers, and log it once."""
    openers = Openers(OpenerLimits.from_settings(settings), context.pool_zygotes[0])
    try:
        found = asyncio.run(openers.confinement())
    except OpenerCrashed:
        log.warning("openers_do_not_start", advice="Run docparse doctor to see why.")
        return
    finally:
        openers.close()
    context.pool_confinement.append(found)
    write = log.info if found.is_sound else log.warning
    write("openers_confined", missing=found.missing, landlock_abi=found.landlock_abi)


def _log_cpu_engine(settings: Settings) -> None:
    """Log once which engine reads on the CPU here, and why."""
    if found := cpu_engine_state(settings):
        facts = {"engine": found.name, "runtime": found.runtime, "reason": found.reason, "trouble": found.trouble}
        write = log.warning if found.trouble else log.info
        write("cpu_engine", **{name: fact for name, fact in facts.items() if fact})
