"""The kinds of documents: each makes a draft, a schema, the data that the schema should give, and where it will stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from benchmarks.drawn.draft import Beside, Draft, Gap, Node, style_from
from benchmarks.drawn.kinds.prose import heading, line
from benchmarks.drawn.kinds.records import grid, pair
from benchmarks.drawn.truth import Block, Cell, Kind, Run, TableLook
from benchmarks.drawn.words import GOODS
from benchmarks.drawn.writer import Writer
from benchmarks.extraction.drawn.notation import DATES, amount, any_day, day, label, vocabulary

Holder = Block | Cell
TEXT, NUMBER, DATE = {"type": "string"}, {"type": "number"}, {"type": "string", "format": "date"}
TYPES = {"date": DATE, "money": NUMBER, "decimal": NUMBER, "count": {"type": "integer"}}
"""The schemas of the kinds of a form's fields; all others are texts."""


@dataclass
class Paper:
    """A document before it is drawn. ``places`` has the block or cell of each value by its JSON pointer, and its text there."""

    language: str
    nodes: list[Node] = field(default_factory=list)
    schema: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[str, tuple[Holder, str]] = field(default_factory=dict)
    blanks: set[str] = field(default_factory=set)
    foot: str = ""
    narrow: bool = False

    def ask(self, key: str, schema: dict[str, Any], value: Any) -> None:
        self.schema.setdefault("properties", {})[key] = schema
        self.data[key] = value

    def draft(self, random: Random) -> Draft:
        style = style_from(random, size=(8.5, 10.5))
        style.paper, style.margins = (595.28, 841.89), (60.0, 50.0, 70.0, 50.0)
        if self.narrow:
            style.paper, style.margins, style.family = (240.0, 620.0), (18.0, 14.0, 18.0, 14.0), "mono"
        style.indent, style.align, style.heading_scale = 0.0, "left", (1.7, 1.3, 1.1)
        return Draft(self.language, style, self.nodes, foot=self.foot)


class Maker:
    """Makes papers in one language: its writer, its dates and its amounts."""

    def __init__(self, random: Random, language: str) -> None:
        self.random, self.language = random, language
        self.writer = Writer(random, language)
        self.form = random.choice(DATES[language])
        self.paper = Paper(language)

    def name(self, key: str) -> str:
        return label(key, self.language)

    def money(self, value: float) -> str:
        return amount(value, self.language)


# --- forms ---


def form(random: Random, language: str, layout: str) -> Paper:
    """A form: fields that are filled in or blank, check boxes, and two fields that are asked for and not there."""
    maker = Maker(random, language)
    bank = vocabulary()["fields"]
    names = random.sample(sorted(bank), 12)
    how = random.choice(("title", "labels", "key"))
    rows = []
    for name in names[:10]:
        text, value = form_value(maker, bank[name]["kind"])
        own, kind = bank[name]["labels"][language], bank[name]["kind"]
        blank = random.random() < 0.3
        key = _ask(maker.paper, name, own, dict(TYPES.get(kind, TEXT)), None if blank else value, how)
        if blank:
            maker.paper.blanks.add(f"/{key}")
        rows.append((key, own, "" if blank else text))
    for name in names[10:]:
        kind = bank[name]["kind"]
        _ask(maker.paper, name, bank[name]["labels"][language], dict(TYPES.get(kind, TEXT)), None, how)
    maker.paper.nodes = [heading(label("form", language), 1), maker.writer.paragraph(1, 1), Gap(6)]
    maker.paper.nodes += FORMS[layout](maker, rows)
    maker.paper.nodes += [Gap(8), *_check_boxes(maker, how)]
    return maker.paper


def _ask(paper: Paper, name: str, own: str, schema: dict[str, Any], value: Any, how: str) -> str:
    """Ask for a field as callers do: by its title, by labels, or by a key that is its label."""
    key = re.sub(r"\W+", "_", own.casefold()).strip("_") if how == "key" else name
    more = {"title": {"title": own}, "labels": {"x-labels": [own]}, "key": {}}[how]
    paper.ask(key, {**schema, **more}, value)
    return key


