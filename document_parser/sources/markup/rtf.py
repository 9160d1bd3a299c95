"""Rich text (RTF) as blocks. Runs in the opener child.

The decoder keeps the bytes of each font's encoding together, joins Unicode in pairs, and follows the groups of the file with
its own stack. Deleted text, hidden text, notes, comments, headers and footers are in their layers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from document_parser.errors import DamagedDocument
from document_parser.models import Block, BlockKind, LayerName, PageWarning
from document_parser.sources.markup.lists import BULLET
from document_parser.sources.markup.rtf_table import CellFormat, Row, table_of
from document_parser.sources.markup.rtf_text import (
    SYMBOL_CHARSET,
    codec_of_charset,
    codec_of_page,
    join_surrogates,
    symbol,
)
from document_parser.sources.markup.rtf_tokens import tokens
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Run, Style, safe_link_of, spans_of, strip_runs, text_of, tidy_spans

MAX_GROUPS = 10_000
"""Groups inside each other; programs write dozens."""
_LINK = re.compile(r'HYPERLINK\s+(?:\\[a-z]\s+)*(?:"([^"]*)"|(\S+))', re.I)
_HEADING = re.compile(r"heading ([1-9])\b", re.I)
_SIGNS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ", "qmspace": " ",
    "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "zwj": "\u200d", "zwnj": "\u200c",
    "ltrmark": "", "rtlmark": "",
}  # fmt: skip
_SKIPPED = frozenset({
    "colortbl", "info", "nonshppict", "objdata", "xe", "tc", "tcn", "rxe", "bkmkstart", "bkmkend", "atnid",
    "atntime", "atnref", "atrfstart", "atrfend", "atnicn", "atndate", "atnparent", "fontemb", "filetbl", "revtbl",
    "rsidtbl", "listtable", "listoverridetable", "generator", "themedata", "colorschememapping", "latentstyles",
    "datastore", "shprslt", "mmathPict", "mmathPr", "pgptbl", "userprops", "xmlnstbl", "template", "wgrffmtfilter",
    "datafield", "objclass", "objname", "pnseclvl", "ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "ftncn",
    "aftncn", "nonesttables", "private", "passwordhash", "picprop", "blipuid", "bliptag",
})  # fmt: skip
"""Destinations that hold no text of the document."""
_READ = frozenset(
    {"shptxt", "dptxbxtext", "ud", "result", "shppict", "moMath", "nesttableprops", "annotation", "listtext", "fldinst"}
)
"""Destinations that are read although programs that do not know them shall skip them."""
_FORMULA_PARTS = {
    "moMath": ("$", "$"), "mnum": ("\\frac{", "}"), "mden": ("{", "}"), "msup": ("^{", "}"), "msub": ("_{", "}"),
    "mdeg": ("\\sqrt[", "]"), "mfName": ("\\", " "),
}  # fmt: skip
"""What stands around the parts of a formula in LaTeX."""
_FORMULA_LOOKS = re.compile(r"m[A-Za-z]+Pr")
"""Destinations that say how parts of a formula look."""
_HEADERS = dict.fromkeys(("header", "headerl", "headerr", "headerf"), "page_header")
_FOOTERS = dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "page_footer")
_PLAIN = Style()
_PIXELS = frozenset({"pngblip", "jpegblip"})
_VECTORS = frozenset({"wmetafile", "emfblip", "macpict", "pmmetafile", "dibitmap", "wbitmap"})


class _Font(NamedTuple):
    """A font: its encoding, None for that of the file, and whether it has symbols in place of letters."""

    codec: str | None = None
    symbols: bool = False
    name: str = ""


@dataclass
class _Flow:
    """Text that is read on its own: the body, a note, a header, a comment, a text box, the cells of a row."""

    layer: LayerName = "body"
    kind: BlockKind = "paragraph"
    blocks: list[Block] = field(default_factory=list)
    later: list[Block] = field(default_factory=list)
    after_table: list[Block] = field(default_factory=list)
    after_mark: bool = False
    runs: list[Run] = field(default_factory=list)
    beside: dict[LayerName, list[Run]] = field(default_factory=dict)
    label: str = ""
    cell: list[Run] = field(default_factory=list)
    row: Row = field(default_factory=Row)
    rows: list[Row] = field(default_factory=list)
    nested: list[list[str]] = field(default_factory=list)


@dataclass
class _State:
    """What holds inside a group, and is restored at its end."""

    destination: str = "text"
    font: int = 0
    skip: int = 1
    style: Style = _PLAIN
    shift: str = ""
    layer: LayerName | None = None
    style_number: int = 0
    outline: int | None = None
    level: int = 0
    in_list: bool = False
    in_table: bool = False
    nesting: int = 1
    ignorable: bool = False
    is_substitute: bool = False
    """Whether this is what older programs show in place of a shape that has been read."""
    at_end: Callable[[], None] | None = None


class RtfReader:
    """Reads one file. The bodies of mails hold RTF too."""

    def __init__(self) -> None:
        """Begin."""
        self.images: list[bytes] = []
        self.title = ""
        self._codec = "cp1252"
        self._fonts: dict[int, _Font] = {}
        self._default_font = 0
        self._headings: dict[int, int] = {}
        self._state = _State()
        self._stack: list[_State] = []
        self._flow = _Flow()
        self._bytes = bytearray()
        self._to_skip = 0
        self._capture: list[str] = []
        self._marks = {"text": 0, "note": 0}
        self._author = ""
        self._undecoded: set[str] = set()
        self._unread_pictures = 0
        self._picture_kind = ""
        self._font_number = 0
        self._font_charset: int | None = None
        self._check_box: dict[str, int] = {}
        self._cell_merge: dict[str, bool] = {}

    def read(self, data: bytes) -> list[Block]:
        """Return the blocks. Raises DamagedDocument for what is no RTF, or nests too deep."""
        start = data.find(b"{\\rtf")
        if start < 0:
            raise DamagedDocument("The file is no RTF. Save it again and send it.")
        body = self._flow
        for word, number, value in tokens(data, start):
            if word == "{":
                self._begin()
            elif word == "}":
                if not self._stack:
                    break
                self._end()
                if not self._stack:
                    break
            elif word == "bytes":
                self._add_bytes(value)
            elif word == "hex":
                self._add_hex(value)
            elif word == "bin":
                self._capture.append(value.hex()) if self._state.destination == "pict" else None
            else:
                self._control(word, number)
        while self._stack:
            self._end()
        self._end_paragraph()
        self._end_table()
        return [*body.blocks, *body.later]

    def warnings(self) -> list[PageWarning]:
        """Return what a reader should know."""
        found = []
        if self._undecoded:
            names = ", ".join(sorted(self._undecoded))
            found.append(
                PageWarning(code="damaged_data", message=f"Some characters could not be decoded as {names} (shown as \ufffd).")
            )
        if self._unread_pictures:
            message = f"{self._unread_pictures} pictures are drawings (WMF, EMF) or of an old kind, which are not read."
            found.append(PageWarning(code="not_read", message=message))
        if self._has_hidden:
            found.append(
                PageWarning(code="hidden_content", message="Some text is hidden in the file. It is in the layer hidden.")
            )
        return found

    _has_hidden = False

    # --- groups -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin a group."""
        self._decode()
        if len(self._stack) >= MAX_GROUPS:
            raise DamagedDocument("The groups of the file nest too deep. Save it again and send it.")
        self._stack.append(self._state)
        self._state = replace(self._state, at_end=None, ignorable=False)
        self._to_skip = 0

    def _end(self) -> None:
        """End a group: do what its destination asks for, then go on as before it."""
        self._decode()
        if self._state.at_end is not None:
            self._state.at_end()
        self._state = self._stack.pop()
        self._to_skip = 0

    def _control(self, word: str, number: int | None) -> None:
        """Follow a control word."""
        if word == "u":
            self._add_unicode(number or 0)
            return
        if self._to_skip and word not in {"uc"}:
            self._to_skip -= 1
            return
        self._decode()
        if word == "*":
            self._state.ignorable = True
            return
        if self._begin_destination(word):
            return
        ignorable, self._state.ignorable = self._state.ignorable, False
        if ignorable and word not in _READ:
            self._state.destination = "skip"
        elif self._state.destination == "skip":
            return
        elif word in _SIGNS:
            self._add(_SIGNS[word])
        elif word in _CONTROLS:
            _CONTROLS[word](self, 1 if number is None else number, number is None)
        elif self._state.destination == "pict" and word in _PIXELS | _VECTORS:
            self._picture_kind = word

    def _begin_destination(self, word: str) -> bool:
        """Begin a destination. Return False if the word begins none."""
        state = self._state
        if state.destination == "skip" and (state.is_substitute or word not in {"shptxt", "dptxbxtext", "ud", "title"}):
            return word in _SKIPPED
        if word in {"fonttbl", "stylesheet"}:
            state.destination, state.at_end = word, None
            self._capture = []
        elif word in _HEADERS or word in _FOOTERS:
            self._begin_flow("headers", "page_header" if word in _HEADERS else "page_footer", once=True)
        elif word == "footnote":
            self._begin_flow("notes", "footnote")
        elif word == "annotation":
            self._begin_flow("comments", "paragraph")
            self._flow.runs += [Run(f"{self._author}: ")] if self._author else []
            self._author = ""
        elif word in {"shptxt", "dptxbxtext"}:
            self._begin_flow(self._flow.layer, "paragraph")
        elif word in {"listtext", "pntext"}:
            state.destination, state.at_end = "capture", self._end_label
            self._capture = []
        elif word == "fldinst":
            state.destination, state.at_end = "capture", self._end_instruction
            self._capture = []
        elif word in {"title", "atnauthor"}:
            state.destination, state.at_end = "capture", self._end_title if word == "title" else self._end_author
            self._capture = []
        elif word == "pict":
            state.destination, state.at_end = "pict", self._end_picture
            self._capture, self._picture_kind = [], ""
        elif word in {"shpinst", "do"}:
            state.destination = "shape"
        elif word == "upr":
            state.destination = "skip"
        elif word == "ud":
            state.destination = self._stack[-2].destination if len(self._stack) > 1 else "text"
        elif word == "formfield":
            state.destination, state.at_end = "formfield", self._end_check_box
            self._check_box = {}
        elif word in _FORMULA_PARTS and state.destination == "text":
            opening, closing = _FORMULA_PARTS[word]
            self._add(opening)
            state.at_end = lambda: self._add(closing)
        elif word in _SKIPPED or _FORMULA_LOOKS.fullmatch(word):
            state.destination, state.is_substitute = "skip", word == "shprslt"
        else:
            return False
        state.ignorable = False
        return True

    def _begin_flow(self, layer: LayerName, kind: BlockKind, *, once: bool = False) -> None:
        """Begin text of its own; its blocks follow the paragraph that it is anchored in."""
        outer, flow = self._flow, _Flow(layer, kind)
        self._flow = flow
        state = self._state
        state.destination, state.style, state.shift, state.layer = "text", Style(), "", None
        state.outline, state.level, state.in_list, state.in_table, state.style_number = None, 0, False, False, 0

        def end() -> None:
            self._end_paragraph()
            self._end_table()
            self._flow = outer
            blocks = [*flow.blocks, *flow.later]
            known = {(block.kind, block.text) for block in (*outer.blocks, *outer.later)} if once else set()
            outer.later += [block for block in blocks if (block.kind, block.text) not in known]
            if not outer.runs and not outer.cell:
                self._put_later(outer)

        state.at_end = end

    # --- characters ---------------------------------------------------------------------------------------------------

    def _add_bytes(self, value: bytes) -> None:
        """Add bytes of text; those that stand for programs without Unicode are left out."""
        if self._state.ignorable:
            self._state.destination, self._state.ignorable = "skip", False
        left_out = min(self._to_skip, len(value))
        self._to_skip -= left_out
        value = value[left_out:]
        if self._state.destination == "pict":
            self._capture.append(value.decode("latin-1"))
        elif self._state.destination != "skip" and value:
            self._bytes += value

    def _add_hex(self, value: bytes) -> None:
        """Add bytes that are written as two digits each."""
        left_out = min(self._to_skip, len(value))
        self._to_skip -= left_out
        if self._state.destination not in {"skip", "pict"}:
            self._bytes += value[left_out:]

    def _add_unicode(self, number: int) -> None:
        """Add a UTF-16 unit, and leave out what stands for it in programs without Unicode."""
        self._decode()
        self._to_skip = self._state.skip
        code = number & 0xFFFF
        font = self._fonts.get(self._state.font, _Font())
        if 0xF000 <= code <= 0xF0FF:
            self._add(symbol(code & 0xFF, font.name))
        else:
            self._add(chr(code))

    def _decode(self) -> None:
        """Decode the bytes that were collected, by the font."""
        if not self._bytes:
            return
        data, self._bytes = bytes(self._bytes), bytearray()
        font = self._fonts.get(self._state.font, _Font())
        if font.symbols and self._state.destination not in {"fonttbl", "stylesheet"}:
            self._add("".join(symbol(byte, font.name) for byte in data))
            return
        codec = font.codec or self._codec
        text = data.decode(codec, "replace")
        if "\ufffd" in text:
            self._undecoded.add(codec)
        self._add(text)

    def _add(self, text: str) -> None:
        """Add text where the destination wants it."""
        state, destination = self._state, self._state.destination
        if destination in {"capture", "fonttbl", "stylesheet"}:
            self._capture.append(text)
            if destination != "capture" and ";" in text:
                self._end_entry(destination)
        elif destination == "text":
            if self._flow.after_mark:  # the space behind the number is there already
                text = text.lstrip(" \t")
                self._flow.after_mark = not text
            if state.shift and text.strip():
                text = as_superscript(text) if state.shift == "super" else as_subscript(text)
            if state.layer is not None:
                self._has_hidden |= state.layer == "hidden"
                self._flow.beside.setdefault(state.layer, []).append(Run(text, state.style))
            else:
                self._flow.runs.append(Run(text, state.style))

    # --- what destinations end with -----------------------------------------------------------------------------------

    def _end_entry(self, table: str) -> None:
        """End an entry of the tables of fonts and styles."""
        name = "".join(self._capture).partition(";")[0].strip()
        self._capture = []
        if table == "fonttbl":
            charset = self._font_charset
            known = self._fonts.get(self._font_number, _Font())
            codec = codec_of_charset(charset) if charset is not None and charset > 1 else known.codec
            symbols = charset == SYMBOL_CHARSET or name.lower() in {
                "symbol",
                "wingdings",
                "wingdings 2",
                "wingdings 3",
                "webdings",
            }
            self._fonts[self._font_number] = _Font(codec, symbols, name)
            self._font_charset = None
            return
        match = _HEADING.match(name)
        if match:
            self._headings[self._state.style_number] = int(match[1])
        elif self._state.outline is not None:
            self._headings[self._state.style_number] = self._state.outline + 1
        self._state.outline, self._state.style_number = None, 0

    def _end_label(self) -> None:
        """Keep the label of a list item."""
        label = join_surrogates("".join(self._capture)).strip()
        self._flow.label = "•" if label in {"·", "o", "§", "\uf0b7", "-", "–"} else label
        self._capture = []

    def _end_instruction(self) -> None:
        """Keep the address of a link for the text of the field."""
        match = _LINK.search("".join(self._capture))
        if match and self._stack:
            link = safe_link_of(match[1] or match[2] or "")
            self._stack[-1].style = self._stack[-1].style._replace(link=link)
        self._capture = []

    def _end_title(self) -> None:
        """Keep the title of the document."""
        self.title = " ".join(join_surrogates("".join(self._capture)).split())
        self._capture = []

    def _end_author(self) -> None:
        """Keep the author of the next comment."""
        self._author = join_surrogates("".join(self._capture)).strip()
        self._capture = []

    def _end_check_box(self) -> None:
        """Show a check box of a form."""
        facts = self._check_box
        if facts.get("fftype") == 1:
            value = facts.get("ffres", 25)
            ticked = value == 1 or (value == 25 and facts.get("ffdefres", 0) == 1)
            self._flow.runs.append(Run("☒ " if ticked else "☐ "))

    def _end_picture(self) -> None:
        """Keep a picture; its figure follows the paragraph."""
        digits = re.sub(r"[^0-9a-fA-F]", "", "".join(self._capture))
        self._capture = []
        if self._picture_kind in _PIXELS and len(digits) > 1:
            self.images.append(bytes.fromhex(digits[: len(digits) // 2 * 2]))
            self._flow.later.append(Block(kind="figure", layer=self._flow.layer, picture="image"))
        elif digits:
            self._unread_pictures += 1

    # --- paragraphs and tables ----------------------------------------------------------------------------------------

    def _end_paragraph(self) -> None:
        """End a paragraph: a block, or a line of a cell."""
        self._decode()
        flow, state = self._flow, self._state
        runs = _joined(flow.runs)
        flow.runs = []
        if state.in_table:
            self._add_to_cell([*([Run(f"{flow.label} ")] if flow.label and runs else []), *runs])
            flow.label = ""
            return
        self._end_table()
        label, flow.label = flow.label, ""
        if runs:
            flow.blocks.append(self._block(runs, label))
        for layer, beside in flow.beside.items():
            kept = _joined(beside)
            if kept:
                flow.blocks.append(_text_block("paragraph", kept, layer))
        flow.beside = {}
        self._put_later(flow)

    def _block(self, runs: list[Run], label: str) -> Block:
        """Return a paragraph as the block that it is."""
        flow, state = self._flow, self._state
        level = self._headings.get(state.style_number) or (state.outline + 1 if state.outline is not None else 0)
        if flow.kind == "paragraph" and 0 < level <= 9:
            heading = [Run(f"{label} "), *runs] if label and label != "•" else runs
            return _text_block("heading", heading, flow.layer, min(6, level))
        if flow.kind == "paragraph" and (label or state.in_list):
            return _text_block("list_item", [Run(f"{label} " if label else BULLET), *runs], flow.layer, state.level + 1)
        return _text_block(flow.kind, runs, flow.layer)

    def _put_later(self, flow: _Flow) -> None:
        """Add what is anchored in the paragraph that ended."""
        flow.blocks += flow.later
        flow.later = []

    def _add_to_cell(self, runs: list[Run]) -> None:
        """Add a line to the cell that is being read."""
        cell = self._flow.cell
        if runs:
            cell += [Run("\n"), *runs] if cell else runs

    def _end_cell(self, number: int, bare: bool) -> None:
        """End a cell."""
        del number, bare
        flow = self._flow
        self._add_to_cell(_joined(flow.runs))
        flow.row.texts.append(flow.cell)
        flow.runs, flow.cell, flow.label = [], [], ""

    def _end_row(self, number: int, bare: bool) -> None:
        """End a row. Programs write its format before or after its cells."""
        del number, bare
        flow = self._flow
        if flow.row.texts:
            flow.rows.append(flow.row)
        flow.row = replace(flow.row, texts=[])
        flow.after_table += flow.later
        flow.later = []

    def _end_nested_cell(self, number: int, bare: bool) -> None:
        """End a cell of a table in a cell; its rows are lines of the outer one."""
        del number, bare
        flow = self._flow
        flow.nested = flow.nested or [[]]
        flow.nested[-1].append(" ".join(text_of(_joined(flow.runs)).split()))
        flow.runs = []

    def _end_nested_row(self, number: int, bare: bool) -> None:
        """End a row of a table in a cell."""
        del number, bare
        flow = self._flow
        if flow.nested and flow.nested[-1]:
            self._add_to_cell([Run(" | ".join(flow.nested[-1]))])
        flow.nested = []

    def _begin_row(self, number: int, bare: bool) -> None:
        """Begin the format of a row."""
        del number, bare
        if self._state.destination == "text":
            self._flow.row = Row(texts=self._flow.row.texts)
            self._cell_merge = {}

    def _define_cell(self, number: int, bare: bool) -> None:
        """Define the next cell of a row by its right edge."""
        del bare
        merge = self._cell_merge
        left, up = merge.get("clmrg", False), merge.get("clvmrg", False)
        self._flow.row.formats.append(CellFormat(number, left, merge.get("clvmgf", False), up))
        self._cell_merge = {}

    def _end_table(self) -> None:
        """End a table: what follows is no row."""
        flow = self._flow
        if flow.cell or any(run.text.strip() for text in flow.row.texts for run in text):
            flow.row.texts += [flow.cell] if flow.cell else []
            flow.rows.append(flow.row)
        rows, flow.rows, flow.row, flow.cell = flow.rows, [], Row(), []
        table = table_of(rows) if rows else None
        if table is not None:
            flow.blocks.append(Block(kind="table", layer=flow.layer, table=table))
        flow.blocks += flow.after_table
        flow.after_table = []


def _joined(runs: list[Run]) -> list[Run]:
    """Return the runs of a paragraph without white space at its ends, pairs of UTF-16 units joined."""
    merged: list[Run] = []
    for run in runs:
        if merged and merged[-1].style == run.style:
            merged[-1] = Run(merged[-1].text + run.text, run.style)
        else:
            merged.append(run)
    return strip_runs([Run(join_surrogates(run.text), run.style) for run in merged])


def _text_block(kind: BlockKind, runs: list[Run], layer: LayerName, level: int | None = None) -> Block:
    """Return a block of text with its emphasis and links."""
    text = text_of(runs)
    return Block(kind=kind, layer=layer, text=text, spans=tidy_spans(text, spans_of(runs)), level=level)


_Control = Callable[[RtfReader, int, bool], None]


def _styled(change: Callable[[Style, bool], Style]) -> _Control:
    """Return the control that switches emphasis on, or off with 0."""

    def control(reader: RtfReader, number: int, bare: bool) -> None:
        del bare
        reader._state.style = change(reader._state.style, number != 0)

    return control


def _shifted(shift: str) -> _Control:
    """Return the control that raises or lowers text, or ends that with 0."""

    def control(reader: RtfReader, number: int, bare: bool) -> None:
        del bare
        reader._state.shift = shift if number != 0 else ""

    return control


def _layered(layer: LayerName) -> _Control:
    """Return the control that puts text into a layer, or back with 0."""

    def control(reader: RtfReader, number: int, bare: bool) -> None:
        del bare
        reader._state.layer = layer if number != 0 else None

    return control


def _set(name: str, value: object = None) -> _Control:
    """Return the control that sets a fact of the group: to a value, or to its number."""

    def control(reader: RtfReader, number: int, bare: bool) -> None:
        del bare
        setattr(reader._state, name, number if value is None else value)

    return control


def _merges(name: str) -> _Control:
    """Return the control that says how the next cell is merged."""

    def control(reader: RtfReader, number: int, bare: bool) -> None:
        del number, bare
        reader._cell_merge[name] = True

    return control


def _checks(name: str) -> _Control:
    """Return the control that says a fact of a form's field."""

    def control(reader: RtfReader, number: int, bare: bool) -> None:
        del bare
        reader._check_box[name] = number

    return control


def _plain(reader: RtfReader, number: int, bare: bool) -> None:
    """Reset what holds for characters; the link of a field stays."""
    del number, bare
    state = reader._state
    state.style, state.shift, state.layer = Style(link=state.style.link), "", None
    state.font = reader._default_font


def _pard(reader: RtfReader, number: int, bare: bool) -> None:
    """Reset what holds for paragraphs."""
    del number, bare
    state = reader._state
    state.style_number, state.outline, state.level, state.in_list, state.in_table, state.nesting = 0, None, 0, False, False, 1


def _par(reader: RtfReader, number: int, bare: bool) -> None:
    """End a paragraph; a deleted mark joins two."""
    del number, bare
    if reader._state.destination == "text" and reader._state.layer != "revisions":
        reader._end_paragraph()


def _font(reader: RtfReader, number: int, bare: bool) -> None:
    """Choose a font; in the table of fonts, begin one."""
    del bare
    reader._state.font = reader._font_number = number


def _font_charset(reader: RtfReader, number: int, bare: bool) -> None:
    """Keep the character set of the font that is being defined."""
    del bare
    reader._font_charset = number


def _font_page(reader: RtfReader, number: int, bare: bool) -> None:
    """Keep the code page of the font that is being defined."""
    del bare
    if reader._state.destination == "fonttbl" and (codec := codec_of_page(number)):
        reader._fonts[reader._font_number] = _Font(codec)


def _page(codec: str | None) -> _Control:
    """Return the control that says the encoding of the file: this one, or that of its number."""

    def control(reader: RtfReader, number: int, bare: bool) -> None:
        del bare
        reader._codec = codec or codec_of_page(number) or reader._codec

    return control


def _default_font(reader: RtfReader, number: int, bare: bool) -> None:
    """Keep the font that holds where none is chosen."""
    del bare
    reader._default_font = reader._state.font = number


def _list_level(reader: RtfReader, number: int, bare: bool) -> None:
    """Keep the level of a list item."""
    del bare
    reader._state.level = min(max(0, number), 8)


def _list(reader: RtfReader, number: int, bare: bool) -> None:
    """Say that the paragraph is in a list."""
    del bare
    reader._state.in_list = number != 0


def _row_left(reader: RtfReader, number: int, bare: bool) -> None:
    """Keep the left edge of a row."""
    del bare
    reader._flow.row.left = number


def _row_header(reader: RtfReader, number: int, bare: bool) -> None:
    """Say that the row is a header."""
    del number, bare
    reader._flow.row.header = True


def _note_number(reader: RtfReader, number: int, bare: bool) -> None:
    """Show the number of a note: the next one in the text, the same one in the note."""
    del number, bare
    in_note = reader._flow.layer == "notes"
    place = "note" if in_note else "text"  # programs write the mark before or behind the note: each counts its own
    reader._marks[place] += 1
    mark = str(reader._marks[place])
    reader._flow.runs.append(Run(f"{mark} " if in_note else as_superscript(mark)))
    reader._flow.after_mark = in_note


_bold = _styled(lambda style, on: style._replace(bold=on))
_italic = _styled(lambda style, on: style._replace(italic=on))
_strike = _styled(lambda style, on: style._replace(struck=on))
_CONTROLS: dict[str, _Control] = {
    "b": _bold, "i": _italic, "strike": _strike, "striked": _strike,
    "super": _shifted("super"), "sub": _shifted("sub"), "nosupersub": _shifted(""), "v": _layered("hidden"),
    "deleted": _layered("revisions"), "plain": _plain, "pard": _pard, "par": _par, "sect": _par, "page": _par, "column": _par,
    "f": _font, "fcharset": _font_charset, "cpg": _font_page, "deff": _default_font, "ansicpg": _page(None),
    "mac": _page("mac_roman"), "pc": _page("cp437"), "pca": _page("cp850"), "uc": _set("skip"), "s": _set("style_number"),
    "outlinelevel": _set("outline"), "ilvl": _list_level, "ls": _list, "intbl": _set("in_table", value=True),
    "itap": _set("nesting"), "cell": RtfReader._end_cell, "row": RtfReader._end_row, "nestcell": RtfReader._end_nested_cell,
    "nestrow": RtfReader._end_nested_row, "trowd": RtfReader._begin_row, "cellx": RtfReader._define_cell,
    "clmrg": _merges("clmrg"),
    "clvmgf": _merges("clvmgf"), "clvmrg": _merges("clvmrg"), "trleft": _row_left, "trhdr": _row_header, "chftn": _note_number,
    "fftype": _checks("fftype"), "ffres": _checks("ffres"), "ffdefres": _checks("ffdefres"),
}  # fmt: skip
