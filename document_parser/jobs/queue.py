"""The doorbells: RQ jobs that tell workers what there is to do. What that is stands in the ledger."""

from __future__ import annotations

import contextlib
import re
import uuid
from dataclasses import dataclass
from typing import Any, NamedTuple

from rq import Queue
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from document_parser.errors import IdempotencyKeyReused
from document_parser.jobs import admission, cache, record, scripts
from document_parser.jobs.connection import Redis, text
from document_parser.jobs.job import CacheState, JobCard
from document_parser.jobs.lanes import LANES
from document_parser.jobs.ledger import Ledger
from document_parser.models import FORMAT_FILES, Confinement, CpuEngine, Lane
from document_parser.settings import Settings

FINISH = "finish"
PAGES = "pages"
DOCUMENTS = (FINISH, *LANES)
"""What has been read is finished first; then documents to plan, by lane."""
QUEUES = (*DOCUMENTS, PAGES)
HEARTBEAT_GRACE_SECONDS = 20.0
"""RQ's idle workers give a sign of life every five seconds."""
WORKER_KEY_SECONDS = 80
"""So long RQ's key of a worker lives from each sign of life on. What is left of it tells when that came on Redis' clock; the
times that stand in it are of the clocks of hosts, which may differ by hours."""

CPU_ENGINE = "cpu_engine"
"""The field of RQ's key of a worker in which it says how its CPU engine is, as JSON."""
OPENERS = "openers"
"""The field in which it says what confines the openers of its pool, as JSON."""

TASKS = frozenset(f"document_parser.jobs.tasks.{name}" for name in ("plan", "read", "deliver", "assemble", "export", "retry"))
"""All that a worker runs."""
RESULT_SECONDS = 300
"""A bell that was answered is shown so long. Nothing looks at it again: results are in storage, and states in the ledger."""
FAILURE_SECONDS = 86_400
IS_PLAN = re.compile(r"[0-9a-f-]{36}")


class Bell(RqJob):
    """An RQ job that has no callbacks and reports to nobody, whatever stands in Redis.

    RQ runs those of abandoned jobs in the worker itself, without a look at the task: of any job that somebody wrote into a
    queue's registry of started ones.
    """

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        """Send none."""


