"""CPU OCR against RapidOCR as it comes: the same dense pages, in one run, page by page in turn, on one core each.

    python -m benchmarks.ocr_speed [--corpus FOLDER]

Pages are drawn as pictures from digital documents of the corpus; their text layer is the truth that word F1 is counted against.
Seconds are those of the processor, since others may be at work on the machine.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from document_parser.settings import EngineSettings, Settings, WorkerSettings, cap_threads

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
DENSE = {
    "pdftotext_two_column_issue.pdf": (0, 3, 6),
    "layout-parser-paper-fast.pdf": (0, 1),
    "multicolumn.pdf": (0,),
    "demo2.pdf": (1,),
    "federal-register-2020-17221.pdf": (2,),
}
"""Pages, from 0, of documents of two and more columns."""
TARGET = 0.22

Pixels = NDArray[np.uint8]
Reader = Callable[[Pixels], list[str]]


@dataclass
class Measured:
    """Processor seconds and word F1 of every page that one reader read."""

    seconds: list[float] = field(default_factory=list)
    word_f1: list[float] = field(default_factory=list)


def dense_pages(corpus: Path) -> Iterator[tuple[Pixels, str]]:
    """Pictures (blue, green, red) at the engine's resolution, and what they say."""
    import pypdfium2

    scale = Settings().engines.cpu_picture_dpi / 72
    for name, numbers in DENSE.items():
        document = pypdfium2.PdfDocument(corpus / "digital" / name)
        for number in numbers:
            picture = document[number].render(scale=scale).to_numpy()[:, :, :3]
            yield np.ascontiguousarray(picture), document[number].get_textpage().get_text_bounded()


def word_f1(truth: str, read: str) -> float:
    """F1 of two texts as bags of words, hyphens within words and at line ends left out."""
    one, other = (Counter(re.findall(r"\w+", re.sub(r"[-\x02\ufffe]\s*", "", text.casefold()))) for text in (truth, read))
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def ours(runtime: str) -> Reader:
    from document_parser.engines.rapidocr.confidence import MIN_WRITING_CONFIDENCE
    from document_parser.engines.rapidocr.engine import RapidOcrEngine

    engines = EngineSettings.model_validate({"cpu_ocr_runtime": runtime})
    engine = RapidOcrEngine(Settings(engines=engines, workers=WorkerSettings(cpu_concurrency=1)))
    return lambda pixels: [line.text for line in engine.find_lines(pixels) if line.confidence >= MIN_WRITING_CONFIDENCE]


def theirs() -> Reader:
    """RapidOCR's defaults, on one core as ours."""
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    reader = RapidOCR(params={"Global.log_level": "error", **threads})
    return lambda pixels: list(reader(pixels).txts or ())


def measure(corpus: Path) -> dict[str, Measured]:
    readers = {"RapidOCR's defaults": theirs(), "ours": ours("auto"), "ours, on ONNX Runtime": ours("onnxruntime")}
    pages = list(dense_pages(corpus))
    for read in readers.values():
        read(pages[0][0])  # models are loaded by the first page
    found = {name: Measured() for name in readers}
    for pixels, truth in pages:
        for name, read in readers.items():
            started = time.process_time()
            text = "\n".join(read(pixels))
            found[name].seconds.append(time.process_time() - started)
            found[name].word_f1.append(word_f1(truth, text))
    return found


def lines(corpus: Path = CORPUS) -> list[str]:
    """The table for docs/quality.md; a sentence instead where the corpus is absent."""
    if not (corpus / "digital").is_dir():
        return ["Speed of OCR: not measured, the corpus is not there."]
    found = measure(corpus)
    default = found["RapidOCR's defaults"]
    table = [
        "| reader | processor seconds a page | part of RapidOCR's defaults | word F1 |",
        "|---|---|---|---|",
        *(
            f"| {name} | {mean(one.seconds):.2f} | {mean(one.seconds) / mean(default.seconds):.2f} | {mean(one.word_f1):.3f} |"
            for name, one in found.items()
        ),
    ]
    part, better = mean(found["ours"].seconds) / mean(default.seconds), mean(found["ours"].word_f1) - mean(default.word_f1)
    met = "yes" if part <= TARGET and better >= 0 else "NO"
    return [*table, "", f"{len(default.seconds)} dense pages. To reach: at most {TARGET} of the time, F1 no lower; met: {met}."]


def main() -> None:
    cap_threads()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    sys.stdout.write("\n".join(lines(parser.parse_args().corpus)) + "\n")


if __name__ == "__main__":
    main()
