"""Scans in other scripts, drawn here, are read with the packs that know their letters, or say that they cannot be read."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from benchmarks.quality import scripts
from benchmarks.quality.scripts import word_f1
from document_parser.engines.registry import Engines
from document_parser.engines.tesseract.packs import find_packs
from document_parser.models import Options
from document_parser.pipeline.reading.read_page import read_page
from document_parser.settings import EngineSettings, Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from tests.support.script_pages import SAMPLES, SCAN_SIZE, draw_page, missing_for

PACKS = find_packs(Settings()).languages
LINES = 6
ADVICE = "Bring the language: docparse languages add default"


@pytest.fixture(scope="module")
def openers():
    limits = OpenerLimits(memory_mb=2048, timeout_seconds=30, max_image_megapixels=200)
    with Openers.start(limits) as started:
        yield started


def needs(*names: str) -> None:
    """Skip where the languages cannot be drawn or read."""
    for name in names:
        if reason := missing_for(name):
            pytest.skip(reason)
        if name != "English" and SAMPLES[name].pack not in PACKS:
            pytest.skip(f"the pack {SAMPLES[name].pack} is not installed: docparse languages add {SAMPLES[name].pack}")


def read(openers, path, **engines):
    async def main():
        settings = Settings(engines=EngineSettings(inference_mode="cpu", **engines))
        async with contextlib.aclosing(Engines(settings)) as made, await openers.open(path, "image") as source:
            return await read_page(source, 1, Options(), made, ())

    return asyncio.run(main())


def drawn(folder, *names):
    picture, lines = draw_page(*names, lines=LINES)
    path = folder / "page.png"
    picture.crop((0, 0, SCAN_SIZE[0], 560)).save(path, dpi=(150, 150))
    return path, "\n".join(lines)


def text_of(page):
    return "\n".join(block.text for block in page.blocks)


@pytest.mark.parametrize("name", scripts.AIMED)
def test_a_scan_is_read_with_the_pack_of_its_language(openers, tmp_path, name):
    needs(name)
    path, text = drawn(tmp_path, name)
    page = read(openers, path)
    assert word_f1(text_of(page), text, spaced=name != "Thai") > 0.9
    assert page.engine == "tesseract"
    assert "script_unreadable" not in [warning.code for warning in page.warnings]


def test_scripts_that_change_within_a_page_are_told_by_line(openers, tmp_path):
    needs("Russian", "English")
    path, text = drawn(tmp_path, "Russian", "English")
    assert word_f1(text_of(read(openers, path)), text) > 0.95


@pytest.mark.parametrize("degrees", [180, 270])
def test_a_page_in_letters_that_rapidocr_does_not_know_is_turned_upright(openers, tmp_path, degrees):
    needs("Russian")
    picture, lines = draw_page("Russian", lines=12)
    path = tmp_path / "turned.png"
    picture.rotate(degrees, expand=True).save(path, dpi=(150, 150))
    page = read(openers, path)
    assert page.rotation == degrees
    assert word_f1(text_of(page), "\n".join(lines)) > 0.9


@pytest.mark.parametrize("name", ["Greek", "Vietnamese"])
def test_letters_with_marks_that_rapidocr_leaves_out_are_no_sound_reading(openers, tmp_path, name):
    """Without Tesseract: RapidOCR alone reads the other letters with a confidence above .9."""
    if reason := missing_for(name):
        pytest.skip(reason)
    path = tmp_path / "whole.png"
    draw_page(name, seed=1)[0].save(path, dpi=(150, 150))
    page = read(openers, path, tesseract_program="")
    [warning] = [warning for warning in page.warnings if warning.code == "script_unreadable"]
    assert warning.message.endswith(ADVICE)
    assert (page.confidence or 0) < 0.85


@pytest.mark.parametrize("name", ["English", "German", "Czech"])
def test_latin_letters_stay_rapidocrs_and_sure(openers, tmp_path, name):
    if reason := missing_for(name):
        pytest.skip(reason)
    page = read(openers, drawn(tmp_path, name)[0])
    assert (page.engine, page.warnings) == ("rapidocr", [])
    assert page.confidence > 0.95


def test_a_page_in_a_script_whose_pack_is_missing_names_the_command(openers, tmp_path):
    if reason := missing_for("Korean"):
        pytest.skip(reason)
    page = read(openers, drawn(tmp_path, "Korean")[0], tesseract_program="")
    assert page.status == "failed"
    assert page.error.message == "100% of the writing is in letters that cannot be read here. " + ADVICE


def test_words_count_as_often_as_they_stand_there():
    assert word_f1("one two two", "one two three") == pytest.approx(2 / 3)
    assert word_f1("\u0e01\u0e34\u0e19", "\u0e01\u0e34 \u0e19", spaced=False) == 1
