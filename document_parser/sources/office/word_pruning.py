"""What says how a Word document looks, cut out of its XML before the tree is made.

Half of the elements of a usual file are sizes, colours, languages, widths and marks of the spelling check. A tree has about 150
bytes for each, and every walk passes by them.
"""

from __future__ import annotations

import re

from document_parser.sources.office.word_styles import WORD

_LOOKS = (
    "adjustRightInd", "autoSpaceDE", "autoSpaceDN", "bCs", "bdr", "bottom", "cantSplit", "cnfStyle", "color",
    "contextualSpacing", "gridCol", "hideMark", "highlight", "iCs", "insideH", "insideV", "jc", "keepLines", "keepNext",
    "kern", "kinsoku", "lang", "noProof", "noWrap", "position", "proofErr", "rtl", "shd", "snapToGrid", "spacing",
    "suppressAutoHyphens", "sz", "szCs", "tblCellSpacing", "tcW", "tblW", "tblInd", "tblLayout", "textAlignment", "top",
    "trHeight", "u", "vAlign", "w", "widowControl", "wordWrap",
)  # fmt: skip
"""Elements without content that no reader asks for."""
_ELEMENTS = re.compile(rb"<w:(?:" + "|".join(_LOOKS).encode() + rb")(?: [^<>]*)?/>")
_DECLARED = b'xmlns:w="' + WORD[1:-1].encode() + b'"'
_VERBATIM = (b"<![CDATA[", b"<!--", b"<!DOCTYPE")
"""Where signs of elements may stand that are none."""


def without_looks(data: bytes) -> bytes:
    """Return the XML of a part of Word without elements of mere looks. It is left as it is if it is written in another way."""
    return _ELEMENTS.sub(b"", data) if is_written_as_usual(data) else data


def is_written_as_usual(data: bytes) -> bool:
    """Return whether ``w:`` is the prefix of Word's own elements everywhere, and every sign of an element is one."""
    declared = data.count(_DECLARED)
    return bool(declared) and data.count(b"xmlns:w=") == declared and not any(sign in data for sign in _VERBATIM)
