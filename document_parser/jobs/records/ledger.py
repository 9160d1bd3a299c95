"""The ledger: one entry for each page of a job, and the claims on pages and stages.

Each step is one Lua script, so that a crash never leaves half of it done.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from document_parser.accounts.retention import longest_retention_hours
from document_parser.jobs.records import usage
from document_parser.jobs.records.retries import RetryOrder, RetryOutcome
from document_parser.jobs.redis import clock, counters, scripts
from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.scheduling import quotas
from document_parser.jobs.scheduling.lanes import LANES
from document_parser.models import CPU_ENGINES, JobError, JobState, Lane, Page, PageStatus, format_utc
from document_parser.settings import Settings
from document_parser.telemetry.metrics import JOB_SECONDS, bound_text

Stage = str
"""``plan``, ``assemble``, ``export-FORMAT`` or ``retry``."""

ENDINGS = "jobs:endings"
"""The Redis key that counts jobs that were cancelled, deleted or failed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to read one page, or to work on one stage, until a deadline."""

    job_id: str
    what: str
    """A page number or a stage."""
    token: str
    alone: bool = False
    request_id: str = ""
    """The id of the upload's request, for the log."""
    key_id: str = ""
    """The id of the key that sent the job, for the log; empty if none did."""
    traceparent: str = ""
    """The span to whose trace the work belongs; empty if traces were off."""

    @property
    def is_page(self) -> bool:
        """Return whether the claim is for a page rather than a stage."""
        return self.what.isdigit()

    @property
    def page(self) -> int:
        """Return the number of the claimed page. Raises ValueError for the claim of a stage."""
        return int(self.what)


@dataclass(frozen=True, slots=True)
class Released:
    """The outcome of releasing a claim.

    ``none``: the claim was no longer held; ``ready``: the page is ready again; ``suspect``: it will be read alone; ``failed``:
    it failed; ``closed``: it failed, and that closed the ledger; ``stage``: the claim was for a stage.
    """

    outcome: Literal["none", "ready", "suspect", "failed", "closed", "stage"]
    crashes: int


