"""Read whole documents in this process, without a server or a queue."""
