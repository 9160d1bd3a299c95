"""The last layer of the recognition is computed for few classes where few can be meant, with the result of all classes."""

from __future__ import annotations

import numpy as np
import openvino as runtime
import pytest
from PIL import Image, ImageDraw, ImageFont

from document_parser.engines.rapidocr import networks, openvino
from document_parser.engines.rapidocr.head import Head, Steps, is_usual, letters_of
from document_parser.engines.rapidocr.ocr import batch_of

MODEL = networks.model_path_of(networks.RECOGNITION)
LINES = (
    "Invoice 2024-0117: 1,113.50 EUR",
    "The quick brown fox jumps over 13 lazy dogs",
    "f(x) = 4 + x; see [17], (18)",
    "#1 {a} ~ <b> | \\ ^",
)


def drawn(text: str) -> np.ndarray:
    picture = Image.new("RGB", (700, 40), "white")
    ImageDraw.Draw(picture).text((8, 8), text, fill="black", font=ImageFont.load_default(20))
    return np.asarray(picture)


@pytest.fixture(scope="module")
def parts():
    """The network's features of drawn lines, and the last layer: weights, bias and letters."""
    graph = runtime.Core().read_model(MODEL)
    letters = letters_of(openvino._characters_of(graph))
    features, weights, bias = openvino.split_head(graph)
    network = openvino.OpenVinoNetwork(features, 1)
    return [network(batch_of([drawn(text)]))[0].copy() for text in LINES], weights, bias, letters


def all_classes(features: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    logits = features @ weights + bias
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def is_as_of_all_classes(steps: Steps, probabilities: np.ndarray) -> bool:
    best = probabilities.argmax(axis=1)
    return bool((steps.best == best).all()) and np.allclose(steps.confidences, probabilities.max(axis=1), atol=0.01)


def test_drawn_lines_are_read_as_with_all_classes(parts):
    lines, weights, bias, letters = parts
    head = Head(weights, bias, letters)
    for features in lines:
        assert is_as_of_all_classes(head(features), all_classes(features, weights, bias))


def test_other_classes_are_computed_where_no_usual_one_is_sure():
    """Four classes, of which a feature each is the logit."""
    letters = letters_of("a\n中\nあ")
    head = Head(np.eye(5, dtype=np.float32), np.zeros(5, dtype=np.float32), letters)
    sure, other = (25, 0, 0, 0, 0), (0, 0, 25, 0, 0)
    blank_but_for_japanese = (21, 0, 0, 23, 0)

    def read(*steps: tuple[int, ...]) -> list[str]:
        return [letters[number] for number in head(np.array(steps, dtype=np.float32)).best]

    assert not is_usual("中")
    assert read(sure, sure, other, sure, sure) == ["", "", "中", "", ""]
    assert read(other, blank_but_for_japanese) == ["中", "あ"], "a neighbour"
    assert read(other, sure, sure, blank_but_for_japanese) == ["中", "", "", "あ"], "anywhere in a line of other classes"
    assert read(sure, blank_but_for_japanese) == ["", ""], "in a line of usual classes the sure ones are not doubted"


def test_any_class_has_its_probability_whichever_classes_were_computed(parts):
    lines, weights, bias, letters = parts
    steps, probabilities = Head(weights, bias, letters)(lines[0]), all_classes(lines[0], weights, bias)
    for sign in "1lIO0中":
        number = letters.index(sign)
        for step in range(0, len(probabilities), 9):
            assert steps.probability(step, number) == pytest.approx(probabilities[step, number], abs=0.01)


def test_a_model_that_ends_in_another_layer_is_refused_with_its_layers():
    graph = runtime.Core().read_model(networks.model_path_of(networks.DETECTION))
    with pytest.raises(RuntimeError, match=r"ends in .*, not in a fully connected layer and softmax"):
        openvino.split_head(graph)
