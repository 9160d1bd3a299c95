"""Documents of each type with words of their own: four layouts a type, in seven languages.

They are drafts as those of ``benchmarks.drawn``, so that any of its typesetters can set them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.drawn.draft import Beside, Columns, Draft, Gap, Node, Style, style_from
from benchmarks.drawn.kinds.prose import furniture, heading, item, line
from benchmarks.drawn.kinds.records import checkboxes, grid, pair, table_look
from benchmarks.drawn.truth import Block, Kind, Run
from benchmarks.drawn.words import TESTS
from benchmarks.drawn.writer import Writer

PHRASES = Path(__file__).with_name("phrases.json")
"""Titles, labels and sentences of each type by language; below ``_shared`` what several types say."""
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
LAYOUTS = ("letter", "centred", "terse", "untitled")
"""How a document is laid out. ``untitled`` has no title, so that labels and words must tell."""
OUTSIDE = ("figures", "code", "map", "empty")
"""Kinds that are of none of the types."""
SHORT = "short"
"""Short running text, which is generic."""


@cache
def phrases() -> dict[str, Any]:
    """What documents say, by type and language."""
    found: dict[str, Any] = json.loads(PHRASES.read_text("utf-8"))
    return found


class Record:
    """Draws one document of a type in a layout and language at random."""

    def __init__(self, kind: str, layout: str, language: str, random: Random) -> None:
        self.kind, self.layout, self.language, self.random = kind, layout, language, random
        self.writer = Writer(random, language)
        self.own = phrases().get("generic" if kind == "short" else kind, {}).get(language, {})
        self.shared = {name: of[language] for name, of in phrases()["_shared"].items()}

    def draft(self) -> Draft:
        style = style_from(self.random, size=(8.5, 11.0))
        nodes = BUILDERS[self.kind](self, style)
        draft = Draft(self.language, style, nodes, **furniture(self.random, self.writer, 0.2))
        draft.kind = self.kind
        return draft

    def title(self) -> list[Node]:
        """The title as the layout shows it; nothing without one."""
        text = self.random.choice(self.own["titles"])
        if self.layout == "untitled":
            return []
        if self.layout == "terse":
            return [line(f"{text} {self.writer.code()}", bold=self.random.random() < 0.5)]
        return [heading(text, 1, align="center" if self.layout == "centred" else "left")]

    def labels(self, low: int, high: int) -> list[str]:
        count = min(len(self.own["labels"]), self.random.randint(low, high))
        return self.random.sample(self.own["labels"], count)

    def says(self, low: int, high: int) -> list[str]:
        count = min(len(self.own["says"]), self.random.randint(low, high))
        return self.random.sample(self.own["says"], count)

    def sender(self) -> list[Node]:
        return [line(self.writer.firm(), bold=True), *(line(text, gap=0.0) for text in self.writer.address())]

    def facts(self, low: int, high: int, how: str = "plain") -> list[Node]:
        look = {"colon": self.random.random() < 0.6, "share": self.random.uniform(0.32, 0.5)}
        return [pair(self.random, label, self.value(label), how, **look) for label in self.labels(low, high)]

    def value(self, label: str) -> str:
        low = label.casefold()
        if any(part in low for part in ("dat", "fecha", "échéance", "due", "scaden", "vencim", "verval", "termin", "fällig")):
            return self.writer.date()
        if any(part in low for part in ("no", "nr", "n°", "nº", "num", "núm", "zeichen", "r.g", "case", "id", "mrn")):
            return self.writer.code()
        return self.random.choice((self.writer.person, self.writer.firm, self.writer.code))()

    def goods(self) -> list[tuple[str, int, float]]:
        names = self.shared["goods"]
        return [
            (self.random.choice(names), self.random.randint(1, 30), round(self.random.uniform(0.5, 300), 2))
            for _ in range(self.random.randint(2, 8))
        ]


def trade(record: Record, style: Style) -> list[Node]:
    """An invoice or an order: parties, facts, goods, sums, a few sentences."""
    random, goods = record.random, record.goods()
    total = sum(count * price for _, count, price in goods)
    sums = [(name, total * share) for name, share in zip(record.shared["sums"], (1.0, 0.2, 1.2), strict=True)]
    rows = [[str(n), name, str(c), f"{p:,.2f}", f"{c * p:,.2f}"] for n, (name, c, p) in enumerate(goods, start=1)]
    table: list[Node] = [grid([record.shared["heads"], *rows], "llrrr", look=table_look(random))]
    if record.layout == "terse":
        table = [pair(random, f"{c} x {name}", f"{c * p:,.2f}", "right", share=0.7) for name, c, p in goods]
    if record.kind == "purchase_order" and random.random() < 0.4:
        sums = []
    below = [pair(random, name, f"{value:,.2f}", "right", share=0.7) for name, value in sums]
    buyer: list[Node] = [line(record.writer.firm(), bold=True), *(line(t, gap=0.0) for t in record.writer.address())]
    says = [line(text) for text in record.says(1, 3)]
    if record.layout == "centred":
        return [*record.title(), Beside([buyer, record.facts(3, 6)], [0.5, 0.5]), Gap(10), *table, *below, *says]
    if record.layout == "terse":
        return [*record.sender(), Gap(8), *buyer, Gap(8), *record.title(), *record.facts(2, 4), *table, *below, *says]
    return [Beside([record.sender(), buyer], [0.5, 0.5]), *record.title(), *record.facts(3, 6), Gap(6), *table, *below, *says]


def receipt(record: Record, style: Style) -> list[Node]:
    """A till's strip, or a receipt on a small sheet."""
    random = record.random
    if record.layout != "centred":
        style.paper, style.margins = (226.0, random.uniform(380, 620)), (18.0, 14.0, 18.0, 14.0)
        style.family = style.heading_family = random.choice(("mono", "mono", "sans"))
        style.heading_scale, style.indent, style.size = (1.3, 1.1, 1.0), 0.0, random.uniform(7.0, 8.5)
    else:
        style.paper = (419.53, 595.28)
    bought = record.goods()
    total = sum(count * price for _, count, price in bought)
    nodes: list[Node] = [line(record.writer.firm(), align="center", bold=True)]
    nodes += [line(text, align="center", gap=0.0) for text in record.writer.address()]
    nodes += [line(f"{record.writer.date()} {random.randint(8, 20)}:{random.randint(10, 59)}", align="center")]
    nodes += [*record.title(), *record.facts(1, 4), Gap(4, rule=True)]
    for name, count, price in bought:
        how = f"{count} x {name}" if random.random() < 0.5 else name
        nodes.append(pair(random, how, f"{count * price:.2f}", "right", share=0.7))
    paid = [record.shared["paid"][0], *random.sample(record.shared["paid"][1:], random.randint(2, 4))]
    nodes += [pair(random, name, f"{total * random.choice((1, 0.2, 1.1)):.2f}", "right", share=0.7) for name in paid]
    return [*nodes, Gap(4, rule=True), *(line(text, align="center") for text in record.says(1, 3))]


