"""Send a large document in pieces, and go on where the server is after a lost connection (tus 1.0.0)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import BinaryIO

from document_parser.client.models import UploadState, parse_body
from document_parser.client.transport import Service
from document_parser.errors import OffsetMismatch, ServerUnreachable, UploadInterrupted, UploadLocked

PIECE_BYTES = 8 << 20
"""Size of a piece in bytes. It is held in memory."""
PAUSE_SECONDS = 0.5
"""Pause before a piece is sent again, in seconds."""
PASSING = (ServerUnreachable, OffsetMismatch, UploadInterrupted, UploadLocked)
"""Errors of a piece after which the server is asked where to go on."""


def send_in_pieces(
    service: Service,
    stream: BinaryIO,
    filename: str,
    patience: float,
    sleep: Callable[[float], None],
    on_progress: Callable[[int, int], object] | None = None,
) -> str:
    """Send a seekable stream from its start as a resumable upload, and return its id.

    ``patience`` is the longest time without progress in seconds, ``on_progress`` is called with the bytes sent and all bytes.
    Raises the server's error, ServerUnreachable.
    """
    size = stream.seek(0, os.SEEK_END)
    begun = service.ask("POST", "/api/v1/documents/upload/init", json={"filename": filename, "size": size})
    upload_id, offset = parse_body(UploadState, begun).upload_id, 0
    progressed = time.monotonic()
    while offset < size:
        stream.seek(offset)
        before, offset = offset, _send_piece(service, upload_id, offset, stream.read(PIECE_BYTES), sleep, progressed + patience)
        if offset > before:
            progressed = time.monotonic()
            if on_progress is not None:
                on_progress(offset, size)
    return upload_id


def _send_piece(
    service: Service, upload_id: str, offset: int, piece: bytes, sleep: Callable[[float], None], until: float
) -> int:
    """Send one piece. Return the offset at which the server is afterwards. Errors that pass are raised after ``until`` only."""
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    try:
        service.ask("PATCH", f"/v1/uploads/{upload_id}", content=piece, headers=headers)
    except PASSING:
        if time.monotonic() > until:
            raise
        sleep(PAUSE_SECONDS)
        return parse_body(UploadState, service.ask("GET", f"/v1/uploads/{upload_id}")).offset
    return offset + len(piece)
