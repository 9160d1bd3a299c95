"""Archives and packed files are listed, and every file in them is read or says why it is not."""

from __future__ import annotations

import asyncio
import base64
import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from document_parser.errors import (
    DamagedDocument,
    DocumentParserError,
    EncryptedDocument,
    PageUnreadable,
    ProgramAbsent,
    TooLargeUnpacked,
)
from document_parser.host.libarchive import find_libarchive
from document_parser.ingest.sniff import name_within, sniff
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers import zip_members
from document_parser.sources.containers.archive import Archive
from document_parser.sources.containers.faults import member_faults
from document_parser.sources.containers.names import decode_names
from document_parser.sources.source import Openers
from tests.support.local_reading import read_locally

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

needs_libarchive = pytest.mark.skipif(find_libarchive() is None, reason="libarchive is not installed")
WORDS = b"The quick brown fox.\n" * 40


def tarred(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def seven_zip(path: Path, *members: tuple[str, bytes]) -> Path:
    import libarchive

    with libarchive.file_writer(str(path), "7zip") as archive:
        for name, data in members:
            archive.add_file_from_memory(name, len(data), data)
    return path


def contents(path: Path, password: str | None = None, limits: OpenerLimits | None = None) -> dict[str, bytes | str]:
    """Return what each member holds, or the message that says why it is not read."""
    archive = Archive(path, limits or OpenerLimits(), password)
    found: dict[str, bytes | str] = {}
    for index, member in enumerate(archive.members()):
        try:
            with member_faults():
                found[member.name] = archive.open_member(index).read()
        except DocumentParserError as error:
            found[member.name] = error.message
    return found


METHODS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress}


@pytest.mark.parametrize("extension", METHODS)
def test_a_packed_file_is_one_document_inside_named_without_the_extension(tmp_path: Path, extension: str):
    path = tmp_path / f"notes.txt{extension}"
    path.write_bytes(METHODS[extension](WORDS))
    document, markdown = read_locally(path)
    assert [child.name for child in document.children] == ["notes.txt"]
    assert markdown == "- one packed file\n"
    assert contents(path) == {"": WORDS}


@pytest.mark.parametrize("extension", METHODS)
def test_a_packed_tar_is_an_archive_of_its_files(tmp_path: Path, extension: str):
    path = tmp_path / f"all.tar{extension}"
    path.write_bytes(METHODS[extension](tarred(("a.txt", WORDS), ("b/c.txt", b"second"), ("a.txt", b"third"))))
    assert contents(path) == {"a.txt": WORDS, "b/c.txt": b"second", "a (2).txt": b"third"}


def test_packed_files_are_read_in_the_process_that_can_reach_nothing_else(tmp_path: Path):
    path = tmp_path / "all.tar.zst"
    path.write_bytes(zstd.compress(tarred(("a.txt", WORDS))))

    async def run() -> bytes:
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(path, "archive") as source:
                return b"".join([piece async for piece in source.member(0)])

    assert asyncio.run(run()) == WORDS


