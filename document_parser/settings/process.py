"""What this process may use, and what its children are told: the environment that no setting stands for."""

from __future__ import annotations

import os
import sys

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
OPENER_VARIABLES = (
    *("DATA_DIR", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPYCACHEPREFIX"),
)
"""What an interpreter and its libraries need to run, and DATA_DIR, which says whose process it is. None holds a secret."""


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


def environment_of_opener() -> dict[str, str]:
    """The environment of a process that opens untrusted files: no secrets, the modules of this process, one thread."""
    kept = {name: os.environ[name] for name in OPENER_VARIABLES if name in os.environ}
    modules = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100 - "" is the working directory
    return {**kept, "PYTHONPATH": modules, **dict.fromkeys(THREAD_VARIABLES, "1")}
