"""Walk the tree of a page and make blocks of it. Nothing is fetched, no script runs, nothing is left out without a word.

What a browser does not show is in the layer ``hidden``; notes of books are in the layer ``notes``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from document_parser.models import CODE_LANGUAGE, Block, BlockKind, Cell, LayerName, PageWarning, Span, Table
from document_parser.sources.markup.buffer import BufferedImage, TextBuffer, shown_text
from document_parser.sources.markup.drawings import drawing_text, words_in
from document_parser.sources.markup.lists import BULLET, ListLevel, integer
from document_parser.sources.markup.looks import lowered, raised, styled
from document_parser.sources.markup.mathml import clean_tex, latex_of
from document_parser.sources.markup.page import HtmlPage, ResolveImage
from document_parser.sources.markup.tables import Grid, GridCell, captions_of, grid_of, is_layout, is_table
from document_parser.sources.markup.tree import Element, ParsedHtml, parse_html
from document_parser.sources.markup.visibility import declarations, is_hidden, is_tracker
from document_parser.sources.note_links import with_answered_marks
from document_parser.text.spans import Run, Style, runs_of, spans_of, text_of, tidy_spans

MAX_TABLE_DEPTH = 8
"""Tables inside each other that are read as tables; the text of deeper ones follows as it stands."""
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "hr", "html", "legend", "li", "listing", "main", "menu", "nav", "noframes", "ol", "optgroup", "p",
    "plaintext", "pre", "search", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr",
    "ul", "xmp",
})  # fmt: skip
"""Elements that begin a new block."""
_SKIPPED = frozenset({
    "script", "style", "head", "link", "meta", "title", "base", "datalist", "param", "source", "track", "area",
    "colgroup", "col", "rp",
})  # fmt: skip
"""Elements without text of the page."""
_PREFORMATTED = frozenset({"pre", "listing", "xmp", "plaintext"})
_LANGUAGE_CLASS = re.compile(rf"lang(?:uage)?-({CODE_LANGUAGE})$")
_APART = frozenset({"a", "button", "input", "select", "textarea", "label", "img"})
"""Elements that a browser sets apart, or that pages do by their style: without a space their words would run together."""
_NOTE_TYPES = frozenset({"footnote", "endnote", "rearnote", "doc-footnote", "doc-endnote"})
"""What epub:type and role call the notes of a book."""
_NO_VALUE = frozenset({"hidden", "password", "file", "image"})
"""Types of inputs that show no value."""
_TEX_CLASSES = frozenset({"tex", "latex", "mwe-math-fallback-image-inline", "mwe-math-fallback-image-display"})
"""Classes of images of formulas whose alternative text is LaTeX."""


class HtmlBlocks(NamedTuple):
    """What a page says: its blocks, warnings, and the images of its figures with a ``picture``, in their order.

    Images are ``data:`` addresses or names that ``resolve_image`` returned. ``title`` is that of the page's head.
    """

    blocks: list[Block]
    warnings: list[PageWarning]
    images: list[str]
    title: str


def blocks_of_html(
    page: ParsedHtml, resolve_image: ResolveImage | None = None, resolve_page: Callable[[str], str | None] | None = None
) -> HtmlBlocks:
    """Return the blocks of a parsed page.

    ``resolve_image`` finds images that the document holds beside the page; those of ``data:`` addresses need none.
    ``resolve_page`` returns the text of a page that the document holds for a frame.
    """
    context = HtmlPage(page, resolve_image, resolve_page)
    blocks = _Walker(context).walk(page.root)
    images = [block.picture for block in blocks if block.picture is not None]
    named = [block.model_copy(update={"picture": "image"}) if block.picture is not None else block for block in blocks]
    return HtmlBlocks(named, context.warnings(blocks), images, context.title)


@dataclass
class _Item:
    """A list item that is being read: its label, its depth from 1, and its block once there is one."""

    label: str
    depth: int
    block: Block | None = None


class _State(NamedTuple):
    """How the text inside an element is read."""

    style: Style = Style()
    layer: LayerName = "body"
    kind: BlockKind = "paragraph"
    level: int | None = None
    pre: bool = False
    lists: tuple[ListLevel, ...] = ()
    item: _Item | None = None
    language: str | None = None
    """The programming language of code."""


_NOTE_REFERENCES = frozenset({"noteref", "doc-noteref"})
"""What epub:type and role call the mark of a note."""


@dataclass
class _Open:
    """An element that is being walked: what is left of it, its state, and what to do when it ends."""

    children: Iterator[Element | str]
    state: _State
    at_end: list[Callable[[], None]] = field(default_factory=list)
    element: Element | None = None


def _language_of(code: Element) -> str | None:
    """Return the programming language that a class of preformatted text or of the ``code`` in it names, as HTML advises."""
    named = [word for element in (code, *code.elements()) for word in element.get("class").split()]
    return next((found[1] for word in named if (found := _LANGUAGE_CLASS.match(word))), None)


class _Walker:
    """Makes the blocks of a part of a page. It keeps its own stack: pages may nest deeper than programs."""

    def __init__(self, page: HtmlPage, table_depth: int = 0) -> None:
        """Begin; ``table_depth`` is how many tables are around."""
        self._page = page
        self._table_depth = table_depth
        self._blocks: list[Block] = []
        self._later: list[Block] = []
        self._buffer = TextBuffer()
        self._state = _State()
        self._stack: list[_Open] = []
        self._before: Element | str | None = None
        self._has_marks = False

    def walk(self, root: Element, layer: LayerName = "body") -> list[Block]:
        """Return the blocks of an element's content."""
        self._state = _State(layer=layer)
        self._stack.append(_Open(iter(root.children), self._state))
        while self._stack:
            entry = self._stack[-1]
            child = next(entry.children, None)
            if child is None:
                self._stack.pop()
                for step in reversed(entry.at_end):
                    step()
                self._state = self._stack[-1].state if self._stack else _State(layer=layer)
                self._before = entry.element
            elif isinstance(child, str):
                self._buffer.add(child, self._state.style, keep_white=self._state.pre)
                self._before = child
            else:
                self._open(child)
        self._flush()
        return with_answered_marks(self._blocks) if self._has_marks else self._blocks

    # --- elements -----------------------------------------------------------------------------------------------------

    def _open(self, element: Element) -> None:
        """Begin an element, or read it whole."""
        before, self._before = self._before, element
        if element.tag in _SKIPPED:
            self._read_tex(element)
            return
        style = declarations(element.get("style"))
        if self._state.layer != "hidden" and is_hidden(element, style, self._page.rules):
            if not _is_double(element):
                self._begin_hidden(element)
            return
        if isinstance(before, Element) and before.tag in _APART and element.tag in _APART:
            self._buffer.add_space()
        if not self._read_whole(element, style):
            self._descend(element, style)

    def _read_whole(self, element: Element, style: dict[str, str]) -> bool:
        """Read an element that is no container of text. Return False if it is one."""
        reader = _READERS.get(element.tag)
        if reader is not None:
            return reader(self, element, style)
        if "aria-hidden" in element.attributes and _is_double(element):
            return True
        if self._table_depth < MAX_TABLE_DEPTH and is_table(element):
            return self._read_table(element)
        if element.tag == "span" and "math" in element.get("class").split() and not any(element.elements()):
            self._add_formula(clean_tex(element.text()), "display" in element.get("class").split())
            return True
        return False

    def _descend(self, element: Element, style: dict[str, str]) -> None:
        """Walk the content of an element, in its own block if it begins one."""
        look = styled(element, style, self._state.style, self._page)
        if element.tag == "a" and (name := _note_of_mark(element)):
            look, self._has_marks = Style(note=name), True
        state = self._state._replace(style=look)
        is_block = element.tag in _BLOCKS or element.get("role") in {"heading", "listitem", "row", "cell"}
        display = style.get("display", "")
        if display.startswith(("block", "flex", "grid", "list-item", "table")):
            is_block = True
        elif display == "inline" and element.tag not in {"li", "pre"}:
            is_block = False
        entry = _Open(iter(element.children), state, element=element)
        if is_block:
            entry.state = self._block_state(element, style, state)
            self._end_line()
            if entry.state.layer == "notes" and state.layer == "body" and element.get("id"):
                entry.at_end.append(partial(self._name_note, len(self._blocks), element.get("id")))
            entry.at_end.append(self._end_line)
        elif element.tag in {"sup", "sub"}:
            start = len(self._buffer)
            form = raised if element.tag == "sup" else lowered
            entry.at_end.append(lambda: self._buffer.change(start, form))
        elif element.tag in _WRAPPED:
            opening, closing = _WRAPPED[element.tag]
            self._buffer.add(opening, state.style)
            entry.at_end.append(lambda: self._buffer.add(closing, state.style))
        self._push(entry)

    def _push(self, entry: _Open) -> None:
        """Walk into an element."""
        self._stack.append(entry)
        self._state = entry.state
        self._before = None

    def _block_state(self, element: Element, style: dict[str, str], state: _State) -> _State:
        """Return the state inside an element that begins a block."""
        tag, role = element.tag, element.get("role")
        notes = {*element.get("epub:type").split(), role} & _NOTE_TYPES
        if notes and state.layer == "body":
            state = state._replace(layer="notes", kind="footnote", item=None)
        if tag[0] == "h" and tag[1:].isdigit() and role not in {"presentation", "none"}:
            return state._replace(kind="heading", level=int(tag[1:]))
        if role == "heading":
            return state._replace(kind="heading", level=min(6, max(1, integer(element.get("aria-level"), 2))))
        if tag in {"ul", "ol", "menu", "dir"}:
            return state._replace(lists=(*state.lists, ListLevel(element, style)), item=None)
        if tag == "li":
            label = state.lists[-1].label(element) if state.lists else BULLET
            return state._replace(item=_Item(label, max(1, len(state.lists))))
        if tag in {"figcaption", "caption"}:
            return state._replace(kind="caption", item=None)
        if tag in _PREFORMATTED:
            return state._replace(kind="code", pre=True, language=_language_of(element))
        if style.get("white-space", "").startswith(("pre", "break-spaces")):
            return state._replace(pre=True)
        return state

    def _name_note(self, start: int, name: str) -> None:
        """Say of the blocks from a place on that they are a note."""
        self._blocks[start:] = [block.model_copy(update={"note": name}) for block in self._blocks[start:]]

    def _begin_hidden(self, element: Element) -> None:
        """Walk an element that is not shown; its blocks come after the one that it stands in."""
        buffer, blocks, later = self._buffer, self._blocks, self._later
        self._buffer, self._blocks, self._later = TextBuffer(), [], []

        def end() -> None:
            self._flush()
            hidden = self._blocks
            self._buffer, self._blocks, self._later = buffer, blocks, [*later, *hidden]
            if not self._buffer.runs:
                self._flush()

        state = _State(layer="hidden", kind="paragraph", lists=self._state.lists)
        entry = _Open(iter([]), state, [end])
        self._push(entry)
        style = declarations(element.get("style"))
        style.pop("display", None)
        if not self._read_whole(element, style):
            self._descend(element, style)

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _end_line(self) -> None:
        """End the block; preformatted text goes on in the next line."""
        if not self._stack or not self._stack[-1].state.pre:
            self._flush()
        elif self._buffer.runs and self._buffer.last != "\n":
            self._buffer.break_line()

    def _flush(self) -> None:
        """End the block that is being read."""
        if not self._buffer.runs:
            if self._later:
                self._blocks += self._later
                self._later = []
            return
        state = self._state
        runs, images = self._buffer.take(keep_white=state.pre)
        if runs and text_of(runs).strip():
            self._put(runs, state)
        for image in images:
            self._put_figure(image, state.layer)
        self._blocks += self._later
        self._later = []

    def _put(self, runs: list[Run], state: _State) -> None:
        """Add a block of text."""
        item, kind, level = state.item, state.kind, state.level
        if kind == "code":
            text = text_of(runs).strip("\n")
            self._blocks.append(Block(kind="code", layer=state.layer, text=text, language=state.language))
            return
        if kind == "heading":
            runs = [run._replace(text=run.text.replace("\n", " ")) for run in runs]
        if item is not None and kind in {"paragraph", "footnote"}:
            if item.block is not None and self._blocks and self._blocks[-1] is item.block:
                joined = [*runs_of(item.block.text, item.block.spans), Run("\n"), *runs]
                item.block = self._blocks[-1] = _block(item.block.kind, joined, item.block.layer, item.depth)
                return
            if item.block is None:
                kind, level = ("list_item", item.depth) if kind == "paragraph" else (kind, None)
                runs = [Run(item.label), *runs]
                item.block = _block(kind, runs, state.layer, level)
                self._blocks.append(item.block)
                return
        elif item is not None and item.block is None and item.label != BULLET:
            runs, item.label = [Run(item.label), *runs], ""
        self._blocks.append(_block(kind, runs, state.layer, level))

    def _put_figure(self, image: BufferedImage, layer: LayerName) -> None:
        """Add a figure; one that is neither in the file nor has a text is only counted."""
        if image.address is None and not image.text:
            return
        self._blocks.append(Block(kind="figure", layer=layer, text=image.text, picture=image.address))

    def _add_formula(self, latex: str, display: bool) -> None:
        """Add a formula: a block of its own, or in the text."""
        if not latex:
            return
        if display:
            self._flush()
            self._blocks.append(Block(kind="formula", layer=self._state.layer, text=f"$${latex}$$"))
        else:
            self._buffer.add(f"${latex}$", self._state.style)

    # --- elements that are read whole ---------------------------------------------------------------------------------

    def _read_break(self, element: Element, style: dict[str, str]) -> bool:
        """Read a line break."""
        del element, style
        if self._buffer.last == "\n" and not self._state.pre and self._state.kind != "heading":
            self._flush()  # an empty line parts paragraphs
        elif self._buffer.runs:
            self._buffer.break_line()
        return True

    def _read_rule(self, element: Element, style: dict[str, str]) -> bool:
        """Read a line across the page, which ends a block."""
        del element, style
        self._end_line()
        return True

    def _read_nothing(self, element: Element, style: dict[str, str]) -> bool:
        """Leave out an element that shows nothing."""
        del element, style
        return True

    def _read_math(self, element: Element, style: dict[str, str]) -> bool:
        """Read a formula."""
        del style
        self._add_formula(latex_of(element), element.get("display") == "block" or element.get("mode") == "display")
        return True

    def _read_tex(self, element: Element) -> None:
        """Read a formula that the page keeps as LaTeX for a script."""
        kind = element.get("type").lower()
        if element.tag == "script" and kind.startswith("math/tex"):
            self._add_formula(clean_tex(element.text()), "mode=display" in kind)

    def _read_image(self, element: Element, style: dict[str, str]) -> bool:
        """Read an image: a figure, or the text in its place."""
        text = " ".join(element.get("alt").split())
        if element.get("class").split() and _TEX_CLASSES & {*element.get("class").split()} and text:
            self._add_formula(clean_tex(text), any("display" in name for name in element.get("class").split()))
            return True
        address = self._page.image(element.get("src")) or self._page.image(element.get("data-src"))
        text = text or words_in(element.get("src"))
        if is_tracker(element, style) and not text:
            return True
        if address is None and not text:
            self._page.wordless_images += "alt" not in element.attributes and self._state.layer != "hidden"
            return True
        self._buffer.add_image(text or " ".join(element.get("title").split()), address, self._state.style)
        return True

    def _read_drawing(self, element: Element, style: dict[str, str]) -> bool:
        """Read a drawing: the images in it, and its words or its title."""
        del style
        images = [inner for inner in element.walk() if inner.tag == "image"]
        found = [self._page.image(inner.get("xlink:href") or inner.get("href")) for inner in images]
        words = drawing_text(element)
        for address in filter(None, found):  # covers of books are drawings of one image
            self._buffer.add_image(words, address, self._state.style)
            words = ""
        if words:
            self._buffer.add_image(words, None, self._state.style)
        return True

    def _read_input(self, element: Element, style: dict[str, str]) -> bool:
        """Read what a field of a form holds."""
        del style
        kind = element.get("type").lower() or "text"
        if kind in {"checkbox", "radio"}:
            self._buffer.add("☒ " if "checked" in element.attributes else "☐ ", self._state.style)
        elif kind == "image":
            self._buffer.add(f" {element.get('alt')} ", self._state.style)
        elif kind not in _NO_VALUE and element.get("value"):
            self._buffer.add(f" {element.get('value')} ", self._state.style)
        return True

    def _read_choice(self, element: Element, style: dict[str, str]) -> bool:
        """Read the chosen options of a list: the first one, if none is chosen and only one is shown."""
        del style
        options = [option for option in element.walk() if option.tag == "option"]
        chosen = [option for option in options if "selected" in option.attributes]
        if not chosen and "multiple" not in element.attributes and integer(element.get("size"), 1) < 2:
            chosen = options[:1]
        names = [" ".join((option.text() or option.get("label")).split()) for option in chosen]
        self._buffer.add(f" {', '.join(filter(None, names))} ", self._state.style)
        return True

    def _read_text_field(self, element: Element, style: dict[str, str]) -> bool:
        """Read the lines of a field of a form."""
        del style
        text = element.text().strip("\n")
        if text.strip():
            self._buffer.add(text, self._state.style, keep_white=True)
        return True

    def _read_frame(self, element: Element, style: dict[str, str]) -> bool:
        """Read the page in a frame, if the document holds it."""
        del style
        page = self._page.frame(element)
        if page is not None:
            self._end_line()
            self._push(_Open(iter(page.children), self._state, [self._flush]))
        return True

    def _read_raw_page(self, element: Element, style: dict[str, str]) -> bool:
        """Read what a page without frames shows: browsers keep it as text."""
        del style
        self._end_line()
        self._push(_Open(iter(parse_html(element.text()).root.children), self._state, [self._flush]))
        return True

    # --- tables -------------------------------------------------------------------------------------------------------

    def _read_table(self, element: Element) -> bool:
        """Read a table with data. Return False for one that only places things."""
        grid = grid_of(element, lambda found: is_hidden(found, declarations(found.get("style")), self._page.rules))
        if not grid.cells or is_layout(element, grid):
            return False
        self._flush()
        layer = self._state.layer
        for caption in captions_of(element):
            self._blocks += [
                block.model_copy(update={"kind": "caption"}) if block.kind == "paragraph" else block
                for block in self._inner(caption, layer)
            ]
        table, figures = self._table_of(grid, layer)
        if any(cell.text for cell in table.cells):
            self._blocks.append(Block(kind="table", layer=layer, table=table))
        self._blocks += figures
        for hidden in grid.hidden:
            self._blocks += self._inner(hidden, "hidden")
        return True

    def _table_of(self, grid: Grid, layer: LayerName) -> tuple[Table, list[Block]]:
        """Return the table of a grid, and the figures in its cells that the file has images of, and hidden blocks."""
        cells, beside = [], []
        for found in grid.cells:
            if (text := _plain_text_of(found.element)) is not None:
                cells.append(_make_cell(found, text, []))
                continue
            blocks = self._inner(found.element, layer)
            cells.append(_cell_of(found, [block for block in blocks if block.layer == layer]))
            beside += [block for block in blocks if block.layer != layer or block.picture is not None]
        return Table(rows=grid.rows, columns=grid.columns, cells=cells), beside

    def _inner(self, element: Element, layer: LayerName) -> list[Block]:
        """Return the blocks inside an element of a table."""
        return _Walker(self._page, self._table_depth + 1).walk(element, layer)