class Ledger:
    """Changes entries, claims and stages of jobs, and ends jobs. Every method that calls Redis raises RedisError."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self._run = scripts.Scripts(redis).run

    # --- planning

    def claim_stage(self, job_id: str, stage: Stage, actor: str, *, alone: bool) -> Claim | None:
        """Claim a stage of a job; None if there is nothing to do, or another living actor works on it.

        ``alone`` says that the actor does nothing else meanwhile, so that a crash can be charged to this document.
        """
        claim = Claim(job_id, stage, _token(), alone)
        now = format_utc(clock.now(self.redis))
        bounds = map(bound_text, JOB_SECONDS)
        taken = self._run("claim_stage", job_id, stage, actor, claim.token, self._stage_span(), now, int(alone), *bounds)
        return claim if taken else None

    def suspects(self, stage: Stage, job_ids: Iterable[str]) -> set[str]:
        """Return those of the jobs for which an actor has died in this stage. It must be worked on alone from now on."""
        found = list(job_ids)
        with self.redis.pipeline(transaction=False) as pipe:
            for job_id in found:
                pipe.hget(f"job:{job_id}:stages", stage)
            entries = pipe.execute()
        return {job_id for job_id, raw in zip(found, entries, strict=True) if raw and json.loads(raw).get("deaths")}

    def finish_stage(self, claim: Claim, error: JobError | None = None, used: usage.Changes | None = None) -> None:
        """Finish a stage, and count what it used. It counts once, however often the stage was begun.

        Those who wait for a format get an event: it is written, or ``error`` says why it is not.
        """
        reported = error.model_dump_json() if error else ""
        self._run("finish_stage", claim.job_id, claim.what, claim.token, reported, usage.as_argument(used or {}))

    def give_up_format(self, job_id: str, stage: Stage, error: JobError) -> None:
        """Report to those who wait for a format that it will not be written, since writing it killed its worker repeatedly."""
        self._run("give_up_format", job_id, stage, error.model_dump_json())

    def reopen(self, claim: Claim, pages: Iterable[int]) -> Literal["ready", "again", "not_yours"]:
        """Make pages whose files are lost ready to be read again, and release the stage of this claim.

        ``again``: a page has been lost twice before, and nothing was changed. ``not_yours``: the claim is no longer held.
        """
        entries, parts = self.entries(claim.job_id), []
        for page in pages:
            entry = entries.get(page, {})
            counter = counter_of(entry.get("state", ""), entry.get("engine"))
            cached = any(attempt.get("cached") for attempt in entry.get("attempts", ()))
            parts += [page, counter, int(cached)]
        return text(self._run("reopen", claim.job_id, claim.what, claim.token, *parts))  # type: ignore[return-value]

    def create_entries(self, job_id: str, page_count: int, numbers: Iterable[int], lane: Lane = "normal") -> None:
        """Create a pending entry for each page to read, and set the job's lane. Repeating it changes nothing.

        ``page_count`` is the number of pages of the document. Nothing is created if the job is not being processed. Raises
        QuotaExceeded if its owner has fewer pages left this month.
        """
        outcome, *facts = map(text, self._run("create_entries", job_id, page_count, lane, *numbers))
        if outcome == "quota":
            raise quotas.too_many_pages(*map(int, facts))

    def claim_planned_page(self, job_id: str, number: int, actor: str) -> Claim | None:
        """Claim a page that the planner reads itself; None if the page is no longer pending."""
        claim = Claim(job_id, str(number), _token())
        return claim if self._run("claim_planned_page", job_id, number, actor, claim.token, self._page_span()) else None

    def make_ready(self, job_id: str, numbers: Iterable[int]) -> int:
        """Make pending pages ready for the readers. Return how many there were."""
        return int(self._run("make_ready", job_id, *numbers))

    def close_plan(self, claim: Claim) -> bool:
        """Finish planning. Return whether that closed the ledger, since all pages are finished already."""
        return bool(self._run("close_plan", claim.job_id, claim.token) == 2)

    # --- reading

    def claim(self, actor: str, *, empty_handed: bool, lanes: tuple[Lane, ...] = LANES) -> Claim | Literal["drain"] | None:
        """Claim the next page of any document; ``drain`` if a suspect page must be read alone; None if nothing is ready.

        The lanes are asked in the order of ``lanes``; in each, owners take turns, and so do the documents of an owner.
        ``empty_handed`` says that the actor holds no page, so that it can read a suspect page alone.
        """
        token = _token()
        reply = [text(part) for part in self._run("claim", actor, token, int(empty_handed), self._page_span(), *lanes)]
        if not reply:
            return None
        if reply[0] == "drain":
            return "drain"
        return Claim(
            reply[0], reply[1], token, alone=reply[2] == "1", request_id=reply[3], key_id=reply[4], traceparent=reply[5]
        )

    def finish(self, claim: Claim, page: Page) -> Literal["closed", "counted", "not_yours", "gone"]:
        """Count a page whose file is stored: only while the claim is held, and only once.

        ``closed``: that was the last page; ``gone``: the job was deleted; ``not_yours``: the claim is no longer held.
        """
        counter = counter_of(page.status, page.engine)
        changes = [part for change in counters.samples_of_page(page).items() for part in change]
        how = "cached" if page.is_cached else "text" if page.engine == "text_layer" else "read"
        reply = self._run(
            "finish",
            claim.job_id,
            claim.what,
            claim.token,
            json.dumps(entry_of(page)),
            page.status,
            counter,
            how,
            usage.as_argument(usage.usage_of_page(page)),
            *changes,
        )
        return {2: "closed", 1: "counted", 0: "not_yours", -1: "gone"}[int(reply)]  # type: ignore[return-value]

    def release(self, claim: Claim, *, crashed: bool) -> Released:
        """Release a claim: given back by its actor, or (``crashed``) taken from an actor that died."""
        outcome, crashes = self._run("release", claim.job_id, claim.what, claim.token, "crash" if crashed else "back")
        return Released(text(outcome), int(crashes))  # type: ignore[arg-type]

    def entries(self, job_id: str) -> dict[int, dict[str, Any]]:
        """Return all entries of a job by page number."""
        fields = self.redis.hgetall(f"job:{job_id}:pages")
        return {int(name): json.loads(raw) for name, raw in fields.items() if name.isdigit()}

    def entry(self, job_id: str, number: int) -> dict[str, Any] | None:
        """Return the entry of one page, None if the job has no such page."""
        raw: Any = self.redis.hget(f"job:{job_id}:pages", str(number))
        return json.loads(raw) if raw else None

    # --- reading again

    def request_retry(self, job_id: str, order: RetryOrder, password_token: bytes | None) -> str:
        """Order a page to be read again. Return ``ok``, ``missing``, ``page``, ``underway``, ``locked``, or the job's state.

        ``missing``: there is no such job; ``page``: it has no such page; ``underway``: this page is ordered already;
        ``locked``: the order must include the document's password. A state is returned if it is not ``completed``.
        """
        return text(self._run("request_retry", job_id, order.page, order.model_dump_json(), password_token or b""))

    def retries(self, job_id: str) -> list[RetryOrder]:
        """Return the orders that have not ended yet, in their order; the first is being worked on."""
        return [RetryOrder.model_validate_json(raw) for raw in self.redis.lrange(f"job:{job_id}:retries", 0, -1)]

    def complete_retry(self, claim: Claim | None, job_id: str, outcome: RetryOutcome) -> Literal["ok", "gone", "not_yours"]:
        """Close the first order of a job with its outcome.

        ``claim`` is None only if the worker that held it has died. ``not_yours``: the claim is no longer held, or the job has
        changed meanwhile; ``gone``: it was deleted.
        """
        changes = [part for change in outcome.samples.items() for part in change]
        reply = self._run(
            "complete_retry",
            *(job_id, claim.token if claim else "", outcome.page, json.dumps(outcome.entry), outcome.revision or ""),
            *(json.dumps(outcome.counts), outcome.status, outcome.error),
            *(outcome.announced, json.dumps([*outcome.failed_pages])),
            *(usage.as_argument(outcome.usage), *changes),
        )
        return text(reply)  # type: ignore[return-value]

    def claim_holders(self) -> dict[str, set[str]]:
        """Return the names of the actors that hold claims now, by job."""
        found: dict[str, set[str]] = defaultdict(set)
        for name in self.redis.zrange("claims", 0, -1):
            job_id, _, _, actor = text(name).split("|", 3)
            found[job_id].add(actor)
        return found

    # --- living and ending

    def heartbeat(self, actor: str, claims: list[Claim]) -> list[Claim]:
        """Record that the actor is alive. Return those of its claims that it no longer holds."""
        parts = [part for claim in claims for part in (claim.job_id, claim.what, claim.token)]
        return [claims[int(position) - 1] for position in self._run("heartbeat", actor, *parts)]

    def endings(self) -> int:
        """Return how many jobs were cancelled, deleted or failed so far; if the number grows, claims may have been lost."""
        return int(self.redis.get(ENDINGS) or 0)

    def sign_off(self, actor: str) -> None:
        """Record that the actor ends normally, holding no claims."""
        self.redis.zrem("actors", actor)

    def end(self, job_id: str, state: JobState, error: JobError | None = None) -> str:
        """End a job and set the expiry of all its keys. Return ``ok``, ``missing``, ``open``, or the state it has ended in.

        ``open``: the state ``completed`` was asked for while pages are missing; the job goes on.
        """
        now = clock.now(self.redis)
        ttl = self._kept_hours(job_id) * 3600
        expires = now + timedelta(seconds=ttl)
        return text(
            self._run(
                "end",
                job_id,
                state.value,
                error.model_dump_json() if error else "",
                format_utc(now),
                format_utc(expires),
                max(1, int(ttl * 1000)),
                int(self.settings.store.tombstone_days * 86_400_000),
                *map(bound_text, JOB_SECONDS),
            )
        )

    def _kept_hours(self, job_id: str) -> float:
        """Return for how many hours a job is kept after its end: as its sender asks, else JOB_TTL_HOURS or the tier's bound."""
        asked, tier = self.redis.hmget(f"job:{job_id}", ("retention_hours", "tier"))
        most = longest_retention_hours(self.settings, text(tier or b""))
        return float(asked or 0) or min(self.settings.store.job_ttl_hours, most)

    def release_waiting(self, reader: str, job_ids: Iterable[str]) -> list[str]:
        """Release jobs that waited for ``reader`` to read the same document. Return those that must be planned now."""
        found = list(job_ids)
        return [text(job_id) for job_id in self._run("release_waiting", reader, *found)] if found else []

    def _page_span(self) -> int:
        """Return the milliseconds until the deadline of a page's claim: 30 seconds after the page's own timeout."""
        return int((self.settings.workers.page_timeout_seconds + 30) * 1000)

    def _stage_span(self) -> int:
        """Return the milliseconds until the deadline of a stage's claim."""
        # A stage may take as long as it needs while its actor is alive; the deadline only ends one that hangs for hours.
        return 6 * 3600 * 1000


def _token() -> str:
    return uuid.uuid4().hex


def counter_of(state: str, engine: str | None) -> str:
    """Return the counter of a finished page: ``cpu``, the name of its engine, or empty for a page that no engine read."""
    if state != "done":
        return ""
    return "cpu" if engine in CPU_ENGINES else (engine or "")


def entry_of(page: Page) -> dict[str, Any]:
    """Return the ledger's entry of a finished page: state, engine, route, attempts, warnings and error, without its contents.

    Attempts and warnings are the why-trail of the page.
    """
    status: PageStatus = page.status
    entry: dict[str, Any] = {"state": status, "engine": page.engine, "route": page.route}
    entry["attempts"] = [attempt.model_dump(exclude_none=True) for attempt in page.attempts]
    entry["warnings"] = [warning.code for warning in page.warnings]
    if page.is_flagged:
        entry["flagged"] = True
    if page.error is not None:
        entry["error"] = page.error.code
    return entry
