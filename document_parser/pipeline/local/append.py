"""Read the documents inside a document in this process, and write them below it in the same text."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from typing import BinaryIO, cast

from document_parser.errors import DocumentParserError
from document_parser.models import PageWarning
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.pipeline.local.result import ParseResult
from document_parser.text.documents_inside import heading_of, reason_line, with_own_notes

IN_MEMORY_BYTES = 1 << 20
"""Size in bytes from which the text of a document inside is kept on disk until it is appended."""
_TOO_DEEP = "It lies too deep inside other documents (MAX_NESTING_DEPTH)."


class Appended:
    """What came of the documents inside.

    ``documents`` and ``pages`` are how many were written, ``warnings`` those of the pages. ``incomplete`` names documents whose
    reading failed, wholly or in part, ``refused`` those that are not read at all, each with the reason.
    """

    def __init__(self) -> None:
        """Count from nothing."""
        self.documents = 0
        self.pages = 0
        self.incomplete: list[str] = []
        self.refused: list[str] = []
        self.warnings: list[PageWarning] = []


async def append_inside(
    parser: DocumentParser, document: ParseResult, out: BinaryIO, max_depth: int, password: str = ""
) -> Appended:
    """Write the documents inside ``document``, each with those inside it, below what was written of it.

    ``document`` was read with ``inside=True``, in Markdown or as text. One that cannot be read is there with the reason.
    Raises OSError if the disk is full.
    """
    done = Appended()
    await _append(parser, document, out, max_depth, password, done, depth=0)
    return done


async def _append(
    parser: DocumentParser,
    document: ParseResult,
    out: BinaryIO,
    max_depth: int,
    password: str,
    done: Appended,
    *,
    depth: int,
) -> None:
    """Write the documents inside one that is ``depth`` deep itself."""
    name = document.options.output_format
    for child, path in document.inside:
        out.write(heading_of(child.name, depth, name))
        reason = child.error.message if child.error else _TOO_DEEP if depth >= max_depth else ""
        if path is None or reason:
            out.write(reason_line(reason, name))
            done.refused.append(f"{child.name}: {reason}")
            continue
        with ExitStack() as kept:
            try:
                inner = kept.enter_context(
                    await parser.read(path, document.options, filename=path.name, password=password, inside=True)
                )
            except DocumentParserError as error:
                out.write(reason_line(error.message, name))
                done.incomplete.append(child.name)
                continue
            done.documents += 1
            with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as written:
                inner.write(name, cast(BinaryIO, written))
                written.seek(0)
                out.writelines(with_own_notes(written, done.documents, name))
            done.pages += inner.progress.current_page
            done.warnings += inner.warnings
            done.incomplete += [] if inner.complete else [child.name]
            await _append(parser, inner, out, max_depth, password, done, depth=depth + 1)
