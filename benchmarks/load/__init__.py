"""Load at rates that do not depend on the answers, by Locust: ``python -m benchmarks.load`` (extra ``load``)."""
