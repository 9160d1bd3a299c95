"""Pack atoms into chunks of at most so many tokens, and say of each chunk where it comes from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from document_parser.export.chunks.atoms import Atom, Fault, Heading, Rows, split_to_fit, tail_of
from document_parser.export.flow import Place
from document_parser.export.markdown import Source
from document_parser.models import (
    BlockReference,
    Chunk,
    Chunking,
    ChunkKind,
    ChunkTable,
    ChunkWarning,
    Page,
    PageBox,
    RowRange,
    TextRange,
)
from document_parser.text.tokens import count_tokens
from document_parser.text.word_places import boxes_of_part

ID_BYTES = 16
"""Bytes of a SHA-256 that are a chunk's id, in hexadecimal."""
_FAULTS: dict[Fault, str] = {
    "context_shortened": "The headings or header rows above the text are too long to be repeated whole in context_text.",
    "table_row_parted": "A row of the table has more tokens than a chunk may have, so it was parted.",
    "character_parted": "What a reader sees as one character has more tokens than a chunk may have, so it was parted.",
}
"""What the warnings about the parting of the text say."""


class Packer:
    """Takes atoms and gives chunks, in order. The chunk being packed is in ``_atoms``, what it repeats in ``_carried``."""

    def __init__(self, chunking: Chunking) -> None:
        """Start at the beginning of the Markdown."""
        self._chunking = chunking
        self._atoms: list[Atom] = []
        self._carried: list[Atom] = []
        self._start = 0
        self._ids: Counter[bytes] = Counter()

    def add(self, atom: Atom) -> Iterator[Chunk]:
        """Take an atom; yield the chunks that end before or within it."""
        if self._ends_before(atom):
            yield from self._close(atom)
            self._carried = []
        while self._used(atom) + atom.tokens > self._chunking.max_tokens:
            if not all(one.leads for one in self._atoms):
                yield from self._close(atom)
            elif atom.children:
                for child in atom.children:
                    yield from self.add(child)
                return
            elif self._carried and atom.rows is not None:
                self._carried = []
            elif self._atoms and atom.rows is not None and atom.tokens <= self._chunking.max_tokens:
                yield from self._flush(self._atoms)  # a heading alone is better than a parted row
            elif parts := split_to_fit(atom, self._chunking.max_tokens - self._used(atom)):
                self._atoms.append(parts[0])
                yield from self._flush(self._atoms)
                atom = parts[1]
            elif self._atoms:
                yield from self._flush(self._atoms)
            elif self._carried:
                self._carried = []
            else:
                break
        self._atoms.append(atom)

    def end(self) -> Iterator[Chunk]:
        """Yield the last chunks."""
        yield from self._flush(self._atoms)

    def _ends_before(self, atom: Atom) -> bool:
        """Return whether the strategy ends the chunk before an atom, however little it has."""
        if not self._atoms:
            return False
        strategy, last = self._chunking.strategy, self._atoms[-1]
        if strategy == "page" and last.page.number != atom.page.number:
            return True
        has_content = not all(one.leads for one in self._atoms)
        if not has_content:
            return False
        if atom.is_alone or any(one.is_alone for one in self._atoms):
            content = next(one for one in reversed(self._atoms) if not one.leads)
            return not (content.is_alone and content.rows and atom.rows and content.rows.table is atom.rows.table)
        return atom.begins and (strategy == "block" or (strategy == "heading" and atom.heading is not None))

    def _close(self, following: Atom) -> Iterator[Chunk]:
        """End the chunk before an atom. What leads to it goes with it, unless pages are kept apart."""
        kept: list[Atom] = []
        while self._atoms and self._atoms[-1].leads and self._may_lead(self._atoms[-1], following):
            kept.insert(0, self._atoms.pop())
        yield from self._flush(self._atoms)
        self._atoms = kept

    def _may_lead(self, atom: Atom, following: Atom) -> bool:
        return self._chunking.strategy != "page" or atom.page.number == following.page.number

    def _flush(self, atoms: list[Atom]) -> Iterator[Chunk]:
        """Yield these atoms as a chunk; as several if, against what was summed up, they have too many tokens together."""
        while atoms:
            count, tokens = len(atoms), self._tokens_of(atoms)
            while count > 1 and tokens > self._chunking.max_tokens:
                count -= 1
                tokens = self._tokens_of(atoms[:count])
            over = tokens - self._chunking.max_tokens
            if over > 0 and atoms[0].children:
                atoms = [*atoms[0].children, *atoms[1:]]
                continue
            if over > 0 and self._carried:
                self._carried = []
                continue
            if over > 0 and (parts := split_to_fit(atoms[0], max(1, atoms[0].tokens - over))):
                atoms = [*parts, *atoms[1:]]
                continue
            yield self._chunk_of(atoms[:count], tokens)
            self._carried = self._repeated(atoms[:count])
            atoms = atoms[count:]
        self._atoms = []

    def _used(self, following: Atom) -> int:
        """Return the tokens of the chunk being packed, with its context; that of the following atom if it has none yet."""
        context, _ = self._context_of([*self._atoms, following])
        return count_tokens(context) + sum(one.tokens for one in (*self._carried, *self._atoms))

    def _tokens_of(self, atoms: Sequence[Atom]) -> int:
        return count_tokens(self._context_of(atoms)[0] + _text_of((*self._carried, *atoms)))

    def _context_of(self, atoms: Sequence[Atom]) -> tuple[str, bool]:
        """Return the context of a chunk of atoms: the headings above it and the header of its table; whether it was shortened.

        It has at most half of the tokens that are left beside the overlap, and gives way to a row of a table. The outermost
        headings are left out first, the header last.
        """
        first, most = atoms[0], self._chunking.max_tokens // 2 - self._chunking.overlap
        if first.rows is not None and not first.children:
            most = min(most, self._chunking.max_tokens - first.tokens)
        path = [f"{'#' * heading.level} {heading.text}" for heading in first.path]
        header = _header_above(first.rows)
        candidates = [
            *(_join(path[dropped:], header) for dropped in range(len(path) + 1)),
            *(_join(path[dropped:], "") for dropped in range(len(path) + 1)),
        ]
        found = next((context for context in candidates if count_tokens(context) <= most), "")
        return found, found != candidates[0]

    def _repeated(self, atoms: Sequence[Atom]) -> list[Atom]:
        """Return the end of a chunk that the next one repeats; never the whole chunk."""
        left = self._chunking.overlap
        found: list[Atom] = []
        for atom in reversed(atoms[1:]) if left else ():
            if atom.tokens > left or atom.heading is not None or atom.children:
                break
            found.insert(0, atom)
            left -= atom.tokens
        before = atoms[len(atoms) - len(found) - 1]
        tail = tail_of(before, left) if left and not before.children else None
        return [tail, *found] if tail is not None else found

    def _chunk_of(self, atoms: Sequence[Atom], tokens: int) -> Chunk:
        """Return the chunk of atoms, behind what it repeats, and go on to the place behind it."""
        everything = (*self._carried, *atoms)
        context, is_shortened = self._context_of(atoms)
        text = _text_of(everything)
        start = self._start - len(_text_of(self._carried))
        self._start += len(_text_of(atoms))
        sources = [source for atom in everything for source in atom.sources]
        pages = {source.place.page.number: source.place.page for source in sources}
        pages |= {atom.page.number: atom.page for atom in everything if not atom.sources}
        headings = [heading.text for heading in _path_of(atoms)]
        faults = {fault for atom in atoms for fault in atom.faults}
        if is_shortened:
            faults.add("context_shortened")
        return Chunk(
            id=self._id_of(text, headings, min(pages)),
            text=text,
            context_text=context + text,
            headings=headings,
            pages=sorted(pages),
            boxes=list(_boxes_of(everything)),
            blocks=list(_blocks_of(sources)),
            span=TextRange(start=start, end=self._start),
            kind=_kind_of(atoms),
            tokens=tokens,
            table=_table_of(everything),
            warnings=[*_warnings_of(pages[number] for number in sorted(pages)), *_fault_warnings(faults)],
        )

    def _id_of(self, text: str, headings: Sequence[str], page: int) -> str:
        """Return the id of a chunk: a hash of its text and its place.

        The place is the headings above, the page, and how many chunks before have the same of all that. So a change elsewhere
        in the document does not change it.
        """
        same = _hash_of([text, *headings, str(page)])
        self._ids[same] += 1
        return (same if self._ids[same] == 1 else _hash_of([same.hex(), str(self._ids[same])])).hex()


