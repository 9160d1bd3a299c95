"""Documents of old formats are converted by LibreOffice in a process that can reach nothing, and read as the new ones are."""

from __future__ import annotations

import asyncio
import io
import socket
import struct
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from document_parser.errors import DamagedDocument, DocumentError, EncryptedDocument, ProgramAbsent
from document_parser.host.libreoffice import find_libreoffice
from document_parser.host.work_folders import WorkFolder
from document_parser.ingest.sniff import sniff
from document_parser.models import Part, SourceKind
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import WORK_FOLDERS, Openers
from tests.support.old_documents import office_1, old_text
from tests.support.old_sheets import old_workbook
from tests.support.ole_files import ole_file
from tests.support.service import wait_until

PROGRAM = find_libreoffice("soffice")
LIMITS = OpenerLimits(libreoffice=str(PROGRAM or ""))
needs_libreoffice = pytest.mark.skipif(PROGRAM is None, reason="LibreOffice is not installed")
needs_calc_and_impress = pytest.mark.skipif(
    PROGRAM is None or not all((Path(PROGRAM).resolve().parent / f"lib{part}lo.so").exists() for part in ("sc", "sd")),
    reason="LibreOffice's Calc and Impress are not installed",
)
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files: conversions are found in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def openers(folder: Path) -> Iterator[Openers]:
    with Openers.start(LIMITS) as started:
        yield started


def word_file(path: Path, body: str, **parts: str) -> Path:
    """Write a Word document that LibreOffice turns into an old one."""
    kinds = {"comments": "comments", "footnotes": "footnotes"}
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    content = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    with zipfile.ZipFile(path, "w") as archive:
        overrides = "".join(
            f'<Override PartName="/word/{name}.xml" ContentType="{content}.{kinds[name]}+xml"/>' for name in parts
        )
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{content}.document.main+xml"/>{overrides}</Types>',
        )
        spaces = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
        archive.writestr(
            "_rels/.rels",
            f'<Relationships {spaces}><Relationship Id="a" Type="{relation}/officeDocument" Target="word/document.xml"/>'
            "</Relationships>",
        )
        archive.writestr(
            "word/_rels/document.xml.rels",
            f"<Relationships {spaces}>"
            + "".join(f'<Relationship Id="{name}" Type="{relation}/{kinds[name]}" Target="{name}.xml"/>' for name in parts)
            + "</Relationships>",
        )
        archive.writestr("word/document.xml", f"<w:document {WORD}><w:body>{body}</w:body></w:document>")
        for name, text in parts.items():
            archive.writestr(f"word/{name}.xml", text)
    return path


def as_old(path: Path, target: str) -> Path:
    """Have LibreOffice save a file in an old format."""
    assert PROGRAM is not None
    profile = f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"
    command = [str(PROGRAM.with_name("soffice")), profile, "--headless", "--convert-to", target, "--outdir", str(path.parent)]
    subprocess.run([*command, str(path)], check=True, capture_output=True, timeout=120)
    return path.with_suffix(f".{target.partition(':')[0]}")


def read(openers: Openers, path: Path, kind: SourceKind) -> Part:
    async def run() -> Part:
        async with await openers.open(path, kind) as source:
            assert source.confinement.missing == [] or not source.confinement.is_sound or source.confinement.seccomp
            return await source.part(1)

    return asyncio.run(run())


def conversions(folder: Path) -> list[Path]:
    """Return the folders of conversions that are there."""
    return list(folder.glob(f"{WORK_FOLDERS}*"))


@needs_libreoffice
def test_a_word_document_of_old_has_all_layers_and_says_what_converted_it(openers: Openers, folder: Path):
    note = f'<w:footnotes {WORD}><w:footnote w:id="2"><w:p><w:r><w:t>The note.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    comment = (
        f'<w:comments {WORD}><w:comment w:id="0" w:author="Ann"><w:p><w:r><w:t>Check this.</w:t></w:r></w:p></w:comment>'
        "</w:comments>"
    )
    body = (
        '<w:p><w:commentRangeStart w:id="0"/><w:r><w:t>Shown</w:t></w:r><w:commentRangeEnd w:id="0"/>'
        '<w:r><w:commentReference w:id="0"/></w:r><w:r><w:footnoteReference w:id="2"/></w:r>'
        '<w:del w:id="9" w:author="Ann" w:date="2020-01-01T00:00:00Z"><w:r><w:delText> deleted</w:delText></w:r></w:del></w:p>'
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden words</w:t></w:r></w:p>"
    )
    path = as_old(word_file(folder / "letter.docx", body, comments=comment, footnotes=note), "doc:MS Word 97")
    with path.open("rb") as file:
        assert sniff(file.read(8192), path.name, path.stat().st_size).kind == "doc"
    part = read(openers, path, "doc")
    layers = {block.layer: block.text for block in part.blocks}
    assert layers["body"].startswith("Shown")
    assert "deleted" not in layers["body"]
    assert "deleted" in layers["revisions"]
    assert "The note." in layers["notes"]
    assert "Check this." in layers["comments"]
    assert layers["hidden"] == "Hidden words"
    messages = {warning.code: warning.message for warning in part.warnings}
    assert messages["converted"].startswith("Converted from Word 97 to DOCX by LibreOffice ")
    assert messages["converted"].split("LibreOffice ")[1][0].isdigit()
    assert "recomputed_fields" not in messages
    assert conversions(folder) == []


