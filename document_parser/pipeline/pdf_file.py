"""A PDF, read with PDFium. Runs in the opener child: PDFium may crash, hang or eat memory here without harm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray
from PIL import Image

from document_parser.engines.text_layer import MAX_WORDS, PageText, extract_words
from document_parser.errors import DamagedDocument, DocumentError, EncryptedDocument, PageUnreadable, WrongPassword
from document_parser.models import Damage, FontInDoubt, HiddenText, PageFacts, PictureSpec, Rule, Word
from document_parser.pipeline.comparable import is_meaningless
from document_parser.pipeline.letters import fonts_in_doubt
from document_parser.pipeline.pdf_bars import bar_chart_boxes
from document_parser.pipeline.pdf_damage import PdfStreams
from document_parser.pipeline.pdf_drawings import drawing_boxes
from document_parser.pipeline.pdf_fields import MOST_FIELDS, extract_fields
from document_parser.pipeline.pdf_links import with_links
from document_parser.pipeline.pdf_objects import COVERING, Box, Placed, address_of, objects_of, texts_under_pictures
from document_parser.pipeline.pdf_pictures import figure_boxes
from document_parser.pipeline.pdf_repair import rebuild
from document_parser.pipeline.pdf_rules import extract_rules
from document_parser.pipeline.pdf_undecoded import undecoded_images
from document_parser.pipeline.pdf_unseen import seen_and_unseen, suspects_of
from document_parser.pipeline.picture import Frame, Picture, framed
from document_parser.pipeline.route import MOST_INVISIBLE

_SAMPLED_CHARACTERS = 256
_GRID = 128
_PROBED_PAGES = 50
MOST_LOOKED_AT = MAX_WORDS
"""A page with more characters may have too many words; it is asked for them only where they are wanted."""


class PdfFile:
    """An opened PDF. Pages count from 1; the last one used stays loaded, since its facts, words and picture follow each other.

    What PDFium refuses is rebuilt by qpdf, once: the file if it cannot be opened, or a page that it does not find.

    Raises EncryptedDocument, WrongPassword and DamagedDocument when made, PageUnreadable from its methods.
    """

    def __init__(self, path: Path, password: str | None = None) -> None:
        self._path, self._password = path, password
        self._streams = PdfStreams(path, password)
        self._document, self._repaired = _open(path, password)
        self.page_count = len(self._document)
        self._document.init_forms()
        self._tried_repair = self._repaired
        self._number = 0
        self._page: Any = None
        self._textpage: Any = None
        self._objects: list[Placed] | None = None
        self._layer: _Layer | None = None
        self._rules: list[Rule] | None = None

    def facts(self, number: int) -> PageFacts:
        page = self._load_page(number)
        if not pdfium.FPDFPage_CountObjects(page.raw) and self._streams.paints(number):
            page = self._load_repaired(number) or page
        width, height = _size(page)
        objects = self._load_objects(number)
        pictures = _pictures(objects)
        paths = (one for one in objects if one.kind == pdfium.FPDF_PAGEOBJ_PATH)
        charts = bar_chart_boxes(self.rules(number), lambda: self.words(number))
        layer = self._load_layer(number)
        return PageFacts(
            number=number,
            width_points=width,
            height_points=height,
            rotation=90 * max(0, pdfium.FPDFPage_GetRotation(page.raw)),
            characters=layer.characters,
            unmapped_share=layer.unmapped,
            invisible_share=layer.invisible,
            image_share=_image_share(pictures),
            pictures=figure_boxes([*pictures, *drawing_boxes(paths), *charts], width, height),
            objects=max(0, pdfium.FPDFPage_CountObjects(page.raw)),
            form_fields=_form_fields(page),
            dynamic_form=pdfium.FPDF_GetFormType(self._document.raw) == pdfium.FORMTYPE_XFA_FULL,
            hidden=list(layer.hidden),
            doubted=list(layer.doubted),
            repaired=self._repaired,
        )

    def damage(self, number: int) -> list[Damage]:
        """What of the page's data is damaged; PDFium draws what it can of it and says nothing."""
        found, objects = self._streams.damage(number), self._load_objects(number)
        # Pillow cannot read every JPEG 2000 image that PDFium can.
        suspected = [one for one in found if one.encoding == "JPX" and one.fault == "undecodable"]
        found = [one for one in found if one not in suspected]
        found += undecoded_images(objects, {"JBIG2Decode", *(["JPXDecode"] if suspected else [])})
        if not found and not objects and self._streams.paints(number):
            found.append(Damage(part="contents", fault="corrupt", decoded=0))
        return found

    def words(self, number: int) -> list[Word]:
        """The words of the text layer that can be seen, and what is filled in on form fields or typed onto the page."""
        page = self._load_page(number)
        layer = self._load_layer(number)
        found = extract_words(page, self._load_text(number)) if layer.words is None else layer.words
        words = with_links(found, self._document, page)
        form = self._document.formenv
        return words + extract_fields(page, form.raw if form else None)

    def rules(self, number: int) -> list[Rule]:
        objects = self._load_objects(number)
        if self._rules is None:
            self._rules = extract_rules(objects)
        return self._rules

    def render(self, number: int, spec: PictureSpec, turn: int) -> Picture:
        page = self._load_page(number)
        across, along = _size(page)
        if turn in {90, 270}:
            across, along = along, across
        frame = framed(across, along, spec, spec.dpi)
        return Picture.of(self._drawn(page, frame, turn), spec)

    def _drawn(self, page: Any, frame: Frame, turn: int) -> Image.Image:
        """The page on white, form fields included. Four bytes a pixel: Pillow takes them without a copy."""
        width, height = frame.width, frame.height
        bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGRx)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
        place = (-frame.left, -frame.top, frame.page_width, frame.page_height, turn // 90, flags)
        pdfium.FPDF_RenderPageBitmap(bitmap.raw, page.raw, *place)
        if self._document.formenv:
            pdfium.FPDF_FFLDraw(self._document.formenv.raw, bitmap.raw, page.raw, *place)
        return Image.frombuffer("RGBX", (width, height), bitmap.buffer, "raw", "RGBX", bitmap.stride, 1)

    def _load_page(self, number: int) -> Any:
        if self._number == number:
            return self._page
        self._unload()
        try:
            self._page = self._document[number - 1]
        except pypdfium2.PdfiumError as error:
            page = self._load_repaired(number)
            if page is None:
                raise PageUnreadable("PDFium cannot load this page.") from error
            return page
        self._number = number
        return self._page

    def _load_repaired(self, number: int) -> Any:
        """The page out of the rebuilt document; None if that is of no use, or has been tried."""
        if self._tried_repair:
            return None
        self._tried_repair = True
        rebuilt = _load_rebuilt(self._path, self._password)
        if rebuilt is None or len(rebuilt) != self.page_count:
            return None
        self._unload()
        self._document, self._repaired = rebuilt, True
        self._document.init_forms()
        return self._load_page(number)

    def _load_text(self, number: int) -> Any:
        page = self._load_page(number)
        if self._textpage is None:
            try:
                self._textpage = page.get_textpage()
            except pypdfium2.PdfiumError as error:
                raise PageUnreadable("PDFium cannot read this page's text.") from error
        return self._textpage

    def _load_objects(self, number: int) -> list[Placed]:
        page = self._load_page(number)
        if self._objects is None:
            self._objects = list(objects_of(page))
        return self._objects

    def _load_layer(self, number: int) -> _Layer:
        self._load_page(number)
        if self._layer is None:
            self._layer = self._new_layer(number)
        return self._layer

    def _new_layer(self, number: int) -> _Layer:
        """The text layer; an earlier OCR as a whole is left as it is, for it does not stand for the page."""
        page, textpage, objects = self._load_page(number), self._load_text(number), self._load_objects(number)
        covered = texts_under_pictures(objects) if _image_share(_pictures(objects)) >= COVERING else frozenset()
        layer = _Layer(*_text_facts(textpage, covered))
        if not layer.characters or layer.invisible > MOST_INVISIBLE or textpage.count_chars() > MOST_LOOKED_AT:
            return layer
        found = seen_and_unseen(page, textpage, objects, suspects_of(objects, _size(page)[1]))
        unseen = sum(len(text.text) - text.text.count(" ") for text in found.hidden)
        return layer._replace(
            characters=max(0, layer.characters - unseen),
            words=[word for word, _ in found.words],
            hidden=found.hidden,
            doubted=fonts_in_doubt(found.words),
        )

    def _unload(self) -> None:
        self._number = 0
        self._objects = self._layer = None
        for loaded in (self._textpage, self._page):
            if loaded is not None:
                loaded.close()
        self._textpage = self._page = self._rules = None


class _Layer(NamedTuple):
    """What is known of a page's text layer. ``words`` are those that can be seen, where that was looked into."""

    unmapped: float
    invisible: float
    characters: int
    words: list[Word] | None = None
    hidden: Sequence[HiddenText] = ()
    doubted: Sequence[FontInDoubt] = ()


def _open(path: Path, password: str | None) -> tuple[Any, bool]:
    """The document, and whether it had to be rebuilt. Raises DocumentError and those below it."""
    refusal: DocumentError = DamagedDocument("The PDF has no page that can be found. Upload it again, or repair it.")
    try:
        document = _load(path, password)
        if _has_pages(document):
            return document, False
    except (DamagedDocument, EncryptedDocument, WrongPassword) as error:
        refusal = error  # qpdf knows kinds of encryption that PDFium does not
    rebuilt = _load_rebuilt(path, password)
    if rebuilt is None or not _has_pages(rebuilt):
        raise refusal
    return rebuilt, True


def _load_rebuilt(path: Path, password: str | None) -> Any:
    """The document as qpdf rebuilds it; None if that does not help."""
    data = rebuild(path, password)
    try:
        return data and pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return None


def _has_pages(document: Any) -> bool:
    """Whether one of the first pages can be found."""
    probed = range(min(len(document), _PROBED_PAGES))
    return any(pdfium.FPDF_GetPageSizeByIndexF(document.raw, index, pdfium.FS_SIZEF()) for index in probed)


def _load(path: Path, password: str | None) -> Any:
    try:
        return pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as error:
        raise _refusal(error.err_code, password) from error
    except FileNotFoundError as error:
        raise DocumentError("The file is not there any more.") from error


def _refusal(code: int | None, password: str | None) -> DocumentError:
    if code == pdfium.FPDF_ERR_PASSWORD:
        return WrongPassword() if password else EncryptedDocument()
    if code == pdfium.FPDF_ERR_SECURITY:
        return EncryptedDocument("The document is encrypted in a way that is not supported. Remove its encryption.")
    return DamagedDocument()


def _size(page: Any) -> tuple[float, float]:
    """Width and height in points as a viewer shows the page."""
    width, height = pdfium.FPDF_GetPageWidthF(page.raw), pdfium.FPDF_GetPageHeightF(page.raw)
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise PageUnreadable("The page has no area.")
    return width, height


def _text_facts(textpage: Any, hidden: frozenset[int]) -> tuple[float, float, int]:
    """(unmapped share, invisible share, characters). What needs a call a character is found from an even sample.

    ``hidden`` are the addresses of text objects that nobody sees, however they are painted.
    """
    text = PageText(textpage)
    places = [place for place, char in enumerate(text.text) if not char.isspace() and char != "\x00"]
    left_out = text.count - len(text.text)
    if not places:
        return float(left_out > 0), 0.0, 0
    sample = [text.index(places[i]) for i in np.linspace(0, len(places) - 1, min(len(places), _SAMPLED_CHARACTERS), dtype=int)]
    unmapped = (left_out + sum(is_meaningless(text.text[place]) for place in places)) / (left_out + len(places))
    faults = sum(pdfium.FPDFText_HasUnicodeMapError(text.raw, index) == 1 for index in sample) / len(sample)
    invisible = sum(_invisible(text.raw, index, hidden) for index in sample) / len(sample)
    return round(max(unmapped, faults), 4), round(invisible, 4), len(places)


def _invisible(textpage: Any, index: int, hidden: frozenset[int]) -> bool:
    text_object = pdfium.FPDFText_GetTextObject(textpage, index)
    if not text_object:
        return False
    if address_of(text_object) in hidden:
        return True
    return bool(pdfium.FPDFTextObj_GetTextRenderMode(text_object) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE)


def _image_share(boxes: Iterable[Box]) -> float:
    """Share of the page under pictures, overlaps counted once, on a coarse grid."""
    covered: NDArray[np.bool_] = np.zeros((_GRID, _GRID), dtype=bool)
    for box in boxes:
        left, top, right, bottom = (round(_GRID * min(1.0, max(0.0, edge))) for edge in box)
        covered[top:bottom, left:right] = True
    return round(float(covered.mean()), 4)


def _pictures(objects: Iterable[Placed]) -> list[Box]:
    return [one.box for one in objects if one.kind == pdfium.FPDF_PAGEOBJ_IMAGE and one.box is not None]


def _form_fields(page: Any) -> int:
    total = min(MOST_FIELDS, max(0, pdfium.FPDFPage_GetAnnotCount(page.raw)))
    return sum(_is_widget(page, number) for number in range(total))


def _is_widget(page: Any, number: int) -> bool:
    annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
    if not annotation:
        return False
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    pdfium.FPDFPage_CloseAnnot(annotation)
    return bool(kind == pdfium.FPDF_ANNOT_WIDGET)
