"""Set a draft with ReportLab's canvas. Lines, columns and pages are broken here, so every place is known.

A block becomes a list of strips as wide as its column: lines of text, rows of a table. Strips are put one below the other
into columns and pages. A word's box is that of its ink, as FreeType measures it in the font's outlines; the standard fonts,
which no file holds, are measured in Liberation, which was made to their metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from benchmarks.drawn import fonts
from benchmarks.drawn.draft import Beside, Columns, Draft, Gap, Node, Style
from benchmarks.drawn.truth import Block, Cell, Kind, Run, WordBox

STANDARD = {
    "times": ("Times-Roman", "Times-Bold", "Times-Italic", "Times-BoldItalic"),
    "helvetica": ("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique"),
}
"""Fonts that every PDF viewer has: Latin letters of western Europe only."""
LOOKS_LIKE = {
    name: f"Liberation{family}-{weight}.ttf"
    for family, names in (("Serif", STANDARD["times"]), ("Sans", STANDARD["helvetica"]))
    for name, weight in zip(names, ("Regular", "Bold", "Italic", "BoldItalic"), strict=True)
}
"""The font file with the same shapes."""
_FILES: dict[str, Path] = {}
"""Files of the fonts that ReportLab knows by name."""
WESTERN = frozenset({"en", "de", "fr", "es", "it", "nl"})
LANGUAGES = frozenset({*WESTERN, "pl", "cs", "ru", "el"})
"""What ReportLab sets right without a shaper."""

Draw = Callable[["Sheet", float, float], None]


@dataclass
class Strip:
    """A piece that is never cut: a line or a row. ``gap`` is white above it except at the top of a column."""

    height: float
    draw: Draw
    gap: float = 0.0
    keep: bool = False
    repeat: list[Strip] = field(default_factory=list)


def missing() -> str:
    """Return why this typesetter cannot be used here; never, since the tests need ReportLab anyway."""
    return ""


def set_draft(draft: Draft) -> tuple[bytes, int]:
    """Set the draft, write the places of words into its blocks, and return the PDF and its number of pages."""
    sheet = Sheet(draft)
    sheet.fill(draft.nodes)
    return sheet.close()


class Sheet:
    """The page under way, and a pen that remembers where each word was painted."""

    def __init__(self, draft: Draft) -> None:
        self.draft, self.style = draft, draft.style
        self.width, self.height = draft.style.paper
        top, right, bottom, left = draft.style.margins
        self.left, self.right = left, self.width - right
        self.top, self.bottom = top, self.height - bottom
        self._out = BytesIO()
        self.canvas = Canvas(self._out, pagesize=draft.style.paper, invariant=True)
        self.page, self.y = 0, self.top
        self.composer = Composer(draft)
        self.new_page()

    def close(self) -> tuple[bytes, int]:
        self._end_page()
        self.canvas.save()
        return self._out.getvalue(), self.page

    def new_page(self) -> None:
        if self.page:
            self._end_page()
            self.canvas.showPage()
        self.page, self.y = self.page + 1, self.top
        if self.style.background:
            self.box(0, 0, self.width, self.height, fill=self.style.background)
        if self.draft.watermark:
            self._draw_watermark()
        if self.draft.line_numbers:
            self._draw_line_numbers()

    def _end_page(self) -> None:
        small = 0.82 * self.style.size
        font = font_name(self.style.family, self.draft.language)
        for text, y in ((self.draft.head, self.top - 2.2 * small), (self.draft.foot, self.bottom + 2.6 * small)):
            if text:
                left, _, right = text.replace("{page}", str(self.page)).partition("\t")
                self.text(None, self.left, y, left, font, small)
                self.text(None, self.right - pdfmetrics.stringWidth(right, font, small), y, right, font, small)
        if self.draft.margin_note:
            self.turned(self.right + 0.45 * (self.width - self.right), self.height / 2, 90, self.draft.margin_note, font, small)
        if self.page == 1:
            self._draw_hidden(font)

    def _draw_hidden(self, font: str) -> None:
        """Draw what no reader of the page sees."""
        for number, text in enumerate(self.draft.hidden):
            y = self.bottom - 14 * number
            match self.draft.hidden_how:
                case "white":
                    self.text(None, self.left, y, text, font, 8, colour=self.style.background or "#ffffff")
                case "outside":
                    self.text(None, self.left, -30 - 12 * number, text, font, 8)
                case "covered":
                    self.text(None, self.left, y, text, font, 8)
                    end = self.left + pdfmetrics.stringWidth(text, font, 8)
                    self.box(self.left - 2, y - 9, end + 2, y + 3, fill=self.style.background or "#ffffff")
                case "invisible":
                    pen = self.canvas.beginText(self.left, self.height - y)
                    pen.setFont(font, 8)
                    pen.setTextRenderMode(3)
                    pen.textOut(text)
                    pen.setTextRenderMode(0)
                    self.canvas.drawText(pen)

    def _draw_watermark(self) -> None:
        font = font_name("helvetica", "en", bold=True)
        size = 0.9 * self.width / max(4, len(self.draft.watermark)) * 1.3
        self.turned(
            self.width / 2,
            self.height / 2,
            self.draft.watermark_angle,
            self.draft.watermark,
            font,
            size,
            "#dddddd",
            centred=True,
        )

    def _draw_line_numbers(self) -> None:
        """Draw the numbers of lines that pleading paper has, and its rules."""
        count = 28
        step = (self.bottom - self.top) / count
        for number in range(1, count + 1):
            text = str(number)
            x = self.left - 22 - pdfmetrics.stringWidth(text, "Times-Roman", 10)
            self.text(None, x, self.top + (number - 0.25) * step, text, "Times-Roman", 10)
        for x in (self.left - 12, self.left - 9, self.right + 8):
            self.line(x, 0, x, self.height, 0.7)

    # --- the pen; y is from the top of the page throughout ---

    def text(
        self, block: Block | None, x: float, y: float, text: str, font: str, size: float, colour: str = "", spread: float = 0.0
    ) -> float:
        """Paint a string whose baseline is at y; ``spread`` widens its spaces. Return where it ends."""
        pen = self.canvas.beginText(x, self.height - y)
        pen.setFont(font, size)
        pen.setFillColor(HexColor(colour or self.style.ink))
        if spread:
            # Wide characters have no word spacing in PDF: each word is put in its place.
            for start, word in _words_at(text, font, size, spread):
                pen.setTextOrigin(x + start, self.height - y)
                pen.textOut(word)
        else:
            pen.textOut(text)
        self.canvas.drawText(pen)
        if block is not None:
            self._note(block, x, y, text, font, size, spread)
        return x + pdfmetrics.stringWidth(text, font, size) + spread * text.count(" ")

    def _note(self, block: Block, x: float, y: float, text: str, font: str, size: float, spread: float) -> None:
        for start, word in _words_at(text, font, size, spread):
            block.words.append(_word_box(word, self.page, x + start, y, font, size))

    def turned(
        self, x: float, y: float, angle: float, text: str, font: str, size: float, colour: str = "", *, centred: bool = False
    ) -> None:
        """Paint a string turned counter-clockwise around a point; its boxes are not noted."""
        self.canvas.saveState()
        self.canvas.translate(x, self.height - y)
        self.canvas.rotate(angle)
        self.canvas.setFont(font, size)
        self.canvas.setFillColor(HexColor(colour or self.style.ink))
        (self.canvas.drawCentredString if centred else self.canvas.drawString)(0, 0, text)
        self.canvas.restoreState()

    def line(
        self, x0: float, y0: float, x1: float, y1: float, width: float = 0.6, *, colour: str = "", dots: bool = False
    ) -> None:
        self.canvas.setLineWidth(width)
        self.canvas.setStrokeColor(HexColor(colour or self.style.ink))
        self.canvas.setDash([1, 2] if dots else [])
        self.canvas.line(x0, self.height - y0, x1, self.height - y1)
        self.canvas.setDash([])

    def box(self, x0: float, y0: float, x1: float, y1: float, *, fill: str = "", stroke: float = 0.0, colour: str = "") -> None:
        if fill:
            self.canvas.setFillColor(HexColor(fill))
        self.canvas.setStrokeColor(HexColor(colour or self.style.ink))
        self.canvas.setLineWidth(stroke or 0.5)
        self.canvas.rect(x0, self.height - y1, x1 - x0, y1 - y0, fill=bool(fill), stroke=bool(stroke))

    # --- the flow ---

    def fill(self, nodes: Sequence[Node]) -> None:
        """Put nodes below each other, over as many pages as it takes."""
        for node in nodes:
            match node:
                case Columns():
                    self._fill_columns(node)
                case Gap(page=True):
                    self.new_page()
                case _:
                    self._fill_one(self.composer.strips(node, self.right - self.left))

    def _fill_one(self, strips: list[Strip]) -> None:
        for number, strip in enumerate(strips):
            need = _chain_height(strips, number)
            if self.y > self.top and self.y + strip.gap + need > self.bottom:
                self.new_page()
                self._repeat(strip, self.left)
            self.y = _put(self, strip, self.left, self.y, self.top)

    def _repeat(self, strip: Strip, x: float) -> None:
        for one in strip.repeat:
            one.draw(self, x, self.y)
            self.y += one.height

    def _fill_columns(self, node: Columns) -> None:
        width = (self.right - self.left - node.gap * (node.count - 1)) / node.count
        rest = [strip for child in node.blocks for strip in self.composer.strips(child, width)]
        while rest:
            room = self.bottom - self.y
            if room < 6 * self.style.size:
                self.new_page()
                continue
            total = sum(strip.gap + strip.height for strip in rest)
            height = min(room, total / node.count + 2.5 * self.style.size)
            rest = self._fill_page_of_columns(node, rest, width, height)
            if rest:
                self.new_page()

    def _fill_page_of_columns(self, node: Columns, strips: list[Strip], width: float, height: float) -> list[Strip]:
        top, lowest = self.y, self.y
        for column in range(node.count):
            x, y = self.left + column * (width + node.gap), top
            bottom = self.bottom if column == node.count - 1 and height < self.bottom - top else top + height
            while strips and (y == top or y + strips[0].gap + _chain_height(strips, 0) <= bottom):
                y = _put(self, strips.pop(0), x, y, top)
            lowest = max(lowest, y)
        if node.rule:
            for column in range(1, node.count):
                x = self.left + column * (width + node.gap) - node.gap / 2
                self.line(x, top, x, lowest, 0.5)
        self.y = lowest
        return strips


def _put(sheet: Sheet, strip: Strip, x: float, y: float, top: float) -> float:
    """Draw a strip below y and return where it ends."""
    y += strip.gap if y > top else 0.0
    strip.draw(sheet, x, y)
    return y + strip.height


def _chain_height(strips: Sequence[Strip], first: int) -> float:
    """Return the height of a strip with those that must stay with it."""
    height = strips[first].height
    while strips[first].keep and first + 1 < len(strips):
        first += 1
        height += strips[first].gap + strips[first].height
    return height


def _words_at(text: str, font: str, size: float, spread: float) -> Iterator[tuple[float, str]]:
    """Yield the words of a string with where they begin."""
    place = 0
    for word in text.split(" "):
        if word:
            yield pdfmetrics.stringWidth(text[:place], font, size) + spread * text[:place].count(" "), word
        place += len(word) + 1


def _word_box(word: str, page: int, x: float, y: float, font: str, size: float) -> WordBox:
    """Return a word with the box of its ink; of its metrics if no font file tells the ink."""
    if path := _FILES.get(font) or fonts.find(LOOKS_LIKE.get(font, "")):
        left, top, right, bottom = (size * edge for edge in fonts.ink(path, word))
    else:
        ascent, descent = pdfmetrics.getAscentDescent(font, size)
        left, top, right, bottom = 0.0, -ascent, pdfmetrics.stringWidth(word, font, size), -descent
    return WordBox(word, page, *(round(edge, 2) for edge in (x + left, y + top, x + right, y + bottom)))


def font_name(family: str, language: str, *, bold: bool = False, italic: bool = False) -> str:
    """Return the name under which ReportLab knows a font, registering its file first."""
    if family in STANDARD and language in WESTERN:
        return STANDARD[family][2 * italic + bold]
    family = {"times": "serif", "helvetica": "sans"}.get(family, family)
    path = fonts.family_file(family, bold=bold, italic=italic)
    if path is None:
        return STANDARD["helvetica"][2 * italic + bold]
    if path.stem not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(path.stem, path))
        _FILES[path.stem] = path
    return path.stem


@dataclass(frozen=True)
class Type:
    """Font family, size in points, line height in points, weight and colour of a block."""

    family: str
    size: float
    leading: float
    bold: bool = False
    italic: bool = False
    colour: str = ""


PLAIN = Run("")
Piece = tuple[str, str, float, Run]
"""A word with its font, its size, and the run it is from."""


class Composer:
    """Makes strips of blocks."""

    def __init__(self, draft: Draft) -> None:
        self.draft, self.style = draft, draft.style

    def strips(self, node: Node, width: float) -> list[Strip]:
        """Return a node as strips of this width in points."""
        match node:
            case Gap():
                return [Strip(node.points, _rule(width, node.points) if node.rule else lambda *_: None)]
            case Beside():
                return [self._beside(node, width)]
            case Columns():
                raise ValueError("columns stand in the flow only")
        match node.kind:
            case Kind.TABLE:
                return TableComposer(self, node, width).strips()
            case Kind.FIGURE:
                return [self._figure(node, width)]
            case Kind.CHECKBOX:
                return self._checkbox(node, width)
            case Kind.PAIR:
                return self._pair(node, width)
            case Kind.CONTENTS:
                return [self._contents(node, width)]
            case Kind.ITEM | Kind.CLAUSE | Kind.FOOTNOTE:
                return self._item(node, width)
            case Kind.CODE:
                return self._code(node, width)
        return self._paragraph(node, width)

    def type_of(self, block: Block) -> Type:
        """Return the type of a block: its kind's, changed by its own look."""
        style, look = self.style, block.look
        size, family, bold, colour = style.size, style.family, False, ""
        if block.kind is Kind.HEADING:
            size *= style.heading_scale[min(block.level, 3) - 1]
            family, bold, colour = style.heading_family, style.heading_bold, style.heading_colour
        elif block.kind in {Kind.FOOTNOTE, Kind.CAPTION}:
            size *= 0.85
        size *= look.get("scale", 1.0)
        leading = look.get("leading", 1.2 if block.kind is Kind.HEADING else style.leading)
        return Type(
            look.get("family", family), size, size * leading,
            look.get("bold", bold), look.get("italic", block.kind is Kind.CAPTION and style.indent == 0),
            look.get("colour", colour),
        )  # fmt: skip

    def font(self, kind: Type, run: Run = PLAIN) -> str:
        return font_name(kind.family, self.draft.language, bold=kind.bold or run.bold, italic=kind.italic or run.italic)

    def wrap(self, runs: Sequence[Run], kind: Type, width: float, first: float = 0.0) -> list[list[Piece]]:
        """Break runs into lines of pieces; ``first`` is taken from the width of the first line."""
        lines: list[list[Piece]] = [[]]
        room = width - first
        for piece in self._pieces(runs, kind):
            text, font, size, _ = piece
            if text == "\n":
                lines.append([])
                room = width
                continue
            wide = pdfmetrics.stringWidth(text.rstrip(" "), font, size)
            if lines[-1] and wide > room + 0.01 and not piece[3].raised:
                lines.append([])
                room = width
            lines[-1].append(piece)
            room -= pdfmetrics.stringWidth(text, font, size)
        return lines

    def _pieces(self, runs: Sequence[Run], kind: Type) -> Iterator[Piece]:
        for run in runs:
            font, size = self.font(kind, run), kind.size * (0.62 if run.raised else 1.0)
            for number, line in enumerate(run.text.split("\n")):
                if number:
                    yield "\n", font, size, run
                start = 0
                while start < len(line):
                    end = line.find(" ", start)
                    end = len(line) if end < 0 else end + 1
                    yield line[start:end], font, size, run
                    start = end

    def line_strip(
        self, block: Block, line: list[Piece], kind: Type, width: float, *, left: float = 0.0, last: bool = True
    ) -> Strip:
        """Return one line as a strip: aligned as the block says."""
        align = block.look.get("align", self.style.align if block.kind is Kind.PARAGRAPH else "left")

        def draw(sheet: Sheet, x: float, y: float) -> None:
            natural = sum(pdfmetrics.stringWidth(t, f, s) for t, f, s, _ in line)
            natural -= _trailing(line)
            spaces = sum(t.count(" ") for t, _, _, _ in line) - (line[-1][0].endswith(" ") if line else 0)
            slack = width - left - natural
            spread = slack / spaces if align == "justify" and not last and spaces and slack < 0.35 * width else 0.0
            at = x + left + {"center": slack / 2, "right": slack}.get(align, 0.0)
            self._draw_line(sheet, block, line, kind, at, y + 0.5 * kind.leading + 0.32 * kind.size, spread)

        return Strip(kind.leading, draw)

    def _draw_line(self, sheet: Sheet, block: Block, line: list[Piece], kind: Type, x: float, y: float, spread: float) -> None:
        for font, size, run, text in _joined(line):
            base = y - 0.36 * kind.size if run.raised else y
            end = sheet.text(block, x, base, text, font, size, kind.colour, spread)
            if self.draft.painted_twice and (kind.bold or run.bold):
                sheet.text(None, x + 0.25, base, text, font, size, kind.colour, spread)
            if run.struck:
                sheet.line(x, y - 0.28 * size, end - _trailing([(text, font, size, run)]), y - 0.28 * size, 0.06 * size)
            x = end

    def _paragraph(self, block: Block, width: float) -> list[Strip]:
        kind = self.type_of(block)
        if block.look.get("picture"):
            return [self._picture(block, kind, width)]
        if block.look.get("drop_cap"):
            return self._drop_cap(block, kind, width)
        indent = self.style.indent if block.kind is Kind.PARAGRAPH and block.look.get("indent", True) else 0.0
        indent = 0.0 if block.look.get("align") in {"center", "right"} else indent
        far = block.look.get("left", 0.0)
        lines = self.wrap(block.runs, kind, width - far, indent)
        strips = [
            self.line_strip(
                block, line, kind, width, left=far + (indent if number == 0 else 0.0), last=number == len(lines) - 1 or not line
            )
            for number, line in enumerate(lines)
        ]
        strips[0].gap = self._gap_above(block, kind)
        if block.kind is Kind.HEADING:
            for strip in strips:
                strip.keep = True
        elif len(strips) > 2:
            strips[0].keep = strips[-2].keep = True
        return strips

    def _picture(self, block: Block, kind: Type, width: float) -> Strip:
        """Set a paragraph as a picture of itself, as a pasted screenshot is: no text layer holds its words."""
        lines = ["".join(piece[0] for piece in line) for line in self.wrap(block.runs, kind, width - 12)]
        picture = fonts.picture_of(lines, kind.size, kind.leading, width)
        height = picture.height * width / picture.width

        def draw(sheet: Sheet, x: float, y: float) -> None:
            sheet.canvas.drawImage(ImageReader(picture), x, sheet.height - y - height, width, height)

        return Strip(height, draw, gap=0.8 * kind.size)

    def _drop_cap(self, block: Block, kind: Type, width: float) -> list[Strip]:
        """Set a paragraph whose first letter is as high as two or three lines."""
        depth = int(block.look["drop_cap"])
        size = kind.leading * (depth - 1) / 0.70 + kind.size
        font, letter, rest = self.font(kind), block.text[0], block.text[1:]
        taken = pdfmetrics.stringWidth(letter, font, size) + 0.25 * kind.size
        beside = self.wrap([Run(rest)], kind, width - taken)[:depth]
        used = "".join(piece[0] for line in beside for piece in line)
        below = self.wrap([Run(rest[len(used) :])], kind, width) if rest[len(used) :] else []
        strips = [self.line_strip(block, line, kind, width, left=taken, last=False) for line in beside]
        strips += [self.line_strip(block, line, kind, width, last=n == len(below) - 1) for n, line in enumerate(below)]
        first = strips[0].draw

        def draw(sheet: Sheet, x: float, y: float) -> None:
            base = y + (depth - 0.5) * kind.leading + 0.32 * kind.size
            sheet.text(None, x, base, letter, font, size, self.style.accent)
            first(sheet, x, y)

        strips[0].draw = draw
        strips[0].gap = self._gap_above(block, kind)
        for strip in strips[:depth]:
            strip.keep = True
        return strips

    def _gap_above(self, block: Block, kind: Type) -> float:
        if "gap" in block.look:
            return float(block.look["gap"])
        if block.kind is Kind.HEADING:
            return (0.9 if block.level > 1 else 0.7) * kind.size
        return self.style.paragraph_gap * kind.size

    def _item(self, block: Block, width: float) -> list[Strip]:
        kind = self.type_of(block)
        font = self.font(kind)
        step = block.look.get("hang", 1.6 * kind.size)
        left = step * (block.level - 1)
        mark = block.marker
        wide = pdfmetrics.stringWidth(mark, font, kind.size)
        hang = left + max(step, wide + 0.5 * kind.size)
        lines = self.wrap(block.runs, kind, width - hang)
        strips = [self.line_strip(block, line, kind, width, left=hang) for line in lines]
        first = strips[0].draw
        raised = block.kind is Kind.FOOTNOTE

        def draw(sheet: Sheet, x: float, y: float) -> None:
            base = y + 0.5 * kind.leading + 0.32 * kind.size
            size = 0.7 * kind.size if raised else kind.size
            sheet.text(block, x + left, base - (0.3 * kind.size if raised else 0), mark, font, size, kind.colour)
            first(sheet, x, y)

        strips[0].draw = draw
        strips[0].gap = block.look.get("gap", 0.35 * kind.size)
        return strips

    def _code(self, block: Block, width: float) -> list[Strip]:
        kind = Type("mono", 0.88 * self.style.size, 1.25 * self.style.size)
        strips = []
        lines = block.text.split("\n")
        for number, text in enumerate(lines):

            def draw(sheet: Sheet, x: float, y: float, text: str = text, number: int = number) -> None:
                sheet.box(x, y - 2 * (number == 0), x + width, y + kind.leading + 0.5, fill="#f0f0f0")
                indent = len(text) - len(text.lstrip(" "))
                font = self.font(kind)
                at = x + 6 + indent * pdfmetrics.stringWidth(" ", font, kind.size)
                sheet.text(block, at, y + 0.75 * kind.leading, text.lstrip(" "), font, kind.size)

            strips.append(Strip(kind.leading, draw, keep=number < len(lines) - 1))
        strips[0].gap = 0.8 * self.style.size
        return strips

    def _checkbox(self, block: Block, width: float) -> list[Strip]:
        """Set a drawn box, empty, crossed, ticked or filled, and its label."""
        kind = self.type_of(block)
        side = 0.85 * kind.size
        left = side + 0.6 * kind.size
        lines = self.wrap(block.runs, kind, width - left)
        strips = [self.line_strip(block, line, kind, width, left=left) for line in lines]
        first = strips[0].draw

        def draw(sheet: Sheet, x: float, y: float) -> None:
            base = y + 0.5 * kind.leading + 0.32 * kind.size
            _draw_box(sheet, block, x, base, side)
            first(sheet, x, y)

        strips[0].draw = draw
        strips[0].gap = 0.3 * kind.size
        return strips

    def _pair(self, block: Block, width: float) -> list[Strip]:
        """Set a label and its value: beside it, in a box below it, on a line, or a letter a box."""
        kind = self.type_of(block)
        how, font, bold = block.look.get("pair", "line"), self.font(kind), self.font(kind, Run("", bold=True))
        start = width * block.look.get("share", 0.38)
        label = f"{block.text}:" if block.look.get("colon") else block.text

        def draw(sheet: Sheet, x: float, y: float) -> None:
            base = y + 0.5 * kind.leading + 0.32 * kind.size
            if how == "boxed":
                sheet.box(x, y, x + width, y + 2.6 * kind.size, stroke=0.5)
                sheet.text(block, x + 3, y + kind.size, label, font, 0.72 * kind.size, "#444444")
                sheet.text(block, x + 3, y + 2.25 * kind.size, block.value, font, kind.size)
                return
            sheet.text(block, x, base, label, bold if block.look.get("bold_label") else font, kind.size)
            if how == "comb":
                _draw_comb(sheet, block, x + start, base, kind, font)
                return
            if how == "field":
                sheet.canvas.acroForm.textfield(
                    value=block.value, x=x + start, y=sheet.height - base - 3, width=width - start, height=1.5 * kind.size,
                    fontSize=0.9 * kind.size, borderWidth=0.5,
                )  # fmt: skip
                return
            if how == "right":
                sheet.text(
                    block, x + width - pdfmetrics.stringWidth(block.value, font, kind.size), base, block.value, font, kind.size
                )
                return
            sheet.text(block, x + start, base, block.value, font, kind.size)
            if how == "line":
                sheet.line(x + start - 2, base + 2.5, x + width, base + 2.5, 0.5)
            elif how == "dots":
                sheet.line(x + start - 2, base + 2.5, x + width, base + 2.5, 0.7, dots=True)

        height = {"boxed": 2.6 * kind.size, "comb": 1.8 * kind.size, "field": 1.9 * kind.size}.get(how, kind.leading)
        return [Strip(height, draw, gap=0.0 if how == "boxed" else 0.5 * kind.size)]

    def _contents(self, block: Block, width: float) -> Strip:
        kind = self.type_of(block)
        font = self.font(kind)
        left = 1.5 * kind.size * (block.level - 1)

        def draw(sheet: Sheet, x: float, y: float) -> None:
            base = y + 0.5 * kind.leading + 0.32 * kind.size
            end = sheet.text(block, x + left, base, block.text, font, kind.size)
            wide = pdfmetrics.stringWidth(block.value, font, kind.size)
            sheet.text(block, x + width - wide, base, block.value, font, kind.size)
            if leader := block.look.get("dot", "."):
                step = pdfmetrics.stringWidth(leader, font, kind.size)
                count = max(0, int((width - wide - (end - x) - 10) / step))
                sheet.text(None, x + width - wide - 6 - count * step, base, leader * count, font, kind.size)

        return Strip(kind.leading, draw, gap=0.2 * kind.size if block.level > 1 else 0.5 * kind.size)

    def _figure(self, block: Block, width: float) -> Strip:
        """Set a drawing without writing: bars of a chart."""
        wide, height = width * block.look.get("share", 0.8), block.look.get("height", 110.0)
        bars = block.look.get("bars", (0.4, 0.7, 0.5, 0.9))

        def draw(sheet: Sheet, x: float, y: float) -> None:
            x += (width - wide) / 2
            sheet.box(x, y, x + wide, y + height, fill="#eef2f6", stroke=0.4)
            step = wide / (2 * len(bars) + 1)
            for number, share in enumerate(bars):
                at = x + (2 * number + 1) * step
                sheet.box(at, y + height * (1 - 0.9 * share), at + step, y + height, fill=self.style.accent)

        return Strip(height, draw, gap=0.8 * self.style.size, keep=True)

    def _beside(self, node: Beside, width: float) -> Strip:
        room = width - node.gap * (len(node.parts) - 1)
        widths = [share * room for share in node.shares]
        inner = 5.0 if node.framed else 0.0
        columns = [
            [strip for child in part for strip in self.strips(child, wide - 2 * inner)]
            for part, wide in zip(node.parts, widths, strict=True)
        ]
        heights = [sum(s.height + s.gap * (n > 0) for n, s in enumerate(column)) for column in columns]

        def draw(sheet: Sheet, x: float, y: float) -> None:
            for column, wide in zip(columns, widths, strict=True):
                at = y + inner
                if node.framed:
                    sheet.box(x, y, x + wide, y + max(heights) + 2 * inner, stroke=0.6)
                for strip in column:
                    at = _put(sheet, strip, x + inner, at, y + inner)
                x += wide + node.gap

        return Strip(max(heights) + 2 * inner, draw, gap=0.8 * self.style.size)


