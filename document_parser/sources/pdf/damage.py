"""Find damaged data in a PDF: qpdf (pikepdf) lists the streams of a page, and each is checked once. Runs in the opener child.

PDFium draws what it can of a damaged page and reports no error. A page is checked along what it paints: its contents, the forms
and images that they call, and its fonts. What no content stream calls is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pikepdf

from document_parser.models import Damage, DamagedPart
from document_parser.sources.pdf import stream_checks
from document_parser.sources.pdf.stream_checks import CheckResult, Fault

MAX_FORM_DEPTH = 6
"""Forms within forms that are checked."""
MAX_PARTS = 500
"""Forms and images of a page that are checked."""
MAX_DAMAGE = 20
"""Damaged parts of a page that are reported."""

_CALL = re.compile(rb"/([^\s/\[\]<>(){}%]+)\s+Do\b")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
# Operators that paint (ISO 32000-1, annex A): paths, texts, shadings and images in the contents.
_PAINTS = re.compile(rb"(?:^|[\s\])>])(?:Tj|TJ|'|\"|sh|EI|[fFS]|f\*|[bB]\*?|s)(?=[\s/\[(<]|$)")
_PATTERN = re.compile(rb"/([^\s/\[\]<>(){}%]+)\s+(?:scn|SCN)\b")
_SHORT_NAMES = {"/Fl": "/FlateDecode", "/A85": "/ASCII85Decode", "/DCT": "/DCTDecode", "/CCF": "/CCITTFaxDecode",
                "/AHx": "/ASCIIHexDecode", "/LZW": "/LZWDecode", "/RL": "/RunLengthDecode"}  # fmt: skip
_COMPONENTS = {"/DeviceGray": 1, "/DeviceRGB": 3, "/DeviceCMYK": 4, "/CalGray": 1, "/CalRGB": 3, "/Lab": 3, "/Indexed": 1,
               "/Separation": 1, "/G": 1, "/RGB": 3, "/CMYK": 4, "/I": 1}  # fmt: skip
_INLINE = re.compile(rb"(?:^|\s)BI\s([^()]{0,1000}?)\sID(?:\r\n|\s)", re.DOTALL)
_INLINE_END = re.compile(rb"\sEI(?=\s|$)")
_MAX_INLINE_ENDS = 3
"""End marks of an inline image that are tried."""
_LONG_KEYS = {"/W": "/Width", "/H": "/Height", "/BPC": "/BitsPerComponent", "/CS": "/ColorSpace", "/F": "/Filter",
              "/DP": "/DecodeParms", "/IM": "/ImageMask"}  # fmt: skip
_HIDDEN_FLAG = 2
"""Of an annotation's flags."""
_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_REBUILDS = "Attempting to reconstruct cross-reference table"
"""In the warnings of qpdf for a file whose cross-reference table is broken or gone."""
_FAULTS = (pikepdf.PdfError, pikepdf.DataDecodingError, ValueError, TypeError, AttributeError, KeyError, IndexError,
           RuntimeError, OverflowError)  # fmt: skip
"""Raised by pikepdf for objects that are not what they should be."""


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
        self._broken_table = False
        self._known: dict[tuple[int, int], list[Damage]] = {}

    def damage(self, number: int) -> list[Damage]:
        """Return the damaged parts of a page's data, MAX_DAMAGE at most."""
        page = self._page(number)
        found = [] if page is None else _PageCheck(page, self._known).check()
        return [*(self._missing_pages() if number == 1 else []), *found][:MAX_DAMAGE]

    @property
    def has_broken_table(self) -> bool:
        """Return whether the objects of the file had to be found by searching all of it, as PDFium does without a word."""
        self._open_once()
        return self._broken_table

    @property
    def has_layers(self) -> bool:
        """Return whether the document has optional content, which its reader may switch on and off."""
        self._open_once()
        try:
            return self._pdf is not None and bool(len(self._pdf.Root.OCProperties.OCGs))
        except _FAULTS:
            return False

    def _missing_pages(self) -> list[Damage]:
        """Return pages that the root of the page tree counts and that are not there; reported with the first page."""
        try:
            there = 0 if self._pdf is None else len(self._pdf.pages)
        except _FAULTS:  # a page tree that leads back to itself
            return []
        if self._pdf is None or self._promised is None or self._promised <= there:
            return []
        return [Damage(part="pages", fault="missing", decoded=there, promised=self._promised, unit="pages")]

    def paints_anything(self, number: int) -> bool:
        """Return whether the contents of a page, or the forms that they call, paint something."""
        page = self._page(number)
        if page is None:
            return False
        check = _PageCheck(page, self._known)
        check.check()
        return check.paints

    def _page(self, number: int) -> Any:
        """Return a page's object; None if qpdf does not find it."""
        self._open_once()
        try:
            return None if self._pdf is None else self._pdf.pages[number - 1]
        except _FAULTS:
            return None

    def _open_once(self) -> None:
        """Open the file with qpdf, if it was not tried before."""
        if not self._opened:
            self._opened = True
            self._pdf = open_pdf(self._path, self._password)
            self._broken_table = self._pdf is not None and any(_REBUILDS in str(told) for told in self._pdf.get_warnings())
            self._promised = _count_promised_pages(self._pdf)  # qpdf corrects the number when it has visited the pages


