"""A bad scan of a drawn document: rendered with PDFium, then skewed, blurred, noisy, shaded, faxed or coarse."""

from __future__ import annotations

from dataclasses import dataclass
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


FAINT_NOISE, MILD_BLUR, STRONG_JPEG = 5.0, 0.65, 60
"""What goes beyond these has a name of its own in the reports: grey levels, pixels, quality."""


@dataclass(frozen=True)
class Scan:
    """A file with a suffix, and the names of what was done to at least one of its pages, as in ``110 dpi`` or ``skew``."""

    suffix: str
    data: bytes
    damages: tuple[str, ...]


def scan(pdf: bytes, seed: int) -> Scan:
    """Return a document as a bad scan: a PNG or JPEG of a single page sometimes, else a PDF of pictures."""
    random = Random(f"scan {seed}")
    dpi, fax = random.choice(DPI), random.random() < 0.12
    noise = np.random.default_rng(seed)
    damages = {f"{dpi} dpi", *(("fax",) if fax else ())}
    with pypdfium2.PdfDocument(pdf) as document:
        document.init_forms()  # else fields and check boxes are not drawn
        pages = [
            _degraded(page.render(scale=dpi / POINTS_PER_INCH).to_pil(), random, noise, damages, fax=fax) for page in document
        ]
    out = BytesIO()
    single = len(pages) == 1 and random.random() < 0.5
    suffix = ("png" if fax else random.choice(("png", "jpg"))) if single else "pdf"
    # A fax and a PNG keep each pixel: only the others have a quality.
    more: dict[str, Any] = {} if fax or suffix == "png" else {"quality": random.randint(45, 90)}
    if more and more["quality"] < STRONG_JPEG:
        damages.add("JPEG")
    if single:
        pages[0].save(out, "PNG" if suffix == "png" else "JPEG", dpi=(dpi, dpi), **more)
    else:
        pages[0].save(out, "PDF", resolution=dpi, save_all=True, append_images=pages[1:], **more)
    return Scan(suffix, out.getvalue(), tuple(sorted(damages)))


def _degraded(page: Image.Image, random: Random, noise: np.random.Generator, damages: set[str], *, fax: bool) -> Image.Image:
    """Return one page as a bad scanner gives it, and add the names of what was done to ``damages``."""
    picture = page.convert("L")
    if random.random() < 0.6:
        angle = random.uniform(-MAX_SKEW_DEGREES, MAX_SKEW_DEGREES)
        picture = picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=250)
        damages.add("skew")
    if random.random() < 0.6:
        picture = picture.filter(ImageFilter.GaussianBlur(radius := random.uniform(0.3, 1.0)))
        damages.update(["blur"] if radius > MILD_BLUR else [])
    grey = np.asarray(picture, dtype=np.float32)
    grey = grey * random.uniform(0.75, 0.95) + random.uniform(5, 25)
    if random.random() < 0.4:
        grey = grey * _shadow(grey.shape, random)
        damages.add("shadow")
    grey = grey + noise.normal(0, spread := random.uniform(1, 9), grey.shape).astype(np.float32)
    damages.update(["noise"] if spread > FAINT_NOISE else [])
    if random.random() < 0.2:
        # Dust on the glass and gaps in the toner.
        grey = np.where(noise.random(grey.shape) < random.uniform(0.0002, 0.002), 255 - grey, grey)
        damages.add("dust")
    image = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    return image.point(lambda value: 255 * (value > 140)).convert("1") if fax else image


def _shadow(shape: tuple[int, ...], random: Random) -> Grey:
    """Return factors that darken one side or corner of a page, as a book's fold or a hand does."""
    rows, columns = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
    way = np.cos(angle := random.uniform(0, 6.3)) * columns + np.sin(angle) * rows
    way = (way - way.min()) / (way.max() - way.min())
    return (1 - random.uniform(0.15, 0.4) * way ** random.uniform(1, 3)).astype(np.float32)
