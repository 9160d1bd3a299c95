"""Searchable PDFs: the words are found where they are on the page, and the page stays as it was."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pdfplumber
import pikepdf
import pytest
from PIL import Image, ImageChops, ImageOps

from document_parser.errors import FormatNeedsPages, PageUnreadable
from document_parser.models import Block, BoundingBox, Page, Span
from document_parser.models.page_words import PageWords
from document_parser.sources.base import OpenerLimits
from document_parser.sources.pdf.archival import find_obstacles
from document_parser.sources.source import Openers, Source
from tests.support.documents import encrypted_pdf, pdf_of_text
from tests.support.searchable import Typed, copied_text, draw, drawn, overlap, page_of, searchable, typed_lines, words_at

LINES = ["The harbour of the town", "was opened in 1954 (again)", "by ships from Oslo"]
ARABIC = "وصلت السفينة عام 1954"
HEBREW = "שלום עולם"
JAPANESE = "港は千九百年に開かれた"


@pytest.fixture(scope="module")
def openers() -> Iterator[Openers]:
    with Openers.start(OpenerLimits()) as started:
        yield started


def assert_in_place(found: list[Typed], expected: list[Typed]) -> None:
    """Every word is there once, in order, on its box."""
    assert [word.text for word in found] == [word.text for word in expected]
    for one, other in zip(found, expected, strict=True):
        # PDFium gives the boxes of letters, which are as wide as the word but know nothing of its height.
        across = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
        assert across > 0.9 * (other.box[2] - other.box[0]), (one, other)
        middle = (one.box[1] + one.box[3]) / 2
        assert other.box[1] - 0.005 <= middle <= other.box[3] + 0.005, (one, other)


def scan_pdf(path: Path, words: list[Typed], *, rotate: int = 0, crop: bool = False, unit: float = 1.0) -> Path:
    """A PDF of one scanned page that a viewer shows upright, whatever its rotation, crop box and unit."""
    picture = draw(words, mode="RGB")
    turned = picture.rotate(rotate, expand=True)
    data = io.BytesIO()
    turned.save(data, "JPEG", quality=80)
    pdf = pikepdf.new()
    width, height = (595, 842) if rotate % 180 == 0 else (842, 595)
    left, bottom = (37, 61) if crop else (0, 0)
    page = pdf.add_blank_page(page_size=(width + 2 * left, height + 2 * bottom)).obj
    image = pikepdf.Stream(
        pdf,
        data.getvalue(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=turned.width,
        Height=turned.height,
        ColorSpace=pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=pikepdf.Name.DCTDecode,
    )
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=image))
    page.Contents = pdf.make_stream(f"q {width} 0 0 {height} {left} {bottom} cm /Scan Do Q".encode())
    page.Rotate = rotate
    if crop:
        page.CropBox = pikepdf.Array([left, bottom, left + width, bottom + height])
    if unit != 1.0:
        page.UserUnit = unit
    pdf.save(path)
    return path


def test_the_words_of_a_scan_are_found_on_their_boxes_in_reading_order(openers: Openers, tmp_path: Path) -> None:
    words = typed_lines(LINES)
    path = tmp_path / "scan.png"
    draw(words).save(path)
    pdf = searchable(openers, path, "image", [page_of(words)])
    assert copied_text(pdf) == " ".join(LINES)
    assert_in_place(words_at(pdf), words)
    with pdfplumber.open(io.BytesIO(pdf)) as opened:
        page = opened.pages[0]
        found = [
            Typed(
                one["text"],
                (one["x0"] / page.width, one["top"] / page.height, one["x1"] / page.width, one["bottom"] / page.height),
            )
            for one in page.extract_words()
        ]
    assert [one.text for one in found] == [one.text for one in words]
    assert min(overlap(one.box, other.box) for one, other in zip(found, words, strict=True)) > 0.95


@pytest.mark.parametrize(("rotate", "crop", "unit"), [(0, True, 1.0), (90, False, 1.0), (180, True, 1.0), (270, True, 2.0)])
def test_words_lie_on_the_pages_of_a_pdf_however_these_are_turned_cropped_and_scaled(
    openers: Openers, tmp_path: Path, rotate: int, crop: bool, unit: float
) -> None:
    words = typed_lines(LINES)
    path = scan_pdf(tmp_path / "scan.pdf", words, rotate=rotate, crop=crop, unit=unit)
    before = drawn(path.read_bytes(), (595, 842))
    pdf = searchable(openers, path, "pdf", [page_of(words)])
    assert_in_place(words_at(pdf), words)
    assert ImageChops.difference(before, drawn(pdf, (595, 842))).getbbox() is None


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_words_lie_on_a_page_that_had_to_be_turned_to_be_read(openers: Openers, tmp_path: Path, turned: int) -> None:
    words = typed_lines(LINES)
    path = tmp_path / "scan.png"
    draw(words).rotate(turned, expand=True).save(path)  # counterclockwise: turned clockwise it is upright again
    pdf = searchable(openers, path, "image", [page_of(words, rotation=turned)])
    expected = [BoundingBox.of(*word.box).turn(-turned) for word in words]
    found = {word.text: word.box for word in words_at(pdf)}
    for word, box in zip(words, expected, strict=True):
        left, top, right, bottom = found[word.text]
        assert box.left - 0.01 <= (left + right) / 2 <= box.right + 0.01
        assert box.top - 0.01 <= (top + bottom) / 2 <= box.bottom + 0.01


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_shown_and_searched_as_its_orientation_says(openers: Openers, tmp_path: Path, orientation: int) -> None:
    words = typed_lines(LINES)
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    size = (620, 877) if orientation < 5 else (877, 620)
    draw(words, size).save(path, quality=95, exif=exif)
    with Image.open(path) as photo:
        upright = ImageOps.exif_transpose(photo).convert("RGB")
    pdf = searchable(openers, path, "image", [page_of(words, width=upright.width, height=upright.height)])
    assert path.read_bytes() in pdf, "a JPEG is not packed again"
    difference = ImageChops.difference(upright, drawn(pdf, upright.size)).convert("L")
    assert (
        sum(count for level, count in enumerate(difference.histogram()) if level > 100) < 0.002 * upright.width * upright.height
    )
    assert copied_text(pdf) == " ".join(LINES)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("grey.png", "L", {}),
        ("colours.png", "RGB", {}),
        ("palette.png", "P", {}),
        ("bilevel.png", "1", {}),
        ("alpha.png", "RGBA", {}),
        ("fax.tif", "1", {"compression": "group4"}),
        ("packed.tif", "RGB", {"compression": "tiff_lzw"}),
        ("jpeg.tif", "L", {"compression": "jpeg"}),
        ("colour-jpeg.tif", "RGB", {"compression": "jpeg"}),
        ("picture.webp", "RGB", {"lossless": True}),
        ("picture.jp2", "RGB", {}),
        ("picture.gif", "P", {}),
        ("picture.bmp", "RGB", {"dpi": (144, 144)}),
    ],
)
def test_the_picture_of_a_page_is_not_changed(
    openers: Openers, tmp_path: Path, name: str, mode: str, options: dict[str, object]
) -> None:
    words = typed_lines(LINES)
    path = tmp_path / name
    image = draw(words, mode="L" if mode in ("1", "L") else "RGB")
    if mode not in ("1", "L"):
        image.paste((200, 30, 60), (300, 500, 420, 620))
    image.convert(mode).save(path, **options)
    pdf = searchable(openers, path, "image", [page_of(words)])
    with Image.open(path) as opened:
        expected = opened.convert("RGB")
    difference = ImageChops.difference(expected, drawn(pdf, expected.size)).convert("L")
    assert max(level for level, count in enumerate(difference.histogram()) if count) <= 12
    assert len(pdf) < 1.15 * path.stat().st_size + 6000 or name.endswith((".webp", ".bmp", "colour-jpeg.tif"))
    assert copied_text(pdf) == " ".join(LINES)


def test_each_frame_of_a_tiff_is_a_page_also_if_it_was_not_read(openers: Openers, tmp_path: Path) -> None:
    words = typed_lines(LINES)
    path = tmp_path / "fax.tif"
    frames = [draw(words).convert("1") for _ in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], compression="group4")
    failed = Page(number=2, status="failed")
    pdf = searchable(openers, path, "image", [page_of(words), failed, page_of(words, 3)])
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert len(opened.pages) == 4
    assert [copied_text(pdf, number) for number in range(1, 5)] == [" ".join(LINES), "", " ".join(LINES), ""]
    for number in range(1, 5):
        assert ImageChops.difference(frames[0].convert("RGB"), drawn(pdf, frames[0].size, number)).getbbox() is None


@pytest.mark.parametrize("line", [ARABIC, HEBREW, JAPANESE, "Ελλάδα Москва 𝒜𝒷 naïve"])
def test_any_script_is_copied_as_it_is_read(openers: Openers, tmp_path: Path, line: str) -> None:
    words = typed_lines([line])
    path = tmp_path / "scan.png"
    draw(words).save(path)
    pdf = searchable(openers, path, "image", [page_of(words, text=line)])
    assert copied_text(pdf).split() == line.split()
    if shutil.which("pdftotext"):
        result = tmp_path / "result.pdf"
        result.write_bytes(pdf)
        said = subprocess.run(["pdftotext", result, "-"], capture_output=True, check=True).stdout.decode()
        plain = "".join(letter for letter in said if letter not in "\u202a\u202b\u202c\u200e\u200f\f")
        assert plain.split() == line.split()


def test_words_that_were_joined_parted_or_added_by_the_reader_are_found(openers: Openers, tmp_path: Path) -> None:
    words = typed_lines(["The har- was opened", "bour in 1954"])
    path = tmp_path / "scan.png"
    draw(words).save(path)
    pdf = searchable(openers, path, "image", [page_of(words, text="The harbour wasopened in the year 1954")])
    assert sorted(copied_text(pdf).split()) == sorted(["The", "harbour", "wasopened", "in", "the", "year", "1954"])


def test_a_page_with_text_keeps_it_and_gets_only_what_ocr_added(openers: Openers, tmp_path: Path) -> None:
    path = pdf_of_text(tmp_path / "letter.pdf", ["Dear reader of this letter"])
    printed = words_at(path.read_bytes())
    stamp = Typed("RECEIVED", (0.6, 0.7, 0.8, 0.72))
    page = page_of([*printed, stamp])
    pdf = searchable(openers, path, "pdf", [page])
    assert copied_text(pdf).split() == ["Dear", "reader", "of", "this", "letter", "RECEIVED"]


def test_a_pdf_to_which_ocr_added_nothing_is_handed_on_byte_for_byte(openers: Openers, tmp_path: Path) -> None:
    path = pdf_of_text(tmp_path / "letter.pdf", ["Dear reader", "of this letter"])
    packed = PageWords.pack([("Dear", 0.1, 0.1, 0.2, 0.12, None)])
    pages = [Page(number=1, engine="text_layer", width=595, height=842, words=packed), Page(number=2, status="blank")]
    assert searchable(openers, path, "pdf", pages) == path.read_bytes()


@pytest.mark.parametrize("place", ["contents", "form"])
def test_the_words_replace_those_of_an_earlier_ocr(openers: Openers, tmp_path: Path, place: str) -> None:
    words = typed_lines(LINES)
    path = scan_pdf(tmp_path / "scan.pdf", words)
    earlier = tmp_path / "earlier.pdf"
    if place == "form":  # as OCRmyPDF and this service write it
        misread = [word._replace(text=word.text[::-1]) for word in words]
        earlier.write_bytes(searchable(openers, path, "pdf", [page_of(misread)]))
    else:
        with pikepdf.open(path) as opened:
            page = opened.pages[0]
            page.Resources.Font = pikepdf.Dictionary(
                F=pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
            )
            page.contents_add(b"BT 3 Tr /F 12 Tf 60 750 Td (ruobrah eht fo nwot) Tj ET")
            opened.save(earlier)
    assert copied_text(earlier.read_bytes()).startswith(("ruobrah", "ehT"))
    pdf = searchable(openers, earlier, "pdf", [page_of(words)])
    assert copied_text(pdf) == " ".join(LINES)
    assert ImageChops.difference(drawn(path.read_bytes(), (595, 842)), drawn(pdf, (595, 842))).getbbox() is None


def test_an_encrypted_pdf_becomes_one_that_is_not(openers: Openers, tmp_path: Path) -> None:
    path = encrypted_pdf(tmp_path / "secret.pdf", "open sesame", "Secret text")
    stamp = Typed("RECEIVED", (0.6, 0.7, 0.8, 0.72))
    pdf = searchable(openers, path, "pdf", [page_of([stamp])], password="open sesame")
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert not opened.is_encrypted
    assert sorted(copied_text(pdf).split()) == ["RECEIVED", "Secret", "text"]


class UnwritableOpeners(Openers):
    """Openers of a qpdf that can write no PDF again."""

    async def open(self, path: Path, kind: object, password: str | None = None, *, texts: Path | None = None) -> Source:
        if texts is not None:
            raise PageUnreadable("qpdf cannot write this PDF again.")
        return await super().open(path, kind, password)  # type: ignore[arg-type]


def test_a_pdf_that_cannot_be_written_again_is_drawn(tmp_path: Path) -> None:
    words = typed_lines(LINES)
    path = scan_pdf(tmp_path / "scan.pdf", words)
    with UnwritableOpeners.start(OpenerLimits()) as openers:
        pdf = searchable(openers, path, "pdf", [page_of(words)])
        assert_in_place(words_at(pdf), words)
    grey = ImageOps.grayscale(drawn(pdf, (595, 842)))
    assert grey.getextrema()[0] < 60, "the page is drawn"


def test_a_document_without_pages_is_refused(openers: Openers, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader")
    with pytest.raises(FormatNeedsPages):
        searchable(openers, path, "text", [])


def test_headings_are_bookmarks_and_addresses_are_links(openers: Openers, tmp_path: Path) -> None:
    words = typed_lines(["Harbour report and the rest of it", "See example.org for the ships that were there"])
    heading, rest = words[:7], words[7:]
    report = " ".join(word.text for word in heading)
    page = page_of(words)
    body = " ".join(word.text for word in rest)
    page.blocks = [
        Block(kind="title", text=report, level=1, box=BoundingBox.of(0.1, 0.1, 0.9, 0.12)),
        Block(
            kind="paragraph",
            text=body,
            box=BoundingBox.of(0.1, 0.14, 0.9, 0.16),
            spans=[Span(start=4, end=15, link="https://example.org/")],
        ),
    ]
    second = page_of(typed_lines(["The ships and the town and the year that was"]), 2)
    second.blocks[0].kind, second.blocks[0].level = "heading", 2
    image = tmp_path / "scan.tif"
    draw(words).save(image, save_all=True, append_images=[draw(words)])
    scan = scan_pdf(tmp_path / "one.pdf", words, rotate=90, crop=True)
    with pikepdf.open(scan) as pdf:
        pdf.pages.append(pdf.pages[0])
        pdf.save(tmp_path / "scan.pdf")
    for path, kind in ((image, "image"), (tmp_path / "scan.pdf", "pdf")):
        with pikepdf.open(io.BytesIO(searchable(openers, path, kind, [page, second]))) as result:  # type: ignore[arg-type]
            with result.open_outline() as outline:
                assert [item.title for item in outline.root] == [report]
                assert [item.title for item in outline.root[0].children] == ["The ships and the town and the year that was"]
            assert str(result.Root.Lang) == "en"
            (link,) = result.pages[0].Annots
            assert str(link.A.URI) == "https://example.org/"
            assert str(result.docinfo.Title) == report


def test_scans_are_pdf_a_by_the_rules_that_are_relied_on(openers: Openers, tmp_path: Path) -> None:
    words = typed_lines(LINES)
    image = tmp_path / "scan.png"
    draw(words, mode="RGB").save(image)
    letter = pdf_of_text(tmp_path / "letter.pdf", ["Dear reader of this letter"])
    for path, kind, is_archival in (
        (image, "image", True),
        (scan_pdf(tmp_path / "scan.pdf", words, crop=True), "pdf", True),
        (letter, "pdf", False),
    ):
        made = searchable(openers, path, kind, [page_of(words)])  # type: ignore[arg-type]
        assert made == searchable(openers, path, kind, [page_of(words)]), "the same readings give the same bytes"  # type: ignore[arg-type]
        with pikepdf.open(io.BytesIO(made)) as pdf:
            metadata = pdf.Root.Metadata.read_bytes() if "/Metadata" in pdf.Root else b""
            assert (b"<pdfaid:part>2</pdfaid:part>" in metadata) is is_archival
            if is_archival:
                assert_archival(pdf)
            assert not pdf.check_pdf_syntax()


def assert_archival(pdf: pikepdf.Pdf) -> None:
    """Hold a PDF against the rules of ISO 19005-2, level B, that concern what is in a scan with invisible text."""
    assert not find_obstacles(pdf)
    assert not pdf.is_encrypted
    assert "/ID" in pdf.trailer
    (intent,) = pdf.Root.OutputIntents
    assert intent.S == pikepdf.Name.GTS_PDFA1
    assert intent.DestOutputProfile.read_bytes()[36:40] == b"acsp"
    title = str(pdf.docinfo.Title)
    with pdf.open_metadata() as metadata:
        assert metadata.pdfa_status == "2B"
        assert metadata["dc:title"] == title
        assert metadata["pdf:Producer"] == str(pdf.docinfo.Producer)
    fonts = [one for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == pikepdf.Name.Font]
    for font in fonts:
        if font.Subtype == pikepdf.Name.Type0:
            assert b"beginbfchar" in font.ToUnicode.read_bytes()
        else:
            assert font.FontDescriptor.FontFile2.read_bytes()
            assert set(font.CIDToGIDMap.read_bytes()[3::2]) == {1}, "no character is shown by the missing glyph"


def test_pictures_of_many_pages_wait_in_files(tmp_path: Path) -> None:
    from document_parser.export.searchable.pictures import MAX_WAITING_BYTES, WaitingPictures
    from document_parser.models.page_picture import PictureTile

    pictures = WaitingPictures(tmp_path)
    tile = PictureTile(width=1, height=1, encoding="DCTDecode", colours="rgb", length=0)
    size = MAX_WAITING_BYTES // 3
    for number in range(9):
        pictures.add(tile, bytes([number]) * size)
    assert len(list(tmp_path.iterdir())) == 2
    pdf, opened = pikepdf.new(), []
    copies = [copy.read_raw_bytes() for copy in pictures.copies(pdf, opened)]
    assert [copy[0] for copy in copies] == list(range(9))
    for one in opened:
        one.close()


def test_the_shapes_of_the_font_have_no_area_and_fill_the_box_that_is_declared() -> None:
    fonts = pytest.importorskip("fontTools.ttLib", reason="fontTools comes with WeasyPrint, which is not installed")
    from importlib.resources import files

    from document_parser.export.searchable.content import GLYPH_WIDTH

    font = fonts.TTFont(io.BytesIO(files("document_parser.export.searchable").joinpath("glyphless.ttf").read_bytes()))
    assert font["maxp"].numGlyphs == 2
    assert {advance for advance, _ in font["hmtx"].metrics.values()} == {GLYPH_WIDTH * font["head"].unitsPerEm // 1000}
    for name in font.getGlyphOrder():
        # A line there and back: programs that mark text take the height of the mark from the shape.
        points, _, _ = font["glyf"][name].getCoordinates(font["glyf"])
        assert list(points) == [(0, 0), (GLYPH_WIDTH, 1000)]