_READERS: dict[str, Callable[[_Walker, Element, dict[str, str]], bool]] = {
    "br": _Walker._read_break,
    "hr": _Walker._read_rule,
    "wbr": _Walker._read_nothing,
    "math": _Walker._read_math,
    "img": _Walker._read_image,
    "image": _Walker._read_image,
    "svg": _Walker._read_drawing,
    "input": _Walker._read_input,
    "select": _Walker._read_choice,
    "textarea": _Walker._read_text_field,
    "iframe": _Walker._read_frame,
    "frame": _Walker._read_frame,
    "noframes": _Walker._read_raw_page,
}
_WRAPPED = {"q": ("“", "”"), "rt": ("(", ")")}
"""What browsers show around an element; a reading stands in brackets behind its base."""


def _cell_of(found: GridCell, blocks: list[Block]) -> Cell:
    """Return a cell whose blocks are lines of it."""
    runs: list[Run] = []
    for block in blocks:
        lines = _rows_as_lines(block.table) if block.table is not None else runs_of(block.text, block.spans)
        if lines:
            runs += [Run("\n"), *lines] if runs else lines
    text, spans = text_of(runs), spans_of(runs)
    return _make_cell(found, text, tidy_spans(text, spans) if spans else [])


def _plain_text_of(cell: Element) -> str | None:
    """Return the text of a cell without elements inside, as a walk would find it: most are so. None if there are any."""
    match cell.children:
        case []:
            return ""
        case [str(text)]:
            return shown_text(text)
    return None


