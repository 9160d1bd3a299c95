"""Documents that are mostly text."""

from __future__ import annotations

from random import Random

from benchmarks.drawn.draft import Beside, Columns, Draft, Gap, Node, Style, style_from
from benchmarks.drawn.truth import Block, Cell, Kind, Run, TableLook
from benchmarks.drawn.writer import Writer


def heading(text: str, level: int = 1, **look: object) -> Block:
    return Block(Kind.HEADING, (Run(text),), level=level, look=dict(look))


def item(text: str, marker: str, level: int = 1, **look: object) -> Block:
    return Block(Kind.ITEM, (Run(text),), level=level, marker=marker, look=dict(look))


def line(text: str, **look: object) -> Block:
    """Return a paragraph of one line or of a few short ones."""
    return Block(Kind.PARAGRAPH, (Run(text),), look={"align": "left", "indent": False, **look})


def furniture(random: Random, writer: Writer, share: float = 0.5) -> dict[str, str]:
    """Return a running head and foot at random; a tab parts what stands left and right."""
    head = random.choice((writer.title(2, 4), f"{writer.firm()}\t{writer.date()}", f"\t{writer.title(2, 3)}"))
    foot = random.choice(("\tPage {page}", "{page}", f"{writer.firm()}\t{{page}}", f"\t{writer.code()}-{{page}}"))
    return {"head": head if random.random() < share else "", "foot": foot if random.random() < share else ""}


def figure(random: Random, writer: Writer, number: int) -> list[Block]:
    bars = tuple(round(random.uniform(0.15, 1.0), 2) for _ in range(random.randint(3, 7)))
    picture = Block(
        Kind.FIGURE, look={"bars": bars, "height": random.uniform(70, 130), "share": random.choice((0.6, 0.8, 1.0))}
    )
    caption = Block(Kind.CAPTION, (Run(f"Figure {number}: {writer.sentence(4, 9)}"),), look={"gap": 4.0, "align": "left"})
    return [picture, caption]


def sections(random: Random, writer: Writer, count: int, *, numbered: bool, figures: bool = True) -> list[Node]:
    """Return sections of text with headings of two levels, figures and notes."""
    nodes: list[Node] = []
    pictures = 0
    for number in range(1, count + 1):
        nodes.append(heading((f"{number}. " if numbered else "") + writer.title(1, 4), 2))
        for part in range(random.randint(1, 3)):
            if part and random.random() < 0.3:
                nodes.append(heading((f"{number}.{part} " if numbered else "") + writer.title(1, 4), 3))
            nodes.append(writer.paragraph(2, 5))
        if figures and random.random() < 0.25:
            pictures += 1
            nodes += figure(random, writer, pictures)
    return nodes


def article(random: Random, writer: Writer) -> Draft:
    """An article in one to four columns, its title across them or inside."""
    columns = random.choice((1, 1, 2, 2, 2, 3, 3, 4))
    style = style_from(random, size=(7.5, 9.0) if columns > 2 else (8.5, 11.5))
    if columns > 1:
        style.paper = (max(style.paper), max(style.paper) * 1.33) if columns == 4 else (595.28, 841.89)
    title = [heading(writer.title(3, 8), 1), line(", ".join(writer.person() for _ in range(random.randint(1, 3))), italic=True)]
    body = sections(random, writer, random.randint(2, 5) + columns, numbered=random.random() < 0.4)
    nodes: list[Node]
    if columns == 1:
        nodes = [*title, *body]
    elif random.random() < 0.8:
        nodes = [*title, Gap(8, rule=random.random() < 0.4), _columns(random, columns, body)]
    else:
        nodes = [_columns(random, columns, [*title, *body])]
    return Draft(writer.language, style, nodes, **furniture(random, writer))


def _columns(random: Random, count: int, blocks: list[Node]) -> Columns:
    return Columns(count, blocks, gap=random.uniform(10, 26), rule=random.random() < 0.3)


