"""Run networks with OpenVINO, compiled for this processor and quantised to eight bits where that gains time.

By itself ``import openvino`` writes an identifier into the home folder, starts a process and a thread, and looks for Intel's
statistics server. This module blocks the telemetry package, so OpenVINO uses its own empty substitute.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from document_parser.engines.rapidocr.head import Head, Steps, letters_of

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
try:
    import openvino
    from openvino import opset13 as operators
except ImportError:  # ONNX Runtime takes its place
    openvino = None

RANGES = Path(__file__).with_name("ranges.json")
"""File with the minimum and maximum input of each convolution of a model, by the model's SHA-256.

Written by ``python -m benchmarks.ocr_ranges``.
"""

INPUT_LEVELS = 256
"""Quantisation levels of the inputs of a convolution: eight bits."""
WEIGHT_LEVELS = 255
"""Quantisation levels of weights: eight bits, symmetric around zero."""
KEPT_SIZES = 2
"""Sizes of images for which a compiled detection is kept: documents of two paper sizes are often read in turns."""
_CPU_FACTS = Path("/proc/cpuinfo")

NOT_INSTALLED = "OpenVINO is not installed"
"""The reason if the package is absent."""
NO_EXECUTABLE_MEMORY = (
    "OpenVINO generates machine code, but this process may not have memory that is writable and executable: "
    "systemd's MemoryDenyWriteExecute, or SELinux"
)
"""The reason if this process may not run machine code that it has written."""
_faults: list[str] = []
"""Messages of OpenVINO's failures in this process."""

_first_array = Lock()

Batch = NDArray[np.float32]
"""Images prepared for a network, or its answers."""
Ranges = Mapping[str, tuple[float, float]]
"""By the name of a convolution, the minimum and maximum of its input."""


class OpenVinoNetwork:
    """A compiled network. ``streams`` threads may call it at once, each call on one core."""

    characters = ""

    def __init__(self, graph: Any, streams: int) -> None:
        """Compile the graph. Raises RuntimeError."""
        self._compiled = compile_graph(graph, streams)
        self._threads = local()

    def __call__(self, batch: Batch) -> Batch:
        """Return the network's answer for a batch of images. Raises RuntimeError.

        The answer is valid until the same thread's next call.
        """
        if not hasattr(self._threads, "request"):
            self._threads.request = self._compiled.create_infer_request()
        self._threads.request.infer([batch], share_inputs=True)
        answer: Batch = self._threads.request.get_output_tensor().data
        return answer


class OpenVinoDetector:
    """The detection network, compiled for each size of image. ``streams`` threads may call it at once.

    Compiled for any size, the network keeps 250 MB more for its largest sizes and takes a third more time a page; a new size
    takes as long as one that is compiled for it. So the networks for the last KEPT_SIZES sizes are kept, and no other.
    """

    characters = ""

    def __init__(self, model: Path, streams: int) -> None:
        """Read and quantise the model. Raises RuntimeError."""
        self._graph = read_graph(model)
        self._streams = streams
        self._networks: OrderedDict[tuple[int, ...], OpenVinoNetwork] = OrderedDict()
        self._lock = Lock()
        self._threads = local()

    def __call__(self, batch: Batch) -> Batch:
        """Return the map of writing, (images, 1, height, width), valid until the same thread's next call.

        Raises RuntimeError.
        """
        # The answer lies in the network's memory: the thread keeps the network, which may be dropped meanwhile.
        self._threads.network = self._compiled_for(batch.shape)
        answer: Batch = self._threads.network(batch)
        return answer

    def _compiled_for(self, shape: tuple[int, ...]) -> OpenVinoNetwork:
        """Return the network for batches of this shape, compiled if it is not among those kept. Raises RuntimeError."""
        with self._lock:
            network = self._networks.pop(shape, None)
            if network is None:
                while len(self._networks) >= KEPT_SIZES:
                    self._networks.popitem(last=False)
                self._graph.reshape(shape)
                network = OpenVinoNetwork(self._graph, self._streams)
            self._networks[shape] = network
            return network


class OpenVinoRecogniser:
    """The recognition network, its last layer computed by ``Head``. ``streams`` threads may call it at once."""

    def __init__(self, model: Path, streams: int) -> None:
        """Read, quantise and compile the model. Raises RuntimeError."""
        graph = read_graph(model)
        self.characters = _characters_of(graph)
        graph, weights, bias = split_head(graph)
        self._compute_features = OpenVinoNetwork(graph, streams)
        self._head = Head(weights, bias, letters_of(self.characters))

    def __call__(self, batch: Batch) -> list[Steps]:
        """Return the steps of each line of a batch, valid until the same thread's next call. Raises RuntimeError."""
        return [self._head(features) for features in self._compute_features(batch)]


def read_graph(model: Path) -> Any:
    """Return the graph of a model, quantised if its ranges are known and this processor gains by it. Raises RuntimeError."""
    initialise_numpy_interface()
    graph = openvino.Core().read_model(model)
    if has_dot_products():
        quantise(graph, ranges_of(model))
    return graph


def split_head(graph: Any) -> tuple[Any, NDArray[np.float32], NDArray[np.float32]]:
    """Return the graph without its last layer, and the weights (features, classes) and the bias of that layer.

    Raises RuntimeError if the graph does not end in a fully connected layer and softmax.
    """
    softmax = _skip_identities(graph.get_result().input_value(0).get_node())
    addition = _skip_identities(softmax.input_value(0).get_node())
    product = _skip_identities(addition.input_value(0).get_node())
    found = [node.get_type_name() for node in (softmax, addition, product)]
    if found != ["Softmax", "Add", "MatMul"]:
        raise RuntimeError(f"The recognition model ends in {', '.join(found)}, not in a fully connected layer and softmax.")
    weights, bias = _constant_of(product.input_value(1).get_node()), _constant_of(addition.input_value(1).get_node())
    if weights is None or bias is None:
        raise RuntimeError("The last layer of the recognition model has no constant weights.")
    features = openvino.Model([product.input_value(0)], graph.get_parameters())
    return features, weights.copy(), bias.reshape(-1).copy()


