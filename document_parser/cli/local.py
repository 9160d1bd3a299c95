"""Read documents in the process of the command."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import BinaryIO

from document_parser.cli.inputs import Input
from document_parser.cli.outcome import Outcome, Work, outcome_of
from document_parser.cli.outputs import StandardOutput, figures_folder, links_figures, result_places
from document_parser.cli.passwords import Passwords
from document_parser.cli.progress import Display, describe_inside, printable
from document_parser.cli.tables import write_tables
from document_parser.host.files import atomic_write
from document_parser.models import Options, PageWarning
from document_parser.pipeline.local.append import Appended, append_inside
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.pipeline.local.result import ParseResult


class LocalReader:
    """Read documents one after another. Engines stay loaded between them."""

    def __init__(
        self,
        reader: DocumentParser,
        options: Options,
        passwords: Passwords,
        display: Display,
        stdout: StandardOutput,
        max_depth: int,
        *,
        appends: bool,
    ) -> None:
        """Keep what the reading needs. ``max_depth`` is how deep documents inside others are read.

        ``appends`` says to write them below the outer one, in the same text.
        """
        self.max_depth = max_depth
        self.appends = appends
        self.reader = reader
        self.options = options
        self.passwords = passwords
        self.display = display
        self.stdout = stdout

    def read(self, works: list[Work]) -> Generator[Outcome, None, None]:
        """Yield the outcomes in the order of ``works``."""
        with asyncio.Runner() as self.runner:
            try:
                for work in works:
                    yield from self._read_with_inside(work)
            finally:
                self.runner.run(self.reader.aclose())

    def _read_with_inside(self, work: Work) -> Generator[Outcome, None, None]:
        """Yield the outcome of a document, then those of the documents inside it, which are written below its result."""
        with ExitStack() as kept:
            self.display.show_start(work.input.shown)
            inside: list[Work] = []
            with outcome_of(work) as outcome, work.input.as_file() as path:
                document = kept.enter_context(self.passwords.open_with(work.input.shown, partial(self._document, work, path)))
                below = self._write(document, work, outcome)
                pages, warnings = document.progress.current_page + below.pages, _warnings([*document.warnings, *below.warnings])
                outcome.record_reading(pages, document.failed_pages, warnings)
                if below.incomplete:
                    outcome.status = "partial"
                    self.display.inform(f"{work.input.shown}: not read whole: {', '.join(map(printable, below.incomplete))}")
                for refused in below.refused:
                    self.display.inform(f"{work.input.shown}: not read: {printable(refused)}")
                inside = [] if self.appends else self._works_inside(document, work)
            yield outcome
            for one in inside:
                yield from self._read_with_inside(one)

    def _works_inside(self, document: ParseResult, work: Work) -> list[Work]:
        """Return the work on the documents inside a document; tell of those that are not read."""
        names = [child.name for child in document.head.children]
        if names and work.target is None:
            self.display.inform(describe_inside(work.input.shown, names))
        for child in document.head.children:
            if child.error is not None:
                self.display.inform(f"{work.input.shown} > {child.name}: not read. {child.error.message}")
        if work.target is None or not document.inside:
            return []
        if work.depth >= self.max_depth:
            self.display.inform(f"{work.input.shown}: what is inside lies too deep to be read (MAX_NESTING_DEPTH).")
            return []
        found = [
            Input(str(path), Path(path.name), f"{work.input.shown} > {child.name}")
            for child, path in document.inside
            if path is not None
        ]
        folder = work.target.with_name(f"{work.target.stem}.inside")
        places = result_places(found, work.target.suffix.removeprefix("."))
        return [
            Work(one, folder / place, in_folder=True, depth=work.depth + 1) for one, place in zip(found, places, strict=True)
        ]

    def _document(self, work: Work, path: Path, password: str) -> ParseResult:
        watch = partial(self.display.show_progress, work.input.shown)
        name = work.input.name_at(path)
        # Figures are written beside a file. A stream has no place for them, unless the result itself holds them.
        figures = True if work.target is not None else None
        return self.runner.run(
            self.reader.read(
                path,
                self.options,
                filename=name,
                password=password,
                on_progress=watch,
                figures=figures,
                inside=self.appends or figures is True,
            )
        )

    def _write(self, document: ParseResult, work: Work, outcome: Outcome) -> Appended:
        """Write a result to its file or to standard output, with its figures beside the file and what is appended to it."""
        if self.options.output_format == "csv":
            self._write_tables(document, work, outcome)
            return Appended()
        target = work.target
        if target is None:
            with self.stdout.next() as out:
                document.write(self.options.output_format, out)
                return self._append(document, out)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder, links = figures_folder(target), links_figures(self.options.model_dump())
        if links:
            document.save_figures(folder)
        with atomic_write(target) as out:
            document.write(self.options.output_format, out, folder.name if links else None)
            return self._append(document, out)

    def _append(self, document: ParseResult, out: BinaryIO) -> Appended:
        """Write the documents inside below a result, if that is asked for."""
        if not self.appends:
            return Appended()
        return self.runner.run(append_inside(self.reader, document, out, self.max_depth, self.passwords.given))

    def _write_tables(self, document: ParseResult, work: Work, outcome: Outcome) -> None:
        with ExitStack() as stack:
            archive = stack.enter_context(tempfile.TemporaryFile())
            document.write("csv", archive)
            write_tables(archive, work.target or stack.enter_context(self.stdout.next()), work, outcome)


def _warnings(warnings: Sequence[PageWarning]) -> list[dict[str, object]]:
    return [{"page": warning.page, "code": warning.code} for warning in warnings]
