"""See how a page looks and reads, so that it can be held against the page before it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from document_parser.extraction.view import Origin, PageView
from document_parser.text.common_words import language_of

HEADING = 1.35
"""Height of a line's letters over those of the page, at least, that makes it a heading."""
UPPER, LOWER = 0.4, 0.5
"""The parts of a page in which a document's head and its end are looked for."""
EDGE = 0.1
"""The upper and lower part of a page in which its number stands."""
MIN_OPEN_LETTERS = 30
"""Letters of a last line, at least, that may be within a sentence."""
MAX_CLOSING_LETTERS = 60
"""Letters of a line that closes a letter, at most."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_DATE = re.compile(
    r"\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?(?:19|20)?\d{2}\b|\b(?:19|20)\d{2}-\d{2}-\d{2}\b"
    r"|\b\d{1,2}\.?\s+(?:de\s+)?[^\W\d_]{3,10}\.?,?\s+(?:de\s+)?(?:19|20)\d{2}\b|\b[^\W\d_]{3,10}\.?\s+\d{1,2},\s*(?:19|20)\d{2}\b"
)
_OWN_NUMBER = re.compile(r"[-–—(\s]*(\d{1,3})[-–—)\s.]*")
_CLOSING = re.compile(
    r"_{6,}|sincerely|yours (?:truly|faithfully)|(?:best|kind) regards|mit freundlichen gr|hochachtungsvoll|cordialement|"
    r"salutations|atentamente|saludos|cordiali saluti|distinti saluti|met vriendelijke groet|atenciosamente|cumprimentos|"
    r"signature|signed|unterschrift|firma\b|handtekening|assinatura|s úctou|z poważaniem|med vänlig hälsning|med venlig hilsen",
    re.I,
)
_SENTENCE_ENDS = '.!?:;…"»”'


@dataclass(frozen=True)
class PageLook:
    """How a page looks and reads, to be held against the page before it. Places are shares of the page's width and height.

    ``language`` is empty if that is not sure; ``own_number`` is a number that stands alone at the edge, 0 if there is none.
    ``date_on_top`` says that a date stands in the upper part, ``has_heading`` a line in large letters; ``closes`` that the
    page ends as letters and contracts do; ``ends_open`` that its last line ends within a sentence.
    """

    origin: Origin = "text_layer"
    language: str = ""
    line_height: float = 0.0
    left: float = 0.0
    right: float = 1.0
    top: float = 0.0
    bottom: float = 1.0
    own_number: int = 0
    date_on_top: bool = False
    has_heading: bool = False
    closes: bool = False
    ends_open: bool = False


def look_of(view: PageView) -> PageLook:
    """Return how a page looks and reads."""
    segments = view.segments
    if not segments:
        return PageLook(origin=view.origin)
    width, height = view.width or 1.0, view.height or 1.0
    lines = [segment for segment in segments if _WORD.search(segment.text)] or list(segments)
    body = [one for one in lines if EDGE * 0.5 < one.middle / height < 1 - EDGE * 0.5] or lines
    upper = [one for one in body if one.middle < UPPER * height]
    last = max(body, key=lambda one: (round(one.bottom), one.left))
    low = [one for one in lines if one.middle > last.bottom - LOWER * height and one.middle > 0.2 * height]
    return PageLook(
        origin=view.origin,
        language=language_of(one.text for one in segments),
        line_height=view.line_height,
        left=min(one.left for one in body) / width,
        right=max(one.right for one in body) / width,
        top=min(one.top for one in body) / height,
        bottom=max(one.bottom for one in body) / height,
        own_number=_own_number(view),
        date_on_top=any(_DATE.search(one.text) for one in upper if len(one.text) <= MAX_CLOSING_LETTERS),
        has_heading=any(one.height >= HEADING * view.line_height and len(one.text) > 3 for one in upper),
        closes=any(_CLOSING.search(one.text) for one in low if len(one.text) <= MAX_CLOSING_LETTERS),
        ends_open=len(last.text) >= MIN_OPEN_LETTERS and last.text.rstrip()[-1:] not in _SENTENCE_ENDS,
    )


def _own_number(view: PageView) -> int:
    """Return the number that stands alone at the upper or lower edge of a page; 0 if there is none."""
    for segment in view.segments:
        at_edge = segment.bottom < EDGE * view.height or segment.top > (1 - EDGE) * view.height
        if at_edge and (match := _OWN_NUMBER.fullmatch(segment.text)):
            return int(match[1])
    return 0
