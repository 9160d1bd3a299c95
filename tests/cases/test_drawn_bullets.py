"""Bullets that are drawn as shapes make list items, as browsers print them."""

from __future__ import annotations

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.support.typeset import print_html

LIST = """<meta charset=utf-8><p>Shopping for the week:</p>
<ul><li>Bread and butter<li>Milk<ul><li>skimmed<li>whole<ul><li>in bottles</ul></ul><li>Eggs</ul><p>After the list.</p>"""


def test_a_list_that_a_browser_printed_is_a_list_with_its_depths(read, tmp_path):
    print_html(tmp_path / "list.pdf", LIST)
    items = [(block.text, block.level) for block in read(tmp_path / "list.pdf").blocks if block.kind == "list_item"]
    assert [(text.lstrip("•◦▪- "), level) for text, level in items] == [
        ("Bread and butter", 1),
        ("Milk", 1),
        ("skimmed", 2),
        ("whole", 2),
        ("in bottles", 3),
        ("Eggs", 1),
    ]


def test_the_points_of_a_map_are_no_bullets(read, tmp_path):
    canvas = Canvas(str(tmp_path / "map.pdf"), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 10)
    for number, town in enumerate(["Aachen", "Bonn", "Celle", "Dresden"]):
        x, y = 100 + 83 * number % 190, 700 - 47 * number
        canvas.circle(x, y + 2.5, 2, stroke=0, fill=1)
        canvas.drawString(x + 8, y, town)
    canvas.save()
    assert not [block for block in read(tmp_path / "map.pdf").blocks if block.kind == "list_item"]
