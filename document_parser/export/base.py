"""What the export formats share: the writer's interface, clean text, captions, list items, and the line between pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import IO, NamedTuple, Protocol

from document_parser.errors import PageNotRead
from document_parser.export.figures import Figures
from document_parser.models import Block, Document, Options, OutputFormat, Page, Span, parse_layers
from document_parser.text.spans import Run, Style, runs_of, safe_link_of, slice_runs, strip_runs, text_of


class Writer(Protocol):
    """A function that writes a document as UTF-8 or as a ZIP archive.

    The document comes without pages; the pages come once, in ascending order. The errors of the pages, the output and the
    figures pass through.
    """

    def __call__(
        self, document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = ..., /
    ) -> None:
        """Write the document to ``out``."""


FURNITURE = frozenset({"page_header", "page_footer", "page_number"})
"""Kinds of blocks in the margins of a page, which ``headers_footers=strip`` leaves out."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters that no format can show; XML and HTML forbid most of them."""
_FIGURE_LABEL = re.compile(r"\s*(?:fig|abb|scheme|chart)", re.IGNORECASE)
"""The first word of the caption of a figure."""
_TABLE_LABEL = re.compile(r"\s*tab", re.IGNORECASE)
"""The first word of the caption of a table."""
_ITEM = re.compile(r"(?P<number>\d{1,9})(?P<stop>[.)])\s+(?P<rest>\S.*)", re.DOTALL)
"""A list item with a number."""
_BULLET = re.compile(r"[•◦▪‣∙●○■□·*+–—-]\s+")
"""The bullet of a list item."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One output format: its name, media type, file name extension without a dot, and writer."""

    name: OutputFormat
    media_type: str
    extension: str
    write: Writer


def clean(text: str) -> str:
    """Return a text with plain line ends and without control characters, white space at both ends removed."""
    return _clean_characters(text).strip()


def _clean_characters(text: str) -> str:
    """Return a text with plain line ends, without control characters, and with spaces for tabs."""
    if text.isprintable():  # so it has none of them
        return text
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


def clean_runs(text: str, spans: Sequence[Span]) -> list[Run]:
    """Return a text cleaned as by ``clean``, as runs with its emphasis and those of its links that are safe to follow."""
    if not spans:
        cleaned = clean(text)
        return [Run(cleaned)] if cleaned else []
    runs = [
        Run(_clean_characters(run.text), _with_safe_link(run.style))
        for run in runs_of(text.replace("\r\n", "\r"), _shift_spans(text, spans))
    ]
    return strip_runs(runs)


def clean_with_strikes(text: str, spans: Sequence[Span]) -> str:
    """Return a text cleaned as by ``clean``, with ~~ around what is struck out: no format may show that as valid."""
    if not any(span.struck for span in spans):
        return clean(text)
    pieces = []
    for struck, group in groupby(clean_runs(text, spans), key=lambda run: run.style.struck):
        piece = text_of(group)
        pieces.append(f"~~{piece}~~" if struck else piece)
    return "".join(pieces)


