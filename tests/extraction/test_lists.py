"""Rows of lists: several lines a row, heads in several lines, sums and notes that are no rows, pages without heads."""

from __future__ import annotations

from document_parser.extraction.engine import extract
from document_parser.extraction.schema import compile_schema
from document_parser.extraction.view import view_page
from document_parser.models import Block, BoundingBox, Cell, Page, PageWords, Table
from tests.support.extraction_pages import NUMBER, TEXT

ITEM = {"position": NUMBER, "name": TEXT, "quantity": NUMBER, "unit_price": NUMBER, "amount": NUMBER}
X = {"position": 30, "name": 80, "quantity": 300, "unit_price": 380, "amount": 480}
HEADS = {"position": "Pos.", "name": "Description", "quantity": "Quantity", "unit_price": "Unit price", "amount": "Amount"}


def line(y: float, **cells: str) -> list[tuple[float, float, str]]:
    """Return a line of the list: each cell at its column."""
    return [(X[key], y, text) for key, text in cells.items()]


def page_of(*lines: list[tuple[float, float, str]], number: int = 1, blocks: list[Block] | None = None) -> Page:
    """Return a page of words, 5 points a letter and 10 high."""
    words = [(text, x / 600, y / 800, (x + 5 * len(text)) / 600, (y + 10) / 800, None) for each in lines for x, y, text in each]
    return Page(number=number, width=600, height=800, engine="text_layer", words=PageWords.pack(words), blocks=blocks or [])


def rows_of(*pages: Page, item: dict | None = None):
    lines = {"type": "array", "items": {"type": "object", "properties": item or ITEM}}
    return extract(compile_schema({"type": "object", "properties": {"lines": lines}}), [view_page(page) for page in pages])


def test_an_amount_on_the_next_line_belongs_to_its_row():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Water", quantity="20", unit_price="5.49"),
            line(132, name="12 x 1 l", amount="109.80"),
            line(160, position="2", name="Deposit", quantity="20", unit_price="2.77"),
            line(172, amount="55.40"),
        )
    )
    assert [(row["name"], row["amount"]) for row in found.data["lines"]] == [("Water 12 x 1 l", 109.8), ("Deposit", 55.4)]
    assert found.rows_seen == found.rows_returned == {"/lines": 2}


def test_a_description_goes_on_in_the_next_line_and_a_note_further_below_is_no_part_of_it():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Artificial", quantity="3", unit_price="3.00", amount="9.00"),
            line(132, name="grass"),
            line(156, name="Delivered with note 4711 of 3 May"),
            line(190, position="2", name="Steak", quantity="1", unit_price="5.50", amount="5.50"),
        )
    )
    assert [row["name"] for row in found.data["lines"]] == ["Artificial grass", "Steak"]


def test_a_text_above_its_numbers_is_the_name_of_the_row():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Consulting"),
            line(132, quantity="2", unit_price="80.00", amount="160.00"),
        )
    )
    assert found.data["lines"] == [{"position": 1, "name": "Consulting", "quantity": 2, "unit_price": 80.0, "amount": 160.0}]


def test_heads_in_several_lines_name_their_columns():
    heads = [line(100, unit_price="Unit", amount="Line"), line(112, name="Description", quantity="Quantity")]
    heads.append(line(112, unit_price="price", amount="total"))
    found = rows_of(page_of(*heads, line(140, name="Steak", quantity="4", unit_price="5.50", amount="22.00")))
    assert [(row["unit_price"], row["amount"]) for row in found.data["lines"]] == [(5.5, 22.0)]


def test_a_last_column_with_an_unknown_head_holds_the_amounts():
    found = rows_of(
        page_of(
            line(100, **{**HEADS, "amount": "Prix HT"}),
            line(120, position="1", name="Oil", quantity="10", unit_price="19.80", amount="198.00"),
        )
    )
    assert found.data["lines"][0]["amount"] == 198.0


def test_the_taxes_below_a_list_are_no_rows_of_it():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Steak", quantity="4", unit_price="5.50", amount="22.00"),
            [(30, 160, "Kind"), (300, 160, "Goods"), (380, 160, "Basis"), (480, 160, "Tax")],
            line(176, position="Standard", unit_price="22.00", quantity="7", amount="1.54"),
        )
    )
    assert [row["name"] for row in found.data["lines"]] == ["Steak"]
    assert found.rows_seen == {"/lines": 1}


def test_sums_end_a_list_and_a_product_that_begins_like_one_does_not():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Total station", quantity="2", unit_price="50.00", amount="100.00"),
            line(134, name="Tax handbook", quantity="1", unit_price="20.00", amount="20.00"),
            line(150, name="Subtotal", amount="120.00"),
            line(164, name="VAT 20%", amount="24.00"),
            line(178, name="Total", amount="144.00"),
            line(192, name="Thank you", amount="144.00"),
        )
    )
    assert [row["name"] for row in found.data["lines"]] == ["Total station", "Tax handbook"]


def test_a_discount_below_an_item_is_a_row_with_an_amount_alone():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Steak", quantity="4", unit_price="5.50", amount="22.00"),
            line(134, name="Discount 10 %", amount="-2.20"),
            line(148, position="2", name="Oil", quantity="1", unit_price="9.00", amount="9.00"),
        )
    )
    assert [row["amount"] for row in found.data["lines"]] == [22.0, -2.2, 9.0]
    assert found.data["lines"][1] == {
        "position": None, "name": "Discount 10 %", "quantity": None, "unit_price": None, "amount": -2.2
    }  # fmt: skip


