"""Enqueue the RQ jobs that start work on documents. They carry ids only; what there is to do is in the ledger."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rq import Queue
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from document_parser.errors import IdempotencyKeyReused
from document_parser.jobs import cache
from document_parser.jobs.reader_slots import ReaderSlots
from document_parser.jobs.records import record, transfers
from document_parser.jobs.records.job import ID_PATTERN, CacheState, Job, JobCard
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis import scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.scheduling import admission, quotas
from document_parser.jobs.scheduling.lanes import LANES
from document_parser.jobs.webhooks.outbox import Outbox
from document_parser.models import FORMAT_FILES, Confinement, CpuEngine, JobState, Lane
from document_parser.settings import Settings
from document_parser.settings.tiers import NO_LIMITS

FINISH = "finish"
"""The queue of everything that follows reading: assembling, exporting, reading again, delivering webhooks."""
PAGES = "pages"
"""The queue of readers."""
DOCUMENTS = (FINISH, *LANES)
"""The queues of documents: those that have been read are finished first, then documents are planned, by lane."""
QUEUES = (*DOCUMENTS, PAGES)
"""All queues."""
EXISTING_PASSWORD_SECONDS = 3600
"""Lifetime of the password of a job that a sweep has rebuilt while it was submitted: it may have ended already."""
HEARTBEAT_GRACE_SECONDS = 20.0
"""A worker counts as alive this long after its last heartbeat. RQ's idle workers send one every five seconds."""
WORKER_KEY_SECONDS = 80
"""The time to live that RQ's key of a worker gets with each heartbeat. The rest of it gives the time of the last heartbeat on
Redis' clock; the times in the key are from the clocks of hosts, which may differ by hours."""

CPU_ENGINE = "cpu_engine"
"""The field of RQ's key of a worker in which it reports the state of its CPU engine, as JSON."""
OPENERS = "openers"
"""The field in which it reports what confines the openers of its pool, as JSON."""

TASKS = frozenset(
    f"document_parser.workers.tasks.{name}"
    for name in ("plan", "read", "deliver", "assemble", "export", "extract", "classify", "retry")
)
"""The import paths of all tasks that a worker runs."""
RESULT_SECONDS = 300
"""How long RQ shows a finished RQ job. Nothing reads it again: results are in storage, and states are in the ledger."""
FAILURE_SECONDS = 86_400
"""How long RQ shows a failed RQ job."""
IS_PLAN = re.compile(ID_PATTERN)
"""The RQ id of a plan, which is the id of its job. Other RQ ids of a job begin with it."""


class TaskJob(RqJob):
    """An RQ job that has no callbacks and sends no webhooks of RQ, whatever Redis contains.

    RQ runs the callbacks of abandoned jobs in the worker itself, without checking the task. They may belong to any job that
    another program wrote into a queue's registry of started jobs.
    """

    @property
    def success_callback(self) -> None:
        """Return None: there is no callback."""
        return None

    @property
    def failure_callback(self) -> None:
        """Return None: there is no callback."""
        return None

    @property
    def stopped_callback(self) -> None:
        """Return None: there is no callback."""
        return None

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        """Send no webhooks."""


def queue(redis: Redis, name: str) -> Queue:
    """Return one of RQ's queues, with our class of jobs and the JSON serializer."""
    return Queue(name, connection=redis, job_class=TaskJob, serializer=JSONSerializer)


@dataclass(frozen=True, slots=True)
class Submission:
    """The job of an upload: a new one, or the earlier one with the same Idempotency-Key (``replayed``)."""

    job_id: str
    cache: CacheState = "off"
    replayed: bool = False
    shared: bool = False
    """Whether another job reads the same document already; this one is enqueued when that has ended."""
    gone: bool = False
    """Whether the job was not created, because its batch takes no more jobs."""