def open_pdf(path: Path, password: str | None) -> pikepdf.Pdf | None:
    """Open a PDF with qpdf, which rebuilds a broken cross-reference table; None if it cannot."""
    try:
        return pikepdf.open(path, password=password or "", suppress_warnings=True, inherit_page_attributes=False)
    except (*_FAULTS, pikepdf.PasswordError, OSError):
        return None


def _count_promised_pages(pdf: pikepdf.Pdf | None) -> int | None:
    """Return the number of pages that the root of the page tree counts; None if it has none."""
    try:
        return None if pdf is None else min(int(pdf.Root.Pages.Count), 1 << 31)
    except _FAULTS:
        return None


class _PageCheck:
    """The check of one page. After ``check``, ``paints`` says whether its contents or their forms paint something."""

    def __init__(self, page: Any, known: dict[tuple[int, int], list[Damage]]) -> None:
        self._page = page
        self._known = known
        self._seen: set[tuple[int, int]] = set()
        self._found: list[Damage] = []
        self.paints = False

    def check(self) -> list[Damage]:
        """Check the page and return its damaged parts."""
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
        self.paints = paints  # an annotation is not part of the contents
        return self._found

    def _page_contents(self) -> bytes:
        """Return the page's contents, as far as they decode."""
        entries = self._page.obj.as_dict()
        if "/Contents" not in entries:
            return b""
        contents = entries["/Contents"]
        parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
        return b"\n".join(self._content_of(part, "contents") for part in parts)

    def _content_of(self, stream: Any, part: DamagedPart) -> bytes:
        """Return the decoded bytes of a content stream, as far as they decode."""
        if not isinstance(stream, pikepdf.Stream):
            self._add(part, "missing")
            return b""
        data, damage = decode_content(stream, part)
        self._found += damage
        return data

    def _check_painted(self, contents: bytes, resources: Any, depth: int) -> None:
        """Check what contents call, paint with, and hold themselves."""
        for called in self._find_named(_CALL, contents, resources, "/XObject"):
            if len(self._seen) < MAX_PARTS:
                self._check_called(called, resources, depth)
        for pattern in self._find_named(_PATTERN, contents, resources, "/Pattern"):
            if isinstance(pattern, pikepdf.Stream) and len(self._seen) < MAX_PARTS:
                self._check_called(pattern, resources, depth)
        self.paints = self.paints or bool(_PAINTS.search(contents))
        self._found += find_inline_damage(contents)

    def _find_named(self, pattern: re.Pattern[bytes], contents: bytes, resources: Any, kind: str) -> Iterator[Any]:
        """Yield the resources of one kind that contents name; None for those that do not exist.

        The page's resources count for a form that has none.
        """
        if names := dict.fromkeys(pattern.findall(contents)):
            entries = {**_entries(self._page.resources, kind), **_entries(resources, kind)}
            for name in names:
                unescaped = _ESCAPE.sub(lambda code: bytes([int(code[1], 16)]), name)
                yield entries.get("/" + unescaped.decode("utf-8", "surrogateescape"))

    def _check_annotations(self) -> None:
        """Check what the page's annotations show."""
        annotations = self._page.obj.get("/Annots")
        for annotation in list(annotations)[:MAX_PARTS] if isinstance(annotations, pikepdf.Array) else []:
            try:
                shown: Any = annotation.AP.N
                shown = shown if isinstance(shown, pikepdf.Stream) else shown.get(str(annotation.AS))
                hidden = int(annotation.get("/F", 0)) & _HIDDEN_FLAG
            except _FAULTS:
                continue
            if isinstance(shown, pikepdf.Stream) and not hidden:
                self._check_called(shown, self._page.resources, 0)

    def _check_called(self, called: Any, resources: Any, depth: int) -> None:
        """Check a form or an image that contents call."""
        if not isinstance(called, pikepdf.Stream):
            self._add("object", "missing")
            return
        if called.objgen in self._seen:
            return
        self._seen.add(called.objgen)
        if called.get("/Subtype") == "/Image":
            self.paints = True
            self._found += self._check_once(called, _check_image)
            if isinstance(mask := called.get("/SMask"), pikepdf.Stream):
                self._found += self._check_once(mask, _check_image)
        elif depth < MAX_FORM_DEPTH:
            own = called.get("/Resources", resources)
            self._check_painted(self._content_of(called, "form"), own, depth + 1)
            if own is not resources:
                self._check_fonts(own)

    def _check_fonts(self, resources: Any) -> None:
        """Check the fonts of some resources."""
        for font in _entries(resources, "/Font").values():
            if isinstance(font, pikepdf.Dictionary):
                self._found += self._check_once(font, _check_font) if font.is_indirect else _check_font(font)

    def _check_once(self, stream: Any, check: Any) -> list[Damage]:
        """Return the damage of a stream, checked once, as many pages of a document share it."""
        key = stream.objgen
        if key not in self._known:
            try:
                self._known[key] = check(stream)
            except _FAULTS:
                self._known[key] = []
        return self._known[key]

    def _add(self, part: DamagedPart, fault: Fault) -> None:
        """Note a damaged part."""
        self._found.append(Damage(part=part, fault=fault or "missing"))


