"""Write what MinerU's clients read: its Markdown, its list of contents, and its middle JSON.

Source: MinerU's reference of output files. Boxes of the list of contents are thousandths of the page, those of the middle JSON
points; all are whole numbers. Every page stands for itself: what goes on over its end is not joined, except in the Markdown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import IO, Any

from document_parser.export.base import clean, clean_with_strikes, describe_failure, warnings_of
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.html import table_lines
from document_parser.export.markdown import write_markdown
from document_parser.models import Block, BlockKind, BoundingBox, Document, Options, Page
from document_parser.version import __version__

IMAGES_FOLDER = "images"
"""The folder of images that the files link to."""
SCALE = 1000
"""What the sides of a page are in the list of contents."""
_MARGINS: dict[BlockKind, str] = {
    "page_header": "header",
    "page_footer": "footer",
    "page_number": "page_number",
    "footnote": "page_footnote",
    "watermark": "aside_text",
}
"""The types of blocks that are no part of the text that runs through the document."""


def write_mineru(
    document: Document,
    pages: Iterable[Page],
    options: Options,
    out: IO[bytes],
    figures: Figures = NO_FIGURES,
    *,
    variant: str,
) -> None:
    """Write one file: ``md``, ``content_list`` or ``middle``. The errors of ``pages``, ``out`` and ``figures`` pass through."""
    if variant == "md":
        write_markdown(document, pages, options, out, replace(figures, folder=IMAGES_FOLDER))
    elif variant == "content_list":
        _write_list(out, (item for page in pages for item in contents_of(page)))
    else:
        out.write(b'{"pdf_info": ')
        _write_list(out, map(page_info, pages))
        out.write(f', "_backend": "document-parser", "_version_name": {json.dumps(__version__)}}}'.encode())


def _write_list(out: IO[bytes], items: Iterable[dict[str, Any]]) -> None:
    """Write a JSON list, an item a line."""
    out.write(b"[")
    for count, item in enumerate(items):
        out.write((b",\n" if count else b"\n") + json.dumps(item, ensure_ascii=False).encode(errors="replace"))
    out.write(b"\n]")


def contents_of(page: Page) -> Iterator[dict[str, Any]]:
    """Yield the entries of a page for the list of contents. A page that could not be read is a text that says so."""
    place = {"page_idx": page.number - 1}
    if page.status == "failed":
        yield {"type": "text", "text": f"<!-- {describe_failure(page)} -->", "bbox": [0, 0, 0, 0], **place}
        return
    for is_list, blocks in groupby(_uncaptioned(page), key=lambda block: block.kind == "list_item"):
        if is_list:
            items = list(blocks)
            texts = [_text_of(block) for block in items]
            yield {"type": "list", "sub_type": "text", "list_items": texts, "bbox": _scaled(_around(items)), **place}
        else:
            yield from ({**_entry(page, block), "bbox": _scaled(block.box), **place} for block in blocks)


def _entry(page: Page, block: Block) -> dict[str, Any]:
    """Return a block as an entry, without its place."""
    text = _text_of(block)
    match block.kind:
        case "title" | "heading":
            return {"type": "text", "text": text, "text_level": block.level or 1}
        case "figure":
            return {
                "type": "image",
                "img_path": _image_of(block),
                "image_caption": _captions(page, block),
                "image_footnote": [],
                "content": text,
            }
        case "table":
            return {
                "type": "table",
                "img_path": "",
                "table_caption": _captions(page, block),
                "table_footnote": [],
                "table_body": _table_of(block),
            }
        case "formula":
            return {"type": "equation", "text": f"$$\n{text.strip('$').strip()}\n$$", "text_format": "latex"}
        case "code":
            return {"type": "code", "sub_type": "code", "code_body": block.text, "code_caption": []}
    return {"type": _MARGINS.get(block.kind, "text"), "text": text}


def page_info(page: Page) -> dict[str, Any]:
    """Return a page as the middle JSON has it."""
    blocks = [(block, _described(page, block, number)) for number, block in enumerate(_uncaptioned(page))]
    info: dict[str, Any] = {
        "para_blocks": [described for block, described in blocks if block.kind not in _MARGINS],
        "discarded_blocks": [described for block, described in blocks if block.kind in _MARGINS],
        "page_size": [round(page.width), round(page.height)],
        "page_idx": page.number - 1,
    }
    if page.error is not None:
        info["error"] = page.error.model_dump()
    return info | ({"warnings": warnings_of(page)} if page.warnings else {})


def _described(page: Page, block: Block, index: int) -> dict[str, Any]:
    """Return a block as the middle JSON has it: a line with one span, or for tables and images, blocks with such lines."""
    kinds = {"title": "title", "heading": "title", "list_item": "list", "formula": "interline_equation", "code": "code"}
    box = _points(block.box, page)
    shown: dict[str, Any] = {"type": _MARGINS.get(block.kind, kinds.get(block.kind, "text")), "bbox": box, "index": index}
    if block.kind in ("title", "heading"):
        shown["level"] = block.level or 1
    if block.kind not in ("table", "figure"):
        name = "interline_equation" if block.kind == "formula" else "text"
        return shown | {"lines": [_line(box, {"type": name, "content": _text_of(block), "score": block.confidence})]}
    name = "image" if block.kind == "figure" else "table"
    body = {"type": name, "image_path": _image_of(block).rpartition("/")[2]}
    body |= {"html": _table_of(block)} if name == "table" else {"content": _text_of(block)}
    parts = [{"type": f"{name}_body", "bbox": box, "index": index, "lines": [_line(box, body)]}]
    for text in _captions(page, block):
        parts.append(
            {"type": f"{name}_caption", "bbox": box, "index": index, "lines": [_line(box, {"type": "text", "content": text})]}
        )
    return shown | {"type": name, "blocks": parts}


def _line(box: list[int], span: dict[str, Any]) -> dict[str, Any]:
    return {"bbox": box, "spans": [{"bbox": box, **span}]}


def _uncaptioned(page: Page) -> list[Block]:
    """Return the blocks of a page, without the captions that their tables and figures show."""
    owners = [block.caption for block in page.blocks]
    return [block for index, block in enumerate(page.blocks) if index not in owners]


def _captions(page: Page, block: Block) -> list[str]:
    """Return the caption of a table or figure."""
    return [] if block.caption is None else [clean(page.blocks[block.caption].text)]


def _text_of(block: Block) -> str:
    return clean_with_strikes(block.text, block.spans)


def _table_of(block: Block) -> str:
    """Return a table as HTML on one line."""
    return "".join(table_lines([block.table])) if block.table is not None else ""


def _image_of(block: Block) -> str:
    return f"{IMAGES_FOLDER}/{block.picture}" if block.picture else ""


def _around(blocks: list[Block]) -> BoundingBox | None:
    """Return the box around blocks; None if one has none."""
    boxes = [block.box for block in blocks if block.box is not None]
    if len(boxes) < len(blocks):
        return None
    lefts, tops, rights, bottoms = zip(*((box.left, box.top, box.right, box.bottom) for box in boxes), strict=True)
    return BoundingBox.of(min(lefts), min(tops), max(rights), max(bottoms))


def _scaled(box: BoundingBox | None, width: float = SCALE, height: float = SCALE) -> list[int]:
    """Return left, top, right and bottom of a box on a page of this size; zeros for what has no place."""
    if box is None:
        return [0, 0, 0, 0]
    return [round(box.left * width), round(box.top * height), round(box.right * width), round(box.bottom * height)]


def _points(box: BoundingBox | None, page: Page) -> list[int]:
    return _scaled(box, page.width, page.height)
