"""Read the XML of an electronic invoice as headings, facts and tables.

Values are taken out of the tree when they are shown. What is left at the end of a section, or of the invoice, is shown with the
names of its elements, so that nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from document_parser.models import Block, Cell, Table
from document_parser.models.reading import MAX_NAME_CHARACTERS
from document_parser.sources.markup.invoices.codes import DOCUMENT_TYPES, PAYMENT_MEANS, SCHEMES, TAX_CATEGORIES, UNITS
from document_parser.sources.markup.invoices.terms import (
    HEAD,
    NAMES_OF_CII,
    NOTES,
    NUMBER,
    PROFILE,
    SECTIONS,
    TYPE,
    Section,
    Syntax,
    Term,
)
from document_parser.sources.markup.lists import BULLET
from document_parser.sources.xml_trees import Element, local_name

_ROOTS: dict[str, Syntax] = {
    "CrossIndustryInvoice": "cii",
    "CrossIndustryDocument": "cii",
    "Invoice": "ubl",
    "CreditNote": "ubl",
}
_UBL = re.compile(r"\{urn:oasis:names:specification:ubl:schema:xsd:(Invoice|CreditNote)-2\}")
_DATE = {"102": re.compile(r"(\d{4})(\d\d)(\d\d)"), "610": re.compile(r"(\d{4})(\d\d)")}
"""Patterns of dates by the code of their format (UNTDID 2379)."""
_FURTHER = "Further data"
_FILES = frozenset({"AttachmentBinaryObject", "EmbeddedDocumentBinaryObject"})
"""Elements with a file in base64."""


def syntax_of(root: Element) -> Syntax | None:
    """Return in which syntax this XML is an electronic invoice; None if it is none."""
    syntax = _ROOTS.get(local_name(root))
    return None if syntax == "ubl" and not _UBL.match(str(root.tag)) else syntax


def blocks_of_invoice(root: Element, syntax: Syntax) -> list[Block]:
    """Return the blocks of an electronic invoice. The tree is used up."""
    return list(_Invoice(root, syntax).blocks())


class EmbeddedFile(NamedTuple):
    """A file within an invoice: its name, and its contents in base64."""

    name: str
    data: str


def embedded_files_of(root: Element) -> list[EmbeddedFile]:
    """Return the files within an electronic invoice, in their order."""
    found = (element for element in root.iter() if local_name(element) in _FILES and element.text)
    return [
        EmbeddedFile((element.get("filename") or f"file {number}")[:MAX_NAME_CHARACTERS], element.text)
        for number, element in enumerate(found, 1)
    ]


class _Invoice:
    """An invoice whose values are taken one after the other."""

    def __init__(self, root: Element, syntax: Syntax) -> None:
        self._root = root
        self._syntax = syntax

    def blocks(self) -> Iterator[Block]:
        """Yield the title, the facts, the notes, the sections, and what is left."""
        kind = " ".join(_take(self._root, TYPE, self._syntax)) or ("381" if local_name(self._root) == "CreditNote" else "380")
        name = DOCUMENT_TYPES.get(kind, f"Invoice of type {kind}")
        number = " ".join(_take(self._root, NUMBER, self._syntax))
        yield Block(kind="heading", level=1, text=f"{name} {number}".strip())
        for term in (*HEAD.terms, PROFILE):
            yield from _facts(term.label, _take(self._root, term, self._syntax))
        for note in _take(self._root, NOTES, self._syntax):
            yield Block(kind="paragraph", text=note)
        for section in SECTIONS:
            yield from self._section(section)
        left = _rest_of(self._root)
        if left:
            yield Block(kind="heading", level=2, text=_FURTHER)
        for label, value in left:
            yield from _facts(label, [value])

    def _section(self, section: Section) -> Iterator[Block]:
        """Yield a section; nothing if the invoice does not have it."""
        elements = [element for path in section.paths(self._syntax) if path for element in _find(self._root, path)]
        rows = [row for element in elements if (row := self._values(element, section))]
        if not rows:
            return
        yield Block(kind="heading", level=2, text=section.heading)
        if section.is_table:
            yield Block(kind="table", table=_table_of(rows, section))
            return
        for row in rows:
            for label, value in row.items():
                yield from _facts(label, [value])

    def _values(self, element: Element, section: Section) -> dict[str, str]:
        """Return the values of an element by their labels, those that no term names last."""
        values: dict[str, str] = {}
        for term in section.terms:
            if found := _take(element, term, self._syntax):
                values[term.label] = ", ".join(filter(None, (values.get(term.label, ""), *found)))
        if section.is_table:
            if left := _rest_of(element):
                values[_FURTHER] = "; ".join(f"{label}: {value}" for label, value in left)
        else:
            values |= {label: value for label, value in _rest_of(element) if label not in values}
        return values


def _facts(label: str, values: list[str]) -> Iterator[Block]:
    """Yield values as one item of a list, after their label; nothing if there are none."""
    if values:
        yield Block(kind="list_item", level=1, text=f"{BULLET}{label}: {', '.join(values)}")


def _table_of(rows: list[dict[str, str]], section: Section) -> Table:
    """Return rows as a table of those terms that any row has, in the order of the section."""
    labels = [
        label for label in [*dict.fromkeys(term.label for term in section.terms), _FURTHER] if any(label in row for row in rows)
    ]
    cells = [Cell(row=0, column=column, text=label, header=True) for column, label in enumerate(labels)]
    cells += [
        Cell(row=number, column=column, text=row.get(label, ""))
        for number, row in enumerate(rows, 1)
        for column, label in enumerate(labels)
    ]
    return Table(rows=len(rows) + 1, columns=len(labels), cells=cells)


def _take(element: Element, term: Term, syntax: Syntax) -> list[str]:
    """Return the values of a term and take them out of the tree."""
    found = [leaf for path in term.paths(syntax) for leaf in _find(element, path)]
    return [value for leaf in found if (value := _take_value(leaf))]


def _find(element: Element, path: str) -> list[Element]:
    """Return the elements at a path of local names."""
    found = [element]
    for name in path.split("/"):
        found = [child for parent in found for child in parent if _name_of(child) == name]
    return found


def _name_of(element: Element) -> str:
    """Return the local name of an element, by that of the newer version of CII."""
    name: str = local_name(element)
    return NAMES_OF_CII.get(name, name)


def _take_value(leaf: Element) -> str:
    """Return the value of an element as people write it, and take it out of the tree; empty if it has none."""
    text = " ".join((leaf.text or "").split())
    if not text or len(leaf):
        return ""
    shown = _shown(leaf, text)
    leaf.text = None
    leaf.attrib.clear()
    return shown


def _shown(leaf: Element, text: str) -> str:
    """Return a value with its unit, currency or scheme, and a code with its name."""
    name, parent = local_name(leaf), local_name(leaf.getparent())
    if (pattern := _DATE.get(leaf.get("format", ""))) and (parts := pattern.fullmatch(text)):
        return "-".join(parts.groups())
    if "ChargeIndicator" in {name, parent}:
        return {"true": "charge", "false": "allowance"}.get(text, text)
    if name == "CategoryCode" or (name == "ID" and parent in {"TaxCategory", "ClassifiedTaxCategory"}):
        return _named(text, TAX_CATEGORIES)
    if name == "PaymentMeansCode" or (name == "TypeCode" and parent == "SpecifiedTradeSettlementPaymentMeans"):
        return _named(text, PAYMENT_MEANS)
    if "Percent" in name or name == "MultiplierFactorNumeric":
        return f"{text} %"
    if unit := leaf.get("unitCode"):
        return f"{text} {UNITS.get(unit, unit)}"
    if currency := leaf.get("currencyID"):
        return f"{text} {currency}"
    scheme = leaf.get("schemeID")
    return f"{text} ({SCHEMES.get(scheme, scheme)})" if scheme else text


def _named(code: str, names: dict[str, str]) -> str:
    """Return a code with its name, if that is known."""
    return f"{code} ({names[code]})" if code in names else code


def _rest_of(element: Element) -> list[tuple[str, str]]:
    """Return what is left in an element, each value with the names of its elements, and take it out of the tree.

    Files within the invoice are left where they are: they are documents of their own.
    """
    left = []
    for leaf in element.iter():
        if local_name(leaf) not in _FILES and (value := _take_value(leaf)):
            left.append((_label_of(leaf, element), value))
    return left


def _label_of(leaf: Element, top: Element) -> str:
    """Return the name of a leaf, after that of the element around it unless this is ``top``, in words."""
    around = leaf.getparent()
    names = [local_name(leaf)] if leaf is top or around is top else [local_name(around), local_name(leaf)]
    return " / ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name) for name in names)
