"""Rules that share pages among model servers: circuit breakers and requests in flight. ``jobs/redis`` keeps them in Redis."""
