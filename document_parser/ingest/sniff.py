"""What a file is, told by its first bytes; the name only speaks where it contradicts them.

The supported formats are read; others that can be told are named in the refusal, so that its reader knows what was sent.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from document_parser.errors import ContentMismatch, EmptyFile, UnsupportedFormat
from document_parser.models import SourceKind

HEAD_BYTES = 8192
"""How many bytes from a file's start ``sniff`` wants to see."""

_NAME_BYTES = 255
_FALLBACK_NAME = "document"


@dataclass(frozen=True)
class Format:
    """A format that is read. ``extensions`` are lower case with their dot, the usual one first."""

    name: str
    kind: SourceKind
    media_type: str
    extensions: tuple[str, ...]


SUPPORTED: dict[str, Format] = {
    found.name: found
    for found in (
        Format("pdf", "pdf", "application/pdf", (".pdf",)),
        Format("png", "image", "image/png", (".png",)),
        Format("jpeg", "image", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif")),
        Format("tiff", "image", "image/tiff", (".tif", ".tiff")),
        Format("bmp", "image", "image/bmp", (".bmp", ".dib")),
        Format("webp", "image", "image/webp", (".webp",)),
    )
}

# Extensions of kinds of file that are known but not read. A PDF named like one of them is a mismatch, not a surprise.
_OTHER_EXTENSIONS: dict[str, str] = {
    ".docx": "docx", ".xlsx": "xlsx", ".pptx": "pptx", ".doc": "doc", ".xls": "xls", ".ppt": "ppt", ".odt": "odt",
    ".ods": "ods", ".odp": "odp", ".rtf": "rtf", ".epub": "epub", ".html": "html", ".htm": "html", ".xml": "xml",
    ".csv": "csv", ".txt": "text", ".md": "text", ".eml": "mail", ".msg": "mail", ".zip": "zip", ".gz": "gzip",
    ".gif": "gif", ".svg": "svg", ".heic": "heif", ".heif": "heif", ".avif": "heif", ".jp2": "jpeg2000", ".ps": "postscript",
    ".eps": "postscript", ".exe": "program", ".dll": "program",
}  # fmt: skip

_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)
_OTHER_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x7fELF", "program"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old office"),
    (b"{\\rtf", "rtf"),
    (b"%!PS", "postscript"),
    (b"\x00\x00\x00\x0cjP  ", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"8BPS", "photoshop"),
    (b"AT&TFORM", "djvu"),
)
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Names that stand in clear near the start of an office file or book, which are zip archives.
_ZIP_SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"mimetypeapplication/epub+zip", "epub"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "odt"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"mimetypeapplication/vnd.oasis.opendocument.presentation", "odp"),
    (b"word/", "docx"),
    (b"xl/", "xlsx"),
    (b"ppt/", "pptx"),
)
_PDF_TRACE = re.compile(rb"%PDF-\d|\d\s+\d+\s+obj\b|\btrailer\s*<<|xref\s+\d")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body|script|table|title|div|p)\b",
    re.I | re.S,
)
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<![^>]*>\s*)*<svg\b", re.I | re.S)
_MAIL = re.compile(rb"(?:from|to|cc|subject|date|received|return-path|message-id|mime-version|delivered-to):[^\n]*\n", re.I)


def sniff(head: bytes, filename: str, size: int) -> Format:
    """The format of a file, from its first HEAD_BYTES bytes, its name and its size in bytes.

    Raises EmptyFile, UnsupportedFormat, or ContentMismatch where the name's extension belongs to another known kind.
    """
    if size == 0 or not head:
        raise EmptyFile(filename=safe_filename(filename))
    found = _supported(head)
    if found is None:
        raise _refusal(head, filename)
    claimed = _claimed(filename)
    if claimed is not None and not _agrees(claimed, found):
        raise ContentMismatch(
            f"The file is named like {claimed} but its content is {found.name}. Rename it to {found.extensions[0]}.",
            filename=safe_filename(filename), claimed=claimed, content=found.name,
        )  # fmt: skip
    return found


def looks_like(head: bytes) -> str | None:
    """A word for what the content seems to be, supported or not; None where nothing tells."""
    found = _supported(head)
    return found.name if found else _other(head)


def _supported(head: bytes) -> Format | None:
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return SUPPORTED[name]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return SUPPORTED["webp"]
    if _is_bmp(head):
        return SUPPORTED["bmp"]
    return SUPPORTED["pdf"] if _is_pdf(head) else None


