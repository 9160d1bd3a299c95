"""Extract what is filled in on a PDF page's form fields or typed onto the page, as words at their places.

Runs in the opener child. PDFium keeps both apart from the text layer: a page's text shows only the labels of a form, and
nothing that a person wrote into its blanks with a viewer's text tool (free text annotations).
"""

from __future__ import annotations

import ctypes
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map_of

MAX_FIELDS = 5_000
"""Annotations of a page, and options of a field, that are looked at."""
CHECKED, UNCHECKED = "\u2611", "\u2610"
"""The words for a check box or radio button."""

_HIDDEN_FLAGS = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
"""Flags of annotations that a viewer does not show."""
_PASSWORD_FLAG = 1 << 13
"""Flag of a text field for passwords."""
_MAX_VALUE_CHARACTERS = 20_000
"""Characters of a value that are kept."""
_BOXES = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_CHOICES = (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_USUAL_SIZE_POINTS = 12.0
"""Font size of a field that says nothing about it."""
_LINE_PITCH_EM = 1.2
"""Distance of two lines, in font sizes."""
_LETTER_WIDTH_EM = 0.5
"""Assumed width of a letter, in font sizes."""


def extract_fields(page: Any, form: Any) -> list[Word]:
    """Return the values of a page's form fields and the words typed onto the page, boxes in fractions of the upright page.

    Text and choices become one Word per word, a check box or radio button becomes one Word, CHECKED or UNCHECKED. Hidden fields
    and password fields yield nothing. ``form`` is PDFium's form handle, None if the document has no form. Raises PageUnreadable
    if the page has no area.
    """
    place = upright_map_of(page)
    found: list[Word] = []
    for number in range(min(MAX_FIELDS, max(0, pdfium.FPDFPage_GetAnnotCount(page.raw)))):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if annotation:
            found += _words_of(annotation, form, place)
            pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def _words_of(annotation: Any, form: Any, place: UprightMap) -> Iterator[Word]:
    """Yield the words of one annotation."""
    edges = pdfium.FS_RECTF()
    if pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN_FLAGS or not pdfium.FPDFAnnot_GetRect(annotation, edges):
        return
    rect = Rect(edges.left, min(edges.bottom, edges.top), edges.right, max(edges.bottom, edges.top))
    match pdfium.FPDFAnnot_GetSubtype(annotation):
        case pdfium.FPDF_ANNOT_WIDGET if form is not None:
            yield from _field_words(annotation, form, rect, place)
        case pdfium.FPDF_ANNOT_FREETEXT:
            yield from _typed_words(annotation, rect, place)


def _typed_words(annotation: Any, rect: Rect, place: UprightMap) -> Iterator[Word]:
    """Yield the words of a free text annotation, wrapped about where a viewer would wrap them."""
    found = re.search(r"(\d+(?:\.\d+)?)\s+Tf", _read_entry(annotation, b"DA"))
    wanted = float(found[1]) if found else 0.0
    size = max(1.0, min(wanted or _USUAL_SIZE_POINTS, (rect.top - rect.bottom) / _LINE_PITCH_EM))
    fitting = max(1, round((rect.right - rect.left) / (size * _LETTER_WIDTH_EM)))
    lines = [
        line for part in _read_entry(annotation, b"Contents").splitlines() for line in textwrap.wrap(part, fitting) or [""]
    ]
    yield from _place_lines("\n".join(lines), rect, size, place)


def _read_entry(annotation: Any, key: bytes) -> str:
    """Return a text of the annotation's dictionary."""
    return _read_text(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _field_words(annotation: Any, form: Any, rect: Rect, place: UprightMap) -> Iterator[Word]:
    """Yield the words of a form field."""
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BOXES:
        checked = pdfium.FPDFAnnot_IsChecked(form, annotation)
        yield _place_word(CHECKED if checked else UNCHECKED, rect, min(_USUAL_SIZE_POINTS, rect.top - rect.bottom), place)
    elif kind in _CHOICES or (kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and not _is_password(form, annotation)):
        value = _read_chosen(annotation, form) if kind in _CHOICES else ""
        yield from _place_lines(value or _read_value(annotation, form), rect, _font_size(annotation, form, rect), place)


def _is_password(form: Any, annotation: Any) -> bool:
    """Return whether a field is for passwords."""
    return bool(pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD_FLAG)


def _read_value(annotation: Any, form: Any) -> str:
    """Return the value of a field."""
    return _read_text(lambda buffer, size: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size))


def _read_chosen(annotation: Any, form: Any) -> str:
    """Return the labels of the chosen options, a line each; empty if none is marked as chosen."""
    options = min(MAX_FIELDS, max(0, pdfium.FPDFAnnot_GetOptionCount(form, annotation)))
    chosen = [number for number in range(options) if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, number)]
    return "\n".join(_read_label(annotation, form, number) for number in chosen)


def _read_label(annotation: Any, form: Any, number: int) -> str:
    """Return the label of an option."""
    return _read_text(lambda buffer, size: pdfium.FPDFAnnot_GetOptionLabel(form, annotation, number, buffer, size))


def _read_text(read: Callable[[Any, int], int]) -> str:
    """Return what PDFium writes as UTF-16 with a zero at its end, after asking it for the length in bytes."""
    size = min(2 * _MAX_VALUE_CHARACTERS, read(None, 0))
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    read(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace")


def _font_size(annotation: Any, form: Any, rect: Rect) -> float:
    """Return the font size in points; if the field says "as fits", that of a usual line that fits."""
    size = ctypes.c_float()
    if pdfium.FPDFAnnot_GetFontSize(form, annotation, size) and size.value > 0:
        return size.value
    return max(1.0, min(_USUAL_SIZE_POINTS, (rect.top - rect.bottom) / _LINE_PITCH_EM))


def _place_lines(value: str, rect: Rect, size: float, place: UprightMap) -> Iterator[Word]:
    """Yield a value's words about where a viewer would draw them: line under line, a single line in the middle of its field."""
    lines = [line.split() for line in value.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    pitch = min(size * _LINE_PITCH_EM, (rect.top - rect.bottom) / len(lines))
    top = rect.top if len(lines) > 1 else (rect.top + rect.bottom + pitch) / 2
    for words in lines:
        wide = sum(len(word) + 1 for word in words)
        letter = min(size * _LETTER_WIDTH_EM, (rect.right - rect.left) / max(1, wide))
        left = rect.left
        for word in words:
            right = left + letter * len(word)
            yield _place_word(word, Rect(left, top - pitch * 0.95, right, top), min(size, pitch), place)
            left = right + letter
        top -= pitch


def _place_word(text: str, rect: Rect, size: float, place: UprightMap) -> Word:
    """Return a word at a rectangle of the page's own space, limited to the page."""
    left, top, right, bottom = (round(min(1.0, max(0.0, edge)), 5) for edge in place.map_rect(rect))
    return Word(text, left, top, right, bottom, round(size, 2))
