"""Train the network that reads digits by their shapes, and write its weights into the package.

    python -m benchmarks.digit_shapes [--shapes 60000] [--fonts FOLDER]

The letters come from this machine's fonts and from the fourteen that every PDF viewer has; they are turned, blurred, scaled
down and compressed as scans are. It prints how many digits of a second draw are taken for others.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from document_parser.imaging.digit_shapes import INK_SHARES, OTHER, WEIGHTS, log_probabilities, shapes_of

FONTS = Path("/usr/share/fonts/truetype")
SIZE_PIXELS = 96
DIGITS = "0123456789"
OTHERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghkmnpqrstuvwxyz$&?#%"
"""Without the letters that look like digits in some fonts."""
DIGIT_SHARE = 0.75
STANDARD = ("Helvetica", "Times-Roman", "Courier")
STYLES = {
    "Helvetica": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "Times-Roman": ("",),
    "Courier": ("", "-Bold", "-Oblique"),
}
TIMES = ("Times-Bold", "Times-Italic", "Times-BoldItalic")
HIDDEN, EPOCHS, BATCH, RATE = 96, 14, 256, 2e-3

Glyph = NDArray[np.uint8]


def glyphs(fonts: Path) -> list[tuple[str, list[Glyph]]]:
    """Pictures of each letter, black on white, in every font."""
    faces = [ImageFont.truetype(path, SIZE_PIXELS) for path in sorted(fonts.rglob("*.ttf")) if "Math" not in path.name]
    standard = [name + style for name in STANDARD for style in STYLES[name]] + list(TIMES)
    pages = [_standard_glyphs(name) for name in standard]
    found = []
    for place, letter in enumerate(DIGITS + OTHERS):
        found.append((letter, [_drawn(letter, face) for face in faces] + [page[place] for page in pages]))
    return found


def _drawn(letter: str, face: ImageFont.FreeTypeFont) -> Glyph:
    picture = Image.new("L", (2 * SIZE_PIXELS, 2 * SIZE_PIXELS), 255)
    ImageDraw.Draw(picture).text((SIZE_PIXELS // 2, SIZE_PIXELS // 3), letter, font=face, fill=0)
    return _cut(np.asarray(picture))


def _standard_glyphs(font: str) -> list[Glyph]:
    """The letters in one of the fonts that PDFium has itself."""
    side = 2 * SIZE_PIXELS
    cells = "".join(
        f"BT /F {SIZE_PIXELS} Tf {side * place + SIZE_PIXELS // 2} {SIZE_PIXELS} Td ({letter}) Tj ET "
        for place, letter in enumerate(DIGITS + OTHERS)
    )
    width = side * len(DIGITS + OTHERS)
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {side}] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(cells)} >>\nstream\n{cells}\nendstream",
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{font} >>",
    )
    body = "%PDF-1.7\n" + "".join(f"{number} 0 obj\n{text}\nendobj\n" for number, text in enumerate(objects, start=1))
    document = pypdfium2.PdfDocument((body + "trailer << /Root 1 0 R /Size 6 >>\n%%EOF\n").encode())
    picture = np.asarray(document[0].render(scale=1).to_pil().convert("L"))
    return [_cut(picture[:, side * place : side * (place + 1)]) for place in range(len(DIGITS + OTHERS))]


def _cut(picture: Glyph) -> Glyph:
    """The letter with a margin of white."""
    rows, columns = np.nonzero(picture < 128)
    part = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return np.pad(part, SIZE_PIXELS // 4, constant_values=255)


def shapes(
    bank: list[tuple[str, list[Glyph]]], count: int, chance: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """So many letters as a scan would show them, and their classes."""
    found, classes = [], []
    while len(found) < count:
        digit = chance.random() < DIGIT_SHARE
        letter, faces = bank[chance.integers(10) if digit else chance.integers(10, len(bank))]
        shape = _scanned(faces[chance.integers(len(faces))], chance)
        if shape is not None:
            found.append(shape)
            classes.append(int(letter) if digit else OTHER)
    return np.array(found, np.float32), np.array(classes)


def _scanned(glyph: Glyph, chance: np.random.Generator) -> NDArray[np.float32] | None:
    """A letter turned a little, blurred, scaled down, with noise, compressed, and cut out as a word's letters are."""
    high, wide = glyph.shape
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), chance.normal(0, 0.7), 1)
    scale = chance.uniform(8, 26) / (high - SIZE_PIXELS // 2)
    size = max(4, round(wide * scale * chance.uniform(0.9, 1.1))), max(4, round(high * scale))
    picture = cv2.warpAffine(glyph, turn, (wide, high), borderValue=255)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if chance.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), chance.uniform(0.3, 1.0))
    dark = chance.uniform(0, 90)
    picture = dark + picture * (255 - dark) / 255 + chance.normal(0, chance.uniform(0, 10), picture.shape)
    grey = np.clip(picture, 0, 255).astype(np.uint8)
    if chance.random() < 0.6:
        packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(chance.integers(60, 93))])[1]
        grey = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    darkest = float(grey.min())
    ink = (grey < 255 - INK_SHARES[int(chance.random() < 0.3)] * (255 - darkest)).astype(np.uint8)
    spots = cv2.connectedComponentsWithStats(ink, connectivity=8)[2][1:]
    if not len(spots):
        return None
    left, top, width, height, _ = spots[spots[:, 4].argmax()].tolist()
    return shapes_of([grey[top : top + height, left : left + width]], 255.0, darkest)[0] if height > 3 else None


