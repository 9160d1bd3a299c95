"""An invoice drawn as a PDF, whose values a test knows."""

from __future__ import annotations

from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

LINES = (
    (60, 780, "Quay Supplies Ltd"),
    (60, 764, "12 Harbour Road"),
    (60, 748, "80333 Munich"),
    (60, 700, "Invoice number:"),
    (200, 700, "QS-2026-0471"),
    (60, 684, "Invoice date:"),
    (200, 684, "5 March 2026"),
    (60, 668, "Your reference:"),
    (60, 600, "Description"),
    (260, 600, "Quantity"),
    (340, 600, "Unit price"),
    (440, 600, "Amount"),
    (60, 580, "Dividers A4"),
    (260, 580, "20"),
    (340, 580, "9.90"),
    (440, 580, "198.00"),
    (60, 560, "Ring binder"),
    (260, 560, "5"),
    (340, 560, "4.00"),
    (440, 560, "20.00"),
    (340, 520, "Net total"),
    (440, 520, "218.00"),
    (340, 504, "VAT 19 %"),
    (440, 504, "41.42"),
    (340, 488, "Grand total"),
    (440, 488, "259.42"),
)
"""An invoice: x and y in points, y from the bottom as PDF counts it, and the text there."""


def draw_invoice(path: Path, number: str = "QS-2026-0471", article: str = "Dividers A4") -> Path:
    """Draw the invoice with this number and this article in its first line, and return the path."""
    written = {"QS-2026-0471": number, "Dividers A4": article}
    canvas = Canvas(str(path), pagesize=(595, 842))
    for x, y, text in LINES:
        canvas.drawString(x, y, written.get(text, text))
    canvas.save()
    return path
