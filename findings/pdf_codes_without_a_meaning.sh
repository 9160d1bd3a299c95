#!/usr/bin/env bash
# A PDF font need not say which letters its codes are. No extractor reports that as unknown: each gives text of its own.
#
# Versions: pypdfium2 5.11.0 (PDFium), pdfminer.six 20260107, pypdf 7.1.1.
# Behaviour, for a page that shows the codes 65, 66 and 67:
# - a Type 1 font whose /Differences name glyphs that mean nothing (/g17 /g18 /g19, as subsetters write them): PDFium and
#   pdfminer.six return "ABC", the letters that the base encoding has at these codes, whatever the glyphs show; pypdf returns
#   the names themselves, "/g17/g18/g19", as text;
# - a Type 0 font with Identity-H and no /ToUnicode, where a code is the number of a glyph: PDFium and pypdf return "ABC", as if
#   glyph numbers were Unicode; pdfminer.six returns "(cid:65)(cid:66)(cid:67)";
# - the same with the name /Identity-H as its /ToUnicode, which promises nothing about letters either: all three return "ABC".
# What follows: text that comes out without an error may be letters that the page never shows. Only the drawn glyphs, or the
# statistics of the text, can say so: comparing extractors shows the first two fonts, and not the third.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pypdfium2==5.11.0 pdfminer.six==20260107 pypdf==7.1.1

cat >"$folder/try.py" <<'PY'
import io
import sys
from importlib.metadata import version

import pypdf
import pypdfium2
from pdfminer.high_level import extract_text

NAMED = [
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica"
    b" /Encoding << /BaseEncoding /WinAnsiEncoding /Differences [65 /g17 /g18 /g19] >> >>"
]
COMPOSITE = b"<< /Type /Font /Subtype /Type0 /BaseFont /Example /Encoding /Identity-H /DescendantFonts [6 0 R]"
DESCENDANT = [
    b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Example /DW 600 /FontDescriptor 7 0 R"
    b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
    b"<< /Type /FontDescriptor /FontName /Example /Flags 4 /FontBBox [0 0 600 700] /ItalicAngle 0"
    b" /Ascent 700 /Descent -200 /CapHeight 700 /StemV 80 >>",
]


def document(fonts, content):
    """A PDF of one page; its fonts are the objects from number 5 on."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 100] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *fonts,
    ]
    data, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def texts(data):
    return (
        pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range(),
        extract_text(io.BytesIO(data)).strip(),
        pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text(),
    )


simple, double = b"BT /F 20 Tf 20 50 Td (ABC) Tj ET", b"BT /F 20 Tf 20 50 Td <004100420043> Tj ET"
cases = {
    "glyph names without a meaning": (document(NAMED, simple), ("ABC", "ABC", "/g17/g18/g19")),
    "glyph numbers, no /ToUnicode": (
        document([COMPOSITE + b" >>", *DESCENDANT], double),
        ("ABC", "(cid:65)(cid:66)(cid:67)", "ABC"),
    ),
    "glyph numbers, /ToUnicode /Identity-H": (
        document([COMPOSITE + b" /ToUnicode /Identity-H >>", *DESCENDANT], double),
        ("ABC", "ABC", "ABC"),
    ),
}
print("pypdfium2", version("pypdfium2"), "pdfminer.six", version("pdfminer.six"), "pypdf", version("pypdf"))
changed = False
for name, (data, wanted) in cases.items():
    got = texts(data)
    changed |= got != wanted
    print(f"  {name}: PDFium {got[0]!r}, pdfminer.six {got[1]!r}, pypdf {got[2]!r}")
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/try.py"
