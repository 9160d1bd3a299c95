#!/usr/bin/env bash
# PDFium's weight of a text says how a program wrote its font file into the PDF, not whether the text is bold.
#
# Versions: pypdfium2 5.15.2 (PDFium); ReportLab 4.5.1, Typst 0.15.2, WeasyPrint 70.0 and matplotlib 3.11.2 wrote the PDFs.
# WeasyPrint needs Pango (Debian: libpango-1.0-0, libpangoft2-1.0-0).
# Behaviour: FPDFText_GetFontWeight is computed from the /StemV of the font's descriptor, which most programs fill with a constant.
# The same words in the same two files, DejaVu Sans and DejaVu Sans Bold, have these weights, regular and bold:
# - ReportLab 435 and 800, Typst 475 and 812: regular text is below or above 450, and no weight is one of CSS's;
# - WeasyPrint 400 and 400: bold text is regular, and the descriptor's flags are the same too;
# - matplotlib 0 and 0, and so are Helvetica and Helvetica-Bold of ReportLab, which are not embedded and have no descriptor.
# Only the font's name says bold each time, and a program may name it as it likes: WeasyPrint takes the style sheet's family.
# What follows: headings and labels that are told by the weight are lost for whole families of documents, and 0 is no light text.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pypdfium2==5.15.2 reportlab==4.5.1 typst==0.15.2 weasyprint==70.0 matplotlib==3.11.2

cat >"$folder/try.py" <<'PY'
import ctypes
import sys
from importlib.metadata import version
from pathlib import Path

import matplotlib
import pypdfium2
import pypdfium2.raw as pdfium
import typst
import weasyprint
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

matplotlib.use("pdf")
import matplotlib.pyplot as plt

FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
REGULAR, BOLD = FONTS / "DejaVuSans.ttf", FONTS / "DejaVuSans-Bold.ttf"
EXPECTED = {
    "reportlab": [("DejaVuSans", 435), ("DejaVuSans-Bold", 800)],
    "reportlab, not embedded": [("Helvetica", 0), ("Helvetica-Bold", 0)],
    "typst": [("DejaVuSans", 475), ("DejaVuSans-Bold", 812)],
    "weasyprint": [("Plain", 400), ("Heavy,-Bold", 400)],
    "matplotlib": [("DejaVuSans", 0), ("DejaVuSans-Bold", 0)],
}


def by_reportlab(path, *names):
    page = canvas.Canvas(path)
    for place, name in enumerate(names):
        page.setFont(name, 12)
        page.drawString(50, 700 - 30 * place, "Total amount")
    page.save()


def write_all(folder):
    for file in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(file.stem, file))
    by_reportlab(f"{folder}/reportlab.pdf", REGULAR.stem, BOLD.stem)
    by_reportlab(f"{folder}/reportlab, not embedded.pdf", "Helvetica", "Helvetica-Bold")
    source = Path(folder, "page.typ")
    source.write_text('#set text(font: "DejaVu Sans")\nTotal amount\n\n*Total amount*\n')
    typst.compile(source, output=f"{folder}/typst.pdf", font_paths=[FONTS])
    faces = "".join(f"@font-face {{ font-family: {name}; src: url({file.as_uri()}) }}" for name, file in (("Plain", REGULAR), ("Heavy", BOLD)))
    lines = "".join(f'<p style="font-family: {name}">Total amount</p>' for name in ("Plain", "Heavy"))
    weasyprint.HTML(string=f"<style>{faces}</style>{lines}").write_pdf(f"{folder}/weasyprint.pdf")
    figure = plt.figure()
    figure.text(0.1, 0.7, "Total amount")
    figure.text(0.1, 0.5, "Total amount", weight="bold")
    figure.savefig(f"{folder}/matplotlib.pdf")


def weights(path):
    """The names of the fonts of a page, without what subsetters put before them, and PDFium's weight of each."""
    page = pypdfium2.PdfDocument(path)[0].get_textpage()
    name, flags, found = ctypes.create_string_buffer(100), ctypes.c_int(), {}
    for index in range(page.count_chars()):
        if pdfium.FPDFText_GetFontInfo(page, index, name, 100, flags):
            font = name.value.decode().partition("+")
            found[font[2] or font[0]] = pdfium.FPDFText_GetFontWeight(page, index)
    return list(found.items())


print(", ".join(f"{name} {version(name)}" for name in ("pypdfium2", "reportlab", "typst", "weasyprint", "matplotlib")))
write_all(sys.argv[1])
found = {name: weights(f"{sys.argv[1]}/{name}.pdf") for name in EXPECTED}
for name, seen in found.items():
    print(f"{name}: {seen}")
sys.exit(found != EXPECTED)
PY
"$folder/venv/bin/python" "$folder/try.py" "$folder"
