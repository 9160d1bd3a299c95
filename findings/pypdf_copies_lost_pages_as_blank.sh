#!/usr/bin/env bash
# A page whose contents are missing from a PDF is copied by pypdf as a blank page, with a line in its log and no error.
#
# Version: pypdf 7.1.1.
# Behaviour: /Contents of page 2 names an object that the file does not have. PdfReader opens it, PdfWriter.add_page copies the page, and
# the new file has a page without /Contents: a sound, blank page. unstructured-client splits PDFs this way before it sends them, so
# the server is sent a blank page and cannot say that one was lost.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pypdf==7.1.1

cat >"$folder/try.py" <<'PY'
import io
import sys
import warnings

import pypdf
from pypdf.generic import DecodedStreamObject, IndirectObject, NameObject

warnings.simplefilter("error")
made = pypdf.PdfWriter()
for text in (b"One", b"Two"):
    page = made.add_blank_page(200, 200)
    contents = DecodedStreamObject()
    contents.set_data(b"BT /F 12 Tf (" + text + b") Tj ET")
    page[NameObject("/Contents")] = made._add_object(contents)
made.pages[1][NameObject("/Contents")] = IndirectObject(9999, 0, made)
damaged = io.BytesIO()
made.write(damaged)
if b"9999 0 R" not in damaged.getvalue():
    sys.exit("the damaged file was not made")

part = pypdf.PdfWriter()
part.add_page(pypdf.PdfReader(damaged).pages[1])
out = io.BytesIO()
part.write(out)
copied = pypdf.PdfReader(out).pages[0]
contents = copied.get_contents()
blank = contents is None or not contents.get_data()
print("the copied page is blank" if blank else f"the copied page has contents: {contents}")
sys.exit(0 if blank else 1)
PY
"$folder/venv/bin/python" "$folder/try.py"
