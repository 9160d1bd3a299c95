"""The queue: job records, page ledgers, the tasks that work them off, and the pool of workers."""
