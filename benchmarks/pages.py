"""Pages as a scanner makes them, each with a number of its own, and the files they come in."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.support.documents import PARAGRAPH, page_picture
from tests.support.stamp import draw_stamp, stamp_rectangles
from tests.support.vllm_answers import answer_for

SCAN_SIZE = (1240, 1754)
"""A4 at 150 dpi."""
SENT_SIZE = (1176, 1664)
"""The picture of an A4 page that the product sends to DeepSeek-OCR."""
SENT_QUALITY = 90
POINTS = (595.2, 841.92)
NOISE = 3.5
LOOKS = 8
PAPER = 240
TYPE_POINTS, LINE_POINTS, MEAN_LETTER_POINTS = 11, 15, 5.6
TOKENS = 266
"""Asks the simulated servers for answers of about 250 or about 317 tokens: they come in steps of a paragraph."""
PARAGRAPHS = re.compile(r"<\|det\|>\[\[(\d+), (\d+), (\d+), \d+\]\]<\|/det\|>\n(.+)")
"""Left, top and right of a paragraph of an answer on a grid of 999, and its text."""


@dataclass(frozen=True)
class Scan:
    """One page of a scanned PDF; a ``stamp`` is drawn over the picture by the page itself."""

    jpeg: bytes
    stamp: int | None = None


def scan(number: int) -> Image.Image:
    """A page of print on paper that is not quite white, stamped with its number and with lines that no other page has."""
    image = _look(number % LOOKS).copy()
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=24)
    for line in range(4):
        pen.text(
            (110, 70 + 40 * line), f"Page {number}, line {line}, reference {number * 7919 + line:010d}", font=font, fill=30
        )
    draw_stamp(image, number)
    return image


def printed_scan(number: int) -> Image.Image:
    """A page that says what the simulated DeepSeek-OCR reads on it, each paragraph in the box that the answer gives it."""
    image = _print(list(_printed_lines(number)))
    noisy = np.asarray(image, dtype=np.float32) + _noise(number % LOOKS)
    picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert("RGB")
    draw_stamp(picture, number)
    return picture


def _printed_lines(number: int) -> Iterator[tuple[float, float, str]]:
    """Left, top and text of each line, in points."""
    grid_across, grid_down = POINTS[0] / 999, POINTS[1] / 999
    for left, top, right, text in PARAGRAPHS.findall(answer_for(number, "deepseek", TOKENS)):
        width = (int(right) - int(left)) * grid_across
        across, down, line = int(left) * grid_across, int(top) * grid_down, ""
        for word in [*text.removeprefix("# ").split(), None]:
            if word is None or len(f"{line} {word}") * MEAN_LETTER_POINTS > width:
                yield across, down, line
                line, down = "", down + LINE_POINTS
            line = f"{line} {word}".strip()


def _print(lines: list[tuple[float, float, str]]) -> Image.Image:
    """A page with these lines in Helvetica, drawn by PDFium."""
    cells = "".join(
        f"BT /F {TYPE_POINTS} Tf {across:.2f} {POINTS[1] - down - TYPE_POINTS:.2f} Td ({text}) Tj ET "
        for across, down, text in lines
    )
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {POINTS[0]} {POINTS[1]}] /Contents 4 0 R "
        "/Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(cells)} >>\nstream\n{cells}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body = "%PDF-1.7\n" + "".join(f"{number} 0 obj\n{text}\nendobj\n" for number, text in enumerate(objects, start=1))
    document = pypdfium2.PdfDocument((body + "trailer << /Root 1 0 R /Size 6 >>\n%%EOF\n").encode())
    drawn = document[0].render(scale=SCAN_SIZE[0] / POINTS[0]).to_pil().convert("L").resize(SCAN_SIZE)
    document.close()
    return drawn.point([round(30 + level * (PAPER - 30) / 255) for level in range(256)])


@cache
def _noise(number: int) -> NDArray[np.float32]:
    """Noise like that of a scanner."""
    return np.random.default_rng(number).normal(0, NOISE, SCAN_SIZE[::-1]).astype(np.float32)


@cache
def _look(number: int) -> Image.Image:
    """One of a few pages of print, with noise like that of a scanner.

    Not much print: the simulated model says 280 tokens, and an answer far shorter than the ink is long would be doubted.
    """
    text = "\n".join(["", "", "", ""] + [f"{number}.{part} {PARAGRAPH * 2}" for part in range(1, 5)])
    clean = np.asarray(page_picture(text, SCAN_SIZE, font_size=24, paper=PAPER), dtype=np.float32)
    return Image.fromarray(np.clip(clean + _noise(number), 0, 255).astype(np.uint8)).convert("RGB")


def jpeg_of(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()


def as_scanned(number: int, quality: int = 80) -> bytes:
    """The page as it comes from the scanner."""
    return jpeg_of(scan(number), quality)


def as_printed(number: int) -> bytes:
    """The page that says what the model reads on it, as it comes from the scanner."""
    return jpeg_of(printed_scan(number), 80)


def as_sent(number: int) -> bytes:
    """The same page as the product would send it to the model server."""
    return jpeg_of(printed_scan(number).resize(SENT_SIZE, Image.Resampling.BILINEAR), SENT_QUALITY)


def scanned_pdf(path: Path, scans: Iterable[Scan]) -> Path:
    """A PDF of pictures only, written as the pages come."""
    with path.open("wb") as out:
        offsets: dict[int, int] = {}

        def write(number: int, body: bytes) -> None:
            offsets[number] = out.tell()
            out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")

        out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        kids = []
        for index, page in enumerate(scans):
            first = 3 + 3 * index
            kids.append(first)
            for number, body in enumerate(_page_objects(first, page), start=first):
                write(number, body)
        write(1, b"<< /Type /Catalog /Pages 2 0 R >>")
        listed = b" ".join(b"%d 0 R" % kid for kid in kids)
        write(2, b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids)))
        _write_tail(out, offsets)
    return path


def _page_objects(first: int, page: Scan) -> Iterator[bytes]:
    """The page, its content and its picture."""
    width, height = POINTS
    content = b"q %.2f 0 0 %.2f 0 0 cm /I Do Q" % POINTS + (b"" if page.stamp is None else _stamp_operators(page.stamp))
    yield (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] " % (width, height)
        + b"/Contents %d 0 R /Resources << /XObject << /I %d 0 R >> >> >>" % (first + 1, first + 2)
    )
    yield _stream(content)
    size = b"/Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8" % SCAN_SIZE
    yield _stream(page.jpeg, b"/Type /XObject /Subtype /Image /Filter /DCTDecode " + size)


def _stamp_operators(value: int) -> bytes:
    """The stamp on a white band, as filled rectangles."""
    width, height = POINTS
    band = b" 1 g 50 %.2f 500 32 re f 0 g" % (height - 35)
    squares = [
        b" %.2f %.2f %.2f %.2f re f" % (left * width, (1 - bottom) * height, (right - left) * width, (bottom - top) * height)
        for left, top, right, bottom in stamp_rectangles(value)
    ]
    return band + b"".join(squares)


def _stream(body: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n" % (len(body), entries) + body + b"\nendstream"


def _write_tail(out: io.BufferedWriter, offsets: dict[int, int]) -> None:
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offsets[number] for number in sorted(offsets)))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, table))
