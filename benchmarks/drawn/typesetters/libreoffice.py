"""Set a draft with LibreOffice Writer, from a flat OpenDocument file as people write it: tabs, borderless tables, footnotes.

Check boxes are characters, as in most forms made with a word processor; figures are left out. LibreOffice does not say where
the words are.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pypdfium2

from benchmarks.drawn.draft import Beside, Columns, Draft, Gap, Node
from benchmarks.drawn.truth import Block, Cell, Kind, Run

PROGRAMS = ("soffice", "libreoffice")
SECONDS = 120
FAMILIES = {
    "serif": "Liberation Serif", "times": "Liberation Serif", "sans": "DejaVu Sans", "helvetica": "Liberation Sans",
    "narrow": "Liberation Sans Narrow", "mono": "Liberation Mono",
}  # fmt: skip
MARKS = {"cross": "\u2612", "tick": "\u2611", "filled": "\u2612"}
NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{urn}:1.0"'
    for name, urn in (
        ("office", "office"), ("style", "style"), ("text", "text"), ("table", "table"), ("fo", "xsl-fo-compatible"),
    )
)  # fmt: skip


def missing() -> str:
    """Return why this typesetter cannot be used here; empty if it can."""
    return "" if _program() else f"LibreOffice is not installed: {', '.join(PROGRAMS)} (Debian: libreoffice-writer-nogui)"


def set_draft(draft: Draft) -> tuple[bytes, int]:
    """Set the draft and return the PDF and its number of pages. Raises CalledProcessError, TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="drawn-") as name:
        folder = Path(name)
        (folder / "drawn.fodt").write_text(OfficeText(draft).source(), encoding="utf-8")
        profile = f"-env:UserInstallation={Path(_profile().name).as_uri()}"
        command = [_program() or PROGRAMS[0], "--headless", profile, "--convert-to", "pdf", "--outdir", name]
        subprocess.run([*command, str(folder / "drawn.fodt")], check=True, capture_output=True, timeout=SECONDS)
        data = (folder / "drawn.pdf").read_bytes()
    with pypdfium2.PdfDocument(data) as document:
        return data, len(document)


def _program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@cache
def _profile() -> tempfile.TemporaryDirectory[str]:
    """Return the folder of the program's own settings, which it makes at its first start; removed when this process ends."""
    return tempfile.TemporaryDirectory(prefix="drawn-profile-")


