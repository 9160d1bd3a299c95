"""The pool: RQ workers that die with it, drain when asked, and are there again when one is lost."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

import structlog
from rq.executions import Execution
from rq.job import Job as RqJob
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import Worker
from rq.worker_pool import ForkProcess, WorkerPool

from document_parser import logs
from document_parser.engines import cpu_engine
from document_parser.errors import OpenerCrashed
from document_parser.jobs import context, counters, drawer, lanes, sweep
from document_parser.jobs.actor import draining
from document_parser.jobs.connection import Redis, RedisError, connect
from document_parser.jobs.queue import (
    CPU_ENGINE,
    FINISH,
    OPENERS,
    PAGES,
    QUEUES,
    WORKER_KEY_SECONDS,
    Bell,
    is_own_task,
    job_of,
    living_workers,
    plan_in_turn,
    queue,
)
from document_parser.jobs.record import request_id
from document_parser.jobs.retirement import jobs_until_retirement, overgrown
from document_parser.jobs.secrets import make_webhook_secret
from document_parser.lean import without
from document_parser.pipeline.source import Openers
from document_parser.pipeline.zygote import start_zygote
from document_parser.processes import die_with_parent
from document_parser.settings import Settings

log = logs.get(__name__)

PRELOADED = (
    "document_parser.jobs.tasks",
    *(f"document_parser.engines.{name}" for name in ("deepseek", "nanonets", "rapidocr", "tesseract")),
    "anyio._backends._asyncio",  # what the model servers' client imports at its first request
    "cv2",
    "document_parser.engines.ppocr",  # with OpenVINO, imported so that it starts nothing
    "openai",
)
BEAT_SECONDS = 5
WORKER_TTL_SECONDS = BEAT_SECONDS + 15
"""RQ waits for work this long less 15 seconds, then gives a sign of life."""
assert WORKER_KEY_SECONDS == WORKER_TTL_SECONDS + 60  # the first sign of life is RQ's own


class PageWorker(Worker):
    """Dies with the pool, its work horse with it; a stop lets the horse finish what it has in flight."""

    log_result_lifespan = False
    max_connection_wait_time = 1.0
    """Seconds between two looks for a Redis that is away: RQ's own pauses grow to a minute, and work would wait for them."""

    def __init__(
        self, queues: list[Queue], *arguments: Any, settings: Settings, likes_pages: bool, lone: bool = False, **options: Any
    ) -> None:
        """``lone``: the only worker of its pool, which agrees with other pools, and not within its own, on who likes pages."""
        super().__init__(queues, *arguments, **options)
        self.settings = settings
        self.lone = lone
        self.jobs_done = 0
        self.jobs_at_most = jobs_until_retirement(settings)
        self.likes_pages = likes_pages
        self.cpu_engine = ""
        self.turns = lanes.turns()
        self.reorder_queues(queues[0])

    def reorder_queues(self, reference_queue: Queue) -> None:
        """Called by RQ after each bell: the lanes take turns here as they do at pages. Raises RedisError."""
        if self.lone:
            # Of pools with one worker each the first by name likes pages; a worker without others plans what waits first.
            living = living_workers(self.connection)
            self.likes_pages = len(living) > 1 and living[0].key == self.key
        documents = (FINISH, *next(self.turns))
        names = (PAGES, *documents) if self.likes_pages else (*documents, PAGES)
        by_name = {queue.name: queue for queue in self.queues}
        self._ordered_queues = [by_name[name] for name in names]

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> tuple[RqJob, Queue] | None:
        """RQ's next bell; where it is for a plan, that of the owner whose turn it is."""
        found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        if found is None or found[1].name not in lanes.LANES:
            return found
        rang, queue = found
        chosen = plan_in_turn(self.connection, queue.name, rang.id)  # type: ignore[arg-type]
        bell = rang if chosen == rang.id else queue.fetch_job(chosen)
        if bell is None:
            return found
        bell.redis_server_version = rang.redis_server_version
        return bell, queue

    def execute_job(self, job: RqJob, queue: Queue) -> None:
        """Every line about the job names it, RQ's and the work horse's too."""
        if not is_own_task(job):
            self.drop(job)
            return
        facts, job_id = {"task": job.id}, job_of(job.id)
        if job_id:
            facts |= {"job_id": job_id, "request_id": request_id(self.connection, job_id)}
        with structlog.contextvars.bound_contextvars(**facts):
            super().execute_job(job, queue)
        self.jobs_done += 1
        self.retire_in_time()

    def drop(self, job: RqJob) -> None:
        """Forget a job that is none of our tasks, before anything of it is imported. A document's own bell is rung again by the
        sweep, should this have stood in its place.
        """
        self.connection.delete(job.key)
        counters.count(self.connection, "foreign_tasks")
        log.warning("foreign_task_dropped", advice="Somebody else writes to this Redis. Give it a password and TLS.")

    def register_birth(self) -> None:
        super().register_birth()  # type: ignore[no-untyped-call]  # RQ leaves it without types
        self.tell_cpu_engine()
        self.tell_confinement()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """The key lives equally long from every sign of life on: that tells when it came."""
        super().heartbeat(WORKER_KEY_SECONDS, pipeline)
        if pipeline is None:
            self.tell_cpu_engine()
            self.tell_confinement()

    def tell_confinement(self) -> None:
        """Say what confines the openers of this pool."""
        if context.pool_confinement:
            self.connection.hsetnx(self.key, OPENERS, context.pool_confinement[0].model_dump_json())

    def tell_cpu_engine(self) -> None:
        """Say how the CPU engine is, where that is new to this process. What a work horse has found out since stays."""
        found = cpu_engine(self.settings)
        told = found.model_dump_json() if found else ""
        write = self.connection.hsetnx if told == self.cpu_engine else self.connection.hset
        write(self.key, CPU_ENGINE, told)
        self.cpu_engine = told

    def perform_job(self, job: RqJob, queue: Queue, execution: Execution) -> bool:
        """In the work horse: a runtime that fails shows only when it computes."""
        well = super().perform_job(job, queue, execution)
        self.tell_cpu_engine()
        return well

    def retire_in_time(self) -> None:
        """End between two tasks, so that nothing is lost; the pool starts a fresh worker within a second or so."""
        grown = overgrown(self.settings)
        if grown or self.jobs_done == self.jobs_at_most:
            log.info("worker_retires", tasks=self.jobs_done, reason="memory" if grown else "tasks")
            self._stop_requested = True

    def main_work_horse(self, job: RqJob, queue: Queue) -> None:
        # Killed by -9, a worker would otherwise leave its horse reading, and pages would be read twice.
        assert self.pid is not None
        die_with_parent(self.pid)
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: draining.set())

    def handle_warm_shutdown_request(self) -> None:
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)


