"""Boxes around the spots of a detection map are those of RapidOCR's own post-processing."""

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageDraw

from document_parser.engines.rapidocr.networks import load_detection
from document_parser.engines.rapidocr.text_boxes import GROWTH_RATIO, MAX_BOXES, MIN_CONFIDENCE, boxes_of
from document_parser.engines.rapidocr.text_map import MIN_WRITING_PROBABILITY
from tests.support.service import ROOT


@pytest.fixture(scope="module")
def reference():
    # Here, as it takes two seconds: every process of a test run collects all files and tests some of them.
    from rapidocr.ch_ppocr_det.utils import DBPostProcess

    return DBPostProcess(
        thresh=MIN_WRITING_PROBABILITY,
        box_thresh=MIN_CONFIDENCE,
        max_candidates=MAX_BOXES,
        unclip_ratio=GROWTH_RATIO,
        use_dilation=True,
    )


def random_map(seed: int) -> np.ndarray:
    """Spots of many sizes, slopes and strengths, some over the edge, some too small or too faint."""
    random = np.random.default_rng(seed)
    picture = Image.new("L", (640, 480))
    pen = ImageDraw.Draw(picture)
    for x, y, width, height in random.integers((-20, -20, 1, 1), (640, 480, 120, 20), (30, 4)).tolist():
        slope, strength = random.integers(-12, 12).item(), random.integers(40, 255).item()
        pen.polygon([(x, y), (x + width, y + slope), (x + width, y + slope + height), (x, y + height)], fill=strength)
    return np.asarray(picture, dtype=np.float32) / 255


@pytest.mark.parametrize("seed", range(8))
def test_spots_of_any_shape_have_the_boxes_of_rapidocr(reference, seed):
    writing = random_map(seed)
    expected, _ = reference(writing[None, None], (1000, 1300))
    assert len(expected) > 5
    assert np.array_equal(boxes_of(writing, 1300, 1000), np.asarray(expected, dtype=np.float32))


def test_a_map_without_writing_has_no_boxes():
    assert boxes_of(np.zeros((64, 96), dtype=np.float32), 96, 64).shape == (0, 4, 2)


def test_lines_of_a_page_have_the_boxes_of_rapidocr(reference):
    with pypdfium2.PdfDocument(ROOT / "samples" / "scan.pdf") as document:
        pixels = np.ascontiguousarray(document[0].render(scale=1).to_numpy()[..., :3])
    height, width = (side // 32 * 32 for side in pixels.shape[:2])
    network = load_detection("auto", 1)
    (writing,) = network(cv2.dnn.blobFromImage(pixels, 1 / 127.5, (width, height), (127.5, 127.5, 127.5)))[:, 0]
    expected, _ = reference(writing[None, None], pixels.shape[:2])
    assert len(expected) > 10
    assert np.array_equal(boxes_of(writing, pixels.shape[1], pixels.shape[0]), np.asarray(expected, dtype=np.float32))
