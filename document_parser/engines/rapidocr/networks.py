"""Load and run the neural networks of RapidOCR's wheel with the runtime that computes here: OpenVINO, else ONNX Runtime."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from document_parser.engines.rapidocr import openvino
from document_parser.engines.rapidocr.head import Steps, steps_of
from document_parser.settings import OcrRuntime, send_no_statistics
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

Batch = NDArray[np.float32]
"""Images prepared for a network, or its answers."""
Answer = TypeVar("Answer", covariant=True)
"""What a network says of a batch."""


class Network(Protocol[Answer]):
    """A loaded network. Several threads may call it at once."""

    characters: str
    """The characters that a recognition network can write, one a line, in the order of its answers.

    Empty for other networks.
    """

    def __call__(self, batch: Batch) -> Answer:
        """Return the network's answer for a batch of images. Raises RuntimeError.

        The answer is valid until the same thread's next call.
        """
        ...


DETECTION = "PP-OCRv6_det_small.onnx"
"""File name of the model that finds lines of writing."""
RECOGNITION = "PP-OCRv6_rec_small.onnx"
"""File name of the model that reads a line."""


def model_path_of(name: str) -> Path:
    """Return the path of a model in RapidOCR's wheel.

    Raises FileNotFoundError if the wheel is absent or carries another model.
    """
    spec = importlib.util.find_spec("rapidocr")
    path = Path(spec.origin or "").with_name("models") / name if spec else Path(name)
    if not path.is_file():
        raise FileNotFoundError(name)
    return path


def runtime_of(runtime: OcrRuntime) -> Literal["openvino", "onnxruntime"]:
    """Return the runtime that computes here: the one that the settings name, else OpenVINO unless it cannot compute."""
    if runtime != "auto":
        return runtime
    return "onnxruntime" if openvino.find_trouble() else "openvino"


def load_detection(runtime: OcrRuntime, streams: int) -> Network[Batch]:
    """Load the network that finds lines: its answer is the map of writing, (images, 1, height, width).

    ``streams`` threads may call it at once, each call on one core. Call this after the fork: a runtime's threads do not survive
    one. Raises RuntimeError, FileNotFoundError.
    """
    model = model_path_of(DETECTION)
    return _load(lambda: openvino.OpenVinoDetector(model, streams), lambda: OnnxNetwork(model), runtime)


def load_recognition(runtime: OcrRuntime, streams: int) -> Network[list[Steps]]:
    """Load the network that reads lines: its answer is the steps of each line. As ``load_detection`` otherwise."""
    model = model_path_of(RECOGNITION)
    return _load(lambda: openvino.OpenVinoRecogniser(model, streams), lambda: OnnxRecogniser(model), runtime)


def _load(
    first: Callable[[], Network[Answer]], fallback: Callable[[], Network[Answer]], runtime: OcrRuntime
) -> Network[Answer]:
    """Load a network with the runtime: OpenVINO first, ONNX Runtime as the fallback."""
    if runtime_of(runtime) == "onnxruntime":
        return fallback()
    if runtime == "auto":
        return FallbackNetwork(first, fallback)
    try:
        return first()
    except RuntimeError as error:
        openvino.record_fault(error)
        raise


class FallbackNetwork(Generic[Answer]):
    """A network on OpenVINO that moves to ONNX Runtime when OpenVINO fails to compile or to answer."""

    def __init__(self, first: Callable[[], Network[Answer]], fallback: Callable[[], Network[Answer]]) -> None:
        """Load the first network, or the fallback if that fails. Raises RuntimeError if both fail."""
        self._make_fallback = fallback
        self._fell_back = False
        self._lock = Lock()
        try:
            self._network = first()
        except RuntimeError as error:
            self._network = self._fall_back(error)
        self.characters = self._network.characters

    def __call__(self, batch: Batch) -> Answer:
        """Return the answer of the network in use; switch to the fallback if it fails. Raises RuntimeError."""
        network = self._network
        try:
            return network(batch)
        except RuntimeError as error:
            with self._lock:
                if network is self._network:
                    if self._fell_back:
                        raise
                    self._network = self._fall_back(error)
        return self._network(batch)

    def _fall_back(self, error: RuntimeError) -> Network[Answer]:
        """Record the failure of OpenVINO and load the fallback. Raises RuntimeError."""
        openvino.record_fault(error)
        log.warning("ocr_runtime_failed", runtime="openvino", reason=openvino.find_trouble(), instead="onnxruntime")
        self._fell_back = True
        return self._make_fallback()


class OnnxNetwork:
    """A network on ONNX Runtime. Each call uses one core. Raises RuntimeError, also for a damaged or absent model file."""

    def __init__(self, model: Path) -> None:
        """Load the model. Raises RuntimeError."""
        send_no_statistics()
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        # Its errors have no class in common.
        self._faults = (
            *(errors.Fail, errors.RuntimeException, errors.InvalidArgument),
            *(errors.InvalidGraph, errors.InvalidProtobuf, errors.NoSuchFile),
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it keeps 220 MB that are needed only for a moment
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except self._faults as error:
            raise RuntimeError(str(error)) from None
        self._entry: str = self._session.get_inputs()[0].name
        self.characters = str(self._session.get_modelmeta().custom_metadata_map.get("character", ""))

    def __call__(self, batch: Batch) -> Batch:
        """Return the network's answer for a batch of images. Raises RuntimeError."""
        try:
            answer: Batch = self._session.run(None, {self._entry: batch})[0]
        except self._faults as error:
            raise RuntimeError(str(error)) from None
        return answer


class OnnxRecogniser:
    """The recognition network on ONNX Runtime, which computes all classes of all steps."""

    def __init__(self, model: Path) -> None:
        """Load the model. Raises RuntimeError."""
        self._compute_probabilities = OnnxNetwork(model)
        self.characters = self._compute_probabilities.characters

    def __call__(self, batch: Batch) -> list[Steps]:
        """Return the steps of each line of a batch. Raises RuntimeError."""
        return [steps_of(probabilities) for probabilities in self._compute_probabilities(batch)]
