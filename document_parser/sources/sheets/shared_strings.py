"""The table of strings that the cells of an Office Open XML workbook share.

They are kept as bytes: a million strings fit in little memory.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from itertools import accumulate
from typing import IO, NamedTuple

from document_parser.errors import DamagedDocument
from document_parser.models import Span
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.sheets.xml_pieces import Names, batches, find_names, plain_text, unescape, wrap
from document_parser.sources.xml_trees import Element, child, children, is_true, local_name, parse_xml
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Run, Style, spans_of, text_of


class RichText(NamedTuple):
    """A text with its emphasis."""

    text: str
    spans: list[Span]


class SharedStrings:
    """The strings by their index. A string that is not there is empty."""

    def __init__(self, members: ZipMembers | None = None, name: str = "") -> None:
        """Read the member of this name. What is damaged ends the table: the strings before it stay."""
        self._data = bytearray()
        self._ends = array("Q")
        self.rich: dict[int, list[Span]] = {}
        """The emphasis of those strings that have any."""
        self.is_damaged = False
        if members is None:
            return
        try:
            with members.open(name) as stream:
                self._read(stream)
        except DamagedDocument:
            self.is_damaged = True

    def __len__(self) -> int:
        """Return the number of strings."""
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        """Return a string."""
        if not 0 <= index < len(self._ends):
            return ""
        start = self._ends[index - 1] if index else 0
        return self._data[start : self._ends[index]].decode("utf-8", "replace")

    def _read(self, stream: IO[bytes]) -> None:
        """Read all strings."""
        chunks, names = find_names(stream, "sst")
        end = names.fill(b"</{p}si>")
        plain = re.compile(names.fill(rb"<{p}si>\s*<{p}t(?: xml:space=[\"']preserve[\"'])?>([^<]*)</{p}t>\s*</{p}si>"))
        start = names.fill(b"<{p}si")
        for batch in batches(chunks, end, names.fill(b"</{p}sst>")):
            found = plain.findall(batch)
            if len(found) == batch.count(start) and b"<!" not in batch:
                self._add_all(found)
                continue
            for piece in batch.split(end)[:-1]:
                self._add_piece(piece + end, plain, start, names)

    def _add_piece(self, piece: bytes, plain: re.Pattern[bytes], start: bytes, names: Names) -> None:
        """Add one string, and the empty ones before it that have no end tag."""
        at = piece.rfind(start)
        for _ in range(piece.count(start, 0, max(at, 0))):
            self._add_all([b""])
        if found := plain.fullmatch(piece, max(at, 0)):
            self._add_all([found[1]])
        elif at >= 0:
            self._add_rich(piece[at:], names.opening)

    def _add_all(self, texts: list[bytes]) -> None:
        """Add strings as the file writes them."""
        cleaned = [plain_text(text).encode() if b"&" in text or b"_x" in text or b"\r" in text else text for text in texts]
        ends = accumulate(map(len, cleaned), initial=len(self._data))
        next(ends)
        self._ends.extend(ends)
        self._data += b"".join(cleaned)

    def _add_rich(self, piece: bytes, opening: bytes) -> None:
        """Add a string that is not plain."""
        found = rich_text_of(parse_xml(wrap(opening, piece), recover=True)[0])
        if found.spans:
            self.rich[len(self._ends)] = found.spans
        self._data += found.text.encode("utf-8", "replace")
        self._ends.append(len(self._data))


def rich_text_of(element: Element) -> RichText:
    """Return the text of an element with runs (a shared string, an inline string, a comment), without phonetic hints."""
    runs = list(_runs_of(element))
    return RichText(text_of(runs), spans_of(runs))


def _runs_of(element: Element) -> Iterator[Run]:
    """Yield the runs of a text."""
    for part in element:
        match local_name(part):
            case "t":
                yield Run(unescape(part.text or ""))
            case "r":
                yield _run_of(part)


def _run_of(element: Element) -> Run:
    """Return one run in its style."""
    text = "".join(unescape(part.text or "") for part in children(element, "t"))
    looks = child(element, "rPr")
    if looks is None:
        return Run(text)
    align = child(looks, "vertAlign")
    if align is not None and text.strip():
        shift = {"superscript": as_superscript, "subscript": as_subscript}.get(align.get("val", ""))
        text = shift(text) if shift else text
    return Run(text, Style(bold=_has(looks, "b"), italic=_has(looks, "i"), struck=_has(looks, "strike")))


def _has(looks: Element, name: str) -> bool:
    """Return whether a run has a property that is there or not."""
    found = child(looks, name)
    return found is not None and is_true(found.get("val", "1"))
