"""Detect a file's format from its first bytes. The file name matters if it contradicts them, and for text.

The supported formats are read. Other formats that can be detected are named in the refusal, so that its reader knows what was
sent.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from document_parser.errors import ContentMismatch, EmptyFile, ProgramAbsent, UnsupportedFormat
from document_parser.models import Need, SourceKind

HEAD_BYTES = 8192
"""How many bytes from the start of a file ``sniff`` needs."""

MAX_CONTROLS_EACH = 200
"""One control character is taken for a slip in this many bytes of a text; random bytes have 20, programs more."""
_MAX_NAME_BYTES = 255
"""Maximum bytes of a file name in UTF-8."""
_FALLBACK_NAME = "document"
_PACKED_EXTENSIONS = frozenset({".gz", ".bz2", ".xz", ".zst"})
"""Extensions that a file gets when it is packed, beside its own."""


@dataclass(frozen=True)
class Format:
    """A format that is read. ``extensions`` are in lower case with their dot, the usual one first.

    ``need`` is a program or library of the system without which it is not read; None for most.
    """

    name: str
    kind: SourceKind
    media_type: str
    extensions: tuple[str, ...]
    need: Need | None = None


SUPPORTED: dict[str, Format] = {
    found.name: found
    for found in (
        Format("pdf", "pdf", "application/pdf", (".pdf",)),
        Format("png", "image", "image/png", (".png",)),
        Format("jpeg", "image", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif")),
        Format("tiff", "image", "image/tiff", (".tif", ".tiff")),
        Format("bmp", "image", "image/bmp", (".bmp", ".dib")),
        Format("webp", "image", "image/webp", (".webp",)),
        Format("gif", "image", "image/gif", (".gif",)),
        Format("heif", "image", "image/heif", (".heic", ".heif", ".hif")),
        Format("avif", "image", "image/avif", (".avif",)),
        Format("jpeg2000", "image", "image/jp2", (".jp2", ".j2k", ".jpx", ".jpf", ".j2c")),
        Format("mail", "mail", "message/rfc822", (".eml", ".mbox", ".mbx")),
        Format("msg", "outlook", "application/vnd.ms-outlook", (".msg",)),
        Format("winmail", "winmail", "application/vnd.ms-tnef", (".dat", ".tnef")),
        Format("odt", "odt", "application/vnd.oasis.opendocument.text", (".odt", ".ott")),
        Format("odp", "odp", "application/vnd.oasis.opendocument.presentation", (".odp", ".otp")),
        Format("odg", "odp", "application/vnd.oasis.opendocument.graphics", (".odg", ".otg")),
        Format("zip", "archive", "application/zip", (".zip",)),
        Format("tar", "archive", "application/x-tar", (".tar",)),
        Format("gzip", "archive", "application/gzip", (".gz", ".tgz")),
        Format("bzip2", "archive", "application/x-bzip2", (".bz2", ".tbz", ".tbz2")),
        Format("xz", "archive", "application/x-xz", (".xz", ".txz")),
        Format("zstd", "archive", "application/zstd", (".zst", ".tzst")),
        Format("7z", "archive", "application/x-7z-compressed", (".7z",), "libarchive"),
        Format(
            "xlsx",
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            (".xlsx", ".xlsm", ".xltx", ".xltm"),
        ),
        Format("ods", "ods", "application/vnd.oasis.opendocument.spreadsheet", (".ods", ".ots")),
        Format("xls", "xls", "application/vnd.ms-excel", (".xls", ".xlt")),
        Format("html", "html", "text/html", (".html", ".htm", ".xhtml", ".xht")),
        Format("mhtml", "mhtml", "multipart/related", (".mhtml", ".mht")),
        Format("epub", "epub", "application/epub+zip", (".epub",)),
        Format("rtf", "rtf", "application/rtf", (".rtf",)),
        Format("markdown", "markdown", "text/markdown", (".md", ".markdown", ".mdown", ".mkd")),
        Format("xml", "xml", "application/xml", (".xml", ".rss", ".atom")),
        Format("json", "json", "application/json", (".json", ".geojson", ".jsonl", ".ndjson")),
        Format("notebook", "notebook", "application/x-ipynb+json", (".ipynb",)),
        Format("csv", "delimited", "text/csv", (".csv", ".tsv", ".tab", ".psv")),
        Format(
            "pptx",
            "pptx",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            (".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
        ),
        Format(
            "docx",
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            (".docx", ".docm", ".dotx", ".dotm"),
        ),
        Format("doc", "doc", "application/msword", (".doc", ".dot"), "libreoffice"),
        Format("ppt", "ppt", "application/vnd.ms-powerpoint", (".ppt", ".pps", ".pot"), "libreoffice"),
        Format("wordperfect", "wordperfect", "application/vnd.wordperfect", (".wpd", ".wp", ".wp5", ".wp6"), "libreoffice"),
        Format("works", "works", "application/vnd.ms-works", (".wps",), "libreoffice"),
        Format("publisher", "publisher", "application/vnd.ms-publisher", (".pub",), "libreoffice"),
        Format("visio", "visio", "application/vnd.visio", (".vsd", ".vst"), "libreoffice"),
        Format("sxw", "sxw", "application/vnd.sun.xml.writer", (".sxw",), "libreoffice"),
        Format("sxc", "sxc", "application/vnd.sun.xml.calc", (".sxc",), "libreoffice"),
        Format("sxi", "sxi", "application/vnd.sun.xml.impress", (".sxi",), "libreoffice"),
        Format("text", "text", "text/plain", (".txt", ".text", ".log")),
    )
}
"""The formats that are read, by name."""
TEXT_FORMATS = frozenset({"text", "csv", "markdown", "json", "notebook", "xml", "html"})
"""Formats of plain text, which only the name of a file tells apart where its content does not begin as one of them must."""
OLE_FORMATS = frozenset({"msg", "doc", "ppt", "works", "publisher", "visio"})
"""Formats in OLE containers. What is in one may be listed far behind the start of the file; then the name tells."""

# Extensions of formats that are known but not read. A PDF named like one of them is a mismatch.
_OTHER_EXTENSIONS: dict[str, str] = {
    ".svg": "svg", ".ps": "postscript",
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
    (b"\x78\x9f\x3e\x22", "winmail"),
    (b"{\\rtf", "rtf"),
    (b"\xffWPC", "wordperfect"),
    (b"%!PS", "postscript"),
    (b"\x00\x00\x00\x0cjP  ", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"8BPS", "photoshop"),
    (b"AT&TFORM", "djvu"),
)
_OLD_SHEETS = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00", b"\x09\x08")
"""How a workbook older than its wrapping begins: the record BOF of BIFF 2 to 5."""
_OLE = "old office"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_SIGNS: tuple[tuple[str, str], ...] = (
    ("__properties_version1.0", "msg"),
    ("EncryptedPackage", "encrypted office"),
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("PowerPoint Document", "ppt"),
    ("VisioDocument", "visio"),
    ("Quill", "publisher"),
    ("MatOST", "works"),
)
"""Names of streams, as UTF-16 in the list of an OLE container, and the format that has them."""
_DISGUISES = {"html": {"xls", "doc"}, "mhtml": {"xls", "doc"}, "xml": {"xls", "doc"}, "rtf": {"doc"}}
"""Names under which programs save other formats than those of the name, so that an office program opens them."""
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OFFICE_FORMATS = frozenset({"docx", "pptx", "xlsx"})
"""Formats of office files that are zip archives; encrypted ones are OLE files. Opening them shows whether they are what
they are named."""
_FLAT_OFFICE = b"http://schemas.microsoft.com/office/2006/xmlPackage"
"""In an office file that is one XML file."""
_FLAT_SIGNS = ((b"Word.Document", "docx"), (b"/word/", "docx"))
# Names that are uncompressed near the start of an office file or e-book, which are zip archives.
_ZIP_SIGNS: tuple[tuple[bytes, str], ...] = (
    (b"mimetypeapplication/epub+zip", "epub"),
    (b"META-INF/container.xml", "epub"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "odt"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"mimetypeapplication/vnd.oasis.opendocument.graphics", "odg"),
    (b"mimetypeapplication/vnd.oasis.opendocument.presentation", "odp"),
    (b"mimetypeapplication/vnd.sun.xml.writer", "sxw"),
    (b"mimetypeapplication/vnd.sun.xml.calc", "sxc"),
    (b"mimetypeapplication/vnd.sun.xml.impress", "sxi"),
    (b"word/", "docx"),
    (b"word\\", "docx"),
    (b"xl/", "xlsx"),
    (b"ppt/", "pptx"),
)
_PDF_TRACE = re.compile(rb"%PDF-\d|\d\s+\d+\s+obj\b|\btrailer\s*<<|xref\s+\d")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body|script|table|title|div|p)\b",
    re.I | re.S,
)
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<![^>]*>\s*)*<svg\b", re.I | re.S)
_MAIL = re.compile(
    rb"\s*(?:From [^\n]+\n)?(?:[!-9;-~]{1,80}:[^\n]*\n(?:[ \t][^\n]*\n)*){0,60}?"
    rb"(?:from|to|cc|subject|date|received|return-path|message-id|mime-version|delivered-to):[^\n]*\n", re.I,
)  # fmt: skip
"""A header of mail, also behind other header lines and the line that begins a message in a mailbox."""

_WEB_ARCHIVE = re.compile(rb"^(?:snapshot-content-location:|from:\s*<?saved by |x-document-type:)", re.I | re.M)
"""Headers of a page that a browser or an office program saved with its images; it begins as a mail does."""


def type_of(media_type: str) -> str:
    """Return the name of the supported format with this media type; ``other`` if there is none."""
    return next((found.name for found in SUPPORTED.values() if found.media_type == media_type), "other")


def sniff(head: bytes, filename: str, size: int, missing: Collection[Need] = ()) -> Format:
    """Return the format of a file, from its first HEAD_BYTES bytes, its name and its size in bytes.

    Raises EmptyFile, UnsupportedFormat, ContentMismatch if the name's extension belongs to another known format, or
    ProgramAbsent if what the format needs is ``missing``.
    """
    if size == 0 or not head:
        raise EmptyFile(filename=safe_filename(filename))
    claimed = claimed_format_of(filename)
    found = _detect_supported(head, claimed)
    if found is None:
        raise _refusal_of(head, filename, [one.name for one in readable_formats(missing)])
    if claimed is not None and not _is_consistent(claimed, found):
        raise ContentMismatch(
            f"The file is named like {claimed} but its content is {found.name}. Rename it to {found.extensions[0]}.",
            filename=safe_filename(filename), claimed=claimed, content=found.name,
        )  # fmt: skip
    if found.need is not None and found.need in missing:
        raise ProgramAbsent.of(found.need)
    return found


def readable_formats(missing: Collection[Need]) -> list[Format]:
    """Return the formats that are read where this is missing."""
    return [found for found in SUPPORTED.values() if found.need is None or found.need not in missing]


def describe_content(head: bytes) -> str | None:
    """Return a word for what the content seems to be, supported or not. None if it cannot be detected."""
    return _guess(head)


def _detect_supported(head: bytes, claimed: str | None) -> Format | None:
    """Return the supported format of the content; None if it is not supported.

    Formats of text look alike: the name decides between them, and says that text in an older encoding is text.
    """
    content = _guess(head)
    if claimed == "zip" and head.startswith(_ZIP_MAGICS):
        return SUPPORTED[claimed]  # an office file near its start makes it no office file
    if claimed in _OFFICE_FORMATS and content in ("zip", _OLE, "encrypted office"):
        return SUPPORTED[claimed]
    if claimed == "xls" and (content in (_OLE, "xls", "encrypted office") or head.startswith(_OLD_SHEETS)):
        return SUPPORTED[claimed]  # an encrypted workbook may be named like an old one; opening it says so
    if claimed in TEXT_FORMATS and (content == "text" or (content is None and _is_old_text(head))):
        return SUPPORTED[claimed]
    if claimed in OLE_FORMATS and content == _OLE:
        return SUPPORTED[claimed]
    if (claimed, content) in {("mhtml", "mail"), ("epub", "zip"), ("odt", "zip"), ("odp", "zip"), ("ods", "zip")}:
        return SUPPORTED[str(claimed)]  # the signs of the format may come after the head
    if claimed == "markdown" and content in {"html", "xml", "svg", "mail"}:
        return SUPPORTED[claimed]  # it may begin with a tag, or with lines like those of a mail's head
    return SUPPORTED.get(content) if content else None


def _guess(head: bytes) -> str | None:
    """Return the name of the format that the content seems to have, supported or not. None if it cannot be detected."""
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if _is_bmp(head):
        return "bmp"
    return "pdf" if _is_pdf(head) else _guess_beside_pages(head)


def _is_bmp(head: bytes) -> bool:
    """Return whether the file is a BMP.

    Two letters prove little, so the size of the second header and its number of planes must fit as well.
    """
    if head[:2] != b"BM" or len(head) < 30:
        return False
    header = int.from_bytes(head[14:18], "little")
    planes = head[22:24] if header == 12 else head[26:28]
    return header in {12, 40, 52, 56, 64, 108, 124} and planes == b"\x01\x00"


def _is_pdf(head: bytes) -> bool:
    """Return whether the file is a PDF.

    A PDF's header may come after garbage, and a damaged file may have lost it but still show a PDF's objects. Content that
    begins as another format is not a PDF, whatever follows.
    """
    if head.startswith(b"%PDF-"):
        return True
    return _guess_beside_pages(head) in {None, "text"} and bool(_PDF_TRACE.search(head))


def _guess_beside_pages(head: bytes) -> str | None:
    """Return what content that is neither a PDF nor a supported image seems to be. None if it cannot be detected."""
    for magic, name in _OTHER_MAGICS:
        if head.startswith(magic):
            return name
    if head.startswith(_OLE_MAGIC):
        return next((name for sign, name in _OLE_SIGNS if sign.encode("utf-16-le") in head), _OLE)
    if head[257:262] == b"ustar":
        return "tar"
    if head[:2] == b"MZ" and b"\x00" in head[:64]:
        return "program"
    if head.startswith(_ZIP_MAGICS):
        return next((name for sign, name in _ZIP_SIGNS if sign in head), "zip")
    if head[4:8] == b"ftyp":
        return _guess_heif(head)
    return _guess_text_format(head)


def _guess_heif(head: bytes) -> str | None:
    """Return ``avif`` or ``heif`` by the brands of a file that begins as one of them. None for a video."""
    brands = {head[at : at + 4] for at in (8, *range(16, min(int.from_bytes(head[:4], "big"), 256), 4))}
    if brands & {b"avif", b"avis"}:
        return "avif"
    return "heif" if brands & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"} else None


def _guess_text_format(head: bytes) -> str | None:
    """Return the text format of the content. None if it is not text."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head[: len(head) & ~1].decode("utf-16", "replace").encode("utf-8", "replace")
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _SVG.match(text):
        return "svg"
    if _HTML.match(text):
        return "html"
    if _FLAT_OFFICE in text and (name := next((name for sign, name in _FLAT_SIGNS if sign in text), None)):
        return name
    if text.lstrip().startswith(b"<?xml"):
        return "xml"
    if _MAIL.match(text):
        return "mhtml" if _WEB_ARCHIVE.search(text) else "mail"
    return "text" if _is_text(text) else None


