"""How well pages are read: a corpus with truth, read in process on the CPU and scored beside it; writes docs/quality.md."""