@needs_libreoffice
def test_a_date_that_is_computed_anew_is_warned_of(openers: Openers, folder: Path):
    field = (
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> DATE \\@ "d.M.yyyy" '
        '</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1.2.1999</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    )
    path = as_old(word_file(folder / "letter.docx", field), "doc:MS Word 97")
    assert [warning.code for warning in read(openers, path, "doc").warnings] == ["converted", "recomputed_fields"]


@needs_libreoffice
def test_a_conversion_connects_to_nothing_and_reads_no_other_file(openers: Openers, folder: Path):
    (folder / "secret.txt").write_text("hunter2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/image.png"
        section = (
            f'<text:section text:name="S"><text:section-source xlink:href="{(folder / "secret.txt").as_uri()}"/></text:section>'
        )
        image = (
            f'<draw:image draw:name="I" svg:width="2cm" svg:height="2cm" text:anchor-type="as-char" xlink:href="{address}"/>'
        )
        path = old_text(folder / "letter.sxw", f"<text:p>Words{image}</text:p>{section}")
        part = read(openers, path, "sxw")
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    texts = [block.text for block in part.blocks]
    assert "Words" in texts
    assert not any("hunter2" in text for text in texts)


@needs_libreoffice
def test_what_libreoffice_cannot_read_is_refused_and_leaves_nothing(openers: Openers, folder: Path):
    path = folder / "bad.doc"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"garbage " * 900)
    with pytest.raises(DamagedDocument, match="LibreOffice cannot convert the file from Word 97"):
        read(openers, path, "doc")
    assert conversions(folder) == []


def encrypted(kind: str) -> bytes:
    """The least of a document with a password: what says so stands before anything encrypted."""
    rest = bytes(range(256)) * 20
    if kind == "doc":
        return ole_file({"WordDocument": struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0x409, 0, 0x1100) + rest, "1Table": rest})
    if kind == "ppt":
        user = struct.pack("<HHIIII", 0, 0xFF6, 20, 20, 0xF3D1C4DF, 0)
        return ole_file({"Current User": user, "PowerPoint Document": rest, "EncryptedSummary": rest})
    if kind == "wordperfect":
        return b"\xffWPC" + struct.pack("<IBBBBHHI", 16, 1, 10, 2, 1, 0x5EC7, 0, 5) + rest
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.sun.xml.writer")
        archive.writestr("content.xml", rest)
        archive.writestr("META-INF/manifest.xml", "<m:manifest><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>")
    return out.getvalue()


@needs_libreoffice
@pytest.mark.parametrize("kind", ["doc", "ppt", "wordperfect", "sxw"])
def test_an_old_document_with_a_password_says_so(openers: Openers, folder: Path, kind: Any):
    path = folder / f"locked.{kind}"
    path.write_bytes(encrypted(kind))
    with pytest.raises(EncryptedDocument, match="The document has a password"):
        read(openers, path, kind)
    assert conversions(folder) == []


@needs_libreoffice
@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("works", b"\x01\xfe\x32\x03" + bytes(2000)),
        ("publisher", ole_file({"Contents": b"words" * 900})),
        ("visio", ole_file({"VisioDocument": b"words" * 900})),
    ],
)
def test_an_old_document_that_is_none_gets_an_answer(openers: Openers, folder: Path, kind: Any, content: bytes):
    path = folder / f"bad.{kind}"
    path.write_bytes(content)
    with pytest.raises(DamagedDocument, match="LibreOffice cannot convert the file"):
        read(openers, path, kind)
    assert conversions(folder) == []


@needs_libreoffice
def test_a_text_of_wordperfect_is_read(openers: Openers, folder: Path):
    path = folder / "a.wpd"
    path.write_bytes(b"\xffWPC" + struct.pack("<IBBBBHHI", 20, 1, 10, 2, 1, 0, 0, 5) + b"Words\x80of\x80old")
    assert sniff(path.read_bytes(), path.name, path.stat().st_size).kind == "wordperfect"
    assert [block.text for block in read(openers, path, "wordperfect").blocks] == ["Words of old"]