def _shift_spans(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    """Return the spans of a text whose CRLF line ends have become one character each."""
    if "\r\n" not in text or not spans:
        return spans
    return [span.model_copy(update={"start": _shift(text, span.start), "end": _shift(text, span.end)}) for span in spans]


def _shift(text: str, place: int) -> int:
    """Return where a place of the text is after its CRLF line ends have become one character each."""
    return place - text.count("\r\n", 0, place)


def _with_safe_link(look: Style) -> Style:
    """Return the style of a run without a link that is not safe to follow."""
    return look._replace(link=safe_link_of(look.link)) if look.link else look


def shown_blocks(page: Page, options: Options) -> list[Block]:
    """Return the blocks of a page that the options show, in reading order.

    The headers and footers of a flowing document come once and are a layer of their own; ``headers_footers`` is for those that
    stand on every page. The page number among them says nothing there.
    """
    kept, layers = options.headers_footers == "keep", parse_layers(options.layers)
    return [
        block
        for block in page.blocks
        if block.layer in layers and (kept or block.kind not in FURNITURE or _is_shown_once(block))
    ]


def _is_shown_once(block: Block) -> bool:
    """Return whether a block is a header or footer of a flowing document."""
    return block.layer == "headers" and block.kind != "page_number"


class Captioned(NamedTuple):
    """A block and, for a table or figure, the text of its caption.

    ``owned`` is True for a caption whose table or figure shows its text.
    """

    block: Block
    caption: str = ""
    owned: bool = False


def with_caption_texts(blocks: list[Block], *, with_figures: bool = True) -> Iterator[Captioned]:
    """Yield the blocks in order, each table and figure with the text of its caption.

    With ``with_figures`` False, the captions of figures are blocks of their own.
    """
    found = {index: owner for index, owner in caption_owners(blocks).items() if with_figures or blocks[owner].kind != "figure"}
    texts = {owner: clean(blocks[index].text) for index, owner in found.items()}
    for index, block in enumerate(blocks):
        yield Captioned(block, texts.get(index, ""), index in found)


def caption_owners(blocks: Sequence[Block]) -> dict[int, int]:
    """Return the index of the table or figure of each caption, by the index of the caption.

    It is the neighbour that the caption's label allows, first the one below, then the one above. Blocks in a page's margins do
    not count as neighbours.
    """
    places = [place for place, block in enumerate(blocks) if block.kind not in FURNITURE]
    found: dict[int, int] = {}
    for at, place in enumerate(places):
        if blocks[place].kind != "caption":
            continue
        for neighbour in [*places[at + 1 : at + 2], *places[max(0, at - 1) : at]]:
            if _is_possible_caption_of(blocks[place].text, blocks[neighbour]) and neighbour not in found.values():
                found[place] = neighbour
                break
    return found


def _is_possible_caption_of(caption: str, block: Block) -> bool:
    """Return whether a caption may belong to a block: to a table or figure that its label does not exclude."""
    if block.kind == "table":
        return _FIGURE_LABEL.match(caption) is None
    return block.kind == "figure" and _TABLE_LABEL.match(caption) is None


class Item(NamedTuple):
    """A list item: its number and the stop behind it, or None and an empty text for a bullet. ``runs`` form its text."""

    number: int | None
    stop: str
    text: str
    runs: list[Run]


def item_of(block: Block) -> Item:
    """Return the text of a list item without its marker, and the marker's number and stop."""
    runs = clean_runs(block.text, block.spans)
    text = text_of(runs)
    match = _ITEM.match(text)
    if match:
        return Item(int(match["number"]), match["stop"], match["rest"], slice_runs(runs, match.start("rest")))
    bullet = _BULLET.match(text)
    rest = bullet.end() if bullet else 0
    return Item(None, "", text[rest:], slice_runs(runs, rest))


def separator_line(options: Options, page: Page) -> str:
    """Return the line before a page; empty if the options have none."""
    return options.page_separator.replace("{page}", str(page.number))


def separator_pattern(options: Options) -> re.Pattern[str] | None:
    """Return a pattern of the lines that programs take for the line between pages, with any number; None if there is none."""
    if not options.page_separator.strip():
        return None
    number = r"[0-9]+".join(re.escape(part) for part in options.page_separator.strip().split("{page}"))
    return re.compile(rf"^(?P<before>[ \t]*)(?P<line>{number})(?=[ \t]*$)", re.MULTILINE)


NOT_OPENED = "the job was cancelled before the document was opened; the number of its pages is unknown"
"""The message in place of the content if the number of pages is not known, which is 0 in the document then."""


def warnings_of(page: Page) -> list[dict[str, str]]:
    """Return code and message of each warning of a page, in the order of the page. No message is empty."""
    return [{"code": one.code, "message": one.message or one.code.replace("_", " ")} for one in page.warnings]


def describe_failure(page: Page) -> str:
    """Return the message in place of a page that could not be read or was not read."""
    if page.error is not None and page.error.code == PageNotRead.code:
        return f"page {page.number} was not read: the job was cancelled"
    return f"page {page.number} could not be read: {page.error.code if page.error else 'PAGE_UNREADABLE'}"
