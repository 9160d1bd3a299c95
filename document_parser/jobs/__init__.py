"""The state of jobs as the web and the workers see it: records, page ledgers, the queue, webhooks and the cache."""