def decode_content(stream: Any, part: DamagedPart) -> tuple[bytes, list[Damage]]:
    """Return the bytes of a content stream, as far as they decode, and their damage."""
    data, filters = stream.read_raw_bytes(), filters_of(stream)
    if not data and (not filters or stream.get("/Length") == 0):
        return b"", []
    for place, name in enumerate(filters):
        undone = _decode_filter(stream, place, name, data)
        if undone is None or not undone.whole:
            return _decode_with_qpdf(stream, part, name)
        data = undone.data
        fault: Fault = undone.fault or ("" if undone.ended or place < len(filters) - 1 else "cut")
        if fault:
            return data, [_damage(part, CheckResult(fault, undone.size), name, "bytes")]
    if any(_parameters(stream, place).get("/Predictor", 1) != 1 for place in range(len(filters))):
        return _decode_with_qpdf(stream, part, filters[0])
    return data, []


def _decode_filter(stream: Any, place: int, name: str, data: bytes) -> stream_checks.DecodedData | None:
    """Undo the filter at this place of a stream; None if its data is not decoded here."""
    early_change = _parameters(stream, place).get("/EarlyChange", 1) != 0
    return stream_checks.decode_filter(name, data, keep=True, early_change=early_change)


def _decode_with_qpdf(stream: Any, part: DamagedPart, name: str) -> tuple[bytes, list[Damage]]:
    """Decode a stream with qpdf."""
    try:
        return stream.read_bytes(pikepdf.StreamDecodeLevel.specialized), []
    except _FAULTS:
        return b"", [_damage(part, CheckResult("undecodable"), name, "bytes")]


def _check_font(font: Any) -> list[Damage]:
    """Check what defines which letters a font has; of a Type 3 font, the contents that draw them."""
    found = []
    glyphs = font.get("/CharProcs")
    for glyph in list(glyphs.as_dict().values())[:MAX_PARTS] if isinstance(glyphs, pikepdf.Dictionary) else []:
        if isinstance(glyph, pikepdf.Stream):
            data, damage = decode_content(glyph, "font")
            found += damage or find_inline_damage(data)
    for stream in _font_streams(font):
        if filters_of(stream) == ["/FlateDecode"]:
            inflated = stream_checks.inflate(stream.read_raw_bytes(), keep=False)
            if inflated.fault:
                found.append(_damage("font", CheckResult(inflated.fault, inflated.size), "Flate", "bytes"))
    return found


def _font_streams(font: Any) -> Iterator[Any]:
    """Yield the streams that define which letters a font has and how they look."""
    candidates = [font.get("/ToUnicode")]
    descendants = font.get("/DescendantFonts")
    owners = [font, *(descendants if isinstance(descendants, pikepdf.Array) else [])]
    for owner in owners:
        descriptor = owner.get("/FontDescriptor") if isinstance(owner, pikepdf.Dictionary) else None
        if isinstance(descriptor, pikepdf.Dictionary):
            candidates += [descriptor.get(name) for name in _FONT_FILES]
    yield from (stream for stream in candidates if isinstance(stream, pikepdf.Stream))


