"""Make a page without a reading, and turn a reading into the blocks and figures of the page as a viewer shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter

from document_parser.errors import DocumentParserError
from document_parser.imaging.figure_boxes import find_figure_boxes
from document_parser.layout.lines.scan_sizes import estimate_sizes
from document_parser.layout.lines.units import Scale
from document_parser.layout.page import blocks_of, turn_of
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
    PageWords,
    Reading,
    RulingLine,
    UnreadLine,
    Word,
)
from document_parser.models.page_words import PlacedWord
from document_parser.models.skew import Skew
from document_parser.pipeline.reading.damage import damage_warnings
from document_parser.pipeline.reading.figure_labels import with_labels
from document_parser.pipeline.reading.figures import insert_figures, is_background
from document_parser.sources.base import PageSource

HIDDEN_REASONS: dict[HiddenReason, str] = {
    "invisible": "painted as invisible text",
    "transparent": "transparent",
    "colour": "in the colour of the background",
    "size": "too small to be read",
    "covered": "covered by another object",
    "clipped": "cut away",
    "outside": "outside the page",
    "layer": "in a layer that is switched off",
}
"""The words of the message for each reason why text is hidden."""


UNDRAWN = "The document is a dynamic form (XFA), and its pages do not have its contents. Print it to a PDF, then send that PDF."
"""The message of the warning on the pages of a dynamic form."""


FIRST_FRAME_ONLY = "The image has {} further frames, which were not read: the first one is the page."
"""The message of the warning on the first frame of an animation, or the first of several photos."""


UNCHECKED_LAYERS = (
    "{} parts of layers that lie over each other were not checked, because the page has too many: text of layers that are "
    "switched off may be in the reading."
)
"""The message of the warning on pages with more overlapping layers than are rendered by themselves."""


def new_page(facts: PageFacts, route: str, damage: Sequence[Damage] = ()) -> Page:
    """Return a page without a reading: its size, its route, and the warnings for hidden text and for damage.

    ``route`` is the reason of the route in words.
    """
    page = Page(number=facts.number, width=facts.width_points, height=facts.height_points, route=route, hidden=facts.hidden)
    if facts.hidden:
        page.warnings.append(PageWarning(code="hidden_text", message=_hidden_text_message(facts.hidden)))
    if facts.unchecked_layers:
        page.warnings.append(PageWarning(code="hidden_text", message=UNCHECKED_LAYERS.format(facts.unchecked_layers)))
    if facts.unread_frames:
        page.warnings.append(PageWarning(code="first_frame_only", message=FIRST_FRAME_ONLY.format(facts.unread_frames)))
    if facts.dynamic_form:
        page.warnings.append(PageWarning(code="low_coverage", message=UNDRAWN))
    page.warnings += damage_warnings(damage, repaired=facts.repaired)
    return page


def describe_hidden(facts: PageFacts) -> str:
    """Describe the hidden text that was left out of a text layer, without its contents; empty if all of it can be seen."""
    return f"left out {_count(facts.hidden)} that cannot be seen" if facts.hidden else ""


def _hidden_text_message(hidden: Sequence[HiddenText]) -> str:
    """Return the message of the warning ``hidden_text``: how many words are hidden, and why."""
    counted: Counter[HiddenReason] = Counter()
    for text in hidden:
        counted[text.hidden] += text.words
    reasons = ", ".join(f"{count} {HIDDEN_REASONS[reason]}" for reason, count in counted.most_common())
    unseen = f"{_count(hidden)} of the file cannot be seen on the page ({reasons})."
    return f"{unseen} The text leaves them out; JSON has them as hidden."


def _count(hidden: Sequence[HiddenText]) -> str:
    """Return "1 word" or "N words"."""
    count = sum(text.words for text in hidden)
    return "1 word" if count == 1 else f"{count} words"


def build_blocks(page: Page, reading: Reading) -> list[Block]:
    """Return the blocks of a reading: its own, or those that the layout makes of its words, with the figures among them.

    The page gets the warning ``rotated`` if its writing is turned.
    """
    if reading.blocks:
        return reading.blocks
    if turn := turn_of(reading.words, page.width, page.height):
        message = f"The writing is turned; it was read with the page turned by {turn} degrees clockwise."
        page.warnings.append(PageWarning(code="rotated", message=message))
    blocks = blocks_as_shown(blocks_of(_words_to_lay_out(page, reading), page.width, page.height, reading.rules), reading.skew)
    if not reading.figures:
        return blocks
    figures = [(box, with_labels(box, blocks)) for box in _figure_boxes_of(page, reading)]
    return insert_figures(blocks, [box if is_background(blocks, labelled) else labelled for box, labelled in figures])


def _words_to_lay_out(page: Page, reading: Reading) -> list[Word]:
    """Return the words of a reading: lines beside which others stand as their words, others with boxes of their ink.

    Cells and columns stand side by side, and an engine may have read several as one line. A line alone in its row is the text
    that it was read as, however wide its spaces are. All keep the font size estimated for their line.
    """
    if not reading.parts_of_lines:
        return reading.words  # each look-up is for a whole word and its box
    sizes = estimate_sizes(reading.parts_of_lines, Scale(page.width or 595.0, page.height or 842.0))
    sizes_of_parts = {part: sizes[line] for line, parts in reading.parts_of_lines.items() for part in parts}
    found: list[Word] = []
    for line in reading.words:
        parts = reading.parts_of_lines.get(line)
        if not parts:
            found.append(line._replace(estimated_points=sizes_of_parts.get(line, 0.0)))
        elif any(part.struck for part in parts) or _has_line_beside(line, reading.words):
            found += [part._replace(estimated_points=sizes[line]) for part in parts]
        else:
            first, last = parts[0], parts[-1]
            fitted = line._replace(left=first.left, top=first.top, right=last.right, bottom=first.bottom)
            found.append(fitted._replace(estimated_points=sizes[line]))
    return found


def _has_line_beside(line: Word, lines: Sequence[Word]) -> bool:
    """Return whether another line stands in the row of a line, as cells and columns do."""
    middle = (line.top + line.bottom) / 2
    return any(other.top < middle < other.bottom and (other.left >= line.right or other.right <= line.left) for other in lines)


def _figure_boxes_of(page: Page, reading: Reading) -> list[BoundingBox]:
    """Return the boxes of the figures in a reading that are large enough, in fractions of the page as a viewer shows it."""
    boxes = (box.unstraighten(reading.skew) for box in reading.figures)
    edges = [(box.left, box.top, box.right, box.bottom) for box in boxes]
    return find_figure_boxes(edges, page.width or 595.0, page.height or 842.0)


def blocks_as_shown(blocks: list[Block], skew: Skew) -> list[Block]:
    """Return the blocks with their boxes on the page as a viewer shows it, if the image was straightened by ``skew``."""
    if not skew.degrees:
        return blocks
    return [block.model_copy(update={"box": block.box and block.box.unstraighten(skew)}) for block in blocks]


def words_as_shown(reading: Reading) -> list[Word]:
    """Return the words of a reading with their boxes on the upright page as a viewer shows it."""
    if not reading.skew.degrees:
        return reading.words
    boxes = (BoundingBox.of(*reading.skew.unstraighten(word[1:5])) for word in reading.words)
    return [word._replace(**box.model_dump()) for word, box in zip(reading.words, boxes, strict=True)]


def unread_lines_as_shown(reading: Reading) -> list[UnreadLine]:
    """Return the lost lines of a reading with their boxes on the upright page as a viewer shows it."""
    return [
        UnreadLine(text=line.text, confidence=line.confidence, box=BoundingBox.of(*reading.skew.unstraighten(line[1:5])))
        for line in reading.lost_lines
    ]


def pack_words(words: Sequence[Word]) -> PageWords | None:
    """Return words packed for the page's file; None if there are none. Boxes are those of the page as shown."""
    if not words:
        return None
    return PageWords.pack(map(_PLACED, words))


_PLACED: Callable[[Word], tuple[str, float, float, float, float, float | None]] = itemgetter(
    *map(Word._fields.index, PlacedWord._fields)
)
"""What of a word is kept beside its page."""


async def load_text_layer(source: PageSource, number: int) -> Reading:
    """Return the words and drawn lines of the text layer as a reading. Raises PageUnreadable."""
    words = await source.words(number)
    return Reading("text_layer", words=words, rules=await load_rulings(words, source, number))


async def load_rulings(words: list[Word], source: PageSource, number: int) -> list[RulingLine]:
    """Return the drawn lines of a page; none if there are no words for them to separate. Raises PageUnreadable."""
    return await source.rulings(number) if words else []


def fail_page(page: Page, error: DocumentParserError) -> Page:
    """Turn a page into one that could not be read, with the code and message of the error. Its attempts are kept."""
    page.status = "failed"
    page.engine = None
    page.blocks = []
    page.words = None
    page.error = PageError(code=error.code, message=error.message)
    page.warnings.append(PageWarning(code="page_failed", message=error.message))
    return page
