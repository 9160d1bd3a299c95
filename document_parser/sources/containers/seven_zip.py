"""The files of a 7z archive, read by the system's libarchive. Imported only if it is installed; see ``host/libarchive``."""

from __future__ import annotations

import contextlib
import io
import locale
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from document_parser.errors import EncryptedDocument, ProgramAbsent
from document_parser.host.libarchive import find_libarchive
from document_parser.models import Member
from document_parser.settings import name_libarchive
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.zip_members import check_unpacked_size

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SIGNATURE = b"7z\xbc\xaf\x27\x1c"
"""How a 7z archive begins."""
_NO_PASSWORD = "7z archives with a password are not read. Pack the files without one, then send the archive again."


class SevenZipEntries:
    """The files of a 7z archive; links and folders are left out. They are read forward: most archives are packed as one."""

    is_cut = False

    def __init__(self, path: Path, limits: OpenerLimits) -> None:
        """Read the list. Raises TooLargeUnpacked, EncryptedDocument, ProgramAbsent, and OSError if the archive is damaged."""
        self._path = path
        self._found: list[tuple[int, str, int | None]] = []
        packed, declared = path.stat().st_size, 0
        with _forward(path) as entries:
            for place, entry in enumerate(entries):
                if entry.isreg:
                    self._found.append((place, entry.pathname or "", entry.size))
                    declared += entry.size or 0
                # The library unpacks an entry on its way to the next one.
                check_unpacked_size(place + 1, declared, packed, limits)
        self._stack = contextlib.ExitStack()
        self._entries: Iterator[tuple[int, Any]] = iter(())
        self._next = -1
        self._content: _Content | None = None

    def members(self) -> list[Member]:
        """Return the files."""
        return [Member(name=name, size=size) for _, name, size in self._found]

    def open(self, index: int) -> IO[bytes]:
        """Return the contents of a file. Those of the file before must not be read any more."""
        place = self._found[index][0]
        if self._next < 0 or place < self._next or self._content is None or self._content.is_broken:
            self._stack.close()
            self._entries, self._next = enumerate(self._stack.enter_context(_forward(self._path))), 0
        self._next = -1
        with _faults():
            for found, entry in self._entries:
                if found == place:
                    self._next, self._content = found + 1, _Content(entry)
                    return io.BufferedReader(self._content)
        raise OSError("the archive ends before the file")


class _Content(io.RawIOBase):
    """The content of an entry, read forward."""

    def __init__(self, entry: Any) -> None:
        self._blocks = entry.get_blocks()
        self._rest = b""
        self.is_broken = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self._rest:
            self.is_broken = True  # after an error the library cannot go on
            with _faults():
                self._rest = next(self._blocks, b"")
            self.is_broken = False
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


@contextlib.contextmanager
def _forward(path: Path) -> Iterator[Iterator[Any]]:
    """Give the entries of the archive, each valid until the next one. Raises ProgramAbsent, and the errors of ``_faults``."""
    library = find_libarchive()
    if library is None:
        raise ProgramAbsent.of("libarchive")
    name_libarchive(library)
    import libarchive  # type: ignore[import-untyped] # it has no type hints

    # Names are given in the encoding of the C library's locale.
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    with _faults(), libarchive.file_reader(str(path), "7zip") as archive:
        yield iter(archive)


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """Raise EncryptedDocument or OSError for what the library raises."""
    import libarchive

    try:
        yield
    except libarchive.ArchiveError as error:
        if "encrypted" in str(error).lower():
            raise EncryptedDocument(_NO_PASSWORD) from error
        raise OSError(str(error)) from error
