"""Assemble the pages of a document: decide what only all pages together show, then write them in one of the formats.

Pages come one by one, in two passes: the first gathers a few small facts of each page, the second changes the pages by them. So
memory stays flat, however many pages there are. No block is removed: blocks get other kinds and levels, footnotes move to the
end of their page, and what goes on over the end of a page is marked at both its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from document_parser.export import writer_of
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.models import Document, Options, Page
from document_parser.pipeline.assembly.captions_and_links import remove_dead_links, with_captions
from document_parser.pipeline.assembly.footnotes import move_footnotes_to_end
from document_parser.pipeline.assembly.furniture import Margins, count_stripped_lines
from document_parser.pipeline.assembly.headings import Headings
from document_parser.pipeline.assembly.lists import continue_lists
from document_parser.pipeline.assembly.page_breaks import join_pages

__all__ = ["assemble_pages", "with_stripped", "write_document"]

Pages = Callable[[], Iterable[Page]]
"""Returns the pages of a document in ascending order, from the first one at each call."""


def assemble_pages(pages: Pages) -> Iterator[Page]:
    """Yield the pages as parts of their document, in ascending order.

    Furniture, heading levels, depths of lists, footnotes, captions, links and page breaks are decided; ``pages`` is called
    twice, and its errors pass through.
    """
    margins, headings, there = Margins(), Headings(), set[int]()
    for page in pages():
        there.add(page.number)
        if page.location is None:
            margins.gather(page)
            headings.gather(page)
    furniture = margins.decide()
    levels = headings.decide(furniture.places())

    def settle(page: Page) -> Page:
        """Return the page with what was decided for the document; a part of a flowing document says all of it itself."""
        if page.location is not None:
            return remove_dead_links(page, there)
        page = move_footnotes_to_end(furniture.apply(levels.apply(page)))
        return with_captions(remove_dead_links(page, there))

    yield from join_pages(continue_lists(map(settle, pages())))


def write_document(
    head: Document,
    pages: Pages,
    options: Options,
    name: str,
    out: BinaryIO,
    figures: Figures = NO_FIGURES,
) -> int:
    """Write the document to ``out``. Return the number of lines of page headers and footers that the texts leave out.

    ``name`` is one that ``writer_of`` knows. ``head`` has no pages. The errors of ``pages``, ``out`` and ``figures`` pass
    through: StorageUnavailable in workers, OSError if the disk is full.
    """
    stripped = 0

    def count_stripped() -> Iterator[Page]:
        """Yield the pages and add up the lines that they leave out."""
        nonlocal stripped
        for page in with_stripped(assemble_pages(pages), options):
            stripped += page.stripped
            yield page

    writer_of(name)(head, count_stripped(), options, out, figures)
    return stripped


def with_stripped(pages: Iterable[Page], options: Options) -> Iterator[Page]:
    """Yield the pages, each with the number of lines that its texts leave out."""
    for page in pages:
        count = count_stripped_lines(page) if options.headers_footers == "strip" else 0
        yield page.model_copy(update={"stripped": count})
