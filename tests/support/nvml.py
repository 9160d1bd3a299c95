"""NVIDIA's management library with prepared GPUs: as a module, and as the shared library that NVIDIA's own module loads."""

# ruff: noqa: N802  # the functions are named as in NVIDIA's module
from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace


@dataclass
class PreparedGpu:
    """What a GPU answers; ``utilization`` in percent, None where it is not supported, as with MIG; ``lost``: off the bus."""

    utilization: int | None = 0
    used: int = 0
    size: int = 80 << 30
    lost: bool = False


@dataclass
class PreparedNvml:
    """The functions of the module that are used. Without a driver the library cannot be opened."""

    gpus: list[PreparedGpu] = field(default_factory=list)
    driver: bool = True
    opened: int = 0
    """How often it is open now."""

    class NVMLError(Exception):
        """The root of the module's errors."""

    def nvmlInit(self) -> None:
        if not self.driver:
            raise self.NVMLError("Driver Not Loaded")
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.opened -= 1

    def nvmlDeviceGetCount(self) -> int:
        assert self.opened
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> PreparedGpu:
        assert self.opened
        if self.gpus[index].lost:
            raise self.NVMLError("GPU is lost")
        return self.gpus[index]

    def nvmlDeviceGetMemoryInfo(self, gpu: PreparedGpu) -> SimpleNamespace:
        return SimpleNamespace(total=gpu.size, used=gpu.used, free=gpu.size - gpu.used)

    def nvmlDeviceGetUtilizationRates(self, gpu: PreparedGpu) -> SimpleNamespace:
        if gpu.utilization is None:
            raise self.NVMLError("Not Supported")
        return SimpleNamespace(gpu=gpu.utilization, memory=0)


SOURCE = """
#include <stdint.h>
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } rates_t;
static const rates_t RATES[] = {{97, 40}, {3, 1}};
static const memory_t MEMORY[] = {{85899345920ULL, 21474836480ULL, 64424509440ULL}, {85899345920ULL, 85899345920ULL, 0}};
int nvmlInit_v2(void) { return 0; }
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) { *handle = (void *)(uintptr_t)(index + 1); return 0; }
int nvmlDeviceGetMemoryInfo(void *handle, memory_t *found) { *found = MEMORY[(uintptr_t)handle - 1]; return 0; }
int nvmlDeviceGetUtilizationRates(void *handle, rates_t *found) {
  if ((uintptr_t)handle == 2) return 3; /* NVML_ERROR_NOT_SUPPORTED */
  *found = RATES[(uintptr_t)handle - 1];
  return 0;
}
"""
"""Two GPUs: one busy with 60 of 80 GiB used, and one that does not tell how busy it is."""


def build_library(folder: Path) -> Path | None:
    """Build the shared library in a folder and return the folder; None without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source = folder / "nvml.c"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", source], check=True)
    return folder