def _joined(line: list[Piece]) -> Iterator[tuple[str, float, Run, str]]:
    """Yield the pieces of a line that look the same as one string."""
    start = 0
    while start < len(line):
        _, font, size, run = line[start]
        end = start
        while end < len(line) and line[end][1:] == (font, size, run):
            end += 1
        yield font, size, run, "".join(piece[0] for piece in line[start:end])
        start = end


def _trailing(line: Sequence[Piece]) -> float:
    """Return the width of the white space at the end of a line."""
    if not line:
        return 0.0
    text, font, size, _ = line[-1]
    return float(pdfmetrics.stringWidth(" " * (len(text) - len(text.rstrip(" "))), font, size))


def _rule(width: float, height: float) -> Draw:
    return lambda sheet, x, y: sheet.line(x, y + height / 2, x + width, y + height / 2, 0.8, colour=sheet.style.accent)


GLYPHS = {"cross": "\u2612", "tick": "\u2611", "filled": "\u2612"}


def _draw_box(sheet: Sheet, block: Block, x: float, base: float, side: float) -> None:
    """Draw a check box: a square, a circle, a sign of a font, brackets, or a field of the file."""
    canvas, y = sheet.canvas, sheet.height - base
    mark = block.look.get("mark", "cross")
    match block.look.get("shape", "square"):
        case "circle":
            canvas.setLineWidth(0.7)
            canvas.circle(x + side / 2, y + side / 2, side / 2, fill=0)
            if block.checked:
                canvas.setFillColor(HexColor(sheet.style.ink))
                canvas.circle(x + side / 2, y + side / 2, 0.25 * side, stroke=0, fill=1)
        case "glyph":
            font = font_name("symbols", "en")
            sheet.text(None, x, base, GLYPHS[mark] if block.checked else "\u2610", font, 1.1 * side)
        case "bracket":
            sheet.text(None, x, base, "[x]" if block.checked else "[ ]", "Courier", 0.7 * side)
        case "field":
            canvas.acroForm.checkbox(x=x, y=y, size=side, checked=bool(block.checked), borderWidth=0.7)
        case _:
            sheet.box(x, base - side, x + side, base, stroke=0.7)
            if block.checked:
                _draw_mark(sheet, mark, x, base - side, side)