def newspaper(random: Random, writer: Writer) -> Draft:
    """Several stories below each other, each with a headline over its columns; some begin with a drop cap."""
    style = style_from(random, size=(7.5, 9.0))
    style.paper = random.choice(((595.28, 841.89), (792.0, 1224.0), (680.0, 960.0)))
    style.heading_scale = (2.6, 1.9, 1.3)
    nodes: list[Node] = [heading(writer.title(2, 3), 1, align="center", scale=1.4)]
    nodes += [line(f"{writer.date()}, No. {random.randint(10, 900)}", align="center"), Gap(10, rule=True)]
    for number in range(random.randint(2, 4)):
        if number:
            nodes.append(Gap(12, rule=random.random() < 0.6))
        nodes.append(heading(writer.title(3, 7), 2))
        story = [writer.paragraph(2, 5) for _ in range(random.randint(3, 6))]
        if random.random() < 0.5:
            story[0] = line(f"By {writer.person()}", italic=True)
        if random.random() < 0.4:
            opening = writer.paragraph(4, 6, drop_cap=random.choice((2, 3)), indent=False, align="left")
            story.insert(1 if story[0].look.get("italic") else 0, opening)
        nodes.append(_columns(random, random.choice((2, 3, 3, 4)), list(story)))
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.3))


def report(random: Random, writer: Writer) -> Draft:
    """A report with numbered headings, lists, code, figures, and notes whose raised marks stand in the text."""
    style = style_from(random, size=(9.0, 12.0))
    nodes: list[Node] = [heading(writer.title(3, 6), 1), writer.paragraph(1, 3)]
    nodes += sections(random, writer, random.randint(2, 4), numbered=True)
    places = [n for n, node in enumerate(nodes) if isinstance(node, Block) and node.kind is Kind.PARAGRAPH]
    for place in sorted(random.sample(places, min(2, len(places))), reverse=True):
        nodes[place + 1 : place + 1] = bullets(random, writer, style)
    notes: list[Node] = []
    if random.random() < 0.6:
        notes = _notes(random, writer, [nodes[place] for place in places[:2]])
    if random.random() < 0.35:
        nodes.append(Block(Kind.CODE, (Run(_code(random)),)))
        nodes.append(writer.paragraph(1, 2))
    return Draft(writer.language, style, [*nodes, *notes], **furniture(random, writer, 0.7))


def _notes(random: Random, writer: Writer, blocks: list[Node]) -> list[Node]:
    """Add a raised mark inside each of these paragraphs, and return the notes."""
    notes: list[Node] = []
    for number, block in enumerate(blocks, start=1):
        if isinstance(block, Block):
            words = block.text.split(" ")
            cut = random.randint(1, len(words) - 1)
            block.runs = (Run(" ".join(words[:cut])), Run(str(number), raised=True), Run(" " + " ".join(words[cut:])))
            notes.append(Block(Kind.FOOTNOTE, (Run(writer.sentence(4, 10)),), marker=str(number)))
    return [Gap(14), *notes] if notes else []


def _code(random: Random) -> str:
    name = random.choice(("total", "weight", "report", "rows"))
    head = f"def {name}(values, limit={random.randint(2, 90)}):"
    return f"{head}\n    found = [v for v in values if v > limit]\n    return sum(found)"


def bullets(random: Random, writer: Writer, style: Style) -> list[Node]:
    """Return a list, with a second level sometimes, in any of the usual marks."""
    marks = random.choice(("bullet", "bullet", "1.", "1)", "a)", "(i)"))
    nodes: list[Node] = []
    for number in range(1, random.randint(3, 6) + 1):
        nodes.append(item(writer.sentence(3, 20), mark_of(marks, number, style.bullet)))
        if random.random() < 0.2:
            nodes += [item(writer.sentence(3, 8), "–", 2) for _ in range(random.randint(1, 3))]
    return nodes


def mark_of(form: str, number: int, bullet: str = "•") -> str:
    """Return the mark of the item of this number: ``1.``, ``1)``, ``a)``, ``(i)`` or a bullet."""
    roman = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")[(number - 1) % 10]
    if form == "bullet":
        return bullet
    return form.replace("1", str(number)).replace("a", chr(96 + number)).replace("(i)", f"({roman})")


