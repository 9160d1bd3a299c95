"""Documents of what few others have: headings numbered in many styles, options of every form, nested tables, fields."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.drawn.draft import Draft, Gap, Node, Style, style_from
from benchmarks.drawn.kinds.prose import furniture, heading, item, line
from benchmarks.drawn.kinds.records import grid, pair, table_look
from benchmarks.drawn.truth import Block, Cell, Kind, Run, TableLook
from benchmarks.drawn.writer import Writer

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
NUMBERINGS: tuple[tuple[Callable[[int, int], str], Callable[[int, int], str]], ...] = (
    (lambda n, _: f"Chapter {n}: ", lambda n, m: f"{n}.{m} "),
    (lambda n, _: f"Article {ROMAN[n - 1]}. ", lambda _, m: f"Section {m}. "),
    (lambda n, _: f"{ROMAN[n - 1]}. ", lambda _, m: f"{chr(64 + m)}. "),
    (lambda n, _: f"Appendix {chr(64 + n)} ", lambda n, m: f"{chr(64 + n)}.{m} "),
    (lambda n, _: f"§ {n} ", lambda _, m: f"({m}) "),
    (lambda *_: "", lambda *_: ""),
)
"""What headings of the second and of the third level begin with, by their numbers."""
MARKS: dict[str, tuple[str, ...]] = {
    "ru": ("а)", "б)", "в)", "г)", "д)"),
    "el": ("α)", "β)", "γ)", "δ)", "ε)"),
    "": ("►", "►", "►", "►"),
}
"""Letters or signs before the items of a list, by language; a sign that most fonts have for the others."""


def outline(random: Random, writer: Writer) -> Draft:
    """A text with numbered headings of many styles, all of one size sometimes, long ones, lists with paragraphs inside."""
    style = style_from(random, size=(9.0, 11.5))
    style.heading_bold = True
    if random.random() < 0.4:
        style.heading_scale = (random.choice((1.4, 1.8)), *random.choice(((1.2, 1.0), (1.0, 1.0), (1.1, 1.0))))
    top, inner = random.choice(NUMBERINGS)
    # Two levels of one size are told apart by their marks alone.
    same = style.heading_scale[1] == style.heading_scale[2]
    nodes: list[Node] = [heading(writer.title(3, 6), 1), writer.paragraph(1, 3)]
    for number in range(1, random.randint(3, 5)):
        length = (9, 14) if random.random() < 0.2 and style.align != "justify" else (1, 5)
        nodes.append(heading(top(number, 0) + writer.title(*length), 2))
        nodes.append(writer.paragraph(2, 4))
        for part in range(1, random.randint(2, 4)):
            level = 2 if same and not inner(number, part) else 3
            nodes += [heading(inner(number, part) + writer.title(1, 4), level), writer.paragraph(2, 3)]
        if random.random() < 0.5:
            nodes += parted_items(random, writer, style)
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.5))


def parted_items(random: Random, writer: Writer, style: Style) -> list[Node]:
    """Return a list some of whose items have a second paragraph below their text."""
    marks = random.choice((MARKS.get(writer.language, MARKS[""]), ("1.", "2.", "3.", "4."), ("A)", "B)", "C)", "D)")))
    hang = 2.0 * style.size
    nodes: list[Node] = []
    for mark in marks[: random.randint(3, 4)]:
        nodes.append(item(writer.sentence(4, 18), mark))
        if random.random() < 0.3:
            nodes.append(line(writer.prose(1, 2), left=hang))
    return nodes


def options(random: Random, writer: Writer) -> Draft:
    """Questions with options: squares, circles, signs of a font or brackets, below each other or in the cells of a table."""
    style = style_from(random, size=(9.5, 12.0))
    nodes: list[Node] = [heading(writer.title(2, 4), 1), writer.paragraph(1, 2)]
    for number in range(1, random.randint(3, 5)):
        nodes.append(item(f"{writer.sentence(5, 12)[:-1]}?", f"{number}.", gap=12.0))
        shape, mark = random.choice(SHAPES), random.choice(("cross", "tick", "filled"))
        chosen = random.randrange(4)
        for place in range(random.randint(2, 4)):
            checked = place == chosen if shape == "circle" else random.random() < 0.4
            look = {"mark": mark, "shape": shape}
            nodes.append(Block(Kind.CHECKBOX, (Run(writer.words(2, 6).capitalize()),), checked=checked, look=look))
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.3))


SHAPES = ("square", "circle", "glyph", "bracket")


def fillable(random: Random, writer: Writer) -> Draft:
    """A form whose values and options are fields of the file: no text layer holds them."""
    style = style_from(random, size=(9.5, 11.5))
    nodes: list[Node] = [heading(writer.title(2, 4), 1), writer.paragraph(1, 1)]
    labels = writer.labels()
    for _ in range(random.randint(1, 2)):
        nodes.append(heading(writer.title(1, 3), 2))
        look = {"colon": random.random() < 0.5, "share": random.uniform(0.32, 0.5)}
        nodes += [pair(random, label, writer.field_value(label), "field", **look) for label in labels[:4]]
        labels = labels[4:]
    nodes.append(Gap(8))
    for _ in range(random.randint(3, 5)):
        text, checked = (Run(writer.words(2, 7).capitalize()),), random.random() < 0.4
        nodes.append(Block(Kind.CHECKBOX, text, checked=checked, look={"shape": "field"}))
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.3))


def nested(random: Random, writer: Writer) -> Draft:
    """A table some of whose cells hold a small table: its rows are rows of the whole, beside cells over several of them."""
    style = style_from(random, size=(9.0, 11.0))
    cells = [Cell(text, 0, c, header=True, bold=True) for c, text in enumerate(("Part", "Measures", "Note"))]
    for row in range(1, random.randint(4, 6)):
        inner = [[writer.word(3), str(random.randint(2, 90)), writer.code(1, 3)] for _ in range(random.randint(2, 3))]
        has_inner = row == 1 or random.random() < 0.5
        text = "\n".join(" ".join(line) for line in inner) if has_inner else writer.words(2, 4)
        cells.append(Cell(writer.title(1, 2), row, 0))
        cells.append(Cell(text, row, 1, inner=inner if has_inner else []))
        cells.append(Cell(writer.words(2, 5), row, 2))
    look = TableLook(padding=random.uniform(3.0, 5.0), widths=(22, 44, 34))
    nodes: list[Node] = [
        heading(writer.title(2, 4), 1),
        writer.paragraph(1, 2),
        Block(Kind.TABLE, cells=cells, table_look=look),
    ]
    return Draft(writer.language, style, [*nodes, writer.paragraph(1, 2)], **furniture(random, writer, 0.4))


def blank(random: Random, writer: Writer) -> Draft:
    """A table to be filled in: a head, numbers at the side, and cells that are empty."""
    style = style_from(random, size=(9.0, 11.0))
    columns = random.randint(3, 5)
    rows = [[writer.title(1, 2) for _ in range(columns)]]
    rows += [[f"{n}", *[""] * (columns - 1)] for n in range(1, random.randint(5, 10))]
    look = table_look(random)
    look.rules, look.share = "grid", 1.0
    nodes: list[Node] = [heading(writer.title(2, 4), 1), writer.paragraph(1, 2), grid(rows, "l" * columns, look=look)]
    return Draft(writer.language, style, [*nodes, writer.paragraph(1, 2)], **furniture(random, writer, 0.4))
