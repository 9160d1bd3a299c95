"""Write the pages of a document as Mistral's OCR answers them: Markdown of each page, with images, tables, blocks and scores.

Boxes are whole pixels of a page drawn with ``DPI``. Every page stands for itself: what goes on over its end is not joined.
Source: the models of the package mistralai 3.7, which read the answer.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import IO, Any, NamedTuple

from document_parser.export import inline
from document_parser.export.base import FURNITURE, clean, clean_runs, warnings_of
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.html import table_lines
from document_parser.export.markdown import markdown_segments
from document_parser.export.word_scores import WordScores
from document_parser.models import Block, BlockKind, BoundingBox, Document, Options, Page, Table
from document_parser.models.ocr_answer import OcrAnswer
from document_parser.text.spans import PAGE_LINK, safe_link_of

DPI = 200
"""Resolution of the pages that boxes are counted in, as that of the original."""
_POINTS_PER_INCH = 72.0
_BLOCK_TYPES: dict[BlockKind, str] = {
    "title": "title",
    "heading": "title",
    "list_item": "list",
    "table": "table",
    "figure": "image",
    "caption": "caption",
    "formula": "equation",
    "code": "code",
    "footnote": "aside_text",
    "watermark": "aside_text",
    "page_header": "header",
    "page_footer": "footer",
    "signature": "signature",
}
"""The type of a block of each kind; all others are ``text``."""
_LINKS = ("http:", "https:", "mailto:")


class Size(NamedTuple):
    """The size of a page in pixels."""

    width: int
    height: int


def write_ocr_pages(
    document: Document,
    pages: Iterable[Page],
    options: Options,
    out: IO[bytes],
    figures: Figures = NO_FIGURES,
    *,
    variant: str,
) -> None:
    """Write the pages as a JSON list; ``variant`` is that of an ``OcrAnswer``.

    The errors of ``pages``, ``out`` and ``figures`` pass through.
    """
    out.write(b"[")
    for count, page in enumerate(ocr_pages(document, pages, options, figures, OcrAnswer.parse(variant))):
        out.write((b",\n" if count else b"\n") + json.dumps(page, ensure_ascii=False).encode(errors="replace"))
    out.write(b"\n]\n")


def ocr_pages(
    document: Document,
    pages: Iterable[Page],
    options: Options,
    figures: Figures = NO_FIGURES,
    answer: OcrAnswer = OcrAnswer(),  # noqa: B008 - it is frozen
) -> Iterator[dict[str, Any]]:
    """Yield each page as an object of the answer. Images and tables are counted through the document."""
    kept = options.model_copy(update={"headers_footers": "keep", "page_separator": "", "figures": "placeholder"})
    images = tables = 0
    for page in pages:
        writer = _PageWriter(document, page, kept, figures, answer, images, tables)
        yield writer.write()
        images, tables = writer.image_count, writer.table_count


class _PageWriter:
    """Write one page. ``image_count`` and ``table_count`` are those of the document so far."""

    def __init__(
        self,
        document: Document,
        page: Page,
        options: Options,
        figures: Figures,
        answer: OcrAnswer,
        images: int,
        tables: int,
    ) -> None:
        self._document, self._page, self._options = document, page, options
        self._figures, self._answer = figures, answer
        self.image_count, self.table_count = images, tables
        self._size = _size_of(page)
        self._scores = WordScores(page) if answer.confidence != "none" else None
        self._markdown = ""
        self._images: list[dict[str, Any]] = []
        self._tables: list[dict[str, Any]] = []
        self._blocks: list[dict[str, Any]] = []
        self._words: list[dict[str, Any]] = []

    def write(self) -> dict[str, Any]:
        """Return the page. The errors of the figures pass through."""
        page, margins = _without_margins(self._page, self._answer)
        segments = markdown_segments(self._document, [page], self._options)
        for (piece, is_block), group in groupby(segments, key=lambda segment: (segment.piece, segment.kind is not None)):
            self._put(piece.block if is_block else None, [segment.text for segment in group])
        written: dict[str, Any] = {
            "index": self._page.number - 1,
            "markdown": self._markdown.rstrip("\n"),
            "images": self._images,
            "tables": self._tables,
            "hyperlinks": list(dict.fromkeys(_links_of(page))),
            "header": _margin_text(margins, "header"),
            "footer": _margin_text(margins, "footer"),
            "dimensions": {"dpi": DPI, "height": self._size.height, "width": self._size.width} if self._size else None,
            "confidence_scores": self._page_scores(),
        }
        if self._answer.include_blocks:
            written["blocks"] = _merge_lists(
                [*self._margin_blocks(margins, "header"), *self._blocks, *self._margin_blocks(margins, "footer")]
            )
        return written | _doubts_of(self._page)

    def _put(self, block: Block | None, texts: Sequence[str]) -> None:
        """Write what came of one block, or of none."""
        text = "".join(texts)
        if block is None:
            self._markdown += text
        elif block.kind == "figure":
            self._put_figure(block, text)
        elif block.kind == "table" and block.table is not None:
            self._put_table(block, block.table, text)
        else:
            self._note_words(block, text, self._words, len(self._markdown))
            self._markdown += text
            self._note_block(block, text)

    def _put_figure(self, block: Block, text: str) -> None:
        """Write a figure as a placeholder of its image, and below it what is written in it."""
        written = inline.format_paragraph(clean_runs(block.text, block.spans))
        box = _pixels(block.box, self._size)
        if not self._is_wanted(box):
            if written:
                self._note_words(block, written, self._words, len(self._markdown))
                self._markdown += written + _white_after(text)
                self._note_block(block, written, "text")
            return
        name = f"img-{self.image_count}.jpeg"
        self.image_count += 1
        content = "\n\n".join(filter(None, [f"![{name}]({name})", written]))
        self._note_words(block, written, self._words, len(self._markdown) + len(content) - len(written))
        self._markdown += content + _white_after(text)
        image = {"image_base64": self._image_of(block), "image_annotation": None}
        self._images.append({"id": name, **_named(box), **image})
        self._note_block(block, content, image_id=name)

    def _is_wanted(self, box: tuple[int, int, int, int] | None) -> bool:
        """Return whether an image with this box is within the bounds of the request."""
        if self._answer.image_limit and self.image_count >= self._answer.image_limit:
            return False
        if box is None:
            return True
        return min(box[2] - box[0], box[3] - box[1]) >= self._answer.image_min_size

    def _image_of(self, block: Block) -> str | None:
        """Return the image of a figure as a data URI, if it is wanted and there."""
        data = self._figures.load(block.picture) if self._answer.include_images and block.picture else None
        return None if data is None else "data:image/jpeg;base64," + base64.b64encode(data).decode()

    def _put_table(self, block: Block, table: Table, text: str) -> None:
        """Write a table, or a placeholder of it if the request asks for tables on their own."""
        form = self._answer.table_format
        if form == "none":
            self._note_words(block, text, self._words, len(self._markdown))
            self._markdown += text
            self._note_block(block, text)
            return
        content = text.rstrip("\n") if form == "markdown" else "\n".join(table_lines([table]))
        name = f"tbl-{self.table_count}.{'md' if form == 'markdown' else 'html'}"
        self.table_count += 1
        words: list[dict[str, Any]] = []
        self._note_words(block, content, words, 0)
        found = {"word_confidence_scores": words} if self._answer.confidence == "word" else {}
        self._tables.append({"id": name, "content": content, "format": form, **found})
        self._markdown += f"[{name}]({name})" + _white_after(text)
        self._note_block(block, content, table_id=name)

    def _note_block(self, block: Block, text: str, kind: str = "", **names: str) -> None:
        """Note a block with its place. Without a place, as in flowing documents, its box has no area."""
        if self._answer.include_blocks:
            self._blocks.append(self._described(block, text.strip("\n"), kind or _type_of(block)) | names)

    def _described(self, block: Block, text: str, kind: str) -> dict[str, Any]:
        box = _pixels(block.box, self._size) or (0, 0, 0, 0)
        described: dict[str, Any] = {"type": kind, **_named(box), "content": text}
        if self._answer.confidence == "block" and self._scores is not None:
            average, least = self._scores.of_block(block, text)
            described["confidence_scores"] = {
                "average_content_confidence_score": average,
                "minimum_content_confidence_score": least,
                "block_type_confidence_score": None,
            }
        return described

    def _margin_blocks(self, margins: Sequence[Block], kind: str) -> list[dict[str, Any]]:
        """Return the headers or footers that were taken out of the Markdown."""
        return [self._described(one, clean(one.text), kind) for one in margins if _type_of(one) == kind]

    def _note_words(self, block: Block, text: str, into: list[dict[str, Any]], start: int) -> None:
        """Note the score of each word of a block's Markdown, which begins at ``start``."""
        if self._answer.confidence == "word" and self._scores is not None:
            into += [
                {"text": word.text, "confidence": word.confidence, "start_index": start + word.start}
                for word in self._scores.of_words(block, text)
            ]

    def _page_scores(self) -> dict[str, Any] | None:
        """Return the scores of the page; None if none are asked for, or nothing is known."""
        found = self._scores.of_page() if self._scores is not None else None
        if found is None:
            return None
        scores = {"average_page_confidence_score": found[0], "minimum_page_confidence_score": found[1]}
        return scores | ({"word_confidence_scores": self._words} if self._answer.confidence == "word" else {})


