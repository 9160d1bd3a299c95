"""PDFium's functions that are called for every word and object of a page, taking addresses as plain integers.

The functions of ``pypdfium2.raw`` take a ctypes object for each handle and each variable that PDFium writes to. Integers are
converted in less time, and let PDFium write into an array: a page's values are then read from it all at once. Runs in the
opener child.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pypdfium2.raw as pdfium

_ADDRESS, _INT, _LONG = ctypes.c_void_p, ctypes.c_int, ctypes.c_ulong

Call = Callable[..., Any]
"""A C function. Handles and addresses are integers; a handle that is returned is one too, or None for a null pointer."""


def _declare(function: Any, result: Any, *arguments: Any) -> Call:
    """Return the same C function with other types.

    It takes less than a microsecond, so Python's lock is kept meanwhile.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


count_rects = _declare(pdfium.FPDFText_CountRects, _INT, _ADDRESS, _INT, _INT)
get_rect = _declare(pdfium.FPDFText_GetRect, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)
get_char_origin = _declare(pdfium.FPDFText_GetCharOrigin, _INT, _ADDRESS, _INT, _ADDRESS, _ADDRESS)
get_char_box = _declare(pdfium.FPDFText_GetCharBox, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)
get_loose_char_box = _declare(pdfium.FPDFText_GetLooseCharBox, _INT, _ADDRESS, _INT, _ADDRESS)
get_text_object = _declare(pdfium.FPDFText_GetTextObject, _ADDRESS, _ADDRESS, _INT)
get_font_size = _declare(pdfium.FPDFText_GetFontSize, ctypes.c_double, _ADDRESS, _INT)
get_char_matrix = _declare(pdfium.FPDFText_GetMatrix, _INT, _ADDRESS, _INT, _ADDRESS)
get_font = _declare(pdfium.FPDFTextObj_GetFont, _ADDRESS, _ADDRESS)
is_generated = _declare(pdfium.FPDFText_IsGenerated, _INT, _ADDRESS, _INT)
has_map_error = _declare(pdfium.FPDFText_HasUnicodeMapError, _INT, _ADDRESS, _INT)
count_page_objects = _declare(pdfium.FPDFPage_CountObjects, _INT, _ADDRESS)
get_page_object = _declare(pdfium.FPDFPage_GetObject, _ADDRESS, _ADDRESS, _INT)
count_form_objects = _declare(pdfium.FPDFFormObj_CountObjects, _INT, _ADDRESS)
get_form_object = _declare(pdfium.FPDFFormObj_GetObject, _ADDRESS, _ADDRESS, _LONG)
get_kind = _declare(pdfium.FPDFPageObj_GetType, _INT, _ADDRESS)
get_bounds = _declare(pdfium.FPDFPageObj_GetBounds, _INT, _ADDRESS, *[_ADDRESS] * 4)
get_fill_colour = _declare(pdfium.FPDFPageObj_GetFillColor, _INT, _ADDRESS, *[_ADDRESS] * 4)
get_stroke_colour = _declare(pdfium.FPDFPageObj_GetStrokeColor, _INT, _ADDRESS, *[_ADDRESS] * 4)
get_clip_path = _declare(pdfium.FPDFPageObj_GetClipPath, _ADDRESS, _ADDRESS)
count_clip_paths = _declare(pdfium.FPDFClipPath_CountPaths, _INT, _ADDRESS)
get_render_mode = _declare(pdfium.FPDFTextObj_GetTextRenderMode, _INT, _ADDRESS)
