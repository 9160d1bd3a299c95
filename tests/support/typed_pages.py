"""Pages of lines, as they are stored, for tests of what kinds of documents they are."""

from __future__ import annotations

from document_parser.models import Page, PageWords

INVOICE = (
    (60, 40, "Quay Supplies Ltd"),
    (60, 120, "INVOICE"),
    (60, 160, "Invoice number: QS-2026-0471"),
    (60, 176, "Invoice date: 5 March 2026"),
    (60, 192, "Due date: 4 April 2026"),
    (60, 208, "Bill to: Northgate AG"),
    (60, 260, "Description"),
    (260, 260, "Quantity"),
    (440, 260, "Amount"),
    (60, 280, "Dividers A4"),
    (260, 280, "20"),
    (440, 280, "198.00"),
    (340, 320, "VAT 19 %"),
    (440, 320, "37.62"),
    (340, 340, "Grand total"),
    (440, 340, "235.62"),
)
"""Lines of a page: x and y of their upper left corner in points, and the text."""


def page_of(*lines, number=1, size=(600, 800), **facts):
    """Return a page of lines, 5 points a letter and 10 high; a text in capitals is twice as large."""
    width, height = size
    words = []
    for x, y, text in lines:
        grown = 2 if text.isupper() and len(text) > 4 else 1
        words.append((text, x / width, y / height, (x + 5 * grown * len(text)) / width, (y + 10 * grown) / height, None))
    return Page(number=number, width=width, height=height, engine="text_layer", words=PageWords.pack(words), **facts)


def text_page(*lines, number=1):
    return page_of(*((60, 60 + 16 * place, text) for place, text in enumerate(lines)), number=number)