def lists(random: Random, writer: Writer) -> Draft:
    """Lists of every usual kind, nested up to three deep, between paragraphs."""
    style = style_from(random)
    nodes: list[Node] = [heading(writer.title(2, 4), 1)]
    for _ in range(random.randint(2, 4)):
        nodes += [writer.paragraph(1, 2), *bullets(random, writer, style)]
        if random.random() < 0.4:
            nodes += [item(writer.sentence(3, 6), mark_of("1.", 1)), item(writer.sentence(3, 6), mark_of("a)", 1), 2)]
            nodes += [item(writer.sentence(3, 6), mark_of("(i)", n), 3) for n in (1, 2)]
            nodes += [item(writer.sentence(3, 6), mark_of("a)", 2), 2), item(writer.sentence(3, 6), mark_of("1.", 2))]
    nodes.append(writer.paragraph(1, 3))
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.4))


def contract(random: Random, writer: Writer) -> Draft:
    """A contract: numbered clauses of up to three levels, whose numbers hang in the margin."""
    style = style_from(random, size=(9.0, 11.5))
    hang = random.uniform(2.6, 4.0) * style.size
    nodes: list[Node] = [heading(writer.title(2, 4), 1, align=random.choice(("left", "center")))]
    nodes += [line(f"between {writer.firm()} and {writer.firm()}"), line(f"dated {writer.date()}")]
    for number in range(1, random.randint(4, 7)):
        nodes.append(heading(f"{number}. {writer.title(1, 3)}", 2))
        for clause in range(1, random.randint(2, 5)):
            text = (Run(writer.prose(1, 3)),)
            nodes.append(Block(Kind.CLAUSE, text, marker=f"{number}.{clause}", look={"hang": hang}))
            if random.random() < 0.35:
                form = random.choice(("(a)", "(i)", "a)"))
                nodes += [item(writer.sentence(5, 16), mark_of(form, n), 2, hang=hang) for n in range(1, random.randint(3, 5))]
    nodes += [Gap(30), Beside([[line("______________________"), line(writer.person())] for _ in range(2)], [0.5, 0.5], gap=40)]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.8))


def pleading(random: Random, writer: Writer) -> Draft:
    """Pleading paper: numbers of lines in the left margin between double rules, text at double spacing."""
    style = style_from(random, size=(11.0, 12.0))
    style.paper, style.margins, style.family, style.align = (612.0, 792.0), (72.0, 50.0, 60.0, 108.0), "times", "left"
    step = (792.0 - 132.0) / 28
    style.leading, style.paragraph_gap, style.indent = step / style.size, 0.0, 36.0
    nodes: list[Node] = [line(writer.person(), gap=0.0), *(line(text, gap=0.0) for text in writer.address())]
    nodes.append(heading(f"{writer.title(2, 4)}", 1, align="center", scale=0.8, gap=0.0, leading=step / style.size))
    for _ in range(random.randint(2, 4)):
        nodes += [
            writer.paragraph(3, 5),
            heading(writer.title(2, 4), 2, align="center", scale=0.85, gap=0.0, leading=step / style.size),
        ]
    nodes.append(writer.paragraph(2, 3))
    return Draft(
        writer.language, style, nodes, foot=random.choice(("", f"\t{writer.title(2, 3)} - {{page}}")), line_numbers=True
    )


def contents(random: Random, writer: Writer) -> Draft:
    """A table of contents with leaders of dots, or none, over one or two pages, and the beginning of a text."""
    style = style_from(random, size=(9.0, 11.5))
    dot = random.choice((".", ".", " .", "·", "…", ""))
    nodes: list[Node] = [heading(random.choice(("Contents", "Table of Contents", "Index")), 1)]
    page = random.randint(1, 5)
    for chapter in range(1, random.randint(5, 11)):
        levels = [1, *([2] * random.randint(0, 4))]
        for number, level in enumerate(levels):
            label = f"{chapter} " if level == 1 else f"{chapter}.{number} "
            text = label + writer.title(2, 5)
            nodes.append(Block(Kind.CONTENTS, (Run(text),), level=level, value=str(page), look={"dot": dot}))
            page += random.randint(0, 9)
    if random.random() < 0.4:
        nodes += [Gap(page=True), heading(writer.title(2, 4), 2), writer.paragraph(3, 6)]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.5))


