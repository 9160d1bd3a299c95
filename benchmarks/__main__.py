"""All benchmarks, one after the other: they would disturb each other side by side."""

from __future__ import annotations

from benchmarks import accounts, fairness, idle, memory, outages, recovery, soak, submit, throughput, tracing, uploads

if __name__ == "__main__":
    for benchmark in (throughput, tracing, submit, accounts, outages, uploads, fairness, recovery, memory, idle, soak):
        benchmark.main()