def queue(redis: Redis, name: str) -> Queue:
    return Queue(name, connection=redis, job_class=Bell, serializer=JSONSerializer)


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job that stands for an upload: its own, or the one that its Idempotency-Key has brought before."""

    job_id: str
    cache: CacheState = "off"
    replayed: bool = False
    shared: bool = False
    """Another job reads the same document already; no bell rings until that has ended."""


def submit(redis: Redis, settings: Settings, card: JobCard, password_token: bytes | None, *, bounded: bool = True) -> Submitted:
    """Write the record and ring for a planner. The document and its ``job.json`` are stored already.

    Nothing is written where the Idempotency-Key has brought a job before. Raises QueueFull, IdempotencyKeyReused.
    """
    most = tuple(admission.most(settings.queue).model_dump().values()) if bounded else record.NO_BOUNDS
    cache_key = cache.document_key(settings, card)
    created = record.create(redis, card, password_token, most, settings.queue.idempotency_hours, cache_key)
    if created.outcome == "reused":
        raise IdempotencyKeyReused()
    if created.outcome == "full":
        raise admission.load(redis, settings.queue).refusal(created.which)  # type: ignore[arg-type]
    if created.outcome == "replayed":
        return Submitted(created.which, replayed=True)
    if created.which == "shared":
        return Submitted(card.job_id, "miss", shared=True)
    ring_stage(redis, card.job_id, "plan", lane=card.lane, description=card.filename)
    return Submitted(card.job_id, created.which)  # type: ignore[arg-type]


def wake_waiting(redis: Redis, ledger: Ledger, reader: str, waiting: list[str]) -> None:
    """Ring for the jobs that waited for this one to read the same document."""
    for job in record.load_many(redis, ledger.wake(reader, waiting)):
        ring_stage(redis, job.card.job_id, "plan", lane=job.lane, description=job.card.filename)


def ring_stage(redis: Redis, job_id: str, stage: str, lane: Lane = "normal", description: str = "") -> None:
    """Ring for whoever plans (in its lane), assembles, exports or rereads a document. A planner's RQ id is the job's id."""
    if not scripts.run(redis, "note_rung", job_id, stage):
        return  # deleted meanwhile
    name, _, rest = stage.partition("-")
    arguments = [job_id, rest] if rest else [job_id]
    queue_name = lane if name == "plan" else FINISH
    _enqueue(redis, queue_name, name, arguments, rq_id(job_id, stage), description or f"{stage} {job_id}")


def ring_readers(redis: Redis, ledger: Ledger, settings: Settings) -> None:
    """Call as many readers as there are workers, if pages are ready."""
    slots = max(live_workers(redis), 1)
    names = [f"read-{slot}-{uuid.uuid4().hex[:12]}" for slot in range(1, slots + 1)]
    for slot in ledger.ring(names):
        _enqueue(redis, PAGES, "read", [slot], names[slot - 1], f"read pages, reader {slot}")


def ring_deliverer(redis: Redis, ledger: Ledger) -> None:
    """Call one deliverer, if a webhook is due and none is at it or on its way."""
    name = f"deliver-{uuid.uuid4().hex[:12]}"
    if ledger.ring_deliverer(name, queue(redis, FINISH).key):
        _enqueue(redis, FINISH, "deliver", [], name, "deliver webhooks")


def rq_id(job_id: str, stage: str) -> str:
    return job_id if stage == "plan" else f"{job_id}-{stage}"


def job_of(rq_job_id: str) -> str:
    """The job for which a doorbell rings; empty for those of readers and deliverers."""
    found = IS_PLAN.match(rq_job_id)
    return found[0] if found else ""


def is_own_task(job: RqJob) -> bool:
    """Whether an RQ job is one of ours and nothing besides.

    RQ imports and runs whatever function a job or its callbacks name, and posts to whatever address it names: whoever can write
    to Redis could run code on every worker host.
    """
    try:
        own = job.func_name in TASKS and job.instance is None
    except (DeserializationError, TypeError):
        return False
    callbacks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)
    return own and not any(callbacks) and not job.webhooks


def is_queued(redis: Redis, rq_job_id: str, names: tuple[str, ...] = DOCUMENTS) -> bool:
    """Whether a doorbell still waits in one of these queues."""
    return any(redis.lpos(key, rq_job_id) is not None for key in document_keys(redis, names))


def document_keys(redis: Redis, names: tuple[str, ...] = DOCUMENTS) -> list[str]:
    """The lists of RQ's queues."""
    return [queue(redis, name).key for name in names]


def waiting_documents(redis: Redis, names: tuple[str, ...] = DOCUMENTS) -> int:
    """Bells in these queues that nobody has answered."""
    with redis.pipeline(transaction=False) as pipe:
        for key in document_keys(redis, names):
            pipe.llen(key)
        return int(sum(pipe.execute()))


def next_plans(redis: Redis, lanes: tuple[Lane, ...]) -> list[str]:
    """Of each lane the document that is planned next."""
    found = [_next_plan(redis, lane) for lane in lanes]
    return [job_id for job_id in found if IS_PLAN.fullmatch(job_id)]


def plan_in_turn(redis: Redis, lane: Lane, rang: str) -> str:
    """The document to plan now that a worker has taken this one's bell: owners take turns, and the one that rang waits on."""
    return _next_plan(redis, lane, rang)


def _next_plan(redis: Redis, lane: Lane, rang: str = "") -> str:
    return text(scripts.run(redis, "next_plan", lane, queue(redis, lane).key, rang))


