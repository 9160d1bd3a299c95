"""Keep the outbox: which webhooks are due, which deliverer has claimed them, and the outcomes of tries."""

from __future__ import annotations

from document_parser.jobs.redis.connection import Redis, text
from document_parser.jobs.redis.scripts import Scripts
from document_parser.models import Webhook


class Outbox:
    """The due webhooks of all jobs in one Redis. Every method raises RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._run = Scripts(redis).run

    def reserve_deliverer(self, name: str, queue_key: str) -> bool:
        """Note that a deliverer is enqueued under the RQ id ``name``, if a webhook is due and no deliverer runs or is enqueued.

        Return whether it has to be enqueued. ``queue_key`` is the Redis key of its queue.
        """
        return bool(self._run("reserve_deliverer", name, queue_key))

    def claim(self, most: int, span_seconds: float) -> list[str]:
        """Claim at most ``most`` webhooks that are due and return their names, the one due longest first.

        They are due again after ``span_seconds``, unless their delivery is completed before.
        """
        return [text(name) for name in self._run("claim_webhooks", most, int(span_seconds * 1000))]

    def keep_body(self, record_key: str, field: str, body: str) -> str:
        """Store the body of a webhook if it has none yet. Return the stored one, empty if its job or batch is gone."""
        return text(self._run("keep_body", record_key, field, body))

    def complete_delivery(self, name: str, webhook: Webhook, delay_seconds: float) -> bool:
        """Store the outcome of a try. A pending webhook is due again after ``delay_seconds``.

        Return False if the job is gone, the delivery has ended already, or a newer event has replaced this one.
        """
        return bool(self._run("complete_delivery", name, webhook.state, webhook.model_dump_json(), int(delay_seconds * 1000)))

    def replay(self, name: str, before: Webhook, again: Webhook) -> bool:
        """Make a webhook due at once. Return False if the job is gone, or the delivery is no longer in the state ``before``."""
        return bool(self._run("replay_webhook", name, before.state, before.attempts, again.model_dump_json()))
