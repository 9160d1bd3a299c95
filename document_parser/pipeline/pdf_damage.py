"""Find damaged data in a PDF: qpdf (pikepdf) names the streams of a page, and each is checked once. Runs in the opener child.

PDFium draws what it can of a damaged page and reports no error. A page is checked along what it paints: its contents, the
forms and pictures that they call, and its fonts. What no content stream calls is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pikepdf

from document_parser.models import Damage, DamagedPart
from document_parser.pipeline import stream_checks
from document_parser.pipeline.stream_checks import Checked, Fault

MAX_FORM_DEPTH = 6
MAX_PARTS = 500
"""Forms and pictures of a page that are looked at."""
MAX_DAMAGE = 20
"""Damaged parts that are told of a page."""

_CALL = re.compile(rb"/([^\s/\[\]<>(){}%]+)\s+Do\b")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
# What puts something onto a page (ISO 32000-1, annex A): paths painted, texts shown, shadings and pictures in the contents.
_PAINTS = re.compile(rb"(?:^|[\s\])>])(?:Tj|TJ|'|\"|sh|EI|[fFS]|f\*|[bB]\*?|s)(?=[\s/\[(<]|$)")
_PATTERN = re.compile(rb"/([^\s/\[\]<>(){}%]+)\s+(?:scn|SCN)\b")
_SHORT_NAMES = {"/Fl": "/FlateDecode", "/A85": "/ASCII85Decode", "/DCT": "/DCTDecode", "/CCF": "/CCITTFaxDecode",
                "/AHx": "/ASCIIHexDecode", "/LZW": "/LZWDecode", "/RL": "/RunLengthDecode"}  # fmt: skip
_COMPONENTS = {"/DeviceGray": 1, "/DeviceRGB": 3, "/DeviceCMYK": 4, "/CalGray": 1, "/CalRGB": 3, "/Lab": 3, "/Indexed": 1,
               "/Separation": 1, "/G": 1, "/RGB": 3, "/CMYK": 4, "/I": 1}  # fmt: skip
_INLINE = re.compile(rb"(?:^|\s)BI\s([^()]{0,1000}?)\sID(?:\r\n|\s)", re.DOTALL)
_INLINE_END = re.compile(rb"\sEI(?=\s|$)")
_MOST_ENDS = 3
_LONG_KEYS = {"/W": "/Width", "/H": "/Height", "/BPC": "/BitsPerComponent", "/CS": "/ColorSpace", "/F": "/Filter",
              "/DP": "/DecodeParms", "/IM": "/ImageMask"}  # fmt: skip
_HIDDEN = 2
"""Of an annotation's flags."""
_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_FAULTS = (pikepdf.PdfError, pikepdf.DataDecodingError, ValueError, TypeError, AttributeError, KeyError, IndexError,
           RuntimeError, OverflowError)  # fmt: skip
"""What pikepdf raises for objects that are not what they should be."""


class PdfStreams:
    """The streams of a PDF, checked page by page. Pages count from 1.

    A file that qpdf cannot open has no damage that can be found.
    """

    def __init__(self, path: Path, password: str | None) -> None:
        self._path = path
        self._password = password
        self._pdf: pikepdf.Pdf | None = None
        self._opened = False
        self._promised: int | None = None
        self._known: dict[tuple[int, int], list[Damage]] = {}

    def damage(self, number: int) -> list[Damage]:
        """What of a page's data is damaged; no more than MAX_DAMAGE parts."""
        page = self._page(number)
        found = [] if page is None else _PageCheck(page, self._known).run()
        return [*(self._missing_pages() if number == 1 else []), *found][:MAX_DAMAGE]

    def _missing_pages(self) -> list[Damage]:
        """Pages that the root of the page tree counts and that are not there; told of the first page."""
        try:
            there = 0 if self._pdf is None else len(self._pdf.pages)
        except _FAULTS:  # a tree of pages that leads back to itself
            return []
        if self._pdf is None or self._promised is None or self._promised <= there:
            return []
        return [Damage(part="pages", fault="missing", decoded=there, promised=self._promised, unit="pages")]

    def paints(self, number: int) -> bool:
        """Whether the contents of a page, or the forms that they call, call for something to be painted."""
        page = self._page(number)
        if page is None:
            return False
        check = _PageCheck(page, self._known)
        check.run()
        return check.paints

    def _page(self, number: int) -> Any:
        if not self._opened:
            self._opened = True
            self._pdf = open_pdf(self._path, self._password)
            self._promised = _pages_promised(self._pdf)  # qpdf corrects the number once it has gone through the pages
        try:
            return None if self._pdf is None else self._pdf.pages[number - 1]
        except _FAULTS:
            return None