def slides(random: Random, writer: Writer) -> Draft:
    """Slides: landscape, large type, light on dark sometimes."""
    style = style_from(random, landscape=True, size=(16.0, 22.0))
    style.paper = random.choice(((720.0, 540.0), (960.0, 540.0), (792.0, 612.0)))
    style.margins, style.align, style.indent = (50.0, 50.0, 45.0, 50.0), "left", 0.0
    style.heading_scale = (1.7, 1.5, 1.2)
    if random.random() < 0.4:
        style.background, style.ink, style.heading_colour = (
            random.choice(("#1f2d3d", "#102a43", "#2d2d2d")),
            "#f2f2f2",
            "#ffd166",
        )
    nodes: list[Node] = []
    for number in range(random.randint(3, 6)):
        if number:
            nodes.append(Gap(page=True))
        nodes.append(heading(writer.title(2, 5), 1))
        if number == 0:
            nodes += [line(f"{writer.person()}, {writer.date()}"), line(writer.firm())]
        elif random.random() < 0.25:
            nodes += [writer.paragraph(1, 2)]
        else:
            nodes += [item(writer.sentence(3, 9), style.bullet) for _ in range(random.randint(3, 5))]
    return Draft(writer.language, style, nodes, foot=random.choice(("", "\t{page}", f"{writer.firm()}\t{{page}}")))


def poster(random: Random, writer: Writer) -> Draft:
    """A poster: large centred lines, a few facts, and a slanted word across."""
    style = style_from(random, size=(13.0, 18.0))
    style.paper, style.align, style.indent = (595.28, 841.89), "left", 0.0
    nodes: list[Node] = [Gap(40), heading(writer.title(2, 4), 1, align="center", scale=2.0)]
    nodes += [line(writer.sentence(4, 8), align="center", scale=1.3, gap=20.0), Gap(30, rule=True)]
    nodes += [line(f"{writer.date()}, {random.randint(8, 20)}:00", align="center", scale=1.5, bold=True)]
    nodes += [line(text, align="center", gap=10.0) for text in writer.address()]
    nodes += [Gap(40), Beside([[heading(writer.title(1, 2), 2), writer.paragraph(1, 2)] for _ in range(2)], [0.5, 0.5], gap=30)]
    return Draft(
        writer.language, style, nodes, watermark=random.choice(("", "FREE ENTRY")), watermark_angle=random.uniform(15, 60)
    )


def letter(random: Random, writer: Writer) -> Draft:
    """A letter: letterhead, address, date, text, a name below the signature; a stamp or a note in the margin sometimes."""
    style = style_from(random, size=(9.5, 12.0))
    style.paper = (595.28, 841.89)
    sender = [line(writer.firm(), bold=True), *(line(text) for text in writer.address()), line(f"Tel. {writer.code(0, 9)}")]
    nodes: list[Node] = [Beside([[], list(sender)], [0.6, 0.4])] if random.random() < 0.5 else list(sender)
    if random.random() < 0.4:
        nodes.append(Gap(8, rule=True))
    nodes += [Gap(30), line(writer.person()), *(line(text, gap=0.0) for text in writer.address()), Gap(20)]
    nodes.append(line(writer.date(), align=random.choice(("left", "right"))))
    nodes += [line(writer.title(3, 6), bold=True, gap=16.0), *(writer.paragraph(2, 5) for _ in range(random.randint(2, 4)))]
    nodes += [Gap(36), line(writer.person()), line(writer.title(1, 2), gap=0.0)]
    mark = random.choice(("", "", "DRAFT", "COPY", "CONFIDENTIAL"))
    note = random.choice(("", "", f"{writer.code(3, 5)} {writer.date()}"))
    foot = random.choice(("", f"{writer.firm()}\t{writer.code()}"))
    return Draft(
        writer.language, style, nodes, foot=foot, watermark=mark, watermark_angle=random.uniform(30, 60), margin_note=note
    )


def painted(random: Random, writer: Writer) -> Draft:
    """Text whose look means something: struck out, hidden, bold by painting twice, raised marks."""
    style = style_from(random, size=(9.0, 12.0))
    style.family = style.heading_family = random.choice(("times", "helvetica", "sans", "serif"))
    style.heading_bold = True
    nodes: list[Node] = [heading(writer.title(2, 4), 1)]
    for _ in range(random.randint(4, 7)):
        nodes.append(_marked(random, writer))
    nodes.insert(3, heading(writer.title(2, 3), 2))
    hidden = [f"{writer.code(4, 4)} {writer.sentence(4, 8)}" for _ in range(random.randint(0, 2))]
    how = random.choice(("white", "outside", "covered", "invisible"))
    return Draft(writer.language, style, nodes, hidden=hidden, hidden_how=how, painted_twice=random.random() < 0.5)


