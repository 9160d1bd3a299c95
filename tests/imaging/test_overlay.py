"""What an overlay shows of a page that was read."""

from __future__ import annotations

import io
from typing import get_args

from PIL import Image

from document_parser.imaging.overlay import COLOURS, draw_overlay
from document_parser.models import Block, BlockKind, BoundingBox, Page, PageImage, UnreadLine
from document_parser.models.page_words import PageWords

SIDE = 1000


def overlay(page: Page) -> Image.Image:
    blank = Image.new("RGB", (SIDE, SIDE), "white")
    image = PageImage(number=1, width_pixels=SIDE, height_pixels=SIDE, encoding="rgb", data=blank.tobytes())
    return Image.open(io.BytesIO(draw_overlay(image, page)))


def test_blocks_are_framed_in_the_colour_of_their_kind_and_numbered_in_reading_order() -> None:
    blocks = [
        Block(kind="heading", level=2, text="Ships", box=BoundingBox.of(0.1, 0.2, 0.9, 0.3)),
        Block(kind="paragraph", text="of the town", box=BoundingBox.of(0.1, 0.5, 0.9, 0.7)),
        Block(kind="paragraph", text="without a place"),
    ]
    picture = overlay(Page(number=1, status="done", blocks=blocks))
    assert picture.size == (SIDE, SIDE)
    for row, kind in ((300, "heading"), (700, "paragraph")):
        assert picture.getpixel((800, row + 1)) == COLOURS[kind]
    arrow = [row for row in range(310, 490) if max(picture.getpixel((500, row))) < 120]
    assert len(arrow) > 150, "an arrow leads from the heading to the paragraph"


def test_words_in_doubt_are_marked() -> None:
    words = PageWords.pack([("sure", 0.1, 0.1, 0.3, 0.12, 0.99), ("dcubt", 0.5, 0.1, 0.7, 0.12, 0.4)])
    picture = overlay(Page(number=1, status="done", words=words))
    (sure,), (doubt,) = (
        {picture.getpixel((column, row)) for row in range(117, 123)} - {(255, 255, 255)} for column in (200, 600)
    )
    assert sure[2] > sure[0], "blue"
    assert doubt[0] > doubt[2], "red"


def test_boxes_at_and_beyond_the_edge_are_drawn_on_the_page() -> None:
    block = Block(kind="figure", text="", box=BoundingBox.of(0.0, 0.0, 1.0, 1.0))
    assert overlay(Page(number=1, status="done", blocks=[block])).getpixel((SIDE - 1, 500)) == COLOURS["figure"]


def test_every_kind_of_block_has_a_colour() -> None:
    assert set(COLOURS) == set(get_args(BlockKind))


def test_lines_that_could_not_be_read_are_crossed_out() -> None:
    box = BoundingBox.of(0.2, 0.4, 0.6, 0.5)
    picture = overlay(Page(number=1, unread=[UnreadLine(text="", box=box)]))
    for place in ((400, 400), (400, 500), (400, 450)):  # the upper side, the lower one, the stroke through the middle
        red, green, blue = picture.convert("RGB").getpixel(place)
        assert red > 200 > max(green, blue)
