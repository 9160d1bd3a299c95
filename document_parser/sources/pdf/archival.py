"""Check whether a scanned PDF may be called PDF/A-2b, by rules that are stricter than the standard. Runs in the opener child.

Source: ISO 19005-2, conformance level B. Only what scans are made of is looked at: images, paths, and the forms that hold them.
Anything else, a visible font for instance, is an obstacle, although PDF/A may allow it: it would take a validator to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pikepdf
from pikepdf import Dictionary, Name

from document_parser.export.searchable.document import TEXT

MAX_CONTENT_BYTES = 1 << 20
"""Bytes of a page's contents that are looked at; more are an obstacle."""
_CATALOG = frozenset({
    "/Type", "/Pages", "/Version", "/Lang", "/Outlines", "/PageMode", "/PageLayout", "/Metadata", "/ViewerPreferences",
    "/PageLabels", "/OutputIntents",
})  # fmt: skip
"""Entries of the catalog that neither run nor show anything that PDF/A does not know."""
_PAGE = frozenset({
    "/Type", "/Parent", "/Resources", "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Contents", "/Rotate",
    "/UserUnit", "/Annots", "/Thumb", "/LastModified", "/StructParents", "/Tabs",
})  # fmt: skip
"""Entries of a page that are no obstacle."""
_OPERATORS = frozenset({
    "q", "Q", "cm", "w", "J", "j", "M", "d", "m", "l", "c", "v", "y", "h", "re", "S", "s", "f", "F", "f*", "B", "B*", "b",
    "b*", "n", "W", "W*", "g", "G", "rg", "RG", "Do", "BT", "ET", "Tr", "Tf", "Td", "Tm", "Tz", "Tj", "TJ", "TL", "T*",
    "Tc", "Tw", "Ts", "BMC", "BDC", "EMC", "MP", "DP",
})  # fmt: skip
"""Operators of contents that are no obstacle; those of colours are of DeviceGray and DeviceRGB alone."""
_SHOWING = frozenset({"Tj", "TJ"})
_FILTERS = frozenset({
    "/DCTDecode", "/CCITTFaxDecode", "/JBIG2Decode", "/FlateDecode", "/RunLengthDecode", "/ASCII85Decode",
    "/ASCIIHexDecode",
})  # fmt: skip
_SPACES = frozenset({"/DeviceGray", "/DeviceRGB"})
_BASED_SPACES = frozenset({"/Indexed", "/CalGray", "/CalRGB"})
_IMAGE = frozenset({
    "/Type", "/Subtype", "/Width", "/Height", "/ColorSpace", "/BitsPerComponent", "/Filter", "/DecodeParms", "/Length",
    "/ImageMask", "/Mask", "/SMask", "/Decode", "/Name", "/Interpolate", "/Intent", "/Metadata",
})  # fmt: skip
_MAX_NESTING = 26
"""Levels of q that are no obstacle, with ours around them."""


def claims_archival(pdf: pikepdf.Pdf) -> bool:
    """Return whether the file says itself that it is PDF/A of some level."""
    metadata = pdf.Root.get("/Metadata")
    return isinstance(metadata, pikepdf.Stream) and b"pdfaid" in metadata.read_bytes()


def find_obstacles(pdf: pikepdf.Pdf) -> list[str]:
    """Return why the document must not be called PDF/A-2b; empty if nothing speaks against it. Raises pikepdf.PdfError."""
    found = [f"catalog {name}" for name in pdf.Root.keys() if name not in _CATALOG]  # noqa: SIM118 - no mapping
    for number, page in enumerate(pdf.pages, 1):
        if found:
            break
        found += (f"page {number}: {reason}" for reason in _obstacles_of_page(page))
    return found


def _obstacles_of_page(page: pikepdf.Page) -> Iterator[str]:
    """Yield why a page is no plain scan."""
    yield from (name for name in page.obj.keys() if name not in _PAGE)  # noqa: SIM118
    box = [float(edge) for edge in page.mediabox]
    if not all(3 <= side <= 14400 for side in (box[2] - box[0], box[3] - box[1])):
        yield "size"
    for annotation in page.obj.get("/Annots", ()):
        if annotation.get("/Subtype") != Name.Link or "/AP" in annotation or not int(annotation.get("/F", 0)) & 4:
            yield "annotation"
        elif "/A" in annotation and annotation.A.get("/S") not in (Name.URI, Name.GoTo):
            yield "action"
    yield from _obstacles_of_contents(page, page.obj.get("/Resources", Dictionary()), depth=0)