def form_value(maker: Maker, kind: str) -> tuple[str, Any]:
    """What is written in a field of a kind, and its value."""
    random, writer = maker.random, maker.writer
    match kind:
        case "date":
            when = any_day(random, 1950, 2025)
            return day(when, maker.form, maker.language), when.isoformat()
        case "money":
            value = round(random.uniform(200, 90_000), 2)
            return maker.money(value), value
        case "decimal":
            value = round(random.uniform(30, 120), 1)
            return amount(value, maker.language, 1), value
        case "count":
            value = random.randint(0, 9) if random.random() < 0.5 else random.randint(100, 999)
            return str(value), value
    texts: dict[str, Callable[[], str]] = {
        "name": writer.person,
        "firm": writer.firm,
        "code": lambda: writer.code(2, 6),
        "town": lambda: writer.title(1, 1),
        "word": lambda: writer.title(1, 2),
        "street": lambda: f"{writer.title(1, 1)} {random.randint(1, 150)}",
        "phone": lambda: f"+{random.randint(31, 49)} {random.randint(100, 999)} {random.randint(100000, 999999)}",
        "email": lambda: f"{writer.code(4, 2).lower()}@{writer.code(5, 0).lower()}.example",
    }
    text = texts[kind]()
    return text, text


Rows = list[tuple[str, str, str]]
"""The fields of a form: key, label, and the text that is filled in."""


def _pairs(how: str) -> Callable[[Maker, Rows], list[Node]]:
    def nodes(maker: Maker, rows: Rows) -> list[Node]:
        look = {"colon": maker.random.random() < 0.5 and how != "boxed", "share": 0.45}
        blocks = [pair(maker.random, own, text, how, **look) for _, own, text in rows]
        maker.paper.places |= {f"/{key}": (block, text) for (key, _, text), block in zip(rows, blocks, strict=True) if text}
        return list(blocks)

    return nodes


def _side_by_side(maker: Maker, rows: Rows) -> list[Node]:
    made = _pairs("line")(maker, rows)
    for one in made:
        one.look["share"] = 0.56  # type: ignore[union-attr]
    half = len(made) // 2
    return [Beside([made[:half], made[half:]], [0.5, 0.5])]


def _sentences(maker: Maker, rows: Rows) -> list[Node]:
    nodes: list[Node] = []
    for key, own, text in rows:
        nodes.append(line(f"{own}: {text}".strip(), gap=4.0))
        if text:
            maker.paper.places[f"/{key}"] = (nodes[-1], text)  # type: ignore[assignment]
    return nodes


def _below(maker: Maker, rows: Rows) -> list[Node]:
    nodes: list[Node] = []
    for key, own, text in rows:
        value = line(text or "_" * 30, gap=1.0)
        nodes += [line(own, gap=9.0, bold=True), value]
        if text:
            maker.paper.places[f"/{key}"] = (value, text)
    return nodes


def _table(across: int) -> Callable[[Maker, Rows], list[Node]]:
    def nodes(maker: Maker, rows: Rows) -> list[Node]:
        lines = [rows[place : place + across] for place in range(0, len(rows), across)]
        texts = [[part for _, own, text in one for part in (own, text)] for one in lines]
        texts[-1] += [""] * (2 * across - len(texts[-1]))
        block = grid(texts, "ll" * across, heads=0, look=TableLook(padding=4.0, widths=(30, 26) * across))
        for cell in block.cells:
            place = cell.row * across + cell.column // 2
            if cell.column % 2 and place < len(rows) and cell.text:
                maker.paper.places[f"/{rows[place][0]}"] = (cell, cell.text)
        return [block]

    return nodes


FORMS: dict[str, Callable[[Maker, Rows], list[Node]]] = {
    "lines": _pairs("line"),
    "boxed": _pairs("boxed"),
    "plain": _pairs("plain"),
    "sentences": _sentences,
    "table": _table(1),
    "dots": _pairs("dots"),
    "side_by_side": _side_by_side,
    "below": _below,
    "wide_table": _table(2),
}


