"""Unpack documents that are sent gzipped."""

from __future__ import annotations

import gzip
import zlib
from typing import cast

from flask import current_app, request

from document_parser.api.compat.intake import Arrived
from document_parser.api.intake.arrivals import PIECE_BYTES
from document_parser.api.intake.uploads import UploadRequest
from document_parser.errors import DamagedDocument
from document_parser.ingest.staged_file import StagedFile

_MAGIC = b"\x1f\x8b\x08"
"""How a gzip file begins."""


def unpacked(arrived: Arrived) -> Arrived:
    """Return a document, unpacked if it is gzipped; as much of it as shows that it is too large.

    Raises DamagedDocument, StorageFull, StorageUnavailable.
    """
    staged = arrived.document
    if not isinstance(staged, StagedFile) or not staged.head.startswith(_MAGIC):
        return arrived
    target, most = cast(UploadRequest, request).stage(), current_app.config["MAX_UPLOAD_MB"] << 20
    try:
        with gzip.open(staged.path) as source:
            while target.size <= most and (piece := source.read(PIECE_BYTES)):
                target.write(piece)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise DamagedDocument("The gzip file could not be unpacked. Send the document itself.") from None
    target.finish()
    return Arrived(target, arrived.filename.removesuffix(".gz"))