def _is_text(head: bytes) -> bool:
    """Return whether the content is printable UTF-8."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a character may be cut in two by the end of the head
            return False
        text = head[: error.start].decode("utf-8")
    return all(char.isprintable() or char in "\t\n\r\f" for char in text)


def _is_old_text(head: bytes) -> bool:
    """Return whether the content may be text in UTF-16 or in an older encoding: it has hardly any control characters.

    A stray NUL or two do not make a file another one: programs leave them behind.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    zeros = sorted(head[start::2].count(0) for start in (0, 1))
    if zeros[1] > len(head) // 4 and zeros[0] < len(head) // 20:
        return True  # every second byte of Latin letters in UTF-16 is zero
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    return controls <= 1 + len(head) // MAX_CONTROLS_EACH


def _refusal_of(head: bytes, filename: str, readable: list[str]) -> UnsupportedFormat | ContentMismatch:
    """Return the error for content that is not read. It is a mismatch if the name promised a supported format."""
    content, claimed = _guess(head), claimed_format_of(filename)
    supported = ", ".join(readable)
    details = {"supported": readable, "looks_like": content, "filename": safe_filename(filename)}
    if claimed in SUPPORTED:
        seems = content or "not that"
        return ContentMismatch(
            f"The file is named like {claimed} but its content is {seems}. Supported formats: {supported}.", **details
        )
    seems = f"looks like {content}, which" if content else "is of no known kind, and"
    return UnsupportedFormat(f"The file {seems} is not read. Send one of: {supported}.", **details)


