"""Measures what goes into the convolutions of the recognition, for counting in eight bits; writes engines/ranges.json.

    python -m benchmarks.ocr_ranges PICTURE_OR_PDF ...

Any pages of print will do, some hundred lines of them. To be run again when RapidOCR's wheel brings another model; until then
an unknown model is computed in floating point.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
from PIL import Image

from document_parser.engines.rapidocr import networks
from document_parser.engines.rapidocr import ocr as ppocr
from document_parser.engines.rapidocr import openvino as vino
from document_parser.imaging.convert import to_bgr

SAMPLE = 120
PAGES = 3
SCALE = 1.5


def pictures(path: Path) -> Iterator[Image.Image]:
    """The first pages of a document, as the engine gets them."""
    if path.suffix != ".pdf":
        yield Image.open(path).convert("RGB")
        return
    document = pypdfium2.PdfDocument(path)
    for number in range(min(PAGES, len(document))):
        yield document[number].render(scale=SCALE).to_pil().convert("RGB")


def sample(paths: list[Path]) -> list[ppocr.Pixels]:
    """Lines cut out of the documents."""
    ocr = ppocr.PpOcr("onnxruntime", 1)
    lines = []
    for path in paths:
        for picture in pictures(path):
            pixels = to_bgr(picture)
            lines += ppocr.cut_out_lines(pixels, ocr.find_lines(pixels))
    return random.Random(0).sample(lines, min(SAMPLE, len(lines)))


def measured(model: Path, lines: list[ppocr.Pixels]) -> dict[str, tuple[float, float]]:
    """The least and the largest number that went into each convolution."""
    import openvino

    graph = openvino.Core().read_model(model)
    nodes = list(vino.convolutions_of(graph))
    sources: list[Any] = []
    for node in nodes:
        if node.input_value(0) not in sources:
            sources.append(node.input_value(0))
    graph.add_outputs(sources)
    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = openvino.Core().compile_model(graph, "CPU", exact)
    lows, highs = [], []
    for line in lines:
        answers = compiled([ppocr.batch_of([line])])
        seen = [answers[place] for place in range(1, len(sources) + 1)]
        lows.append([float(numbers.min()) for numbers in seen])
        highs.append([float(numbers.max()) for numbers in seen])
    least, largest = np.min(lows, axis=0), np.max(highs, axis=0)
    places = {node.get_friendly_name(): sources.index(node.input_value(0)) for node in nodes}
    return {name: (round(float(least[i]), 3), round(float(largest[i]), 3)) for name, i in places.items()}


def main() -> None:
    model = networks.model_path_of(networks.RECOGNITION)
    found = measured(model, sample([Path(argument) for argument in sys.argv[1:]]))
    vino.RANGES.write_text(json.dumps({sha256(model.read_bytes()).hexdigest(): found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