def _hash_of(parts: Iterable[str]) -> bytes:
    data = "".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "replace")
    return hashlib.sha256(data).digest()[:ID_BYTES]


def _text_of(atoms: Iterable[Atom]) -> str:
    return "".join(atom.text for atom in atoms)


def _header_above(rows: Rows | None) -> str:
    """Return the Markdown of a table's header if rows of it begin below that; else empty."""
    return rows.table.header.rstrip("\n") if rows is not None and rows.start >= rows.table.header_rows else ""


def _join(headings: Sequence[str], header: str) -> str:
    """Return headings and a table's header as the Markdown before a text."""
    above = "\n".join(headings)
    return (f"{above}\n\n" if above else "") + (f"{header}\n" if header else "")


def _path_of(atoms: Sequence[Atom]) -> tuple[Heading, ...]:
    """Return the headings that the first content of a chunk is below; of headings alone, all of them."""
    content = next((atom for atom in atoms if atom.heading is None and atom.kind is not None), None)
    if content is not None:
        return content.path
    last = atoms[-1]
    return (*last.path, last.heading) if last.heading else last.path


def _kind_of(atoms: Sequence[Atom]) -> ChunkKind:
    """Return the kind of what is in a chunk beside headings and captions."""
    kinds: set[ChunkKind] = {atom.kind for atom in atoms if atom.kind is not None}
    content = {kind for kind in kinds if kind != "heading"} or kinds
    return "mixed" if len(content) > 1 else next(iter(content), "text")


