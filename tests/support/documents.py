"""Documents made for tests: readable ones, odd ones, and ones that mean harm."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

from tests.support.stamp import draw_stamp

PARAGRAPH = (
    "The agreement between the two parties begins on the first day of March and ends after three years. Each party may give "
    "notice in writing, six months before the end of a year. Payment is due within thirty days of the date of the invoice. "
)


def pdf_of_text(path: Path, pages: Sequence[str], two_columns: bool = False) -> Path:
    """A PDF with a sound text layer: each text wrapped on a page of A4, in one column or two."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    for text in pages:
        width = 225.0 if two_columns else 470.0
        lines = wrapped(text, width)
        middle = (len(lines) + 1) // 2 if two_columns else len(lines)
        for left, column in ((60.0, lines[:middle]), (310.0, lines[middle:])):
            _write(canvas, left, column)
        canvas.showPage()
    canvas.save()
    return path


def report_pdf(path: Path) -> Path:
    """A heading, text and a ruled table, and a blank page."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica-Bold", 22)
    canvas.drawString(72, 760, "Quarterly report")
    canvas.setFont("Helvetica", 11)
    for line, text in enumerate(
        ("The shop was open on every working day of the quarter.", "Three quarters of the goods were sold.")
    ):
        canvas.drawString(72, 720 - 16 * line, text)
    rows = [
        ("Item", "Pieces", "Amount"),
        ("Brake lining", "12", "148.50"),
        ("Door roller", "6", "19.75"),
        ("Gear oil", "4", "23.10"),
    ]
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            canvas.rect(72 + 150 * column, 620 - 22 * row, 150, 22)
            canvas.drawString(78 + 150 * column, 627 - 22 * row, text)
    canvas.showPage()
    canvas.showPage()
    canvas.save()
    return path


def table_pdf(path: Path, rows: Sequence[Sequence[str]], below: str = "") -> Path:
    """A digital page with one ruled table, and a text below it."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    _draw_table(canvas, rows)
    for number, line in enumerate(wrapped(below, 470.0)):
        canvas.drawString(60, 740 - len(rows) * 20 - 14 * number, line)
    canvas.save()
    return path


def tables_pdf(path: Path, tables: Sequence[Sequence[Sequence[str]]]) -> Path:
    """A digital document with a page for each ruled table, and a line of text below each."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    for rows in tables:
        _draw_table(canvas, rows)
        canvas.drawString(60, 700 - len(rows) * 20, "The figures above were checked by hand.")
        canvas.showPage()
    canvas.save()
    return path


def _draw_table(canvas: Canvas, rows: Sequence[Sequence[str]], height: float = 20) -> None:
    canvas.setFont("Helvetica", 11)
    width = 470 / len(rows[0])
    for number, cells in enumerate(rows):
        for column, text in enumerate(cells):
            canvas.rect(60 + column * width, 770 - number * height, width, height)
            canvas.drawString(66 + column * width, 776 - number * height, text)


def wrapped(text: str, width: float, font: str = "Helvetica", size: float = 11) -> list[str]:
    """The text's lines, broken at spaces so that none is wider than ``width`` points."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}".strip()
            if line and stringWidth(longer, font, size) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def _write(canvas: Canvas, left: float, lines: Iterable[str]) -> None:
    text = canvas.beginText(left, 770)
    text.setFont("Helvetica", 11, 14)
    for line in lines:
        text.textLine(line)
    canvas.drawText(text)


def page_picture(text: str, size: tuple[int, int] = (1240, 1754), font_size: int = 26, paper: int = 255) -> Image.Image:
    """A page as a scanner would see it: dark text on paper, A4 at 150 dpi unless told otherwise."""
    image = Image.new("L", size, paper)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=font_size)
    margin, y = size[0] // 12, size[1] // 16
    for paragraph in text.split("\n"):
        line = ""
        for word in [*paragraph.split(" "), None]:
            longer = line if word is None else f"{line} {word}".strip()
            if word is None or draw.textlength(longer, font=font) > size[0] - 2 * margin:
                draw.text((margin, y), line, font=font, fill=20)
                y += round(font_size * 1.5)
                longer = word or ""
            line = longer
    return image


def photograph(width: int, height: int) -> Image.Image:
    """Something of many tones, without an edge or a letter in it."""
    across, down = np.meshgrid(np.linspace(0, 6, width), np.linspace(0, 5, height))
    waves = np.sin(across * 2.1 + np.cos(down)) + np.cos(down * 1.7 - across)
    tones = 105 + 45 * waves + np.random.default_rng(1).normal(0, 6, waves.shape)
    return Image.fromarray(np.stack((tones, tones * 0.9, tones * 0.8), axis=-1).clip(0, 215).astype(np.uint8))