@pytest.mark.parametrize("extension", METHODS)
def test_a_packed_file_that_unpacks_to_too_much_is_stopped_on_its_way(
    tmp_path: Path, extension: str, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / f"zeros{extension}"
    path.write_bytes(METHODS[extension](bytes(3 << 20)))
    with pytest.raises(TooLargeUnpacked):
        Archive(path, OpenerLimits(max_unpacked_mb=2), None).open_member(0).read()
    monkeypatch.setattr(zip_members, "MIN_JUDGED_BYTES", 1 << 20)
    with pytest.raises(TooLargeUnpacked):
        Archive(path, OpenerLimits(max_expansion_ratio=10), None).open_member(0).read()


def test_an_archive_that_breaks_off_shows_the_files_before_and_says_so(tmp_path: Path):
    whole = gzip.compress(tarred(("a.txt", WORDS), ("b.bin", bytes(range(256)) * 300), ("c.txt", b"lost")))
    path = tmp_path / "cut.tgz"
    path.write_bytes(whole[: len(whole) // 2])
    archive = Archive(path, OpenerLimits(), None)
    assert [warning.code for warning in archive.part(1).warnings] == ["damaged_data"]
    found = contents(path)
    assert list(found) == ["a.txt", "b.bin"]
    assert found["a.txt"] == WORDS


def test_what_is_damaged_from_the_start_is_refused(tmp_path: Path):
    path = tmp_path / "bad.gz"
    path.write_bytes(gzip.compress(WORDS)[:12])
    with pytest.raises(DamagedDocument):
        Archive(path, OpenerLimits(), None)


def with_method(raw: bytes, name: bytes, method: int, flags: int = 0) -> bytes:
    """Return an archive whose member says that it is packed by another method."""
    local, central = raw.index(name) - 30, raw.rindex(name) - 46
    patched = bytearray(raw)
    for flag_place, method_place in ((local + 6, local + 8), (central + 8, central + 10)):
        struct.pack_into("<H", patched, flag_place, flags)
        struct.pack_into("<H", patched, method_place, method)
    return bytes(patched)


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, WORDS)
    return out.getvalue()


@pytest.mark.parametrize(
    ("method", "flags", "says"),
    [
        (9, 0, "is packed by Deflate64"),
        (98, 0, "is packed by PPMd"),
        (99, 1, "is encrypted by AES"),
        (8, 1, "is encrypted. Send"),
    ],
)
def test_a_file_that_is_not_read_says_why_and_the_others_are_read(tmp_path: Path, method: int, flags: int, says: str):
    path = tmp_path / "odd.zip"
    path.write_bytes(with_method(zipped("odd.txt", "fine.txt"), b"odd.txt", method, flags))
    found = contents(path)
    assert says in str(found["odd.txt"])
    assert found["fine.txt"] == WORDS


def test_a_wrong_password_says_so_also_where_only_the_checksum_shows_it(tmp_path: Path):
    # Encrypted with "secret" by ZipCrypto (7-Zip 16.02); the second password passes the check of one byte.
    raw = zipped("odd.txt")
    path = tmp_path / "secret.zip"
    path.write_bytes(with_method(raw, b"odd.txt", 8, 1))
    with pytest.raises(EncryptedDocument):
        Archive(path, OpenerLimits(), None)
    for attempt in range(3):
        assert "The password does not open" in str(contents(path, f"wrong {attempt}")["odd.txt"])


def test_names_in_older_encodings_are_decoded_by_all_names_together():
    japanese = ["請求書.pdf".encode("cp932"), "お知らせ.txt".encode("cp932"), b"plain.txt"]
    assert decode_names(japanese, "cp437") == ["請求書.pdf", "お知らせ.txt", "plain.txt"]
    assert decode_names(["안내문.hwp".encode("cp949")], "cp437") == ["안내문.hwp"]
    assert decode_names(["增值税发票.pdf".encode("gb18030")], "cp437") == ["增值税发票.pdf"]
    western = ["château d'eau.txt", "Größe.txt", "São Tomé.txt"]
    assert decode_names([western[0].encode("cp437")], "cp437") == western[:1]
    assert decode_names([western[1].encode("cp437")], "cp437") == western[1:2]
    assert decode_names([name.encode() for name in western], "cp437") == western


def test_names_without_the_mark_of_utf8_and_those_in_the_extra_field_are_right(tmp_path: Path):
    raw = zipped("aaaaaaaaa.txt", "bbbbbbbbb.txt")
    raw = raw.replace(b"aaaaaaaaa.txt", "日本語.txt".encode())
    path = tmp_path / "names.zip"
    path.write_bytes(raw)
    assert list(contents(path)) == ["日本語.txt", "bbbbbbbbb.txt"]

    name = "Übersicht.txt"
    info = zipfile.ZipInfo("bersicht.txt")
    field = struct.pack("<BI", 1, zlib.crc32(b"bersicht.txt")) + name.encode()
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, WORDS)
    assert contents(path) == {name: WORDS}


@needs_libarchive
def test_the_files_of_a_7z_archive_are_read_in_any_order(tmp_path: Path):
    path = seven_zip(tmp_path / "all.7z", ("a.txt", WORDS), ("größe/日本語.txt", b"second"), ("c.txt", b"third"))
    assert contents(path) == {"a.txt": WORDS, "größe/日本語.txt": b"second", "c.txt": b"third"}
    archive = Archive(path, OpenerLimits(), None)
    assert [archive.open_member(index).read() for index in (2, 0, 1)] == [b"third", WORDS, b"second"]

    async def run() -> bytes:
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(path, "archive") as source:
                return b"".join([piece async for piece in source.member(0)])

    assert asyncio.run(run()) == WORDS


@needs_libarchive
def test_a_7z_archive_is_bounded_by_what_it_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = seven_zip(tmp_path / "zeros.7z", ("a", bytes(3 << 20)), ("b", b"1"), ("c", b"2"))
    for limits in (OpenerLimits(max_unpacked_mb=2), OpenerLimits(max_members=2)):
        with pytest.raises(TooLargeUnpacked):
            Archive(path, limits, None)
    monkeypatch.setattr(zip_members, "MIN_JUDGED_BYTES", 1 << 20)
    with pytest.raises(TooLargeUnpacked):
        Archive(path, OpenerLimits(max_expansion_ratio=10), None)


@needs_libarchive
def test_a_damaged_7z_archive_is_refused(tmp_path: Path):
    path = seven_zip(tmp_path / "cut.7z", ("a.txt", WORDS))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedDocument):
        Archive(path, OpenerLimits(), None)