def open_pdf(path: Path, password: str | None) -> pikepdf.Pdf | None:
    """Open a PDF with qpdf, which rebuilds a broken cross-reference table; None if it cannot."""
    try:
        return pikepdf.open(path, password=password or "", suppress_warnings=True, inherit_page_attributes=False)
    except (*_FAULTS, pikepdf.PasswordError, OSError):
        return None


def _pages_promised(pdf: pikepdf.Pdf | None) -> int | None:
    try:
        return None if pdf is None else min(int(pdf.Root.Pages.Count), 1 << 31)
    except _FAULTS:
        return None


class _PageCheck:
    """One page. ``paints`` tells, once it has run, whether its contents or their forms paint something."""

    def __init__(self, page: Any, known: dict[tuple[int, int], list[Damage]]) -> None:
        self._page = page
        self._known = known
        self._seen: set[tuple[int, int]] = set()
        self._found: list[Damage] = []
        self.paints = False

    def run(self) -> list[Damage]:
        self._found, self._seen, self.paints = [], set(), False
        try:
            contents = self._page_contents()
            resources = self._page.resources
        except _FAULTS:
            return self._found
        self._check_painted(contents, resources, 0)
        paints = self.paints
        self._check_fonts(resources)
        self._check_annotations()
        self.paints = paints  # an annotation is no part of the contents
        return self._found

    def _page_contents(self) -> bytes:
        entries = self._page.obj.as_dict()
        if "/Contents" not in entries:
            return b""
        contents = entries["/Contents"]
        parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
        return b"\n".join(self._content_of(part, "contents") for part in parts)

    def _content_of(self, stream: Any, part: DamagedPart) -> bytes:
        """The decoded bytes of a content stream, as far as they decode."""
        if not isinstance(stream, pikepdf.Stream):
            self._add(part, "missing")
            return b""
        data, damage = decode_content(stream, part)
        self._found += damage
        return data

    def _check_painted(self, contents: bytes, resources: Any, depth: int) -> None:
        """Check what contents call, paint with, and have in themselves."""
        for called in self._named(_CALL, contents, resources, "/XObject"):
            if len(self._seen) < MAX_PARTS:
                self._check_called(called, resources, depth)
        for pattern in self._named(_PATTERN, contents, resources, "/Pattern"):
            if isinstance(pattern, pikepdf.Stream) and len(self._seen) < MAX_PARTS:
                self._check_called(pattern, resources, depth)
        self.paints = self.paints or bool(_PAINTS.search(contents))
        self._found += inline_damage(contents)

    def _named(self, pattern: re.Pattern[bytes], contents: bytes, resources: Any, kind: str) -> Iterator[Any]:
        """What contents name of a kind of resource, with the page's where a form has none; None for what there is not."""
        if names := dict.fromkeys(pattern.findall(contents)):
            entries = {**_entries(self._page.resources, kind), **_entries(resources, kind)}
            for name in names:
                unescaped = _ESCAPE.sub(lambda code: bytes([int(code[1], 16)]), name)
                yield entries.get("/" + unescaped.decode("utf-8", "surrogateescape"))

    def _check_annotations(self) -> None:
        annotations = self._page.obj.get("/Annots")
        for annotation in list(annotations)[:MAX_PARTS] if isinstance(annotations, pikepdf.Array) else []:
            try:
                shown: Any = annotation.AP.N
                shown = shown if isinstance(shown, pikepdf.Stream) else shown.get(str(annotation.AS))
                hidden = int(annotation.get("/F", 0)) & _HIDDEN
            except _FAULTS:
                continue
            if isinstance(shown, pikepdf.Stream) and not hidden:
                self._check_called(shown, self._page.resources, 0)

    def _check_called(self, called: Any, resources: Any, depth: int) -> None:
        if not isinstance(called, pikepdf.Stream):
            self._add("object", "missing")
            return
        if called.objgen in self._seen:
            return
        self._seen.add(called.objgen)
        if called.get("/Subtype") == "/Image":
            self.paints = True
            self._found += self._once(called, _check_image)
            if isinstance(mask := called.get("/SMask"), pikepdf.Stream):
                self._found += self._once(mask, _check_image)
        elif depth < MAX_FORM_DEPTH:
            own = called.get("/Resources", resources)
            self._check_painted(self._content_of(called, "form"), own, depth + 1)
            if own is not resources:
                self._check_fonts(own)

    def _check_fonts(self, resources: Any) -> None:
        for font in _entries(resources, "/Font").values():
            if isinstance(font, pikepdf.Dictionary):
                self._found += self._once(font, _check_font) if font.is_indirect else _check_font(font)

    def _once(self, stream: Any, check: Any) -> list[Damage]:
        """What is wrong with a stream; a document's pages share many."""
        key = stream.objgen
        if key not in self._known:
            try:
                self._known[key] = check(stream)
            except _FAULTS:
                self._known[key] = []
        return self._known[key]

    def _add(self, part: DamagedPart, fault: Fault) -> None:
        self._found.append(Damage(part=part, fault=fault or "missing"))


