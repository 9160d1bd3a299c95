"""Draw onto a page image what was read of it: blocks by kind, the words or lines they were made of, and reading order."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from document_parser.imaging.convert import decode_page_image
from document_parser.models import Block, BlockKind, BoundingBox, Page, PageImage

COLOURS: dict[BlockKind, tuple[int, int, int]] = {
    "title": (200, 0, 40),
    "heading": (215, 60, 0),
    "paragraph": (0, 90, 200),
    "list_item": (0, 130, 70),
    "table": (190, 110, 0),
    "figure": (130, 40, 170),
    "caption": (190, 0, 150),
    "formula": (0, 130, 150),
    "code": (110, 70, 30),
    "footnote": (100, 110, 0),
    "signature": (20, 30, 120),
    "watermark": (140, 140, 140),
    "checkbox": (0, 150, 120),
    "page_header": (110, 110, 110),
    "page_footer": (110, 110, 110),
    "page_number": (110, 110, 110),
}
"""Red, green and blue, 0 to 255, of each kind of block."""
WORD_COLOUR, DOUBT_COLOUR, ORDER_COLOUR = (0, 120, 220, 200), (230, 0, 0, 200), (30, 30, 30, 170)
"""Colours and opacity of the boxes of words, of words in doubt, and of the line of reading order."""
UNREAD_COLOUR = (230, 0, 0, 230)
"""Colour and opacity of the boxes of lines that could not be read."""
MIN_CONFIDENCE = 0.8
"""Words below it are in doubt."""
FILL_OPACITY = 26
LINE_SHARE, LABEL_SHARE = 0.0016, 0.011
"""Width of lines and height of labels, as shares of the page's longer side."""
MARGIN_SHARE = 0.001
"""By which the frame of a block is outside its box, so that it does not cover the boxes of words."""
Frame = tuple[float, float, float, float]


def draw_overlay(image: PageImage, page: Page) -> bytes:
    """Return the image of an upright page with its blocks, words and reading order drawn on it, as a PNG.

    Raises EngineRefused if the image is not in the encoding it declares.
    """
    picture = decode_page_image(image)
    drawing = _Drawing(picture)
    placed = [(number, block, block.box) for number, block in enumerate(page.blocks, 1) if block.box is not None]
    for _, block, box in placed:
        drawing.draw_block(block, box)
    drawing.draw_words(page)
    drawing.draw_unread(page)
    drawing.draw_order([box for _, _, box in placed])
    for number, block, box in placed:
        drawing.draw_label(number, block, box)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


class _Drawing:
    """A picture that is drawn on, and the sizes of what is drawn in pixels."""

    def __init__(self, picture: Image.Image) -> None:
        self._pen = ImageDraw.Draw(picture, "RGBA")
        self._width, self._height = picture.size
        side = max(picture.size)
        self._line = max(1, round(side * LINE_SHARE))
        self._margin = side * MARGIN_SHARE
        self._font = ImageFont.load_default(max(9, side * LABEL_SHARE))

    def draw_words(self, page: Page) -> None:
        """Draw the boxes of the words or lines that the page was read from."""
        for word in page.words.unpack() if page.words is not None else ():
            is_unsure = word.confidence is not None and word.confidence < MIN_CONFIDENCE
            frame = self._frame(word.left, word.top, word.right, word.bottom)
            self._pen.rectangle(frame, outline=DOUBT_COLOUR if is_unsure else WORD_COLOUR, width=max(1, self._line // 2))

    def draw_unread(self, page: Page) -> None:
        """Draw the boxes of lines that could not be read, crossed out."""
        for line in page.unread:
            x0, y0, x1, y1 = self._frame(line.box.left, line.box.top, line.box.right, line.box.bottom)
            self._pen.rectangle((x0, y0, x1, y1), outline=UNREAD_COLOUR, width=self._line)
            self._pen.line((x0, y1, x1, y0), fill=UNREAD_COLOUR, width=self._line)

    def draw_block(self, block: Block, box: BoundingBox) -> None:
        """Draw the frame of a block."""
        colour = COLOURS[block.kind]
        frame = self._frame(box.left, box.top, box.right, box.bottom, self._margin)
        self._pen.rectangle(frame, fill=(*colour, FILL_OPACITY), outline=(*colour, 255), width=self._line)

    def draw_order(self, boxes: Sequence[BoundingBox]) -> None:
        """Draw arrows from block to block in reading order, each from the end of one to the beginning of the next."""
        for before, after in pairwise(boxes):
            start = (before.left + before.right) / 2 * self._width, before.bottom * self._height
            end = (after.left + after.right) / 2 * self._width, after.top * self._height
            self._pen.line((start, end), fill=ORDER_COLOUR, width=self._line)
            self._pen.polygon(list(self._arrow_head(start, end)), fill=ORDER_COLOUR)

    def draw_label(self, number: int, block: Block, box: BoundingBox) -> None:
        """Draw the place of a block in reading order, its kind and its level."""
        level = f" {block.level}" if block.level and block.kind in ("heading", "list_item") else ""
        text = f"{number} {block.kind}{level}"
        left, top, right, bottom = self._pen.textbbox((0, 0), text, font=self._font)
        width, height = right - left + 2 * self._line, bottom - top + 2 * self._line
        x = min(max(0.0, box.left * self._width - self._margin), self._width - width)
        y = min(max(0.0, box.top * self._height - self._margin - height), self._height - height)
        self._pen.rectangle((x, y, x + width, y + height), fill=(*COLOURS[block.kind], 220))
        self._pen.text((x + self._line - left, y + self._line - top), text, font=self._font, fill="white")

    def _frame(self, left: float, top: float, right: float, bottom: float, margin: float = 0.0) -> Frame:
        """Return a box in fractions as a frame in pixels, within the page."""
        across, down = self._width - 1.0, self._height - 1.0
        x0, x1 = left * self._width - margin, right * self._width + margin
        y0, y1 = top * self._height - margin, bottom * self._height + margin
        return min(across, max(0.0, x0)), min(down, max(0.0, y0)), max(0.0, min(across, x1)), max(0.0, min(down, y1))

    def _arrow_head(self, start: tuple[float, float], end: tuple[float, float]) -> Iterator[tuple[float, float]]:
        """Yield the corners of an arrow's head."""
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        yield end
        for side in (2.7, -2.7):
            yield end[0] + 7 * self._line * math.cos(angle + side), end[1] + 7 * self._line * math.sin(angle + side)
