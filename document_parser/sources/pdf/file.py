"""One open PDF, read with PDFium. Runs in the opener child: PDFium may crash, hang or use up memory there without harm."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray
from PIL import Image

from document_parser.errors import DamagedDocument, DocumentError, EncryptedDocument, PageUnreadable, WrongPassword
from document_parser.imaging.figure_boxes import find_figure_boxes
from document_parser.imaging.page_image import RenderedPage, RenderWindow, compute_render_window
from document_parser.models import (
    BoundingBox,
    Damage,
    FoundTable,
    HiddenText,
    Member,
    PageFacts,
    PageImageSpec,
    RulingLine,
    SuspectFont,
    Word,
)
from document_parser.models.reading import MAX_INVISIBLE_SHARE
from document_parser.sources.page_pictures import Packed, pack_as_jpeg
from document_parser.sources.pdf import calls
from document_parser.sources.pdf.attachments import list_attachments, open_attachment
from document_parser.sources.pdf.bar_charts import find_bar_chart_boxes
from document_parser.sources.pdf.bullets import find_bullets
from document_parser.sources.pdf.check_boxes import CheckBox, find_check_boxes, without_box_lines, without_marks
from document_parser.sources.pdf.coordinates import upright_map_of
from document_parser.sources.pdf.damage import PdfStreams
from document_parser.sources.pdf.drawings import find_drawing_boxes
from document_parser.sources.pdf.form_fields import MAX_FIELDS, extract_fields
from document_parser.sources.pdf.guessed import count_guessed
from document_parser.sources.pdf.hidden_candidates import suspects_of
from document_parser.sources.pdf.hidden_text import split_visible_text
from document_parser.sources.pdf.layers import LayeredObjects, split_layers
from document_parser.sources.pdf.links import add_links
from document_parser.sources.pdf.objects import COVERING_SHARE, Box, PageObject, find_texts_under_images, objects_of
from document_parser.sources.pdf.page_text import PageText, load_textpage
from document_parser.sources.pdf.pdfplumber_reader import MAX_CHARACTERS, MAX_OBJECTS, PdfplumberReader
from document_parser.sources.pdf.repair import rebuild
from document_parser.sources.pdf.rulings import extract_rulings
from document_parser.sources.pdf.scans import scan_dpi_of
from document_parser.sources.pdf.strikeouts import mark_annotated_strikes
from document_parser.sources.pdf.text_layer import MAX_WORDS, extract_words
from document_parser.sources.pdf.undecoded import find_undecoded_images
from document_parser.text.language import find_suspect_fonts
from document_parser.text.normalize import is_meaningless

if TYPE_CHECKING:
    from document_parser.sources.pdf.searchable import SearchablePdf

DRAWN = PageImageSpec(dpi=200.0, max_long_side=3400)
"""How a page is drawn that cannot be taken from its PDF as it is: like a good scan."""
_MAX_SAMPLED_CHARACTERS = 256
"""Characters of a page for which PDFium is asked one by one."""
_IS_MEANINGLESS = np.array([is_meaningless(chr(code)) for code in range(1 << 16)])
"""For each UTF-16 unit whether it has no meaning."""
_GRID_CELLS = 128
"""Cells along each side of the grid on which the area under images is counted."""
_MAX_PROBED_PAGES = 50
"""Pages at the start of a document, one of which must be found."""
MAX_INSPECTED_CHARACTERS = MAX_WORDS
"""A page with more characters may have too many words; its words are extracted only when they are requested."""


class PdfFile:
    """An opened PDF. Pages count from 1. The last page used stays loaded, as its facts, words and image are requested in turn.

    What PDFium refuses is rebuilt by qpdf, once: the file if it cannot be opened, or a page that PDFium does not find, or
    finds empty though its data paints something.

    Construction raises EncryptedDocument, WrongPassword, DamagedDocument or DocumentError; the methods raise PageUnreadable.
    """

    def __init__(self, path: Path, password: str | None = None) -> None:
        self._path, self._password = path, password
        self._streams = PdfStreams(path, password)
        self._document, self._repaired = _open(path, password)
        self.page_count = len(self._document)
        self._document.init_forms()
        self._pdfplumber = PdfplumberReader(path, password, self.page_count)
        self._tried_repair = self._repaired
        self._number = 0
        self._page: Any = None
        self._textpage: Any = None
        self._text: PageText | None = None
        self._objects: list[PageObject] | None = None
        self._hidden_layers: frozenset[int] = frozenset()
        self._unchecked_layers = 0
        self._layer: _TextLayer | None = None
        self._rules: list[RulingLine] | None = None
        self._boxes: list[CheckBox] | None = None

    def facts(self, number: int) -> PageFacts:
        """Return what is known of a page before it is read. Sizes in points, boxes in fractions of the upright page."""
        page = self._load_page(number)
        width, height = _page_size(page)
        objects = self._load_objects(number)
        pictures = _image_boxes(objects)
        paths = (one for one in objects if one.kind == pdfium.FPDF_PAGEOBJ_PATH)
        charts = find_bar_chart_boxes(self.rulings(number), lambda: self.words(number))
        layer = self._load_layer(number)
        return PageFacts(
            number=number,
            width_points=width,
            height_points=height,
            rotation=90 * max(0, pdfium.FPDFPage_GetRotation(page.raw)),
            characters=layer.characters,
            unmapped_share=layer.unmapped,
            invisible_share=layer.invisible,
            guessed=layer.guessed,
            image_share=_image_share(pictures),
            pictures=find_figure_boxes([*pictures, *find_drawing_boxes(paths), *charts], width, height),
            objects=max(0, pdfium.FPDFPage_CountObjects(page.raw)),
            form_fields=_count_form_fields(page),
            dynamic_form=pdfium.FPDF_GetFormType(self._document.raw) == pdfium.FORMTYPE_XFA_FULL,
            hidden=list(layer.hidden),
            unchecked_layers=self._unchecked_layers,
            suspect_fonts=list(layer.suspect_fonts),
            repaired=self._repaired or self._streams.has_broken_table,
        )

    def damage(self, number: int) -> list[Damage]:
        """Return the damaged parts of the page's data; PDFium draws what it can of them and reports nothing."""
        found, objects = self._streams.damage(number), self._load_objects(number)
        # Pillow cannot read every JPEG 2000 image that PDFium can.
        suspected = [one for one in found if one.encoding == "JPX" and one.fault == "undecodable"]
        found = [one for one in found if one not in suspected]
        found += find_undecoded_images(objects, {"JBIG2Decode", *(["JPXDecode"] if suspected else [])})
        if not found and not objects and self._streams.paints_anything(number):
            found.append(Damage(part="contents", fault="corrupt", decoded=0))
        return found

    def words(self, number: int) -> list[Word]:
        """Return the visible words of the text layer, and what is filled in on form fields or typed onto the page."""
        page = self._load_page(number)
        layer = self._load_layer(number)
        found = extract_words(page, self._load_text(number)) if layer.words is None else layer.words
        words = mark_annotated_strikes(add_links(found, self._document, page), page)
        form = self._document.formenv
        fields = extract_fields(page, form.raw if form else None)
        boxes = [found for found in self._load_check_boxes(number) if not _is_under(found, fields)]
        bullets = find_bullets(self._load_objects(number), without_marks(words, boxes), *_page_size(page))
        return [*without_marks(words, boxes), *bullets, *fields]

    def tables(self, number: int, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        """Return the tables that pdfplumber finds: inside lines on the whole page, by alignment in ``regions``."""
        page = self._load_page(number)
        self._check_bounds(page, number)
        return self._pdfplumber.tables(number, upright_map_of(page), regions)

    def pdfplumber_words(self, number: int) -> list[Word]:
        """Return the words that pdfplumber finds, and what is filled in on form fields or typed onto the page.

        pdfplumber does not report which words are visible, so a page on which any text may be hidden is refused.
        """
        page = self._load_page(number)
        self._check_bounds(page, number)
        if suspects_of(self._load_objects(number), _page_size(page)[1], self._hidden_layers):
            raise PageUnreadable("Text of the page may be hidden, and pdfplumber cannot tell which.")
        words = add_links(self._pdfplumber.words(number, upright_map_of(page)), self._document, page)
        form = self._document.formenv
        return words + extract_fields(page, form.raw if form else None)

    def _check_bounds(self, page: Any, number: int) -> None:
        """Raise PageUnreadable for a page that has too much on it for pdfminer."""
        try:
            characters = self._load_text(number).count
        except PageUnreadable:
            characters = 0
        if characters > MAX_CHARACTERS:
            raise PageUnreadable(f"The page has more than {MAX_CHARACTERS} characters, the limit for pdfplumber.")
        if pdfium.FPDFPage_CountObjects(page.raw) > MAX_OBJECTS:
            raise PageUnreadable(f"The page has more than {MAX_OBJECTS} objects, the limit for pdfplumber.")

    def rulings(self, number: int) -> list[RulingLine]:
        """Return the ruling lines that the page draws, in fractions of the upright page."""
        objects = self._load_objects(number)
        if self._rules is None:
            self._rules = without_box_lines(extract_rulings(objects), self._load_check_boxes(number))
        return self._rules

    def render(self, number: int, spec: PageImageSpec, turn: int) -> RenderedPage:
        """Return the page's image on white, turned by ``turn`` degrees clockwise (0, 90, 180, 270) from what a viewer shows."""
        page = self._load_page(number)
        across, along = _page_size(page)
        if turn in {90, 270}:
            across, along = along, across
        dpi = spec.dpi if spec.region else scan_dpi_of(self._load_objects(number), across, along, spec.dpi)
        window = compute_render_window(across, along, spec, dpi)
        return RenderedPage.from_image(self._draw(page, window, turn), spec)

    def page_picture(self, number: int) -> Packed:
        """Return the page as it is shown, drawn."""
        page = self._load_page(number)
        width, height = _page_size(page)
        dpi = scan_dpi_of(self._load_objects(number), width, height, DRAWN.dpi)
        return pack_as_jpeg(self._draw(page, compute_render_window(width, height, DRAWN, dpi), 0))

    def with_texts(self, texts: Path) -> SearchablePdf:
        """Return the document with the texts of another PDF over its pages, to be read. Raises PageUnreadable."""
        # Loaded here because it loads every exporter: only this request takes them, and the zygote starts sooner without.
        from document_parser.sources.pdf.searchable import SearchablePdf

        return SearchablePdf(self._path, self._password, texts, lambda number: upright_map_of(self._load_page(number)))

    def _draw(self, page: Any, window: RenderWindow, turn: int) -> Image.Image:
        """Render a page on white, form fields included. Four bytes a pixel, which Pillow takes without a copy."""
        width, height = window.width, window.height
        bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGRx)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
        place = (-window.left, -window.top, window.page_width, window.page_height, turn // 90, flags)
        pdfium.FPDF_RenderPageBitmap(bitmap.raw, page.raw, *place)
        if self._document.formenv:
            pdfium.FPDF_FFLDraw(self._document.formenv.raw, bitmap.raw, page.raw, *place)
        return Image.frombuffer("RGBX", (width, height), bitmap.buffer, "raw", "RGBX", bitmap.stride, 1)

    def _load_page(self, number: int) -> Any:
        """Return the page's handle, loaded once. Raises PageUnreadable."""
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
        # Not only in ``facts``: another child, which has not rebuilt the file, may be asked for the words.
        is_empty = not self._tried_repair and not pdfium.FPDFPage_CountObjects(self._page.raw)
        if is_empty and self._streams.paints_anything(number):
            return self._load_repaired(number) or self._page
        return self._page

    def _load_repaired(self, number: int) -> Any:
        """Return the page from the rebuilt document; None if that does not help, or was tried before."""
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

    def _load_text(self, number: int) -> PageText:
        """Return the page's text, loaded once. Raises PageUnreadable."""
        page = self._load_page(number)
        if self._text is None:
            try:
                self._textpage = load_textpage(page)
            except pypdfium2.PdfiumError as error:
                raise PageUnreadable("PDFium cannot read this page's text.") from error
            self._text = PageText(self._textpage)
        return self._text

    def _load_objects(self, number: int) -> list[PageObject]:
        """Return the page's objects, collected once."""
        page = self._load_page(number)
        if self._objects is None:
            found = list(objects_of(page))
            layered = split_layers(page, found) if self._streams.has_layers else LayeredObjects(found)
            self._objects, self._hidden_layers, self._unchecked_layers = layered
        return self._objects

    def _load_check_boxes(self, number: int) -> list[CheckBox]:
        """Return the page's drawn check boxes, found once."""
        page = self._load_page(number)
        if self._boxes is None:
            words = self._load_layer(number).words or []
            self._boxes = find_check_boxes(page, self._load_objects(number), words, *_page_size(page))
        return self._boxes

    def _load_layer(self, number: int) -> _TextLayer:
        """Return the page's text layer, inspected once."""
        self._load_page(number)
        if self._layer is None:
            self._layer = self._inspect_layer(number)
        return self._layer

    def _inspect_layer(self, number: int) -> _TextLayer:
        """Return the text layer. One that is an earlier OCR as a whole is not split, as it does not represent the page."""
        page, objects = self._load_page(number), self._load_objects(number)
        try:
            text = self._load_text(number)
        except PageUnreadable:
            return _TextLayer(1.0, 0.0, 0, words=[])
        covered = find_texts_under_images(objects) if _image_share(_image_boxes(objects)) >= COVERING_SHARE else frozenset()
        layer = _measure_text(text, covered)
        if not layer.characters or layer.invisible > MAX_INVISIBLE_SHARE or text.count > MAX_INSPECTED_CHARACTERS:
            return layer
        found = split_visible_text(page, text, objects, suspects_of(objects, _page_size(page)[1], self._hidden_layers))
        unseen = sum(len(text.text) - text.text.count(" ") for text in found.hidden)
        return layer._replace(
            characters=max(0, layer.characters - unseen),
            words=[word for word, _ in found.words],
            hidden=found.hidden,
            suspect_fonts=find_suspect_fonts(found.words),
        )

    def members(self) -> list[Member]:
        """Return the attached files."""
        return list_attachments(self._document)

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an attached file. Raises PageUnreadable."""
        return open_attachment(self._document, index)

    def close(self) -> None:
        """Close the document. A child ends instead."""
        self._unload()
        self._document.close()

    def _unload(self) -> None:
        """Close what is loaded of a page."""
        self._number = 0
        self._objects = self._layer = self._boxes = None
        for loaded in (self._textpage, self._page):
            if loaded is not None:
                loaded.close()
        self._textpage = self._text = self._page = self._rules = None


class _TextLayer(NamedTuple):
    """What is known of a page's text layer: two shares, the number of characters, and how many of them PDFium guessed.

    ``words`` are the visible ones; None if visibility was not checked.
    """

    unmapped: float
    invisible: float
    characters: int
    guessed: int = 0
    words: list[Word] | None = None
    hidden: Sequence[HiddenText] = ()
    suspect_fonts: Sequence[SuspectFont] = ()


def _open(path: Path, password: str | None) -> tuple[Any, bool]:
    """Return the document and whether it had to be rebuilt. Raises DocumentError and its subclasses."""
    refusal: DocumentError = DamagedDocument("No page of the PDF can be found. Upload it again, or repair it.")
    try:
        document = _load(path, password)
        if _has_pages(document):
            return document, False
    except (DamagedDocument, EncryptedDocument, WrongPassword) as error:
        refusal = error  # qpdf supports kinds of encryption that PDFium does not
    rebuilt = _load_rebuilt(path, password)
    if rebuilt is None or not _has_pages(rebuilt):
        raise refusal
    return rebuilt, True


def _load_rebuilt(path: Path, password: str | None) -> Any:
    """Return the document as qpdf rebuilds it; None if that does not help."""
    data = rebuild(path, password)
    try:
        return data and pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return None


def _has_pages(document: Any) -> bool:
    """Return whether one of the first pages can be found."""
    probed = range(min(len(document), _MAX_PROBED_PAGES))
    return any(pdfium.FPDF_GetPageSizeByIndexF(document.raw, index, pdfium.FS_SIZEF()) for index in probed)


def _load(path: Path, password: str | None) -> Any:
    """Open a document with PDFium. Raises DocumentError and its subclasses."""
    try:
        return pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as error:
        raise _error_of(error.err_code, password) from error
    except FileNotFoundError as error:
        raise DocumentError("The file no longer exists. Send it again.") from error


def _error_of(code: int | None, password: str | None) -> DocumentError:
    """Return the error for PDFium's code."""
    if code == pdfium.FPDF_ERR_PASSWORD:
        return WrongPassword() if password else EncryptedDocument()
    if code == pdfium.FPDF_ERR_SECURITY:
        return EncryptedDocument("The encryption of the document is not supported. Remove it, then send the document again.")
    return DamagedDocument()


def _page_size(page: Any) -> tuple[float, float]:
    """Return width and height in points as a viewer shows the page. Raises PageUnreadable if it has no area."""
    width, height = pdfium.FPDF_GetPageWidthF(page.raw), pdfium.FPDF_GetPageHeightF(page.raw)
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise PageUnreadable("The page has no area.")
    return width, height


def _measure_text(text: PageText, hidden: frozenset[int]) -> _TextLayer:
    """Return what is known of a text layer before its words are read.

    What needs a call per character is taken from an even sample.

    ``hidden`` are the addresses of text objects that cannot be seen, however they are painted.
    """
    places = np.flatnonzero(text.find_visible())
    left_out = text.count - len(text.codes)
    if not len(places):
        return _TextLayer(float(left_out > 0), 0.0, 0)
    sampled = places[np.linspace(0, len(places) - 1, min(len(places), _MAX_SAMPLED_CHARACTERS), dtype=int)]
    sample = sampled.tolist() if text.is_exact else list(map(text.index_of, sampled.tolist()))
    unmapped = (left_out + int(_IS_MEANINGLESS[text.codes[places]].sum())) / (left_out + len(places))
    faults = [*map(calls.has_map_error, repeat(text.address), sample)].count(1) / len(sample)
    objects = Counter(map(calls.get_text_object, repeat(text.address), sample))
    invisible = sum(count for found, count in objects.items() if found and _is_invisible(found, hidden)) / len(sample)
    guessed = count_guessed(text, faults > 0)
    return _TextLayer(round(max(unmapped, faults), 4), round(invisible, 4), len(places), guessed)


def _is_invisible(text_object: int, hidden: frozenset[int]) -> bool:
    """Return whether a text object, given by its address, is hidden or painted invisibly."""
    return text_object in hidden or calls.get_render_mode(text_object) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE


def _image_share(boxes: Iterable[Box]) -> float:
    """Return the share of the page under images on a coarse grid, overlaps counted once."""
    boxes = list(boxes)
    if not boxes:
        return 0.0
    covered: NDArray[np.bool_] = np.zeros((_GRID_CELLS, _GRID_CELLS), dtype=bool)
    for box in boxes:
        left, top, right, bottom = (round(_GRID_CELLS * min(1.0, max(0.0, edge))) for edge in box)
        covered[top:bottom, left:right] = True
    return round(float(covered.mean()), 4)


def _image_boxes(objects: Iterable[PageObject]) -> list[Box]:
    """Return the boxes of a page's embedded images."""
    return [one.box for one in objects if one.kind == pdfium.FPDF_PAGEOBJ_IMAGE and one.box is not None]


def _is_under(drawn: CheckBox, fields: Iterable[Word]) -> bool:
    """Return whether a drawn box is the frame of a form field, which says by itself whether it is checked."""
    left, top, right, bottom = drawn.box
    return any(word.left < right and left < word.right and word.top < bottom and top < word.bottom for word in fields)


def _count_form_fields(page: Any) -> int:
    """Return the number of form fields among the first MAX_FIELDS annotations."""
    total = min(MAX_FIELDS, max(0, pdfium.FPDFPage_GetAnnotCount(page.raw)))
    return sum(_is_widget(page, number) for number in range(total))


def _is_widget(page: Any, number: int) -> bool:
    """Return whether an annotation is a form field."""
    annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
    if not annotation:
        return False
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    pdfium.FPDFPage_CloseAnnot(annotation)
    return bool(kind == pdfium.FPDF_ANNOT_WIDGET)