def contract(record: Record, style: Style) -> list[Node]:
    """Clauses: numbered, by articles or paragraphs, or run on below bold names."""
    writer = record.writer
    parties = [
        line(f"{writer.firm()}, {', '.join(writer.address())}"),
        line(f"{writer.person()}, {', '.join(writer.address())}"),
    ]
    nodes: list[Node] = [*record.title(), *parties]
    sign = {"de": "§", "fr": "Article", "es": "Cláusula", "it": "Art.", "nl": "Artikel", "pt": "Cláusula", "en": "Section"}
    for number, label in enumerate(record.labels(4, 8), start=1):
        if record.layout == "letter":
            nodes.append(heading(f"{number}. {label}", 2))
        elif record.layout == "centred":
            nodes.append(heading(f"{sign[record.language]} {number} {label}", 2, align="center"))
        else:
            nodes.append(line(label, bold=True))
        for clause, text in enumerate(record.says(1, 3), start=1):
            if record.layout == "letter":
                nodes.append(Block(Kind.CLAUSE, (Run(text),), marker=f"{number}.{clause}", look={"hang": 30.0}))
            else:
                nodes.append(line(text))
    return [*nodes, Gap(24), Beside([[line("______________________"), line(writer.person())] for _ in range(2)], [0.5, 0.5])]


