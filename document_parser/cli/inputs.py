"""Find the documents that a command line names, and the place of each result in an output folder."""

from __future__ import annotations

import argparse
import asyncio
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from document_parser.errors import FileUnreadable
from document_parser.ingest.origin import S3_SCHEME, Origin
from document_parser.ingest.sniff import HEAD_BYTES, SUPPORTED, TEXT_FORMATS, describe_content
from document_parser.ingest.staged_file import StagedFile
from document_parser.settings.startup import settings_or_exit

STDIN = "-"
"""Argument that means standard input."""

LINKS = ("http://", "https://", S3_SCHEME)
"""How arguments begin that are addresses."""

_EXTENSIONS = frozenset(extension for found in SUPPORTED.values() for extension in found.extensions)


class UsageError(Exception):
    """The command line cannot be followed. The message says why."""


@dataclass(frozen=True)
class Input:
    """A document to read: its name as given, and its place in an output folder, still with its own extension."""

    name: str
    place: Path
    label: str = ""
    """What it is called in messages, if that is not its name."""
    is_link: bool = False
    """Whether the name is an address from which the document is fetched."""

    @property
    def shown(self) -> str:
        """Return what it is called in messages."""
        return self.label or self.name

    @property
    def filename(self) -> str:
        """Return the name of the file; "stdin" for standard input."""
        return "stdin" if self.name == STDIN else self.place.name if self.is_link else Path(self.name).name

    def name_at(self, path: Path) -> str:
        """Return the name of the file once it is at a path: of a link, the name that its host gave it."""
        return path.name if self.is_link else self.filename

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Yield the document as a file. Standard input, other pipes and links are copied to the disk meanwhile.

        Raises FileUnreadable, and for links FetchError, FileTooLarge.
        """
        if self.is_link:
            with tempfile.TemporaryDirectory(prefix="docparse-") as folder:
                yield _fetch(self.name, Path(folder))
            return
        if Path(self.name).is_file():
            with _translate_read_errors(), Path(self.name).open("rb") as file:
                file.read(1)
            yield Path(self.name)
            return
        with tempfile.NamedTemporaryFile(prefix="docparse-") as copy:
            with _translate_read_errors(), self._pipe() as pipe:
                shutil.copyfileobj(pipe, copy)
            copy.flush()
            yield Path(copy.name)

    def _pipe(self) -> BinaryIO:
        return sys.stdin.buffer if self.name == STDIN else Path(self.name).open("rb")


def _fetch(address: str, folder: Path) -> Path:
    """Fetch a document into an empty folder, by the rules of the service. Raises FetchError, FileTooLarge, StorageFull."""
    from document_parser.ingest.fetch import fetch

    with closing(StagedFile(folder)) as staged:
        settings = settings_or_exit()
        most = settings.api.max_upload_mb << 20
        name = asyncio.run(fetch(settings, Origin(address=address), most, staged, lambda received, announced: None))
        return staged.path.rename(folder / name)


@contextmanager
def _translate_read_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileUnreadable(f"The file cannot be read: {error.strerror}. Check its path and permissions.") from error


@dataclass
class Found:
    """All documents of a command line.

    ``documents`` are in order, none twice. ``several`` says whether the arguments may name several, regardless of how many
    were found. ``left_out`` are the files of folders that are no documents, without hidden ones.
    """

    documents: list[Input]
    several: bool
    left_out: list[str]


def existing_file(argument: str) -> Path:
    """Return the path of a file that a command line names. Raises ArgumentTypeError if there is none."""
    path = Path(argument)
    if path.is_dir() or not path.exists():
        raise argparse.ArgumentTypeError(f"There is no file {argument!r}.")
    return path


def find_documents(arguments: list[str]) -> Found:
    """Return the documents that a command line names. Raises UsageError if an argument names nothing."""
    one = Path(arguments[0])
    is_one = arguments[0] == STDIN or arguments[0].startswith(LINKS) or (one.exists() and not one.is_dir())
    several = len(arguments) > 1 or not is_one
    found: dict[str, Input] = {}
    left_out: list[str] = []
    for argument in arguments:
        for document in _documents_of(argument, left_out, named=len(arguments) > 1):
            found.setdefault(_identity_of(document), document)
    if not found:
        raise UsageError("There is no document in " + ", ".join(map(repr, arguments)) + ".")
    return Found(list(found.values()), several, left_out)


def _identity_of(one: Input) -> str:
    return one.name if one.name == STDIN or one.is_link else os.path.realpath(one.name)


def _documents_of(argument: str, left_out: list[str], *, named: bool) -> Iterator[Input]:
    """Yield the documents that one argument names. Raises UsageError if it names nothing."""
    path = Path(argument)
    if argument == STDIN:
        if sys.stdin.isatty():
            raise UsageError("- reads a document from standard input, but nothing is piped into it.")
        yield Input(STDIN, Path("stdin"))
    elif argument.startswith(LINKS):
        yield _link(argument)
    elif path.is_dir():
        yield from _documents_in(path, Path(path.resolve().name) if named else Path(), left_out)
    elif path.exists() or not glob.has_magic(argument):
        if not path.exists():
            raise UsageError(f"There is no file or folder {argument!r}.")
        yield Input(argument, Path(path.name))
    else:
        yield from _documents_matching(argument, left_out)


def _link(address: str) -> Input:
    """Return the document at an address. Raises UsageError if it is none. The query of an address is not shown."""
    origin = Origin(address=address)
    try:
        return Input(address, Path(origin.filename), origin.shown, is_link=True)
    except ValueError:
        raise UsageError(f"{address.partition('?')[0]!r} is no address of a document.") from None


def _documents_matching(pattern: str, left_out: list[str]) -> Iterator[Input]:
    """Yield what a quoted pattern matches.

    ``**`` descends into folders. The place keeps the folders from the first wildcard on.
    """
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - pathlib would also match hidden files
    if not matches:
        raise UsageError(f"Nothing matches {pattern!r}.")
    base = _fixed_part(pattern)
    for match in map(Path, matches):
        place = match.relative_to(base)
        if match.is_file():
            yield Input(str(match), place)
        elif match.is_dir() and "**" not in pattern:
            yield from _documents_in(match, place, left_out)


def _fixed_part(pattern: str) -> Path:
    """Return the folder above the first wildcard."""
    parts = Path(pattern).parts
    wild = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:wild])


def _documents_in(folder: Path, place: Path, left_out: list[str]) -> Iterator[Input]:
    """Yield the documents below a folder: files that are one by content or by name, and are not hidden.

    Other files are added to ``left_out``.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if name.startswith(".") or not path.is_file():
                continue
            if _is_read(path):
                yield Input(str(path), place / path.relative_to(folder))
            else:
                left_out.append(str(path))


def _is_read(path: Path) -> bool:
    """Return whether a file is of a supported format by its extension or content; text needs an extension that says so."""
    if path.suffix.lower() in _EXTENSIONS:
        return True
    try:
        with path.open("rb") as file:
            content = describe_content(file.read(HEAD_BYTES))
            return content in SUPPORTED and content not in TEXT_FORMATS
    except OSError:
        return False  # no known extension, and the content cannot be read
