"""What a page says of what is in its file and not to be seen on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from document_parser.models import Damage, HiddenReason, HiddenText, Page, PageFacts, PageWarning
from document_parser.pipeline.damaged import damage_warnings

BECAUSE: dict[HiddenReason, str] = {
    "invisible": "painted invisibly",
    "transparent": "transparent",
    "colour": "in the colour of what lies behind",
    "size": "too small to be read",
    "covered": "covered by something",
    "clipped": "cut away",
    "outside": "outside the page",
}


UNDRAWN = "The document is a dynamic form (XFA), whose contents are not on its pages: print it to a PDF to have them read."


def begun(facts: PageFacts, route: str, damage: Sequence[Damage] = ()) -> Page:
    """A page without a reading yet: its size, its route, what nobody sees on it, and what of its file is damaged."""
    page = Page(number=facts.number, width=facts.width_points, height=facts.height_points, route=route, hidden=facts.hidden)
    if facts.hidden:
        page.warnings.append(PageWarning(code="hidden_text", message=_told(facts.hidden)))
    if facts.dynamic_form:
        page.warnings.append(PageWarning(code="low_coverage", message=UNDRAWN))
    page.warnings += damage_warnings(damage, repaired=facts.repaired)
    return page


def left_out(facts: PageFacts) -> str:
    """What the why-trail says of a text layer, nothing of its contents; empty where all of it is seen."""
    return f"{_words(facts.hidden)} that nobody sees left out" if facts.hidden else ""


def _told(hidden: Sequence[HiddenText]) -> str:
    counted: Counter[HiddenReason] = Counter()
    for text in hidden:
        counted[text.hidden] += text.words
    reasons = ", ".join(f"{count} {BECAUSE[reason]}" for reason, count in counted.most_common())
    return f"{_words(hidden)} of the file cannot be seen on the page ({reasons}): left out of the text, kept as hidden in JSON."


def _words(hidden: Sequence[HiddenText]) -> str:
    count = sum(text.words for text in hidden)
    return "1 word" if count == 1 else f"{count} words"