def _without_margins(page: Page, answer: OcrAnswer) -> tuple[Page, list[Block]]:
    """Return the page without the headers and footers that are asked for on their own, and these."""
    taken = {kind for kind, asked in (("header", answer.extract_header), ("footer", answer.extract_footer)) if asked}
    out = [block for block in page.blocks if block.kind in FURNITURE and _type_of(block) in taken]
    if not out:
        return page, []
    gone = {id(block) for block in out}
    return page.model_copy(update={"blocks": [block for block in page.blocks if id(block) not in gone]}), out


def _margin_text(margins: Sequence[Block], kind: str) -> str | None:
    """Return the text of the headers or footers that were taken out; None if there are none."""
    return "\n".join(filter(None, (clean(block.text) for block in margins if _type_of(block) == kind))) or None


def _type_of(block: Block) -> str:
    """Return the type of a block. A page number belongs to the margin that it is in."""
    if block.kind == "page_number":
        return "header" if block.box is not None and block.box.bottom < 0.5 else "footer"
    return _BLOCK_TYPES.get(block.kind, "text")


def _merge_lists(blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the blocks with the items of each list as one."""
    merged: list[dict[str, Any]] = []
    for block in blocks:
        if merged and block["type"] == merged[-1]["type"] == "list":
            merged[-1] = _joined(merged[-1], block)
        else:
            merged.append(block)
    return merged


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return two parts of a list as one: one text, the box around both, and the lower of their scores."""
    joined = first | {"content": f"{first['content']}\n{second['content']}"}
    for name, pick in (("top_left_x", min), ("top_left_y", min), ("bottom_right_x", max), ("bottom_right_y", max)):
        joined[name] = pick(first[name], second[name])
    if "confidence_scores" in first:
        scores = [(first["confidence_scores"][name], second["confidence_scores"][name]) for name in first["confidence_scores"]]
        known = [[score for score in pair if score is not None] for pair in scores]
        joined["confidence_scores"] = dict(
            zip(first["confidence_scores"], (min(pair, default=None) for pair in known), strict=True)
        )
    return joined


def _white_after(text: str) -> str:
    """Return the line ends at the end of a piece of Markdown."""
    return text[len(text.rstrip("\n")) :]


def _links_of(page: Page) -> Iterator[str]:
    """Yield the addresses that the page links to and that are safe to follow."""
    for block in page.blocks:
        cells = block.table.cells if block.table is not None and not block.table.is_packed else ()
        for span in (*block.spans, *(span for cell in cells for span in cell.spans)):
            link = safe_link_of(span.link) if span.link and not span.link.startswith(PAGE_LINK) else None
            if link and link.startswith(_LINKS):
                yield link


def _size_of(page: Page) -> Size | None:
    """Return the size of a page; None for a part of a document without pages, and for one that was never opened."""
    width, height = (round(side / _POINTS_PER_INCH * DPI) for side in (page.width, page.height))
    return Size(width, height) if width > 0 and height > 0 else None


def _pixels(box: BoundingBox | None, size: Size | None) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of a box in pixels."""
    if box is None or size is None:
        return None
    return (
        round(box.left * size.width),
        round(box.top * size.height),
        round(box.right * size.width),
        round(box.bottom * size.height),
    )


def _named(box: tuple[int, int, int, int] | None) -> dict[str, int | None]:
    """Return the four numbers of a box by their names in the answer."""
    names = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")
    return dict(zip(names, box or (None, None, None, None), strict=True))


def _doubts_of(page: Page) -> dict[str, Any]:
    """Return what the original has no fields for: why a page could not be read, and the warnings about it."""
    doubts: dict[str, Any] = {}
    if page.error is not None:
        doubts["error"] = {"code": page.error.code, "message": page.error.message}
    if page.warnings:
        doubts["warnings"] = warnings_of(page)
    return doubts