class Pool(WorkerPool):
    """RQ's pool with our workers, and beside them a sweeper and a drawer of pictures."""

    def __init__(self, settings: Settings, redis: Redis, num_workers: int) -> None:
        super().__init__(list(QUEUES), redis, num_workers=num_workers, worker_class=PageWorker, serializer=JSONSerializer)
        self.settings = settings
        self.beside: dict[str, BaseProcess] = {}
        self.told: set[str] = set()
        self.stop_by: float | None = None

    def get_worker_process(self, name: str, burst: bool, _sleep: float = 0, logging_level: str = "INFO") -> BaseProcess:
        """One worker likes pages best, the others documents: neither waits behind the other."""
        taken = {data.process.name.endswith("likes pages") for data in self.worker_dict.values()}
        likes_pages = True not in taken and self.num_workers > 1
        return ForkProcess(
            target=run_worker,
            args=(self.settings, likes_pages, self.num_workers == 1, os.getpid()),
            name=f"worker {name}, likes {'pages' if likes_pages else 'documents'}",
        )

    def check_workers(self, respawn: bool = True) -> None:
        super().check_workers(respawn=respawn)
        if self.status != self.Status.STOPPED:
            self.check_beside("sweeper", sweep.run, self.settings)
            self.check_beside("drawer", drawer.run)

    def check_beside(self, name: str, run: Callable[..., NoReturn], *arguments: object) -> None:
        """Start a process beside the workers, if it is not there."""
        if name not in self.beside or not self.beside[name].is_alive():
            self.beside[name] = ForkProcess(target=run, args=(*arguments, os.getpid()), name=name)
            self.beside[name].start()

    def request_stop(self, signum: int | None = None, frame: object = None) -> None:
        # Only a note: the handler may interrupt the very start of a worker, which nobody would then stop.
        self.status = self.Status.STOPPED

    def all_workers_have_stopped(self) -> bool:
        """Tell each worker once: a second signal would make it drop what it is reading. At the deadline kill what is left."""
        if self.stop_by is None:
            self.stop_by = time.monotonic() + self.settings.workers.drain_seconds
        for data in self.worker_dict.values():
            if data.name not in self.told:
                self.told.add(data.name)
                self.stop_worker(data)
            elif time.monotonic() > self.stop_by:
                log.warning("drain_deadline_passed", seconds=self.settings.workers.drain_seconds, worker=data.name)
                self.stop_worker(data, signal.SIGKILL)
        living = [process for process in self.beside.values() if process.is_alive()]
        for process in living:
            process.terminate()
        return super().all_workers_have_stopped() and not living