def illustrated_scan(words_on_it: str = "HARBOUR 1954") -> Image.Image:
    """A page as a scanner would see it: text, a photograph that words stand on, its caption, and text."""
    image = page_picture(PARAGRAPH).convert("RGB")
    image.paste(photograph(640, 440), (300, 420))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=26)
    draw.rectangle((360, 760, 640, 810), "white")
    draw.text((375, 768), words_on_it, "black", font)
    draw.text((300, 885), "Figure 3: The harbour as it was before the fire.", fill=20, font=font)
    image.paste(page_picture(PARAGRAPH).crop((0, 90, image.width, 400)), (0, 1000))
    return image


def scanned_pdf(path: Path, page_texts: Sequence[str], turned: dict[int, int] | None = None, dpi: int = 150) -> Path:
    """A PDF of pictures only. ``turned`` says by how many degrees clockwise which page (from 1) lies turned in it."""
    canvas = Canvas(str(path), invariant=True)
    for number, text in enumerate(page_texts, start=1):
        image = page_picture(text, (round(8.27 * dpi), round(11.69 * dpi)), round(dpi / 6))
        image = image.rotate(-(turned or {}).get(number, 0), expand=True)
        width, height = image.width * 72 / dpi, image.height * 72 / dpi
        canvas.setPageSize((width, height))
        canvas.drawImage(ImageReader(image), 0, 0, width, height)
        canvas.showPage()
    canvas.save()
    return path


def illustrated_pdf(path: Path, pages: int = 1, rotation: int = 0) -> Path:
    """Pages of text around a red picture, set as two strips, with its caption below; a small logo stands in a corner."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    strip = ImageReader(Image.new("RGB", (40, 20), (200, 0, 0)))
    logo = ImageReader(Image.new("RGB", (20, 20), (0, 0, 200)))
    for number in range(1, pages + 1):
        canvas.setPageRotation(rotation)
        for place, line in enumerate(wrapped(PARAGRAPH, 470)):
            canvas.drawString(60, 760 - 14 * place, line)
        canvas.drawImage(strip, 150, 500, 200, 100)
        canvas.drawImage(strip, 150, 400, 200, 100)
        canvas.drawImage(logo, 540, 800, 24, 24)
        canvas.drawString(150, 380, f"Figure {number}: A red field.")
        for place, line in enumerate(wrapped(PARAGRAPH, 470)):
            canvas.drawString(60, 340 - 14 * place, line)
        canvas.showPage()
    canvas.save()
    return path


def encrypted_pdf(path: Path, user_password: str, text: str = "Secret text") -> Path:
    """A PDF that opens with ``user_password`` only; an empty one opens for everybody."""
    encryption = StandardEncryption(user_password, ownerPassword="owner", strength=128)
    canvas = Canvas(str(path), pagesize=A4, encrypt=encryption)
    canvas.drawString(72, 700, text)
    canvas.save()
    return path


def picture(path: Path, text: str, format: str = "PNG", **options: object) -> Path:
    """A picture of a few lines of text, 1000 x 700 pixels. ``options`` go to Pillow's save."""
    page_picture(text, (1000, 700), 36).convert("RGB").save(path, format, **options)
    return path


def multi_frame_tiff(path: Path, texts: Sequence[str]) -> Path:
    """A TIFF with one frame a text."""
    frames = [page_picture(text, (700, 400), 32) for text in texts]
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:])
    return path