def _check_image(image: Any) -> list[Damage]:
    """Check the data of an image."""
    filters = filters_of(image)
    width, height = int(image.get("/Width", 0)), int(image.get("/Height", 0))
    raw, last = image.read_raw_bytes(), filters[-1] if filters else ""
    if not raw:
        return [Damage(part="picture", fault="missing", decoded=0, promised=height, unit="rows")]
    for place, name in enumerate(filters[:-1]):  # the filters around the image's own encoding
        undone = _decode_filter(image, place, name, raw)
        if undone is None or not undone.whole:
            return []
        if undone.fault:
            return [_damage("picture", CheckResult(undone.fault, undone.size), name, "bytes")]
        raw = undone.data
    checked, unit = _check_pixels(image, last, raw, width, height)
    return [_damage("picture", checked, last, unit)] if checked.fault else []


def find_inline_damage(contents: bytes) -> list[Damage]:
    """Return the damage of the images inside contents themselves.

    Source: ISO 32000-1, 8.9.7.
    """
    found: list[Damage] = []
    if b"BI" not in contents:  # a search for these two letters costs a tenth of the other
        return found
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
    """Check an inline image.

    Nothing declares the length of its data, and the data may contain ``EI``: it is sound if it is sound up to one of the next
    marks.
    """
    first: list[Damage] | None = None
    for end in islice(_INLINE_END.finditer(contents, start), _MAX_INLINE_ENDS):
        damage = _check_image(_InlineImage(entries, contents[start : end.start()]))
        if not damage:
            return []
        first = damage if first is None else first
    return first or []


class _InlineImage:
    """An image inside contents, with the methods of a stream that are used here."""

    def __init__(self, entries: dict[str, Any], data: bytes) -> None:
        self.get = entries.get
        self._data = data

    def read_raw_bytes(self) -> bytes:
        """Return the data of the image."""
        return self._data


def _check_pixels(image: Any, name: str, raw: bytes, width: int, height: int) -> tuple[CheckResult, Any]:
    """Check the image's own encoding, and return the result and the unit of its counts."""
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
    undone = stream_checks.decode_filter(name, raw, keep=False, early_change=early_change)
    if undone is None:
        return CheckResult(), "rows"
    return _count_rows(undone.fault, undone.size if undone.whole else None, image, parameters, width, height)


def _count_rows(
    fault: Fault, size: int | None, image: Any, parameters: Any, width: int, height: int
) -> tuple[CheckResult, Any]:
    """Return the rows that ``size`` bytes make against those promised.

    Bytes are counted if the colour space does not define how long a row is.
    """
    components = _count_components(image)
    if size is None or not components or min(width, height) <= 0:
        return CheckResult(fault, size), "bytes"
    bits = 1 if image.get("/ImageMask", False) else int(image.get("/BitsPerComponent", 8))
    row = -(-width * components * bits // 8) + (1 if int(parameters.get("/Predictor", 1)) >= 10 else 0)
    rows = min(height, size // row)
    return CheckResult(fault or ("cut" if rows < height else ""), rows, height), "rows"


def _count_components(image: Any) -> int | None:
    """Return the number of values per pixel; None if it cannot be determined."""
    if image.get("/ImageMask", False):
        return 1
    space = image.get("/ColorSpace")
    name = str(space[0]) if isinstance(space, pikepdf.Array) and len(space) else str(space)
    if name == "/ICCBased":
        return int(space[1].get("/N", 0)) or None
    return len(space[1]) if name == "/DeviceN" else _COMPONENTS.get(name)


def filters_of(stream: Any) -> list[str]:
    """Return the names of a stream's filters in the order in which they are undone."""
    found = stream.get("/Filter")
    names = [] if found is None else [str(name) for name in found] if isinstance(found, pikepdf.Array) else [str(found)]
    return [_SHORT_NAMES.get(name, name) for name in names]


def _parameters(stream: Any, place: int) -> Any:
    """Return the parameters of the filter at this place; empty if it has none."""
    found = stream.get("/DecodeParms", stream.get("/DP"))
    if isinstance(found, pikepdf.Array):
        found = found[place] if 0 <= place < len(found) else None
    return found if isinstance(found, pikepdf.Dictionary) else {}


def _entries(resources: Any, kind: str) -> dict[str, Any]:
    """Return the resources of one kind by name."""
    found = resources.get(kind) if isinstance(resources, pikepdf.Dictionary) else None
    return dict(found.as_dict()) if isinstance(found, pikepdf.Dictionary) else {}


def _damage(part: DamagedPart, checked: CheckResult, name: str, unit: Any) -> Damage:
    """Return the damage that a check found."""
    return Damage(
        part=part,
        fault=checked.fault or "undecodable",
        encoding=name.removeprefix("/").removesuffix("Decode")[:20],
        decoded=checked.decoded,
        promised=checked.promised,
        unit=unit,
        decoder=checked.message[:120],
    )