def train(found: NDArray[np.float32], classes: NDArray[np.int64], chance: np.random.Generator) -> list[NDArray[np.float32]]:
    """The weights. Source of the steps: Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015)."""
    inputs = found.shape[1]
    sizes = ((inputs, HIDDEN), (HIDDEN,), (HIDDEN, OTHER + 1), (OTHER + 1,))
    weights = [
        (chance.normal(0, (2 / size[0]) ** 0.5, size) if len(size) == 2 else np.zeros(size)).astype(np.float32)
        for size in sizes
    ]
    means, squares = [np.zeros_like(one) for one in weights], [np.zeros_like(one) for one in weights]
    step = 0
    for epoch in range(EPOCHS):
        rate, order = RATE * (1 - epoch / EPOCHS), chance.permutation(len(found))
        for begin in range(0, len(found) - BATCH + 1, BATCH):
            chosen = order[begin : begin + BATCH]
            step += 1
            for place, slope in enumerate(_slopes(found[chosen], classes[chosen], weights)):
                means[place] = 0.9 * means[place] + 0.1 * slope
                squares[place] = 0.999 * squares[place] + 0.001 * slope**2
                steady = means[place] / (1 - 0.9**step), squares[place] / (1 - 0.999**step)
                weights[place] -= (rate * steady[0] / (np.sqrt(steady[1]) + 1e-8)).astype(np.float32)
    return weights


def _slopes(
    found: NDArray[np.float32], classes: NDArray[np.int64], weights: list[NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    inner, inner_bias, outer, _ = weights
    hidden = np.maximum(found @ inner + inner_bias, 0)
    wrong = np.exp(log_probabilities(found, *weights))
    wrong[np.arange(len(classes)), classes] -= 1
    wrong /= len(classes)
    back = (wrong @ outer.T) * (hidden > 0)
    return [found.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(axis=0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=int, default=60_000)
    parser.add_argument("--fonts", type=Path, default=FONTS)
    given = parser.parse_args()
    chance = np.random.default_rng(7)
    bank = glyphs(given.fonts)
    weights = train(*shapes(bank, given.shapes, chance), chance)
    found, classes = shapes(bank, 6000, chance)
    taken = log_probabilities(found, *weights).argmax(axis=1)
    digits = classes != OTHER
    sys.stdout.write(
        f"digits taken for another class: {(taken != classes)[digits].mean():.2%}; "
        f"something else taken for a digit: {(taken != OTHER)[~digits].mean():.2%}\n"
    )
    np.savez(WEIGHTS, *(one.astype(np.float16) for one in weights))


if __name__ == "__main__":
    main()