@logs.CrashLogged()
def run_worker(settings: Settings, likes_pages: bool, lone: bool, parent: int) -> None:
    """One worker process, until it is told to stop or the pool dies."""
    # Until RQ has put its own handlers in place, a stop simply ends this process.
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    die_with_parent(parent)
    try:
        _work(settings, connect(settings), likes_pages, lone)
    except RedisError as error:
        # Nobody's fault: the pool starts another one, until Redis is there again.
        log.warning("worker_waits", error=type(error).__name__)


def _work(settings: Settings, redis: Redis, likes_pages: bool, lone: bool) -> None:
    """Work until told to stop. Raises RedisError where Redis is away for too long, or at the start."""
    make_worker(settings, redis, likes_pages=likes_pages, lone=lone).work(with_scheduler=False, logging_level=None)


def make_worker(settings: Settings, redis: Redis, *, likes_pages: bool, lone: bool) -> PageWorker:
    """Return a worker for all queues, under a name of its own. Raises RedisError."""
    worker = PageWorker(
        [queue(redis, name) for name in QUEUES],
        name=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        connection=redis,
        job_class=Bell,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_SECONDS,
        job_monitoring_interval=BEAT_SECONDS,
        settings=settings,
        likes_pages=likes_pages,
        lone=lone,
    )
    worker.log_job_description = False
    return worker


def preload() -> None:
    """Import what every task needs before the workers are forked: 25 ms from bell to work instead of 4 seconds."""
    with without("rich"), without("aiohttp"):  # for httpx' command line, and for a transport of openai's that nobody asks for
        for module in PRELOADED:
            importlib.import_module(module)
    importlib.import_module("document_parser.engines.vlm").certificates()
    # What is here now lives as long as the pool: no work horse need look at it, and copy its memory, to find that out.
    gc.collect()
    gc.freeze()


def run_pool(settings: Settings, num_workers: int) -> None:
    """Run workers until this process is told to stop; then let them drain."""
    # Before the rest is loaded: it loads what it needs meanwhile.
    context.pool_zygotes.append(start_zygote(context.opener_limits(settings)))
    preload()
    _look_at_openers(settings)
    make_webhook_secret(settings)
    pool = Pool(settings, connect(settings), num_workers)
    log.info("workers_started", workers=num_workers)
    _log_cpu_engine(settings)
    pool.start(logging_level="WARNING")


def _look_at_openers(settings: Settings) -> None:
    """Find out what confines the openers, and say it once."""
    openers = Openers(context.opener_limits(settings), context.pool_zygotes[0])
    try:
        found = asyncio.run(openers.confinement())
    except OpenerCrashed:
        log.warning("openers_do_not_start", advice="docparse doctor says why.")
        return
    finally:
        openers.close()
    context.pool_confinement.append(found)
    write = log.info if found.sound else log.warning
    write("openers_confined", missing=found.missing, landlock_abi=found.landlock_abi)


def _log_cpu_engine(settings: Settings) -> None:
    """Say once what reads on the CPU here, and why."""
    if found := cpu_engine(settings):
        facts = {"engine": found.name, "runtime": found.runtime, "reason": found.reason, "trouble": found.trouble}
        write = log.warning if found.trouble else log.info
        write("cpu_engine", **{name: fact for name, fact in facts.items() if fact})
