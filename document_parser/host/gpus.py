"""Read how busy this host's GPUs are, through NVIDIA's management library (NVML)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

PERCENT = 100
"""NVML gives the utilisation in percent."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU at this moment. ``utilization`` is the share of time in which it computed, None if it does not tell (MIG)."""

    index: int
    utilization: float | None
    memory_used: int
    memory_size: int
    """In bytes."""


def load_nvml() -> Any | None:
    """Return the module of NVML (extra ``nvml``), None if it is not installed."""
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def read_gpus(nvml: Any) -> list[Gpu]:
    """Return all GPUs of this host that answer; none if the driver is not there. ``nvml`` is the module of NVML."""
    try:
        with _session(nvml):
            found = (_read_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))
            return [gpu for gpu in found if gpu is not None]
    except nvml.NVMLError:
        return []


@contextmanager
def _session(nvml: Any) -> Iterator[None]:
    """Hold NVML open: between two readings a driver that is updated must not be held."""
    nvml.nvmlInit()
    try:
        yield
    finally:
        nvml.nvmlShutdown()


def _read_gpu(nvml: Any, index: int) -> Gpu | None:
    """Return a GPU; None if it has fallen off the bus."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError:
        return None
    return Gpu(index, _utilization(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle)), memory.used, memory.total)


def _utilization(nvml: Any, read: Callable[[], Any]) -> float | None:
    try:
        return float(read().gpu) / PERCENT
    except nvml.NVMLError:
        return None
