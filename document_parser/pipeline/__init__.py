"""Read documents without a queue: single pages, their checks, their assembly, and whole documents in this process."""