def truncated(source: Path, path: Path, keep: float = 0.5) -> Path:
    """The first part of a file."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def png_bomb(path: Path, side: int = 50_000) -> Path:
    """A few hundred kB that decode to ``side`` x ``side`` pixels."""
    squeezer, data = zlib.compressobj(9), BytesIO()
    for _ in range(side):
        data.write(squeezer.compress(b"\0" * (1 + side // 8)))
    data.write(squeezer.flush())
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data.getvalue()), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks))
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def raw_pdf(path: Path, objects: Sequence[bytes]) -> Path:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    data, offsets = BytesIO(), []
    data.write(b"%PDF-1.7\n")
    for number, body in enumerate(objects, start=1):
        offsets.append(data.tell())
        data.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    table = data.tell()
    data.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    data.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    data.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    path.write_bytes(data.getvalue())
    return path


def stream(body: bytes, extra: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< /Length %d %s >>\nstream\n" % (len(body), extra) + body + b"\nendstream"


def _page(contents: int, more: bytes = b"", resources: bytes = b"/Font << /F 4 0 R >>") -> bytes:
    box = b"" if b"/MediaBox" in more else b"/MediaBox [0 0 612 792]"
    return b"<< /Type /Page /Parent 2 0 R %s /Resources << %s >> /Contents %d 0 R %s >>" % (box, resources, contents, more)


_CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def pdf_of_operators(path: Path, operators: bytes, more: bytes = b"") -> Path:
    """One page with these content operators; the font is /F, ``more`` are further entries of the page."""
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return raw_pdf(path, [_CATALOGUE, pages, _page(5, more), _FONT, stream(operators)])


def large_pdf(path: Path, text: str, padding: int) -> Path:
    """A page of text, and a stream of noise that nothing shows."""
    operators = f"BT /F 12 Tf 50 700 Td ({text}) Tj ET".encode()
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    noise = stream(random.Random(1).randbytes(padding))
    return raw_pdf(path, [_CATALOGUE, pages, _page(5), _FONT, stream(operators), noise])


def pdf_of_form(path: Path, operators: bytes, more: bytes = b"") -> Path:
    """One page that calls a form with these content operators; ``more`` are further entries of the form."""
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F 4 0 R >> >> " + more
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /XObject << /X 6 0 R >> >> >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return raw_pdf(path, [_CATALOGUE, pages, page, _FONT, stream(b"/X Do"), stream(operators, form)])


def dynamic_form_pdf(path: Path) -> Path:
    """An XFA form, whose one page says that other programs cannot show it."""
    catalogue = b"<< /Type /Catalog /Pages 2 0 R /NeedsRendering true /AcroForm << /Fields [] /XFA 6 0 R >> >>"
    note = stream(b"BT /F 24 Tf 72 700 Td (Please wait until the form is shown) Tj ET")
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return raw_pdf(path, [catalogue, pages, _page(5), _FONT, note, stream(b"<xdp:xdp/>")])


_GOOD_PAGE_AND_ANOTHER = (
    _CATALOGUE,
    b"<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>",
    _page(5),
    _FONT,
    stream(b"BT /F 24 Tf 72 700 Td (A good page) Tj ET"),
)
"""The first objects of a file whose second page is object 6, and yet to come."""


def endless_page_pdf(path: Path, levels: int = 12, fanout: int = 10) -> Path:
    """Page 1 is a good page; page 2 draws forms that draw forms, ``fanout ** levels`` times in all."""
    first_form = 8
    objects = [
        *_GOOD_PAGE_AND_ANOTHER,
        _page(7, resources=b"/XObject << /X %d 0 R >>" % first_form),
        stream(b"/X Do"),
    ]
    for level in range(levels):
        inner = b"/Resources << /XObject << /X %d 0 R >> >>" % (first_form + level + 1)
        objects.append(stream(b"/X Do " * fanout, b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] " + inner))
    objects.append(stream(b"0 0 m 600 700 l S", b"/Type /XObject /Subtype /Form /BBox [0 0 612 792]"))
    return raw_pdf(path, objects)


def huge_stream_page_pdf(path: Path, megabytes: int = 1024) -> Path:
    """Page 1 is a good page; the content of page 2 unpacks to this many MiB."""
    squeezer, packed = zlib.compressobj(9), BytesIO()
    for _ in range(megabytes):
        packed.write(squeezer.compress(b"0 0 m 1 1 l S \n" * (1 << 16) + b" " * (1 << 16)))
    packed.write(squeezer.flush())
    objects = [
        *_GOOD_PAGE_AND_ANOTHER,
        _page(7),
        stream(packed.getvalue(), b"/Filter /FlateDecode"),
    ]
    return raw_pdf(path, objects)


def stamped_pdf(path: Path, stamps: Iterable[int]) -> Path:
    """A scan whose pages carry machine-readable numbers, so that the simulated model server knows which page it was sent."""
    canvas = Canvas(str(path), invariant=True)
    for stamp in stamps:
        image = page_picture("\n".join([f"Folio {stamp} of the register."] * 12), (827, 1169), 18)
        draw_stamp(image, stamp)
        canvas.setPageSize((595, 842))
        canvas.drawImage(ImageReader(image), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return path


def false_font_pdf(path: Path, heading: str, text: str, shift: int = 5) -> Path:
    """A page whose heading is in a font that shows its letters and says others: each by ``shift`` places further on."""
    lines = [b"BT /L 24 Tf 72 720 Td (%s) Tj ET" % heading.encode()]
    for number, line in enumerate(wrapped(text, 470)):
        lines.append(b"BT /F 11 Tf 72 %d Td (%s) Tj ET" % (680 - 14 * number, line.encode()))
    objects = [
        _CATALOGUE,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _page(5, resources=b"/Font << /F 4 0 R /L 6 0 R >>"),
        _FONT,
        stream(b"\n".join(lines)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /ToUnicode 7 0 R >>",
        stream(_shifted_map(shift)),
    ]
    return raw_pdf(path, objects)


def _shifted_map(shift: int) -> bytes:
    """A ToUnicode map that says every letter ``shift`` places further on in the alphabet."""
    lines = [b"<%02X> <%04X>" % (first + place, first + (place + shift) % 26) for first in (0x41, 0x61) for place in range(26)]
    head = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
    return head + b"%d beginbfchar\n" % len(lines) + b"\n".join(lines) + b"\nendbfchar endcmap end end"


def unextractable_pdf(path: Path, text: str, more: bytes = b"", entries: bytes = b"") -> Path:
    """A page whose text only the name of its font's map tells, which PDFium does not take for one. ``more`` are
    operators, ``entries`` further ones of the page.
    """
    codes = "".join(f"{ord(letter):04x}" for letter in text).encode()
    objects = [
        _CATALOGUE,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _page(5, entries),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Helvetica /Encoding /Identity-H /ToUnicode /Identity-H "
        b"/DescendantFonts [6 0 R] >>",
        stream(b"BT /F 12 Tf 110 600 Td <%s> Tj ET " % codes + more),
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Helvetica /DW 500 /FontDescriptor 7 0 R "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        b"<< /Type /FontDescriptor /FontName /Helvetica /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 "
        b"/Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
    return raw_pdf(path, objects)


def nameless_letters_pdf(path: Path) -> Path:
    """A page in a font whose letters have names that say nothing, and no map."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding /Differences [128 %s] >> >>"
    names = b" ".join(b"/g%d" % number for number in range(40))
    codes = b"".join(b"%02x" % (128 + number) for number in range(40))
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return raw_pdf(path, [_CATALOGUE, pages, _page(5), font % names, stream(b"BT /F 12 Tf 60 700 Td <%s> Tj ET" % codes)])


