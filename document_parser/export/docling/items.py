"""Turn pieces of a document into the items of a DoclingDocument while the pages come.

Only the end of a list, and the caption behind a table or picture, are waited for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Literal, Self

from document_parser.export import escape
from document_parser.export.base import clean, clean_with_strikes, item_of, warnings_of
from document_parser.export.docling.cells import write_cells
from document_parser.export.docling.values import LABELS, as_json, checkbox_of, is_furniture, provenance, reference
from document_parser.export.figures import Figures, ShownFigures
from document_parser.export.flow import Parts, Piece, Place
from document_parser.models import HARMLESS_WARNINGS, Block, Options, Page
from document_parser.text.spans import spans_of

MAX_BYTES_IN_MEMORY = 1 << 20
"""Bytes of a kind of items that are kept in memory before they go to disk."""
IMAGE_DPI = 72
"""The resolution that is named for images of figures: their size is named in points of the page."""
Kind = Literal["texts", "tables", "pictures"]
"""The lists of items that are written while the pages come."""


@dataclass(slots=True)
class _Level:
    """A level of the list under way: its group, and its last item."""

    group: dict[str, Any]
    last: dict[str, Any]


@dataclass(slots=True)
class _Float:
    """A table or picture that may get the caption behind it: what is still to be written of it."""

    kind: Kind
    rest: dict[str, Any]
    wants_caption: bool


class Items:
    """The items of a document. ``references`` has the item of each block, by its page and its index among the page's blocks.

    ``scores`` has the confidence of each page, where it is known; ``warnings`` page, code and message of each warning that asks
    to look at the page.
    """

    def __init__(self, options: Options, figures: Figures, *, embeds: bool) -> None:
        """Start without items. ``embeds`` says that pictures have their images."""
        self.references: dict[tuple[int, int], str] = {}
        self.scores: dict[int, float] = {}
        self.warnings: list[dict[str, Any]] = []
        self._images = ShownFigures(options.model_copy(update={"figures": "embed" if embeds else "none"}), figures)
        self._embeds = embeds
        self._shows_figures = options.figures != "none"
        self._streams: dict[Kind, IO[bytes]] = {
            kind: tempfile.SpooledTemporaryFile(MAX_BYTES_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
            for kind in ("texts", "tables", "pictures")
        }
        self._counts: dict[Kind, int] = {"texts": 0, "tables": 0, "pictures": 0}
        self._body: list[str] = []
        self._groups: list[dict[str, Any]] = []
        self._pages: dict[str, Any] = {}
        self._levels: list[_Level] = []
        self._held: list[dict[str, Any]] = []
        self._float: _Float | None = None
        self._caption: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams.values():
            stream.close()

    def note_pages(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Yield the pages. Their sizes are noted, and their headers and footers become items in the layer of furniture."""
        for page in pages:
            if page.confidence is not None:
                self.scores[page.number] = page.confidence
            if page.is_flagged:
                found = (one for one in warnings_of(page) if one["code"] not in HARMLESS_WARNINGS)
                self.warnings += ({"page": page.number, **one} for one in found)
            if page.width and page.height:
                size = {"width": page.width, "height": page.height}
                self._pages[str(page.number)] = {"size": size, "page_no": page.number}
            for index, block in enumerate(page.blocks):
                if is_furniture(block) and (text := clean(block.text)):
                    place = Place(page, index, block.box)
                    self._add_text(LABELS[block.kind], text, [place], content_layer="furniture")
            yield page

    def add(self, piece: Piece) -> None:
        """Add what a piece of the document becomes. Raises the errors of its figures, OSError if the disk is full."""
        block = piece.block
        if block is None or is_furniture(block):
            return
        if block.kind == "list_item" and clean(block.text):
            self._end_float()
            self._add_list_item(block, piece)
            return
        self._end_list()
        if block.kind == "caption" and piece.owned:
            self._add_caption(piece)
            return
        self._end_float()
        if block.kind == "figure" and self._shows_figures:
            self._add_picture(block, piece)
        elif piece.parts is not None:
            self._add_table(piece.parts, piece)
        else:
            self._add_block(block, piece)

    def end(self) -> None:
        """End what is under way."""
        self._end_list()
        self._end_float()

    def write(self, out: IO[bytes]) -> None:
        """Write the fields of the document that have items in them, each with a comma before it."""
        root = {"content_layer": "body", "name": "_root_", "label": "unspecified"}
        body = {"self_ref": "#/body", "children": [reference(item) for item in self._body], **root}
        furniture = {"self_ref": "#/furniture", "children": [], **root, "content_layer": "furniture"}
        for name, value in (("furniture", furniture), ("body", body), ("groups", self._groups)):
            out.write(f',"{name}":'.encode() + as_json(value))
        for kind, stream in self._streams.items():
            out.write(f',"{kind}":['.encode())
            stream.seek(0)
            while data := stream.read(1 << 16):
                out.write(data)
            out.write(b"]")
        out.write(b',"key_value_items":[],"form_items":[],"pages":' + as_json(self._pages))

    def _add_block(self, block: Block, piece: Piece) -> None:
        """Add a text that is in no list."""
        text = clean_with_strikes(block.text, block.spans)
        if not text:
            return
        more: dict[str, Any] = {}
        label = LABELS.get(block.kind, "text")
        match block.kind:
            case "title" | "heading":
                level = block.level or (1 if block.kind == "title" else 2)
                label = "title" if level == 1 else "section_header"
                more = {} if level == 1 else {"level": level - 1}
            case "formula":
                text = escape.formula_body(text)
            case "code":
                text = block.text.replace("\r\n", "\n").strip("\n")
                label, more = "code", {"code_language": "unknown", "captions": [], "references": [], "footnotes": []}
            case "checkbox":
                is_checked, text = checkbox_of(text)
                label = "checkbox_selected" if is_checked else "checkbox_unselected"
        self._add_text(label, text, piece.places, **more)

    def _add_text(self, label: str, text: str, places: list[Place], *, parent: str = "#/body", **more: Any) -> dict[str, Any]:
        """Add a text, to the children of the body if it is the parent, and return it."""
        item = self._item("texts", parent)
        item |= {"label": label, "prov": provenance(places, len(text)), "orig": text, "text": text, **more}
        self._note(item["self_ref"], places)
        self._held.append(item)
        if parent == "#/body":
            self._body.append(item["self_ref"])
        if not self._levels:
            self._write_held()
        return item

    def _add_list_item(self, block: Block, piece: Piece) -> None:
        """Add an item to the list under way, or begin one."""
        found = item_of(block)
        text = clean_with_strikes(found.text, spans_of(found.runs))
        depth = min(max(1, block.level or 1), len(self._levels) + 1)
        del self._levels[depth:]
        is_new = depth > len(self._levels)
        group = self._begin_list(depth) if is_new else self._levels[-1].group
        marker = "-" if found.number is None else f"{found.number}{found.stop}"
        if is_new:
            self._levels.append(_Level(group, {}))
        item = self._add_text(
            "list_item", text, piece.places, parent=group["self_ref"], enumerated=found.number is not None, marker=marker
        )
        group["children"].append(reference(item["self_ref"]))
        self._levels[-1].last = item

    def _begin_list(self, depth: int) -> dict[str, Any]:
        """Return a new group for a list: in the body, or below the last item of the level above."""
        ref = f"#/groups/{len(self._groups)}"
        parent = self._levels[depth - 2].last if depth > 1 else None
        group = {
            "self_ref": ref,
            "parent": reference(parent["self_ref"] if parent else "#/body"),
            "children": [],
            "content_layer": "body",
            "name": "list",
            "label": "list",
        }
        self._groups.append(group)
        if parent is None:
            self._body.append(ref)
        else:
            parent["children"].append(reference(ref))
        return group

    def _end_list(self) -> None:
        self._levels = []
        self._write_held()

    def _add_caption(self, piece: Piece) -> None:
        """Add the caption of the table or picture before it, else of the one that comes next."""
        assert piece.block is not None
        text = clean_with_strikes(piece.block.text, piece.block.spans)
        if not text:
            return
        ref = self._add_text("caption", text, piece.places)["self_ref"]
        if self._float is not None and self._float.wants_caption:
            self._float.rest["captions"].append(reference(ref))
            self._end_float()
        else:
            self._end_float()
            self._caption = ref

    def _begin_float(self, kind: Kind, item: dict[str, Any], piece: Piece) -> None:
        """Write a table or picture except for its captions."""
        self._note(item["self_ref"], piece.places)
        self._body.append(item["self_ref"])
        before, self._caption = self._caption, None
        self._float = _Float(
            kind,
            {"captions": [reference(before)] if before else [], "references": [], "footnotes": []},
            wants_caption=bool(piece.caption) and before is None,
        )

    def _end_float(self) -> None:
        """Write what is left of the table or picture before."""
        if self._float is not None:
            self._streams[self._float.kind].write(b"," + as_json(self._float.rest)[1:])
        self._float = None

    def _add_picture(self, block: Block, piece: Piece) -> None:
        item = self._item("pictures", "#/body")
        item |= {"label": "picture", "prov": provenance(piece.places, 0), "annotations": []}
        text = clean(block.text)
        if text:
            inside = self._add_text("text", text, [], parent=item["self_ref"])
            item["children"].append(reference(inside["self_ref"]))
        if self._embeds and (image := self._image(block, piece)):
            item["image"] = image
        self._begin("pictures", item)
        self._begin_float("pictures", item, piece)

    def _image(self, block: Block, piece: Piece) -> dict[str, Any] | None:
        """Return the image of a figure; None if there is none, or it is too large to be embedded."""
        address, page, box = self._images.address_of(block), piece.page, block.box
        if address is None or box is None or not address.startswith("data:"):
            return None
        size = {
            "width": max(1.0, round((box.right - box.left) * page.width, 2)),
            "height": max(1.0, round((box.bottom - box.top) * page.height, 2)),
        }
        return {"mimetype": "image/jpeg", "dpi": IMAGE_DPI, "size": size, "uri": address}

    def _add_table(self, parts: Parts, piece: Piece) -> None:
        """Add a table, cell by cell: it may be large."""
        if not any(table.cells for table in parts):
            return
        item = self._item("tables", "#/body")
        item |= {"label": "table", "prov": provenance(piece.places, 0)}
        self._begin("tables", item)
        self._streams["tables"].write(b',"data":')
        write_cells(self._streams["tables"], parts, piece.places[0])
        self._begin_float("tables", item, piece)

    def _item(self, kind: Kind, parent: str) -> dict[str, Any]:
        """Return the beginning of the next item of a kind."""
        ref = f"#/{kind}/{self._counts[kind]}"
        self._counts[kind] += 1
        return {"self_ref": ref, "parent": reference(parent), "children": [], "content_layer": "body"}

    def _begin(self, kind: Kind, item: dict[str, Any]) -> None:
        """Write an item without its end."""
        stream = self._streams[kind]
        stream.write((b",\n" if stream.tell() else b"") + as_json(item)[:-1])

    def _write_held(self) -> None:
        """Write the texts that were held back until their list ended."""
        for item in self._held:
            self._begin("texts", item)
            self._streams["texts"].write(b"}")
        self._held = []

    def _note(self, ref: str, places: list[Place]) -> None:
        """Note which item the blocks have become."""
        for place in places:
            self.references[place.page.number, place.block_index] = ref
