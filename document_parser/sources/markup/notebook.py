"""A Jupyter notebook as a document of one part: its texts, code and results in order. Runs in the opener child."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from document_parser.errors import PageUnreadable
from document_parser.models import CODE_LANGUAGE, Block, Part
from document_parser.sources.decoding import decode_text
from document_parser.sources.markup.blocks import HtmlBlocks, blocks_of_html
from document_parser.sources.markup.html import HtmlFile, part_of
from document_parser.sources.markup.json_file import shown_value
from document_parser.sources.markup.markdown import blocks_of_markdown
from document_parser.sources.markup.mathml import clean_tex
from document_parser.sources.markup.tree import parse_html

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""Colours of a terminal."""
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")


class Notebook(HtmlFile):
    """A Jupyter notebook, of version 3 or later."""

    def part(self, number: int) -> Part:
        """Return the cells as blocks. Raises PageUnreadable if the file is no notebook."""
        self.location(number)
        decoded = decode_text(self._path.read_bytes())
        try:
            notebook = json.loads(decoded.text)
            cells, language = _cells_of(notebook), _language_of(notebook)
        except (ValueError, RecursionError, AttributeError, TypeError) as error:
            raise PageUnreadable(
                "The file is no Jupyter notebook, or is damaged. Save it again and send it.", page=number
            ) from error
        found = HtmlBlocks([], [], [], "")
        for cell in cells:
            for piece in _pieces_of(cell, language):
                _append(found, piece)
        self._images = found.images
        return part_of(found, undecoded=decoded)


def _cells_of(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells. Raises AttributeError, TypeError for what is no notebook."""
    sheets = [notebook, *(notebook.get("worksheets") or [])]
    return [cell for sheet in sheets for cell in sheet.get("cells") or [] if isinstance(cell, dict)]


def _language_of(notebook: dict[str, Any]) -> str | None:
    """Return the programming language of the code cells; None if the notebook does not name one."""
    metadata = notebook.get("metadata")
    places = (("language_info", "name"), ("kernelspec", "language"))
    parts = [(metadata.get(part), field) for part, field in places] if isinstance(metadata, dict) else []
    named = [part.get(field) for part, field in parts if isinstance(part, dict)]
    return next((name for name in named if isinstance(name, str) and re.fullmatch(CODE_LANGUAGE, name)), None)


def _append(found: HtmlBlocks, piece: HtmlBlocks) -> None:
    """Add the blocks of a piece."""
    found.blocks.extend(piece.blocks)
    found.warnings.extend(piece.warnings)
    found.images.extend(piece.images)


def _pieces_of(cell: dict[str, Any], language: str | None) -> Iterable[HtmlBlocks]:
    """Yield the blocks of a cell: its text or code, in the language of the notebook, then its results."""
    kind, source = cell.get("cell_type"), _text_of(cell.get("source", cell.get("input", "")))
    if kind == "markdown":
        yield blocks_of_markdown(source, _attachments_of(cell).get)
    elif kind == "heading":
        level = cell.get("level")
        yield _blocks(
            Block(kind="heading", level=level if isinstance(level, int) and 1 <= level <= 6 else 1, text=source.strip())
        )
    else:
        yield _code(source, language if kind == "code" else None)
    for output in cell.get("outputs") or []:
        if isinstance(output, dict):
            yield _output_of(output)


def _attachments_of(cell: dict[str, Any]) -> dict[str, str]:
    """Return the images of a text cell as ``data:`` addresses, by the addresses that its text uses."""
    files = cell.get("attachments")
    named = files.items() if isinstance(files, dict) else ()
    forms = [(name, media, data) for name, found in named if isinstance(found, dict) for media, data in found.items()]
    return {f"attachment:{name}": f"data:{media};base64,{_text_of(data)}" for name, media, data in forms if media in _IMAGES}


def _output_of(output: dict[str, Any]) -> HtmlBlocks:
    """Return a result: what a program printed, its error, or the best form of a value."""
    kind = output.get("output_type")
    if kind == "stream":
        return _code(_text_of(output.get("text", "")))
    if kind in {"error", "pyerr"}:
        traceback = output.get("traceback")
        lines = traceback if isinstance(traceback, list) else [f"{output.get('ename', '')}: {output.get('evalue', '')}"]
        return _code("\n".join(map(str, lines)))
    data = output.get("data", output)
    if not isinstance(data, dict):
        return _blocks()
    for media in _IMAGES:
        name = media.removeprefix("image/")
        image = data.get(media, data.get(name))
        if image:
            text = _text_of(data.get("text/plain", ""))
            address = f"data:{media};base64,{_text_of(image)}"
            return HtmlBlocks(
                [Block(kind="figure", picture="image", text="" if text.startswith("<") else text)], [], [address], ""
            )
    if data.get("text/html"):
        return blocks_of_html(parse_html(_text_of(data["text/html"])))
    if data.get("text/markdown"):
        return blocks_of_markdown(_text_of(data["text/markdown"]))
    if data.get("text/latex"):
        return _blocks(Block(kind="formula", text=f"$${clean_tex(_text_of(data['text/latex']))}$$"))
    if data.get("text/plain"):
        return _code(_text_of(data["text/plain"]))
    if data.get("application/json") is not None:
        return _code(shown_value(data["application/json"]))
    return _code(_text_of(data.get("text", "")))


def _text_of(source: object) -> str:
    """Return a text, which notebooks write whole or as a list of lines."""
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _code(text: str, language: str | None = None) -> HtmlBlocks:
    """Return a text as code; nothing for an empty one."""
    text = _ESCAPES.sub("", text).strip("\n")
    return _blocks(Block(kind="code", text=text, language=language)) if text.strip() else _blocks()


def _blocks(*blocks: Block) -> HtmlBlocks:
    """Return these blocks."""
    return HtmlBlocks(list(blocks), [], [], "")
