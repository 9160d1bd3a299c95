"""Take out of a page the invisible text that an earlier OCR laid over it. Runs in the opener child."""

from __future__ import annotations

import pikepdf
from pikepdf import Operator

MAX_INSTRUCTIONS = 500_000
"""A page with more is left as it is."""
_SHOWING = frozenset({"Tj", "TJ", "'", '"'})
_PAINTING = frozenset({"S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "sh", "Do", "INLINE IMAGE"})
INVISIBLE = 3
"""The text rendering mode that paints nothing."""


def without_invisible_text(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    """Remove what a page writes in text rendering mode 3, and the forms that hold nothing else. Nothing visible changes.

    Raises pikepdf.PdfError if the contents cannot be parsed.
    """
    instructions = pikepdf.parse_content_stream(page)
    if len(instructions) > MAX_INSTRUCTIONS:
        return
    mode = 0
    saved: list[int] = []
    kept: list[pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage] = []
    removed = False
    for instruction in instructions:
        name = str(instruction.operator)
        mode = _mode_after(instruction, mode, saved)
        if name in _SHOWING and mode == INVISIBLE:
            removed = True
            if name in ("'", '"'):  # they also go to the next line
                kept.append(pikepdf.ContentStreamInstruction([], Operator("T*")))
        elif name == "Do" and _is_invisible_text(page, str(instruction.operands[0]), mode):
            removed = True
        else:
            kept.append(instruction)
    if removed:
        page.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))


def _mode_after(instruction: object, mode: int, saved: list[int]) -> int:
    """Return the text rendering mode after an instruction; ``saved`` are the modes that ``q`` has saved."""
    name, operands = str(instruction.operator), instruction.operands  # type: ignore[attr-defined]
    if name == "q":
        saved.append(mode)
    elif name == "Q" and saved:
        return saved.pop()
    elif name == "Tr" and operands:
        return int(operands[0])
    return mode


def _is_invisible_text(page: pikepdf.Page, name: str, mode: int) -> bool:
    """Return whether a form of the page writes text, and nothing that can be seen. ``mode`` is in force where it is placed."""
    form = page.obj.get("/Resources", pikepdf.Dictionary()).get("/XObject", pikepdf.Dictionary()).get(name)
    if not isinstance(form, pikepdf.Stream) or form.get("/Subtype") != pikepdf.Name.Form:
        return False
    instructions = pikepdf.parse_content_stream(form)
    saved: list[int] = []
    has_text = False
    for instruction in instructions[:MAX_INSTRUCTIONS]:
        operator = str(instruction.operator)
        mode = _mode_after(instruction, mode, saved)
        if operator in _PAINTING or (operator in _SHOWING and mode != INVISIBLE):
            return False
        has_text |= operator in _SHOWING
    return has_text and len(instructions) <= MAX_INSTRUCTIONS
