"""Every kind of picture is a page; what is more than one picture is told of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from document_parser import DocumentParser
from document_parser.models import Page
from document_parser.settings import Settings
from document_parser.settings.engines import EngineSettings

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


def test_an_animation_is_its_first_frame_and_says_so(read):
    assert [block.text for block in read["moving"].blocks] == ["Invoice 4711 of May"]
    (warning,) = read["moving"].warnings
    assert (warning.code, warning.message) == (
        "first_frame_only",
        "The image has 2 further frames, which were not read: the first one is the page.",
    )
