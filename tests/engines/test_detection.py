"""The detection network is compiled for sizes of images, and only the last few are kept."""

from __future__ import annotations

import numpy as np
import pytest

from document_parser.engines.rapidocr import networks, openvino

MODEL = networks.model_path_of(networks.DETECTION)
SIZES = ((96, 128), (128, 96), (160, 160))


@pytest.fixture(scope="module")
def detector():
    return openvino.OpenVinoDetector(MODEL, 1)


def picture(height, width):
    return np.random.default_rng(height).random((1, 3, height, width), dtype=np.float32)


def test_a_size_gets_the_answer_of_a_network_for_any_size(detector):
    for_any = openvino.OpenVinoNetwork(openvino.read_graph(MODEL), 1)
    for size in SIZES:
        assert np.allclose(detector(picture(*size)), for_any(picture(*size)), atol=0.01)


def test_networks_are_kept_for_the_last_sizes_alone(detector):
    for size in (*SIZES, SIZES[-1]):
        detector(picture(*size))
    assert [shape[2:] for shape in detector._networks] == list(SIZES[-openvino.KEPT_SIZES :])
