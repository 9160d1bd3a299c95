#!/usr/bin/env bash
# Readers of text layers add a space inside a word where a program draws the spaces of a line apart from its letters.
#
# Versions: pypdfium2 5.15.2 (PDFium), pdfminer.six 20260107, pypdf 7.1.1.
# Behaviour: programs that justify lines for print write the letters of "once in t", then, in one text object of render mode 3
# (invisible), the two spaces of that line at their places, and go on with "he fir" right behind the t. PDFium compares each text
# object with the one before it in the content stream, which is that of the spaces. It ends before the t, so PDFium takes what is
# between for a gap, and its text is "once in t he fir". pypdf has two spaces there, and pdfminer.six ends the line.
# What follows: words of annual reports fall apart ("loa ns", "p ermanently"), and a search for them finds nothing. No reader is a
# second opinion on another here. What tells it: FPDFText_IsGenerated says that the space is added, and the h begins where the box
# of the t by the font's measures (FPDFText_GetLooseCharBox) ends.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pypdfium2==5.15.2 pdfminer.six==20260107 pypdf==7.1.1

cat >"$folder/try.py" <<'PY'
import ctypes
import sys
from importlib.metadata import version
from pathlib import Path

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pdfminer.high_level import extract_text

CONTENT = (
    b"BT /F 1 Tf 10 0 0 10 100 700 Tm (once in t) Tj "
    b"3 Tr 2.168 0 Td [( ) -778 ( )] TJ 0 Tr 1.612 0 Td (he fir) Tj ET"
)
PARTS = [
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>",
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    b"<< /Length %d >>\nstream\n%b\nendstream" % (len(CONTENT), CONTENT),
]


def write(path: Path) -> None:
    data, places = b"%PDF-1.7\n", []
    for number, part in enumerate(PARTS, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    path.write_bytes(data + end % (len(PARTS) + 1, table, len(PARTS) + 1, len(data)))


path = Path(sys.argv[1])
write(path)
page = pypdfium2.PdfDocument(path)[0]
text = page.get_textpage()
read = text.get_text_bounded()
at = read.find("t he")
box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
pdfium.FPDFText_GetLooseCharBox(text.raw, at, box)
pdfium.FPDFText_GetCharOrigin(text.raw, at + 2, x, y)
added = pdfium.FPDFText_IsGenerated(text.raw, at + 1) == 1
gap = abs(x.value - box.right)
others = {"pdfminer.six": extract_text(str(path)).strip(), "pypdf": pypdf.PdfReader(path).pages[0].extract_text().strip()}
print(f"pypdfium2 {version('pypdfium2')}: {read!r}; the space is added: {added}; white between t and h: {gap:.2f} points")
for name, found in others.items():
    print(f"{name} {version(name)}: {found!r}")
same = read == "once in t he fir" and added and gap < 0.1 and all("the fir" not in found for found in others.values())
sys.exit(not same)
PY
"$folder/venv/bin/python" "$folder/try.py" "$folder/a.pdf"