def decode_content(stream: Any, part: DamagedPart) -> tuple[bytes, list[Damage]]:
    """The bytes of a content stream, and what is wrong with them."""
    data, filters = stream.read_raw_bytes(), filters_of(stream)
    if not data and (not filters or stream.get("/Length") == 0):
        return b"", []
    for place, name in enumerate(filters):
        undone = _undo(stream, place, name, data)
        if undone is None or not undone.whole:
            return _decode_with_qpdf(stream, part, name)
        data = undone.data
        fault: Fault = undone.fault or ("" if undone.ended or place < len(filters) - 1 else "cut")
        if fault:
            return data, [_damage(part, Checked(fault, undone.size), name, "bytes")]
    if any(_parameters(stream, place).get("/Predictor", 1) != 1 for place in range(len(filters))):
        return _decode_with_qpdf(stream, part, filters[0])
    return data, []


def _undo(stream: Any, place: int, name: str, data: bytes) -> stream_checks.Inflated | None:
    early_change = _parameters(stream, place).get("/EarlyChange", 1) != 0
    return stream_checks.undo(name, data, keep=True, early_change=early_change)


def _decode_with_qpdf(stream: Any, part: DamagedPart, name: str) -> tuple[bytes, list[Damage]]:
    try:
        return stream.read_bytes(pikepdf.StreamDecodeLevel.specialized), []
    except _FAULTS:
        return b"", [_damage(part, Checked("undecodable"), name, "bytes")]


def _check_font(font: Any) -> list[Damage]:
    """Check what says which letters a font has; of a Type 3 font, the contents that draw them."""
    found = []
    glyphs = font.get("/CharProcs")
    for glyph in list(glyphs.as_dict().values())[:MAX_PARTS] if isinstance(glyphs, pikepdf.Dictionary) else []:
        if isinstance(glyph, pikepdf.Stream):
            data, damage = decode_content(glyph, "font")
            found += damage or inline_damage(data)
    for stream in _font_streams(font):
        if filters_of(stream) == ["/FlateDecode"]:
            inflated = stream_checks.inflate(stream.read_raw_bytes(), keep=False)
            if inflated.fault:
                found.append(_damage("font", Checked(inflated.fault, inflated.size), "Flate", "bytes"))
    return found


def _font_streams(font: Any) -> Iterator[Any]:
    """What decides which letters a font has and how they look."""
    candidates = [font.get("/ToUnicode")]
    descendants = font.get("/DescendantFonts")
    owners = [font, *(descendants if isinstance(descendants, pikepdf.Array) else [])]
    for owner in owners:
        descriptor = owner.get("/FontDescriptor") if isinstance(owner, pikepdf.Dictionary) else None
        if isinstance(descriptor, pikepdf.Dictionary):
            candidates += [descriptor.get(name) for name in _FONT_FILES]
    yield from (stream for stream in candidates if isinstance(stream, pikepdf.Stream))


def _check_image(image: Any) -> list[Damage]:
    filters = filters_of(image)
    width, height = int(image.get("/Width", 0)), int(image.get("/Height", 0))
    raw, last = image.read_raw_bytes(), filters[-1] if filters else ""
    if not raw:
        return [Damage(part="picture", fault="missing", decoded=0, promised=height, unit="rows")]
    for place, name in enumerate(filters[:-1]):  # what lies around the picture's own code
        undone = _undo(image, place, name, raw)
        if undone is None or not undone.whole:
            return []
        if undone.fault:
            return [_damage("picture", Checked(undone.fault, undone.size), name, "bytes")]
        raw = undone.data
    checked, unit = _check_pixels(image, last, raw, width, height)
    return [_damage("picture", checked, last, unit)] if checked.fault else []