def _draw_mark(sheet: Sheet, mark: str, x: float, y: float, side: float) -> None:
    if mark == "tick":
        sheet.line(x + 0.15 * side, y + 0.55 * side, x + 0.4 * side, y + 0.85 * side, 1.1)
        sheet.line(x + 0.4 * side, y + 0.85 * side, x + 0.95 * side, y + 0.05 * side, 1.1)
    elif mark == "filled":
        sheet.box(x + 0.2 * side, y + 0.2 * side, x + 0.8 * side, y + 0.8 * side, fill=sheet.style.ink)
    else:
        sheet.line(x + 0.1 * side, y + 0.1 * side, x + 0.9 * side, y + 0.9 * side, 1.0)
        sheet.line(x + 0.9 * side, y + 0.1 * side, x + 0.1 * side, y + 0.9 * side, 1.0)


def _draw_comb(sheet: Sheet, block: Block, x: float, base: float, kind: Type, font: str) -> None:
    """Draw the value a letter a box; the word's box is that of all its letters."""
    step = 1.35 * kind.size
    for number, letter in enumerate(block.value):
        sheet.box(x + number * step, base - 1.15 * kind.size, x + (number + 1) * step, base + 0.4 * kind.size, stroke=0.5)
        wide = pdfmetrics.stringWidth(letter, font, kind.size)
        sheet.text(None, x + number * step + (step - wide) / 2, base, letter, font, kind.size)
    ink = _word_box(block.value, sheet.page, x, base, font, kind.size)
    block.words.append(ink._replace(right=x + len(block.value) * step))


