"""Decide the kind of a group of lines from its first characters, its size and its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from document_parser.layout.blocks.code import is_code
from document_parser.layout.blocks.list_markers import list_marker_of
from document_parser.layout.formulas.inline import is_formula
from document_parser.layout.lines.lines import Line
from document_parser.layout.lines.units import Scale
from document_parser.models import BlockKind

MIN_HEADING_RATIO = 1.12
"""Font size of a heading divided by the body's, at least, if sizes are known."""
MIN_STANDING_OUT_RATIO = 1.03
"""The same for a heading that is known by its place: a line of its own, more white above it than between lines."""
MAX_HEADING_WORDS = 12
"""Words of such a heading, at most."""
MIN_BOLD_RATIO, MIN_CENTRED_BOLD_RATIO = 0.95, 0.85
"""The same for short bold lines, and for those in the middle of their column."""
MIN_GUESSED_HEADING_RATIO, MIN_LEVELLED_HEADING_RATIO = 1.25, 1.2
"""The same if sizes are estimated from boxes, and if one size was estimated for lines of about one size."""
MIN_HEADING_CONFIDENCE = 0.75
"""Mean confidence of a heading on a scan; that of handwriting is less."""
MIN_HEADING_LETTERS = 3
"""Latin letters of a heading on a scan, at least: fewer are initials, or strokes of a pen."""
HEADING_LEVEL_RATIOS = (1.5, 1.22)
"""Font sizes divided by the body's from which a heading has level 1 and level 2; smaller headings have level 3."""
MAX_FOOTNOTE_RATIO = 0.92
"""Font size of a footnote divided by the body's, at most."""

_ORNAMENTS = frozenset("□■○●")
"""Bullets that stand before headings too, as ornaments or in place of a picture."""
_BRACKETS = re.compile(r"\[\s?([xX✓✗]?)\s?\]\s+(?=\S)")
"""Brackets that stand for a check box, as in typewritten forms."""
_CHECKBOX = re.compile(r"[☐☑☒]\s*\S|[^☐☑☒]{1,80}\s[☐☑☒](?:$|\s)")
_CAPTION = re.compile(
    r"(?:figure|fig\.|table|tab\.|tabelle|abbildung|abb\.|tableau|scheme|algorithm)\s*[A-Z]?\d+(?:[.\-]\d+)*\s*[.:–—|]",
    re.IGNORECASE,
)
_SECTION = re.compile(r"(\d{1,2}(?:\.\d{1,2})*|[A-Z](?:\.\d{1,2})+|[A-Z](?=\.))\.?\s+\S")
_FOOTNOTE = re.compile(r"(?:\d{1,2}|[*†‡§¶¹²³⁴⁵⁶⁷⁸⁹]+)\s*[^\W\d_]|(?:[a-z]\s|[ᵃ-ᶻ]\s?)(?=[A-ZÀ-Þ])")
_NOTE = re.compile(r"(?:\d{1,2}|[a-z]|[*†‡§¶]{1,3}|[¹²³⁴⁵⁶⁷⁸⁹⁰ᵃ-ᶻ]+)\s?(?=[A-ZÀ-ÞА-ЯΑ-Ω\"“„(])")
_LEADER = re.compile(r"(?:\.\s?){4,}\s*\w{1,6}$|…+\s*\w{1,6}$")
_LABELLED_NUMBER = re.compile(r"[^\W\d]\s?:\s?\S*\d")
"""A label, a colon, and a number or a code: a field of a form, or a line of a receipt."""
_ROMAN = re.compile(r"[IVXLC]+\.|[IVXLC]{2,}")
_ADDRESS = re.compile(r"\w@\w[\w-]*\.\w|https?://|www\.")
_SENTENCE_END = re.compile(r"[.:!?。؟…][\"'”’)\]]*$")


def is_caption(text: str) -> bool:
    """Return whether a line begins a caption: a label, a number and a stop. A sentence about a figure is none."""
    return _CAPTION.match(text) is not None


def is_checkbox(text: str) -> bool:
    """Return whether a line has a check box, with its label before or behind it."""
    return _CHECKBOX.match(text) is not None or _BRACKETS.match(text) is not None


def draw_brackets(text: str) -> str:
    """Return the text of a check box with brackets, as "[x] Yes", with the sign of a check box instead."""
    found = _BRACKETS.match(text)
    return f"{'☒' if found[1] else '☐'} {text[found.end() :]}" if found else text


def is_note(text: str) -> bool:
    """Return whether a line begins with the mark of a note, a number, letter or sign, and a capital behind it."""
    return _NOTE.match(text) is not None


def ends_contents_entry(text: str) -> bool:
    """Return whether a line ends like an entry of a table of contents: with dots and a page number."""
    return _LEADER.search(text) is not None


def has_sentence_end(text: str) -> bool:
    """Return whether a text ends with the end of a sentence, closing quotes and brackets aside."""
    return _SENTENCE_END.search(text) is not None