def _marked(random: Random, writer: Writer) -> Block:
    """Return a paragraph with parts struck out, bold, italic, or a raised number after a word."""
    runs: list[Run] = []
    for _ in range(random.randint(2, 5)):
        runs.append(Run(writer.sentence(4, 9) + " "))
        look = random.choice(("bold", "italic", "struck", "raised", "raised"))
        if look == "raised":
            # The note's mark stands right after the word before it.
            runs[-1] = Run(runs[-1].text.rstrip())
            runs += [Run(str(random.randint(1, 19)), raised=True), Run(" ")]
        else:
            runs += [Run(writer.words(1, 4), **{look: True}), Run(" ")]
    return Block(Kind.PARAGRAPH, (*runs, Run(writer.sentence(3, 6))), look={"align": "left"})


def sidebar(random: Random, writer: Writer) -> Draft:
    """A main column and a narrow one beside it, framed sometimes, with text of its own."""
    style = style_from(random, size=(8.5, 10.5))
    style.paper = (595.28, 841.89)
    main = [writer.paragraph(2, 5) for _ in range(random.randint(3, 5))]
    main.insert(2, heading(writer.title(2, 4), 2))
    side = [
        heading(writer.title(1, 3), 3),
        *(writer.paragraph(1, 2, align="left", indent=False) for _ in range(random.randint(2, 3))),
    ]
    share = random.uniform(0.6, 0.72)
    beside = Beside([list(main), list(side)], [share, 1 - share], gap=random.uniform(14, 30), framed=random.random() < 0.3)
    nodes: list[Node] = [heading(writer.title(3, 6), 1), beside, heading(writer.title(2, 3), 2), writer.paragraph(2, 4)]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.5))


def pictured(random: Random, writer: Writer) -> Draft:
    """A page one paragraph of which is a picture of text."""
    style = style_from(random, size=(9.5, 12.0))
    pasted = writer.paragraph(1, 2, picture=True)
    nodes: list[Node] = [heading(writer.title(2, 4), 1), writer.paragraph(2, 4), pasted, writer.paragraph(2, 4)]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.3))


def scripts(random: Random, writer: Writer) -> Draft:
    """Articles, lists and tables in scripts that need shaping, run from right to left, or have no spaces."""
    style = style_from(random, size=(10.0, 12.5))
    style.paper, style.heading_bold = (595.28, 841.89), False
    nodes: list[Node] = [heading(writer.title(2, 5), 1), writer.paragraph(2, 4)]
    if random.random() < 0.4:
        nodes += bullets(random, writer, style)
    if random.random() < 0.4:
        nodes.append(_word_table(random, writer))
    nodes += [heading(writer.title(2, 4), 2), *(writer.paragraph(2, 5) for _ in range(random.randint(2, 4)))]
    if random.random() < 0.3:
        nodes = [nodes[0], _columns(random, 2, nodes[1:])]
    return Draft(writer.language, style, nodes)


def _word_table(random: Random, writer: Writer) -> Block:
    columns = random.randint(2, 4)
    cells = [
        Cell(writer.title(1, 2) if row == 0 or column == 0 else writer.amount(), row, column, header=row == 0)
        for row in range(random.randint(4, 7))
        for column in range(columns)
    ]
    return Block(Kind.TABLE, cells=cells, table_look=TableLook(rules=random.choice(("grid", "rows", "head"))))


def vertical(random: Random, writer: Writer) -> Draft:
    """Japanese in lines that run downwards, the first one at the right."""
    style = style_from(random, size=(10.5, 13.0))
    style.paper, style.indent, style.align = random.choice(((595.28, 841.89), (841.89, 595.28))), 0.0, "left"
    nodes: list[Node] = [heading(writer.title(2, 4), 1), *(writer.paragraph(2, 5) for _ in range(random.randint(2, 4)))]
    nodes.insert(2, heading(writer.title(2, 3), 2))
    return Draft(writer.language, style, nodes, vertical=True)