def take_plan(redis: Redis, job_id: str) -> bool:
    """Answer a document's bell without RQ, its plan being claimed; False where a worker was faster."""
    places = [part for lane in LANES for part in (lane, queue(redis, lane).key)]
    return bool(scripts.run(redis, "take_plan", job_id, *places))


def plan_answered(redis: Redis, job_id: str) -> None:
    """Show the planner's RQ job as finished, as RQ would have."""
    with contextlib.suppress(NoSuchJobError):
        rung = Bell.fetch(job_id, connection=redis, serializer=JSONSerializer)
        with redis.pipeline() as pipe:
            rung.set_status(JobStatus.FINISHED, pipeline=pipe)
            rung.finished_job_registry.add(rung, RESULT_SECONDS, pipeline=pipe)
            rung.cleanup(RESULT_SECONDS, pipeline=pipe)
            pipe.execute()


DELETION_TRIES = 3
"""A bell that a worker or another deletion keeps changing is left to them after this."""


def forget(redis: Redis, job_id: str) -> int:
    """Delete the doorbells of a job, in whatever queue or registry they stand. How many there were.

    One whose task is running is RQ's until that ends, and goes some minutes later.
    """
    stages = ("plan", "assemble", "retry", *(f"export-{name}" for name in FORMAT_FILES))
    rung = Bell.fetch_many([rq_id(job_id, stage) for stage in stages], redis, JSONSerializer)
    return sum(_is_deleted(bell) for bell in rung if bell is not None)


def _is_deleted(bell: RqJob) -> bool:
    """Whether this has deleted it. RQ does so in several steps, and a worker or another deletion may come between them."""
    for _ in range(DELETION_TRIES):
        try:
            if bell.is_started:
                return False
            bell.delete()
        except InvalidJobOperation:  # it is gone
            return False
        except ValueError:  # the execution that RQ looks at has just ended
            continue
        return True
    return False


class LivingWorker(NamedTuple):
    """A worker that gave a sign of life lately."""

    key: str
    """RQ's key of it."""
    host: str
    cpu_engine: CpuEngine | None
    """As the worker found it; None where it has none, or has not said so yet."""
    openers: Confinement | None
    """What confines the openers of its pool; None where it has not said so."""


def living_workers(redis: Redis) -> list[LivingWorker]:
    """Workers that gave a sign of life lately, sorted by key. RQ lists dead ones until their keys expire. Raises RedisError."""
    keys = sorted(map(text, redis.smembers("rq:workers")))
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.pttl(key)
            pipe.hmget(key, ["death", "hostname", CPU_ENGINE, OPENERS])
        replies = pipe.execute()
    found = zip(keys, replies[::2], replies[1::2], strict=True)
    return [
        LivingWorker(
            key,
            text(host or b""),
            CpuEngine.model_validate_json(told) if told else None,
            Confinement.model_validate_json(openers) if openers else None,
        )
        for key, left, (death, host, told, openers) in found
        if is_alive(left, text(death or b""))
    ]


def live_workers(redis: Redis) -> int:
    """How many workers gave a sign of life lately, on all hosts. Raises RedisError."""
    return len(living_workers(redis))


def is_alive(left: int, death: str) -> bool:
    """Whether a worker gave a sign of life lately and has not said that it ended; ``left`` milliseconds of its key's life.

    One whose key lives on for longer gave its last sign before Redis' clock was set back: the next one tells.
    """
    return not death and 0 <= WORKER_KEY_SECONDS - left / 1000 < HEARTBEAT_GRACE_SECONDS


def _enqueue(redis: Redis, name: str, task: str, arguments: list[Any], rq_job_id: str, description: str) -> RqJob:
    # Timeout -1: RQ's 0 means its default of 180 s. Pages have deadlines of their own.
    return queue(redis, name).enqueue_call(
        func=f"document_parser.jobs.tasks.{task}",
        args=arguments,
        job_id=rq_job_id,
        timeout=-1,
        description=description,
        result_ttl=RESULT_SECONDS,
        failure_ttl=FAILURE_SECONDS,
    )
