"""What every export format shares: the writer's interface, and which blocks of a page are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple, Protocol

from document_parser.errors import PageNotRead
from document_parser.export.figures import Figures
from document_parser.models import Block, Document, Options, OutputFormat, Page, Span
from document_parser.spans import Look, Run, cut, runs_of, safe_link, stripped, text_of


class Writer(Protocol):
    """Writes UTF-8 or a ZIP archive. The document comes without pages; the pages come once, in order."""

    def __call__(
        self, document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = ..., /
    ) -> None: ...


FURNITURE = frozenset({"page_header", "page_footer", "page_number"})

# Characters that no format can show; XML and HTML forbid most of them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_FIGURE_LABEL = re.compile(r"\s*(?:fig|abb|scheme|chart)", re.IGNORECASE)
_TABLE_LABEL = re.compile(r"\s*tab", re.IGNORECASE)
_ITEM = re.compile(r"(?P<number>\d{1,9})(?P<stop>[.)])\s+(?P<rest>\S.*)", re.DOTALL)
_BULLET = re.compile(r"[•◦▪‣∙●○■□·*+–—-]\s+")


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One output format: its name, media type, file name extension without a dot, and writer."""

    name: OutputFormat
    media_type: str
    extension: str
    write: Writer


def clean(text: str) -> str:
    """Text with plain line ends and without control characters."""
    return _cleaned(text).strip()


def _cleaned(text: str) -> str:
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


def clean_runs(text: str, spans: Sequence[Span]) -> list[Run]:
    """What ``clean`` makes of a text, with its emphasis and links; of the links those that may be followed."""
    runs = [
        Run(_cleaned(run.text), _safe(run.look)) for run in runs_of(text.replace("\r\n", "\r"), _over_line_ends(text, spans))
    ]
    return stripped(runs)


def _over_line_ends(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    """The spans of a text whose line ends have become one character each."""
    if "\r\n" not in text or not spans:
        return spans
    return [span.model_copy(update={"start": _before(text, span.start), "end": _before(text, span.end)}) for span in spans]


def _before(text: str, place: int) -> int:
    return place - text.count("\r\n", 0, place)


def _safe(look: Look) -> Look:
    return look._replace(link=safe_link(look.link)) if look.link else look


def shown(page: Page, options: Options) -> list[Block]:
    """The blocks of a page that a reader shall see, in reading order."""
    kept = options.headers_footers == "keep"
    return [block for block in page.blocks if kept or block.kind not in FURNITURE]


class Captioned(NamedTuple):
    """A block and, for a table or figure, the text of its caption; of a caption, whether such a block has it."""

    block: Block
    caption: str = ""
    owned: bool = False


def captioned(blocks: list[Block], *, with_figures: bool = True) -> Iterator[Captioned]:
    """Blocks in order, those with a caption before or after them together with its text.

    Without its figure, the caption of one stands by itself.
    """
    found = {index: owner for index, owner in owners(blocks).items() if with_figures or blocks[owner].kind != "figure"}
    texts = {owner: clean(blocks[index].text) for index, owner in found.items()}
    for index, block in enumerate(blocks):
        yield Captioned(block, texts.get(index, ""), index in found)


def owners(blocks: Sequence[Block]) -> dict[int, int]:
    """Place of a caption to the place of its table or figure: the neighbour its label allows, first below, then above.

    What stands in a page's margins comes between no two neighbours.
    """
    places = [place for place, block in enumerate(blocks) if block.kind not in FURNITURE]
    found: dict[int, int] = {}
    for at, place in enumerate(places):
        if blocks[place].kind != "caption":
            continue
        for neighbour in [*places[at + 1 : at + 2], *places[max(0, at - 1) : at]]:
            if _fits(blocks[place].text, blocks[neighbour]) and neighbour not in found.values():
                found[place] = neighbour
                break
    return found


def _fits(caption: str, block: Block) -> bool:
    if block.kind == "table":
        return _FIGURE_LABEL.match(caption) is None
    return block.kind == "figure" and _TABLE_LABEL.match(caption) is None


class Item(NamedTuple):
    """A list item: its number and the stop behind it, or None and nothing for a bullet. ``runs`` are what its text is of."""

    number: int | None
    stop: str
    text: str
    runs: list[Run]


def item_of(block: Block) -> Item:
    """What a list item says, its own marker taken apart."""
    runs = clean_runs(block.text, block.spans)
    text = text_of(runs)
    match = _ITEM.match(text)
    if match:
        return Item(int(match["number"]), match["stop"], match["rest"], cut(runs, match.start("rest")))
    bullet = _BULLET.match(text)
    rest = bullet.end() if bullet else 0
    return Item(None, "", text[rest:], cut(runs, rest))


def separator(options: Options, page: Page) -> str:
    """The line before a page; empty where none is asked for."""
    return options.page_separator.replace("{page}", str(page.number))


def separating_line(options: Options) -> re.Pattern[str] | None:
    """What a line looks like that programs take for the one between pages, whatever its number; None if none is asked for."""
    if not options.page_separator.strip():
        return None
    number = r"[0-9]+".join(re.escape(part) for part in options.page_separator.strip().split("{page}"))
    return re.compile(rf"^(?P<before>[ \t]*)(?P<line>{number})(?=[ \t]*$)", re.MULTILINE)


NOT_OPENED = "the job was cancelled before the document was opened: how many pages it has is not known"
"""Said in place of the content if not even the number of pages is known, which is 0 in the document then."""


def failure(page: Page) -> str:
    """Why a page is missing."""
    if page.error is not None and page.error.code == PageNotRead.code:
        return f"page {page.number} was not read: the job was cancelled"
    return f"page {page.number} could not be read: {page.error.code if page.error else 'PAGE_UNREADABLE'}"
