#!/usr/bin/env bash
# Arabic "لا" (no) comes out of a sound PDF as "ال" (the), and brackets come out the wrong way around, each without an error.
#
# Versions: typst 0.15.2 (the writer), pypdfium2 5.15.2 (PDFium), pdfminer.six 20260107, pypdf 7.1.1; DejaVu Sans of matplotlib 3.11.2.
# Behaviour, for the line "قيمة لا شيء (نعم)", whose "لا" is one glyph that /ToUnicode maps to both letters:
# - PDFium turns what is seen around letter by letter, the two letters of the glyph too: "ال". It mirrors the brackets, although
#   /ToUnicode names them as they are read already: ")نعم(";
# - pdfminer.six returns the line as it is seen, from left to right, with the two letters of the glyph in the order of reading;
# - pypdf returns the letters of each word right, and the brackets apart from their word.
# What follows: no two of them agree, and none is right. Characters with one origin are one glyph, whose letters keep the order of
# /ToUnicode; all else is known by its place. Brackets must be judged by where they stand, before or behind their word.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" typst==0.15.2 pypdfium2==5.15.2 pdfminer.six==20260107 pypdf==7.1.1
"${pip[@]}" --no-deps --target "$folder/fonts" matplotlib==3.11.2

cat >"$folder/try.py" <<'PY'
import io
import sys
from importlib.metadata import version

import pypdf
import pypdfium2
import typst
from pdfminer.high_level import extract_text

NO, YES, THING, VALUE = "لا", "نعم", "شيء", "قيمة"
line = f"{VALUE} {NO} {THING} ({YES})"
data = typst.compile(
    f'#set text(font: "DejaVu Sans", dir: rtl)\n{line}'.encode(), font_paths=[sys.argv[1]], ignore_system_fonts=True
)
found = {
    "PDFium": pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range().strip(),
    "pdfminer.six": " ".join(extract_text(io.BytesIO(data)).split()),
    "pypdf": pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text().strip(),
}
print("typst", version("typst"), "pypdfium2", version("pypdfium2"), "pypdf", version("pypdf"), "line", ascii(line))
for name, text in found.items():
    print(f"  {name}: {ascii(text)} {text}")
unchanged = (
    found["PDFium"] == f"{VALUE} {NO[::-1]} {THING} ){YES}("
    and found["pdfminer.six"] == f"){YES[::-1]}( {THING[::-1]} {NO} {VALUE[::-1]}"
    and f"({YES})" not in found["pypdf"]
    and NO in found["pypdf"]
)
sys.exit(not unchanged)
PY
"$folder/venv/bin/python" "$folder/try.py" "$folder/fonts/matplotlib/mpl-data/fonts/ttf"
