"""Join elements to chunks: as many as fit, or also not beyond a title or a page.

Source: ``chunk_elements`` and ``chunk_by_title`` of the library ``unstructured``, whose rules and limits these are. A table is
parted between its rows, as there; a row that is too long by itself is parted as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from document_parser.export.elements.element import Element, TableRows, table_html
from document_parser.models import ElementOptions

SEPARATOR = "\n\n"
"""Between the texts of the elements of a chunk."""
MIN_HTML_CHARACTERS = 50
"""Size of chunks from which parts of a table have HTML."""
MAX_ORIGINAL_CHARACTERS = 1_000_000
"""Size of an element from which the parts of it no longer have the whole element in them."""
_FIRST = (
    "filename",
    "filetype",
    "page_name",
    "page_number",
    "sent_from",
    "sent_to",
    "cc_recipient",
    "bcc_recipient",
    "subject",
    "error",
)
"""What a chunk has from its first element that has it."""
_JOINED = ("emphasized_text_contents", "emphasized_text_tags", "link_texts", "link_urls", "warnings")
"""Lists that a chunk has from all its elements."""


def chunks_of(elements: Iterable[Element], chosen: ElementOptions) -> Iterator[Element]:
    """Yield the chunks of elements. None of their texts is longer than ``hard_max``, and all of the text is in them."""
    groups = _groups(elements, chosen)
    numbers: dict[str, int] = {}
    for group in _combined(groups, chosen) if chosen.chunking == "title" else groups:
        for chunk in group.chunks():
            number = numbers[chunk.text] = numbers.get(chunk.text, -1) + 1
            name = f"{chunk.metadata.get('filename', '')}{chunk.text}{chunk.metadata.get('page_number')}{number}"
            chunk.element_id = hashlib.sha256(f"chunk{name}".encode()).hexdigest()[:32]
            yield chunk


def _groups(elements: Iterable[Element], chosen: ElementOptions) -> Iterator[_Group]:
    """Yield the elements in groups that fit into a chunk, or of one element that does not."""
    group, page = _Group([], "", chosen), 1
    for element in elements:
        begins = chosen.chunking == "title" and element.type == "Title"
        if not chosen.multipage and (number := element.metadata.get("page_number") or 0) > page:
            begins, page = True, number
        if group.elements and (begins or not group.has_room_for(element)):
            yield group
            group = _Group([], group.tail, chosen)
        if not group.elements and element.type == "Table":
            group.prefix = ""
        group.add(element)
    if group.elements:
        yield group


def _combined(groups: Iterable[_Group], chosen: ElementOptions) -> Iterator[_Group]:
    """Yield the groups, small ones together with those after them."""
    last: _Group | None = None
    for group in groups:
        if last is None:
            last = group
        elif last.is_small and not last.has_table and not group.has_table and len(last.text) + _room(group) <= chosen.hard_max:
            last = _Group([*last.elements, *group.elements], last.prefix, chosen)
        else:
            yield last
            last = group
    if last is not None:
        yield last


def _room(group: _Group) -> int:
    """Return how much longer another group's text becomes by this one's, without what it repeats."""
    text = _joined("", group.elements)
    return len(SEPARATOR) + len(text) if text else 0


class _Group:
    """Elements that become one chunk, or an element that becomes several. ``prefix`` is what they repeat of those before."""

    def __init__(self, elements: list[Element], prefix: str, chosen: ElementOptions) -> None:
        self.elements = elements
        self.prefix = prefix
        self._chosen = chosen
        self._length = len(prefix)
        self._texts = 1 if prefix else 0

    def add(self, element: Element) -> None:
        """Add an element."""
        if not self.elements and not self.prefix:
            self._length = self._texts = 0
        self.elements.append(element)
        if element.text:
            self._length += len(element.text)
            self._texts += 1

    def has_room_for(self, element: Element) -> bool:
        """Return whether the element may be added: a table is alone, and nothing is added to what is full."""
        if element.type == "Table" or self.has_table:
            return False
        if self._length + max(0, self._texts - 1) * len(SEPARATOR) > self._chosen.soft_max:
            return False
        return self._length + self._texts * len(SEPARATOR) + len(element.text) <= self._chosen.hard_max

    @property
    def has_table(self) -> bool:
        """Return whether this is a table."""
        return any(element.type == "Table" for element in self.elements)

    @property
    def text(self) -> str:
        """Return the text of all elements."""
        return _joined(self.prefix, self.elements)

    @property
    def is_small(self) -> bool:
        """Return whether the next group is added to it if there is room."""
        return len(self.text) < min(self._chosen.combine_under, self._chosen.soft_max)

    @property
    def tail(self) -> str:
        """Return what the next group repeats of this one."""
        size = self._chosen.overlap if self._chosen.overlap_all and not self.has_table else 0
        return self.text[-size:].strip() if size else ""

    def chunks(self) -> Iterator[Element]:
        """Yield the chunks; none if there is no text."""
        if self.has_table:
            yield from _TableParts(self.elements[0], self._chosen).chunks()
            return
        text, parts = self.text, 0
        whole = len(text) <= self._chosen.hard_max
        while text:
            piece, text = split_text(text, self._chosen)
            metadata = _metadata(self.elements, self._chosen, whole=whole)
            yield Element("CompositeElement", piece, metadata | ({"is_continuation": True} if parts else {}))
            parts += 1


def _joined(prefix: str, elements: Iterable[Element]) -> str:
    """Return the texts of elements with a blank line between them; white space inside them is one space, except in code."""
    texts = (element.text if element.type == "CodeSnippet" else " ".join(element.text.split()) for element in elements)
    return SEPARATOR.join(filter(None, chain([prefix], texts)))


def split_text(text: str, chosen: ElementOptions) -> tuple[str, str]:
    """Return the first part of a text, and the rest with what it repeats of that part; the rest is empty if all fits."""
    size, overlap = chosen.hard_max, chosen.overlap
    if len(text) <= size:
        return text, ""
    for separator in ("\n", " "):
        # A part that is no longer than what is repeated would never end.
        place = text.rfind(separator, overlap + 1, size + 1)
        if place < 0:
            continue
        part, rest = text[:place].rstrip(), text[place + 1 :].lstrip()
        if overlap > 1:
            rest = f"{part[1 - overlap :].lstrip()} {rest}"
        if part and len(rest) < len(text):
            return part.rstrip(), rest.lstrip()
    return text[:size].rstrip(), text[size - overlap :].lstrip()


@dataclass(frozen=True, slots=True)
class _TableParts:
    """A table as one chunk, or several."""

    table: Element
    chosen: ElementOptions

    def chunks(self) -> Iterator[Element]:
        """Yield the whole table if it fits, else parts of it that do, each with the header rows."""
        size, html = self.chosen.hard_max, self.table.metadata.get("text_as_html", "")
        if len(self.table.text) <= size and len(html) <= size:
            yield Element("Table", self.table.text, self._metadata(html, whole=True))
            return
        table_id = hashlib.sha256(f"table{self.table.element_id}".encode()).hexdigest()[:32]
        for number, (text, part) in enumerate(self._parts() if html and size >= MIN_HTML_CHARACTERS else self._texts()):
            metadata = self._metadata(part, whole=False) | {"table_id": table_id, "chunk_index": number}
            heads = len(self._heads) if number and part else 0
            metadata |= {"is_continuation": True} if number else {}
            yield Element("TableChunk", text, metadata | {"num_carried_over_header_rows": heads})

    @property
    def _heads(self) -> Sequence[TableRows]:
        """Return the header rows that each part repeats; none if they leave no room for others."""
        heads = [rows for rows in self.table.rows if rows.header]
        is_long = sum(len(rows.text) + 1 for rows in heads) > self.chosen.hard_max // 2
        return [] if is_long or len(heads) == len(self.table.rows) else heads

    def _parts(self) -> Iterator[tuple[str, str]]:
        """Yield the text and the HTML of each part."""
        held: list[TableRows] = []
        fresh = 0
        for rows in self.table.rows:
            if fresh and not self._fits([*held, rows]):
                yield _text_of(held), table_html(held)
                held, fresh = [*self._heads], 0
            if not self._fits([*held, rows]):
                # Too long by itself: its text goes on in several parts.
                yield from self._split(rows.text)
                held, fresh = [*self._heads], 0
                continue
            held.append(rows)
            fresh += 1
        if fresh:
            yield _text_of(held), table_html(held)

    def _fits(self, rows: Sequence[TableRows]) -> bool:
        """Return whether rows are a part: their text counts, as in the library; their HTML may be longer."""
        return len(_text_of(rows)) <= self.chosen.hard_max

    def _texts(self) -> Iterator[tuple[str, str]]:
        yield from self._split(self.table.text)

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        while text:
            piece, text = split_text(text, self.chosen)
            yield piece, ""

    def _metadata(self, html: str, *, whole: bool) -> dict[str, Any]:
        found = _metadata([self.table], self.chosen, whole=whole)
        return found | ({"text_as_html": html} if html else {})


def _text_of(rows: Iterable[TableRows]) -> str:
    return " ".join(row.text for row in rows if row.text)


def _metadata(elements: Sequence[Element], chosen: ElementOptions, *, whole: bool) -> dict[str, Any]:
    """Return the metadata of a chunk of elements. ``whole`` is False for a part of one that is too long."""
    found: dict[str, Any] = {}
    for element in elements:
        for name in _FIRST:
            if (value := element.metadata.get(name)) is not None:
                found.setdefault(name, value)
        for name in _JOINED:
            if values := element.metadata.get(name):
                found[name] = [*found.get(name, []), *values]
        for language in element.metadata.get("languages", ()):
            found["languages"] = list(dict.fromkeys([*found.get("languages", []), language]))
    if chosen.orig_elements and (whole or sum(map(_size, elements)) <= MAX_ORIGINAL_CHARACTERS):
        found["orig_elements"] = pack_elements(elements)
    return found


def _size(element: Element) -> int:
    """Return the characters that an element has with its HTML and image."""
    return len(element.text) + sum(len(element.metadata.get(name, "")) for name in ("text_as_html", "image_base64"))


def pack_elements(elements: Iterable[Element]) -> str:
    """Return elements as the library packs them: their JSON by zlib, in base64. The same ones give the same text."""
    packed = json.dumps([element.as_json() for element in elements], ensure_ascii=False).encode()
    return base64.b64encode(zlib.compress(packed)).decode()
