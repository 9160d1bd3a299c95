"""How busy the GPUs are, as NVIDIA's library tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from document_parser.host.gpus import Gpu, load_nvml, read_gpus
from tests.support.nvml import PreparedGpu, PreparedNvml, build_library
from tests.support.service import ROOT


def test_every_gpu_tells_its_use_and_its_memory_and_the_library_is_closed_again():
    nvml = PreparedNvml([PreparedGpu(97, 60 << 30), PreparedGpu(0, 0, 24 << 30)])
    assert read_gpus(nvml) == [Gpu(0, 0.97, 60 << 30, 80 << 30), Gpu(1, 0.0, 0, 24 << 30)]
    assert nvml.opened == 0


def test_a_gpu_that_does_not_tell_its_use_tells_its_memory_and_a_lost_one_is_left_out():
    nvml = PreparedNvml([PreparedGpu(None, 5), PreparedGpu(lost=True), PreparedGpu(50, 7)])
    assert read_gpus(nvml) == [Gpu(0, None, 5, 80 << 30), Gpu(2, 0.5, 7, 80 << 30)]
    assert nvml.opened == 0


def test_without_a_driver_there_is_no_gpu():
    assert read_gpus(PreparedNvml([PreparedGpu()], driver=False)) == []


def test_nvidias_own_module_without_its_library_finds_no_gpu():
    nvml = load_nvml()
    if nvml is None:
        pytest.skip("nvidia-ml-py is not installed (extra nvml)")
    assert read_gpus(nvml) == [] or Path("/dev/nvidiactl").exists()


def test_nvidias_own_module_is_read_through_its_library(tmp_path):
    if load_nvml() is None:
        pytest.skip("nvidia-ml-py is not installed (extra nvml)")
    folder = build_library(tmp_path)
    if folder is None:
        pytest.skip("no C compiler here")
    program = "from document_parser.host.gpus import *; print(read_gpus(load_nvml()))"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(ROOT)}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str([Gpu(0, 0.97, 60 << 30, 80 << 30), Gpu(1, None, 0, 80 << 30)])
