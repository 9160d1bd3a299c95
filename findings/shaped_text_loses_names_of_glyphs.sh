#!/usr/bin/env bash
# A PDF writer that shapes Hebrew leaves glyphs without letters, and two readers put Latin letters into the word.
#
# Versions: fpdf2 2.8.9 with uharfbuzz 0.57.0 (the writer), pypdfium2 5.15.2 (PDFium), pdfminer.six 20260107, pypdf 7.1.1;
# DejaVu Sans of matplotlib 3.11.2.
# Behaviour, for the word "בְּרֵאשִׁית" below a line of other characters, with set_text_shaping(True): HarfBuzz puts in two glyphs that no
# letter of the text has, and fpdf2 names only those that one has. PDFium and pypdf take the numbers of these glyphs in the
# subset for letters: "J" and "D" stand in the Hebrew word. pdfminer.six writes (cid:74) and (cid:68).
# What follows: the more glyphs a document uses, the more such numbers are those of Latin letters, and the text looks sound.
# PDFium tells by FPDFText_HasUnicodeMapError, which is 1 for these characters; but it is 1 for hyphens at line ends and in
# fonts for formulas as well, so a count of it alone is no measure.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" fpdf2==2.8.9 uharfbuzz==0.57.0 pypdfium2==5.15.2 pdfminer.six==20260107 pypdf==7.1.1
"${pip[@]}" --no-deps --target "$folder/fonts" matplotlib==3.11.2

cat >"$folder/try.py" <<'PY'
import io
import sys
from importlib.metadata import version

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from fpdf import FPDF
from pdfminer.high_level import extract_text

writer = FPDF()
writer.add_page()
writer.add_font("DejaVu", fname=sys.argv[1])
writer.set_font("DejaVu", size=24)
writer.cell(text="".join(map(chr, range(33, 96))), new_x="LMARGIN", new_y="NEXT")
writer.set_text_shaping(True, direction="rtl")
writer.cell(text="\u05d1\u05b0\u05bc\u05e8\u05b5\u05d0\u05e9\u05b4\u05c1\u05d9\u05ea")
data = bytes(writer.output())

page = pypdfium2.PdfDocument(data)[0].get_textpage()
found = {
    "PDFium": page.get_text_range(),
    "pdfminer.six": extract_text(io.BytesIO(data)).strip(),
    "pypdf": pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text(),
}
guessed = [
    chr(pdfium.FPDFText_GetUnicode(page.raw, index))
    for index in range(page.count_chars())
    if pdfium.FPDFText_HasUnicodeMapError(page.raw, index) == 1
]
print("fpdf2", version("fpdf2"), "uharfbuzz", version("uharfbuzz"), "pypdfium2", version("pypdfium2"), "pypdf", version("pypdf"))
for name, text in found.items():
    print(f"  {name}: {ascii(text)}")
print(f"  PDFium says that it guessed {guessed}")
words = {name: [*map(str.strip, text.split("_", 1)[1:])] for name, text in found.items()}
unchanged = (
    guessed == ["J", "D"]
    and all(letter in words[name][0] for name in ("PDFium", "pypdf") for letter in "JD")
    and all(code in words["pdfminer.six"][0] for code in ("(cid:74)", "(cid:68)"))
)
sys.exit(not unchanged)
PY
"$folder/venv/bin/python" "$folder/try.py" "$folder/fonts/matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf"
