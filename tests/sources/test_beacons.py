"""No document makes anybody connect to an address that it names, or shows a local file that it names."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path
from urllib.request import urlopen

import pytest

from document_parser.errors import DocumentParserError, PageUnreadable
from document_parser.ingest.sniff import HEAD_BYTES, SUPPORTED, sniff
from document_parser.models import PageImageSpec
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.settings import EngineSettings, Settings
from document_parser.sources.base import Container, OpenedDocument, OpenerLimits
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.opener import open_document
from document_parser.sources.protocol import Request
from tests.support.beacons import VISIBLE, Listener, listening, write_all

MARK = "never-to-be-read"
REFUSED = {"entity.xml"}
PICTURES_ALONE = {"scan.png", "photo.avif"}
LISTS = {"all.zip", "all.tar"}


@pytest.fixture(scope="module")
def listener():
    with listening() as found:
        yield found


@pytest.fixture(scope="module")
def beacons(tmp_path_factory, listener) -> list[Path]:
    folder = tmp_path_factory.mktemp("beacons")
    secret = folder / "secret.txt"
    secret.write_text(MARK)
    return write_all(folder, listener.url, secret)


def kind_of(path: Path):
    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES), path.name, path.stat().st_size)


def look_at(opened: OpenedDocument, number: int) -> str:
    """All that a page shows."""
    opened.facts(number)
    if not isinstance(opened, FlowingDocument):
        opened.render(number, PageImageSpec(), 0)
        opened.damage(number)
        return " ".join(word.text for word in opened.words(number))
    part = opened.part(number)
    shown = part.model_dump_json()
    for index in range(sum(bool(block.picture) for block in part.blocks)):
        with contextlib.suppress(DocumentParserError):
            shown += repr(opened.picture_data(number, index))
    return shown


def test_a_connection_is_counted():
    with listening() as own, contextlib.suppress(OSError):
        urlopen(own.url, timeout=5)
    assert own.connections == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an opener never closes its file: it ends
def test_the_reader_of_no_format_follows_an_address_even_where_nothing_confines_it(beacons, listener: Listener):
    limits, seen = OpenerLimits(), set()
    for path in beacons:
        kind = kind_of(path)
        seen.add(kind.name)
        try:
            opened = open_document(Request(op="open", seconds=60, path=str(path), kind=kind.kind), limits)
        except DocumentParserError:
            assert path.name in REFUSED
            continue
        shown = ""
        for number in range(1, opened.page_count + 1):
            with contextlib.suppress(PageUnreadable):  # a chapter or picture that is elsewhere
                shown += look_at(opened, number)
        if isinstance(opened, Container):
            for index in range(len(opened.members())):
                shown += repr(opened.open_member(index).read())
        assert MARK not in shown, path.name
        assert VISIBLE in shown or path.name in PICTURES_ALONE, path.name
    assert listener.connections == 0
    assert {found.kind for found in SUPPORTED.values() if found.name in seen} >= {
        "pdf", "docx", "xlsx", "pptx", "epub", "odt", "outlook", "winmail", "xls", "image",
    }  # fmt: skip


def test_no_document_reaches_an_address_on_its_way_to_any_result(beacons, listener: Listener):
    async def read_all() -> None:
        async with DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu"))) as reader:
            for path in beacons:
                if path.name in REFUSED:
                    with pytest.raises(DocumentParserError):
                        await reader.read(path)
                    continue
                with await reader.read(path, inside=True) as found:
                    for name in ("markdown", "html", "json", "text", "tables", "zip"):
                        out = io.BytesIO()
                        found.write(name, out)
                        assert MARK.encode() not in out.getvalue(), (path.name, name)
                        if name == "markdown" and path.name not in PICTURES_ALONE | LISTS:
                            assert VISIBLE in out.getvalue().decode(), path.name

    asyncio.run(read_all())
    assert listener.connections == 0