def drawn_letters_pdf(path: Path) -> Path:
    """A page in a Type 3 font: its letters are drawings, called A and B."""
    glyph = stream(b"500 0 0 0 400 700 d1 50 0 300 600 re f")
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 500 700] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 1 /LastChar 2 "
        b"/Widths [500 500] /CharProcs << /A 6 0 R /B 6 0 R >> /Resources << >> "
        b"/Encoding << /Type /Encoding /Differences [1 /A /B] >> >>"
    )
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return raw_pdf(path, [_CATALOGUE, pages, _page(5), font, stream(b"BT /F 12 Tf 60 700 Td <01020201> Tj ET"), glyph])


def japanese_pdf(path: Path, text: str) -> Path:
    """A page in a font that is not in the file, whose codes a map of the reader's library tells."""
    registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont("HeiseiMin-W3", 12)
    canvas.drawString(60, 700, text)
    canvas.save()
    return path


STOCK = [
    ("Item", "Remark", "Pieces", "Amount"),
    ("Brake lining", "new", "12", "148.50"),
    ("Door roller", "used", "6", "19.75"),
    ("Gear oil for presses", "sealed", "4", "23.10"),
    ("Belt", "worn", "9", "7.40"),
    ("Chain", "oiled", "3", "88.00"),
]


def misleading_table_pdf(path: Path, shift: float = 60) -> Path:
    """STOCK between level lines. White upright lines part its columns, the first ``shift`` points too far left: in a cell."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    canvas.setFont("Helvetica", 11)
    for row, cells in enumerate(STOCK):
        for column, text in enumerate(cells):
            canvas.drawString(66 + 125 * column, 707 - 22 * row, text)
    for row in range(len(STOCK) + 1):
        canvas.line(60, 722 - 22 * row, 560, 722 - 22 * row)
    canvas.setStrokeColorRGB(1, 1, 1)
    for across in (60, 185 - shift, 310, 435, 560):
        canvas.line(across, 722, across, 722 - 22 * len(STOCK))
    canvas.save()
    return path