def _make_cell(found: GridCell, text: str, spans: list[Span]) -> Cell:
    """Return a cell with this text."""
    return Cell(
        row=found.row, column=found.column, row_span=found.row_span, column_span=found.column_span, header=found.header,
        text=text, spans=spans,
    )  # fmt: skip


def _rows_as_lines(table: Table) -> list[Run]:
    """Return a table inside a cell as lines, its cells parted by bars."""
    rows: dict[int, list[str]] = {}
    for cell in table.cells:
        rows.setdefault(cell.row, []).append(" ".join(cell.text.split()))
    return [Run("\n".join(" | ".join(texts) for _, texts in sorted(rows.items())))]


def _block(kind: BlockKind, runs: Iterable[Run], layer: LayerName, level: int | None) -> Block:
    """Return a block of text with its emphasis and links."""
    kept = list(runs)
    text, spans = text_of(kept), spans_of(kept)
    return Block(kind=kind, layer=layer, text=text, spans=tidy_spans(text, spans) if spans else [], level=level)


def _note_of_mark(element: Element) -> str | None:
    """Return the id of the note that a link is the mark of; None for any other link."""
    target = element.get("href")
    is_mark = bool({*element.get("epub:type").split(), element.get("role")} & _NOTE_REFERENCES)
    return target[1:] if is_mark and target.startswith("#") and target != "#" else None


def _is_double(element: Element) -> bool:
    """Return whether a hidden element only repeats a formula that stands beside it.

    Programs write a formula twice: as MathML and as what a browser without it shows.
    """
    classes = element.get("class")
    return "katex-html" in classes or "mwe-math-mathml" in classes or "mjx-assistive" in classes or "MathJax_Preview" in classes