def _table_of(atoms: Sequence[Atom]) -> ChunkTable | None:
    """Return the rows of a chunk that has nothing else beside headings and captions."""
    rows = [atom.rows for atom in atoms if atom.rows is not None]
    if not rows or _kind_of(atoms) != "table" or any(one.table is not rows[0].table for one in rows):
        return None
    table = rows[0].table
    return ChunkTable(
        page=table.page,
        index=table.index,
        rows=RowRange(start=rows[0].start, end=rows[-1].end),
        header=table.header.rstrip("\n"),
    )


def _boxes_of(atoms: Sequence[Atom]) -> Iterator[PageBox]:
    """Yield the boxes of what the atoms have of each block: the block's own, or one for each line of a part of it."""
    parts: dict[tuple[int, int], str] = {}
    for atom in atoms:
        for source in atom.sources:
            if source.is_part:
                key = (source.place.page.number, source.place.block_index)
                parts[key] = f"{parts.get(key, '')} {atom.text[source.start : source.end]}"
    for key, place in _unique_places(source for atom in atoms for source in atom.sources).items():
        if place.box is None:
            continue
        words = place.page.words.unpack() if key in parts and place.page.words is not None else []
        for box in boxes_of_part(parts[key], words, place.box) if words else [place.box]:
            yield PageBox(page=place.page.number, **box.model_dump())


def _blocks_of(sources: Iterable[Source]) -> Iterator[BlockReference]:
    """Yield the blocks, each once."""
    return (BlockReference(page=page, index=index) for page, index in _unique_places(sources))


def _unique_places(sources: Iterable[Source]) -> dict[tuple[int, int], Place]:
    """Return the places of blocks by page and index, in the order of the text."""
    found: dict[tuple[int, int], Place] = {}
    for source in sources:
        found.setdefault((source.place.page.number, source.place.block_index), source.place)
    return found


def _warnings_of(pages: Iterable[Page]) -> Iterator[ChunkWarning]:
    """Yield the warnings of pages, each once, and why one could not be read."""
    seen = set()
    for page in pages:
        for warning in page.warnings:
            if (page.number, warning.code) not in seen:
                seen.add((page.number, warning.code))
                yield ChunkWarning(code=warning.code, message=warning.message, page=page.number)
        if page.status == "failed" and page.error is not None:
            yield ChunkWarning(code=page.error.code, message=page.error.message, page=page.number)


def _fault_warnings(faults: Iterable[Fault]) -> Iterator[ChunkWarning]:
    """Yield what was done to the text as a last resort."""
    return (ChunkWarning(code=fault, message=_FAULTS[fault]) for fault in sorted(faults))
