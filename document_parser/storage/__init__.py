"""Store documents, pages and results in a local folder or an S3 bucket, behind one small interface."""

from __future__ import annotations

from urllib.parse import urlsplit

from document_parser.settings import Settings
from document_parser.storage.base import CHUNK_BYTES, Storage, StoredFileMissing
from document_parser.storage.growing import SYNC_BYTES, GrowingFile, Grown
from document_parser.storage.local import LocalStorage
from document_parser.storage.os_errors import open_scratch
from document_parser.storage.s3 import S3Storage

__all__ = [
    "CHUNK_BYTES",
    "SYNC_BYTES",
    "GrowingFile",
    "Grown",
    "LocalStorage",
    "S3Storage",
    "Storage",
    "StoredFileMissing",
    "make_storage",
    "open_scratch",
]


def make_storage(settings: Settings) -> Storage:
    """Return the storage that STORAGE_URL names, or the folder DATA_DIR. Nothing is opened yet.

    Raises ValueError for an address of another form.
    """
    url = settings.store.storage_url
    if not url:
        return LocalStorage(settings.data_dir)
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"STORAGE_URL must have the form s3://bucket/prefix, not {url!r}")
    return S3Storage(parts.netloc, parts.path, settings.store.s3_endpoint_url or None)