@needs_calc_and_impress
def test_a_workbook_and_slides_of_openoffice_1_are_read(openers: Openers, folder: Path):
    cells = (
        '<table:table-cell table:value-type="string"><text:p>Item</text:p></table:table-cell>'
        '<table:table-cell table:value-type="float" table:value="12.5"><text:p>12.5</text:p></table:table-cell>'
    )
    body = f'<table:table table:name="Stock"><table:table-row>{cells}</table:table-row></table:table>'
    path = office_1(folder / "a.sxc", "calc", "spreadsheet", body)
    assert sniff(path.read_bytes(), path.name, path.stat().st_size).kind == "sxc"
    part = read(openers, path, "sxc")
    (table,) = [block.table for block in part.blocks if block.table]
    assert [(cell.text, cell.value) for cell in table.cells] == [("Item", None), ("12.5", 12.5)]
    place = 'svg:x="2cm" svg:y="2cm" svg:width="9cm" svg:height="2cm"'
    box = f"<draw:text-box {place}><text:p>Words on a slide</text:p></draw:text-box>"
    path = office_1(folder / "a.sxi", "impress", "presentation", f'<draw:page draw:name="one">{box}</draw:page>')
    assert sniff(path.read_bytes(), path.name, path.stat().st_size).kind == "sxi"
    assert "Words on a slide" in [block.text for block in read(openers, path, "sxi").blocks]


@needs_calc_and_impress
def test_a_workbook_that_our_reader_refuses_is_converted(openers: Openers, folder: Path):
    garbage = folder / "bad.xls"
    garbage.write_bytes(b"\x09\x08" + bytes(200))
    with pytest.raises(DamagedDocument, match="LibreOffice cannot convert the file from Excel 97"):
        read(openers, garbage, "xls")
    broken = folder / "broken.xls"
    broken.write_bytes(old_workbook(["Words of old", "more"], first=struct.pack("<HHB", 0x41E, 1, 1)))  # half a number format
    part = read(openers, broken, "xls")
    assert "Words of old" in [cell.text for block in part.blocks if block.table for cell in block.table.cells]
    assert "converted" in [warning.code for warning in part.warnings]


@needs_libreoffice
def test_a_conversion_that_takes_too_long_is_ended(folder: Path):
    path = old_text(folder / "letter.sxw", "<text:p>Words</text:p>")
    with (
        Openers.start(replace(LIMITS, libreoffice_timeout_seconds=0.01)) as openers,
        pytest.raises(DocumentError, match="LIBREOFFICE_TIMEOUT_SECONDS"),
    ):
        read(openers, path, "sxw")
    assert conversions(folder) == []
    assert not running_in(folder)


@needs_libreoffice
def test_a_conversion_ends_with_the_task_that_asked_for_it(openers: Openers, folder: Path):
    path = old_text(folder / "letter.sxw", "<text:p>Words</text:p>" * 3000)

    async def run() -> None:
        opening = asyncio.ensure_future(openers.open(path, "sxw"))
        while not running_in(folder):
            await asyncio.sleep(0.01)
        opening.cancel()
        await asyncio.wait([opening])
        assert opening.cancelled()

    asyncio.run(run())
    wait_until(lambda: not running_in(folder), 10, "the program ends")
    assert conversions(folder) == []


def running_in(folder: Path) -> list[int]:
    """Return the processes of LibreOffice whose profile is below a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = place.read_bytes()
        except OSError:
            continue
        if b"soffice.bin" in command and bytes(folder) in command:
            found.append(int(place.parent.name))
    return found


def test_without_libreoffice_an_old_format_is_refused_with_the_reason(folder: Path):
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500) + "WordDocument".encode("utf-16-le")
    with pytest.raises(ProgramAbsent, match="LibreOffice, which is not installed on this server") as refused:
        sniff(head, "letter.doc", 600, {"libreoffice"})
    assert (refused.value.code, refused.value.status) == ("PROGRAM_ABSENT", 415)
    path = folder / "letter.doc"
    path.write_bytes(head)
    with Openers.start(OpenerLimits()) as openers, pytest.raises(ProgramAbsent):
        read(openers, path, "doc")


def test_a_folder_of_a_process_that_was_killed_is_deleted_by_the_next(folder: Path):
    abandoned = folder / f"{WORK_FOLDERS}abc"
    (abandoned / "output").mkdir(parents=True)
    first, second = WorkFolder(WORK_FOLDERS), WorkFolder(WORK_FOLDERS)
    assert set(conversions(folder)) == {first.path, second.path}
    first.close()
    second.close()
    assert conversions(folder) == []
