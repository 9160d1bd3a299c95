"""A Word document (docx, docm, dotx, dotm) as a document of one part. Runs in the opener child.

The XML is walked by our own readers, because all libraries lose text of it: see ``word_story`` and ``word_runs``.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, DocumentError, PageUnreadable
from document_parser.models import Block, BlockKind, LayerName, Member, PageWarning, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import OneBody
from document_parser.sources.note_links import with_answered_marks
from document_parser.sources.office.package import RELATIONSHIPS, OfficePackage, as_transitional
from document_parser.sources.office.word_chunks import read_chunk
from document_parser.sources.office.word_context import Reference, WordContext
from document_parser.sources.office.word_pruning import without_looks
from document_parser.sources.office.word_runs import comment_blocks
from document_parser.sources.office.word_story import Story, StoryReader, is_shown
from document_parser.sources.office.word_styles import WORD, is_on
from document_parser.sources.xml_trees import Element, parse_xml

_MAX_CHUNK_DEPTH = 3
"""Documents within documents that are read."""
_PLACES = ("first", "default", "even")
"""The headers and footers of a section, in the order of its pages."""


class WordDocument(OneBody):
    """A Word document: one part, the whole body."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the main part. Raises DamagedDocument, EncryptedDocument, TooLargeUnpacked."""
        del password
        super().__init__(limits)
        self._package = OfficePackage(path, limits)
        self._root = _main_root(self._package)
        self._embedded = self._package.embedded_in({self._package.main: 1})
        self._part: Part | None = None

    def part(self, number: int) -> Part:
        """Return the headers, the body, the notes and the footers of the document."""
        location = self.location(number)
        if self._part is None:
            try:
                blocks, warnings = _DocumentReader(self._package, self._root, self._limits).read()
            except RecursionError as error:
                raise PageUnreadable("The document is nested too deeply to be read.", page=number) from error
            self._part = Part(location=location, blocks=blocks, warnings=warnings)
        return self._part

    def members(self) -> list[Member]:
        """Return the files embedded in the body: workbooks, documents, packaged files."""
        return self._embedded.members()

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded file. Raises PageUnreadable."""
        return self._embedded.open_member(index)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an embedded image by its index among the figures that have one."""
        pictures = [block.picture for block in self.part(number).blocks if block.kind == "figure" and block.picture]
        try:
            return self._package.read(pictures[index])
        except (IndexError, KeyError, DocumentError) as error:
            raise PageUnreadable("The image cannot be read from the document.", page=number) from error


def _main_root(package: OfficePackage) -> Element:
    """Return the root of the main part. Raises DamagedDocument if the package is no Word document."""
    root = parse_xml(without_looks(as_transitional(package.read(package.main))))
    if root.tag != f"{WORD}document":
        raise DamagedDocument("The file is an office document, but no Word document. Give it its own extension, then send it.")
    return root


