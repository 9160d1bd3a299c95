"""Electronic invoices are read as people read invoices, and nothing of them is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from document_parser.ingest.invoices import invoice_specification
from document_parser.models import Block
from document_parser.sources.base import OpenerLimits
from document_parser.sources.markup.xml import XmlFile
from tests.support.invoices import CII, UBL


def opened(folder: Path, text: str) -> XmlFile:
    path = folder / "invoice.xml"
    path.write_text(text)
    return XmlFile(path, OpenerLimits(), None)


def rows_of(blocks: list[Block], heading: str) -> list[list[str]]:
    """The rows of the table below a heading."""
    place = next(index for index, block in enumerate(blocks) if block.text == heading)
    table = blocks[place + 1].table
    assert table is not None
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows


def test_an_invoice_in_cii_has_its_head_its_parties_its_lines_and_its_sums(tmp_path):
    blocks = opened(tmp_path, CII).part(1).blocks
    texts = [block.text for block in blocks]
    assert (blocks[0].kind, blocks[0].text) == ("heading", "Invoice 471102")
    assert {"• Issue date: 2026-03-05", "• Currency: EUR", "As ordered on 1 March."} <= set(texts)
    seller = texts.index("Seller")
    assert texts[seller + 1 : seller + 4] == [
        "• Name: Quay Supplies",
        "• Address: Harbour Road 20, 80333, Munich, DE",
        "• Tax number: DE123456789 (VAT)",
    ]
    assert rows_of(blocks, "Lines") == [
        ["Line", "Standard number", "Item", "Quantity", "Price", "Tax", "Tax rate", "Amount", "Further data"],
        [
            "1", "4012345001235 (GTIN)", "Dividers A4", "20 piece", "9.90", "VAT, S (standard rate)", "19 %", "198.00",
            "Applicable Product Characteristic / Value: recycled",
        ],
    ]  # fmt: skip
    assert {"• Tax: 37.62 EUR", "• Total with tax: 235.62", "• Means: 58 (SEPA credit transfer)"} <= set(texts)


def test_a_value_that_no_term_names_is_shown_at_the_end(tmp_path):
    texts = [block.text for block in opened(tmp_path, CII).part(1).blocks]
    assert texts[-2:] == ["Further data", "• Applicable Header Trade Settlement / Reason Nobody Knows: kept"]


def test_a_credit_note_in_ubl_is_read_with_the_file_in_it(tmp_path):
    document = opened(tmp_path, UBL)
    blocks = document.part(1).blocks
    texts = [block.text for block in blocks]
    assert texts[0] == "Credit note CN-7"
    assert rows_of(blocks, "Lines") == [["Line", "Item", "Quantity", "Amount"], ["1", "Advice", "2 hour", "10.00 EUR"]]
    assert rows_of(blocks, "Tax")[1] == ["S (standard rate)", "19 %", "10.00 EUR", "1.90 EUR"]
    assert {"• Tax: 1.90 EUR", "• Amount due: 11.90 EUR", "• Name: Seller Ltd"} <= set(texts)
    assert [member.name for member in document.members()] == ["proof.txt"]
    assert document.open_member(0).read() == b"words of proof"
    assert not any("d29yZHM" in text for text in texts), "the file is a document of its own"


def test_a_part_reads_the_same_when_it_is_asked_for_again(tmp_path):
    document = opened(tmp_path, UBL)
    assert document.part(1) == document.part(1)


@pytest.mark.parametrize("text", [CII, UBL], ids=["cii", "ubl"])
def test_every_text_of_an_invoice_is_in_its_blocks(tmp_path, text):
    document = opened(tmp_path, text)
    shown = " ".join(
        " ".join([block.text, *(cell.text for cell in (block.table.cells if block.table else ()))])
        for block in document.part(1).blocks
    )
    for element in document._root.iter():
        value = " ".join((element.text or "").split())
        if value and not str(element.tag).endswith("BinaryObject") and value not in {"380", "381", "20260305"}:
            assert value in shown, f"{element.tag}: {value}"


def test_the_specification_of_an_invoice_is_told_by_its_beginning():
    assert invoice_specification(CII.encode()) == "urn:cen.eu:en16931:2017"
    found = invoice_specification(UBL.encode())
    assert found is not None
    assert found.endswith("xrechnung_3.0")
    assert invoice_specification(b"<Invoice><ID>1</ID></Invoice>") is None, "not UBL"
    assert invoice_specification(b"%PDF-1.7") is None
