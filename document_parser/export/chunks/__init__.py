"""Write the Markdown of a document as chunks, one JSON object a line, or as the places that its pieces come from.

The chunks tile the Markdown: without overlap, their texts one behind another are the file. Segments of the Markdown come one by
one and are packed at once, so that only the chunk being packed is in memory, and of a table as much as one chunk may have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from document_parser.export.chunks.atoms import atoms_of
from document_parser.export.chunks.packing import Packer
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.markdown import Segment, markdown_segments
from document_parser.models import Document, Options, Page, PlacedText, TextSource


def write_chunks(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write the chunks that ``options.chunking`` asks for. Figures are links, never embedded."""
    chunking = options.chunking
    packer = Packer(chunking)
    for atom in atoms_of(_segments(document, pages, options, figures), chunking):
        for chunk in packer.add(atom):
            out.write(chunk.model_dump_json().encode() + b"\n")
    for chunk in packer.end():
        out.write(chunk.model_dump_json().encode() + b"\n")


def write_places(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write each piece of the Markdown that the chunks tile, with the blocks that it comes from."""
    start = 0
    for segment in _segments(document, pages, options, figures):
        line = PlacedText(
            start=start,
            text=segment.text,
            page=segment.piece.page.number,
            has_image=segment.piece.page.location is None,
            sources=[
                TextSource(
                    start=start + source.start,
                    end=start + source.end,
                    page=source.place.page.number,
                    index=source.place.block_index,
                    box=(box.left, box.top, box.right, box.bottom) if (box := source.place.box) else None,
                    is_part=source.is_part,
                )
                for source in segment.sources
            ],
        )
        out.write(line.model_dump_json().encode() + b"\n")
        start += len(segment.text)


def _segments(document: Document, pages: Iterable[Page], options: Options, figures: Figures) -> Iterator[Segment]:
    """Yield the segments of the Markdown. Images are linked: megabytes of base64 are no text to search."""
    if options.figures == "embed":
        options = options.model_copy(update={"figures": "placeholder"})
    return markdown_segments(document, pages, options, figures)
