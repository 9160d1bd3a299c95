"""What libraries raise for containers and members that cannot be read, and what to tell of it: one place for all of them."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from document_parser.errors import DamagedDocument, EncryptedDocument, PageUnreadable

FAULTS: tuple[type[Exception], ...] = (
    OSError, EOFError, ValueError, OverflowError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError,
    zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
"""Raised for damaged containers and members, wrong passwords, and methods of packing that are not known.

Decompressors raise OSError (bzip2, gzip, Zstandard) and ValueError, as do impossible offsets; so do our readers of 7z.
"""


@contextmanager
def container_faults(what: str = "The archive is damaged or cut off. Pack it again.") -> Iterator[None]:
    """Raise DamagedDocument for what libraries raise in the block."""
    try:
        yield
    except FAULTS as error:
        raise DamagedDocument(what) from error


@contextmanager
def member_faults(name: str = "") -> Iterator[None]:
    """Raise PageUnreadable, which says what is wrong, for what libraries raise in the block about a member."""
    what = f"The file {name!r} in the archive" if name else "This file inside the document"
    try:
        yield
    except EncryptedDocument as error:
        raise PageUnreadable(error.message) from error
    except NotImplementedError as error:
        raise PageUnreadable(f"{what} is packed in a way that is not read ({error}). Pack it again as ZIP.") from error
    except FAULTS as error:
        raise PageUnreadable(f"{what} is damaged or cut off. Pack it again.") from error
