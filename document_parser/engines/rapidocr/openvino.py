"""OpenVINO, imported so that it tells nobody: networks compiled for this processor, in eight bits where that is exact enough.

By itself ``import openvino`` writes an identifier into the home folder, starts a process and a thread and looks for Intel's
statistics server. Blocking its telemetry package makes it use its own empty stand-in.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
try:
    import openvino
    from openvino import opset13 as operators
except ImportError:  # the other runtime takes its place
    openvino = None

RANGES = Path(__file__).with_name("ranges.json")
"""Of every convolution of a model, known by its SHA-256: the least and the largest number that goes in. Written by
``python -m benchmarks.ocr_ranges``."""

LEVELS = 256
WEIGHT_LEVELS = 255
_CPU_FACTS = Path("/proc/cpuinfo")

NOT_INSTALLED = "OpenVINO is not installed"
NO_EXECUTABLE_MEMORY = (
    "OpenVINO writes machine code, and this process may not have memory that is writable and executable: "
    "systemd's MemoryDenyWriteExecute, or SELinux"
)
_faults: list[str] = []
"""How OpenVINO failed in this process, where it did."""

_first_array = Lock()

Batch = NDArray[np.float32]
Ranges = Mapping[str, tuple[float, float]]


class VinoNetwork:
    """A compiled network; callable from ``streams`` threads at once, each call on one core."""

    def __init__(self, model: Path, streams: int) -> None:
        initialise_numpy_interface()
        graph = openvino.Core().read_model(model)
        self.characters = _characters(graph)
        if has_dot_products():
            quantise(graph, known_ranges(model))
        self._compiled = compiled(graph, streams)
        self._threads = local()

    def __call__(self, batch: Batch) -> Batch:
        """What comes out; to be used before the same thread's next call. Raises RuntimeError."""
        if not hasattr(self._threads, "request"):
            self._threads.request = self._compiled.create_infer_request()
        self._threads.request.infer([batch], share_inputs=True)
        answer: Batch = self._threads.request.get_output_tensor().data
        return answer


def initialise_numpy_interface() -> None:
    """Have OpenVINO's binding look up numpy's C interface now, in one thread.

    pybind11 looks it up at the first array of the process, behind the guard of a C++ static. A second thread that passes an
    array meanwhile waits for the guard and holds the GIL, which the first thread needs to finish: the process is deadlocked.
    """
    with _first_array:
        openvino.Tensor(np.zeros(1, np.float32))


def compiled(graph: Any, streams: int) -> Any:
    """The graph for this processor. A cache on disk would save 0.25 of 0.4 seconds, but two processes may write it at once."""
    properties = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams, "ENABLE_CPU_PINNING": False}
    return openvino.Core().compile_model(graph, "CPU", properties)


def installed() -> bool:
    return openvino is not None


def trouble() -> str:
    """Why OpenVINO does not compute in this process; empty where it does."""
    if not installed():
        return NOT_INSTALLED
    if _faults:
        return f"OpenVINO failed: {_faults[0]}"
    return "" if executable_memory() else NO_EXECUTABLE_MEMORY


def executable_memory() -> bool:
    """Whether this process may have memory that is writable and executable, which is tried.

    Two mechanisms refuse it, with EACCES (the kernel's own lock, prctl PR_SET_MDWE, and SELinux) or EPERM (systemd's seccomp
    filter where the kernel is older). Without such memory OpenVINO's compiler raises an error.
    """
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except PermissionError:
        return False
    return True


def forget_faults() -> None:
    """Try OpenVINO again."""
    _faults.clear()


def note_fault(error: RuntimeError) -> None:
    """OpenVINO has failed in this process for a reason of its own."""
    _faults.append(next(reversed([line for line in str(error).split("\n") if line.strip()]), type(error).__name__))


@cache
def has_dot_products() -> bool:
    """Whether the processor multiplies and adds bytes in one step (VNNI): without, eight bits overflow and gain nothing."""
    try:
        return "vnni" in _CPU_FACTS.read_text()
    except OSError:
        return False


def known_ranges(model: Path) -> Ranges:
    """What was measured for this very file; empty for any other."""
    ranges: dict[str, dict[str, tuple[float, float]]] = json.loads(RANGES.read_text())
    return ranges.get(sha256(model.read_bytes()).hexdigest(), {})


def convolutions(graph: Any) -> Iterator[Any]:
    """The nodes that may be counted in eight bits."""
    return (node for node in graph.get_ordered_ops() if node.get_type_name() == "Convolution")


def quantise(graph: Any, ranges: Ranges) -> None:
    """Let convolutions count in eight bits: inputs by their range, weights by the largest of each output channel.

    The plug-in recognises the pattern and computes in integers (post-training quantisation as OpenVINO documents it,
    docs/articles_en/openvino-workflow/model-optimization). Done here with ranges measured once, since the tool that measures
    them needs more than it gives: pages to measure on.
    """
    for node in list(convolutions(graph)):
        weights = _constant(node.input_value(1).get_node())
        if node.get_friendly_name() not in ranges or weights is None:
            continue
        low, high = _with_zero(*ranges[node.get_friendly_name()])
        largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) + 1e-8
        _round(node, 0, np.full((1, 1, 1, 1), low), np.full((1, 1, 1, 1), high), LEVELS)
        _round(node, 1, -largest, largest, WEIGHT_LEVELS)
    graph.validate_nodes_and_infer_types()


def _round(node: Any, place: int, low: NDArray[Any], high: NDArray[Any], levels: int) -> None:
    """Round what enters a node at this place to so many levels."""
    ends = [operators.constant(end.astype(np.float32)) for end in (low, high)]
    rounded = operators.fake_quantize(node.input_value(place), *ends, *ends, levels)
    node.input(place).replace_source_output(rounded.output(0))


def _with_zero(low: float, high: float) -> tuple[float, float]:
    """The range, moved so that zero is one of its levels: padding is exact then."""
    if low >= 0:
        return 0.0, high
    step = (high - low) / (LEVELS - 1)
    below = round(-low / step)
    return -below * step, (LEVELS - 1 - below) * step


def _characters(graph: Any) -> str:
    facts = graph.get_rt_info()
    return str(facts["framework"]["character"].value) if "framework" in facts else ""


def _constant(node: Any) -> NDArray[np.float32] | None:
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return node.get_data() if node.get_type_name() == "Constant" else None