def _check_boxes(maker: Maker, how: str) -> list[Node]:
    boxes = vocabulary()["boxes"]
    nodes: list[Node] = []
    mark = maker.random.choice(("cross", "tick", "filled"))
    for name in maker.random.sample(sorted(boxes), 3):
        checked = maker.random.random() < 0.5
        own = boxes[name][maker.language]
        _ask(maker.paper, name, own, {"type": "boolean"}, checked, how)
        nodes.append(Block(Kind.CHECKBOX, (Run(own),), checked=checked, look={"mark": mark}))
    return nodes


# --- invoices and orders ---


def invoice(random: Random, language: str, layout: str) -> Paper:
    """An invoice with its facts, its lines and its totals; the prebuilt fields are asked for."""
    maker = Maker(random, language)
    issued = any_day(random)
    facts = {
        "invoice_number": maker.writer.code(2, 6),
        "customer_number": maker.writer.code(1, 5),
        "order_number": maker.writer.code(2, 5),
    }
    days = {"issue_date": issued, "due_date": issued + timedelta(days=random.choice((14, 30, 60)))}
    return _business(maker, "invoice", layout, facts, days)


def order(random: Random, language: str, layout: str) -> Paper:
    """A purchase order."""
    maker = Maker(random, language)
    ordered = any_day(random)
    days = {"order_date": ordered, "deliver_by": ordered + timedelta(days=random.randint(5, 40))}
    paper = _business(maker, "order", layout, {"order_number": maker.writer.code(2, 6)}, days)
    for old, new in (("order_date", "date"), ("deliver_by", "delivery_date")):
        for held in (paper.schema["properties"], paper.data):
            held[new] = held.pop(old)
        paper.places[f"/{new}"] = paper.places.pop(f"/{old}")
    return paper


def _business(maker: Maker, kind: str, layout: str, facts: dict[str, str], days: dict[str, Any]) -> Paper:
    paper, language = maker.paper, maker.language
    texts = {key: (text, text) for key, text in facts.items()}
    texts |= {key: (day(when, maker.form, language), when.isoformat()) for key, when in days.items()}
    shown = [(key, maker.name(key), text) for key, (text, _) in texts.items()]
    for key, (_, value) in texts.items():
        paper.ask(key, DATE if key in days else TEXT, value)
    buyer = [line(label("bill_to", language), bold=True), line(maker.writer.person(), gap=0.0)]
    buyer += [line(text, gap=0.0) for text in maker.writer.address()]
    seller = [line(maker.writer.firm(), bold=True), *(line(text, gap=0.0) for text in maker.writer.address())]
    title = heading(maker.name(kind), 1)
    goods, totals = _goods(maker, layout)
    if layout == "facts_right":
        right = _pairs("plain")(maker, shown)
        paper.nodes = [*seller, Gap(8), title, Beside([list(buyer), right], [0.5, 0.5]), Gap(8), goods, Gap(4), *totals]
    elif layout == "facts_in_a_row":
        row = grid([[own for _, own, _ in shown], [text for *_, text in shown]], "l" * len(shown))
        paper.places |= {f"/{shown[cell.column][0]}": (cell, cell.text) for cell in row.cells if cell.row == 1}
        paper.nodes = [title, Beside([list(seller), list(buyer)], [0.5, 0.5]), Gap(8), row, Gap(6), goods, Gap(4), *totals]
    else:
        parties = Beside([list(seller), list(buyer)], [0.5, 0.5])
        paper.nodes = [title, parties, Gap(8), *_pairs("plain")(maker, shown), Gap(6), goods, Gap(4), *totals]
    paper.foot = f"\t{maker.name('page')} {{page}}"
    return paper


ITEM = {"name": TEXT, "quantity": NUMBER, "unit_price": NUMBER, "line_total": NUMBER}


