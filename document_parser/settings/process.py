"""What this process may use, and what its children are told: the environment that no setting stands for."""

from __future__ import annotations

import os

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


def cap_threads() -> None:
    """Keep numeric libraries to one thread each. Must run before they are imported."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def send_no_statistics() -> None:
    """Keep ONNX Runtime from identifying this machine and reporting its use. Must run before it is imported."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def gunicorn_arguments() -> str:
    """Return the options that gunicorn takes from the environment, before those of its command line."""
    return os.environ.get("GUNICORN_CMD_ARGS", "")


def environment_of_child(**variables: str) -> dict[str, str]:
    """The environment of this process with these variables set, for a program that it starts."""
    return {**os.environ, **variables}