def claimed_format_of(filename: str) -> str | None:
    """Return the format of the name's last extension. None if it has none or an unknown one."""
    suffix = PurePosixPath(safe_filename(filename)).suffix.lower()
    by_extension = {extension: found.name for found in SUPPORTED.values() for extension in found.extensions}
    return by_extension.get(suffix) or _OTHER_EXTENSIONS.get(suffix)


def _is_consistent(claimed: str, found: Format) -> bool:
    """Return whether the name's format agrees with the content.

    An image format under another's name is harmless and common; a PDF under an image's name is not. Office files that are one
    XML file are named so.
    """
    if claimed == "xml" and found.name in _OFFICE_FORMATS:
        return True
    if claimed == found.name or claimed in _DISGUISES.get(found.name, ()):
        return True
    return claimed in SUPPORTED and SUPPORTED[claimed].kind == found.kind == "image"


def safe_filename(raw: str) -> str:
    """Return a name to show and to send in headers: no path, no control or direction characters, at most 255 bytes of UTF-8.

    Never empty, never ``.`` or ``..``. A name that is shortened keeps its extension.
    """
    text = raw.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be stored
    text = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    text = "".join(" " if unicodedata.category(char) in {"Zl", "Zp"} else char for char in text if not _is_hidden(char))
    text = unicodedata.normalize("NFC", text).strip()
    stem, dot, extension = text.rpartition(".")
    if not stem.strip(". "):
        stem = _FALLBACK_NAME if dot and extension else extension.strip(". ") or _FALLBACK_NAME
        text = f"{stem}.{extension}" if dot and extension else stem
    return _shorten(text)


def name_within(filename: str) -> str:
    """Return the name of the file in a packed one, such as ``report.pdf`` for ``report.pdf.gz``."""
    name = safe_filename(filename)
    stem, _, extension = name.rpartition(".")
    return stem if stem and f".{extension.lower()}" in _PACKED_EXTENSIONS else name


def _is_hidden(char: str) -> bool:
    """Return whether a character is not shown as itself.

    Control characters (also NUL and line ends), and characters that turn the direction of writing or show nothing.
    """
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _shorten(name: str) -> str:
    """Return a file name of at most _MAX_NAME_BYTES bytes that keeps its extension."""
    encoded = name.encode("utf-8")
    if len(encoded) <= _MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    ending = (dot + extension).encode("utf-8") if stem else b""
    if len(ending) > 32:  # too long for an extension
        ending = b""
    return (
        encoded[: _MAX_NAME_BYTES - len(ending)].decode("utf-8", "ignore").rstrip() + ending.decode("utf-8")
    ) or _FALLBACK_NAME
