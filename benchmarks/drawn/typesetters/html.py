"""A draft as one HTML page with its style sheet, for the typesetters that print HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.drawn import fonts
from benchmarks.drawn.draft import Beside, Columns, Draft, Gap, Node, Style
from benchmarks.drawn.truth import Block, Cell, Kind, Run

FAMILIES = {
    "serif": "'DejaVu Serif', 'Liberation Serif', serif",
    "times": "'Liberation Serif', 'DejaVu Serif', serif",
    "sans": "'DejaVu Sans', 'Liberation Sans', sans-serif",
    "helvetica": "'Liberation Sans', 'DejaVu Sans', sans-serif",
    "narrow": "'Liberation Sans Narrow', 'Liberation Sans', sans-serif",
    "mono": "'Liberation Mono', 'DejaVu Sans Mono', monospace",
}
TURNED = ".turned { writing-mode: vertical-rl; transform: rotate(180deg) }"
KOREAN = "word-break: keep-all;"
"""Korean has spaces: a word broken between syllables at a line's end could not be told from two."""
RIGHT_TO_LEFT = frozenset({"ar", "he"})
MARKS = {
    "cross": "<path d='M1.5 1.5 L8.5 8.5 M8.5 1.5 L1.5 8.5' stroke='black' stroke-width='1.2'/>",
    "tick": "<path d='M1.5 5.5 L4 8.5 L9.5 0.5' stroke='black' stroke-width='1.3' fill='none'/>",
    "filled": "<rect x='2' y='2' width='6' height='6' fill='black'/>",
}


def html_of(draft: Draft, *, turns: bool = True) -> str:
    """Return the whole page. ``turns``: the typesetter can write upwards; else turned heads of tables lie flat."""
    body = _nodes(draft.nodes, draft.style)
    if draft.watermark:
        body = f"<div class='watermark'>{escape(draft.watermark)}</div>{body}"
    how = "small" if draft.hidden_how == "small" else "white"
    body += "".join(f"<div class='hidden-{how}'>{escape(text)}</div>" for text in draft.hidden)
    way = "rtl" if draft.language in RIGHT_TO_LEFT else "ltr"
    sheet = _style_sheet(draft) + (TURNED if turns else "")
    head = f"<meta charset='utf-8'><title>{escape(draft.kind)}</title><style>{sheet}</style>"
    return f"<!doctype html><html lang='{draft.language}' dir='{way}'><head>{head}</head><body>{body}</body></html>"


