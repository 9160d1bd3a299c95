"""Name a document that was fetched: by its server, by its address, and by its media type if neither has an extension."""

from __future__ import annotations

from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote

from document_parser.ingest.sniff import SUPPORTED, claimed_format_of, safe_filename

_BY_MEDIA_TYPE = {found.media_type: found.extensions[0] for found in SUPPORTED.values()} | {
    "application/xhtml+xml": ".xhtml",
    "application/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/xml": ".xml",
    "image/jpg": ".jpg",
    "image/heic": ".heic",
    "application/x-zip-compressed": ".zip",
    "text/rtf": ".rtf",
}
"""The usual extension for each media type of a format that is read."""
GENERIC_TYPES = frozenset({"multipart/related", "text/plain"})
"""Media types that servers send for files of many formats: they give no name an extension."""


def download_name(path: str, host: str, disposition: str = "", media_type: str = "") -> str:
    """Return a safe file name of a fetched document.

    ``disposition`` and ``media_type`` are the headers Content-Disposition and Content-Type of the answer. The name is the
    one that the server says, else the last part of the address's path, else the host. A name without the extension of a known
    format gets that of the media type: text formats are told apart by their name alone.
    """
    name = _name_in(disposition) or unquote(path.rstrip("/").rpartition("/")[2]) or host
    shown = safe_filename(name)
    kind = media_type.partition(";")[0].strip().lower()
    if claimed_format_of(shown) is None and kind in _BY_MEDIA_TYPE and kind not in GENERIC_TYPES:
        return safe_filename(shown + _BY_MEDIA_TYPE[kind])
    return shown


def is_compressed_type(media_type: str, name: str) -> bool:
    """Return whether a gzip file itself was asked for, which some servers also announce as the encoding of its content."""
    kind = media_type.partition(";")[0].strip().lower()
    return (
        "gzip" in kind
        or kind in ("application/x-tgz", "application/x-compressed-tar")
        or (PurePosixPath(name).suffix.lower() in (".gz", ".tgz") and kind in ("", "application/octet-stream"))
    )


def _name_in(disposition: str) -> str:
    """Return the file name in a Content-Disposition header, as in RFC 6266; empty if there is none."""
    header = Message()
    header["content-disposition"] = disposition.replace("\r", " ").replace("\n", " ") or "inline"
    try:
        return header.get_filename("") or ""
    except (LookupError, ValueError):  # an unknown charset, or what cannot be decoded in it
        return ""
