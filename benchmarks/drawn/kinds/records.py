"""Documents that are mostly tables and fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from benchmarks.drawn.draft import Beside, Draft, Gap, Node, style_from
from benchmarks.drawn.kinds.prose import furniture, heading, item, line
from benchmarks.drawn.truth import Block, Cell, Kind, Run, TableLook
from benchmarks.drawn.words import GOODS, TESTS
from benchmarks.drawn.writer import Writer

RULES = ("grid", "grid", "rows", "head", "outer", "dotted", "none")
SHADES = ("none", "none", "zebra", "head")


def table_look(random: Random, *, size: float = 1.0) -> TableLook:
    """Return how a table is drawn, at random."""
    rules = random.choice(RULES)
    return TableLook(
        rules=rules,
        shade=random.choice(SHADES) if rules != "none" else random.choice(("none", "zebra", "head", "head")),
        padding=random.uniform(2.0, 5.0),
        share=random.choice((1.0, 1.0, 1.0, 0.85, 0.7)),
        size=size * random.uniform(0.85, 1.0),
        shade_colour=random.choice(("#e6e6ee", "#eeeeee", "#dfe9f3", "#f3ead8")),
        white_boxes=random.random() < 0.15,
    )


def grid(
    rows: Sequence[Sequence[str]], aligns: str, *, heads: int = 1, bold_heads: bool = True, look: TableLook | None = None
) -> Block:
    """Return a table without spans. ``aligns`` has a letter a column, for the cells below the head."""
    cells = [
        Cell(text, r, c, header=r < heads, align=aligns[c], bold=r < heads and bold_heads)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    ]
    return Block(Kind.TABLE, cells=cells, table_look=look or TableLook())


def pair(random: Random, label: str, value: str, how: str, **look: object) -> Block:
    return Block(Kind.PAIR, (Run(label),), value=value, look={"pair": how, **look})


def form(random: Random, writer: Writer) -> Draft:
    """A form: labels with values on lines, on dots, in boxes or a letter a box, in one column or two, and check boxes."""
    style = style_from(random, size=(9.0, 11.0))
    nodes: list[Node] = [heading(writer.title(2, 4), 1), writer.paragraph(1, 1)]
    labels = writer.labels()
    for _ in range(random.randint(1, 2)):
        nodes.append(heading(writer.title(1, 3), 2))
        chosen = [labels.pop() for _ in range(min(len(labels), random.randint(3, 5)))]
        how = random.choice(("line", "dots", "plain", "boxed"))
        nodes += fields(random, writer, chosen, how)
    nodes += [
        pair(random, "Date", f"{random.randint(1, 28):02d}{random.randint(1, 12):02d}{random.randint(1990, 2030)}", "comb")
    ]
    nodes += [Gap(8), *checkboxes(random, writer, random.randint(3, 6))]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.3))


def fields(random: Random, writer: Writer, labels: Sequence[str], how: str) -> list[Node]:
    """Return pairs of these labels, two side by side sometimes."""
    look = {
        "colon": random.random() < 0.5 and how != "boxed",
        "bold_label": random.random() < 0.4,
        "share": random.uniform(0.32, 0.5),
    }
    made: list[Node] = [pair(random, label, writer.field_value(label), how, **look) for label in labels]
    if random.random() < 0.4 and len(made) > 3:
        half = len(made) // 2
        return [Beside([made[:half], made[half : 2 * half]], [0.5, 0.5]), *made[2 * half :]]
    return made


def checkboxes(random: Random, writer: Writer, count: int) -> list[Node]:
    mark = random.choice(("cross", "tick", "filled"))
    return [
        Block(Kind.CHECKBOX, (Run(writer.words(2, 7).capitalize()),), checked=random.random() < 0.4, look={"mark": mark})
        for _ in range(count)
    ]


def questionnaire(random: Random, writer: Writer) -> Draft:
    """Questions with check boxes below them."""
    style = style_from(random, size=(9.5, 12.0))
    nodes: list[Node] = [heading(writer.title(2, 4), 1), writer.paragraph(1, 2)]
    bold = random.random() < 0.5
    for number in range(1, random.randint(4, 6)):
        nodes.append(item(f"{writer.sentence(5, 12)[:-1]}?", f"{number}.", gap=12.0, bold=bold))
        nodes += checkboxes(random, writer, random.randint(2, 4))
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.3))


def invoice(random: Random, writer: Writer) -> Draft:
    """An invoice: seller and buyer side by side, facts, goods with totals, and how to pay."""
    style = style_from(random, size=(8.5, 10.5))
    seller = [line(writer.firm(), bold=True), *(line(text, gap=0.0) for text in writer.address())]
    buyer = [line("Bill to", bold=True), line(writer.firm(), gap=0.0), *(line(text, gap=0.0) for text in writer.address())]
    facts = [
        pair(random, label, value, "plain", colon=True, share=0.5)
        for label, value in (("Invoice No.", writer.code()), ("Date", writer.date()), ("Due", writer.date()))
    ]
    nodes: list[Node] = [heading(random.choice(("Invoice", "INVOICE", "Tax invoice")), 1)]
    nodes += [Beside([list(seller), list(buyer)], [0.5, 0.5]), Gap(10), *facts, Gap(6), goods_table(random, writer)]
    nodes += [Gap(8), writer.paragraph(1, 2), line(f"IBAN: {writer.code(2, 18)}")]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.4))


def goods_table(random: Random, writer: Writer) -> Block:
    """Return goods with prices; the sums below are cells over several columns, or stand in the last two."""
    rows, total = [["Item", "Description", "Qty", "Price", "Amount"]], 0.0
    for number in range(1, random.randint(4, 12)):
        count, price = random.randint(1, 40), round(random.uniform(0.5, 400), 2)
        total += count * price
        text = random.choice(GOODS)
        if random.random() < 0.25:
            text += f", {writer.words(4, 9)}"
        rows.append([str(number), text, str(count), f"{price:,.2f}", f"{count * price:,.2f}"])
    block = grid(rows, "llrrr", look=table_look(random))
    spans = random.random() < 0.5
    for label, value in (("Subtotal", total), ("VAT 20%", 0.2 * total), ("Total", 1.2 * total)):
        row = block.shape[0]
        last = Cell(f"{value:,.2f}", row, 4, align="r", bold=label == "Total")
        if spans:
            block.cells += [Cell(label, row, 0, colspan=4, align="r", bold=label == "Total"), last]
        else:
            empty = [Cell("", row, column) for column in range(3)]
            block.cells += [*empty, Cell(label, row, 3, align="r", bold=label == "Total"), last]
    return block


def statement(random: Random, writer: Writer) -> Draft:
    """A bank statement over pages, whose table repeats its head on each."""
    style = style_from(random, size=(8.0, 10.0))
    day, balance = writer.day(), random.uniform(500, 9000)
    rows = [["Date", "Details", "Paid out", "Paid in", "Balance"]]
    for _ in range(random.randint(18, 70)):
        day += timedelta(days=random.randint(0, 4))
        amount = round(random.uniform(2, 900), 2)
        out = random.random() < 0.7
        balance += -amount if out else amount
        details = random.choice((writer.firm(), f"Card {writer.code(0, 4)} {writer.firm()}", writer.person()))
        if random.random() < 0.15:
            details += f"\n{writer.code()}"
        rows.append(
            [
                day.strftime("%d %b %Y"),
                details,
                f"{amount:,.2f}" if out else "",
                "" if out else f"{amount:,.2f}",
                f"{balance:,.2f}",
            ]
        )
    look = table_look(random)
    look.share, look.widths = 1.0, (16, 40, 14, 14, 16)
    facts = [
        pair(random, label, value, "plain", share=0.45)
        for label, value in (("Account", writer.code(0, 10)), ("Sort code", writer.code(0, 6)))
    ]
    nodes: list[Node] = [
        heading("Statement of account", 1),
        line(writer.person()),
        *(line(t, gap=0.0) for t in writer.address()),
    ]
    nodes += [Gap(6), *facts, grid(rows, "llrrr", look=look), writer.paragraph(1, 2)]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.7))


def ledger(random: Random, writer: Writer) -> Draft:
    """A ledger: many narrow columns of numbers, a head of two rows with spans, turned heads sometimes, totals."""
    style = style_from(random, landscape=random.random() < 0.6, size=(7.5, 9.5))
    groups, each = random.randint(2, 4), random.randint(2, 3)
    turned = random.random() < 0.25
    cells = [Cell("Account", 0, 0, rowspan=2, header=True, bold=True)]
    for group in range(groups):
        first = 1 + group * each
        cells.append(Cell(str(2019 + group), 0, first, colspan=each, header=True, align="c", bold=True))
        names = ("Debit", "Credit", "Net")[:each]
        cells += [Cell(name, 1, first + n, header=True, align="r", bold=True, turned=turned) for n, name in enumerate(names)]
    count = random.randint(8, 22)
    for row in range(2, 2 + count):
        cells.append(Cell(writer.title(1, 2), row, 0))
        for column in range(1, 1 + groups * each):
            text = "" if random.random() < 0.12 else f"{random.randint(-900, 99_000):,}"
            cells.append(Cell(text, row, column, align="r"))
    cells.append(Cell("Total", 2 + count, 0, bold=True))
    cells += [
        Cell(f"{random.randint(1000, 999_000):,}", 2 + count, c, align="r", bold=True) for c in range(1, 1 + groups * each)
    ]
    look = table_look(random)
    look.share = 1.0
    nodes: list[Node] = [
        heading(writer.title(2, 4), 1),
        Block(Kind.TABLE, cells=cells, table_look=look),
        writer.paragraph(1, 2),
    ]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.5))


def lab(random: Random, writer: Writer) -> Draft:
    """A laboratory report: facts of a person, results with units and ranges, headings between the rows."""
    style = style_from(random, size=(8.5, 10.5))
    labels = [("Patient", writer.person()), ("Born", writer.date()), ("Sample", writer.code()), ("Taken", writer.date())]
    how = random.choice(("plain", "plain", "line"))
    facts = [pair(random, label, value, how, colon=True, share=0.4) for label, value in labels]
    nodes: list[Node] = [heading(writer.firm() + " Laboratory", 1), Beside([list(facts[:2]), list(facts[2:])], [0.5, 0.5])]
    tests = random.sample(TESTS, random.randint(7, 14))
    cells = [Cell(t, 0, c, header=True, bold=True, align="lrll"[c]) for c, t in enumerate(("Test", "Result", "Unit", "Range"))]
    between = random.random() < 0.6
    row = 1
    for number, (name, unit, low, high) in enumerate(tests):
        if between and number % 4 == 0:
            cells.append(Cell(writer.title(1, 2), row, 0, colspan=4, bold=True))
            row += 1
        value = random.uniform(0.8 * low, 1.2 * high)
        flag = random.choice(("", " *")) if not low <= value <= high else ""
        for column, text in enumerate((name, f"{value:.1f}{flag}", unit, f"{low} - {high}")):
            cells.append(Cell(text, row, column, align="lrll"[column]))
        row += 1
    nodes += [Gap(8), Block(Kind.TABLE, cells=cells, table_look=table_look(random)), writer.paragraph(1, 3)]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.5))


def prices(random: Random, writer: Writer) -> Draft:
    """A price list: groups with headings, cells of several lines, two tables side by side or below each other."""
    style = style_from(random, size=(8.5, 10.5))
    nodes: list[Node] = [heading(writer.title(2, 3), 1), writer.paragraph(1, 1)]
    if random.random() < 0.35:
        look = table_look(random, size=0.9)
        look.share = 1.0
        tables: list[list[Node]] = [[_prices(random, writer, look, short=True)] for _ in range(2)]
        nodes.append(Beside(tables, [0.5, 0.5], gap=24))
    for _ in range(random.randint(1, 3)):
        nodes += [heading(writer.title(1, 3), 2), _prices(random, writer, table_look(random))]
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.4))


def _prices(random: Random, writer: Writer, look: TableLook, *, short: bool = False) -> Block:
    head = ["Article", "Price"] if short else ["No.", "Article", "Pack", "Price"]
    rows = [head]
    for _ in range(random.randint(3, 9)):
        name = random.choice(GOODS)
        if not short and random.random() < 0.35:
            name += f"\n{writer.words(3, 7)}"
        price = f"{random.uniform(0.3, 300):.2f}"
        rows.append([name, price] if short else [writer.code(1, 4), name, str(random.choice((1, 5, 10, 50, 100))), price])
    return grid(rows, "lr" if short else "llrr", look=look, bold_heads=random.random() < 0.8)


def tables(random: Random, writer: Writer) -> Draft:
    """Tables of every look: empty cells, spans in heads and at the side, several lines a cell, stacked."""
    style = style_from(random, size=(8.5, 11.0))
    nodes: list[Node] = []
    for number in range(1, random.randint(2, 4)):
        if random.random() < 0.6:
            nodes.append(writer.paragraph(1, 3))
        if random.random() < 0.5:
            nodes.append(Block(Kind.CAPTION, (Run(f"Table {number}: {writer.sentence(3, 7)}"),), look={"align": "left"}))
        nodes.append(any_table(random, writer))
    nodes.append(writer.paragraph(1, 3))
    return Draft(writer.language, style, nodes, **furniture(random, writer, 0.4))


def any_table(random: Random, writer: Writer) -> Block:
    """Return a table with spans and empty cells at random."""
    columns, rows = random.randint(2, 6), random.randint(3, 9)
    numeric = [column > 0 and random.random() < 0.6 for column in range(columns)]
    cells, first = [], 0
    if columns > 3 and random.random() < 0.35:
        cut = random.randint(1, columns - 2)
        cells += [Cell(writer.title(1, 2), 0, 0, rowspan=2, header=True, bold=True)] if cut == 1 else []
        cells += [Cell(writer.title(1, 2), 0, c, rowspan=2, header=True, bold=True) for c in range(cut)] if cut > 1 else []
        cells.append(Cell(writer.title(1, 3), 0, cut, colspan=columns - cut, header=True, align="c", bold=True))
        cells += [Cell(writer.title(1, 1), 1, c, header=True, bold=True) for c in range(cut, columns)]
        first = 2
    else:
        bold = random.random() < 0.8
        aligns = ["r" if one and random.random() < 0.7 else "l" for one in numeric]
        cells += [Cell(writer.title(1, 2), 0, c, header=True, bold=bold, align=aligns[c]) for c in range(columns)]
        first = 1
    tall = random.random() < 0.25
    row = first
    while row < first + rows:
        deep = random.randint(2, 3) if tall else 1
        if deep > 1:
            cells.append(Cell(writer.title(1, 2), row, 0, rowspan=deep))
        for r in range(row, row + deep):
            for column in range(int(deep > 1), columns):
                cells.append(
                    Cell(_cell_text(random, writer, numeric[column], column), r, column, align="r" if numeric[column] else "l")
                )
        row += deep
    return Block(Kind.TABLE, cells=cells, table_look=table_look(random))


def _cell_text(random: Random, writer: Writer, numeric: bool, column: int) -> str:
    if column and random.random() < 0.12:
        return random.choice(("", "", "-", "n/a"))
    if numeric:
        return random.choice((writer.amount(), str(random.randint(0, 9999)), f"{random.uniform(0, 100):.1f}%"))
    return writer.words(1, 3) if random.random() < 0.8 else writer.words(5, 12)