def submit(
    redis: Redis,
    settings: Settings,
    card: JobCard,
    password_token: bytes | None,
    *,
    address_token: bytes | None = None,
    bounded: bool = True,
    within_quotas: bool = True,
) -> Submission:
    """Create the job's record and enqueue its plan, or its fetch if the document is not in storage yet; ``job.json`` must be.

    ``address_token`` is the sealed address of a document that has to be fetched. With a known Idempotency-Key nothing is
    written and the earlier job is returned, and so is a job that was created before. ``bounded`` applies the queue's bounds.
    The job counts against the quotas of its owner, and is refused beyond them unless it was accepted before: then
    ``within_quotas`` is False. Raises QueueFull, RateLimitExceeded, QuotaExceeded, TierUnknown, IdempotencyKeyReused,
    RedisError.
    """
    tier = settings.accounts.tier(card.tier) if within_quotas else NO_LIMITS
    counted = quotas.to_argument(tier, card.created_at) if card.tier else ""
    most = tuple(admission.bounds_of(settings.queue).model_dump().values()) if bounded else record.NO_BOUNDS
    cache_key = cache.document_key(settings, card) if card.is_fetched else ""
    created = record.create(
        redis, card, password_token, most, settings.queue.idempotency_hours, cache_key, address_token, counted
    )
    if created.outcome == "reused":
        raise IdempotencyKeyReused()
    if created.outcome == "quota":
        raise quotas.to_refusal(tier, (created.which, *created.facts), card.created_at)
    if created.outcome == "full":
        raise admission.load(redis, settings.queue).refusal(created.which)  # type: ignore[arg-type]
    if created.outcome == "replayed":
        return Submission(created.which, replayed=True)
    if created.outcome == "exists":
        return _submit_existing(redis, card, password_token)
    if created.outcome == "gone":
        return Submission(card.job_id, gone=True)
    if created.which == "shared":
        return Submission(card.job_id, "miss", shared=True)
    stage = "plan" if card.is_fetched else transfers.FETCH
    enqueue_stage(redis, card.job_id, stage, lane=card.lane, description=card.filename)
    return Submission(card.job_id, created.which)  # type: ignore[arg-type]


def scan_again(redis: Redis, settings: Settings, card: JobCard) -> str:
    """Queue a job again that failed because the virus scanner was away for too long. Its fetch has to be enqueued.

    It counts against the quotas of its owner as a new one does, and its batch waits for it again. Return ``ok``, ``missing``,
    or the job's state if it did not fail for that reason. Raises RateLimitExceeded, QuotaExceeded, TierUnknown, RedisError.
    """
    tier, now = settings.accounts.tier(card.tier), datetime.now(UTC)
    alone = card.model_copy(update={"batch": "", "place": ""})
    given = quotas.to_argument(tier, now) if card.tier else ""
    reply: Any = scripts.run_script(redis, "scan_again", card.job_id, given, alone.model_dump_json())
    outcome, *facts = map(text, reply)
    if outcome == "quota":
        raise quotas.to_refusal(tier, facts, now)
    return outcome


def _submit_existing(redis: Redis, card: JobCard, password_token: bytes | None) -> Submission:
    """Return the submission of a job that is there already.

    A sweep that starts rebuilds jobs of which storage has ``job.json`` and Redis no record; such a one may be about to be
    submitted. It is the same job, and needs only what ``job.json`` does not say. Raises RedisError.
    """
    if password_token is not None:
        redis.set(f"job:{card.job_id}:password", password_token, ex=EXISTING_PASSWORD_SECONDS)
    return Submission(card.job_id)


def enqueue_waiting(redis: Redis, ledger: Ledger, reader: str, waiting: list[str]) -> None:
    """Enqueue the plans of the jobs in ``waiting`` that waited for ``reader`` to read the same document. Raises RedisError."""
    for job in record.load_many(redis, ledger.release_waiting(reader, waiting)):
        enqueue_stage(redis, job.card.job_id, "plan", lane=job.lane, description=job.card.filename)


def enqueue_extractions(redis: Redis, job: Job) -> None:
    """Enqueue the extractions that a completed job still waits for. Raises RedisError."""
    if job.state is JobState.COMPLETED:
        for extraction_id in job.pending_extractions:
            enqueue_stage(redis, job.card.job_id, extraction_stage(extraction_id))


def extraction_stage(extraction_id: str) -> str:
    """Return the name of the stage that makes an extraction."""
    return f"extract-{extraction_id}"


def enqueue_stage(redis: Redis, job_id: str, stage: str, lane: Lane = "normal", description: str = "") -> None:
    """Enqueue a stage of a job: its plan in its lane; its assembly, an export or its retries in the queue ``finish``.

    A fetch is no RQ job: a process beside the workers takes it. The RQ id of a plan is the job's id. Nothing happens if the
    job was deleted. Raises RedisError.
    """
    if not scripts.run_script(redis, "note_enqueued", job_id, stage):
        return  # deleted meanwhile
    if stage == transfers.FETCH:
        transfers.enqueue_fetch(redis, job_id)
        return
    name, _, rest = stage.partition("-")
    arguments = [job_id, rest] if rest else [job_id]
    queue_name = lane if name == "plan" else FINISH
    _enqueue(redis, queue_name, name, arguments, rq_id(job_id, stage), description or f"{stage} {job_id}")


