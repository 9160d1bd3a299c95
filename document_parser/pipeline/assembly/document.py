"""From the pages of a document to a file in one of the formats: what only the pages together can show, then the writing.

Pages come one by one, in two walks: the first gathers a few small facts of each page, the second changes the pages by them.
So memory stays flat, however many pages there are. No block is taken away: blocks get other kinds and levels, footnotes
move to the end of their page, and what goes on over the end of a page is marked at both its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from document_parser.export import FORMATS
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.models import Document, Options, OutputFormat, Page
from document_parser.pipeline.assembly.captions_and_links import with_captions, without_dead_links
from document_parser.pipeline.assembly.footnotes import footnotes_last
from document_parser.pipeline.assembly.furniture import Margins, count_stripped_lines
from document_parser.pipeline.assembly.headings import Headings
from document_parser.pipeline.assembly.page_breaks import joined

__all__ = ["assembled", "with_stripped", "write_document"]

Pages = Callable[[], Iterable[Page]]
"""The pages of a document, ascending, each time it is called."""


def assembled(pages: Pages) -> Iterator[Page]:
    """The pages as parts of their document."""
    margins, headings, there = Margins(), Headings(), set[int]()
    for page in pages():
        there.add(page.number)
        margins.gather(page)
        headings.gather(page)
    furniture = margins.decide()
    levels = headings.decide(furniture.places())

    def settled(page: Page) -> Page:
        page = footnotes_last(furniture.applied(levels.applied(page)))
        return with_captions(without_dead_links(page, there))

    yield from joined(map(settled, pages()))


def write_document(
    head: Document, pages: Pages, options: Options, name: OutputFormat, out: BinaryIO, figures: Figures = NO_FIGURES
) -> int:
    """Write the document to ``out``. ``head`` carries no pages. Return how many lines of heads and feet the texts leave out."""
    stripped = 0

    def counted() -> Iterator[Page]:
        nonlocal stripped
        for page in with_stripped(assembled(pages), options):
            stripped += page.stripped
            yield page

    FORMATS[name].write(head, counted(), options, out, figures)
    return stripped


def with_stripped(pages: Iterable[Page], options: Options) -> Iterator[Page]:
    """The pages, each with the number of lines that its texts leave out."""
    for page in pages:
        count = count_stripped_lines(page) if options.headers_footers == "strip" else 0
        yield page.model_copy(update={"stripped": count})