class _DocumentReader:
    """Reads a whole document: body, headers and footers, notes. ``depth`` is how many documents it is within."""

    def __init__(self, package: OfficePackage, root: Element, limits: OpenerLimits, depth: int = 0, scope: str = "") -> None:
        """Take the root of the main part, and what the names of its notes begin with."""
        self._package = package
        self._root = root
        self._limits = limits
        self._depth = depth
        self._context = WordContext(package, root, scope)

    def read(self) -> tuple[list[Block], list[PageWarning]]:
        """Return the blocks of the document, and what could not be read of it."""
        reader = self._reader(self._package.main, Story())
        body = [block for element in self._root.iterchildren(f"{WORD}body") for block in reader.read_story(element)]
        headers = self._margins(reader.sections, "header")
        footers = self._margins(reader.sections, "footer")
        blocks = [*headers, *body, *self._notes(), *footers, *self._other_comments()]
        if self._context.references:
            blocks = with_answered_marks(blocks)
        return blocks, [*self._context.warnings(), *_warn_of_hidden(blocks)]

    def _reader(self, part: str, story: Story) -> StoryReader:
        return StoryReader(self._context, part, story, self._read_chunk)

    def _margins(self, sections: list[Element], place: str) -> list[Block]:
        """Return the headers or footers of all sections, each once. Those of pages that do not exist are hidden."""
        kind: BlockKind = "page_header" if place == "header" else "page_footer"
        found: list[Block] = []
        seen: set[str] = set()
        for part, shown in self._margin_parts(sections, f"{place}Reference"):
            blocks = self._read_margin(part, Story(kind, "headers"))
            key = "\n".join(block.model_dump_json() for block in blocks)
            if is_shown(blocks) and key not in seen:
                seen.add(key)
                found += blocks if shown else [block.model_copy(update={"layer": "hidden"}) for block in blocks]
        return found

    def _read_margin(self, part: str, story: Story) -> list[Block]:
        """Return the blocks of a header or footer; none, with a warning, if it is damaged."""
        try:
            root = self._package.xml(part)
        except (DocumentError, KeyError):
            self._context.warn("A header or footer of the document cannot be read: its data is damaged.")
            return []
        return self._reader(part, story).read_story(root)

    def _margin_parts(self, sections: list[Element], tag: str) -> Iterator[tuple[str, bool]]:
        """Yield the parts of the headers or footers in order, those that are shown first, and whether they are."""
        relationships, hidden = self._package.relationships(self._package.main), []
        shown_places = {"default", *(["even"] if self._context.setting("evenAndOddHeaders") else [])}
        for section in sections:
            named = {
                one.get(f"{WORD}type", "default"): one.get(f"{RELATIONSHIPS}id") for one in section.iterchildren(f"{WORD}{tag}")
            }
            has_first = is_on(section.find(f"{WORD}titlePg"))
            for place in _PLACES:
                found = relationships.get(named.get(place, ""))
                if found is None or found.external:
                    continue
                if place in shown_places or (place == "first" and has_first):
                    yield found.target, True
                else:
                    hidden.append(found.target)
        for target in hidden:
            yield target, False

    def _notes(self) -> list[Block]:
        """Return the notes that the text refers to, footnotes before endnotes, each with its mark, below their separator."""
        blocks: list[Block] = []
        for kind in ("footnote", "endnote"):
            part = self._package.related(self._package.main, f"{kind}s")
            root = self._context.root(f"{kind}s")
            notes = {note.get(f"{WORD}id"): note for note in root} if root is not None else {}
            seen: set[str] = set()
            for reference in self._context.references:
                if reference.kind == kind and reference.identifier in notes and reference.identifier not in seen and part:
                    if not seen:
                        blocks += self._separator(part, notes.values())
                    seen.add(reference.identifier)
                    blocks += self._note(part, notes[reference.identifier], reference)
        return blocks

    def _other_comments(self) -> list[Block]:
        """Return the comments that stand at no place of the text."""
        others = self._context.other_comments()
        part = self._package.related(self._package.main, "comments")
        if not others or part is None:
            return []
        reader = self._reader(part, Story())
        return [block for one in others for block in comment_blocks(one, reader.read_story(one))]

    def _separator(self, part: str, notes: Iterable[Element]) -> list[Block]:
        """Return the text between the body and the notes, such as "Notes"; mostly that is a line without text."""
        above = [note for note in notes if note.get(f"{WORD}type") == "separator"]
        return [block for note in above for block in self._reader(part, Story("paragraph", "notes")).read_story(note)]

    def _note(self, part: str, note: Element, reference: Reference) -> list[Block]:
        """Return one note: its paragraphs as one block, then what else it holds."""
        layer: LayerName = "notes"
        reader = self._reader(part, Story("footnote", layer))
        reader.inline.note_mark, reader.inline.note_name = reference.mark, reference.name
        changes = {"layer": layer, "note": reference.name}
        blocks = reader.read_story(note)
        return [block.model_copy(update=changes) if block.layer in {"body", layer} else block for block in blocks]

    def _read_chunk(self, part: str, owner: str) -> list[Block]:
        """Return the blocks of a part in another format that stands in the text; a warning says what is not read."""
        del owner
        kind = self._package.content_type(part)
        try:
            data = self._package.read(part)
            if "wordprocessingml" in kind and self._depth < _MAX_CHUNK_DEPTH:
                return self._read_inner_document(data, f"{part}-")
            found = read_chunk(kind, part, data)
        except (DocumentError, KeyError):
            self._context.warn("A document within the document cannot be read: its data is damaged.")
            return []
        if found is None:
            self._context.warn(f"A part of the document in another format ({kind or part}) was not read.")
            return []
        for warning in found[1]:
            self._context.warn(warning.message)
        return found[0]

    def _read_inner_document(self, data: bytes, scope: str) -> list[Block]:
        """Return the blocks of a Word document within this one. Its images stay without a picture: they are in its own file."""
        package = OfficePackage(io.BytesIO(data), self._limits)
        blocks, warnings = _DocumentReader(package, _main_root(package), self._limits, self._depth + 1, scope).read()
        for warning in warnings:
            if warning.code == "not_read":
                self._context.warn(warning.message)
        return [block.model_copy(update={"picture": None}) if block.picture else block for block in blocks]


def _warn_of_hidden(blocks: list[Block]) -> Iterator[PageWarning]:
    """Yield the warning for text that Word does not show."""
    count = sum(block.layer == "hidden" for block in blocks)
    if count:
        message = f"{count} texts of the document are hidden in it. The layer hidden has them."
        yield PageWarning(code="hidden_content", message=message)
