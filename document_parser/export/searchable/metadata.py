"""The metadata of a searchable PDF that claims to be PDF/A-2b: XMP, and the colour space of its output."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from document_parser.version import __version__

PRODUCER = f"document-parser {__version__}"
_ICC_VERSION, _ICC_DATE, _ICC_ID = slice(8, 10), slice(24, 36), slice(84, 100)
"""Where a profile says of which version it is, when it was made, and what its hash is (zeros if it is not known)."""
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<pdfaid:part>2</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
{properties}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
_PROPERTIES = {
    "Title": '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:title>',
    "Author": "<dc:creator><rdf:Seq><rdf:li>{}</rdf:li></rdf:Seq></dc:creator>",
    "Subject": '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>',
    "Keywords": "<pdf:Keywords>{}</pdf:Keywords>",
    "Creator": "<xmp:CreatorTool>{}</xmp:CreatorTool>",
    "Producer": "<pdf:Producer>{}</pdf:Producer>",
}
"""The XMP property of each entry of the document information dictionary."""
KEPT_ENTRIES = frozenset(_PROPERTIES)


def archival_metadata(entries: Mapping[str, str]) -> bytes:
    """Return the XMP of a PDF/A-2b with these entries of the document information dictionary, named without a slash."""
    properties = [form.format(escape(entries[name], quote=False)) for name, form in _PROPERTIES.items() if entries.get(name)]
    return _XMP.format(properties="\n".join(properties)).encode()


def printable(text: str) -> str:
    """Return a text without what XML forbids, in one line."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB, always the same bytes.

    It is made as version 4.4 of elements that 4.2 has, and says so: PDF/A-2 knows profiles up to that version.
    """
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_ICC_VERSION], profile[_ICC_ID] = b"\x04\x20", bytes(16)
    profile[_ICC_DATE] = b"".join(number.to_bytes(2, "big") for number in (2024, 1, 1, 0, 0, 0))
    return bytes(profile)
