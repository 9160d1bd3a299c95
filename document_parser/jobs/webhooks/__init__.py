"""Webhooks: the messages of a job, their signed HTTP POST, the outbox of due deliveries, and replays."""