def _goods(maker: Maker, layout: str) -> tuple[Block, list[Node]]:
    """The table of what is sold, and the totals below it if they are no rows of it."""
    random, paper = maker.random, maker.paper
    keys = ["name", "quantity", "unit_price", "line_total"]
    heads = {
        "name": "item",
        "quantity": "qty",
        "unit_price": "price",
        "line_total": "amount",
        "position": "pos",
        "item_code": "code",
    }
    extra = random.choice(((), ("position",), ("position", "item_code")))
    columns = [*extra, *keys]
    schema = {
        **ITEM,
        **({"position": NUMBER} if "position" in extra else {}),
        **({"item_code": TEXT} if "item_code" in extra else {}),
    }
    count = random.randint(25, 45) if layout == "long" else random.randint(2, 9)
    rows: list[dict[str, Any]] = []
    texts: list[list[str]] = [[maker.name(heads[key]) for key in columns]]
    for number in range(1, count + 1):
        quantity, price = random.randint(1, 40), round(random.uniform(0.5, 900), 2)
        name = random.choice(GOODS)
        if layout in ("long", "facts_in_a_row") and random.random() < 0.5:
            name += f" {maker.writer.words(4, 9)}"
        row = {"position": number, "item_code": maker.writer.code(1, 4), "name": name, "quantity": quantity}
        row |= {"unit_price": price, "line_total": round(quantity * price, 2)}
        rows.append({key: row[key] for key in columns})
        texts.append([_cell(maker, rows[-1][key], key) for key in columns])
        if layout == "facts_in_a_row" and random.random() < 0.25:
            less = -round(0.1 * row["line_total"], 2)
            rows.append({**dict.fromkeys(columns), "name": f"{maker.name('discount')} 10 %", "line_total": less})
            texts.append([_cell(maker, rows[-1][key], key) for key in columns])
    net = round(sum(row["line_total"] for row in rows), 2)
    tax = round(0.2 * net, 2)
    sums = [("tax_basis_total", "net", net), ("tax_total", "tax", tax), ("grand_total", "gross", round(net + tax, 2))]
    within = layout in ("plain", "long")
    if within:
        texts += [["", *[""] * (len(columns) - 3), maker.name(name), maker.money(value)] for _, name, value in sums]
        for one in texts[-3:]:
            one[:] = [""] * (len(columns) - 2) + one[-2:]
    look = TableLook(rules=random.choice(("grid", "rows", "head", "none")), padding=random.uniform(2, 4))
    look.widths = tuple({"name": 40.0, "position": 8.0}.get(key, 16.0) for key in columns)
    block = grid(texts, "".join("r" if key not in ("name", "item_code") else "l" for key in columns), look=look)
    for cell in block.cells:
        if 1 <= cell.row <= len(rows) and cell.text:
            paper.places[f"/lines/{cell.row - 1}/{columns[cell.column]}"] = (cell, cell.text)
        elif cell.row > len(rows) and cell.column == len(columns) - 1:
            paper.places[f"/{sums[cell.row - len(rows) - 1][0]}"] = (cell, cell.text)
    paper.ask("lines", {"type": "array", "items": {"type": "object", "properties": schema}}, rows)
    for key, _, value in sums:
        paper.ask(key, NUMBER, value)
    if within:
        return block, []
    pairs = [pair(random, maker.name(name), maker.money(value), "right") for _, name, value in sums]
    paper.places |= {f"/{key}": (one, one.value) for (key, *_), one in zip(sums, pairs, strict=True)}
    return block, [Beside([[], list(pairs)], [0.55, 0.45])]


def _cell(maker: Maker, value: Any, key: str) -> str:
    if value is None:
        return ""
    return maker.money(value) if key in ("unit_price", "line_total") else str(value)


# --- receipts and statements ---


def receipt(random: Random, language: str, layout: str) -> Paper:
    """A till's receipt."""
    maker = Maker(random, language)
    paper, when, firm = maker.paper, any_day(random), maker.writer.firm()
    number = maker.writer.code(0, 6)
    paper.narrow = True
    bought = [(random.choice(GOODS)[:18], round(random.uniform(0.5, 60), 2)) for _ in range(random.randint(3, 9))]
    total = round(sum(price for _, price in bought), 2)
    title = heading(firm, 1, align="center")
    dated = line(f"{maker.name('date')}: {day(when, maker.form, language)}", gap=6.0)
    numbered = line(f"{maker.name('receipt_no')}: {number}", gap=0.0)
    items = [pair(random, name, maker.money(price), "right", share=0.72) for name, price in bought]
    summed = pair(random, maker.name("sum"), maker.money(total), "right", share=0.6, bold_label=True)
    address = [line(text, align="center", gap=0.0) for text in maker.writer.address()]
    facts = [dated, numbered]
    middle = [Gap(6, rule=True), *items, Gap(4, rule=True), summed]
    paper.nodes = [title, *address, *(middle + facts if layout == "facts_last" else facts + middle)]
    for key, schema, value, place in (
        ("company", TEXT, firm, (title, firm)),
        ("date", DATE, when.isoformat(), (dated, day(when, maker.form, language))),
        (
            "receipt_number",
            {**TEXT, "x-role": "identifier", "x-labels": [maker.name("receipt_no")]},
            number,
            (numbered, number),
        ),
        ("total", NUMBER, total, (summed, summed.value)),
    ):
        paper.ask(key, schema, value)
        paper.places[f"/{key}"] = place
    return paper