@dataclass(frozen=True, slots=True)
class Place:
    """What the place of some lines says of them.

    ``stands_out``: they are a heading if they are larger than the text at all. ``is_centred``: white of the same width is on
    both sides.
    """

    stands_out: bool = False
    is_centred: bool = False


def kind_of(lines: Sequence[Line], text: str, body: float, scale: Scale, place: Place) -> tuple[BlockKind, int | None]:
    """Return the kind of a group of lines, and the level of a heading or list item, else None.

    ``text`` is the text of all lines, ``body`` is the page's usual font size in points.
    """
    if all(is_code(line) for line in lines) and (len(lines) > 1 or _is_command(text)):
        return "code", None
    if is_caption(text):
        return "caption", None
    if is_checkbox(text):
        return "checkbox", None
    if all(is_formula(line.text) for line in lines):
        return "formula", None
    level = _heading_level(lines, text, body, place)
    if level is not None:
        return "heading", level
    if _is_footnote(lines, text, body, scale):
        return "footnote", None
    return ("list_item", 1) if list_marker_of(text) else ("paragraph", None)


def _is_command(text: str) -> bool:
    """Return whether a lone monospaced line may be code: addresses and single names are set like this too."""
    return " " in text and _ADDRESS.search(text) is None


def _heading_level(lines: Sequence[Line], text: str, body: float, place: Place) -> int | None:
    """Return the level of a heading, or None if the lines are no heading."""
    marker = list_marker_of(text)
    is_bulleted = marker is not None and marker.bullet and marker.text not in _ORNAMENTS
    if len(lines) > 3 or len(text) > 200 or is_bulleted or not any(map(str.isalpha, text)):
        return None
    ratio = max(line.size for line in lines) / body
    if not all(line.has_known_size for line in lines) and not _may_be_guessed(lines, text):
        return None
    if ratio >= _min_heading_ratio(lines, text) and not _is_sentence(text):
        return _level_by_number(text) or _level_by_size(ratio)
    measured = all(line.has_known_size for line in lines)
    least = MIN_CENTRED_BOLD_RATIO if place.is_centred else MIN_BOLD_RATIO
    bold = measured and ratio >= least and _is_bold_alone(lines, text)
    set_apart = place.stands_out and (measured or all(line.has_levelled_size for line in lines))
    return (_level_by_number(text) or 3) if bold or set_apart else None


def _may_be_guessed(lines: Sequence[Line], text: str) -> bool:
    """Return whether lines whose size is estimated may be a heading: handwriting and what is filled into forms are larger too.

    A heading on a scan is read surely, begins with no small letter, and is no label with a number behind its colon.
    """
    if _level_by_number(text) is not None or _ROMAN.fullmatch(text):
        return True
    confidences = [word.confidence for line in lines for word in line.words if word.confidence is not None]
    if confidences and sum(confidences) / len(confidences) < MIN_HEADING_CONFIDENCE:
        return False
    letters = [letter for letter in text if letter.isalpha()]
    short = len(letters) < MIN_HEADING_LETTERS and letters[0].isascii()
    return not (letters[0].islower() or short or _LABELLED_NUMBER.search(text))


def _min_heading_ratio(lines: Sequence[Line], text: str) -> float:
    """Return the font size of a heading over the body's, at least.

    A line of a scan in which a letter was not read is estimated too large: it may be the last one of a paragraph.
    """
    if all(line.has_known_size for line in lines):
        return MIN_HEADING_RATIO
    levelled = all(line.has_levelled_size for line in lines) and not has_sentence_end(text)
    return MIN_LEVELLED_HEADING_RATIO if levelled else MIN_GUESSED_HEADING_RATIO


def _is_sentence(text: str) -> bool:
    """Return whether a text is long and ends like a sentence or a part of one."""
    return len(text) > 60 and text.endswith((".", ",", ";"))


def _is_bold_alone(lines: Sequence[Line], text: str) -> bool:
    """Return whether lines are a short bold text of their own, without an end of a sentence."""
    short = len(lines) <= 2 and len(text.split()) <= 14
    return short and all(line.bold for line in lines) and not text.endswith((".", ",", ":", ";"))


def _level_by_size(ratio: float) -> int:
    """Return the heading level for a font size divided by the body's."""
    return 1 if ratio >= HEADING_LEVEL_RATIOS[0] else 2 if ratio >= HEADING_LEVEL_RATIOS[1] else 3


def _level_by_number(text: str) -> int | None:
    """Return the heading level for a section number, or None.

    Section 2 has level 2 and section 2.1 has level 3, below a title of level 1.
    """
    section = _SECTION.match(text)
    return min(6, section[1].count(".") + 2) if section else None


def _is_footnote(lines: Sequence[Line], text: str, body: float, scale: Scale) -> bool:
    """Return whether lines are a footnote: small, low on the page, and with a mark before the text."""
    low = lines[0].top > 0.7 * scale.height
    small = all(line.has_known_size for line in lines) and max(line.size for line in lines) <= MAX_FOOTNOTE_RATIO * body
    return low and small and _FOOTNOTE.match(text) is not None