class TableComposer:
    """Makes strips of a table: one a row, rows that share a tall cell as one strip."""

    def __init__(self, composer: Composer, block: Block, width: float) -> None:
        self.composer, self.block, self.look = composer, block, block.table_look
        self.style: Style = composer.style
        size = self.style.size * self.look.size
        self.kind = Type(block.look.get("family", self.style.family), size, 1.22 * size, colour=block.look.get("colour", ""))
        self.width = width * self.look.share
        self.offset = {"center": (width - self.width) / 2, "right": width - self.width}.get(
            block.look.get("align", "left"), 0.0
        )
        self.rows, self.columns = block.shape
        self.edges = self._column_edges()
        self.lines = {id(cell): self._wrap(cell) for cell in block.cells}
        self.heights = self._row_heights()

    def _column_edges(self) -> list[float]:
        """Return where the columns begin and the last one ends: as wide as their texts wish, scaled to the table."""
        wishes = list(self.look.widths) or [0.0] * self.columns
        if not self.look.widths:
            for cell in self.block.cells:
                if cell.colspan == 1 and not cell.turned:
                    wishes[cell.column] = max(wishes[cell.column], min(self._wide(cell), 0.45 * self.width))
        wishes = [max(wish, 2 * self.kind.size) for wish in wishes]
        scale = self.width / sum(wishes)
        return [0.0, *(scale * sum(wishes[: n + 1]) for n in range(self.columns))]

    def _font(self, cell: Cell) -> str:
        return self.composer.font(self.kind, Run("", bold=cell.bold))

    def _wide(self, cell: Cell) -> float:
        font = self._font(cell)
        widest = max(pdfmetrics.stringWidth(line, font, self.kind.size) for line in cell.text.split("\n"))
        return float(widest) + 2 * self.look.padding + 2

    def _wrap(self, cell: Cell) -> list[list[Piece]]:
        if cell.turned or not cell.text:
            return []
        room = self.edges[cell.column + cell.colspan] - self.edges[cell.column] - 2 * self.look.padding
        return self.composer.wrap([Run(cell.text, bold=cell.bold)], self.kind, room)

    def _row_heights(self) -> list[float]:
        least = self.kind.leading + 2 * self.look.padding
        heights = [least] * self.rows
        for cell in sorted(self.block.cells, key=lambda cell: cell.rowspan):
            need = self._need(cell)
            have = sum(heights[cell.row : cell.row + cell.rowspan])
            heights[cell.row + cell.rowspan - 1] += max(0.0, need - have)
        return heights

    def _need(self, cell: Cell) -> float:
        if cell.turned:
            return float(pdfmetrics.stringWidth(cell.text, self._font(cell), self.kind.size)) + 2 * self.look.padding + 4
        return len(self.lines[id(cell)]) * self.kind.leading + 2 * self.look.padding

    def strips(self) -> list[Strip]:
        groups = list(self._groups())
        strips = [Strip(sum(self.heights[a:b]), self._drawer(a, b)) for a, b in groups]
        strips[0].gap = self.block.look.get("gap", 0.9 * self.style.size)
        heads = sum(all(c.header for c in self.block.cells if c.row == a) for a, _ in groups[:2])
        if heads and self.block.look.get("repeat", True):
            again = [Strip(sum(self.heights[a:b]), self._drawer(a, b, again=True)) for a, b in groups[:heads]]
            for strip in strips[heads:]:
                strip.repeat = again
        for strip in strips[: max(heads, 1)]:
            strip.keep = len(strips) > 1
        return strips

    def _groups(self) -> Iterator[tuple[int, int]]:
        start = 0
        while start < self.rows:
            end = start + 1
            while grown := max((c.row + c.rowspan for c in self.block.cells if start <= c.row < end), default=end):
                if grown <= end:
                    break
                end = grown
            yield start, end
            start = end

    def _drawer(self, first: int, last: int, *, again: bool = False) -> Draw:
        def draw(sheet: Sheet, x: float, y: float) -> None:
            tops = [y + sum(self.heights[first:row]) for row in range(first, last + 1)]
            cells = [cell for cell in self.block.cells if first <= cell.row < last]
            for cell in sorted(cells, key=lambda c: (c.row, c.column)):
                box = (
                    x + self.offset + self.edges[cell.column],
                    tops[cell.row - first],
                    x + self.offset + self.edges[cell.column + cell.colspan],
                    tops[cell.row + cell.rowspan - first],
                )
                self._shade(sheet, cell, box)
                self._draw_cell(sheet, None if again else self.block, cell, box)
                self._rule(sheet, cell, box)

        return draw

    def _shade(self, sheet: Sheet, cell: Cell, box: tuple[float, float, float, float]) -> None:
        shaded = (self.look.shade == "zebra" and cell.row % 2 == 1) or (self.look.shade in {"head", "zebra"} and cell.header)
        if shaded:
            sheet.box(*box, fill=self.look.shade_colour)
        elif self.look.white_boxes:
            sheet.box(*box, fill="#ffffff")

    def _draw_cell(self, sheet: Sheet, block: Block | None, cell: Cell, box: tuple[float, float, float, float]) -> None:
        x0, y0, x1, y1 = box
        pad, kind = self.look.padding, self.kind
        if cell.turned:
            sheet.turned(
                (x0 + x1) / 2 + 0.35 * kind.size, y1 - pad - 2, 90, cell.text, self._font(cell), kind.size, kind.colour
            )
            return
        lines, before = self.lines[id(cell)], len(self.block.words)
        spare = y1 - y0 - len(lines) * kind.leading - 2 * pad
        top = y0 + pad + (spare / 2 if self.block.look.get("middle") else 0.0)
        for number, line in enumerate(lines):
            natural = sum(pdfmetrics.stringWidth(t, f, s) for t, f, s, _ in line) - _trailing(line)
            slack = x1 - x0 - 2 * pad - natural
            at = x0 + pad + {"c": slack / 2, "r": slack}.get(cell.align, 0.0)
            base = top + number * kind.leading + 0.5 * kind.leading + 0.32 * kind.size
            text = "".join(piece[0] for piece in line).rstrip(" ")
            if text:
                sheet.text(block, at, base, text, line[0][1], kind.size, kind.colour)
        cell.words += self.block.words[before:]

    def _rule(self, sheet: Sheet, cell: Cell, box: tuple[float, float, float, float]) -> None:
        x0, y0, x1, y1 = box
        rules = self.look.rules
        ends = cell.row + cell.rowspan
        if rules in {"grid", "dotted"}:
            for a, b in (((x0, y0), (x1, y0)), ((x0, y1), (x1, y1)), ((x0, y0), (x0, y1)), ((x1, y0), (x1, y1))):
                sheet.line(*a, *b, 0.5, dots=rules == "dotted")
        if rules == "rows" or (rules == "head" and ends == self.rows) or (rules in {"head", "rows"} and cell.header):
            sheet.line(x0, y1, x1, y1, 0.9 if cell.header or ends == self.rows else 0.4)
        if rules in {"head", "rows", "outer"} and cell.row == 0:
            sheet.line(x0, y0, x1, y0, 0.9)
        if rules == "outer":
            if ends == self.rows:
                sheet.line(x0, y1, x1, y1, 0.9)
            if cell.column == 0:
                sheet.line(x0, y0, x0, y1, 0.9)
            if cell.column + cell.colspan == self.columns:
                sheet.line(x1, y0, x1, y1, 0.9)
