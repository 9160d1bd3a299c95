"""Makes the two sample documents beside this file: ``python samples/make_samples.py [folder]``.

``scan.pdf`` holds pictures only: an inspection report as a scanner gives it, and a page that lies on its side.
``paper.pdf`` is born digital: a title over two columns, text that flows through them, a table and a formula. Texts are our own.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from paper_text import PAPER, TOWNS
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab import rl_config
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, FrameBreak, NextPageTemplate, PageTemplate, Paragraph, Table
from reportlab.platypus.flowables import Flowable

DPI = 165
WIDTH, HEIGHT = (round(side / 72 * DPI) for side in A4)
MARGIN = round(0.9 * DPI)
INK, PAPER_GREY, GRAIN = 45, 233, 5.0
"""Grey values of print and paper, and the spread of the grain, out of 255."""

REPORT = "Elevator Inspection Report"
REPORT_TEXT = (
    "The passenger elevator at 18 Harbour Lane was inspected on Tuesday by Marguerite Fenwick. The cabin, the shaft and "
    "the machine room were found clean. The governor tripped at the rated speed and the brake held the loaded cabin.",
    "Two parts show wear and were replaced during the visit. The invoice below lists the work and the material. Payment "
    "is due within thirty days of receipt.",
)
REPORT_TABLE = (
    ("Item", "Quantity", "Unit price", "Amount"),
    ("Brake lining", "2", "148.50", "297.00"),
    ("Door roller", "6", "19.75", "118.50"),
    ("Traction rope", "1", "842.00", "842.00"),
    ("Gear oil", "4", "23.10", "92.40"),
    ("Labour hours", "7", "95.00", "665.00"),
    ("Total", "", "", "2014.90"),
)
REPORT_END = "The next inspection is planned for the first week of November. Keep this report with the elevator logbook."
SIDEWAYS = "Maintenance Schedule"
SIDEWAYS_TEXT = (
    "This page was fed into the scanner sideways. Lubricate the guide rails every three months and check the "
    "emergency telephone on each visit.",
    "Caretakers record unusual noises in the logbook and report them before the weekend. The spare keys hang beside "
    "the fuse cabinet in the basement.",
)


# --- the scan ---------------------------------------------------------------------------------------------------------


def font(points: float) -> ImageFont.FreeTypeFont:
    """Pillow's own font at a size in points, as it comes out at DPI."""
    found = ImageFont.load_default(size=points / 72 * DPI)
    assert isinstance(found, ImageFont.FreeTypeFont), "Pillow needs FreeType to draw the samples"
    return found


class Sheet:
    """White paper that is written on from top to bottom. Lengths are pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("L", (width, height), 255)
        self.pen = ImageDraw.Draw(self.image)
        self.y = MARGIN

    def heading(self, text: str) -> None:
        self.pen.text((MARGIN, self.y), text, fill=0, font=font(24), stroke_width=1)
        self.y += round(0.62 * DPI)

    def paragraph(self, text: str) -> None:
        size = font(12)
        for line in wrapped(text, size, self.image.width - 2 * MARGIN):
            self.pen.text((MARGIN, self.y), line, fill=0, font=size)
            self.y += round(0.25 * DPI)
        self.y += round(0.16 * DPI)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """A table with rules, words to the left and numbers to the right of their cells."""
        height, width = round(0.36 * DPI), (self.image.width - 2 * MARGIN) // len(rows[0])
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                left, top = MARGIN + column * width, self.y + row * height
                self.pen.rectangle((left, top, left + width, top + height), outline=0, width=2)
                self._cell(text, left, top, width, heavy=row in {0, len(rows) - 1}, right=column > 0)
        self.y += len(rows) * height + round(0.3 * DPI)

    def _cell(self, text: str, left: int, top: int, width: int, *, heavy: bool, right: bool) -> None:
        size, inset = font(12), round(0.1 * DPI)
        shift = width - inset - round(size.getlength(text)) if right else inset
        # As little as bold letters are heavier in print: a whole pixel would fill the gap below the dot of an i.
        self.pen.text((left + shift, top + inset * 0.8), text, fill=0, font=size, stroke_width=0.25 if heavy else 0)


def wrapped(text: str, size: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    """The text in lines of at most ``width`` pixels."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if size.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line


def report_page() -> Image.Image:
    sheet = Sheet(WIDTH, HEIGHT)
    sheet.heading(REPORT)
    for text in REPORT_TEXT:
        sheet.paragraph(text)
    sheet.table(REPORT_TABLE)
    sheet.paragraph(REPORT_END)
    return sheet.image


def sideways_page() -> Image.Image:
    """A page in landscape, turned a quarter clockwise, as from a feeder that takes the short side first."""
    sheet = Sheet(HEIGHT, WIDTH)
    sheet.heading(SIDEWAYS)
    for text in SIDEWAYS_TEXT:
        sheet.paragraph(text)
    return sheet.image.transpose(Image.Transpose.ROTATE_270)


def scanned(page: Image.Image, skew: float, seed: int) -> bytes:
    """The page as a scanner's JPEG: slightly turned (degrees), soft, on grey and grainy paper."""
    turned = page.rotate(skew, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.6))
    light = np.asarray(turned, dtype=np.float64) / 255
    grain = np.random.default_rng(seed).normal(0, GRAIN, light.shape)
    shade = np.linspace(0, -9, light.shape[1])  # the lamp fades towards one side
    grey = INK + light * (PAPER_GREY + shade - INK) + grain
    out = io.BytesIO()
    Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=55, dpi=(DPI, DPI))
    return out.getvalue()


