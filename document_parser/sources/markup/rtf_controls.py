"""What control words of RTF do to the text that is being read: its look, its paragraph, its cells, its encoding."""

from __future__ import annotations

from collections.abc import Callable

from document_parser.models import LayerName
from document_parser.sources.markup.rtf_blocks import BlockBuilder
from document_parser.sources.markup.rtf_characters import Font
from document_parser.sources.markup.rtf_lists import Lists
from document_parser.sources.markup.rtf_text import codec_of_page
from document_parser.text.raised import as_superscript
from document_parser.text.spans import Run, Style

Control = Callable[[BlockBuilder, int, bool], None]


def _styled(change: Callable[[Style, bool], Style]) -> Control:
    """Return the control that switches emphasis on, or off with 0."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del bare
        reader.state.style = change(reader.state.style, number != 0)

    return control


def _shifted(shift: str) -> Control:
    """Return the control that raises or lowers text, or ends that with 0."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del bare
        reader.state.shift = shift if number != 0 else ""

    return control


def _layered(layer: LayerName) -> Control:
    """Return the control that puts text into a layer, or back with 0."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del bare
        reader.state.layer = layer if number != 0 else None

    return control


def _set(name: str, value: object = None) -> Control:
    """Return the control that sets a fact of the group: to a value, or to its number."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del bare
        setattr(reader.state, name, number if value is None else value)

    return control


def _merges(name: str) -> Control:
    """Return the control that says how the next cell is merged."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del number, bare
        reader.cell_merge[name] = True

    return control


def _checks(name: str) -> Control:
    """Return the control that says a fact of a form's field."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del bare
        reader.check_box[name] = number

    return control


def _plain(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Reset what holds for characters; the link of a field stays."""
    del number, bare
    state = reader.state
    state.style, state.shift, state.layer = Style(link=state.style.link), "", None
    state.font = reader.default_font


def _pard(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Reset what holds for paragraphs."""
    del number, bare
    state = reader.state
    state.style_number, state.outline, state.level, state.in_list, state.in_table, state.nesting = 0, None, 0, False, False, 1


def _par(reader: BlockBuilder, number: int, bare: bool) -> None:
    """End a paragraph; a deleted mark joins two."""
    del number, bare
    if reader.state.destination == "text" and reader.state.layer != "revisions":
        reader.end_paragraph()


def _font(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Choose a font; in the table of fonts, begin one."""
    del bare
    reader.state.font = reader.font_number = number


def _font_charset(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Keep the character set of the font that is being defined."""
    del bare
    reader.font_charset = number


def _font_page(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Keep the code page of the font that is being defined."""
    del bare
    if reader.state.destination == "fonttbl" and (codec := codec_of_page(number)):
        reader.fonts[reader.font_number] = Font(codec)


def _page(codec: str | None) -> Control:
    """Return the control that says the encoding of the file: this one, or that of its number."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del bare
        reader.codec = codec or codec_of_page(number) or reader.codec

    return control


def _default_font(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Keep the font that holds where none is chosen."""
    del bare
    reader.default_font = reader.state.font = number


def _list_level(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Keep the level of a list item."""
    del bare
    reader.state.level = min(max(0, number), 8)


def _list(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Say which list the paragraph is in; in the tables of lists, which list has this number."""
    del bare
    if reader.state.destination == "lists":
        reader.lists.end_override(number)
    else:
        reader.state.in_list, reader.state.list_number = number != 0, number


def _defines_list(define: Callable[[Lists, int], None]) -> Control:
    """Return the control that defines a list; it means nothing outside of the tables of lists."""

    def control(reader: BlockBuilder, number: int, bare: bool) -> None:
        del bare
        if reader.state.destination == "lists":
            define(reader.lists, number)

    return control


def _row_left(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Keep the left edge of a row."""
    del bare
    reader.flow.row.left = number


def _row_header(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Say that the row is a header."""
    del number, bare
    reader.flow.row.header = True


def _note_number(reader: BlockBuilder, number: int, bare: bool) -> None:
    """Show the number of a note: the next one in the text, the same one in the note."""
    del number, bare
    in_note = reader.flow.layer == "notes"
    place = "note" if in_note else "text"  # programs write the mark before or behind the note: each counts its own
    reader.marks[place] += 1
    mark = str(reader.marks[place])
    reader.flow.runs.append(Run(mark if in_note else as_superscript(mark), Style(note=mark)))
    if in_note:
        reader.flow.runs.append(Run(" "))
        reader.flow.note = mark
    reader.flow.after_mark = in_note


_bold = _styled(lambda style, on: style._replace(bold=on))
_italic = _styled(lambda style, on: style._replace(italic=on))
_strike = _styled(lambda style, on: style._replace(struck=on))
CONTROLS: dict[str, Control] = {
    "b": _bold, "i": _italic, "strike": _strike, "striked": _strike,
    "super": _shifted("super"), "sub": _shifted("sub"), "nosupersub": _shifted(""), "v": _layered("hidden"),
    "deleted": _layered("revisions"), "plain": _plain, "pard": _pard, "par": _par, "sect": _par, "page": _par, "column": _par,
    "f": _font, "fcharset": _font_charset, "cpg": _font_page, "deff": _default_font, "ansicpg": _page(None),
    "mac": _page("mac_roman"), "pc": _page("cp437"), "pca": _page("cp850"), "uc": _set("skip"), "s": _set("style_number"),
    "outlinelevel": _set("outline"), "ilvl": _list_level, "ls": _list, "intbl": _set("in_table", value=True),
    "itap": _set("nesting"), "cell": BlockBuilder.end_cell, "row": BlockBuilder.end_row, "trowd": BlockBuilder.begin_row,
    "nestcell": BlockBuilder.end_nested_cell, "nestrow": BlockBuilder.end_nested_row, "cellx": BlockBuilder.define_cell,
    "listid": _defines_list(Lists.set_list), "levelnfc": _defines_list(Lists.set_numerals),
    "levelnfcn": _defines_list(Lists.set_numerals), "levelstartat": _defines_list(Lists.set_start),
    "clmrg": _merges("clmrg"),
    "clvmgf": _merges("clvmgf"), "clvmrg": _merges("clvmrg"), "trleft": _row_left, "trhdr": _row_header, "chftn": _note_number,
    "fftype": _checks("fftype"), "ffres": _checks("ffres"), "ffdefres": _checks("ffdefres"),
}  # fmt: skip
