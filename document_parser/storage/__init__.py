"""Store documents, pages and results in a local folder or an S3 bucket, behind one small interface."""

from __future__ import annotations

from urllib.parse import urlsplit

from document_parser.errors import StorageUnavailable
from document_parser.settings import Settings
from document_parser.storage.base import CHUNK_BYTES, Storage, StoredFileMissing
from document_parser.storage.encrypted import CHECK_FILE, PREFIXES, EncryptedStorage, check_not_encrypted
from document_parser.storage.growing import SYNC_BYTES, GrowingFile, Grown
from document_parser.storage.local import LocalStorage
from document_parser.storage.os_errors import open_scratch
from document_parser.storage.s3 import S3Storage
from document_parser.storage.sealing import KeyRing, new_storage_key

__all__ = [
    "CHECK_FILE",
    "CHUNK_BYTES",
    "PREFIXES",
    "SYNC_BYTES",
    "EncryptedStorage",
    "GrowingFile",
    "Grown",
    "LocalStorage",
    "S3Storage",
    "Storage",
    "StoredFileMissing",
    "check_storage_key",
    "make_raw_storage",
    "make_storage",
    "new_storage_key",
    "open_scratch",
]


def make_storage(settings: Settings) -> Storage:
    """Return the storage that STORAGE_URL names, or the folder DATA_DIR, encrypted with STORAGE_KEY. Nothing is opened yet.

    Raises ValueError for an address of another form.
    """
    plain = make_raw_storage(settings)
    if not settings.store.storage_key:
        return plain
    return EncryptedStorage(plain, KeyRing.parse(settings.store.storage_key), settings.plain_dir)


def check_storage_key(settings: Settings) -> None:
    """Check STORAGE_KEY against what the storage was encrypted with. Raises StorageKeyWrong, StorageUnavailable."""
    storage = make_storage(settings)
    try:
        if isinstance(storage, EncryptedStorage):
            storage.check()
        else:
            check_not_encrypted(storage)
    except ModuleNotFoundError as error:  # boto3, which `docparse doctor` tells of
        raise StorageUnavailable(reason="the extra s3 is not installed") from error


def make_raw_storage(settings: Settings) -> Storage:
    """Return the storage with its files as they are stored: encrypted, if STORAGE_KEY is set. Nothing is opened yet.

    Raises ValueError for an address of another form.
    """
    url = settings.store.storage_url
    if not url:
        return LocalStorage(settings.data_dir)
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"STORAGE_URL must have the form s3://bucket/prefix, not {url!r}")
    return S3Storage(parts.netloc, parts.path, settings.store.s3_endpoint_url or None)
