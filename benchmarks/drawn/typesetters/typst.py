"""Set a draft with Typst. Every text goes in as a string, so nothing in it is mark-up. Typst does not say where the words are.

Notes are Typst's own, at the foot of the page that has their mark; paragraphs of justified text are hyphenated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pypdfium2

from benchmarks.drawn import fonts
from benchmarks.drawn.draft import Beside, Columns, Draft, Gap, Node
from benchmarks.drawn.truth import Block, Cell, Kind, Run

FAMILIES = {
    "serif": ("Libertinus Serif", "DejaVu Serif"),
    "times": ("Liberation Serif", "DejaVu Serif"),
    "sans": ("DejaVu Sans", "Liberation Sans"),
    "helvetica": ("Liberation Sans", "DejaVu Sans"),
    "narrow": ("Liberation Sans Narrow", "Liberation Sans"),
    "mono": ("DejaVu Sans Mono",),
}
"""Libertinus Serif and DejaVu Sans Mono are in Typst itself."""
FALLBACK = ("DejaVu Sans",)
RIGHT_TO_LEFT = frozenset({"ar", "he"})


def missing() -> str:
    """Return why this typesetter cannot be used here; empty if it can."""
    try:
        import typst  # noqa: F401
    except ImportError:
        return "Typst is not installed: pip install .[drawn]"
    return ""


def set_draft(draft: Draft) -> tuple[bytes, int]:
    """Set the draft and return the PDF and its number of pages."""
    import typst

    data = typst.compile(source_of(draft).encode(), font_paths=[str(folder) for folder in fonts.FOLDERS if folder.is_dir()])
    with pypdfium2.PdfDocument(data) as document:
        return data, len(document)


def source_of(draft: Draft) -> str:
    """Return the draft as a Typst file."""
    setter = _Setter(draft)
    return "\n".join([setter.preamble(), *map(setter.node, draft.nodes), *setter.hidden()])


class _Setter:
    """Writes Typst's code for the nodes of a draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft, self.style = draft, draft.style
        self.notes = {b.marker: b for b in draft.blocks() if b.kind is Kind.FOOTNOTE}

    def preamble(self) -> str:
        style, draft = self.style, self.draft
        width, height = style.paper
        top, right, bottom, left = style.margins
        # Typst counts from a line's baseline to the top of the capitals of the next.
        gap = (style.leading - 0.68) * style.size
        headings = "\n".join(
            f"#show heading.where(level: {n}): set text(size: {style.size * scale:.1f}pt, {self._font(style.heading_family)},"
            f" weight: {_string('bold' if style.heading_bold else 'regular')}, fill: rgb({_string(style.heading_colour)}))"
            for n, scale in enumerate(style.heading_scale, start=1)
        )
        background = f"fill: rgb({_string(style.background)})," if style.background else ""
        if draft.watermark:
            text = f'{1.17 * width / max(4, len(draft.watermark)):.0f}pt, fill: rgb("#dddddd"), weight: "bold"'
            turn = f"rotate(-{draft.watermark_angle:.0f}deg"
            background += f" background: {turn}, text({text}, {_string(draft.watermark)})),"
        way = "rtl" if draft.language in RIGHT_TO_LEFT else "ltr"
        numbers = '#set par.line(numbering: "1", number-clearance: 14pt)' if draft.line_numbers else ""
        return f"""#set page(width: {width}pt, height: {height}pt, {background}
  margin: (top: {top}pt, right: {right}pt, bottom: {bottom}pt, left: {left}pt),
  header: {self._furniture(draft.head)}, footer: {self._furniture(draft.foot)})
#set text(size: {style.size}pt, {self._font(style.family)}, lang: {_string(draft.language)}, dir: {way},
  fill: rgb({_string(style.ink)}))
#set par(leading: {gap:.1f}pt, spacing: {gap + style.paragraph_gap * style.size:.1f}pt,
  justify: {str(style.align == "justify").lower()},
  first-line-indent: (amount: {style.indent}pt, all: true))
#show heading: set block(above: {1.3 * style.size + gap:.1f}pt, below: {0.5 * style.size + gap:.1f}pt)
#show heading: set par(first-line-indent: 0pt)
#set super(typographic: false)
{headings}
{numbers}"""

    def _font(self, family: str) -> str:
        names = [*FAMILIES[family], *FALLBACK]
        if self.draft.language in fonts.SCRIPTS:
            names.insert(0, fonts.SCRIPTS[self.draft.language][0])
        return f"font: ({', '.join(map(_string, names))},)"

    def _furniture(self, text: str) -> str:
        if not text:
            return "none"
        left, _, right = text.partition("\t")
        return f"text(8pt)[{self._counted(left)}#h(1fr){self._counted(right)}]"

    def _counted(self, text: str) -> str:
        return "#context counter(page).display()".join(f"#{_string(part)}" for part in text.split("{page}"))

    def hidden(self) -> list[str]:
        colour = self.style.background or "#ffffff"
        return [f"#text(fill: rgb({_string(colour)}), size: 7pt, {_string(text)})\n" for text in self.draft.hidden]

    def node(self, node: Node) -> str:
        match node:
            case Gap():
                rule = f"#line(length: 100%, stroke: 0.8pt + rgb({_string(self.style.accent)}))" if node.rule else ""
                return "#pagebreak()" if node.page else f"#v({node.points / 2}pt){rule}#v({node.points / 2}pt)"
            case Columns():
                return f"#columns({node.count}, gutter: {node.gap:.1f}pt)[\n{self._all(node.blocks)}\n]"
            case Beside():
                shares = ", ".join(f"{share}fr" for share in node.shares)
                frame = "stroke: 0.6pt, inset: 5pt," if node.framed else ""
                parts = "".join(f"[{self._all(part)}]," for part in node.parts)
                return f"#grid(columns: ({shares}), column-gutter: {node.gap:.1f}pt, {frame} {parts})"
        return self.block(node)

    def _all(self, nodes: Sequence[Node]) -> str:
        return "\n".join(map(self.node, nodes))

    def block(self, block: Block) -> str:
        text, size = self._inline(block), self.style.size
        match block.kind:
            case Kind.HEADING:
                code = f"#heading(level: {block.level})[{text}]"
                return f"#align(center)[{code}]" if block.look.get("align") == "center" else code
            case Kind.ITEM | Kind.CLAUSE:
                hang = block.look.get("hang", 2.0 * size)
                code = f"#pad(left: {hang * (block.level - 1):.1f}pt)[{self._flat()}#grid(columns: ({hang:.1f}pt, 1fr),"
                return f"{code} {_string(block.marker)}, [{self._weighed(block, text)}])]"
            case Kind.FOOTNOTE:
                return ""
            case Kind.TABLE:
                return self._table(block)
            case Kind.FIGURE:
                return self._figure(block)
            case Kind.CAPTION:
                return f"#block[{self._flat()}#text(size: 0.85em)[{text}]]"
            case Kind.CHECKBOX:
                return f"#block(above: {0.7 * size:.1f}pt)[{self._flat()}{_box(block)}#h(0.5em){text}]"
            case Kind.PAIR:
                return self._pair(block)
            case Kind.CONTENTS:
                dot = block.look.get("dot", ".")
                fill = f"box(width: 1fr, repeat[#{_string(dot)}])" if dot else "h(1fr)"
                left = f"#h({1.5 * (block.level - 1)}em)" if block.level > 1 else ""
                return f"#block(above: {0.7 * size:.1f}pt)[{self._flat()}{left}{text} #{fill} #{_string(block.value)}]"
            case Kind.CODE:
                lines = "".join(f"#{_string(line)} \\\n" for line in block.text.replace(" ", "\u00a0").split("\n"))
                code = f"{self._flat()}#set par(justify: false)\n#text(0.88em, {self._font('mono')})[{lines}]"
                return f'#block(fill: rgb("#f0f0f0"), inset: 5pt, width: 100%)[{code}]'
        return self._paragraph(block, text)

    def _flat(self) -> str:
        return "#set par(first-line-indent: 0pt)\n"

    def _weighed(self, block: Block, text: str) -> str:
        look = block.look
        rules = [f"size: {look['scale']}em"] if "scale" in look and block.kind is not Kind.HEADING else []
        rules += [rule for key, rule in (("bold", 'weight: "bold"'), ("italic", 'style: "italic"')) if look.get(key)]
        return f"#text({', '.join(rules)})[{text}]" if rules else text

    def _paragraph(self, block: Block, text: str) -> str:
        text = self._weighed(block, text)
        if block.look.get("indent") is not False:
            return f"\n{text}\n"
        align = {"center": "center", "right": "end"}.get(block.look.get("align", ""), "start")
        above = f", above: {block.look['gap'] + 0.3 * self.style.size:.1f}pt" if "gap" in block.look else ""
        if "left" in block.look:
            above += f", inset: (left: {block.look['left']:.1f}pt)"
        return f"#block(width: 100%{above})[{self._flat()}#set par(justify: false)\n#align({align})[{text}]]"

    def _inline(self, block: Block) -> str:
        return "".join(self._run(run) for run in block.runs)

    def _run(self, run: Run) -> str:
        if run.raised and run.text in self.notes:
            return f"#footnote[{self._inline(self.notes[run.text])}]"
        text = " \\\n".join(f"#{_string(line)}" for line in run.text.split("\n"))
        for name, wanted in (("strong", run.bold), ("emph", run.italic), ("strike", run.struck), ("super", run.raised)):
            text = f"#{name}[{text}]" if wanted else text
        return text

    def _pair(self, block: Block) -> str:
        how, share = block.look.get("pair", "line"), block.look.get("share", 0.38)
        label = f"{block.text}:" if block.look.get("colon") else block.text
        if how == "boxed":
            inside = f"{self._flat()}#text(0.72em, {_string(label)}) \\\n#{_string(block.value)}"
            return f"#block(width: 100%, stroke: 0.5pt, inset: 3pt, spacing: 0pt)[{inside}]"
        code = f"#text({_string(label)}" + (', weight: "bold")' if block.look.get("bold_label") else ")")
        if how == "comb":
            letters = "".join(
                f"box(width: 1.35em, stroke: 0.5pt, inset: (y: 2pt), align(center, {_string(c)}))," for c in block.value
            )
            value = f"#stack(dir: ltr, {letters})"
        else:
            value = f"#{_string(block.value)}"
        value = f"#align(end)[{value}]" if how == "right" else value
        stroke = {"line": '"solid"', "dots": '"dotted"'}.get(how)
        under = f", stroke: (bottom: (thickness: 0.6pt, dash: {stroke})), inset: (bottom: 2pt)" if stroke else ""
        cells = f"[{self._flat()}{code}], block(width: 100%{under})[{self._flat()}{value}]"
        return f"#block(above: {0.8 * self.style.size:.1f}pt)[#grid(columns: ({100 * share:.0f}%, 1fr), {cells})]"

    def _figure(self, block: Block) -> str:
        bars, height = block.look.get("bars", (0.4, 0.7, 0.5)), block.look.get("height", 110.0)
        colour = f"rgb({_string(self.style.accent)})"
        shapes = "".join(f"rect(width: 100%, height: {90 * share:.0f}%, fill: {colour})," for share in bars)
        inside = f"#grid(columns: (1fr,) * {len(bars)}, column-gutter: 12pt, rows: 100%, align: bottom, {shapes})"
        size = f"width: {100 * block.look.get('share', 0.8):.0f}%, height: {height:.0f}pt"
        return f'#align(center)[#block({size}, fill: rgb("#eef2f6"), stroke: 0.4pt, inset: (x: 10pt))[{inside}]]'

    def _table(self, block: Block) -> str:
        look, rows = block.table_look, block.rows()
        heads = 0
        while heads < len(rows) and rows[heads] and all(cell.header for cell in rows[heads]):
            heads += 1
        columns = ", ".join(f"{share}fr" for share in look.widths) or ", ".join(_wish(block, c) for c in range(block.shape[1]))
        head = "".join(self._cell(cell, block) for row in rows[:heads] for cell in row)
        body = "".join(self._cell(cell, block) for row in rows[heads:] for cell in row)
        head = f"table.header({head})," if head else ""
        code = f"table(columns: ({columns},), inset: {look.padding:.1f}pt, stroke: none, {head} {body})"
        outer = ", stroke: 0.9pt" if look.rules == "outer" else ""
        inside = f"{self._flat()}#set par(justify: false)\n#set text(size: {look.size:.2f}em)\n#{code}"
        return f"#block(width: {100 * look.share:.0f}%{outer})[{inside}]"

    def _cell(self, cell: Cell, block: Block) -> str:
        look, strokes = block.table_look, []
        last = cell.row + cell.rowspan == block.shape[0]
        if look.rules == "grid":
            strokes.append("rest: 0.5pt")
        elif look.rules == "dotted":
            strokes.append('rest: (thickness: 0.5pt, dash: "dotted")')
        elif look.rules in {"rows", "head"}:
            if look.rules == "rows" or cell.header or last:
                strokes.append(f"bottom: {0.9 if cell.header or last else 0.4}pt")
            if cell.row == 0:
                strokes.append("top: 0.9pt")
        more = [f"stroke: ({', '.join(strokes)})"] if strokes else []
        if (look.shade == "zebra" and cell.row % 2) or (look.shade in {"head", "zebra"} and cell.header):
            more.append(f"fill: rgb({_string(look.shade_colour)})")
        more += [f"{name}: {n}" for name, n in (("rowspan", cell.rowspan), ("colspan", cell.colspan)) if n > 1]
        more.append(f"align: {({'l': 'start', 'c': 'center', 'r': 'end'})[cell.align]}")
        text = self._run(Run(cell.text, bold=cell.bold)) if cell.text else ""
        text = f"#rotate(-90deg, reflow: true)[{text}]" if cell.turned else text
        return f"table.cell({', '.join(more)})[{text}],"


def _wish(block: Block, column: int) -> str:
    """Return the width of a column: in parts, by its longest text."""
    texts = [c.text for c in block.cells if c.column == column and c.colspan == 1 and not c.turned]
    longest = max((len(line) for text in texts for line in text.split("\n")), default=4)
    return f"{min(24, max(5, longest + 2))}fr"


MARKS = {
    "cross": "line(start: (8%, 8%), end: (92%, 92%))) #place(top + left, line(start: (92%, 8%), end: (8%, 92%))",
    "tick": "curve(stroke: 1.2pt, curve.move((12%, 55%)), curve.line((40%, 85%)), curve.line((95%, 5%)))",
    "filled": "dx: 20%, dy: 20%, rect(width: 60%, height: 60%, fill: black)",
}


def _box(block: Block) -> str:
    """Return a check box, with its mark."""
    mark = f"#place(top + left, {MARKS[block.look.get('mark', 'cross')]})" if block.checked else ""
    return f"#box(width: 0.85em, height: 0.85em, baseline: 0.1em, stroke: 0.7pt)[{mark}]"


def _string(text: str) -> str:
    """Return a string of Typst, whose escapes are JSON's but for the form of code points."""
    return json.dumps(text, ensure_ascii=False)