def form(record: Record, style: Style) -> list[Node]:
    """Labels with lines, boxes or nothing to write on, boxes to tick, and hints how to fill it in."""
    random = record.random
    how = {"letter": "line", "centred": "boxed", "terse": "dots", "untitled": "line"}[record.layout]
    labels = record.labels(6, 12)
    filled = random.random() < 0.6
    pairs = [pair(random, label, record.value(label) if filled else "", how, share=0.4) for label in labels]
    nodes: list[Node] = [*record.title(), *(line(text) for text in record.says(1, 3))]
    if record.layout == "terse":
        half = len(pairs) // 2
        nodes.append(Beside([list(pairs[:half]), list(pairs[half:])], [0.5, 0.5]))
    else:
        nodes += pairs
    boxes = checkboxes(random, record.writer, random.randint(2, 5)) if random.random() < 0.6 else []
    return [*nodes, Gap(8), *boxes, line("______________________")]


def medical(record: Record, style: Style) -> list[Node]:
    """Facts of a patient, then results in a table, or what was found in sentences."""
    random, writer = record.random, record.writer
    facts = record.facts(4, 7)
    half = len(facts) // 2
    nodes: list[Node] = [line(f"{writer.firm()}", bold=True), *record.title()]
    nodes += [Beside([facts[:half], facts[half:]], [0.5, 0.5])] if record.layout in ("letter", "terse") else facts
    if random.random() < 0.55:
        tests = random.sample(TESTS, random.randint(4, 10))
        rows = [
            [name, f"{random.uniform(0.8 * low, 1.2 * high):.1f}", unit, f"{low} - {high}"] for name, unit, low, high in tests
        ]
        nodes += [Gap(6), grid([record.shared["tests"], *rows], "lrll", look=table_look(random))]
        nodes += [line(text) for text in record.says(0, 2)]
    else:
        nodes += [line(text) for text in record.says(4, 9)]
    return [*nodes, Gap(16), line(f"Dr. {writer.person()}")]


def legal(record: Record, style: Style) -> list[Node]:
    """A court's or notary's paper: who against whom, numbered paragraphs or plain ones."""
    random = record.random
    nodes: list[Node] = []
    facts = record.facts(3, 6)
    if record.layout in ("letter", "untitled"):
        nodes += [*facts, *record.title()]
    else:
        nodes += [*record.title(), *facts]
    for number, text in enumerate(record.says(5, 9), start=1):
        more = f" {record.writer.person()}, {record.writer.date()}." if random.random() < 0.3 else ""
        nodes.append(item(text + more, f"{number}.") if record.layout == "terse" else line(text + more))
    return [*nodes, Gap(20), line("______________________"), line(record.writer.person())]


def running(record: Record, style: Style) -> list[Node]:
    """A letter, an article in columns, a list of points, or plain text."""
    random, writer = record.random, record.writer
    texts: list[Node] = [
        Block(Kind.PARAGRAPH, (Run(" ".join([*record.says(1, 4), writer.prose(1, 2)])),)) for _ in range(random.randint(3, 6))
    ]
    if record.layout == "letter":
        texts[1:1] = [item(text, "•") for text in record.says(2, 4)]
        return [*record.sender(), Gap(12), line(writer.date()), *record.title(), *texts, Gap(16), line(writer.person())]
    if record.layout == "centred":
        return [*record.title(), Columns(random.randint(1, 3), texts)]
    if record.layout == "terse":
        return [*record.title(), *record.facts(2, 4), *texts]
    return texts


