"""Documents without pages are read from the structure of their file: parts with a location, no image, no boxes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from document_parser.errors import NoPageImage
from document_parser.export.base import shown_blocks
from document_parser.models import Block, Location, Options, Page, PageImageSpec
from document_parser.sources.base import OpenerLimits
from document_parser.sources.decoding import decode_text
from document_parser.sources.delimited import find_delimiter
from document_parser.sources.source import Openers
from tests.support.local_reading import read_locally as read


def test_a_text_file_keeps_its_paragraphs_and_says_how_it_was_read(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("First *line*\nsecond line\n\n\nNext paragraph\n")
    document, markdown = read(path)
    page = document.pages[0]
    assert [block.text for block in page.blocks] == ["First *line*\nsecond line", "Next paragraph"]
    assert page.location == Location(kind="body")
    assert (page.engine, page.status, page.width) == ("text_layer", "done", 0)
    assert page.attempts[0].reason == page.route == "the structure of the file"
    assert markdown == "First \\*line\\*  \nsecond line\n\nNext paragraph\n"


def test_an_empty_text_is_a_blank_part(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("\n\n")
    assert [page.status for page in read(path)[0].pages] == ["blank"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße".encode("utf-8-sig"), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("名前,年齢,住所\n佐藤太郎,30,東京\n".encode("cp932"), "名前,年齢,住所\n佐藤太郎,30,東京\n"),
    ],
)
def test_text_is_decoded_by_its_mark_or_by_its_letters(data: bytes, text: str):
    assert decode_text(data).text == text


def test_a_declared_encoding_is_used_if_it_fits():
    assert decode_text("Ärger".encode("cp850"), "cp850").text == "Ärger"
    assert decode_text("Ärger".encode(), "cp850").text == "Ärger"
    assert decode_text(b"plain", "no-such-encoding").text == "plain"


def test_what_cannot_be_decoded_is_counted_and_warned_of(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_bytes("fine".encode("utf-16") + b"\x00\xd8")
    warnings = read(path)[0].pages[0].warnings
    assert [warning.code for warning in warnings] == ["damaged_data"]
    assert warnings[0].message.startswith("1 characters could not be decoded as utf-16")


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [("1,5;2\n3,5;4\n", ";"), ("a,b\nc,d\n", ","), ("a\tb\nc\td\n", "\t"), ("a|b\nc|d\n", "|"), ("m\nn@m.org\n", ",")],
)
def test_the_delimiter_is_the_one_that_gives_rows_of_one_length(text: str, delimiter: str):
    assert find_delimiter(text) == delimiter


def test_a_delimited_file_is_a_table_whose_values_are_kept_as_written(tmp_path: Path):
    path = tmp_path / "data.csv"
    path.write_text('id;price;note\n007;1,50;"two\nlines"\n008;;NA\n')
    document, _ = read(path)
    table = document.pages[0].blocks[0].table
    assert table is not None
    assert [cell.text for cell in table.cells] == ["id", "price", "note", "007", "1,50", "two\nlines", "008", "", "NA"]


def test_a_part_has_no_page_image(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("words")

    async def main() -> None:
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(path, "text") as source:
                await source.render(1, PageImageSpec())

    with pytest.raises(NoPageImage):
        asyncio.run(main())


def test_the_option_layers_chooses_what_the_text_shows_and_nothing_else():
    layers = ["body", "headers", "notes", "comments", "revisions", "hidden"]
    page = Page(number=1, blocks=[Block(kind="paragraph", text=layer, layer=layer) for layer in layers])
    assert [block.text for block in shown_blocks(page, Options())] == ["body", "headers", "notes"]
    assert [block.text for block in shown_blocks(page, Options(layers="comments, body"))] == ["body", "comments"]
    with pytest.raises(ValueError, match="'colour' is none of them"):
        Options(layers="body,colour")


def test_the_facts_of_the_first_parts_come_with_the_document(tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("one")

    async def facts_of_a_stopped_child() -> Location | None:
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(path, "text") as source:
                os.kill(source.pid or 0, signal.SIGSTOP)
                return (await asyncio.wait_for(source.facts(1), 10)).location

    assert asyncio.run(facts_of_a_stopped_child()) == Location(kind="body")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Grüße"), ("cp1252", "Café"), ("cp1252", "Été à la mer – 5 €"), ("cp1252", "“It’s naïve”"),
        ("cp1251", "Привет"), ("koi8_r", "Привет мир"), ("cp1253", "Καλημέρα"), ("shift_jis", "こんにちは"),
        ("big5", "你好世界"), ("cp1250", "Zażółć gęślą"),
    ],
)  # fmt: skip
def test_a_few_letters_are_enough_to_tell_an_older_encoding(encoding, text):
    assert decode_text(text.encode(encoding)).text == text


def test_letters_of_another_alphabet_are_no_words_of_a_short_text():
    assert decode_text("テスト".encode("euc_jp")).encoding not in {"cp1252", "cp1251", "koi8_r", "cp1253"}
