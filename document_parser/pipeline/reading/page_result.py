"""A page without a reading yet, and what becomes of a reading: blocks and figures where the page as shown has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from document_parser.errors import DocumentParserError
from document_parser.imaging.figure_boxes import figure_boxes
from document_parser.layout.page import blocks_of
from document_parser.models import (
    Block,
    BoundingBox,
    Damage,
    HiddenReason,
    HiddenText,
    Page,
    PageError,
    PageFacts,
    PageWarning,
    Reading,
    RulingLine,
    Word,
)
from document_parser.models.skew import Skew
from document_parser.pipeline.reading.damage import damage_warnings
from document_parser.pipeline.reading.figure_labels import with_labels
from document_parser.pipeline.reading.figures import is_ground, placed
from document_parser.sources.base import PageSource

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


def new_page(facts: PageFacts, route: str, damage: Sequence[Damage] = ()) -> Page:
    """A page without a reading yet: its size, its route, what nobody sees on it, and what of its file is damaged."""
    page = Page(number=facts.number, width=facts.width_points, height=facts.height_points, route=route, hidden=facts.hidden)
    if facts.hidden:
        page.warnings.append(PageWarning(code="hidden_text", message=_told(facts.hidden)))
    if facts.dynamic_form:
        page.warnings.append(PageWarning(code="low_coverage", message=UNDRAWN))
    page.warnings += damage_warnings(damage, repaired=facts.repaired)
    return page


def describe_hidden(facts: PageFacts) -> str:
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


def page_blocks(page: Page, reading: Reading) -> list[Block]:
    """The blocks of a reading: those it has, or what the layout makes of its words, and the figures among them."""
    if reading.blocks:
        return reading.blocks
    blocks = as_shown(blocks_of(reading.words, page.width, page.height, reading.rules), reading.skew)
    if not reading.figures:
        return blocks
    figures = [(box, with_labels(box, blocks)) for box in _figures(page, reading)]
    return placed(blocks, [box if is_ground(blocks, labelled) else labelled for box, labelled in figures])


def _figures(page: Page, reading: Reading) -> list[BoundingBox]:
    """The figures found in a picture that are large enough, on the page as shown."""
    boxes = (box.as_shown(reading.skew) for box in reading.figures)
    edges = [(box.left, box.top, box.right, box.bottom) for box in boxes]
    return figure_boxes(edges, page.width or 595.0, page.height or 842.0)


def as_shown(blocks: list[Block], skew: Skew) -> list[Block]:
    if not skew.degrees:
        return blocks
    return [block.model_copy(update={"box": block.box and block.box.as_shown(skew)}) for block in blocks]


def words_as_shown(reading: Reading) -> list[Word]:
    """The words of a reading where they stand on the page as a viewer shows it, once it is upright."""
    if not reading.skew.degrees:
        return reading.words
    boxes = (BoundingBox.of(*reading.skew.as_shown(word[1:5])) for word in reading.words)
    return [word._replace(**box.model_dump()) for word, box in zip(reading.words, boxes, strict=True)]


async def text_layer_reading(source: PageSource, number: int) -> Reading:
    """The words of the text layer as a reading. Raises PageUnreadable."""
    words = await source.words(number)
    return Reading("text_layer", words=words, rules=await rules_around(words, source, number))


async def rules_around(words: list[Word], source: PageSource, number: int) -> list[RulingLine]:
    """The rules of a page; not asked for where there are no words for them to part."""
    return await source.rules(number) if words else []


def failed(page: Page, error: DocumentParserError) -> Page:
    """The page as one that could not be read, its attempts kept."""
    page.status = "failed"
    page.engine = None
    page.blocks = []
    page.error = PageError(code=error.code, message=error.message)
    page.warnings.append(PageWarning(code="page_failed", message=error.message))
    return page
