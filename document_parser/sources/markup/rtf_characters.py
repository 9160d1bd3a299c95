"""The characters of RTF: bytes in the encodings of their fonts, Unicode in pairs, and where their text goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from document_parser.models import Block, BlockKind, LayerName
from document_parser.sources.markup.rtf_lists import Lists
from document_parser.sources.markup.rtf_table import Row
from document_parser.sources.markup.rtf_text import SYMBOL_CHARSET, codec_of_charset, symbol
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Run, Style

PLAIN = Style()
_HEADING = re.compile(r"heading ([1-9])\b", re.I)


class Font(NamedTuple):
    """A font: its encoding, None for that of the file, and whether it has symbols in place of letters."""

    codec: str | None = None
    symbols: bool = False
    name: str = ""


@dataclass
class Flow:
    """Text that is read on its own: the body, a note, a header, a comment, a text box, the cells of a row."""

    layer: LayerName = "body"
    kind: BlockKind = "paragraph"
    blocks: list[Block] = field(default_factory=list)
    later: list[Block] = field(default_factory=list)
    after_table: list[Block] = field(default_factory=list)
    after_mark: bool = False
    note: str | None = None
    """The number of the note that is being read."""
    runs: list[Run] = field(default_factory=list)
    beside: dict[LayerName, list[Run]] = field(default_factory=dict)
    label: str = ""
    cell: list[Run] = field(default_factory=list)
    row: Row = field(default_factory=Row)
    rows: list[Row] = field(default_factory=list)
    nested: list[list[str]] = field(default_factory=list)


@dataclass
class State:
    """What holds inside a group, and is restored at its end."""

    destination: str = "text"
    font: int = 0
    skip: int = 1
    style: Style = PLAIN
    shift: str = ""
    layer: LayerName | None = None
    style_number: int = 0
    outline: int | None = None
    level: int = 0
    in_list: bool = False
    list_number: int = 0
    in_table: bool = False
    nesting: int = 1
    ignorable: bool = False
    is_substitute: bool = False
    """Whether this is what older programs show in place of a shape that has been read."""
    at_end: Callable[[], None] | None = None


class CharacterReader:
    """Collects the text of a file, by what holds in the group that is being read."""

    def __init__(self) -> None:
        """Begin."""
        self.images: list[bytes] = []
        self.objects: list[bytes] = []
        """The data of embedded objects."""
        self.title = ""
        self.codec = "cp1252"
        self.fonts: dict[int, Font] = {}
        self.default_font = 0
        self.headings: dict[int, int] = {}
        self.state = State()
        self.stack: list[State] = []
        self.flow = Flow()
        self.encoded = bytearray()
        self.to_skip = 0
        self.capture: list[str] = []
        self.lists = Lists()
        self.marks = {"text": 0, "note": 0}
        self.author = ""
        self.undecoded: set[str] = set()
        self.unread_pictures = 0
        self.picture_kind = ""
        self.font_number = 0
        self.font_charset: int | None = None
        self.check_box: dict[str, int] = {}
        self.cell_merge: dict[str, bool] = {}
        self.has_hidden = False

    def add_bytes(self, value: bytes) -> None:
        """Add bytes of text; those that stand for programs without Unicode are left out."""
        if self.state.ignorable:
            self.state.destination, self.state.ignorable = "skip", False
        left_out = min(self.to_skip, len(value))
        self.to_skip -= left_out
        value = value[left_out:]
        if self.state.destination == "pict":
            self.capture.append(value.decode("latin-1"))
        elif self.state.destination != "skip" and value:
            self.encoded += value

    def add_hex(self, value: bytes) -> None:
        """Add bytes that are written as two digits each."""
        left_out = min(self.to_skip, len(value))
        self.to_skip -= left_out
        if self.state.destination not in {"skip", "pict"}:
            self.encoded += value[left_out:]

    def add_unicode(self, number: int) -> None:
        """Add a UTF-16 unit, and leave out what stands for it in programs without Unicode."""
        self.decode()
        self.to_skip = self.state.skip
        code = number & 0xFFFF
        font = self.fonts.get(self.state.font, Font())
        if 0xF000 <= code <= 0xF0FF:
            self.add(symbol(code & 0xFF, font.name))
        else:
            self.add(chr(code))

    def decode(self) -> None:
        """Decode the bytes that were collected, by the font."""
        if not self.encoded:
            return
        data, self.encoded = bytes(self.encoded), bytearray()
        font = self.fonts.get(self.state.font, Font())
        if font.symbols and self.state.destination not in {"fonttbl", "stylesheet"}:
            self.add("".join(symbol(byte, font.name) for byte in data))
            return
        codec = font.codec or self.codec
        text = data.decode(codec, "replace")
        if "\ufffd" in text:
            self.undecoded.add(codec)
        self.add(text)

    def add(self, text: str) -> None:
        """Add text where the destination wants it."""
        state, destination = self.state, self.state.destination
        if destination in {"capture", "fonttbl", "stylesheet"}:
            self.capture.append(text)
            if destination != "capture" and ";" in text:
                self.end_entry(destination)
        elif destination == "text":
            if self.flow.after_mark:  # the space behind the number is there already
                text = text.lstrip(" \t")
                self.flow.after_mark = not text
            if state.shift and text.strip():
                text = as_superscript(text) if state.shift == "super" else as_subscript(text)
            if state.layer is not None:
                self.has_hidden |= state.layer == "hidden"
                self.flow.beside.setdefault(state.layer, []).append(Run(text, state.style))
            else:
                self.flow.runs.append(Run(text, state.style))

    def end_entry(self, table: str) -> None:
        """End an entry of the tables of fonts and styles."""
        name = "".join(self.capture).partition(";")[0].strip()
        self.capture = []
        if table == "fonttbl":
            charset = self.font_charset
            known = self.fonts.get(self.font_number, Font())
            codec = codec_of_charset(charset) if charset is not None and charset > 1 else known.codec
            symbols = charset == SYMBOL_CHARSET or name.lower() in {
                "symbol",
                "wingdings",
                "wingdings 2",
                "wingdings 3",
                "webdings",
            }
            self.fonts[self.font_number] = Font(codec, symbols, name)
            self.font_charset = None
            return
        match = _HEADING.match(name)
        if match:
            self.headings[self.state.style_number] = int(match[1])
        elif self.state.outline is not None:
            self.headings[self.state.style_number] = self.state.outline + 1
        self.state.outline, self.state.style_number = None, 0