def inline_damage(contents: bytes) -> list[Damage]:
    """What of the images that lie in contents themselves does not decode (ISO 32000-1, 8.9.7)."""
    found: list[Damage] = []
    for begun in islice(_INLINE.finditer(contents), MAX_PARTS):
        try:
            keys = pikepdf.Object.parse(b"<<" + begun[1] + b">>").as_dict()
            entries = {_LONG_KEYS.get(key, key): value for key, value in keys.items()}
            if "/Width" in entries and "/Height" in entries:
                found += _check_inline(entries, contents, begun.end())
        except _FAULTS:
            continue
    return found


def _check_inline(entries: dict[str, Any], contents: bytes, start: int) -> list[Damage]:
    """Nothing says how long the data is, and it may have ``EI`` in it: it is sound if it is so up to one of the next."""
    first: list[Damage] | None = None
    for end in islice(_INLINE_END.finditer(contents, start), _MOST_ENDS):
        damage = _check_image(_Inline(entries, contents[start : end.start()]))
        if not damage:
            return []
        first = damage if first is None else first
    return first or []


class _Inline:
    """An image in contents, with what is asked of a stream."""

    def __init__(self, entries: dict[str, Any], data: bytes) -> None:
        self.get = entries.get
        self._data = data

    def read_raw_bytes(self) -> bytes:
        return self._data


def _check_pixels(image: Any, name: str, raw: bytes, width: int, height: int) -> tuple[Checked, Any]:
    parameters = _parameters(image, len(filters_of(image)) - 1)
    match name:
        case "/DCTDecode":
            return stream_checks.check_jpeg(raw), "rows"
        case "/JPXDecode":
            return stream_checks.check_jpeg2000(raw), "percent"
        case "/CCITTFaxDecode":
            columns, k = int(parameters.get("/Columns", 1728)), int(parameters.get("/K", 0))
            aligned = bool(parameters.get("/EncodedByteAlign", False))
            return stream_checks.check_fax(raw, columns, height, k, aligned=aligned), "rows"
        case "":
            return _count_rows("", len(raw), image, parameters, width, height)
    early_change = parameters.get("/EarlyChange", 1) != 0
    undone = stream_checks.undo(name, raw, keep=False, early_change=early_change)
    if undone is None:
        return Checked(), "rows"
    return _count_rows(undone.fault, undone.size if undone.whole else None, image, parameters, width, height)


def _count_rows(fault: Fault, size: int | None, image: Any, parameters: Any, width: int, height: int) -> tuple[Checked, Any]:
    """The rows that so many bytes make, against those promised; bytes if the colour space does not say how long a row is."""
    components = _components(image)
    if size is None or not components or min(width, height) <= 0:
        return Checked(fault, size), "bytes"
    bits = 1 if image.get("/ImageMask", False) else int(image.get("/BitsPerComponent", 8))
    row = -(-width * components * bits // 8) + (1 if int(parameters.get("/Predictor", 1)) >= 10 else 0)
    rows = min(height, size // row)
    return Checked(fault or ("cut" if rows < height else ""), rows, height), "rows"


def _components(image: Any) -> int | None:
    """Numbers a pixel has; None if that cannot be told."""
    if image.get("/ImageMask", False):
        return 1
    space = image.get("/ColorSpace")
    name = str(space[0]) if isinstance(space, pikepdf.Array) and len(space) else str(space)
    if name == "/ICCBased":
        return int(space[1].get("/N", 0)) or None
    return len(space[1]) if name == "/DeviceN" else _COMPONENTS.get(name)


def filters_of(stream: Any) -> list[str]:
    """The names of a stream's filters in the order in which they are to be undone."""
    found = stream.get("/Filter")
    names = [] if found is None else [str(name) for name in found] if isinstance(found, pikepdf.Array) else [str(found)]
    return [_SHORT_NAMES.get(name, name) for name in names]


def _parameters(stream: Any, place: int) -> Any:
    """The parameters of the filter at this place; empty if it has none."""
    found = stream.get("/DecodeParms", stream.get("/DP"))
    if isinstance(found, pikepdf.Array):
        found = found[place] if 0 <= place < len(found) else None
    return found if isinstance(found, pikepdf.Dictionary) else {}


def _entries(resources: Any, kind: str) -> dict[str, Any]:
    found = resources.get(kind) if isinstance(resources, pikepdf.Dictionary) else None
    return dict(found.as_dict()) if isinstance(found, pikepdf.Dictionary) else {}


def _damage(part: DamagedPart, checked: Checked, name: str, unit: Any) -> Damage:
    return Damage(
        part=part,
        fault=checked.fault or "undecodable",
        encoding=name.removeprefix("/").removesuffix("Decode")[:20],
        decoded=checked.decoded,
        promised=checked.promised,
        unit=unit,
        decoder=checked.message[:120],
    )
