"""What RQ runs: the tasks that plan, read, assemble and deliver, and the processes of the worker pool."""