def enqueue_readers(redis: Redis) -> None:
    """Enqueue as many readers as there are workers, if pages are ready. Slots that are taken are skipped. Raises RedisError."""
    slots = max(count_living_workers(redis), 1)
    names = [f"read-{slot}-{uuid.uuid4().hex[:12]}" for slot in range(1, slots + 1)]
    for slot in ReaderSlots(redis).reserve(names):
        _enqueue(redis, PAGES, "read", [slot], names[slot - 1], f"read pages, reader {slot}")


def enqueue_deliverer(redis: Redis) -> None:
    """Enqueue one deliverer, if a webhook is due and no deliverer runs or is enqueued. Raises RedisError."""
    name = f"deliver-{uuid.uuid4().hex[:12]}"
    if Outbox(redis).reserve_deliverer(name, queue(redis, FINISH).key):
        _enqueue(redis, FINISH, "deliver", [], name, "deliver webhooks")


def rq_id(job_id: str, stage: str) -> str:
    """Return the RQ id of a stage of a job. RQ takes no dots, which the variants of exports have."""
    return job_id if stage == "plan" else f"{job_id}-{stage.replace('.', '--')}"


def job_of(rq_job_id: str) -> str:
    """Return the id of the job that an RQ job belongs to; empty for readers and deliverers."""
    found = IS_PLAN.match(rq_job_id)
    return found[0] if found else ""


def is_own_task(job: RqJob) -> bool:
    """Return whether an RQ job runs one of our tasks and nothing else.

    RQ imports and runs any function that a job or its callbacks name, and posts to any address it names. Without this check,
    anyone who can write to Redis could run code on every worker host.
    """
    try:
        own = job.func_name in TASKS and job.instance is None
    except (DeserializationError, TypeError):
        return False
    callbacks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)
    return own and not any(callbacks) and not job.webhooks


def is_queued(redis: Redis, rq_job_id: str, names: tuple[str, ...] = DOCUMENTS) -> bool:
    """Return whether an RQ job still waits in one of these queues. Raises RedisError."""
    return any(redis.lpos(key, rq_job_id) is not None for key in document_keys(redis, names))


def is_stage_queued(redis: Redis, job_id: str, stage: str) -> bool:
    """Return whether a stage of a job waits to be taken. Raises RedisError."""
    if stage == transfers.FETCH:
        return transfers.is_fetch_queued(redis, job_id)
    return is_queued(redis, rq_id(job_id, stage))


def document_keys(redis: Redis, names: tuple[str, ...] = DOCUMENTS) -> list[str]:
    """Return the Redis keys of RQ's lists for these queues."""
    return [queue(redis, name).key for name in names]


