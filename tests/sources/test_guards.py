"""Each limit on what a file may cost, tried with a harmless file against a low one: its code, the limit, its setting."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from document_parser.errors import (
    DeclaresEntities,
    DocumentParserError,
    ExpandsTooMuch,
    OpeningTimeout,
    OversizedImage,
    OversizedPage,
    PageTooSlow,
    TooLargeUnpacked,
    TooManyMembers,
)
from document_parser.models import PageImageSpec, SourceKind
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.zip_members import MIN_JUDGED_BYTES
from document_parser.sources.source import Openers, Source
from tests.support import documents
from tests.support.opened import ask_document

WORD = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body/></w:document>'
ENTITIES = '<!DOCTYPE a [<!ENTITY e "text">]>'


def zipped(path: Path, members: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, sizes: dict[str, int], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, size in sizes.items():
            info = tarfile.TarInfo(name)
            info.size = size
            archive.addfile(info, io.BytesIO(bytes(size)))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


def refusal(path: Path, kind: SourceKind, **limits: Any) -> DocumentParserError:
    """What opening the file in a child with these limits, or reading its first page, raises."""

    async def read(source: Source) -> None:
        await source.facts(1)
        await source.members()

    with Openers.start(OpenerLimits(**limits)) as openers, pytest.raises(DocumentParserError) as refused:
        ask_document(openers, path, read, kind)
    return refused.value


def office(path: Path, **more: bytes | str) -> Path:
    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    return zipped(path, {"[Content_Types].xml": types, "word/document.xml": WORD, **more})


@pytest.mark.parametrize("kind", ["archive", "docx", "xlsx", "pptx", "odt", "epub"])
def test_what_unpacks_to_more_than_the_limit_is_refused_by_every_reader_of_zip_archives(tmp_path, kind):
    path = office(tmp_path / "a.zip", **{"large.bin": bytes(3 << 20)})
    error = refusal(path, kind, max_unpacked_mb=2)
    assert (type(error), error.code) == (TooLargeUnpacked, "UNPACKED_TOO_LARGE")
    assert error.details == {"unpacked_mb": 3.0, "limit_mb": 2}
    assert "MAX_UNPACKED_MB" in error.message


def test_a_compressed_tar_is_refused_when_what_was_unpacked_passes_the_limit(tmp_path):
    error = refusal(tarred(tmp_path / "a.tgz", {"a": 3 << 20, "b": 1}), "archive", max_unpacked_mb=2)
    assert (error.code, error.details["limit_mb"]) == ("UNPACKED_TOO_LARGE", 2)


@pytest.mark.parametrize("packed", ["zip", "tar"])
def test_what_expands_to_many_times_its_size_is_refused(tmp_path, packed):
    size = MIN_JUDGED_BYTES + 1
    path = tarred(tmp_path / "a", {"a": size}) if packed == "tar" else zipped(tmp_path / "a", {"a": bytes(size)})
    error = refusal(path, "archive", max_expansion_ratio=20)
    assert (type(error), error.code, error.details["limit_ratio"]) == (ExpandsTooMuch, "EXPANSION_TOO_LARGE", 20)
    assert error.details["expansion_ratio"] > 20
    assert "MAX_EXPANSION_RATIO" in error.message


def test_a_small_file_may_expand_as_it_likes(openers: Openers, tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.txt": bytes(1 << 20)})
    with Openers.start(OpenerLimits(max_expansion_ratio=2)) as openers:
        assert [member.name for member in ask_document(openers, path, Source.members, "archive")] == ["a.txt"]


def _mailbox(path: Path) -> Path:
    path.write_bytes(b"".join(b"From a@b Thu Jan  1 00:00:00 2026\nSubject: %d\n\ntext\n\n" % number for number in range(3)))
    return path


def _attachments(path: Path) -> Path:
    part = b'--x\nContent-Disposition: attachment; filename="%d.txt"\n\ntext\n'
    head = b'Subject: files\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n'
    path.write_bytes(head + b"".join(part % number for number in range(3)) + b"--x--\n")
    return path


@pytest.mark.parametrize(
    ("make", "kind", "members"),
    [
        (lambda path: zipped(path, {"a": b"", "b": b"", "c": b""}), "archive", 3),
        (lambda path: tarred(path, {"a": 1, "b": 1, "c": 1}), "archive", 3),
        (lambda path: tarred(path, {}, {"a": "/etc/passwd", "b": "a", "c": "b"}), "archive", 3),
        (lambda path: office(path, a=b""), "docx", 3),
        (_mailbox, "mail", 3),
        (_attachments, "mail", 3),
    ],
)
def test_more_members_than_the_limit_are_refused(tmp_path, make, kind, members):
    error = refusal(make(tmp_path / "a"), kind, max_members=2)
    assert (type(error), error.code) == (TooManyMembers, "TOO_MANY_MEMBERS")
    assert error.details["limit_members"] == 2
    assert error.details["members"] >= members
    assert "MAX_MEMBERS" in error.message


def test_links_of_an_archive_are_left_out_and_names_are_no_paths(openers: Openers, tmp_path):
    links = {"link": "/etc/passwd", "up": "../../secret"}
    path = tarred(tmp_path / "a.tgz", {"../../up.txt": 4, "/etc/root.txt": 4}, links)
    before = {found.name for found in tmp_path.parent.iterdir()}

    async def read(source: Source) -> list[tuple[str, bytes]]:
        members = await source.members()
        return [(one.name, b"".join([piece async for piece in source.member(at)])) for at, one in enumerate(members)]

    found = ask_document(openers, path, read, "archive")
    assert [name.rpartition("/")[2] for name, _ in found] == ["up.txt", "root.txt"]
    assert {data for _, data in found} == {bytes(4)}
    assert {one.name for one in tmp_path.iterdir()} == {"a.tgz"}
    assert {found.name for found in tmp_path.parent.iterdir()} == before


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx", "xml", "odt", "epub"])
def test_xml_that_declares_entities_is_refused_whatever_it_is_part_of(tmp_path, kind):
    path = tmp_path / "a"
    if kind == "xml":
        path.write_text(f"{ENTITIES}<a>&e;</a>")
    elif kind == "epub":
        zipped(path, {"mimetype": "application/epub+zip", "META-INF/container.xml": f"{ENTITIES}<container>&e;</container>"})
    elif kind == "odt":
        zipped(path, {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": f"{ENTITIES}<a>&e;</a>"})
    else:
        package = {
            "docx": documents_of("word/document.xml"),
            "xlsx": documents_of("xl/workbook.xml"),
            "pptx": documents_of("ppt/presentation.xml"),
        }
        zipped(path, package[kind])
    error = refusal_of_part(path, kind)
    assert (type(error), error.code, error.status) == (DeclaresEntities, "XML_ENTITIES", 422)


def documents_of(main: str) -> dict[str, bytes | str]:
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    return {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r" Type="{relation}" Target="{main}"/></Relationships>',
        main: f"{ENTITIES}<a>&e;</a>",
    }


def refusal_of_part(path: Path, kind: SourceKind) -> DocumentParserError:
    with Openers.start(OpenerLimits()) as openers, pytest.raises(DocumentParserError) as refused:
        ask_document(openers, path, lambda source: source.part(1), kind)
    return refused.value


def test_an_image_of_more_pixels_than_the_limit_is_refused(tmp_path):
    Image.new("1", (2000, 1001)).save(tmp_path / "a.png")
    error = refusal(tmp_path / "a.png", "image", max_image_megapixels=2)
    assert (type(error), error.code, error.details["limit_megapixels"]) == (OversizedImage, "PICTURE_TOO_LARGE", 2)
    assert "MAX_IMAGE_MEGAPIXELS" in error.message


def test_an_image_that_takes_more_memory_than_the_limit_is_refused(tmp_path):
    Image.new("RGB", (2000, 1001)).save(tmp_path / "a.png")
    error = refusal(tmp_path / "a.png", "image", max_image_memory_mb=1)
    assert error.code == "PICTURE_TOO_LARGE"
    assert "MAX_IMAGE_MEMORY_MB" in error.message


def test_one_frame_of_too_many_pixels_costs_that_page_only(tmp_path):
    frames = [Image.new("1", (100, 100)), Image.new("1", (2000, 1001))]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])

    async def read(source: Source) -> DocumentParserError:
        await source.facts(1)
        with pytest.raises(OversizedPage) as refused:
            await source.render(2, PageImageSpec())
        return refused.value

    with Openers.start(OpenerLimits(max_image_megapixels=2)) as openers:
        error = ask_document(openers, tmp_path / "a.tif", read, "image")
    assert (error.code, error.details["limit_megapixels"]) == ("PAGE_TOO_LARGE", 2)


def test_a_file_that_is_not_opened_in_time_is_refused_with_the_limit(tmp_path):
    os.mkfifo(tmp_path / "a.csv")  # whoever opens it waits for somebody to write
    error = refusal(tmp_path / "a.csv", "delimited", timeout_seconds=0.3)
    assert (type(error), error.code, error.status) == (OpeningTimeout, "OPENING_TIMEOUT", 422)
    assert error.details == {"reason": "timeout", "limit_seconds": 0.3}
    assert "OPENER_TIMEOUT_SECONDS" in error.message


def test_a_page_that_is_not_opened_in_time_fails_alone_with_the_limit(tmp_path):
    path = documents.endless_page_pdf(tmp_path / "a.pdf")

    async def ask(source: Source) -> DocumentParserError:
        with pytest.raises(PageTooSlow) as slow:
            await source.facts(2)
        await source.facts(1)
        return slow.value

    with Openers.start(OpenerLimits(timeout_seconds=1)) as openers:
        error = ask_document(openers, path, ask)
    assert (error.code, error.details["limit_seconds"], error.details["page"]) == ("PAGE_TOO_SLOW", 1, 2)


def test_after_every_refusal_the_same_openers_read_a_good_document(openers: Openers, tmp_path):
    bad = [
        (zipped(tmp_path / "a.zip", {str(number): b"" for number in range(12)}), "archive"),
        (tmp_path / "b.pdf", "pdf"),
        (tmp_path / "c.docx", "docx"),
    ]
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4\n" + os.urandom(5000))
    (tmp_path / "c.docx").write_bytes(b"PK\x03\x04 cut")
    good = documents.pdf_of_text(tmp_path / "good.pdf", ["Good words."])

    async def read_all(limited: Openers) -> None:
        for path, kind in bad:
            with pytest.raises(DocumentParserError):
                await limited.open(path, kind)
            async with await limited.open(good, "pdf") as source:
                assert [word.text for word in await source.words(1)] == ["Good", "words."]

    with Openers.start(OpenerLimits(max_members=10)) as limited:
        asyncio.run(read_all(limited))
