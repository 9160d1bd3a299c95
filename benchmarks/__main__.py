"""All benchmarks, one after the other: they would disturb each other side by side."""

from __future__ import annotations

from benchmarks import (
    accounts,
    cost,
    failover,
    fairness,
    idle,
    memory,
    outages,
    recovery,
    restore,
    soak,
    submit,
    throughput,
    tracing,
    uploads,
)

if __name__ == "__main__":
    for benchmark in (
        throughput,
        tracing,
        submit,
        accounts,
        outages,
        uploads,
        fairness,
        recovery,
        restore,
        failover,
        memory,
        idle,
        soak,
    ):
        benchmark.main()
    # What pages cost follows from the figures.
    cost.main()
