#!/usr/bin/env bash
# On a page with /Rotate 180, PDFium gives letters that are placed one by one in reverse order; on 90 and 270 it does not.
#
# Versions: pypdfium2 5.15.2 (PDFium); reportlab 4.5.1 writes the file; pdfminer.six 20260107 and pypdf 7.1.1 beside it.
# Behaviour, for the word "Harbour" drawn upright on a page that is then turned by /Rotate, as when a sheet is fed upside down:
# drawn as one string, PDFium's text page has "Harbour" at each turn. Drawn letter by letter, as justified text and many printer
# drivers do, it has "Harbour" at 0, 90 and 270 and the letters backwards at 180, with spaces between some of them. pdfminer.six
# has the word, and pypdf its letters in order.
# What follows: text of such a page is neither refused nor flagged, and a search for its words finds nothing. The text page is
# built for the rotation that the page has when it is loaded: with FPDFPage_SetRotation(page, 0) before FPDFText_LoadPage, and
# the rotation set back after it, the word is right, and the places of its letters are those of the page as it was drawn.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pypdfium2==5.15.2 reportlab==4.5.1 pdfminer.six==20260107 pypdf==7.1.1

cat >"$folder/try.py" <<'PY'
import io
import sys
from importlib.metadata import version

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pdfminer.high_level import extract_text
from reportlab.pdfgen.canvas import Canvas

WORD = "Harbour"


def page(turn, letter_by_letter):
    written = io.BytesIO()
    canvas = Canvas(written, pagesize=(300, 200))
    canvas.setFont("Helvetica", 14)
    left = 40.0
    for piece in WORD if letter_by_letter else [WORD]:
        canvas.drawString(left, 100, piece)
        left += canvas.stringWidth(piece, "Helvetica", 14)
    canvas.setPageRotation(turn)
    canvas.save()
    return written.getvalue()


def by_pdfium(data, turned_back=False):
    loaded = pypdfium2.PdfDocument(data)[0]
    if turned_back:
        pdfium.FPDFPage_SetRotation(loaded.raw, 0)
    return loaded.get_textpage().get_text_range()


print("pypdfium2", version("pypdfium2"), "pdfminer.six", version("pdfminer.six"), "pypdf", version("pypdf"))
whole, apart = {}, {}
for turn in (0, 90, 180, 270):
    whole[turn], apart[turn] = by_pdfium(page(turn, False)), by_pdfium(page(turn, True))
    print(f"  /Rotate {turn}: one string {whole[turn]!r}, letter by letter {apart[turn]!r}")
upside_down = page(180, True)
others = {
    "pdfminer.six": extract_text(io.BytesIO(upside_down)).strip(),
    "pypdf": pypdf.PdfReader(io.BytesIO(upside_down)).pages[0].extract_text().strip(),
    "PDFium, the rotation set to 0 before the text is loaded": by_pdfium(upside_down, turned_back=True),
}
for name, text in others.items():
    print(f"  {name}: {text!r}")
unchanged = (
    set(whole.values()) == {WORD}
    and [apart[turn] for turn in (0, 90, 270)] == [WORD] * 3
    and apart[180].replace(" ", "") == WORD[::-1]
    and others["pdfminer.six"] == "".join(others["pypdf"].split()) == WORD
    and others["PDFium, the rotation set to 0 before the text is loaded"] == WORD
)
sys.exit(not unchanged)
PY
"$folder/venv/bin/python" "$folder/try.py"