def test_rows_go_on_over_pages_without_heads_and_carried_sums_and_feet_are_no_rows():
    def item(y: float, number: int) -> list[tuple[float, float, str]]:
        return line(y, position=str(number), name=f"Part {number}", quantity="2", unit_price="1.50", amount="3.00")

    foot = [(30, 770, "Parts list"), (480, 770, "Page 1 of 2")]
    first = page_of(line(100, **HEADS), item(120, 1), item(134, 2), line(148, name="Carried forward", amount="6.00"), foot)
    second = page_of(line(60, name="Brought forward", amount="6.00"), item(74, 3), item(88, 4), foot, number=2)
    found = rows_of(first, second)
    assert [row["position"] for row in found.data["lines"]] == [1, 2, 3, 4]
    assert found.rows_seen == found.rows_returned == {"/lines": 4}


def test_a_line_of_numbers_that_is_no_row_is_counted_and_said():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Steak", quantity="4", unit_price="5.50", amount="22.00"),
            line(150, quantity="7"),
        )
    )
    assert (found.rows_seen, found.rows_returned) == ({"/lines": 2}, {"/lines": 1})
    assert [one.code for one in found.warnings] == ["rows_differ"]


def test_a_sentence_that_runs_over_the_columns_of_numbers_is_no_value_of_them():
    found = rows_of(
        page_of(
            line(100, **HEADS),
            line(120, position="1", name="Meter", quantity="10", unit_price="1.00", amount="10.00"),
            line(150, name="Reading of the meter from 543210 to 544420 by the customer on the last day of the year"),
        )
    )
    assert [row["quantity"] for row in found.data["lines"]] == [10]


def table_of(*rows: tuple[str, ...]) -> Table:
    cells = [Cell(row=r, column=c, text=text, header=r == 0) for r, row in enumerate(rows) for c, text in enumerate(row)]
    return Table(rows=len(rows), columns=len(rows[0]), cells=cells)


def test_cells_that_are_not_among_the_words_have_the_box_of_their_table_and_a_warning_says_so():
    table = table_of(("Description", "Quantity", "Amount"), ("Steak", "4", "22.00"))
    block = Block(kind="table", table=table, box=BoundingBox.of(0.1, 0.2, 0.9, 0.4))
    item = {"name": TEXT, "quantity": NUMBER, "amount": NUMBER}
    found = rows_of(page_of([(30, 30, "Something else")], blocks=[block]), item=item)
    assert found.data["lines"] == [{"name": "Steak", "quantity": 4, "amount": 22.0}]
    evidence = found.evidence["lines"][0]["amount"]
    assert evidence.boxes == [BoundingBox.of(0.1, 0.2, 0.9, 0.4)]
    assert evidence.note
    assert [(one.code, one.page) for one in found.warnings] == [("cells_not_placed", 1)]


def test_a_table_with_less_of_the_heads_is_another_one():
    goods = table_of(("Description", "Quantity", "Unit price", "Amount"), ("Steak", "4", "5.50", "22.00"))
    charges = table_of(("Kind", "Amount", "Tax"), ("Freight", "5.00", "19"))
    blocks = [Block(kind="table", table=one) for one in (charges, goods)]
    found = rows_of(page_of(line(120, name="Steak", quantity="4", unit_price="5.50", amount="22.00"), blocks=blocks))
    assert [row["name"] for row in found.data["lines"]] == ["Steak"]


def test_a_list_of_texts_has_a_row_for_each_text_in_its_first_column():
    item = {"name": TEXT, "department": {"type": "string"}}
    lines = [[(30, 100, "Name"), (200, 100, "Department")], [(30, 120, "Anna Weber"), (200, 120, "Sales and")]]
    lines += [[(200, 132, "service")], [(30, 150, "Paul Novak"), (200, 150, "Stores")]]
    found = rows_of(page_of(*lines), item=item)
    assert found.data["lines"] == [
        {"name": "Anna Weber", "department": "Sales and service"},
        {"name": "Paul Novak", "department": "Stores"},
    ]


def test_a_date_of_a_row_that_could_be_two_days_has_a_note():
    item = {"date": {"type": "string", "format": "date"}, "details": TEXT, "amount": NUMBER}
    lines = [[(30, 100, "Date"), (120, 100, "Details"), (480, 100, "Amount")]]
    lines += [[(30, 120, "03/04/2026"), (120, 120, "Rent"), (480, 120, "700.00")]]
    found = rows_of(page_of(*lines), item=item)
    assert found.evidence["lines"][0]["date"].note
    assert not found.evidence["lines"][0]["amount"].note


def test_a_page_after_a_list_with_no_whole_row_is_none_of_it():
    first = page_of(line(100, **HEADS), line(120, position="1", name="Steak", quantity="4", unit_price="5.50", amount="22.00"))
    second = page_of([(30, 60, "Terms of delivery")], [(300, 80, "7")], [(380, 100, "30 days")], number=2)
    found = rows_of(first, second)
    assert found.rows_seen == found.rows_returned == {"/lines": 1}
    assert not found.warnings
