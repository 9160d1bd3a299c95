"""The neural networks inside RapidOCR's wheel, run by whichever runtime is there: OpenVINO, else ONNX Runtime."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from document_parser.engines import vino
from document_parser.settings import OcrRuntime, send_no_statistics

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


def runtime_of(runtime: OcrRuntime) -> OcrRuntime:
    """What computes here, where the settings leave that open."""
    if runtime != "auto":
        return runtime
    return "openvino" if vino.installed() else "onnxruntime"


def load(name: str, runtime: OcrRuntime, streams: int) -> Network:
    """A network that ``streams`` threads may call at once, each call on one core.

    To be loaded after the fork: threads of a runtime do not survive one.
    """
    model = model_file(name)
    if runtime_of(runtime) == "openvino":
        return vino.VinoNetwork(model, streams)
    return OnnxNetwork(model)


class OnnxNetwork:
    """A network on ONNX Runtime, each call on one core."""

    def __init__(self, model: Path) -> None:
        send_no_statistics()
        import onnxruntime
        from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it keeps 220 MB that are needed only for a moment
        options.log_severity_level = 4
        self._session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._faults = (Fail, RuntimeException)
        self._entry: str = self._session.get_inputs()[0].name
        self.characters = str(self._session.get_modelmeta().custom_metadata_map.get("character", ""))

    def __call__(self, batch: Batch) -> Batch:
        try:
            answer: Batch = self._session.run(None, {self._entry: batch})[0]
        except self._faults as error:
            raise RuntimeError(str(error)) from None
        return answer
