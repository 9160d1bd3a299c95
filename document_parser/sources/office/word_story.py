"""The blocks of one part of a Word document: its body, a header, a note.

Every element that is not known is descended into, so that no paragraph is lost in a content control or in custom XML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from document_parser.models import Block, BlockKind, LayerName
from document_parser.sources.office.omml import MATH, latex_of_math
from document_parser.sources.office.package import RELATIONSHIPS
from document_parser.sources.office.word_context import WordContext
from document_parser.sources.office.word_drawings import COMPATIBILITY
from document_parser.sources.office.word_lines import Line
from document_parser.sources.office.word_list_depth import ListDepths
from document_parser.sources.office.word_numbering import Label
from document_parser.sources.office.word_runs import InlineReader
from document_parser.sources.office.word_styles import (
    MAX_LEVEL,
    VALUE,
    WORD,
    ParagraphStyle,
    indent_of,
    is_on,
    numbering_of,
    outline_level,
)
from document_parser.sources.office.word_tables import TableReader
from document_parser.sources.xml_trees import Element, local_name
from document_parser.text.spans import Run, spans_of, text_of

_MARK_DELETED = (f"{WORD}del", f"{WORD}moveFrom")
"""In the properties of a paragraph mark: the paragraph goes on in the next one."""
_TITLE: BlockKind = "title"
_NO_LIST = frozenset({"0", ""})

ReadChunk = Callable[[str, str], list[Block]]
"""Returns the blocks of a part in another format that stands in the text, by its name and that of the part that names it."""


class Story(NamedTuple):
    """What the paragraphs of a part are, unless their styles say more: their kind, and their layer."""

    kind: BlockKind = "paragraph"
    layer: LayerName = "body"


class StoryReader:
    """Reads the blocks of one part."""

    def __init__(self, context: WordContext, part: str, story: Story, read_chunk: ReadChunk) -> None:
        self._context = context
        self._part = part
        self._story = story
        self._read_chunk = read_chunk
        self.inline = InlineReader(context, part, self.read)
        self._tables = TableReader(self.read, context.styles.has_first_row)
        self._depths = ListDepths()
        self._blocks: list[Block] = []
        self._line: Line | None = None
        """A paragraph that goes on in the next one."""
        self.sections: list[Element] = []
        """The properties of the sections, in order."""
        self._handlers: dict[str, Callable[[Element], None] | None] = {
            f"{WORD}p": self._paragraph,
            f"{WORD}tbl": self._table,
            f"{WORD}altChunk": self._chunk,
            f"{WORD}sectPr": self.sections.append,
            f"{WORD}del": self._deletion,
            f"{WORD}moveFrom": self._deletion,
            f"{WORD}r": self._loose_run,
            f"{MATH}oMathPara": self._formula,
            f"{MATH}oMath": self._formula,
            f"{COMPATIBILITY}AlternateContent": self._choose,
            **{f"{WORD}{name}": None for name in ("sdtPr", "sdtEndPr", "tcPr", "customXmlPr", "bookmarkStart", "bookmarkEnd")},
        }

    def read_story(self, container: Element) -> list[Block]:
        """Return the blocks of the whole part. If a field never ends, what follows it is read as text."""
        references = len(self._context.references)
        blocks = self.read(container)
        if any(not found.in_result for found in self.inline.fields) and not references:
            self.inline.fields.clear()
            self.inline.follows_fields = False
            self.sections.clear()
            self._context.forget_counts()
            return self.read(container)
        return blocks

    def read(self, container: Element) -> list[Block]:
        """Return the blocks of a container: the body, a cell, a text box, a note."""
        before = self._blocks, self._line, self._depths, self.inline.deleted
        self._blocks, self._line, self._depths, self.inline.deleted = [], None, ListDepths(), 0
        self._children(container)
        self._end_line()
        found = self._blocks
        self._blocks, self._line, self._depths, self.inline.deleted = before
        return found

    def _end_line(self) -> None:
        """Add a paragraph that goes on in the next one where there is none."""
        line, self._line = self._line, None
        if line is not None:
            self._add(line, self._context.styles.paragraph(None), None, None)

    def _children(self, container: Element) -> None:
        """Read the children of a container, or of what wraps parts of it."""
        handlers = self._handlers
        for child in container:
            handler = handlers.get(child.tag, self._children)
            if handler is not None:
                handler(child)

    def _deletion(self, element: Element) -> None:
        """Read paragraphs whose deletion is tracked."""
        self.inline.deleted += 1
        self._children(element)
        self.inline.deleted -= 1

    def _choose(self, element: Element) -> None:
        """Read the first version of content, and the fallback only if that shows nothing."""
        for version in sorted(element, key=lambda one: local_name(one) == "Fallback"):
            before = len(self._blocks)
            self._children(version)
            if len(self._blocks) > before:
                return

    def _table(self, element: Element) -> None:
        """Read a table. It begins where its first text does."""
        blocks = self._tables.read(element)
        if self.inline.deleted:
            blocks = [block.model_copy(update={"layer": "revisions"}) for block in blocks]
        elif self._story.layer != "body":
            blocks = [self._in_layer(block) for block in blocks]
        self._blocks += blocks

    def _in_layer(self, block: Block) -> Block:
        """Return a block in the layer of this part, unless it has one of its own."""
        return block.model_copy(update={"layer": self._story.layer}) if block.layer == "body" else block

    def _chunk(self, element: Element) -> None:
        """Read a part in another format that stands here."""
        found = self._context.package.relationships(self._part).get(element.get(f"{RELATIONSHIPS}id", ""))
        if found is None or found.external:
            self._context.warn("A part of the document in another format is missing from the file.")
        else:
            self._blocks += map(self._in_layer, self._read_chunk(found.target, self._part))

    def _formula(self, element: Element) -> None:
        """Read a formula outside of paragraphs."""
        if latex := latex_of_math(element):
            self._blocks.append(self._block("formula", f"$${latex}$$", self.inline.page_breaks))

    def _loose_run(self, element: Element) -> None:
        """Read a run outside of paragraphs, as some programs write it."""
        line = Line()
        self.inline.read([element], line, hidden=False)
        self._add(line, self._context.styles.paragraph(None), None, None)

    # --- paragraphs

    def _paragraph(self, paragraph: Element) -> None:
        """Read a paragraph; one whose mark is deleted, or a letter that the next one begins with, waits for the next."""
        properties = paragraph.find(f"{WORD}pPr")
        style = self._style_of(properties)
        line, self._line = self._line or Line(), None
        self.inline.read(paragraph, line, hidden=style.hidden)
        if properties is not None:
            self.sections += properties.iterchildren(f"{WORD}sectPr")
            if _goes_on(properties):
                self._line = line
                return
        is_unseen = not line.pieces and (style.hidden or _has_hidden_mark(properties))
        label = None if self.inline.deleted or is_unseen else self._label(properties, style)
        if label is not None:
            indent = indent_of(properties.find(f"{WORD}ind") if properties is not None else None)
            label = label._replace(depth=self._depths.depth_of(label, indent))
        elif line.pieces:
            self._depths.forget()
        self._add(line, style, properties, label)

    def _style_of(self, properties: Element | None) -> ParagraphStyle:
        """Return the style of a paragraph."""
        named = None if properties is None else properties.find(f"{WORD}pStyle")
        return self._context.styles.paragraph(None if named is None else named.get(VALUE))

    def _label(self, properties: Element | None, style: ParagraphStyle) -> Label | None:
        """Return the label of a paragraph, and count it; None if it has none."""
        number, depth = numbering_of(properties)
        if number is None and style.numbering is None:
            return None
        number = style.numbering if number is None else number
        depth = style.depth if depth is None else depth
        return None if number in _NO_LIST else self._context.numbering.next_label(str(number), depth, style)

    def _add(self, line: Line, style: ParagraphStyle, properties: Element | None, label: Label | None) -> None:
        """Add the blocks of a paragraph: its text, then its deleted and hidden text, then what comes after it."""
        runs = line.runs()
        self._blocks += line.before
        if runs:
            self._add_text(runs, line, _kind_of(style, properties, label, self._story.kind), label)
        layers: tuple[tuple[LayerName, list[str]], ...] = (("revisions", line.deleted), ("hidden", line.hidden))
        for layer, texts in layers:
            if text := "".join(texts).strip():
                self._blocks.append(Block(kind="paragraph", layer=layer, text=text))
        self._blocks += line.after

    def _block(self, kind: BlockKind, text: str, page: int) -> Block:
        """Return a block of this part. ``page`` is how many page breaks come before it."""
        printed = page + 1 if self._context.counts_pages and self._story.layer == "body" else None
        return Block(kind=kind, layer=self._story.layer, text=text, printed_page=printed)

    def _add_text(self, runs: list[Run], line: Line, kind: tuple[BlockKind, int | None], label: Label | None) -> None:
        """Add the text of a paragraph."""
        text, (shown, level) = text_of(runs), kind
        if line.formulas == 1 and len(line.pieces) == 1 and shown == "paragraph":
            self._blocks.append(self._block("formula", f"$${text[1:-1]}$$", line.page))
            return
        if shown == "code":
            self._add_code("".join(piece.text for piece in line.pieces), line.page)
            return
        if "\t" in text:
            runs = [Run(run.text.replace("\t", " "), run.style) for run in runs]
        if shown in {"heading", "title"}:
            runs = [Run(run.text, run.style._replace(bold=False)) for run in runs]
        if label is not None:
            runs = [Run(label.text), *runs]
        if shown in _MARGINS and _PAGE_NUMBER.fullmatch(text):
            shown = "page_number"
        block = self._block(shown, text_of(runs), line.page)
        block.level = level
        if any(run.style != _PLAIN_STYLE for run in runs):
            block.spans = spans_of(runs)
        self._blocks.append(block)

    def _add_code(self, text: str, page: int) -> None:
        """Add a line of code, to the code that it follows."""
        last = self._blocks[-1] if self._blocks else None
        if last is not None and last.kind == "code":
            self._blocks[-1] = last.model_copy(update={"text": f"{last.text}\n{text}"})
        else:
            self._blocks.append(self._block("code", text, page))


_PLAIN_STYLE = Run("").style
_MARGINS = frozenset({"page_header", "page_footer"})
_PAGE_NUMBER = re.compile(r"[\s\-–—|]*(?:\d{1,4}|[ivxlc]{1,7}|[IVXLC]{1,7})[\s\-–—|]*")
"""A header or footer that is the number of a page."""


def _goes_on(properties: Element) -> bool:
    """Return whether a paragraph goes on in the next one: its mark is deleted, or it is a large first letter."""
    frame = properties.find(f"{WORD}framePr")
    if frame is not None and frame.get(f"{WORD}dropCap") in {"drop", "margin"}:
        return True
    mark = properties.find(f"{WORD}rPr")
    return mark is not None and any(mark.find(tag) is not None for tag in _MARK_DELETED)


def _has_hidden_mark(properties: Element | None) -> bool:
    """Return whether the mark at the end of a paragraph is hidden: a paragraph without shown text is then not numbered."""
    mark = properties.find(f"{WORD}rPr/{WORD}vanish") if properties is not None else None
    return mark is not None and is_on(mark)


def _kind_of(
    style: ParagraphStyle, properties: Element | None, label: Label | None, otherwise: BlockKind
) -> tuple[BlockKind, int | None]:
    """Return what a paragraph is, and the level of a heading or the depth of a list item."""
    if otherwise != "paragraph":
        return otherwise, None
    if style.kind == _TITLE:
        return _TITLE, 1
    outline = outline_level(properties)
    level = style.level if outline is None else outline + 1
    if level is not None and level <= 9:
        return "heading", min(level, MAX_LEVEL)
    if style.kind is not None:
        return style.kind, None
    return ("list_item", label.depth) if label is not None else ("paragraph", None)


def is_shown(blocks: Iterable[Block]) -> bool:
    """Return whether blocks show anything."""
    return any(block.text or block.table or block.picture for block in blocks)