def waiting_documents(redis: Redis, names: tuple[str, ...] = DOCUMENTS) -> int:
    """Return how many RQ jobs wait in these queues. Raises RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for key in document_keys(redis, names):
            pipe.llen(key)
        return int(sum(pipe.execute()))


def next_plan_by_lane(redis: Redis, lanes: tuple[Lane, ...]) -> list[str]:
    """Return the document of each lane that is planned next; lanes without one are left out. Raises RedisError."""
    found = [_next_plan(redis, lane) for lane in lanes]
    return [job_id for job_id in found if IS_PLAN.fullmatch(job_id)]


def choose_plan_in_turn(redis: Redis, lane: Lane, taken: str) -> str:
    """Return the document to plan instead of ``taken``, whose RQ job a worker has just taken, since owners take turns.

    The chosen document is removed from the queue, and ``taken`` waits in its place. Raises RedisError.
    """
    return _next_plan(redis, lane, taken)


def _next_plan(redis: Redis, lane: Lane, taken: str = "") -> str:
    return text(scripts.run_script(redis, "next_plan", lane, queue(redis, lane).key, taken))


def take_plan(redis: Redis, job_id: str) -> bool:
    """Remove the RQ job of a plan that a reader has claimed. Return False if a worker was faster. Raises RedisError."""
    places = [part for lane in LANES for part in (lane, queue(redis, lane).key)]
    return bool(scripts.run_script(redis, "take_plan", job_id, *places))


def mark_plan_finished(redis: Redis, job_id: str) -> None:
    """Mark the RQ job of a plan as finished, as RQ would have done. Raises RedisError."""
    with contextlib.suppress(NoSuchJobError):
        job = TaskJob.fetch(job_id, connection=redis, serializer=JSONSerializer)
        with redis.pipeline() as pipe:
            job.set_status(JobStatus.FINISHED, pipeline=pipe)
            job.finished_job_registry.add(job, RESULT_SECONDS, pipeline=pipe)
            job.cleanup(RESULT_SECONDS, pipeline=pipe)
            pipe.execute()


MAX_DELETION_TRIES = 3
"""How often the deletion of an RQ job is tried; after that it is left to the worker or deletion that keeps changing it."""


def stages_of(redis: Redis, job_id: str) -> set[str]:
    """Return the stages of a job that were enqueued, and all that may have been. Raises RedisError."""
    enqueued: Any = redis.hkeys(f"job:{job_id}:rung")
    return {"plan", "assemble", "retry", *(f"export-{name}" for name in FORMAT_FILES), *map(text, enqueued)}


def forget(redis: Redis, job_id: str, stages: Iterable[str] = ()) -> int:
    """Delete the RQ jobs of a job from all queues and registries. Return how many there were. Raises RedisError.

    ``stages`` are what ``stages_of`` returned before the job was deleted.

    RQ keeps one whose task is running until the task ends, and deletes it some minutes later.
    """
    enqueued = sorted({*stages_of(redis, job_id), *stages} - {transfers.FETCH})
    jobs = TaskJob.fetch_many([rq_id(job_id, stage) for stage in enqueued], redis, JSONSerializer)
    return sum(_delete_rq_job(job) for job in jobs if job is not None)


def _delete_rq_job(job: RqJob) -> bool:
    """Delete an RQ job. Return whether this call has deleted it.

    RQ deletes in several steps, and a worker or another deletion may interfere.
    """
    for _ in range(MAX_DELETION_TRIES):
        try:
            if job.is_started:
                return False
            job.delete()
        except InvalidJobOperation:  # it is gone
            return False
        except ValueError:  # the execution that RQ reads has just ended
            continue
        return True
    return False


class LivingWorker(NamedTuple):
    """A worker that sent a heartbeat lately."""

    key: str
    """RQ's key of the worker."""
    host: str
    cpu_engine: CpuEngine | None
    """The state of its CPU engine; None if it has none or has not reported it yet."""
    openers: Confinement | None
    """What confines the openers of its pool; None if it has not reported it."""


def living_workers(redis: Redis) -> list[LivingWorker]:
    """Return the workers that sent a heartbeat lately, sorted by key. Raises RedisError.

    RQ lists dead workers until their keys expire.
    """
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
            CpuEngine.model_validate_json(cpu_engine) if cpu_engine else None,
            Confinement.model_validate_json(openers) if openers else None,
        )
        for key, left, (death, host, cpu_engine, openers) in found
        if is_alive(left, text(death or b""))
    ]


def count_living_workers(redis: Redis) -> int:
    """Return how many workers on all hosts sent a heartbeat lately. Raises RedisError."""
    return len(living_workers(redis))


def is_alive(left: int, death: str) -> bool:
    """Return whether a worker sent a heartbeat lately and has not reported its death.

    ``left`` is the time to live of its key in milliseconds. If that is larger than a heartbeat sets it, Redis' clock was set
    back after the last heartbeat; the worker counts again with its next one.
    """
    return not death and 0 <= WORKER_KEY_SECONDS - left / 1000 < HEARTBEAT_GRACE_SECONDS


def _enqueue(redis: Redis, name: str, task: str, arguments: list[Any], rq_job_id: str, description: str) -> RqJob:
    """Enqueue one of our tasks in the queue ``name``."""
    # Timeout -1 is none; RQ's 0 would mean its default of 180 s. Pages have deadlines of their own.
    return queue(redis, name).enqueue_call(
        func=f"document_parser.workers.tasks.{task}",
        args=arguments,
        job_id=rq_job_id,
        timeout=-1,
        description=description,
        result_ttl=RESULT_SECONDS,
        failure_ttl=FAILURE_SECONDS,
    )
