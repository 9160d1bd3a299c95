"""The outbox: which webhooks are due, who delivers them, and what came of it."""

from __future__ import annotations

from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.redis.scripts import Scripts
from document_parser.models import Webhook


class Outbox:
    """Webhooks of all jobs in one Redis. Every method raises RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._run = Scripts(redis).run

    def call_deliverer(self, name: str, queue_key: str) -> bool:
        """Whether a webhook is due that nobody delivers nor will: a deliverer is then to be called under this RQ id."""
        return bool(self._run("ring_deliverer", name, queue_key))

    def claim(self, most: int, span_seconds: float) -> list[str]:
        """Names of webhooks that are due, longest first. They come again after the span, unless they are settled."""
        return [text(name) for name in self._run("claim_webhooks", most, int(span_seconds * 1000))]

    def keep_body(self, job_id: str, field: str, body: str) -> str:
        """What a webhook says at every try: the first body that it was given. Empty where the job is gone."""
        return text(self._run("keep_body", job_id, field, body))

    def complete_delivery(self, name: str, webhook: Webhook, delay_seconds: float) -> bool:
        """Keep what a try came to, and when a pending one is due again. False where the job is gone, it was settled, or a
        newer revision is to be told.
        """
        return bool(self._run("settle_webhook", name, webhook.state, webhook.model_dump_json(), int(delay_seconds * 1000)))

    def replay(self, name: str, before: Webhook, again: Webhook) -> bool:
        """Have a webhook delivered at once. False where the job is gone, or the delivery has moved on from ``before``."""
        return bool(self._run("replay_webhook", name, before.state, before.attempts, again.model_dump_json()))