def _skip_identities(node: Any) -> Any:
    """Return the node that this one is, or repeats."""
    while node.get_type_name() == "Identity":
        node = node.input_value(0).get_node()
    return node


def initialise_numpy_interface() -> None:
    """Make OpenVINO's binding look up numpy's C interface now, in one thread.

    pybind11 looks it up at the first array of the process, behind the guard of a C++ static. If a second thread passes an array
    meanwhile, it waits for the guard and holds the GIL, which the first thread needs to finish: the process deadlocks.
    """
    with _first_array:
        openvino.Tensor(np.zeros(1, np.float32))


def compile_graph(graph: Any, streams: int) -> Any:
    """Compile a graph for this processor. Raises RuntimeError.

    A cache on disk would save 0.25 of 0.4 seconds, but two processes may write it at once.
    """
    properties = {
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": streams,
        "ENABLE_CPU_PINNING": False,
        # By itself OpenVINO takes bfloat16 on processors that have it, and reads some letters and spaces otherwise there.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return openvino.Core().compile_model(graph, "CPU", properties)


def is_installed() -> bool:
    """Return whether OpenVINO can be imported."""
    return openvino is not None


def find_trouble() -> str:
    """Return why OpenVINO does not compute in this process. Empty if it does."""
    if not is_installed():
        return NOT_INSTALLED
    if _faults:
        return f"OpenVINO failed: {_faults[0]}"
    return "" if has_executable_memory() else NO_EXECUTABLE_MEMORY


def has_executable_memory() -> bool:
    """Return whether this process may have memory that is writable and executable, by asking for some.

    Two mechanisms refuse it: EACCES comes from the kernel's own lock (prctl PR_SET_MDWE) and SELinux, EPERM from systemd's
    seccomp filter on older kernels. Without such memory OpenVINO's compiler raises an error.
    """
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except PermissionError:
        return False
    return True


def clear_faults() -> None:
    """Forget OpenVINO's failures, so that it is tried again."""
    _faults.clear()


def record_fault(error: RuntimeError) -> None:
    """Record that OpenVINO has failed in this process."""
    _faults.append(next(reversed([line for line in str(error).split("\n") if line.strip()]), type(error).__name__))


@cache
def has_dot_products() -> bool:
    """Return whether the processor multiplies and adds bytes in one step (VNNI).

    Without it eight bits overflow. Seven bits do not, and take 0.6 of the time on AVX2, but word F1 of bad scans falls by .03.
    """
    try:
        return "vnni" in _CPU_FACTS.read_text()
    except OSError:
        return False


def ranges_of(model: Path) -> Ranges:
    """Return the ranges measured for exactly this model file. Empty for any other file."""
    ranges: dict[str, dict[str, tuple[float, float]]] = json.loads(RANGES.read_text())
    return ranges.get(sha256(model.read_bytes()).hexdigest(), {})


def convolutions_of(graph: Any) -> Iterator[Any]:
    """Return the nodes of a graph that may be quantised to eight bits."""
    return (node for node in graph.get_ordered_ops() if node.get_type_name() == "Convolution")


def quantise(graph: Any, ranges: Ranges) -> None:
    """Quantise the convolutions of a graph to eight bits: inputs by their range, weights by the maximum of each output channel.

    OpenVINO's plug-in recognises the pattern and computes in integers. Source: post-training quantisation as OpenVINO documents
    it (docs/articles_en/openvino-workflow/model-optimization). We use ranges measured once, because the tool that measures them
    needs pages to measure on, which costs more than it gains.
    """
    for node in list(convolutions_of(graph)):
        weights = _constant_of(node.input_value(1).get_node())
        if node.get_friendly_name() not in ranges or weights is None:
            continue
        low, high = _align_to_zero(*ranges[node.get_friendly_name()])
        largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) + 1e-8
        _insert_rounding(node, 0, np.full((1, 1, 1, 1), low), np.full((1, 1, 1, 1), high), INPUT_LEVELS)
        _insert_rounding(node, 1, -largest, largest, WEIGHT_LEVELS)
    graph.validate_nodes_and_infer_types()


def _insert_rounding(node: Any, place: int, low: NDArray[Any], high: NDArray[Any], levels: int) -> None:
    """Round the input at this place of a node to this number of levels."""
    ends = [operators.constant(end.astype(np.float32)) for end in (low, high)]
    rounded = operators.fake_quantize(node.input_value(place), *ends, *ends, levels)
    node.input(place).replace_source_output(rounded.output(0))


def _align_to_zero(low: float, high: float) -> tuple[float, float]:
    """Return the range, shifted so that zero is one of its levels. Padding is exact then."""
    if low >= 0:
        return 0.0, high
    step = (high - low) / (INPUT_LEVELS - 1)
    below = round(-low / step)
    return -below * step, (INPUT_LEVELS - 1 - below) * step


def _characters_of(graph: Any) -> str:
    """Return the characters that a recognition network can write, one a line. Empty for other networks."""
    facts = graph.get_rt_info()
    return str(facts["framework"]["character"].value) if "framework" in facts else ""


def _constant_of(node: Any) -> NDArray[np.float32] | None:
    """Return the values of a constant, also behind conversions. None if the node is no constant."""
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return node.get_data() if node.get_type_name() == "Constant" else None
