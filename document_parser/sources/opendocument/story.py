"""A sequence of OpenDocument elements as blocks: paragraphs, headings, lists, tables, drawings, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from document_parser.models import Block, BlockKind, Cell, LayerName, Table
from document_parser.sources.opendocument.charts import chart_blocks, is_chart
from document_parser.sources.opendocument.inline import Paragraph, read_paragraph
from document_parser.sources.opendocument.names import attribute, full_name, short_name, whole_number
from document_parser.sources.opendocument.numbering import Counter
from document_parser.sources.opendocument.package import Package
from document_parser.sources.opendocument.styles import LevelStyle
from document_parser.sources.xml_trees import Element
from document_parser.text.spans import Run, Style, spans_of

MAX_DEPTH = 60
"""Depth of lists, sections, boxes and tables within each other."""
MAX_COLUMNS = 4096
MAX_REPEATED_ROWS = 10_000
"""Empty rows and cells that one element may stand for."""

_FRAMES = frozenset({"text:section", "text:index-body", "text:table-of-content", "text:illustration-index", "text:table-index",
                     "text:alphabetical-index", "text:bibliography", "text:user-index", "text:object-index", "text:index-title",
                     "draw:text-box", "draw:a", "draw:g", "office:text"})  # fmt: skip


@dataclass
class Story:
    """The walk over the elements of one text. ``notes`` come after the text that they belong to."""

    package: Package
    blocks: list[Block] = field(default_factory=list)
    notes: list[Block] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    """The members of the images of figures, in the order of the figures."""
    unread: list[str] = field(default_factory=list)
    """What could not be read, in words."""
    _counters: dict[str, Counter] = field(default_factory=dict)
    _outline: Counter = field(default_factory=Counter)
    _layer: LayerName = "body"

    def read(self, elements: Iterable[Element], layer: LayerName = "body", depth: int = 0) -> None:
        """Add the blocks of elements in a layer."""
        if depth > MAX_DEPTH:
            self.unread.append("parts that lie too deep within each other")
            return
        before, self._layer = self._layer, layer
        for element in elements:
            self._read_one(element, depth)
        self._layer = before

    def end(self) -> list[Block]:
        """Return all blocks, the notes last."""
        return [*self.blocks, *self.notes]

    def _read_one(self, element: Element, depth: int) -> None:
        """Add the blocks of one element."""
        name = short_name(element)
        if name == "text:h":
            self._add_heading(element, depth)
        elif name in ("text:p", "text:numbered-paragraph"):
            self._add_paragraph(element, depth)
        elif name == "text:list":
            self._add_list(element, attribute(element, "text:style-name"), 1, depth)
        elif name == "table:table":
            self._add_table(element, depth)
        elif name == "text:tracked-changes":
            self._add_deletions(element, depth)
        elif name in ("draw:frame", "draw:custom-shape") or (name.startswith("draw:") and name not in _FRAMES):
            self._add_drawing(element, depth)
        elif name in _FRAMES:
            self.read(element, "hidden" if _is_hidden_section(element) else self._layer, depth + 1)

    def _add(self, kind: BlockKind, text: str, **more: object) -> None:
        """Add a block in the present layer."""
        if text:
            self.blocks.append(Block.model_validate({"kind": kind, "text": text, "layer": self._layer, **more}))

    def _add_heading(self, element: Element, depth: int) -> None:
        """Add a heading with its number, if the outline numbers its level."""
        level = whole_number(element, "text:outline-level")
        found = read_paragraph(element, self.package)
        label = ""
        if attribute(element, "text:is-list-header") != "true" and found.text:
            start = whole_number(element, "text:start-value", -1)
            label = self._outline.step(level, self.package.styles.outline, start if start >= 0 else None)
        self._add_text("heading", found, label, level=min(6, max(1, level)))
        self._add_anchored(found, depth)

    def _add_paragraph(self, element: Element, depth: int) -> None:
        """Add a paragraph, or a heading if its style says so."""
        paragraphs = [element]
        if short_name(element) == "text:numbered-paragraph":
            paragraphs = [child for child in element if short_name(child) in ("text:p", "text:h")]
        for paragraph in paragraphs:
            found = read_paragraph(paragraph, self.package)
            level = self.package.styles.outline_level(attribute(paragraph, "text:style-name"))
            if level:
                self._add_text("heading", found, "", level=min(6, level))
            else:
                self._add_text("paragraph", found, "")
            self._add_anchored(found, depth)

    def _add_text(self, kind: BlockKind, found: Paragraph, label: str, **more: object) -> None:
        """Add the text of a paragraph behind a label, and its hidden text in the layer of that."""
        text, spans = found.text_and_spans()
        if found.is_hidden:
            found.hidden.insert(0, text)
            text = ""
        elif kind == "paragraph" and found.formulas == 1 and len(found.runs) == 1:
            kind, text = "formula", f"${text}$"
        if text and label:
            shift = len(label) + 1
            spans = [span.model_copy(update={"start": span.start + shift, "end": span.end + shift}) for span in spans]
            text = f"{label} {text}"
        self._add(kind, text, spans=spans, **more)
        if hidden := "".join(found.hidden).strip():
            self.blocks.append(Block(kind="paragraph", text=hidden, layer="hidden"))

    def _add_anchored(self, found: Paragraph, depth: int) -> None:
        """Add what is anchored in a paragraph: drawings at once, notes at the end, comments beside."""
        for drawing in found.anchored:
            self._add_drawing(drawing, depth + 1)
        for note in found.notes:
            mark = "".join(
                text for part in note if short_name(part) == "text:note-citation" for text in part.itertext()
            ).strip()
            texts = self._texts_in(part for part in note if short_name(part) == "text:note-body")
            text = "\n".join(texts)
            name = attribute(note, "text:id") or None
            spans = spans_of([Run(mark, Style(note=name))]) if name else []
            shown = f"{mark} {text}".strip()
            self.notes.append(Block(kind="footnote", text=shown, spans=spans, layer="notes", note=name))
        for comment in found.comments:
            self.add_comment(comment)

    def add_comment(self, comment: Element) -> None:
        """Add a comment behind the name of its author."""
        author = "".join(text for part in comment if short_name(part) == "dc:creator" for text in part.itertext())
        text = "\n".join(self._texts_in([comment]))
        self.blocks.append(Block(kind="paragraph", text=f"{author}: {text}" if author else text, layer="comments"))

    def _texts_in(self, holders: Iterable[Element]) -> list[str]:
        """Return the texts of the paragraphs in elements, lists too."""
        inner = Story(self.package)
        for holder in holders:
            inner.read(holder)
        self.unread += inner.unread
        return [block.text for block in inner.end() if block.text and block.layer == "body"]

    def _add_list(self, element: Element, style: str, level: int, depth: int) -> None:
        """Add the items of a list and of the lists in it."""
        if depth > MAX_DEPTH:
            self.unread.append("lists that lie too deep within each other")
            return
        style = attribute(element, "text:style-name") or style
        counter = self._counter_of(element, style, level)
        for item in element:
            name = short_name(item)
            if name not in ("text:list-item", "text:list-header"):
                continue
            start = whole_number(item, "text:start-value", -1)
            self._add_item(
                item, style, counter, level, depth, start if start >= 0 else None, is_header=name == "text:list-header"
            )

    def _counter_of(self, element: Element, style: str, level: int) -> Counter:
        """Return the counter of a list: that of an earlier list of its style if it goes on with it."""
        goes_on = attribute(element, "text:continue-numbering") == "true" or attribute(element, "text:continue-list")
        if level > 1 or (goes_on and style in self._counters):
            return self._counters.setdefault(style, Counter())
        self._counters[style] = Counter()
        return self._counters[style]

    def _add_item(
        self, item: Element, style: str, counter: Counter, level: int, depth: int, start: int | None, *, is_header: bool
    ) -> None:
        """Add one item: its first paragraph with the label, further ones below it, lists in it one level deeper."""
        levels = self.package.styles.lists.get(style, {level: LevelStyle(is_bullet=True)})
        labelled = is_header
        for child in item:
            name = short_name(child)
            if name == "text:list":
                self._add_list(child, style, level + 1, depth + 1)
            elif name == "text:h":
                self._add_heading(child, depth)
                labelled = True
            elif name == "text:p":
                found = read_paragraph(child, self.package)
                label = "" if labelled or not found.text else counter.step(level, levels, start)
                kind: BlockKind = "paragraph" if labelled else "list_item"
                more: dict[str, object] = {} if labelled else {"level": level}
                self._add_text(kind, found, label, **more)
                labelled = labelled or bool(found.text)
                self._add_anchored(found, depth)
            else:
                self._read_one(child, depth + 1)

    def _add_deletions(self, changes: Element, depth: int) -> None:
        """Add deleted text in the layer of revisions."""
        for deletion in changes.iter(full_name("text:deletion")):
            self.read(deletion, "revisions", depth + 1)

    # --- tables -------------------------------------------------------------------------------------------------------

    def _add_table(self, element: Element, depth: int) -> None:
        """Add a table; rows and columns that are hidden come in the layer of hidden text with the rest of it."""
        rows = [*_rows_of(element, header=False)]
        cells: list[Cell] = []
        count = 0
        for row, header in rows:
            repeated = whole_number(row, "table:number-rows-repeated")
            found = self._cells_of(row, count, header=header, depth=depth)
            for _ in range(repeated if any(cell.text for cell in found) and repeated <= MAX_REPEATED_ROWS else 1):
                cells += [cell.model_copy(update={"row": count}) for cell in found]
                count += 1
        while cells and not any(cell.text for cell in cells if cell.row == count - 1):
            cells = [cell for cell in cells if cell.row < count - 1]
            count -= 1
        if any(cell.text for cell in cells):
            width = max(cell.column + cell.column_span for cell in cells)
            table = Table(rows=count, columns=width, cells=cells)
            self.blocks.append(Block(kind="table", table=table, layer=self._layer))

    def _cells_of(self, row: Element, number: int, *, header: bool, depth: int) -> list[Cell]:
        """Return the cells of a row; empty ones behind the last text are left out."""
        found: list[Cell] = []
        column = 0
        for element in row:
            name = short_name(element)
            if name not in ("table:table-cell", "table:covered-table-cell") or column >= MAX_COLUMNS:
                continue
            repeated = min(whole_number(element, "table:number-columns-repeated"), MAX_COLUMNS - column)
            if name == "table:table-cell":
                text = "\n".join(self._texts_of_cell(element, depth))
                across = whole_number(element, "table:number-columns-spanned")
                down = whole_number(element, "table:number-rows-spanned")
                copies = repeated if text or repeated < 64 else 0
                found += [
                    Cell(
                        row=number,
                        column=column + at,
                        row_span=max(1, down),
                        column_span=max(1, across),
                        text=text,
                        header=header,
                    )
                    for at in range(copies)
                ]
            column += repeated
        return found

    def _texts_of_cell(self, cell: Element, depth: int) -> Iterator[str]:
        """Yield the texts in a cell; a table in it has a line a row. Figures, notes and comments join those of the text."""
        inner = Story(self.package, _counters=self._counters, _outline=self._outline)
        inner.read(cell, "body", depth + 1)
        several = sum(block.kind == "list_item" for block in inner.blocks) > 1
        for block in inner.blocks:
            if block.layer != "body" or block.kind == "figure":
                self.blocks.append(block)
            elif block.table is not None:
                yield from _lines_of(block.table)
            else:
                marked = several and block.kind == "list_item" and not block.text[:1].isdigit()
                yield f"- {block.text}" if marked else block.text
        self.notes += inner.notes
        self.pictures += inner.pictures
        self.unread += inner.unread

    # --- drawings -----------------------------------------------------------------------------------------------------

    def _add_drawing(self, element: Element, depth: int) -> None:
        """Add the first thing in a frame that can be read, the text of a shape, or what is in a group."""
        if depth > MAX_DEPTH:
            self.unread.append("drawings that lie too deep within each other")
            return
        if short_name(element) == "draw:g":
            self.read(element, self._layer, depth + 1)
            return
        if short_name(element) == "draw:control":
            self._add("paragraph", self.package.controls.get(attribute(element, "draw:control"), ""))
            return
        described = " ".join(
            "".join(part.itertext()).strip() for part in element if short_name(part) in ("svg:title", "svg:desc")
        ).strip()
        for child in element:
            name = short_name(child)
            if name == "draw:text-box" or name == "table:table":
                self.read([child] if name == "table:table" else child, self._layer, depth + 1)
                return
            if name == "draw:object" and self._add_object(element, child, depth):
                return
            if name == "draw:image" and (member := self.package.member_of(attribute(child, "xlink:href"))):
                self.blocks.append(Block(kind="figure", text=described, picture=member, layer=self._layer))
                self.pictures.append(member)
                return
        self.read((child for child in element if not short_name(child).startswith("svg:")), self._layer, depth + 1)

    def _add_object(self, frame: Element, element: Element, depth: int) -> bool:
        """Add a formula, chart or table that is embedded; return whether it could be read. Else its picture is shown."""
        count = len(self.blocks)
        if latex := self.package.formula_of(frame):
            self._add("formula", f"$${latex}$$")
            return True
        root = self.package.embedded(attribute(element, "xlink:href"))
        if root is None:
            return False
        if is_chart(root):
            self.blocks += chart_blocks(root, self._layer)
        else:
            for table in root.iter(full_name("table:table")):
                self._add_table(table, depth + 1)
        return len(self.blocks) > count


def _is_hidden_section(element: Element) -> bool:
    """Return whether a section is not shown: always, or by a condition that holds."""
    display = attribute(element, "text:display")
    return display == "none" or (display == "condition" and attribute(element, "text:is-hidden") == "true")


def _rows_of(table: Element, *, header: bool) -> Iterator[tuple[Element, bool]]:
    """Yield the rows of a table, also those in groups, and whether they are header rows."""
    for child in table:
        name = short_name(child)
        if name == "table:table-row":
            yield child, header
        elif name in ("table:table-header-rows", "table:table-rows", "table:table-row-group"):
            yield from _rows_of(child, header=header or name == "table:table-header-rows")


def _lines_of(table: Table) -> Iterator[str]:
    """Yield a table within a cell, a line a row."""
    for number in range(table.rows):
        texts = [cell.text.replace("\n", " ") for cell in table.cells if cell.row == number]
        if any(texts):
            yield " | ".join(texts)