LOCKED_FILE = (
    "N3q8ryccAATTW9VEiQAAAAAAAAAUAAAAAAAAAKkyWLlV1QUPtDim1t6uu3kZfhtjxWE1XKv4rvWW4rntUENAbQEAZAEEBgABCSAKAW0GU6EABwsBAAIkBvEH"
    "ARJTD7YpDnsOiOVW86trUci/lBUhIQEYAQAMEQ0ACAoBQwI8rQAABQERDQBhAC4AdAB4AHQAAAAUCgEAQA5H8bV/3QEVBgEAIICAgQAAABcGIAEJaQAHCwEA"
    "ASEhARgMZQAA"
)
"""An archive of ``a.txt``, encrypted with the password ``secret``."""
LOCKED_LIST = (
    "N3q8ryccAAQtVYDlkAAAAAAAAAAoAAAAAAAAAAzEjf+rYO1YL4fTJHBBQIMtgCjjlHF+A5zxMEAy9kUonuMTwMxogUi1HkbFWS3lmCXdputN3q/VkFqtIsRW"
    "rsuohnURwYHrMs7xfgXaGTtw0GhoUrlClFhZbk9VajqybXxi50drXqhYRQxyfX/jUZBspfWJDi5ugywRETw3Y8+TixJOuLskyaTEsJAQQILhqiQZTu4XBiAB"
    "CXAABwsBAAEkBvEHARJTD9ga8ZaKI1Umd9jnnoUssJYMZQAA"
)
"""The same archive with its list of files encrypted too."""


@needs_libarchive
def test_a_7z_archive_with_a_password_says_so_for_each_file_or_for_the_whole(tmp_path: Path):
    path = tmp_path / "locked.7z"
    path.write_bytes(base64.b64decode(LOCKED_FILE))
    archive = Archive(path, OpenerLimits(), "secret")
    assert [member.name for member in archive.members()] == ["a.txt"]
    with pytest.raises(PageUnreadable, match="7z archives with a password are not read"), member_faults("a.txt"):
        archive.open_member(0).read()
    path.write_bytes(base64.b64decode(LOCKED_LIST))
    with pytest.raises(EncryptedDocument, match="7z archives with a password are not read"):
        Archive(path, OpenerLimits(), "secret")


def test_without_libarchive_a_7z_archive_is_refused_with_the_reason():
    head = b"7z\xbc\xaf\x27\x1c" + bytes(40)
    assert sniff(head, "all.7z", 46).name == "7z"
    with pytest.raises(ProgramAbsent, match=r"libarchive, which is not installed on this server") as refused:
        sniff(head, "all.7z", 46, {"libarchive"})
    assert (refused.value.code, refused.value.status) == ("PROGRAM_ABSENT", 415)


def test_the_file_in_a_packed_one_is_named_after_it():
    assert [name_within(name) for name in ("a.pdf.gz", "a.ZST", "folder/b.tar", ".gz")] == [
        "a.pdf",
        "a",
        "b.tar",
        "document",
    ]
