"""Copy stored files and the secrets of DATA_DIR into a backup, and back. Encrypted files are copied as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from document_parser.backup import folder as layout
from document_parser.backup.folder import BackupFile, StoragePart, StoredEntry
from document_parser.backup.progress import Progress, Tally
from document_parser.errors import BackupDamaged, BackupUnusable
from document_parser.host.files import atomic_write
from document_parser.jobs.records import storage_keys
from document_parser.settings import Settings
from document_parser.settings.secrets import secret_files
from document_parser.storage import CHECK_FILE, PREFIXES, LocalStorage, Storage, StoredFileMissing, open_scratch

COPIED_PREFIXES = tuple(prefix for prefix in PREFIXES if prefix != storage_keys.CACHE)
"""The prefixes of files that are copied. What is not in the cache is read again."""


def copy_files(storage: Storage, folder: Path, *, with_files: bool, progress: Progress) -> StoragePart:
    """Copy all stored files of a local folder, and with ``with_files`` those of a bucket; else only list them.

    Raises StorageUnavailable, OSError.
    """
    copied = with_files or isinstance(storage, LocalStorage)
    tally = Tally(progress, "stored files" if copied else "stored files (listed, not copied)")
    listing = layout.write_hashed(folder, layout.LISTING, _lines(storage, folder if copied else None, tally))
    tally.finish()
    encrypted = storage.exists(CHECK_FILE)
    return StoragePart(listing=listing, count=tally.count, bytes=tally.bytes, copied=copied, encrypted=encrypted)


def _lines(storage: Storage, folder: Path | None, tally: Tally) -> Iterator[bytes]:
    """Yield the lines of the listing; with a folder, each once its file is copied. Files deleted meanwhile are left out."""
    for key, size in _stored(storage):
        entry = StoredEntry(key, size, "")
        if folder is not None:
            try:
                file = layout.write_hashed(folder, layout.copy_name(key), storage.chunks(key))
            except StoredFileMissing:
                (folder / layout.copy_name(key)).unlink(missing_ok=True)
                continue
            entry = StoredEntry(key, file.bytes, file.sha256)
        tally.add(entry.bytes)
        yield layout.line_of(entry)


def _stored(storage: Storage) -> Iterator[tuple[str, int]]:
    """Yield the keys and sizes of all files, that by which the key of an encrypted storage is checked first."""
    if storage.exists(CHECK_FILE):
        yield CHECK_FILE, len(storage.get(CHECK_FILE))
    for prefix in COPIED_PREFIXES:
        yield from storage.sizes(prefix)


def restore_files(storage: Storage, folder: Path, entries: Iterable[StoredEntry], progress: Progress) -> None:
    """Copy files into the storage; those that an interrupted restore has copied are skipped.

    Raises StorageUnavailable, OSError.
    """
    tally = Tally(progress, "stored files")
    for entry in entries:
        if not storage.exists(entry.key):
            _restore_file(storage, folder, entry)
        tally.add(entry.bytes)
    tally.finish()


def _restore_file(storage: Storage, folder: Path, entry: StoredEntry) -> None:
    with storage.scratch() as path:
        with open_scratch(path) as out:
            for piece in layout.pieces_of(folder / layout.copy_name(entry.key)):
                out.write(piece)
        storage.put_file(entry.key, path, followed=True)


def verify_files(folder: Path, progress: Progress) -> None:
    """Compare each copied file with its hash. Raises BackupDamaged, and BackupUnusable for a name that leads elsewhere."""
    tally = Tally(progress, "stored files verified")
    for entry in layout.read_listing(folder):
        ours = entry.key == CHECK_FILE or entry.key.startswith(COPIED_PREFIXES)
        if not ours or ".." in entry.key.split("/"):
            raise BackupUnusable(f"The backup names a file that is none of this service: {entry.key!r}.")
        layout.verify(folder, BackupFile(name=layout.copy_name(entry.key), bytes=entry.bytes, sha256=entry.sha256))
        tally.add(entry.bytes)
    tally.finish()


def find_missing(storage: Storage, folder: Path) -> Iterator[str]:
    """Yield the keys of files that were only listed and are not in the storage any more. Raises StorageUnavailable."""
    for entry in layout.read_listing(folder):
        if not storage.exists(entry.key):
            yield entry.key


def copy_secrets(settings: Settings, folder: Path) -> list[BackupFile]:
    """Copy the files of DATA_DIR that hold secrets, if they are there. Raises OSError."""
    there = [path for path in secret_files(settings) if path.exists()]
    return [layout.write_hashed(folder, f"{layout.SECRETS_FOLDER}/{path.name}", layout.pieces_of(path)) for path in there]


def restore_secrets(settings: Settings, folder: Path, files: Iterable[BackupFile]) -> None:
    """Write the files of secrets into DATA_DIR, readable by this user alone. Raises BackupDamaged, OSError."""
    places = {f"{layout.SECRETS_FOLDER}/{path.name}": path for path in secret_files(settings)}
    for file in files:
        if file.name not in places:
            raise BackupDamaged(file=file.name)
        with atomic_write(places[file.name]) as out:
            out.write((folder / file.name).read_bytes())
