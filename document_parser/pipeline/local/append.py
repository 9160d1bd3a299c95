"""Read the documents inside a document in this process, and write them below it in the same text."""

from __future__ import annotations

from contextlib import ExitStack
from typing import BinaryIO

from document_parser.errors import DocumentParserError
from document_parser.models import PageWarning
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.pipeline.local.result import ParseResult
from document_parser.text.documents_inside import heading_of, reason_line

_TOO_DEEP = "It lies too deep inside other documents (MAX_NESTING_DEPTH)."


class Appended:
    """What came of the documents inside.

    ``pages`` are those read, ``warnings`` theirs. ``incomplete`` names documents whose reading failed, wholly or in part,
    ``refused`` those that are not read at all, each with the reason.
    """

    def __init__(self) -> None:
        """Count from nothing."""
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
            inner.write(name, out)
            done.pages += inner.progress.current_page
            done.warnings += inner.warnings
            done.incomplete += [] if inner.complete else [child.name]
            await _append(parser, inner, out, max_depth, password, done, depth=depth + 1)
