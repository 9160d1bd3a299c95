"""What is filled in on a PDF page's form fields or typed onto the page, as words where it stands. Runs in the opener child.

PDFium keeps both apart from the text layer: a page's text shows the labels of a form only, and nothing that somebody wrote
into its blanks with a viewer's text tool (free text annotations).
"""

from __future__ import annotations

import ctypes
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map

MOST_FIELDS = 5_000
CHECKED, UNCHECKED = "\u2611", "\u2610"

_UNSEEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD = 1 << 13
_MOST_CHARACTERS = 20_000
_BOXES = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_CHOICES = (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_USUAL_SIZE = 12.0
_LINE_TO_SIZE = 1.2
_LETTER_WIDTH = 0.5


def extract_fields(page: Any, form: Any) -> list[Word]:
    """The values of a page's form fields, boxes in fractions of the upright page: text and choices word by word, a check box or
    radio button as one word, CHECKED or UNCHECKED; and the words typed onto the page. Nothing of hidden and password fields.
    ``form`` is PDFium's form handle, None where the document has no form.
    """
    place = upright_map(page)
    found: list[Word] = []
    for number in range(min(MOST_FIELDS, max(0, pdfium.FPDFPage_GetAnnotCount(page.raw)))):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if annotation:
            found += _words_of(annotation, form, place)
            pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def _words_of(annotation: Any, form: Any, place: UprightMap) -> Iterator[Word]:
    edges = pdfium.FS_RECTF()
    if pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN or not pdfium.FPDFAnnot_GetRect(annotation, edges):
        return
    rect = Rect(edges.left, min(edges.bottom, edges.top), edges.right, max(edges.bottom, edges.top))
    match pdfium.FPDFAnnot_GetSubtype(annotation):
        case pdfium.FPDF_ANNOT_WIDGET if form is not None:
            yield from _field_words(annotation, form, rect, place)
        case pdfium.FPDF_ANNOT_FREETEXT:
            yield from _typed_words(annotation, rect, place)


def _typed_words(annotation: Any, rect: Rect, place: UprightMap) -> Iterator[Word]:
    """Wrapped about where a viewer would wrap them."""
    found = re.search(r"(\d+(?:\.\d+)?)\s+Tf", _entry(annotation, b"DA"))
    wanted = float(found[1]) if found else 0.0
    size = max(1.0, min(wanted or _USUAL_SIZE, (rect.top - rect.bottom) / _LINE_TO_SIZE))
    fitting = max(1, round((rect.right - rect.left) / (size * _LETTER_WIDTH)))
    lines = [line for part in _entry(annotation, b"Contents").splitlines() for line in textwrap.wrap(part, fitting) or [""]]
    yield from _lines("\n".join(lines), rect, size, place)


def _entry(annotation: Any, key: bytes) -> str:
    """A text of the annotation's dictionary."""
    return _text(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _field_words(annotation: Any, form: Any, rect: Rect, place: UprightMap) -> Iterator[Word]:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BOXES:
        checked = pdfium.FPDFAnnot_IsChecked(form, annotation)
        yield _placed(CHECKED if checked else UNCHECKED, rect, min(_USUAL_SIZE, rect.top - rect.bottom), place)
    elif kind in _CHOICES or (kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and not _is_password(form, annotation)):
        value = _chosen(annotation, form) if kind in _CHOICES else ""
        yield from _lines(value or _value(annotation, form), rect, _size(annotation, form, rect), place)


def _is_password(form: Any, annotation: Any) -> bool:
    return bool(pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD)


def _value(annotation: Any, form: Any) -> str:
    return _text(lambda buffer, size: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size))


def _chosen(annotation: Any, form: Any) -> str:
    """The labels of the chosen options, a line each; empty where none is marked as chosen."""
    options = min(MOST_FIELDS, max(0, pdfium.FPDFAnnot_GetOptionCount(form, annotation)))
    chosen = [number for number in range(options) if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, number)]
    return "\n".join(_label(annotation, form, number) for number in chosen)


def _label(annotation: Any, form: Any, number: int) -> str:
    return _text(lambda buffer, size: pdfium.FPDFAnnot_GetOptionLabel(form, annotation, number, buffer, size))


def _text(read: Callable[[Any, int], int]) -> str:
    """What PDFium writes as UTF-16 with a zero at its end, asked for its length in bytes first."""
    size = min(2 * _MOST_CHARACTERS, read(None, 0))
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    read(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace")


def _size(annotation: Any, form: Any, rect: Rect) -> float:
    """The font size in points; where the field says "as fits", that of a usual line that fits."""
    size = ctypes.c_float()
    if pdfium.FPDFAnnot_GetFontSize(form, annotation, size) and size.value > 0:
        return size.value
    return max(1.0, min(_USUAL_SIZE, (rect.top - rect.bottom) / _LINE_TO_SIZE))


def _lines(value: str, rect: Rect, size: float, place: UprightMap) -> Iterator[Word]:
    """A value's words where a viewer would about draw them: line under line, a lone line in the middle of its field."""
    lines = [line.split() for line in value.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    pitch = min(size * _LINE_TO_SIZE, (rect.top - rect.bottom) / len(lines))
    top = rect.top if len(lines) > 1 else (rect.top + rect.bottom + pitch) / 2
    for words in lines:
        wide = sum(len(word) + 1 for word in words)
        letter = min(size * _LETTER_WIDTH, (rect.right - rect.left) / max(1, wide))
        left = rect.left
        for word in words:
            right = left + letter * len(word)
            yield _placed(word, Rect(left, top - pitch * 0.95, right, top), min(size, pitch), place)
            left = right + letter
        top -= pitch


def _placed(text: str, rect: Rect, size: float, place: UprightMap) -> Word:
    left, top, right, bottom = (round(min(1.0, max(0.0, edge)), 5) for edge in place.box(rect))
    return Word(text, left, top, right, bottom, round(size, 2))