def _style_sheet(draft: Draft) -> str:
    style = draft.style
    width, height = style.paper
    top, right, bottom, left = style.margins
    scales = "".join(
        f"h{n} {{ font-size: {style.size * scale:.1f}pt }} " for n, scale in enumerate(style.heading_scale, start=1)
    )
    watermark_size = 1.17 * width / max(4, len(draft.watermark))
    return f"""
{_font_face(draft)}
@page {{ size: {width}pt {height}pt; margin: {top}pt {right}pt {bottom}pt {left}pt; {_background(style)}
  {_margin_box("top", draft.head)} {_margin_box("bottom", draft.foot)} }}
html {{ {"writing-mode: vertical-rl;" if draft.vertical else ""} {KOREAN if draft.language == "ko" else ""} }}
body {{ margin: 0; font: {style.size}pt/{style.leading:.2f} {_family(draft, style.family)}; color: {style.ink} }}
h1, h2, h3 {{ font-family: {_family(draft, style.heading_family)}; color: {style.heading_colour}; line-height: 1.2;
  font-weight: {"bold" if style.heading_bold else "normal"}; margin: 0.9em 0 0.2em; break-after: avoid }}
{scales}
p {{ margin: {style.paragraph_gap:.2f}em 0 0; text-align: {style.align if style.align != "left" else "start"};
  text-indent: {style.indent}pt; orphans: 2; widows: 2 }}
p.line {{ text-indent: 0; text-align: start; white-space: pre-line }}
figure {{ margin: 0.8em 0 0; break-after: avoid }} .caption {{ font-size: 0.85em; margin: 0.3em 0 0.6em; text-indent: 0 }}
.beside {{ display: flex; margin-top: 0.8em }} .framed {{ border: 0.6pt solid {style.ink}; padding: 5pt }}
.item {{ margin-top: 0.35em }} .item .mark {{ display: inline-block; text-indent: 0 }}
.box {{ display: inline-block; width: 0.85em; height: 0.85em; margin-inline-end: 0.5em; vertical-align: -0.1em }}
.check {{ margin-top: 0.3em; text-indent: 0 }}
.pair {{ display: flex; margin-top: 0.5em }} .pair .value {{ flex: 1 }}
.pair.right .value {{ text-align: end }}
.pair.line .value {{ border-bottom: 0.5pt solid }} .pair.dots .value {{ border-bottom: 0.7pt dotted }}
.pair.boxed {{ display: block; border: 0.5pt solid; padding: 1pt 3pt; margin: 0 }}
.pair.boxed .label {{ font-size: 0.72em; color: #444 }}
.letters span {{ display: inline-block; width: 1.35em; text-align: center; border: 0.5pt solid; margin-inline-end: -0.5pt }}
.entry {{ display: flex; margin-top: 0.3em }} .entry i {{ flex: 1; margin: 0 4pt 0.25em; border-bottom: 0.8pt dotted }}
.entry.bare i {{ border: none }}
pre {{ font: 0.88em/1.4 {FAMILIES["mono"]}; background: #f0f0f0; padding: 4pt 6pt; margin: 0.8em 0 0 }}
.note {{ font-size: 0.85em }} sup {{ font-size: 0.62em; line-height: 0; vertical-align: 0.5em }}
.cap {{ float: left; color: {style.accent} }}
table {{ border-collapse: collapse; margin-top: 0.9em }} th {{ font-weight: normal; text-align: start }}
td, th {{ vertical-align: top; white-space: pre-line }} tr {{ break-inside: avoid }}
.watermark {{ position: fixed; top: 40%; left: 0; right: 0; text-align: center; color: #ddd; text-indent: 0;
  font: bold {watermark_size:.0f}pt {FAMILIES["helvetica"]}; transform: rotate(-{draft.watermark_angle:.0f}deg); z-index: -1 }}
.hidden-white {{ color: {style.background or "white"} }} .hidden-small {{ font-size: 0.4pt; line-height: 1 }}
.page-break {{ break-before: page }} hr {{ border: none; border-top: 0.8pt solid {style.accent} }}
"""


def _font_face(draft: Draft) -> str:
    """Return a rule that names the file of a script's font, so that a folder of fonts need not be installed."""
    if draft.language not in fonts.SCRIPTS:
        return ""
    path = next((path for name in fonts.SCRIPTS[draft.language][1] if (path := fonts.find(name))), None)
    return f"@font-face {{ font-family: 'Drawn'; src: url('{path.as_uri()}') }}" if path else ""


def _family(draft: Draft, family: str) -> str:
    return f"'Drawn', {FAMILIES[family]}" if draft.language in fonts.SCRIPTS else FAMILIES[family]


def _background(style: Style) -> str:
    return f"background: {style.background};" if style.background else ""


def _margin_box(side: str, text: str) -> str:
    """Return the rules of a running head or foot: its left and its right part."""
    if not text:
        return ""
    rules = []
    for place, part in zip(("left", "right"), text.partition("\t")[::2], strict=True):
        if part:
            content = "".join(
                f" counter(page) {_css(rest)}" if n else _css(rest) for n, rest in enumerate(part.split("{page}"))
            )
            rules.append(f"@{side}-{place} {{ content: {content}; font-size: 8pt; white-space: nowrap }}")
    return " ".join(rules)


