"""Every kind of picture is a page; what is more than one picture is told of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, TiffImagePlugin
from PIL import ImageFile as PillowImageFile

from document_parser import DocumentParser
from document_parser.errors import DamagedDocument
from document_parser.models import Page, PageImageSpec
from document_parser.settings import Settings
from document_parser.settings.engines import EngineSettings
from document_parser.sources.image_file import ImageFile

PHOTO = Path(__file__).parents[1] / "support" / "photo.heic"


def pages_of(paths: list[Path]) -> list[Page]:
    async def main() -> list[Page]:
        async with DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu"))) as parser:
            found = []
            for path in paths:
                with await parser.read(path) as document:
                    found += list(document.pages())
            return found

    return asyncio.run(main())


@pytest.fixture(scope="module")
def read(tmp_path_factory) -> dict[str, Page]:
    folder = tmp_path_factory.mktemp("pictures")
    image = Image.new("RGB", (900, 240), "white")
    ImageDraw.Draw(image).text((40, 80), "Invoice 4711 of May", fill="black", font=ImageFont.load_default(56))
    paths = {name: folder / f"a.{name}" for name in ("gif", "avif", "jp2")}
    for path in paths.values():
        image.save(path)
    paths["moving"] = folder / "moving.gif"
    image.save(paths["moving"], save_all=True, append_images=[image.rotate(180), image.rotate(90)])
    paths["heic"] = PHOTO
    return dict(zip(paths, pages_of(list(paths.values())), strict=True))


@pytest.mark.parametrize("name", ["gif", "avif", "jp2"])
def test_gif_avif_and_jpeg_2000_are_read(read, name):
    assert [block.text for block in read[name].blocks] == ["Invoice 4711 of May"]
    assert read[name].warnings == []


def test_a_photo_of_a_phone_is_read(read):
    assert [block.text for block in read["heic"].blocks] == ["Photo 4711 of May"]


def encoded(format_: str, **options: Any) -> bytes:
    """Forty numbered lines as an image file. Each line reads the same down to the last, so that what is lost is seen."""
    image, font = Image.new("RGB", (700, 1000), "white"), ImageFont.load_default(20)
    draw = ImageDraw.Draw(image)
    for number in range(1, 33):
        draw.text((40, number * 30), f"Line {number:02} of the letter that was cut off", fill="black", font=font)
    out = BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


CUT_FORMATS: dict[str, Callable[[], bytes]] = {
    "gif": lambda: encoded("GIF", interlace=0),
    "interlaced gif": lambda: encoded("GIF", interlace=1),
    "webp": lambda: encoded("WEBP"),
    "avif": lambda: encoded("AVIF"),
    "jpeg 2000": lambda: encoded("JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[60, 20]),
    "jpeg 2000 in tiles": lambda: encoded("JPEG2000", tile_size=(256, 256)),
    "bare jpeg 2000": lambda: encoded("JPEG2000", no_jp2=True, irreversible=True, quality_mode="rates", quality_layers=[20]),
}


@pytest.mark.parametrize("name", CUT_FORMATS)
def test_an_image_that_ends_early_shows_what_is_there_on_white(name):
    raw = CUT_FORMATS[name]()
    image = ImageFile(raw[: len(raw) * 7 // 10], 100)
    (damage,) = image.damage(1)
    assert (damage.part, damage.fault) == ("frame", "cut")
    assert 0.3 < damage.decoded / damage.promised < 1
    cut, whole = (shown.render(1, PageImageSpec(), 0) for shown in (image, ImageFile(raw, 100)))
    # Less detail of a JPEG 2000 makes its letters wider, and no more than that: a missing tile in black would be all ink.
    assert 0.4 < cut.ink / whole.ink < 2, name


def test_a_photo_of_a_phone_that_ends_early_shows_what_is_there():
    raw = PHOTO.read_bytes()
    (damage,) = ImageFile(raw[:-200], 100).damage(1)
    assert (damage.fault, damage.unit, damage.promised) == ("cut", "rows", 120)
    assert 0 < damage.decoded < 120


def test_a_page_of_an_image_that_ends_early_says_cut_off(tmp_path):
    path = tmp_path / "a.webp"
    raw = CUT_FORMATS["webp"]()
    path.write_bytes(raw[: len(raw) // 2])
    (page,) = pages_of([path])
    assert "cut_off" in [warning.code for warning in page.warnings]
    assert "Line 03 of the letter that was cut off" in "\n".join(block.text for block in page.blocks)


@pytest.mark.parametrize("format_", ["WEBP", "AVIF", "JPEG2000", "JPEG", "PNG", "GIF"])
def test_an_image_of_which_nothing_can_be_shown_is_refused_as_cut_off_with_its_length(format_):
    options = {"lossless": True} if format_ == "WEBP" else {}
    raw = encoded(format_, **options)
    head = raw[: {"WEBP": 2000, "PNG": 60, "JPEG2000": 200}.get(format_, 400)]
    with pytest.raises(DamagedDocument, match=f"The image is cut off after {len(head)} "):
        ImageFile(head, 100)


@pytest.mark.parametrize("name", ["gif", "png"])
def test_a_cut_image_is_damaged_though_another_package_has_pillow_complete_all_images(name, monkeypatch):
    monkeypatch.setattr(PillowImageFile, "LOAD_TRUNCATED_IMAGES", True)
    raw = encoded(name.upper())
    (damage,) = ImageFile(raw[: len(raw) * 7 // 10], 100).damage(1)
    assert (damage.fault, damage.unit) == ("cut", "rows")
    assert PillowImageFile.LOAD_TRUNCATED_IMAGES is True


def test_an_animation_is_its_first_frame_and_says_so(read):
    assert [block.text for block in read["moving"].blocks] == ["Invoice 4711 of May"]
    (warning,) = read["moving"].warnings
    assert (warning.code, warning.message) == (
        "first_frame_only",
        "The image has 2 further frames, which were not read: the first one is the page.",
    )


def test_a_smaller_copy_of_a_page_in_a_tiff_is_no_page(tmp_path):
    path, smaller = tmp_path / "a.tif", TiffImagePlugin.ImageFileDirectory_v2()
    smaller[254] = 1
    with TiffImagePlugin.AppendingTiffWriter(path, new=True) as file:
        for size in ((85, 110), (850, 1100), (85, 110), (800, 1000), (600, 1000)):
            Image.new("L", size, 255).save(file, format="TIFF", tiffinfo={} if size[0] >= 800 else smaller)
            file.newFrame()
    opened = ImageFile(path, max_megapixels=10)
    assert [opened.facts(number).width_points for number in range(1, opened.page_count + 1)] == [425, 400, 300], (
        "the last one is marked as a copy, but is none of these pages"
    )


def test_sixteen_bits_where_zero_is_white_are_dark_on_white(tmp_path):
    path, inverted = tmp_path / "a.tif", TiffImagePlugin.ImageFileDirectory_v2()
    inverted[262] = 0
    values = np.zeros((1100, 850), np.uint16)
    values[100:200, 100:600] = 65535
    Image.fromarray(values).save(path, tiffinfo=inverted)
    with Image.open(path) as sample:
        assert sample.tag_v2[262] == 0, "the sample is not what it should be"
    drawn = ImageFile(path, max_megapixels=10).render(1, PageImageSpec(dpi=72, encoding="rgb"), 0)
    assert np.frombuffer(drawn.data, np.uint8).mean() > 200


def lossless_jpeg(image: Image.Image) -> bytes:
    """A greyscale image as a JPEG of the lossless kind (ITU-T T.81, annex H): each pixel is told by its left neighbour."""
    pixels, width, height = list(image.convert("L").tobytes()), image.width, image.height
    bits = []
    for place, value in enumerate(pixels):
        before = 128 if place == 0 else pixels[place - 1] if place % width else pixels[place - width]
        difference = value - before
        size = abs(difference).bit_length()
        bits.append(f"{size:05b}")
        bits.append(f"{difference if difference >= 0 else difference + (1 << size) - 1:0{size}b}" if size else "")
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    data = int(stream, 2).to_bytes(len(stream) // 8).replace(b"\xff", b"\xff\0")
    table = b"\xff\xc4\0\x24\0" + bytes([0, 0, 0, 0, 17, *[0] * 11]) + bytes(range(17))
    frame = b"\xff\xc3\0\x0b\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\1\1\x11\0"
    return b"\xff\xd8" + frame + table + b"\xff\xda\0\x08\1\1\0\1\0\0" + data + b"\xff\xd9"


@pytest.mark.parametrize("size", [(900, 240), (4600, 300)])
def test_a_lossless_jpeg_is_read_at_its_own_size(size):
    image = Image.new("L", size, "white")
    ImageDraw.Draw(image).text((40, 80), "Invoice 4711 of May", fill="black", font=ImageFont.load_default(56))
    opened = ImageFile(lossless_jpeg(image), 40)
    assert opened.damage(1) == []
    shown = opened.render(1, PageImageSpec(dpi=144, max_long_side=4096), 0)
    assert np.asarray(Image.open(BytesIO(shown.data))).min() < 50


def test_a_jpeg_of_12_bits_is_refused_for_what_it_is():
    raw = bytearray(encoded("JPEG"))
    raw[raw.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(DamagedDocument, match="12 bits in each sample"):
        ImageFile(bytes(raw), 40)