def _is_bmp(head: bytes) -> bool:
    """Two letters prove little, so the size of the second header and its count of planes must fit as well."""
    if head[:2] != b"BM" or len(head) < 30:
        return False
    header = int.from_bytes(head[14:18], "little")
    planes = head[22:24] if header == 12 else head[26:28]
    return header in {12, 40, 52, 56, 64, 108, 124} and planes == b"\x01\x00"


def _is_pdf(head: bytes) -> bool:
    """A PDF's header may stand behind garbage, and a damaged file may have lost it but still show a PDF's objects.

    Content that begins as something else is not a PDF, whatever follows.
    """
    if head.startswith(b"%PDF-"):
        return True
    return bool(_PDF_TRACE.search(head)) and _other(head) in {None, "text"}


def _other(head: bytes) -> str | None:
    """What an unsupported content seems to be."""
    for magic, name in _OTHER_MAGICS:
        if head.startswith(magic):
            return name
    if head[:2] == b"MZ" and b"\x00" in head[:64]:
        return "program"
    if head.startswith(_ZIP_MAGICS):
        return next((name for sign, name in _ZIP_SIGNS if sign in head), "zip")
    if head[4:8] == b"ftyp" and head[8:12] in {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}:
        return "heif"
    return _textual(head)


def _textual(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _SVG.match(text):
        return "svg"
    if _HTML.match(text):
        return "html"
    if text.lstrip().startswith(b"<?xml"):
        return "xml"
    if _MAIL.match(text):
        return "mail"
    return "text" if _is_text(text) else None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a character cut in two by the end of the head is no fault
            return False
        text = head[: error.start].decode("utf-8")
    return all(char.isprintable() or char in "\t\n\r\f" for char in text)


def _refusal(head: bytes, filename: str) -> UnsupportedFormat | ContentMismatch:
    """The error for content that is not read: a mismatch where the name promised a supported format."""
    content, claimed = _other(head), _claimed(filename)
    supported = ", ".join(SUPPORTED)
    details = {"supported": list(SUPPORTED), "looks_like": content, "filename": safe_filename(filename)}
    if claimed in SUPPORTED:
        seems = content or "not that"
        return ContentMismatch(
            f"The file is named like {claimed} but its content is {seems}. Read are: {supported}.", **details
        )
    seems = f"looks like {content}, which" if content else "is of no known kind, and"
    return UnsupportedFormat(f"The file {seems} is not read. Send one of: {supported}.", **details)


def _claimed(filename: str) -> str | None:
    """The format that the name's last extension stands for; None where it has none or one nobody knows."""
    suffix = PurePosixPath(safe_filename(filename)).suffix.lower()
    by_extension = {extension: found.name for found in SUPPORTED.values() for extension in found.extensions}
    return by_extension.get(suffix) or _OTHER_EXTENSIONS.get(suffix)


def _agrees(claimed: str, found: Format) -> bool:
    """One picture format under another's name is harmless and common; a PDF under a picture's name is not."""
    return claimed == found.name or (claimed in SUPPORTED and SUPPORTED[claimed].kind == found.kind == "image")


def safe_filename(raw: str) -> str:
    """A name to show and to send in headers: no path, no control or direction characters, at most 255 bytes of UTF-8.

    Never empty, never ``.`` or ``..``; the extension survives the cut.
    """
    text = raw.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be stored
    text = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    text = "".join(" " if unicodedata.category(char) in {"Zl", "Zp"} else char for char in text if not _is_hidden(char))
    text = unicodedata.normalize("NFC", text).strip()
    stem, dot, extension = text.rpartition(".")
    if not stem.strip(". "):
        stem = _FALLBACK_NAME if dot and extension else extension.strip(". ") or _FALLBACK_NAME
        text = f"{stem}.{extension}" if dot and extension else stem
    return _cut(text)


def _is_hidden(char: str) -> bool:
    """Control characters (NUL and line ends among them) and those that turn the direction of writing or show nothing."""
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _cut(name: str) -> str:
    encoded = name.encode("utf-8")
    if len(encoded) <= _NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    ending = (dot + extension).encode("utf-8") if stem else b""
    if len(ending) > 32:  # that is no extension
        ending = b""
    return (encoded[: _NAME_BYTES - len(ending)].decode("utf-8", "ignore").rstrip() + ending.decode("utf-8")) or _FALLBACK_NAME