class OfficeText:
    """Writes a draft as a flat OpenDocument text. Every paragraph and cell has an automatic style of its own."""

    def __init__(self, draft: Draft) -> None:
        self.draft, self.style = draft, draft.style
        self.styles: list[str] = []
        self.notes = {b.marker: b for b in draft.blocks() if b.kind is Kind.FOOTNOTE}

    def source(self) -> str:
        """Return the file."""
        width, height = self.style.paper
        top, right, bottom, left = self.style.margins
        body = self._nodes(self.draft.nodes, width - left - right)
        page = f'fo:page-width="{width}pt" fo:page-height="{height}pt"'
        margins = f'fo:margin-left="{left}pt" fo:margin-right="{right}pt"'
        ends = f'fo:margin-top="{0.5 * top:.0f}pt" fo:margin-bottom="{0.5 * bottom:.0f}pt"'
        sides = "".join(
            f'<style:{side}-style><style:header-footer-properties fo:min-height="{0.5 * space:.0f}pt"/></style:{side}-style>'
            for side, space in (("header", top), ("footer", bottom))
        )
        layout = f"<style:page-layout-properties {page} {margins} {ends}/>{sides}"
        ran = "".join(
            self._furniture(side, text, width - left - right)
            for side, text in (("header", self.draft.head), ("footer", self.draft.foot))
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><office:document {NAMESPACES} office:version="1.3" '
            'office:mimetype="application/vnd.oasis.opendocument.text"><office:automatic-styles>'
            f'<style:page-layout style:name="page">{layout}</style:page-layout>{"".join(self.styles)}</office:automatic-styles>'
            '<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="page">'
            f"{ran}</style:master-page></office:master-styles><office:body><office:text>{body}</office:text></office:body></office:document>"
        )

    def _style(self, family: str, properties: str) -> str:
        """Add a style and return its name."""
        name = f"s{len(self.styles)}"
        self.styles.append(f'<style:style style:name="{name}" style:family="{family}">{properties}</style:style>')
        return name

    def _furniture(self, side: str, text: str, width: float) -> str:
        content = "<text:page-number/>".join(map(_text, text.split("{page}")))
        tab = f'<style:tab-stops><style:tab-stop style:position="{width:.0f}pt" style:type="right"/></style:tab-stops>'
        return f"<style:{side}>{self._p(content, size=8.0, inside=tab)}</style:{side}>"

    def _p(
        self,
        content: str,
        *,
        size: float = 0.0,
        family: str = "",
        look: str = "",
        font: str = "",
        inside: str = "",
        level: int = 0,
    ) -> str:
        """Return a paragraph, or a heading of this level. ``look`` are attributes of the paragraph, ``font`` of its letters."""
        family = FAMILIES[family or self.style.family]
        letters = f'fo:font-family="{family}" fo:font-size="{size or self.style.size:.1f}pt" {font}'
        name = self._style(
            "paragraph",
            f"<style:paragraph-properties {look}>{inside}</style:paragraph-properties><style:text-properties {letters}/>",
        )
        tag, more = ("text:h", f' text:outline-level="{level}"') if level else ("text:p", "")
        return f'<{tag} text:style-name="{name}"{more}>{content}</{tag}>'

    def _nodes(self, nodes: Sequence[Node], width: float) -> str:
        return "".join(self._node(node, width) for node in nodes)

    def _node(self, node: Node, width: float) -> str:
        match node:
            case Gap():
                rule = f'fo:border-bottom="0.8pt solid {self.style.accent}"' if node.rule else ""
                look = 'fo:break-before="page"' if node.page else f'{rule} fo:margin-bottom="{node.points / 2:.0f}pt"'
                return self._p("", size=1.0 if node.page else max(1.0, node.points / 2.6), look=look)
            case Columns():
                columns = f'<style:columns fo:column-count="{node.count}" fo:column-gap="{node.gap:.1f}pt"/>'
                name = self._style("section", f"<style:section-properties>{columns}</style:section-properties>")
                inside = self._nodes(node.blocks, (width - node.gap * (node.count - 1)) / node.count)
                return f'<text:section text:style-name="{name}" text:name="{name}">{inside}</text:section>'
            case Beside():
                border = (
                    'fo:border="0.6pt solid #000000" fo:padding="4pt"'
                    if node.framed
                    else f'fo:padding-right="{node.gap:.0f}pt"'
                )
                cell = self._style("table-cell", f"<style:table-cell-properties {border}/>")
                inside = "".join(
                    f'<table:table-cell table:style-name="{cell}">{self._nodes(part, width * share)}</table:table-cell>'
                    for part, share in zip(node.parts, node.shares, strict=True)
                )
                return self._table_of([share * width for share in node.shares], f"<table:table-row>{inside}</table:table-row>")
        return self._block(node, width)

    def _table_of(self, widths: Sequence[float], rows: str) -> str:
        table = self._style(
            "table", f'<style:table-properties style:width="{sum(widths):.1f}pt" table:align="left" fo:margin-top="8pt"/>'
        )
        columns = "".join(f'<table:table-column table:style-name="{self._column(wide)}"/>' for wide in widths)
        return f'<table:table table:style-name="{table}">{columns}{rows}</table:table>'

    def _column(self, width: float) -> str:
        return self._style("table-column", f'<style:table-column-properties style:column-width="{width:.1f}pt"/>')

    def _block(self, block: Block, width: float) -> str:
        text, size = self._inline(block), self.style.size
        above = f'fo:margin-top="{block.look.get("gap", self.style.paragraph_gap * size):.1f}pt"'
        match block.kind:
            case Kind.HEADING:
                return self._heading(block, text)
            case Kind.ITEM | Kind.CLAUSE:
                hang = block.look.get("hang", 2.0 * size)
                look = f'fo:margin-left="{hang * block.level:.1f}pt" fo:text-indent="-{hang:.1f}pt"'
                look += f' fo:margin-top="{0.3 * size:.1f}pt"'
                tab = '<style:tab-stops><style:tab-stop style:position="0pt"/></style:tab-stops>'
                return self._p(f"{_text(block.marker)}<text:tab/>{text}", look=look, inside=tab, font=_font(block))
            case Kind.FOOTNOTE | Kind.FIGURE:
                return ""
            case Kind.TABLE:
                return self._table(block, width)
            case Kind.CHECKBOX:
                mark = MARKS[block.look.get("mark", "cross")] if block.checked else "\u2610"
                return self._p(f"{mark} {text}", look=above)
            case Kind.PAIR:
                label = f"{text}:" if block.look.get("colon") else text
                return self._p(
                    f"{label}<text:tab/>{_text(block.value)}", look=above, inside=_tab(width * block.look.get("share", 0.38))
                )
            case Kind.CONTENTS:
                leader = ' style:leader-style="dotted" style:leader-text="."' if block.look.get("dot", ".") else ""
                look = f'{above} fo:margin-left="{1.5 * size * (block.level - 1):.1f}pt"'
                right = width - 1.5 * size * (block.level - 1)
                return self._p(
                    f"{text}<text:tab/>{_text(block.value)}", look=look, inside=_tab(right, f'style:type="right"{leader}')
                )
            case Kind.CODE:
                lines = "<text:line-break/>".join(
                    _text(line).replace("    ", '<text:s text:c="4"/>') for line in block.text.split("\n")
                )
                return self._p(lines, size=0.88 * size, family="mono", look=f'{above} fo:background-color="#f0f0f0"')
            case Kind.CAPTION:
                return self._p(
                    text, size=0.85 * size, look='fo:margin-top="6pt" fo:margin-bottom="3pt" fo:keep-with-next="always"'
                )
        return self._paragraph(block, text, above)

    def _heading(self, block: Block, text: str) -> str:
        style = self.style
        size = style.size * style.heading_scale[block.level - 1]
        weight = "bold" if style.heading_bold else "normal"
        centred = ' fo:text-align="center"' if block.look.get("align") == "center" else ""
        look = f'fo:margin-top="{0.8 * size:.1f}pt" fo:keep-with-next="always"{centred}'
        font = f'fo:font-weight="{weight}" fo:color="{style.heading_colour}"'
        return self._p(text, size=size, family=style.heading_family, look=look, font=font, level=block.level)

    def _paragraph(self, block: Block, text: str, above: str) -> str:
        free = block.look.get("indent") is not False
        align = {"center": "center", "right": "end"}.get(block.look.get("align", ""), self.style.align if free else "start")
        indent = self.style.indent if free else 0.0
        look = f'{above} fo:line-height="{100 * self.style.leading / 1.15:.0f}%" fo:text-indent="{indent}pt"'
        if "left" in block.look:
            look += f' fo:margin-left="{block.look["left"]:.1f}pt"'
        size = self.style.size * block.look.get("scale", 1.0)
        return self._p(text, size=size, look=f'{look} fo:text-align="{align}"', font=_font(block))

    def _inline(self, block: Block) -> str:
        return "".join(self._run(run) for run in block.runs)

    def _run(self, run: Run) -> str:
        if run.raised and run.text in self.notes:
            inside = self._p(self._inline(self.notes[run.text]), size=0.85 * self.style.size)
            note = f"<text:note-citation>{run.text}</text:note-citation><text:note-body>{inside}</text:note-body>"
            return f'<text:note text:note-class="footnote">{note}</text:note>'
        looks = {
            'fo:font-weight="bold"': run.bold,
            'fo:font-style="italic"': run.italic,
            'style:text-line-through-style="solid" style:text-line-through-type="single"': run.struck,
            'style:text-position="super 62%"': run.raised,
        }
        chosen = " ".join(look for look, wanted in looks.items() if wanted)
        if not chosen:
            return _text(run.text)
        name = self._style("text", f"<style:text-properties {chosen}/>")
        return f'<text:span text:style-name="{name}">{_text(run.text)}</text:span>'

    def _table(self, block: Block, width: float) -> str:
        look, (rows, columns) = block.table_look, block.shape
        width *= look.share
        wishes = look.widths or [_wish(block, column) for column in range(columns)]
        places = {
            (c.row + down, c.column + across) for c in block.cells for down in range(c.rowspan) for across in range(c.colspan)
        }
        lines, heads = [], 0
        for row in range(rows):
            own = {cell.column: cell for cell in block.cells if cell.row == row}
            cells = [
                self._cell(own[column], block) if column in own else "<table:covered-table-cell/>"
                for column in range(columns)
                if column in own or (row, column) in places
            ]
            lines.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
            heads += row == heads and bool(own) and all(cell.header for cell in own.values())
        head = f"<table:table-header-rows>{''.join(lines[:heads])}</table:table-header-rows>" if heads else ""
        return self._table_of([width * wish / sum(wishes) for wish in wishes], head + "".join(lines[heads:]))

    def _cell(self, cell: Cell, block: Block) -> str:
        look, rules = block.table_look, [f'fo:padding="{block.table_look.padding:.1f}pt"']
        last = cell.row + cell.rowspan == block.shape[0]
        if look.rules in {"grid", "dotted"}:
            rules.append(f'fo:border="0.5pt {"dotted" if look.rules == "dotted" else "solid"} #000000"')
        elif look.rules in {"rows", "head"}:
            if look.rules == "rows" or cell.header or last:
                rules.append('fo:border-bottom="0.5pt solid #000000"')
            if cell.row == 0:
                rules.append('fo:border-top="0.9pt solid #000000"')
        if (look.shade == "zebra" and cell.row % 2) or (look.shade in {"head", "zebra"} and cell.header):
            rules.append(f'fo:background-color="{look.shade_colour}"')
        if cell.turned:
            rules.append('style:rotation-angle="90"')
        name = self._style("table-cell", f"<style:table-cell-properties {' '.join(rules)}/>")
        spans = f'table:number-columns-spanned="{cell.colspan}" table:number-rows-spanned="{cell.rowspan}"'
        align = f'fo:text-align="{ {"l": "start", "c": "center", "r": "end"}[cell.align] }"'
        weight = 'fo:font-weight="bold"' if cell.bold else ""
        inside = self._p(_text(cell.text), size=self.style.size * look.size, look=align, font=weight)
        return f"<table:table-cell table:style-name={quoteattr(name)} {spans}>{inside}</table:table-cell>"


def _text(text: str) -> str:
    """Return a text with its tabs and line breaks as elements."""
    return escape(text).replace("\t", "<text:tab/>").replace("\n", "<text:line-break/>")


def _font(block: Block) -> str:
    looks = {'fo:font-weight="bold"': "bold", 'fo:font-style="italic"': "italic"}
    return " ".join(look for look, key in looks.items() if block.look.get(key))


def _tab(position: float, more: str = "") -> str:
    return f'<style:tab-stops><style:tab-stop style:position="{position:.0f}pt" {more}/></style:tab-stops>'


def _wish(block: Block, column: int) -> float:
    """Return the width of a column: in parts, by its longest text."""
    texts = [c.text for c in block.cells if c.column == column and c.colspan == 1]
    return min(26, max(5, max((len(line) for text in texts for line in text.split("\n")), default=4) + 2))
