"""Pages with words in known places, and what programs find in the PDF that is made of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pypdfium2
from PIL import Image, ImageDraw, ImageFont

from document_parser.models import Block, BoundingBox, Document, Options, Page, SourceKind
from document_parser.models.page_words import PageWords
from document_parser.pipeline.assembly.searchable_pdf import Original, write_searchable
from document_parser.sources.pdf.page_text import PageText
from document_parser.sources.pdf.text_layer import extract_words
from document_parser.sources.source import Openers

Box = tuple[float, float, float, float]


class Typed(NamedTuple):
    """A word and its box in fractions of the upright page."""

    text: str
    box: Box


def typed_lines(lines: Sequence[str], top: float = 0.1, left: float = 0.1, height: float = 0.02) -> list[Typed]:
    """Words in lines, each as wide as its letters; those of Arabic and Hebrew run from the right."""
    found = []
    for number, line in enumerate(lines):
        at, upper = left, top + 2 * height * number
        words = line.split()
        for word in reversed(words) if any("\u0590" <= letter <= "\u08ff" for letter in line) else words:
            end = at + 0.008 * len(word)
            found.append(Typed(word, (at, upper, end, upper + height)))
            at = end + 0.008
    return found


def page_of(words: Sequence[Typed], number: int = 1, text: str = "", **fields: object) -> Page:
    """A page that an engine read: one block with these words, and their places."""
    box = BoundingBox.of(
        min(word.box[0] for word in words),
        min(word.box[1] for word in words),
        max(word.box[2] for word in words),
        max(word.box[3] for word in words),
    )
    block = Block(kind="paragraph", text=text or " ".join(word.text for word in words), box=box)
    packed = PageWords.pack((word.text, *word.box, 0.9) for word in words)
    page = Page(number=number, width=595, height=842, engine="rapidocr", blocks=[block])
    return page.model_copy(update={"words": packed, **fields})


def draw(words: Sequence[Typed], size: tuple[int, int] = (620, 877), mode: str = "L") -> Image.Image:
    """The picture of a page on which each word fills its box."""
    image = Image.new(mode, size, "white")
    pen = ImageDraw.Draw(image)
    for word in words:
        left, top, right, bottom = (edge * side for edge, side in zip(word.box, size * 2, strict=True))
        pen.rectangle((left, top, right, bottom), outline="black")
        pen.text((left + 1, top), word.text.encode("ascii", "replace"), font=ImageFont.load_default(8), fill="black")
    return image


def searchable(
    openers: Openers, path: Path, kind: SourceKind, pages: Sequence[Page], password: str | None = None, **options: object
) -> bytes:
    """The searchable PDF of a document whose pages were read like this."""
    out = io.BytesIO()
    head = Document(filename=path.name, media_type="", page_count=len(pages))
    original = Original(openers, path, kind, password)
    write_searchable(head, lambda: pages, Options.model_validate(options), original, out)
    return out.getvalue()


def copied_text(pdf: bytes, number: int = 1) -> str:
    """What is copied from a page in a viewer that uses PDFium."""
    with pypdfium2.PdfDocument(pdf) as document:
        return " ".join(document[number - 1].get_textpage().get_text_range().split())


def words_at(pdf: bytes, number: int = 1) -> list[Typed]:
    """The words of a page, visible or not, with their boxes on the page as a viewer shows it."""
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[number - 1]
        textpage = page.get_textpage()  # PageText keeps only its address
        words = extract_words(page, PageText(textpage))
        return [Typed(word.text, tuple(word[1:5])) for word in words]


def drawn(pdf: bytes, size: tuple[int, int], number: int = 1) -> Image.Image:
    """A page as PDFium draws it, with as many pixels as its picture has."""
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[number - 1]
        return page.render(scale=size[0] / page.get_width()).to_pil().convert("RGB").resize(size)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    if across <= 0 or down <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return across * down / (sum(areas) - across * down)
