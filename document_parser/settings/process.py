"""Say what this process may use, and build the environment of its child processes.

These are the environment variables that are no settings.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Environment variables that limit the threads of numeric libraries."""
OPENER_VARIABLES = (
    *("DATA_DIR", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPYCACHEPREFIX"),
)
"""Variables that a process which opens documents inherits.

An interpreter and its libraries need them to run; DATA_DIR says which service the process belongs to. None holds a secret.
"""


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def cap_threads() -> None:
    """Limit numeric libraries to one thread each. Call this before they are imported."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")


def send_no_statistics() -> None:
    """Keep ONNX Runtime from identifying this machine and reporting its use. Call this before it is imported."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def name_libarchive(library: str) -> None:
    """Tell libarchive's Python module where the library is: it would start programs to look for it. Call before its import."""
    os.environ.setdefault("LIBARCHIVE", library)


def gunicorn_arguments() -> str:
    """Return the options that gunicorn reads from the environment before those of its command line."""
    return os.environ.get("GUNICORN_CMD_ARGS", "")


def named_tessdata_folders() -> list[Path]:
    """Return the folder of language packs that Tesseract itself is told of; none if it is not."""
    named = os.environ.get("TESSDATA_PREFIX")
    return [Path(named)] if named else []


def user_data_folder() -> Path:
    """Return the folder in which programs keep data of this user, by the XDG Base Directory Specification."""
    home = os.environ.get("XDG_DATA_HOME", "")
    return Path(home) if home.startswith("/") else Path("~/.local/share").expanduser()


def environment_of_child(**variables: str) -> dict[str, str]:
    """Return the environment of this process with these variables set, for a program that it starts."""
    return {**os.environ, **variables}


def environment_of_opener() -> dict[str, str]:
    """Return the environment of a process that opens untrusted files: no secrets, one thread.

    It keeps the module path of this process.
    """
    kept = {name: os.environ[name] for name in OPENER_VARIABLES if name in os.environ}
    modules = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100 - "" is the working directory
    return {**kept, "PYTHONPATH": modules, **dict.fromkeys(THREAD_VARIABLES, "1")}
