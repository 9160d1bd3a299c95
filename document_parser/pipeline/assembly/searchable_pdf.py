"""Write a document as a PDF that can be searched: its own pages, with the words that were read as invisible text over them.

An image file becomes a PDF of its pictures. Of a PDF the pages stay as they are, and only words that OCR added are laid over
them; a PDF to which it added none is handed on byte for byte. Every page of the source is there, also if it was not read.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from document_parser.errors import DocumentError, FormatNeedsPages, PageUnreadable
from document_parser.export.searchable import PlacedRun, SearchableWriter, as_shown, comparable, place_words
from document_parser.host.work_folders import WorkFolder
from document_parser.models import Block, Document, Options, Page, SourceKind, Word
from document_parser.models.page_picture import PagePicture
from document_parser.models.reading import MAX_INVISIBLE_SHARE, PageFacts
from document_parser.pipeline.assembly.document import Pages, assemble_pages, with_stripped
from document_parser.sources.source import Openers, Source
from document_parser.text.common_words import common_words

FOLDERS = "docparse-searchable-"
"""How the names of the folders begin in which pictures and texts wait."""
UNKNOWN_SIZE = 595.0, 842.0
"""Width and height in points of a page that cannot be opened: A4."""
MIN_COMMON_WORDS, CLEARLY_MORE = 8, 2
"""Common words of a language, at least, that make the language of a document known, and how many times those of any other."""
_SCRIPTS = (
    ("ja", "\u3040", "\u30ff"),
    ("ko", "\uac00", "\ud7af"),
    ("zh", "\u4e00", "\u9fff"),
    ("ar", "\u0600", "\u06ff"),
    ("he", "\u0590", "\u05ff"),
    ("hi", "\u0900", "\u097f"),
    ("th", "\u0e00", "\u0e7f"),
)  # fmt: skip
"""Languages that are told by their letters, in the order in which they are tried: Japanese has Chinese letters too."""
Picture = tuple[PagePicture, Sequence[bytes]]


@dataclass(frozen=True)
class Original:
    """The document that was read, to be opened again. ``folder`` is where files may wait; None for that of the system."""

    openers: Openers
    path: Path
    kind: SourceKind
    password: str | None = None
    folder: Path | None = None

    @property
    def has_pages(self) -> bool:
        """Return whether words can be laid over its pages."""
        return self.kind in ("pdf", "image")


def write_searchable(head: Document, pages: Pages, options: Options, original: Original, out: BinaryIO) -> int:
    """Write the PDF. Return the number of lines of page headers and footers that the other formats leave out.

    The document is opened in an event loop of its own, in a thread, as the caller may be in one. The errors of ``pages`` and
    ``out`` pass through; FormatNeedsPages for a document without pages, the errors of ``Openers.open`` if it no longer opens,
    OSError if the disk is full.
    """
    if not original.has_pages:
        raise FormatNeedsPages(format="pdf")
    with closing(WorkFolder(FOLDERS, original.folder)) as folder:
        work = _Laying(head, pages, options, original, folder.path).write(out)
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(copy_context().run, asyncio.run, work).result()


class _Laying:
    """One document under way."""

    def __init__(self, head: Document, pages: Pages, options: Options, original: Original, folder: Path) -> None:
        self._head = head
        self._pages = pages
        self._options = options
        self._original = original
        self._folder = folder
        self._stripped = 0
        self._title = ""
        self._languages: Counter[str] = Counter()
        self._is_repaired = False

    async def write(self, out: BinaryIO) -> int:
        """Write the PDF to ``out``."""
        original = self._original
        async with await original.openers.open(original.path, original.kind, original.password) as source:
            writer = SearchableWriter(self._folder)
            await self._add_pages(writer, source, drawn=original.kind == "image")
            if original.kind == "image":
                writer.save(out, title=self._found_title(), language=self._language(), archival=True)
                return self._stripped
            if not writer.has_text and original.password is None and not self._is_repaired:
                with original.path.open("rb") as unchanged:
                    shutil.copyfileobj(unchanged, out)
                return self._stripped
            texts, laid = self._folder / "texts.pdf", self._folder / "laid.pdf"
            writer.save(texts, title=self._found_title(), language=self._language(), archival=False)
            if await self._lay(texts, laid):
                with laid.open("rb") as whole:
                    shutil.copyfileobj(whole, out)
                return self._stripped
            # qpdf cannot write the file again: its pages are drawn, so that none is lost.
            self._stripped = 0
            writer = SearchableWriter(self._folder)
            await self._add_pages(writer, source, drawn=True)
            writer.save(out, title=self._found_title(), language=self._language(), archival=True)
        return self._stripped

    async def _lay(self, texts: Path, laid: Path) -> bool:
        """Lay the texts over the pages of the PDF. Return whether that was possible."""
        original = self._original
        try:
            async with await original.openers.open(original.path, "pdf", original.password, texts=texts) as source:
                with laid.open("wb") as out:
                    async for piece in source.searchable():
                        out.write(piece)
        except (PageUnreadable, DocumentError):
            return False
        return True

    async def _add_pages(self, writer: SearchableWriter, source: Source, *, drawn: bool) -> None:
        """Add all pages of the source, those that were read with their words; ``drawn`` says to add pictures of them."""
        number = 1
        for page in self._assembled():
            while number < page.number:
                await self._add_page(writer, source, Page(number=number, status="failed"), drawn=drawn)
                number += 1
            await self._add_page(writer, source, page, drawn=drawn)
            number += 1
        for rest in range(number, source.page_count + 1):
            await self._add_page(writer, source, Page(number=rest, status="failed"), drawn=drawn)

    def _assembled(self) -> Iterator[Page]:
        """Yield the pages that were read, and note what is known of the document as a whole."""
        for page in with_stripped(assemble_pages(self._pages), self._options):
            self._stripped += page.stripped
            self._note_language(page)
            if not self._title:
                self._title = next((block.text for block in page.blocks if block.kind == "title"), "")
            yield page

    async def _add_page(self, writer: SearchableWriter, source: Source, page: Page, *, drawn: bool) -> None:
        """Add one page."""
        facts, picture = await _facts_or_none(source, page.number), None
        width, height = (facts.width_points, facts.height_points) if facts is not None else UNKNOWN_SIZE
        self._is_repaired = self._is_repaired or bool(facts and facts.repaired)
        runs, replaces = await self._runs(source, page, facts)
        if drawn:
            picture = await _picture_or_none(source, page.number)
        to_page = writer.add_page(width, height, runs, turned=page.rotation, picture=picture, replaces=replaces)
        for block in page.blocks:
            if (level := _bookmark_level(block)) and block.box is not None:
                writer.add_bookmark(block.text, level, page.number - 1, to_page((block.box.left, block.box.top)))

    async def _runs(self, source: Source, page: Page, facts: PageFacts | None) -> tuple[list[PlacedRun], bool]:
        """Return the words to be laid over a page, and whether they replace what an earlier OCR laid there."""
        if facts is None or page.status != "done":
            return [], False
        if self._original.kind == "image":
            return place_words(page), False
        if page.engine == "text_layer" and (page.words is None or not page.words.sureness):
            return [], False
        runs = place_words(page)
        if facts.characters and facts.invisible_share > MAX_INVISIBLE_SHARE:
            return runs, True
        there = await source.words(page.number) if facts.characters else []
        return (list(_without_known(runs, there, page.rotation)) if there else runs), False

    def _note_language(self, page: Page) -> None:
        """Count the words of a page by their language."""
        known = common_words()
        for block in page.blocks:
            for word in block.text.lower().split():
                if (language := known.get(word)) is not None:
                    self._languages[language] += 1
                elif not word.isascii():
                    letter = next((one for one in word if ord(one) > 0x58F), "")
                    self._languages.update(name for name, first, last in _SCRIPTS if first <= letter <= last)

    def _language(self) -> str:
        """Return the language of the document; empty if it is not sure."""
        if self._languages["ja"]:
            self._languages["ja"] += self._languages.pop("zh", 0)
        (first, most), (_, second) = [*self._languages.most_common(2), ("", 0), ("", 0)][:2]
        is_script = any(first == name for name, _, _ in _SCRIPTS)
        return first if most >= (1 if is_script else MIN_COMMON_WORDS) and most >= CLEARLY_MORE * second else ""

    def _found_title(self) -> str:
        """Return the title of the document: the one on its pages, else the name of its file."""
        return self._title or self._head.filename.rpartition(".")[0] or self._head.filename


def _bookmark_level(block: Block) -> int:
    """Return the level of a heading, 1 to 6; 0 for other blocks."""
    if block.kind == "title":
        return 1
    return (block.level or 1) if block.kind == "heading" else 0


async def _facts_or_none(source: Source, number: int) -> PageFacts | None:
    """Return the facts of a page; None if it cannot be read."""
    try:
        return await source.facts(number)
    except PageUnreadable:
        return None


async def _picture_or_none(source: Source, number: int) -> Picture | None:
    """Return the picture of a page; None if it cannot be shown, so that the page is empty."""
    try:
        return await source.page_picture(number)
    except PageUnreadable:
        return None


def _without_known(runs: Iterable[PlacedRun], there: Sequence[Word], turned: int) -> Iterator[PlacedRun]:
    """Yield the words that the text layer does not have in the same place; it lies on the page as a viewer shows it."""
    strips: dict[int, list[tuple[Word, str]]] = {}
    for word in there:
        text = comparable(word.text)
        for strip in range(_strip(word.top), _strip(word.bottom) + 1):
            strips.setdefault(strip, []).append((word, text))
    for run in runs:
        points = [as_shown(point, turned) for point in (run.start, run.end, run.above)]
        across = (points[1][0] + points[2][0]) / 2
        down = (points[1][1] + points[2][1]) / 2
        text = comparable(run.text)
        if not any(
            word.left <= across <= word.right and word.top <= down <= word.bottom and (text in other or other in text)
            for word, other in strips.get(_strip(down), ())
        ):
            yield run


def _strip(height: float) -> int:
    """Return the horizontal strip of the page that a height lies in."""
    return int(min(1.0, max(0.0, height)) * 200)
