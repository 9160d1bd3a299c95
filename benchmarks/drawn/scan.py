"""A bad scan of a drawn document: rendered with PDFium, then skewed, blurred, noisy, shaded, as a fax, or of a low resolution."""

from __future__ import annotations

from io import BytesIO
from random import Random
from typing import Any

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Grey = NDArray[np.float32]
DPI = (110, 150, 150, 200, 200, 300)
MAX_SKEW_DEGREES = 2.5
POINTS_PER_INCH = 72


def scan(pdf: bytes, seed: int) -> tuple[str, bytes]:
    """Return a suffix and the bytes of the file: a PNG or JPEG of a single page sometimes, else a PDF of pictures."""
    random = Random(f"scan {seed}")
    dpi, fax = random.choice(DPI), random.random() < 0.12
    noise = np.random.default_rng(seed)
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [_degraded(page.render(scale=dpi / POINTS_PER_INCH).to_pil(), random, noise, fax=fax) for page in document]
    out = BytesIO()
    if len(pages) == 1 and random.random() < 0.5:
        suffix = "png" if fax else random.choice(("png", "jpg"))
        pages[0].save(
            out,
            "PNG" if suffix == "png" else "JPEG",
            dpi=(dpi, dpi),
            **({} if suffix == "png" else {"quality": random.randint(45, 90)}),
        )
        return suffix, out.getvalue()
    more: dict[str, Any] = {} if fax else {"quality": random.randint(45, 90)}
    pages[0].save(out, "PDF", resolution=dpi, save_all=True, append_images=pages[1:], **more)
    return "pdf", out.getvalue()


def _degraded(page: Image.Image, random: Random, noise: np.random.Generator, *, fax: bool) -> Image.Image:
    """Return one page as a bad scanner gives it."""
    picture = page.convert("L")
    if random.random() < 0.6:
        angle = random.uniform(-MAX_SKEW_DEGREES, MAX_SKEW_DEGREES)
        picture = picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=250)
    if random.random() < 0.6:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.0)))
    grey = np.asarray(picture, dtype=np.float32)
    grey = grey * random.uniform(0.75, 0.95) + random.uniform(5, 25)
    if random.random() < 0.4:
        grey = grey * _shadow(grey.shape, random)
    grey = grey + noise.normal(0, random.uniform(1, 9), grey.shape).astype(np.float32)
    image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    return image.point(lambda value: 255 * (value > 140)).convert("1") if fax else image


def _shadow(shape: tuple[int, ...], random: Random) -> Grey:
    """Return factors that darken one side or corner of a page, as a book's fold or a hand does."""
    rows, columns = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
    way = np.cos(angle := random.uniform(0, 6.3)) * columns + np.sin(angle) * rows
    way = (way - way.min()) / (way.max() - way.min())
    return (1 - random.uniform(0.15, 0.4) * way ** random.uniform(1, 3)).astype(np.float32)
