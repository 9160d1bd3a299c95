"""The ledger: one entry a page, and the claims on them. Each step is one Lua script, so that no crash falls between two."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from document_parser.jobs import clock, counters, scripts
from document_parser.jobs.connection import Redis, text
from document_parser.jobs.lanes import LANES
from document_parser.jobs.retries import RetryOrder, RetryOutcome
from document_parser.metrics import JOB_SECONDS, bound_text
from document_parser.models import JobError, JobState, Lane, Page, PageStatus, Webhook, utc_text
from document_parser.settings import Settings

Stage = str
"""``plan``, ``assemble``, ``export-FORMAT`` or ``retry``."""

ENDINGS = "jobs:endings"
CPU_ENGINES = {"rapidocr", "tesseract"}


@dataclass(frozen=True, slots=True)
class Claim:
    """A right to read one page, or to work one stage, until a deadline."""

    job_id: str
    what: str
    token: str
    alone: bool = False
    request_id: str = ""
    """Of the upload, for the log."""

    @property
    def is_page(self) -> bool:
        return self.what.isdigit()

    @property
    def page(self) -> int:
        return int(self.what)


@dataclass(frozen=True, slots=True)
class Released:
    """What came of giving a claim up."""

    outcome: Literal["none", "ready", "suspect", "failed", "closed", "stage"]
    crashes: int


class Ledger:
    """Every change of entries, claims, stages and the end of a job."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis = redis
        self.settings = settings
        self._scripts: dict[str, Any] = {}

    # --- planning

    def claim_stage(self, job_id: str, stage: Stage, actor: str, *, alone: bool) -> Claim | None:
        """The right to work a stage; None where there is nothing to do, or somebody alive is at it.

        ``alone``: the actor does nothing else meanwhile, so that its death can be blamed on this document.
        """
        claim = Claim(job_id, stage, _token(), alone)
        now = utc_text(clock.now(self.redis))
        taken = self._run("claim_stage", job_id, stage, actor, claim.token, self._stage_span(), now, int(alone))
        return claim if taken else None

    def suspects(self, stage: Stage, job_ids: Iterable[str]) -> set[str]:
        """Those of the jobs somebody died of this stage of: whoever works it from now on does nothing else meanwhile."""
        found = list(job_ids)
        with self.redis.pipeline(transaction=False) as pipe:
            for job_id in found:
                pipe.hget(f"job:{job_id}:stages", stage)
            entries = pipe.execute()
        return {job_id for job_id, raw in zip(found, entries, strict=True) if raw and json.loads(raw).get("deaths")}

    def finish_stage(self, claim: Claim, error: JobError | None = None) -> None:
        """The stage is over. Who waits for a format hears that it is written, or ``error``: why it is not."""
        self._run("finish_stage", claim.job_id, claim.what, claim.token, error.model_dump_json() if error else "")

    def give_format_up(self, job_id: str, stage: Stage, error: JobError) -> None:
        """Tell who waits for a format that writing it has killed its worker for good."""
        self._run("give_format_up", job_id, stage, error.model_dump_json())

    def reopen(self, claim: Claim, pages: Iterable[int]) -> Literal["ready", "again", "not_yours"]:
        """Give pages whose files are lost to the readers once more, and the stage of this claim back.

        ``again``: one of them has been lost twice already, and nothing was changed.
        """
        entries, parts = self.entries(claim.job_id), []
        for page in pages:
            entry = entries.get(page, {})
            counter = counter_of(entry.get("state", ""), entry.get("engine"))
            cached = any(attempt.get("cached") for attempt in entry.get("attempts", ()))
            parts += [page, counter, int(cached)]
        return text(self._run("reopen", claim.job_id, claim.what, claim.token, *parts))  # type: ignore[return-value]

    def lay(self, job_id: str, page_count: int, numbers: Iterable[int], lane: Lane = "normal") -> None:
        """One pending entry for each page to read, and the lane they go in. Laying it again changes nothing."""
        self._run("lay", job_id, page_count, lane, *numbers)

    def claim_planned_page(self, job_id: str, number: int, actor: str) -> Claim | None:
        """The planner reads this page itself; None where somebody already has it."""
        claim = Claim(job_id, str(number), _token())
        return claim if self._run("claim_planned_page", job_id, number, actor, claim.token, self._page_span()) else None

    def make_ready(self, job_id: str, numbers: Iterable[int]) -> int:
        """Give pending pages to the readers. How many there were."""
        return int(self._run("make_ready", job_id, *numbers))

    def planned(self, claim: Claim) -> bool:
        """Planning is over. Whether that closed the ledger."""
        return bool(self._run("planned", claim.job_id, claim.token) == 2)

    # --- reading

    def claim(self, actor: str, *, empty_handed: bool, lanes: tuple[Lane, ...] = LANES) -> Claim | Literal["drain"] | None:
        """The next page of any document; ``drain`` when a suspect waits to be read alone; None when nothing is ready.

        ``lanes`` are asked in this order; in each the owners take turns, and of each owner the documents.
        """
        token = _token()
        reply = [text(part) for part in self._run("claim", actor, token, int(empty_handed), self._page_span(), *lanes)]
        if not reply:
            return None
        if reply[0] == "drain":
            return "drain"
        return Claim(reply[0], reply[1], token, alone=reply[2] == "1", request_id=reply[3])

    def finish(self, claim: Claim, page: Page) -> Literal["closed", "counted", "not_yours", "gone"]:
        """Count a page whose file is stored: only with the claim's token, only once."""
        counter = counter_of(page.status, page.engine)
        changes = [part for change in counters.of_page(page).items() for part in change]
        how = "cached" if page.cached else "text" if page.engine == "text_layer" else "read"
        reply = self._run(
            "finish", claim.job_id, claim.what, claim.token, json.dumps(entry_of(page)), page.status, counter, how, *changes
        )
        return {2: "closed", 1: "counted", 0: "not_yours", -1: "gone"}[int(reply)]  # type: ignore[return-value]

    def release(self, claim: Claim, *, crashed: bool) -> Released:
        """Give a claim up: handed back, or taken from an actor that died."""
        outcome, crashes = self._run("release", claim.job_id, claim.what, claim.token, "crash" if crashed else "back")
        return Released(text(outcome), int(crashes))  # type: ignore[arg-type]

    def entries(self, job_id: str) -> dict[int, dict[str, Any]]:
        """All entries of a job by page number."""
        fields = self.redis.hgetall(f"job:{job_id}:pages")
        return {int(name): json.loads(raw) for name, raw in fields.items() if name.isdigit()}

    def entry(self, job_id: str, number: int) -> dict[str, Any] | None:
        """The entry of one page, None where the job has no such page."""
        raw: Any = self.redis.hget(f"job:{job_id}:pages", str(number))
        return json.loads(raw) if raw else None

    # --- reading again

    def want_retry(self, job_id: str, order: RetryOrder, password_token: bytes | None) -> str:
        """Order a page to be read again. ``ok``, ``missing``, ``page``, ``underway``, ``locked``, or a state that forbids it.

        ``page``: there is none of this number; ``locked``: the document's password has to come with the order.
        """
        return text(self._run("want_retry", job_id, order.page, order.model_dump_json(), password_token or b""))

    def retries(self, job_id: str) -> list[RetryOrder]:
        """The pages that are to be read again; the first of them is at it."""
        return [RetryOrder.model_validate_json(raw) for raw in self.redis.lrange(f"job:{job_id}:retries", 0, -1)]

    def settle_retry(self, claim: Claim | None, job_id: str, outcome: RetryOutcome) -> Literal["ok", "gone", "not_yours"]:
        """Close the first order. Without a claim only where the worker that had it has died."""
        changes = [part for change in outcome.samples.items() for part in change]
        reply = self._run(
            "settle_retry",
            *(job_id, claim.token if claim else "", outcome.page, json.dumps(outcome.entry), outcome.revision or ""),
            *(json.dumps(outcome.counts), outcome.status, outcome.error),
            *(outcome.announced, json.dumps([*outcome.failed_pages]), *changes),
        )
        return text(reply)  # type: ignore[return-value]

    def at_work(self) -> dict[str, set[str]]:
        """The actors that hold claims right now, by job."""
        found: dict[str, set[str]] = defaultdict(set)
        for name in self.redis.zrange("claims", 0, -1):
            job_id, _, _, actor = text(name).split("|", 3)
            found[job_id].add(actor)
        return found

    # --- living and ending

    def heartbeat(self, actor: str, claims: list[Claim]) -> list[Claim]:
        """Say that the actor lives. The claims it no longer has."""
        parts = [part for claim in claims for part in (claim.job_id, claim.what, claim.token)]
        return [claims[int(position) - 1] for position in self._run("heartbeat", actor, *parts)]

    def endings(self) -> int:
        """How many jobs have been cancelled, deleted or failed so far: once it grows, claims may have gone."""
        return int(self.redis.get(ENDINGS) or 0)

    def leave(self, actor: str) -> None:
        """The actor ends in good order, holding nothing."""
        self.redis.zrem("actors", actor)

    def end(self, job_id: str, state: JobState, error: JobError | None = None) -> str:
        """End a job, with the expiry of all its keys. ``ok``, ``missing``, ``open``, or the state it had ended in before.

        ``open``: completed was asked for and pages are missing, which is never granted.
        """
        now = clock.now(self.redis)
        ttl = self.settings.store.job_ttl_hours * 3600
        expires = now + timedelta(seconds=ttl)
        return text(
            self._run(
                "end",
                job_id,
                state.value,
                error.model_dump_json() if error else "",
                utc_text(now),
                utc_text(expires),
                int(ttl * 1000),
                int(self.settings.store.tombstone_days * 86_400_000),
                *map(bound_text, JOB_SECONDS),
            )
        )

    def wake(self, reader: str, job_ids: Iterable[str]) -> list[str]:
        """Jobs that waited for this one to read the same document. Those that are to be planned now."""
        found = list(job_ids)
        return [text(job_id) for job_id in self._run("wake", reader, *found)] if found else []

    # --- readers

    def ring(self, names: list[str]) -> list[int]:
        """Which of the readers' slots (from 1) were free and are now called under these RQ ids."""
        return [int(slot) for slot in self._run("ring", len(names), *names)]

    def enter(self, slot: int, actor: str) -> bool:
        return bool(self._run("enter", slot, actor))

    def retire(self, slot: int, actor: str, *, leave_work: bool) -> bool:
        """Free the slot; False where pages have become ready meanwhile and the reader must go on."""
        return bool(self._run("retire", slot, actor, int(leave_work)))

    def free_slot(self, slot: str, holder: str) -> bool:
        return bool(self._run("free_slot", slot, holder))

    # --- webhooks

    def ring_deliverer(self, name: str, queue_key: str) -> bool:
        """Whether a webhook is due that nobody delivers nor will: a deliverer is then to be called under this RQ id."""
        return bool(self._run("ring_deliverer", name, queue_key))

    def claim_webhooks(self, most: int, span_seconds: float) -> list[str]:
        """Names of webhooks that are due, longest first. They come again after the span, unless they are settled."""
        return [text(name) for name in self._run("claim_webhooks", most, int(span_seconds * 1000))]

    def keep_body(self, job_id: str, field: str, body: str) -> str:
        """What a webhook says at every try: the first body that it was given. Empty where the job is gone."""
        return text(self._run("keep_body", job_id, field, body))

    def settle_webhook(self, name: str, webhook: Webhook, delay_seconds: float) -> bool:
        """Keep what a try came to, and when a pending one is due again. False where the job is gone, it was settled, or a
        newer revision is to be told.
        """
        return bool(self._run("settle_webhook", name, webhook.state, webhook.model_dump_json(), int(delay_seconds * 1000)))

    def replay_webhook(self, name: str, before: Webhook, again: Webhook) -> bool:
        """Have a webhook delivered at once. False where the job is gone, or the delivery has moved on from ``before``."""
        return bool(self._run("replay_webhook", name, before.state, before.attempts, again.model_dump_json()))

    def _page_span(self) -> int:
        return int((self.settings.workers.page_timeout_seconds + 30) * 1000)

    def _stage_span(self) -> int:
        # A stage may take as long as it needs while its actor lives; the deadline only ends one that hangs for hours.
        return 6 * 3600 * 1000

    def _run(self, name: str, *arguments: Any) -> Any:
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self.redis.register_script(scripts.source(name))
        return script(args=arguments)


def _token() -> str:
    return uuid.uuid4().hex


def counter_of(state: str, engine: str | None) -> str:
    """Among which engine's pages a finished page counts; empty for none."""
    if state != "done":
        return ""
    return "cpu" if engine in CPU_ENGINES else (engine or "")


def entry_of(page: Page) -> dict[str, Any]:
    """What the ledger keeps of a finished page: the why-trail without the contents."""
    status: PageStatus = page.status
    entry: dict[str, Any] = {"state": status, "engine": page.engine, "route": page.route}
    entry["attempts"] = [attempt.model_dump(exclude_none=True) for attempt in page.attempts]
    entry["warnings"] = [warning.code for warning in page.warnings]
    if page.flagged:
        entry["flagged"] = True
    if page.error is not None:
        entry["error"] = page.error.code
    return entry