def statement(random: Random, language: str, layout: str) -> Paper:
    """A bank statement over some pages."""
    maker = Maker(random, language)
    paper, when = maker.paper, any_day(random)
    balance = round(random.uniform(900, 9000), 2)
    account = maker.writer.code(0, 9)
    facts = [("account", account, account), ("opening", maker.money(balance), balance)]
    rows: list[dict[str, Any]] = []
    texts = [[maker.name(name) for name in ("date", "details", "debit", "credit", "balance")]]
    for _ in range(random.randint(12, 60)):
        when += timedelta(days=random.randint(0, 3))
        spent, value = random.random() < 0.6, round(random.uniform(2, 900), 2)
        balance = round(balance - value if spent else balance + value, 2)
        details = maker.writer.firm() + (f" {maker.writer.code()}" if random.random() < 0.5 else "")
        rows.append({"date": when.isoformat(), "details": details, "debit": value if spent else None})
        rows[-1] |= {"credit": None if spent else value, "balance": balance}
        shown = maker.money(value)
        written = day(when, DATES[language][0], language)
        texts.append([written, details, shown if spent else "", "" if spent else shown, maker.money(balance)])
    facts.append(("closing", maker.money(balance), balance))
    look = TableLook(rules="none" if layout == "open" else random.choice(("grid", "rows", "head")), widths=(20, 38, 14, 14, 16))
    block = grid(texts, "llrrr", look=look)
    block.look["repeat"] = layout != "open"
    columns = ("date", "details", "debit", "credit", "balance")
    for cell in block.cells:
        if cell.row and cell.text:
            paper.places[f"/lines/{cell.row - 1}/{columns[cell.column]}"] = (cell, cell.text)
    shown_facts = _pairs("plain")(maker, [(key, maker.name(key), text) for key, text, _ in facts])
    paper.nodes = [heading(maker.name("statement"), 1), *shown_facts, Gap(6), block]
    for key, _, fact in facts:
        paper.ask(key, {**(TEXT if key == "account" else NUMBER), "title": maker.name(key)}, fact)
    item = {"date": DATE, "details": TEXT, "debit": NUMBER, "credit": NUMBER, "balance": NUMBER}
    item["details"] = {**TEXT, "title": maker.name("details")}
    paper.ask("lines", {"type": "array", "items": {"type": "object", "properties": item}}, rows)
    paper.foot = f"\t{maker.name('page')} {{page}}"
    return paper


KINDS: dict[str, tuple[Callable[[Random, str, str], Paper], tuple[str, ...], int]] = {
    "form": (form, tuple(FORMS), 90),
    "invoice": (invoice, ("plain", "facts_right", "long", "facts_in_a_row"), 48),
    "order": (order, ("plain", "facts_right", "facts_in_a_row"), 18),
    "receipt": (receipt, ("facts_first", "facts_last"), 16),
    "statement": (statement, ("ruled", "open"), 28),
}
"""What makes a kind of document, its layouts, and how many of each two hundred are of it."""
HELD_OUT_LAYOUTS = frozenset({"dots", "side_by_side", "below", "wide_table", "facts_in_a_row", "facts_last", "open"})
HELD_OUT_LANGUAGES = frozenset({"it", "nl", "pl"})
"""Nothing was fitted on documents with one of these: they are for the report alone."""
