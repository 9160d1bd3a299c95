"""Read documents in the process of the command."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from document_parser.cli.outcome import Outcome, Work, outcome_of
from document_parser.cli.outputs import StandardOutput, figures_folder, links_figures
from document_parser.cli.passwords import Passwords
from document_parser.cli.progress import Display
from document_parser.cli.tables import write_tables
from document_parser.host.files import atomic_write
from document_parser.models import Options
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.pipeline.local.result import ParseResult


class LocalReader:
    """Read documents one after another. Engines stay loaded between them."""

    def __init__(
        self, reader: DocumentParser, options: Options, passwords: Passwords, display: Display, stdout: StandardOutput
    ) -> None:
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
                    yield self._read_one(work)
            finally:
                self.runner.run(self.reader.aclose())

    def _read_one(self, work: Work) -> Outcome:
        self.display.show_start(work.input.name)
        with (
            outcome_of(work) as outcome,
            work.input.as_file() as path,
            self.passwords.open_with(work.input.name, partial(self._document, work, path)) as document,
        ):
            self._write(document, work, outcome)
            outcome.record_reading(document.progress.current_page, document.failed_pages, _warnings(document))
        return outcome

    def _document(self, work: Work, path: Path, password: str) -> ParseResult:
        watch = partial(self.display.show_progress, work.input.name)
        name = work.input.filename
        # Figures are written beside a file. A stream has no place for them, unless the result itself holds them.
        figures = True if work.target is not None else None
        return self.runner.run(
            self.reader.read(path, self.options, filename=name, password=password, on_progress=watch, figures=figures)
        )

    def _write(self, document: ParseResult, work: Work, outcome: Outcome) -> None:
        """Write a result to its file or to standard output, with its figures beside the file."""
        if self.options.output_format == "csv":
            self._write_tables(document, work, outcome)
            return
        target = work.target
        if target is None:
            with self.stdout.next() as out:
                document.write(self.options.output_format, out)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        folder, links = figures_folder(target), links_figures(self.options.model_dump())
        if links:
            document.save_figures(folder)
        with atomic_write(target) as out:
            document.write(self.options.output_format, out, folder.name if links else None)

    def _write_tables(self, document: ParseResult, work: Work, outcome: Outcome) -> None:
        with ExitStack() as stack:
            archive = stack.enter_context(tempfile.TemporaryFile())
            document.write("csv", archive)
            write_tables(archive, work.target or stack.enter_context(self.stdout.next()), work, outcome)


def _warnings(document: ParseResult) -> list[dict[str, object]]:
    return [{"page": warning.page, "code": warning.code} for warning in document.warnings]
