"""What the product costs, measured: ``python -m benchmarks`` runs all, ``python -m benchmarks.throughput`` and so on one.

Each prints one table with the ratios of one run, and writes it into docs/benchmarks.md by itself. Ratios are what counts:
both sides of each were measured on the same machine within the same minutes. A wrong answer ends a benchmark with an error,
however fast it was.
"""
