"""Fields of Word: their instructions are not shown, their results are; what has no stored result is made from its form.

Source: ECMA-376, part 1, section 17.16.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from document_parser.sources.office.symbols import symbol_of
from document_parser.sources.office.word_styles import VALUE, WORD, is_on
from document_parser.sources.xml_trees import Element, integer_of
from document_parser.text.spans import safe_link_of

_LINK = re.compile(r'\s*HYPERLINK\s+(?!\\)(?:"([^"]*)"|(\S+))', re.IGNORECASE)
_BUTTON = re.compile(r"\s*(?:MACROBUTTON|GOTOBUTTON)\s+\S+\s*(.*)", re.IGNORECASE | re.DOTALL)
_SYMBOL = re.compile(r"\s*SYMBOL\s+(0x[0-9a-f]+|\d+|\S)(?:.*?\\f\s*\"?([^\"\\]+)\"?)?", re.IGNORECASE | re.DOTALL)
_QUOTE = re.compile(r'\s*QUOTE\s+"([^"]*)"', re.IGNORECASE)
_EQUATION = re.compile(r"\s*EQ\s+(.*)", re.IGNORECASE | re.DOTALL)
_FRACTION = re.compile(r"\\f\(([^();,]*)[;,]([^();,]*)\)", re.IGNORECASE)
_SWITCH = re.compile(r"\\[a-z]{1,3}", re.IGNORECASE)


@dataclass(slots=True)
class OpenField:
    """A field that has begun: its instruction so far, and whether its result has begun.

    ``form`` is what a form field shows by itself. ``characters`` counts what was shown when the result began.
    """

    instruction: list[str] = field(default_factory=list)
    in_result: bool = False
    link: str | None = None
    form: str = ""
    covers_result: bool = False
    """Whether ``form`` is shown in place of the result: a check box."""
    characters: int = 0

    def begin_result(self, characters: int) -> None:
        """Note that the instruction has ended."""
        self.in_result, self.characters = True, characters
        self.link = link_of_instruction("".join(self.instruction))

    def text_without_result(self) -> str:
        """Return what a field shows that has no result."""
        return self.form or shown_instruction("".join(self.instruction))


def begin_field(element: Element) -> OpenField:
    """Return the field that a ``w:fldChar`` begins."""
    form = element.find(f"{WORD}ffData")
    if form is None:
        return OpenField()
    box, choice = form.find(f"{WORD}checkBox"), form.find(f"{WORD}ddList")
    if box is not None:
        return OpenField(form="☒" if _is_checked(box) else "☐", covers_result=True)
    return OpenField(form=_chosen(choice) if choice is not None else "")


def link_of_instruction(instruction: str) -> str | None:
    """Return the address that a HYPERLINK field leads to; None for other fields, and for unsafe addresses."""
    match = _LINK.match(instruction)
    return safe_link_of(match[1] or match[2] or "") if match else None


def shown_instruction(instruction: str) -> str:
    """Return what Word shows for a field whose result is not stored; empty for most fields."""
    if match := _BUTTON.match(instruction):
        return match[1].strip()
    if match := _SYMBOL.match(instruction):
        code = match[1]
        number = int(code, 16) if code.lower().startswith("0x") else integer_of(code, ord(code[0]))
        return symbol_of(number, (match[2] or "").strip())
    if match := _QUOTE.match(instruction):
        return match[1]
    if match := _EQUATION.match(instruction):
        return _SWITCH.sub("", _FRACTION.sub(r"\1/\2", match[1])).strip()
    return ""


def _is_checked(box: Element) -> bool:
    """Return whether a check box of a form is checked: as it was left, or as it begins."""
    checked = box.find(f"{WORD}checked")
    return is_on(checked if checked is not None else box.find(f"{WORD}default"))


def _chosen(choice: Element) -> str:
    """Return the chosen entry of a drop-down list: as it was left, or as it begins; empty if it has none."""
    entries = [entry.get(VALUE, "") for entry in choice.iterchildren(f"{WORD}listEntry")]
    chosen = choice.find(f"{WORD}result")
    chosen = chosen if chosen is not None else choice.find(f"{WORD}default")
    place = 0 if chosen is None else integer_of(chosen.get(VALUE), 0)
    return entries[place] if 0 <= place < len(entries) else ""