def _obstacles_of_contents(contents: pikepdf.Page | pikepdf.Object, resources: pikepdf.Object, depth: int) -> Iterator[str]:
    """Yield why the contents of a page or form are not those of a plain scan."""
    if depth > 4:
        yield "nested forms"
        return
    if _length_of(contents) > MAX_CONTENT_BYTES:
        yield "long contents"
        return
    nesting, mode = 0, 0
    forms: set[str] = set()
    for operands, operator in ((one.operands, str(one.operator)) for one in pikepdf.parse_content_stream(contents)):
        nesting += (operator == "q") - (operator == "Q")
        if operator == "Tr":
            mode = int(operands[0])
        if operator == "Do":
            forms.add(str(operands[0]))
        if operator not in _OPERATORS or nesting > _MAX_NESTING or (operator in _SHOWING and mode != 3):
            yield f"operator {operator}"
            return
        if operator == "Tf":
            yield "font"  # of an earlier OCR; it may not be embedded
    images = resources.get("/XObject", Dictionary())
    for name in sorted(forms):
        if name.startswith(str(TEXT)):
            continue
        if name not in images:
            yield f"no {name}"
        elif images[name].get("/Subtype") == Name.Form:
            yield from (f"form {key}" for key in images[name].keys() if key in ("/OPI", "/PS", "/Ref", "/OC", "/Group"))  # noqa: SIM118
            yield from _obstacles_of_contents(images[name], images[name].get("/Resources", resources), depth + 1)
        else:
            yield from _obstacles_of_image(images[name])


def _length_of(contents: pikepdf.Page | pikepdf.Object) -> int:
    """Return the bytes of contents, as they are stored."""
    if not isinstance(contents, pikepdf.Page):
        return int(contents.get("/Length", 0))
    streams = contents.obj.get("/Contents", ())
    parts: Iterable[pikepdf.Object] = [streams] if isinstance(streams, pikepdf.Stream) else streams
    return sum(int(part.get("/Length", 0)) for part in parts)


def _obstacles_of_image(image: pikepdf.Object) -> Iterator[str]:
    """Yield what of an image PDF/A-2b does not allow, or what is not known to be allowed."""
    yield from (f"image {name}" for name in image.keys() if name not in _IMAGE)  # noqa: SIM118
    filters = image.get("/Filter", ())
    for name in [filters] if isinstance(filters, Name) else filters:
        if str(name) not in _FILTERS:
            yield f"filter {name}"
    if bool(image.get("/Interpolate", False)):
        yield "interpolation"
    if int(image.get("/BitsPerComponent", 1)) not in (1, 2, 4, 8, 16):
        yield "bits"
    if not bool(image.get("/ImageMask", False)):
        yield from _obstacles_of_space(image.get("/ColorSpace"))
    for mask in ("/Mask", "/SMask"):
        if isinstance(image.get(mask), pikepdf.Stream):
            yield from _obstacles_of_image(image[mask])


def _obstacles_of_space(space: pikepdf.Object | None) -> Iterator[str]:
    """Yield what speaks against a colour space."""
    if isinstance(space, Name):
        if str(space) not in _SPACES:
            yield f"colours {space}"
        return
    kind = str(space[0]) if isinstance(space, pikepdf.Array) and len(space) else ""
    if kind == "/ICCBased":
        head = space[1].read_bytes()[:132]  # type: ignore[index]
        if len(head) < 132 or head[36:40] != b"acsp" or head[8] > 4 or head[16:20] not in (b"RGB ", b"GRAY"):
            yield "colour profile"
    elif kind == "/Indexed":
        yield from _obstacles_of_space(space[1])  # type: ignore[index]
    elif kind not in _BASED_SPACES:
        yield f"colours {kind}"