def scan() -> bytes:
    """``scan.pdf``: pictures of two pages, no text layer."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1, pageCompression=1)
    for picture in (scanned(report_page(), 0.35, seed=1), scanned(sideways_page(), -0.25, seed=2)):
        canvas.drawImage(ImageReader(io.BytesIO(picture)), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


# --- the paper --------------------------------------------------------------------------------------------------------

TITLE_STYLE = ParagraphStyle("title", fontName="Times-Bold", fontSize=19, leading=24, alignment=TA_CENTER, spaceAfter=8)
AUTHOR_STYLE = ParagraphStyle("author", fontName="Times-Roman", fontSize=11, leading=14, alignment=TA_CENTER)
HEADING_STYLE = ParagraphStyle(
    "heading", fontName="Times-Bold", fontSize=12.5, leading=16, spaceBefore=9, spaceAfter=4, keepWithNext=1
)
BODY_STYLE = ParagraphStyle(
    "body", fontName="Times-Roman", fontSize=10.5, leading=13.2, alignment=TA_JUSTIFY, firstLineIndent=12, spaceAfter=2
)
CAPTION_STYLE = ParagraphStyle(
    "caption", fontName="Times-Roman", fontSize=9.5, leading=12, spaceBefore=8, spaceAfter=4, keepWithNext=1
)
STYLES = {"caption": CAPTION_STYLE, "title": TITLE_STYLE, "author": AUTHOR_STYLE, "heading": HEADING_STYLE, "body": BODY_STYLE}
MATH = "SampleMath"
SIDE, GAP, HEAD = 56, 24, 92
"""Margin, gutter and height of the title, in points."""


def columns(height: float) -> list[Frame]:
    """Two frames side by side above the bottom margin; ``height`` in points."""
    width = (A4[0] - 2 * SIDE - GAP) / 2
    return [
        Frame(SIDE + number * (width + GAP), SIDE, width, height, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
        for number in range(2)
    ]


def flow() -> Iterator[Flowable]:
    """The paper's title, then its text from the first column on."""
    yield NextPageTemplate("later")
    for number, (kind, text) in enumerate(PAPER):
        if number == 2:
            yield FrameBreak()
        if kind == "table":
            yield towns()
        elif kind == "formula":
            yield Formula()
        else:
            yield Paragraph(text, STYLES[kind])


def towns() -> Table:
    """The paper's table, between rules as journals set them."""
    rules = [("LINEABOVE", (0, 0), (-1, 0), 0.8, "black"), ("LINEBELOW", (0, 0), (-1, 0), 0.5, "black")]
    last = ("LINEBELOW", (0, -1), (-1, -1), 0.8, "black")
    faces = [("FONT", (0, 0), (-1, 0), "Times-Bold", 9.5), ("FONT", (0, 1), (-1, -1), "Times-Roman", 9.5)]
    numbers = ("ALIGN", (1, 0), (-1, -1), "RIGHT")
    return Table(TOWNS, colWidths=[79, 48, 48, 48], rowHeights=15, style=[*rules, last, *faces, numbers], spaceAfter=8)


class Formula(Flowable):
    """The mean distance of two observers' counts, set in a font for formulas. Lengths are points."""

    WIDTH, HEIGHT = 130, 40

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.left = (available_width - self.WIDTH) / 2
        return available_width, self.HEIGHT

    def draw(self) -> None:
        base, right = 15.0, self._write(self.left, 15, "d")
        right = self._write(right + 4, base, "=") + 4
        self.canv.setLineWidth(0.5)
        self.canv.line(right, base + 2.6, right + 9, base + 2.6)
        self._write(right + 2, base + 6, "1")
        self._write(right + 2, base - 7.5, "n")
        right += 12
        self._write(right, base - 0.5, "\u2211")
        self._write(right + 2, base + 11, "n", 7)
        self._write(right - 2, base - 10, "i=1", 7)
        right = self._write(right + 15, base, "|") + 1
        right = self._write(self._write(right, base, "a"), base - 2, "i", 7)
        right = self._write(right + 3, base, "\u2212") + 3
        right = self._write(self._write(right, base, "b"), base - 2, "i", 7)
        self._write(right + 1, base, "|")

    def _write(self, x: float, y: float, text: str, size: float = 10.5) -> float:
        """Write a text and return where it ends."""
        self.canv.setFont(MATH, size)
        self.canv.drawString(x, y, text)
        return x + float(stringWidth(text, MATH, size))


def number_page(canvas: Canvas, document: BaseDocTemplate) -> None:
    canvas.setFont("Times-Roman", 9)
    canvas.drawCentredString(A4[0] / 2, SIDE / 2, str(document.page))


def paper() -> bytes:
    """``paper.pdf``: two columns under one title, born digital."""
    registerFont(TTFont(MATH, Path(__file__).with_name("sample_math.ttf")))
    out = io.BytesIO()
    height = A4[1] - 2 * SIDE
    title = Frame(SIDE, A4[1] - SIDE - HEAD, A4[0] - 2 * SIDE, HEAD, showBoundary=0)
    document = BaseDocTemplate(out, pagesize=A4, invariant=1, title=PAPER[0][1], author="Sample")
    document.addPageTemplates(
        [
            PageTemplate("first", [title, *columns(height - HEAD - 8)], onPage=number_page),
            PageTemplate("later", columns(height), onPage=number_page),
        ]
    )
    document.build(list(flow()))
    return out.getvalue()


def main() -> None:
    rl_config.useA85 = 0  # pictures as bytes, not as text a quarter larger
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    (folder / "scan.pdf").write_bytes(scan())
    (folder / "paper.pdf").write_bytes(paper())


if __name__ == "__main__":
    main()