def _css(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'


def _nodes(nodes: Sequence[Node], style: Style) -> str:
    return "\n".join(_node(node, style) for node in nodes)


def _node(node: Node, style: Style) -> str:
    match node:
        case Gap():
            if node.page:
                return "<div class='page-break'></div>"
            return f"<div style='height: {node.points}pt'>{'<hr>' if node.rule else ''}</div>"
        case Columns():
            rule = "column-rule: 0.5pt solid;" if node.rule else ""
            look = f"column-count: {node.count}; column-gap: {node.gap:.1f}pt; {rule}"
            return f"<div style='{look}'>{_nodes(node.blocks, style)}</div>"
        case Beside():
            framed = " class='framed'" if node.framed else ""
            parts = "".join(
                f"<div{framed} style='width: {100 * share:.1f}%'>{_nodes(part, style)}</div>"
                for part, share in zip(node.parts, node.shares, strict=True)
            )
            return f"<div class='beside' style='gap: {node.gap:.1f}pt'>{parts}</div>"
    return _block(node, style)


def _block(block: Block, style: Style) -> str:
    text, look = _inline(block.runs), _look(block)
    match block.kind:
        case Kind.HEADING:
            return f"<h{block.level}{look}>{text}</h{block.level}>"
        case Kind.ITEM | Kind.CLAUSE | Kind.FOOTNOTE:
            return _item(block, text, style)
        case Kind.TABLE:
            return _table(block, style)
        case Kind.FIGURE:
            return _figure(block, style)
        case Kind.CAPTION:
            return f"<p class='caption'>{text}</p>"
        case Kind.CHECKBOX:
            return f"<div class='check'>{_box(block)}{text}</div>"
        case Kind.PAIR:
            return _pair(block, text)
        case Kind.CONTENTS:
            left = 1.5 * (block.level - 1)
            bare = "" if block.look.get("dot", ".") else " bare"
            entry = f"<span>{text}</span><i></i><span>{block.value}</span>"
            return f"<div class='entry{bare}' style='margin-inline-start: {left}em'>{entry}</div>"
        case Kind.CODE:
            return f"<pre>{text}</pre>"
    if depth := block.look.get("drop_cap"):
        size = f"font-size: {1.25 * int(depth):.2f}em; line-height: 0.85; padding-inline-end: 2pt"
        return f"<p style='text-indent: 0'><span class='cap' style='{size}'>{text[0]}</span>{text[1:]}</p>"
    short = " class='line'" if block.look.get("indent") is False else ""
    return f"<p{short}{look}>{text}</p>"


FRAMES = {
    "square": "<rect x='0.5' y='0.5' width='9' height='9' fill='none' stroke='black' stroke-width='0.8'/>",
    "circle": "<circle cx='5' cy='5' r='4.5' fill='none' stroke='black' stroke-width='0.8'/>",
}
DOT = "<circle cx='5' cy='5' r='2.3' fill='black'/>"
GLYPHS = {"cross": "\u2612", "tick": "\u2611", "filled": "\u2612"}


def _box(block: Block) -> str:
    """Return a check box: drawn, a sign of a font, or brackets."""
    shape, mark = block.look.get("shape", "square"), block.look.get("mark", "cross")
    if shape == "bracket":
        return "[x] " if block.checked else "[ ] "
    if shape == "glyph":
        sign = GLYPHS[mark] if block.checked else "\u2610"
        return f"<span style='font-family: DejaVu Sans'>{sign}</span> "
    inside = (DOT if shape == "circle" else MARKS[mark]) if block.checked else ""
    return f"<svg class='box' viewBox='0 0 10 10'>{FRAMES[shape]}{inside}</svg>"


def _look(block: Block) -> str:
    """Return a block's own look as a style attribute."""
    look, rules = block.look, []
    if look.get("align") in {"center", "right"}:
        rules.append(f"text-align: {look['align']}")
    if "scale" in look and block.kind is not Kind.HEADING:
        rules.append(f"font-size: {look['scale']}em")
    rules += [rule for key, rule in (("bold", "font-weight: bold"), ("italic", "font-style: italic")) if look.get(key)]
    if "left" in look:
        rules.append(f"margin-inline-start: {look['left']}pt")
    if "gap" in look:
        rules.append(f"margin-top: {look['gap']}pt")
    return f" style='{'; '.join(rules)}'" if rules else ""


def _inline(runs: Sequence[Run]) -> str:
    return "".join(_run(run) for run in runs)


def _run(run: Run) -> str:
    text = escape(run.text, quote=False)
    for name, wanted in (("b", run.bold), ("i", run.italic), ("s", run.struck), ("sup", run.raised)):
        text = f"<{name}>{text}</{name}>" if wanted else text
    return text


def _item(block: Block, text: str, style: Style) -> str:
    hang = block.look.get("hang", 2.0 * style.size)
    left = hang * block.level
    mark = f"<sup>{block.marker}</sup>" if block.kind is Kind.FOOTNOTE else escape(block.marker)
    bold = "; font-weight: bold" if block.look.get("bold") else ""
    note = " note" if block.kind is Kind.FOOTNOTE else ""
    box = f"padding-inline-start: {left:.1f}pt; text-indent: -{hang:.1f}pt{bold}"
    return (
        f"<div class='item{note}' style='{box}'><span class='mark' style='min-width: {hang:.1f}pt'>{mark} </span>{text}</div>"
    )


def _pair(block: Block, text: str) -> str:
    how = block.look.get("pair", "line")
    label = f"{text}:" if block.look.get("colon") else text
    if block.look.get("bold_label"):
        label = f"<b>{label}</b>"
    value = escape(block.value)
    if how == "comb":
        value = f"<span class='letters'>{''.join(f'<span>{letter}</span>' for letter in block.value)}</span>"
    width = "" if how == "boxed" else f" style='width: {100 * block.look.get('share', 0.38):.0f}%'"
    return f"<div class='pair {how}'><div class='label'{width}>{label}</div><div class='value'>{value}</div></div>"


def _figure(block: Block, style: Style) -> str:
    bars, height = block.look.get("bars", (0.4, 0.7, 0.5)), block.look.get("height", 110.0)
    step = 100 / (2 * len(bars) + 1)
    shapes = "".join(
        f"<rect x='{(2 * n + 1) * step:.1f}' y='{100 - 90 * share:.1f}' width='{step:.1f}' height='{90 * share:.1f}'/>"
        for n, share in enumerate(bars)
    )
    frame = "<rect width='100' height='100' fill='#eef2f6' stroke='#000' stroke-width='0.4'/>"
    size = f"width: {100 * block.look.get('share', 0.8):.0f}%; height: {height:.0f}pt"
    drawing = f"{frame}<g fill='{style.accent}'>{shapes}</g>"
    return f"<figure><svg viewBox='0 0 100 100' preserveAspectRatio='none' style='{size}'>{drawing}</svg></figure>"


def _table(block: Block, style: Style) -> str:
    look, rows = block.table_look, block.rows()
    heads = 0
    while heads < len(rows) and rows[heads] and all(cell.header for cell in rows[heads]):
        heads += 1
    lines = [f"<tr>{''.join(_cell(cell, block) for cell in row)}</tr>" for row in rows]
    size = f"font-size: {look.size:.2f}em; width: {100 * look.share:.0f}%"
    outer = "; border: 0.9pt solid" if look.rules == "outer" else ""
    return (
        f"<table style='{size}{outer}'><thead>{''.join(lines[:heads])}</thead><tbody>{''.join(lines[heads:])}</tbody></table>"
    )


def _cell(cell: Cell, block: Block) -> str:
    look, rules = block.table_look, [f"padding: {block.table_look.padding:.1f}pt"]
    last = cell.row + cell.rowspan == block.shape[0]
    if cell.align != "l":
        rules.append(f"text-align: {'center' if cell.align == 'c' else 'end'}")
    if look.rules in {"grid", "dotted"}:
        rules.append(f"border: 0.5pt {'dotted' if look.rules == 'dotted' else 'solid'}")
    elif look.rules in {"rows", "head"}:
        if look.rules == "rows" or cell.header or last:
            rules.append(f"border-bottom: {0.9 if cell.header or last else 0.4}pt solid")
        if cell.row == 0:
            rules.append("border-top: 0.9pt solid")
    if (look.shade == "zebra" and cell.row % 2) or (look.shade in {"head", "zebra"} and cell.header):
        rules.append(f"background: {look.shade_colour}")
    elif look.white_boxes:
        rules.append("background: white")
    text = escape(cell.text, quote=False)
    text = f"<b>{text}</b>" if cell.bold and text else text
    text = f"<span class='turned'>{text}</span>" if cell.turned else text
    text = _inner(cell.inner) if cell.inner else text
    name = "th" if cell.header else "td"
    spans = "".join(f" {key}={n}" for key, n in (("rowspan", cell.rowspan), ("colspan", cell.colspan)) if n > 1)
    return f"<{name}{spans} style='{'; '.join(rules)}'>{text}</{name}>"


def _inner(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows of a table in a cell as a table with a frame of its own."""
    cells = ("".join(f"<td style='border: 0.4pt solid; padding: 2pt'>{escape(text)}</td>" for text in row) for row in rows)
    return f"<table style='margin: 2pt; width: 96%'>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