def short(record: Record, style: Style) -> list[Node]:
    """A short mail, a note, a memo, or the title page of a report."""
    random, writer = record.random, record.writer
    *heads, title, hello, bye = record.shared["memo"]
    values = (writer.person(), writer.person(), writer.date(), random.choice(record.own["titles"]))
    facts = [line(f"{name}: {value}") for name, value in zip(heads, values, strict=True)]
    texts = [line(text) for text in record.says(1, 3)]
    if record.layout == "letter":
        return [line(writer.date()), Gap(10), line(hello), Gap(6), *texts, Gap(10), line(bye), line(writer.person())]
    if record.layout == "centred":
        names = [
            line(writer.person(), align="center"),
            line(writer.firm(), align="center"),
            line(writer.date(), align="center"),
        ]
        return [Gap(random.uniform(60, 200)), *record.title(), Gap(random.uniform(10, 60)), *names]
    if record.layout == "terse":
        return [heading(title, 1), *facts, Gap(10), *texts]
    return [*facts, Gap(8), line(hello), *texts, line(bye), line(writer.person())]


def figures(record: Record, style: Style) -> list[Node]:
    """A sheet of numbers below short heads."""
    random = record.random
    columns = random.randint(3, 7)
    heads = ["", *(random.choice((str(random.randint(1990, 2025)), f"Q{n}", record.writer.code(1, 1))) for n in range(columns))]
    rows = [
        [record.writer.title(1, 1) if record.layout != "terse" else record.writer.code(2, 3)]
        + [f"{random.uniform(-50, 99_000):,.{random.choice((0, 1, 2))}f}" for _ in range(columns)]
        for _ in range(random.randint(8, 28))
    ]
    return [grid([heads, *rows], "l" + "r" * columns, look=table_look(random))]


def code(record: Record, style: Style) -> list[Node]:
    """A page of a program."""
    random, names = record.random, ("total", "weight", "rows", "index", "buffer", "node", "queue", "parser", "value", "count")
    made = []
    for _ in range(random.randint(6, 14)):
        one, other, third = random.sample(names, 3)
        made.append(
            random.choice(
                (
                    f"def {one}({other}, {third}=None):\n    if {other} is None:\n        return {third}\n"
                    f"    return {other} + 1",
                    f"for (int i = 0; i < {one}.size(); ++i) {{\n    {other}[i] = {third}({one}[i]);\n}}",
                    f"const {one} = ({other}) => {{\n  return {other}.map(x => x.{third});\n}};",
                    f"#include <{one}.h>\nstatic int {other} = 0x{random.randint(0, 65535):04x};\n"
                    f"void {third}(void) {{ {other}++; }}",
                    f"import {one}\nfrom {other} import {third}\nassert {third}({one}) != {random.randint(0, 99)}",
                    f"SELECT {one}, COUNT(*) FROM {other} WHERE {third} > {random.randint(1, 99)} GROUP BY {one};",
                )
            )
        )
    return [Block(Kind.CODE, (Run(text),)) for text in made]


def place_names(record: Record, style: Style) -> list[Node]:
    """Names of places and numbers here and there, as on a map or a plan."""
    random = record.random
    nodes: list[Node] = []
    for _ in range(random.randint(8, 18)):
        parts: list[list[Node]] = [
            [line(random.choice((record.writer.title(1, 1), str(random.randint(1, 999)), f"{random.randint(1, 99)} m")))]
            for _ in range(random.randint(2, 4))
        ]
        nodes += [Beside(parts, [1 / len(parts)] * len(parts)), Gap(random.uniform(5, 30))]
    return nodes


def empty(record: Record, style: Style) -> list[Node]:
    """A page with nothing, a number or a word on it."""
    return [line(record.random.choice(("1", "- 2 -", "*", record.writer.title(1, 1), record.writer.code())))]


BUILDERS: dict[str, Callable[[Record, Style], list[Node]]] = {
    "invoice": trade,
    "purchase_order": trade,
    "receipt": receipt,
    "contract": contract,
    "form": form,
    "medical_record": medical,
    "legal_document": legal,
    "generic": running,
    "short": short,
    "figures": figures,
    "code": code,
    "map": place_names,
    "empty": empty,
}
