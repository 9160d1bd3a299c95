"""Damaged files: whatever of a page's data is missing or does not decode is said, and what can be shown is read."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray
from pikepdf import Dictionary, Name
from PIL import Image, TiffImagePlugin
from reportlab.lib.utils import ImageReader

from document_parser.engines.rapidocr.engine import RapidOcrEngine
from document_parser.engines.registry import Engines
from document_parser.errors import DamagedDocument
from document_parser.models import Damage, Options, Page, PageFacts, PageImageSpec, Reading, Word
from document_parser.pipeline.reading.damage import damage_warnings
from document_parser.pipeline.reading.read_page import read_page, read_plain
from document_parser.pipeline.reading.textless import has_no_text
from document_parser.settings import DeepSeekSettings, EngineSettings, NanonetsSettings, Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.pdf.stream_checks import check_jpeg
from document_parser.sources.source import Openers
from tests.support import documents
from tests.support.service import NOBODY

TEXT = "\n".join(
    f"Clause {number} of the lease obliges the tenant to pay {number * 37 % 101} crowns." for number in range(1, 31)
)
CONTENTS = b"BT /F 11 Tf 14 TL 60 780 Td\n" + b"".join(b"(%s) Tj T*\n" % line.encode() for line in TEXT.split("\n")) + b"ET"
PICTURE = documents.page_picture(TEXT.replace("\n", " "), (620, 877), 14)
FAX = {"/Columns": 620, "/K": -1}


@pytest.fixture(scope="module")
def openers() -> Iterator[Openers]:
    with Openers.start(OpenerLimits(memory_mb=768, timeout_seconds=30, max_image_megapixels=100)) as started:
        yield started


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def fax_data() -> bytes:
    """The picture as Group 4 data, from the one strip of a TIFF."""
    before, TiffImagePlugin.STRIP_SIZE = TiffImagePlugin.STRIP_SIZE, 1 << 24
    try:
        tiff = saved(PICTURE.convert("1"), "TIFF", compression="group4")
    finally:
        TiffImagePlugin.STRIP_SIZE = before
    tags = Image.open(io.BytesIO(tiff)).tag_v2
    return tiff[tags[273][0] :][: tags[279][0]]


def run_lengths(data: bytes) -> bytes:
    runs = (data[start : start + 128] for start in range(0, len(data), 128))
    return b"".join(bytes([len(run) - 1]) + run for run in runs) + b"\x80"


def lzw(data: bytes) -> bytes:
    """As libtiff writes it, which is how a PDF has it."""
    tiff = saved(Image.frombytes("L", (len(data), 1), data), "TIFF", compression="tiff_lzw")
    tags = Image.open(io.BytesIO(tiff)).tag_v2
    return tiff[tags[273][0] :][: tags[279][0]]


def a85(data: bytes) -> bytes:
    return base64.a85encode(data) + b"~>"


FLATE, A85, LZW, HEX = Name.FlateDecode, Name.ASCII85Decode, Name.LZWDecode, Name.ASCIIHexDecode
STREAMS = {
    "contents, Flate": (zlib.compress(CONTENTS), FLATE, "contents"),
    "contents, ASCII85 and Flate": (a85(zlib.compress(CONTENTS)), [A85, FLATE], "contents"),
    "contents, ASCII85": (a85(CONTENTS), A85, "contents"),
    "contents, hexadecimal": (CONTENTS.hex().encode() + b">", HEX, "contents"),
    "contents, run lengths": (run_lengths(CONTENTS), Name.RunLengthDecode, "contents"),
    "contents, LZW": (lzw(CONTENTS), LZW, "contents"),
    "form, Flate": (zlib.compress(CONTENTS), FLATE, "form"),
    "pattern, Flate": (zlib.compress(CONTENTS), FLATE, "pattern"),
    "annotation, Flate": (zlib.compress(CONTENTS), FLATE, "annotation"),
    "letter of a font, Flate": (zlib.compress(b"700 0 0 0 700 700 d1 0 0 700 700 re f"), FLATE, "font"),
    "picture, DCT": (saved(PICTURE, "JPEG"), Name.DCTDecode, "picture"),
    "picture, progressive DCT": (saved(PICTURE, "JPEG", progressive=True), Name.DCTDecode, "picture"),
    "picture, Flate": (zlib.compress(PICTURE.tobytes()), FLATE, "picture"),
    "picture, CCITT Group 4": (fax_data(), Name.CCITTFaxDecode, "picture"),
    "picture, JPX": (saved(PICTURE, "JPEG2000"), Name.JPXDecode, "picture"),
    "picture, ASCII85 and DCT": (a85(saved(PICTURE, "JPEG")), [A85, Name.DCTDecode], "picture"),
    "picture, ASCII85 and Flate": (a85(zlib.compress(PICTURE.tobytes())), [A85, FLATE], "picture"),
    "picture, hexadecimal": (PICTURE.tobytes().hex().encode() + b">", HEX, "picture"),
    "picture, run lengths": (run_lengths(PICTURE.tobytes()), Name.RunLengthDecode, "picture"),
    "picture, LZW": (lzw(PICTURE.tobytes()), LZW, "picture"),
    "picture in the contents, Flate": (zlib.compress(PICTURE.tobytes()), [Name("/Fl")], "inline"),
    "picture in the contents, ASCII85 and Flate": (
        a85(zlib.compress(PICTURE.tobytes())),
        [Name("/A85"), Name("/Fl")],
        "inline",
    ),
}


def flipped(raw: bytes) -> bytes:
    """With one byte changed, in the first half."""
    place = len(raw) * 2 // 5
    return raw[:place] + bytes([raw[place] ^ 0x3C]) + raw[place + 1 :]


DAMAGE = {
    "flipped": flipped,
    "cut": lambda raw: raw[: len(raw) * 7 // 10],
    "emptied": lambda raw: raw[:1],
    "missing": None,
}


def pdf_of(path: Path, stream: str, damage: str = "") -> Path:
    """A page of this one stream, sound or damaged."""
    raw, filters, part = STREAMS[stream]
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=documents.A4)
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    page.obj.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)), XObject=Dictionary())
    damaged = pdf.make_stream(b"-")
    if part == "picture":
        bits = 1 if filters == Name.CCITTFaxDecode else 8
        damaged.stream_dict = Dictionary(
            Type=Name.XObject, Subtype=Name.Image, Width=620, Height=877, BitsPerComponent=bits, ColorSpace=Name.DeviceGray
        )
    elif part in {"form", "annotation"}:
        damaged.stream_dict = Dictionary(
            Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, *documents.A4], Resources=page.obj.Resources
        )
    elif part == "pattern":
        damaged.stream_dict = Dictionary(
            Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1, BBox=[0, 0, *documents.A4], XStep=595, YStep=842,
            Resources=page.obj.Resources,
        )  # fmt: skip
    change = DAMAGE[damage] if damage else bytes
    data = change(raw) if change else raw
    damaged.write(data, filter=filters, decode_parms=Dictionary(FAX) if filters == Name.CCITTFaxDecode else None)
    place(pdf, page.obj, part, damaged, data)
    pdf.save(path, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable, static_id=True)
    if change is None:
        lose_object(path, part)
    return path


def place(pdf: pikepdf.Pdf, page: pikepdf.Object, part: str, stream: pikepdf.Stream, data: bytes) -> None:
    """Have the page show the stream."""
    resources = page.Resources
    if part == "contents":
        page.Contents = stream
        return
    calls = {
        "form": b"/X Do",
        "annotation": b"",
        "pattern": b"/Pattern cs /X scn 0 0 595 842 re f",
        "font": b"BT /F 20 Tf 60 700 Td (aaa) Tj ET",
        "picture": b"595 0 0 842 0 0 cm /X Do",
    }
    if part == "inline":
        names = stream.Filter
        filters = b" ".join(str(name).encode() for name in ([names] if isinstance(names, Name) else names))
        head = b"595 0 0 842 0 0 cm BI /W 620 /H 877 /BPC 8 /CS /G /F [%s] ID " % filters
        page.Contents = pdf.make_stream(head + data + b"\nEI ")
        return
    page.Contents = pdf.make_stream(calls[part])
    if part == "pattern":
        resources.Pattern = Dictionary(X=stream)
    elif part == "annotation":
        stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=[0, 0, *documents.A4], F=4, AP=Dictionary(N=stream))
        page.Annots = [pdf.make_indirect(stamp)]
    elif part == "font":
        resources.Font.F = pdf.make_indirect(
            Dictionary(
                Type=Name.Font, Subtype=Name.Type3, FontBBox=[0, 0, 700, 700], FontMatrix=[0.001, 0, 0, 0.001, 0, 0],
                CharProcs=Dictionary(a=stream), Encoding=Dictionary(Differences=[97, Name.a]), FirstChar=97, LastChar=97,
                Widths=[700],
            )
        )  # fmt: skip
    else:
        resources.XObject.X = stream


def lose_object(path: Path, part: str) -> None:
    """Give the object of the damaged stream another number, so that what names it finds nothing."""
    with pikepdf.open(path) as pdf:
        page = pdf.pages[0].obj
        number = (page.Contents if part == "contents" else page.Resources.XObject.X).objgen[0]
    raw = path.read_bytes()
    assert raw.count(b"\n%d 0 obj" % number) == 1
    path.write_bytes(raw.replace(b"\n%d 0 obj" % number, b"\n9 0 obj"))


def found(openers: Openers, path: Path, kind: str = "pdf") -> list[Damage]:
    async def ask() -> list[Damage]:
        async with await openers.open(path, kind) as source:
            return await source.damage(1)

    return asyncio.run(ask())


CPU = RapidOcrEngine(Settings())
"""Shared by all tests, so that its models are loaded once."""


def read(openers: Openers, path: Path, kind: str = "pdf", *, plain: bool = False, **options: object) -> Page:
    """The page as this machine reads it, without a model server and without Tesseract."""

    async def main() -> Page | None:
        settings = Settings(
            engines=EngineSettings(inference_mode="auto", tesseract_program=""),
            deepseek=DeepSeekSettings(url=NOBODY),
            nanonets=NanonetsSettings(url=NOBODY),
        )
        async with contextlib.aclosing(Engines(settings)) as made, await openers.open(path, kind) as source:
            engines = made.wrap(lambda engine: CPU if engine.name == "rapidocr" else engine)
            if plain:
                return await read_plain(source, await source.facts(1), "balanced", engines)
            return await read_page(source, 1, Options(**options), engines)

    return asyncio.run(main())


def codes(page: Page) -> list[str]:
    return [warning.code for warning in page.warnings]


# DCT data shows a changed byte mostly, see below; JPX data hardly ever: any code in it is one that exists.
# Of codes without a sum, every changed byte is another value.
UNSURE = {
    (stream, "flipped")
    for stream in (
        "picture, DCT", "picture, progressive DCT", "picture, JPX", "contents, ASCII85", "contents, run lengths",
        "contents, LZW", "picture, run lengths", "picture, LZW",
    )
}  # fmt: skip
# Without its object an annotation or a letter shows nothing, which is allowed; contents hold their pictures themselves.
NO_OBJECT = ("pattern", "annotation", "letter of a font", "picture in the contents")
CASES = [
    (stream, damage)
    for stream in STREAMS
    for damage in DAMAGE
    if (stream, damage) not in UNSURE and not (damage == "missing" and stream.startswith(NO_OBJECT))
]


@pytest.mark.parametrize(("stream", "damage"), CASES)
def test_damage_is_found_in_every_kind_of_stream(openers: Openers, tmp_path: Path, stream: str, damage: str):
    (first, *_) = found(openers, pdf_of(tmp_path / "a.pdf", stream, damage))
    part = {"pattern": "form", "annotation": "form", "inline": "picture"}.get(STREAMS[stream][2], STREAMS[stream][2])
    assert first.part == ("object" if damage == "missing" and part != "contents" else part)
    if damage == "cut" and first.promised is not None:
        assert first.decoded < 0.95 * first.promised
    if damage == "missing":
        assert first.fault == "missing"


@pytest.mark.parametrize("stream", STREAMS)
def test_a_sound_stream_is_not_suspected(openers: Openers, tmp_path: Path, stream: str):
    assert found(openers, pdf_of(tmp_path / "a.pdf", stream)) == []


@pytest.mark.parametrize("damage", ["cut", "emptied"])
@pytest.mark.parametrize("stream", ["picture, run lengths", "picture in the contents, Flate", "annotation, Flate"])
def test_a_page_of_a_damaged_stream_is_never_blank(openers: Openers, tmp_path: Path, stream: str, damage: str):
    page = read(openers, pdf_of(tmp_path / "a.pdf", stream, damage), accuracy_mode="fast")
    assert page.status != "blank"
    assert page.status == "failed" or "damaged_data" in codes(page)


def test_contents_that_are_empty_by_their_length_are_sound(openers: Openers, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(STREAMS, "form, Flate", (b"", FLATE, "form"))
    assert found(openers, pdf_of(tmp_path / "a.pdf", "form, Flate")) == []


def test_what_a_form_has_not_is_looked_for_on_its_page(openers: Openers, tmp_path: Path):
    path = pdf_of(tmp_path / "a.pdf", "picture, Flate")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        resources = pdf.pages[0].obj.Resources
        resources.XObject.Y = pdf.make_stream(b"595 0 0 842 0 0 cm /X Do")
        resources.XObject.Y.stream_dict = Dictionary(
            Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, *documents.A4], Resources=Dictionary()
        )
        pdf.pages[0].obj.Contents = pdf.make_stream(b"/Y Do")
        pdf.save(path)
    assert found(openers, path) == []


def test_the_data_of_a_picture_in_the_contents_may_begin_on_a_line_of_its_own(openers: Openers, tmp_path: Path):
    path = pdf_of(tmp_path / "a.pdf", "picture in the contents, Flate")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        contents = pdf.pages[0].obj.Contents.read_bytes()
        pdf.pages[0].obj.Contents = pdf.make_stream(contents.replace(b" ID ", b"\r\nID\r\n", 1))
        pdf.save(path)
    assert found(openers, path) == []


def test_a_picture_in_the_contents_may_have_the_word_that_ends_it(openers: Openers, tmp_path: Path, monkeypatch):
    data = b"\nEI " + PICTURE.tobytes()[4:]
    monkeypatch.setitem(STREAMS, "picture in the contents, Flate", (data.hex().encode() + b">", [Name("/AHx")], "inline"))
    assert found(openers, pdf_of(tmp_path / "a.pdf", "picture in the contents, Flate")) == []
    stored = zlib.compress(data, 0)
    monkeypatch.setitem(STREAMS, "picture in the contents, Flate", (stored, [Name("/Fl")], "inline"))
    assert b"\nEI " in stored
    assert found(openers, pdf_of(tmp_path / "a.pdf", "picture in the contents, Flate")) == []


def test_a_checksum_that_is_cut_off_loses_nothing_and_is_no_damage(openers: Openers, tmp_path: Path, monkeypatch):
    raw, filters, part = STREAMS["contents, Flate"]
    monkeypatch.setitem(STREAMS, "contents, Flate", (raw[:-3], filters, part))
    assert found(openers, pdf_of(tmp_path / "a.pdf", "contents, Flate")) == []


def test_most_changed_bytes_that_spoil_a_jpeg_are_found():
    spoiled = seen = 0
    for mode, quality in (("L", 75), ("RGB", 75), ("RGB", 92)):
        sound = saved(PICTURE.resize((1240, 1754)).convert(mode), "JPEG", quality=quality)
        pixels = grey(sound)
        for place in range(1000, len(sound) - 100, len(sound) // 30):
            changed = sound[:place] + bytes([sound[place] ^ 0x55]) + sound[place + 1 :]
            with contextlib.suppress(OSError):  # every decoder notices
                spoils = (abs(grey(changed) - pixels) > 64).mean() > 0.002
                spoiled += spoils
                seen += spoils and bool(check_jpeg(changed).fault)
    assert spoiled >= 20
    assert seen >= 0.5 * spoiled


def grey(raw: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(raw)).convert("L")).astype(np.int16)


def test_of_the_pages_of_a_damaged_stream_none_is_blank_or_unflagged(openers: Openers, tmp_path: Path):
    for stream, damage in (("contents, Flate", "emptied"), ("picture, Flate", "missing"), ("picture, CCITT Group 4", "cut")):
        page = read(openers, pdf_of(tmp_path / "a.pdf", stream, damage))
        assert page.status != "blank", (stream, damage)
        assert page.status == "failed" or page.is_flagged, (stream, damage)
        assert "damaged_data" in codes(page)


def test_what_is_read_of_a_damaged_page_says_what_is_damaged_and_how_much_of_it(openers: Openers, tmp_path: Path):
    page = read(openers, pdf_of(tmp_path / "a.pdf", "contents, Flate", "cut"))
    (warning,) = [warning for warning in page.warnings if warning.code == "damaged_data"]
    (damage,) = warning.details["damage"]
    assert (page.status, page.engine, page.is_flagged) == ("done", "text_layer", True)
    assert (damage["part"], damage["fault"], damage["encoding"]) == ("contents", "cut", "Flate")
    assert 0 < damage["decoded"] < len(CONTENTS)
    assert f"the page's contents (Flate) cut off after {damage['decoded']} bytes" in warning.message


def test_a_damaged_page_of_which_nothing_is_left_fails_with_its_code(openers: Openers, tmp_path: Path):
    page = read(openers, pdf_of(tmp_path / "a.pdf", "contents, Flate", "missing"))
    assert (page.status, page.error.code) == ("failed", "PAGE_DAMAGED")


def test_a_damaged_page_is_asked_of_the_engines(openers: Openers, tmp_path: Path):
    assert read(openers, pdf_of(tmp_path / "a.pdf", "contents, Flate"), plain=True).engine == "text_layer"
    assert read(openers, pdf_of(tmp_path / "b.pdf", "contents, Flate", "cut"), plain=True) is None


def test_a_damaged_page_fails_where_no_doubtful_reading_is_wanted(openers: Openers, tmp_path: Path):
    page = read(openers, pdf_of(tmp_path / "a.pdf", "contents, Flate", "cut"), on_low_quality="fail")
    assert (page.status, page.error.code) == ("failed", "PAGE_IN_DOUBT")


def test_contents_that_paint_and_of_which_no_object_comes_are_damaged(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"BT /F 12 Tf 72 700 Td (Rent: 200) Tj")
    sound = found(openers, path)
    path.write_bytes(
        path.read_bytes().replace(b"BT /F 12 Tf 72 700 Td (Rent: 200) Tj", b"(((((((((((((((((((((((((((((((() Tj "[:36])
    )
    assert sound == []
    (damage,) = found(openers, path)
    assert damage.part == "contents"


def test_an_empty_page_is_blank_and_sound(openers: Openers, tmp_path: Path):
    for operators in (b"", b"q Q", b"/Artifact BMC EMC", b"1 0 0 1 0 0 cm"):
        assert found(openers, documents.pdf_of_operators(tmp_path / "a.pdf", operators)) == []


# --- files that every viewer opens


def lease(tmp_path: Path) -> bytes:
    return documents.pdf_of_text(tmp_path / "lease.pdf", ["First page of the lease.", "Second page of the lease."]).read_bytes()


def without_table(raw: bytes) -> bytes:
    return raw[: raw.rindex(b"\nxref")]


BROKEN = {
    "junk before the header": lambda raw: b"junk " * 1000 + raw,
    "a cut tail": lambda raw: raw[:-120],
    "no trailer": without_table,
    "a wrong startxref": lambda raw: raw[: raw.rindex(b"startxref")] + b"startxref\n99999999\n%%EOF\n",
    "a broken table": lambda raw: raw[: raw.rindex(b"\nxref")] + b"\nxref\n0 3\nxxxxxxxxxx" + raw[raw.rindex(b"trailer") - 1 :],
    "no header": lambda raw: raw[raw.index(b"\n") :],
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_pdf_that_viewers_open_is_read(openers: Openers, tmp_path: Path, broken: str):
    path = tmp_path / "a.pdf"
    path.write_bytes(BROKEN[broken](lease(tmp_path)))
    page = read(openers, path)
    assert [block.text for block in page.blocks] == ["First page of the lease."]
    assert (codes(page), page.is_flagged) == (["repaired"], False)


def test_a_pdf_that_was_rebuilt_says_so(openers: Openers, tmp_path: Path):
    path = tmp_path / "a.pdf"
    path.write_bytes(BROKEN["junk before the header"](lease(tmp_path)))
    page = read(openers, path)
    assert (codes(page), page.is_flagged) == (["repaired"], False)
    assert "cross-reference table" in page.warnings[0].message


def test_a_page_whose_contents_only_qpdf_finds_is_rebuilt_for_whatever_is_asked_first(openers: Openers, tmp_path: Path):
    raw = without_compression(lease(tmp_path))
    start = raw.rindex(b" 0 obj", 0, raw.index(b"Second page of the lease."))
    start = raw.rindex(b"\n", 0, start) + 1
    entry = b"%010d 00000 n" % start
    assert entry in raw
    path = tmp_path / "a.pdf"
    path.write_bytes(raw.replace(entry, b"%010d 00000 n" % (start + 7)))

    async def words() -> str:
        async with await openers.open(path, "pdf") as source:
            return " ".join(word.text for word in await source.words(2))

    assert asyncio.run(words()) == "Second page of the lease."


def without_compression(raw: bytes) -> bytes:
    """The PDF with its streams and its cross-reference table in plain text."""
    plain = io.BytesIO()
    with pikepdf.open(io.BytesIO(raw)) as pdf:
        pdf.save(
            plain,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    return plain.getvalue()


def test_pages_that_the_file_promises_and_has_not_are_missed(openers: Openers, tmp_path: Path):
    raw = lease(tmp_path)
    path = tmp_path / "a.pdf"
    path.write_bytes(b"junk " * 1000 + raw.replace(b"/Count 2", b"/Count 9"))
    damage = [one for one in found(openers, path) if one.part == "pages"]
    assert [(one.decoded, one.promised) for one in damage] == [(2, 9)]


def test_a_page_whose_tree_leads_back_to_itself_is_read(openers: Openers, tmp_path: Path):
    path = pdf_of(tmp_path / "a.pdf", "contents, Flate")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        tree = pdf.Root.Pages
        tree.Kids = [*tree.Kids, tree]
        pdf.save(path)
    assert found(openers, path) == []
    assert read(openers, path, accuracy_mode="fast").status == "done"


# --- pictures that end early


PICTURES = {
    "jpeg": lambda: saved(PICTURE, "JPEG"),
    "progressive jpeg": lambda: saved(PICTURE, "JPEG", progressive=True),
    "png": lambda: saved(PICTURE, "PNG"),
    "bmp": lambda: saved(PICTURE, "BMP"),
    "tiff": lambda: saved(PICTURE, "TIFF"),
    "tiff, group 4": lambda: fax_tiff(),
    "tiff of tiles": lambda: tiled_tiff(),
}


def fax_tiff() -> bytes:
    """A Group 4 TIFF of one strip, its directory before the data."""
    data = fax_data()
    tags = [(256, 620), (257, 877), (258, 1), (259, 4), (262, 1), (273, 134), (277, 1), (278, 877), (279, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return (b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)).ljust(134, b"\0") + data


def tiled_tiff() -> bytes:
    """Flate tiles of 128 pixels, the directory before the data."""
    paper = Image.new("L", (640, 896), 255)  # the tiles at the edges go beyond the picture
    paper.paste(PICTURE)
    corners = [(x, y) for y in range(0, 896, 128) for x in range(0, 640, 128)]
    tiles = [zlib.compress(paper.crop((x, y, x + 128, y + 128)).tobytes()) for x, y in corners]
    first, lists = 10 + 12 * 10 + 4, len(tiles) * 4
    tags = [(256, 620), (257, 877), (258, 8), (259, 8), (262, 1), (277, 1), (322, 128), (323, 128)]
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    entries += b"".join(struct.pack("<HHII", tag, 4, len(tiles), at) for tag, at in ((324, first), (325, first + lists)))
    counts = [len(tile) for tile in tiles]
    starts = [first + 2 * lists + sum(counts[:number]) for number in range(len(tiles))]
    head = b"II*\0" + struct.pack("<IH", 8, 10) + entries + bytes(4)
    return head + struct.pack(f"<{2 * len(tiles)}I", *starts, *counts) + b"".join(tiles)


@pytest.mark.parametrize("kept", [0.97, 0.8, 0.5])
@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_that_ends_early_shows_what_is_there(openers: Openers, tmp_path: Path, picture: str, kept: float):
    raw = PICTURES[picture]()
    path, whole = tmp_path / "a", tmp_path / "whole"
    path.write_bytes(raw[: int(len(raw) * kept)])
    whole.write_bytes(raw)
    (damage,) = found(openers, path, "image")
    assert (damage.part, damage.fault, damage.promised) == ("frame", "cut", 877)
    ink, all_ink = ink_of(openers, path), ink_of(openers, whole)
    if "progressive" in picture:
        assert ink > 0
    else:
        assert 0.3 * kept < damage.decoded / 877 <= 1
        assert 0.3 * kept < ink / all_ink < 1.05


def ink_of(openers: Openers, path: Path) -> float:
    async def ask() -> float:
        async with await openers.open(path, "image") as source:
            return (await source.render(1, PageImageSpec())).ink

    return asyncio.run(ask())


def test_a_cut_picture_says_which_share_of_it_is_there(openers: Openers, tmp_path: Path):
    raw = PICTURES["jpeg"]()
    (tmp_path / "a").write_bytes(raw[: len(raw) // 2])
    (warning,) = damage_warnings(found(openers, tmp_path / "a", "image"), repaired=False)
    assert warning.code == "cut_off"
    assert 0.3 < warning.details["share"] < 0.7


def test_a_jpeg_without_its_end_marker_is_whole(openers: Openers, tmp_path: Path):
    (tmp_path / "a").write_bytes(PICTURES["jpeg"]()[:-2])
    assert [warning.code for warning in damage_warnings(found(openers, tmp_path / "a", "image"), repaired=False)] == [
        "repaired"
    ]


def test_a_jpeg_of_12_bits_in_a_pdf_is_said_to_be_missing_as_viewers_show_nothing_of_it(openers: Openers, tmp_path: Path):
    raw = bytearray(PICTURES["jpeg"]())
    raw[raw.index(b"\xff\xc0") + 4] = 12
    facts = {"Type": Name.XObject, "Subtype": Name.Image, "Width": PICTURE.width, "Height": PICTURE.height}
    facts |= {"BitsPerComponent": 8, "ColorSpace": Name.DeviceRGB, "Filter": Name.DCTDecode}
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(400, 300))
    image = pikepdf.Stream(pdf, bytes(raw), **facts)
    page.Resources = Dictionary(XObject=Dictionary(Scan=image))
    page.Contents = pikepdf.Stream(pdf, b"400 0 0 300 0 0 cm /Scan Do")
    pdf.save(tmp_path / "a.pdf")
    (damage,) = found(openers, tmp_path / "a.pdf")
    assert (damage.part, damage.fault, damage.decoded) == ("picture", "undecodable", 0)


def test_what_a_decoder_writes_to_stderr_is_a_reason(openers: Openers, tmp_path: Path):
    raw = bytearray(fax_tiff())
    raw[134 + len(raw) // 3] ^= 0x3C
    (tmp_path / "a").write_bytes(raw)
    (damage,) = found(openers, tmp_path / "a", "image")
    assert damage.fault == "corrupt"
    assert "Bad code word at line" in damage.decoder
    assert "/" not in damage.decoder


def test_every_changed_byte_of_flate_data_in_a_tiff_is_found(openers: Openers, tmp_path: Path):
    path, raw = tmp_path / "a.tiff", saved(PICTURE, "TIFF", compression="tiff_adobe_deflate")
    tags = Image.open(io.BytesIO(raw)).tag_v2
    start, end = tags[273][0], tags[273][-1] + tags[279][-1]
    path.write_bytes(raw)
    assert found(openers, path, "image") == []
    for place in range(start + 100, end, (end - start) // 9):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 0x3C]) + raw[place + 1 :])
        assert found(openers, path, "image")


def test_a_picture_of_which_nothing_is_there_is_refused(openers: Openers, tmp_path: Path):
    for name, picture in PICTURES.items():
        if name not in {"tiff, group 4", "progressive jpeg"}:  # these make something of any beginning
            (tmp_path / "a").write_bytes(picture()[:160])
            with pytest.raises(DamagedDocument):
                found(openers, tmp_path / "a", "image")


# --- pages that show something and say nothing


def test_a_page_that_only_shows_a_photograph_is_a_page_with_a_figure(openers: Openers, tmp_path: Path):
    canvas = documents.Canvas(str(tmp_path / "a.pdf"))
    canvas.drawImage(ImageReader(documents.photograph(600, 850)), 0, 0, *documents.A4)
    canvas.save()
    page = read(openers, tmp_path / "a.pdf")
    assert (page.status, [block.kind for block in page.blocks]) == ("done", ["figure"])
    assert "engine_fallback" not in codes(page)


def test_a_page_with_an_empty_frame_is_empty_and_says_why(openers: Openers, tmp_path: Path):
    path = documents.pdf_of_operators(tmp_path / "a.pdf", b"3 w 60 80 450 600 re S 60 300 m 510 300 l S")
    page = read(openers, path)
    (warning,) = page.warnings
    assert (page.status, page.blocks, warning.code) == ("done", [], "low_coverage")
    assert "No engine found text on the page" in warning.message


def test_a_page_of_drawn_shapes_is_no_writing_in_unknown_letters(openers: Openers, tmp_path: Path):
    box, arch = b"0.5 0.75 1 rg 200 300 50 75 re B", b"0.7 g 300 300 m 300 400 400 400 400 300 c b"
    dotted = b"[4 6] 0 d 4 w 150 250 m 400 250 l S"
    page = read(openers, documents.pdf_of_operators(tmp_path / "a.pdf", b" ".join([box, arch, dotted])))
    assert (page.status, [warning.code for warning in page.warnings]) == ("done", ["low_coverage"])


@pytest.mark.parametrize(("text", "writing"), [("■", False), ("▲ ●", False), ("D", True), (".", True), ("", True)])
def test_a_drawn_shape_that_is_taken_for_a_sign_is_no_text(text, writing):
    line = Word(text, 0.1, 0.1, 0.3, 0.2, confidence=0.6)
    found = Reading("rapidocr", uncertain_lines=[line])
    assert has_no_text(found, PageFacts(number=1, width_points=595, height_points=842)) is not writing


def test_a_model_that_is_silent_does_not_make_a_page_of_text_a_figure():
    silent = Reading("deepseek")
    assert not has_no_text(silent, PageFacts(number=1, width_points=595, height_points=842))
