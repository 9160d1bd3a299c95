"""All benchmarks, one after the other: they would disturb each other side by side."""

from __future__ import annotations

from benchmarks import fairness, idle, memory, recovery, soak, submit, throughput, uploads

if __name__ == "__main__":
    for benchmark in (throughput, submit, uploads, fairness, recovery, memory, idle, soak):
        benchmark.main()
