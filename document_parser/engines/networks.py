"""The neural networks inside RapidOCR's wheel, run by whichever runtime computes here: OpenVINO, else ONNX Runtime."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from document_parser import logs
from document_parser.engines import vino
from document_parser.settings import OcrRuntime, send_no_statistics

log = logs.get(__name__)

Batch = NDArray[np.float32]


class Network(Protocol):
    """A loaded network. Many threads may call it."""

    characters: str
    """What a network that reads can write, one letter a line, in the order of its answers; empty for others."""

    def __call__(self, batch: Batch) -> Batch:
        """What the network says of a batch of pictures; to be used before the same thread's next call. Raises RuntimeError."""
        ...


DETECTION = "PP-OCRv6_det_small.onnx"
RECOGNITION = "PP-OCRv6_rec_small.onnx"


def model_file(name: str) -> Path:
    """A model inside the wheel. Raises FileNotFoundError where the wheel is absent or carries another."""
    spec = importlib.util.find_spec("rapidocr")
    path = Path(spec.origin or "").with_name("models") / name if spec else Path(name)
    if not path.is_file():
        raise FileNotFoundError(name)
    return path


def runtime_of(runtime: OcrRuntime) -> Literal["openvino", "onnxruntime"]:
    """What computes here: what the settings say, or where they leave that open OpenVINO, unless it cannot."""
    if runtime != "auto":
        return runtime
    return "onnxruntime" if vino.trouble() else "openvino"


def load(name: str, runtime: OcrRuntime, streams: int) -> Network:
    """A network that ``streams`` threads may call at once, each call on one core. Raises RuntimeError.

    To be loaded after the fork: threads of a runtime do not survive one.
    """
    model = model_file(name)
    if runtime_of(runtime) == "onnxruntime":
        return OnnxNetwork(model)
    if runtime == "auto":
        return RelievedNetwork(lambda: vino.VinoNetwork(model, streams), lambda: OnnxNetwork(model))
    try:
        return vino.VinoNetwork(model, streams)
    except RuntimeError as error:
        vino.note_fault(error)
        raise


class RelievedNetwork:
    """A network on OpenVINO; on ONNX Runtime from the moment on that OpenVINO fails to compile or to answer."""

    def __init__(self, first: Callable[[], Network], relief: Callable[[], Network]) -> None:
        self._relief = relief
        self._relieved = False
        self._lock = Lock()
        try:
            self._network = first()
        except RuntimeError as error:
            self._network = self._relieve(error)
        self.characters = self._network.characters

    def __call__(self, batch: Batch) -> Batch:
        network = self._network
        try:
            return network(batch)
        except RuntimeError as error:
            with self._lock:
                if network is self._network:
                    if self._relieved:
                        raise
                    self._network = self._relieve(error)
        return self._network(batch)

    def _relieve(self, error: RuntimeError) -> Network:
        vino.note_fault(error)
        log.warning("ocr_runtime_failed", runtime="openvino", reason=vino.trouble(), instead="onnxruntime")
        self._relieved = True
        return self._relief()


class OnnxNetwork:
    """A network on ONNX Runtime, each call on one core. Raises RuntimeError, also for a damaged or absent model file."""

    def __init__(self, model: Path) -> None:
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
        try:
            answer: Batch = self._session.run(None, {self._entry: batch})[0]
        except self._faults as error:
            raise RuntimeError(str(error)) from None
        return answer
