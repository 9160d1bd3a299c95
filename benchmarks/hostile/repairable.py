"""Which damaged PDFs qpdf makes readable: ``python -m benchmarks.hostile.repairable FILE...`` prints their paths.

A PDF counts as damaged if PDFium refuses it, or if qpdf has to find its objects by searching all of it. It counts as repairable
if PDFium finds text or an image on a page of the copy that qpdf writes. Files that need a password are none of both.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium

MAX_PAGES = 50
"""Pages at the start of a document that are looked at."""
BATCH_FILES = 25
"""Files that one process looks at: they may crash it, and then the rest of them are not counted."""
READABLE = (pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_IMAGE)
REBUILDS = "Attempting to reconstruct cross-reference table"


def repairable(corpus: Path, paths: list[str]) -> list[str]:
    """Return the damaged PDFs among these that qpdf makes readable, looked at in processes of their own."""
    found: list[str] = []
    for start in range(0, len(paths), BATCH_FILES):
        files = [str(corpus / path) for path in paths[start : start + BATCH_FILES]]
        command = [sys.executable, "-m", "benchmarks.hostile.repairable", *files]
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        found += [str(Path(line).relative_to(corpus)) for line in ran.stdout.splitlines()]
    return found


def is_repairable(path: Path) -> bool:
    """Return whether a PDF is damaged, and a page of qpdf's copy is readable."""
    try:
        pdf = pikepdf.open(path, suppress_warnings=True)
        is_rebuilt = any(REBUILDS in str(warning) for warning in pdf.get_warnings())
        copy = io.BytesIO()
        pdf.save(copy)
    except (pikepdf.PdfError, pikepdf.PasswordError, ValueError, RuntimeError):
        return False
    return (is_rebuilt or _count_readable(path) is None) and bool(_count_readable(copy.getvalue()))


def _count_readable(source: Path | bytes) -> int | None:
    """Return how many pages have text or an image; None if PDFium refuses the file."""
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError:
        return None
    found = 0
    for number in range(min(len(document), MAX_PAGES)):
        try:
            page = document[number]
            found += any(True for _ in page.get_objects(READABLE))
        except pypdfium2.PdfiumError:
            continue
    return found


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if is_repairable(Path(name)):
            print(name, flush=True)
