"""Members of zip archives are read within bounds, under names that are no paths."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from document_parser.errors import DamagedDocument, EncryptedDocument, TooLargeUnpacked
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers import zip_members
from document_parser.sources.containers.zip_members import ZipMembers, normalise_name


def zipped(*members: tuple[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("word\\document.xml", "word/document.xml"),
        ("/word/./document.xml", "word/document.xml"),
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\windows\\system.ini", "windows/system.ini"),
        ("line\nbreak.txt", "linebreak.txt"),
        ("..", ""),
    ],
)
def test_a_name_has_slashes_and_leads_nowhere(name: str, normal: str):
    assert normalise_name(name) == normal


def test_members_are_read_whole_or_as_a_stream():
    members = ZipMembers(zipped(("folder/", b""), ("folder\\a.txt", b"text")), OpenerLimits())
    assert list(members) == ["folder/a.txt"]
    assert members.read("folder/a.txt") == b"text"
    with members.open("folder/a.txt") as stream:
        assert stream.read(2) == b"te"
    with pytest.raises(KeyError):
        members.read("b.txt")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_both_there():
    members = ZipMembers(
        zipped(("a/b.txt", b"1"), ("a\\b.txt", b"2"), ("a/b.txt", b"3"), (".x", b"4"), (".x", b"5")), OpenerLimits()
    )
    assert {name: members.read(name) for name in members} == {
        "a/b.txt": b"1", "a/b (2).txt": b"2", "a/b (3).txt": b"3", ".x": b"4", ".x (2)": b"5",
    }  # fmt: skip


def test_what_is_no_archive_is_damaged(tmp_path: Path):
    for data in (b"", b"PK\x03\x04 and nothing more", zipped(("a", b"b" * 100)).getvalue()[:60]):
        path = tmp_path / "file.zip"
        path.write_bytes(data)
        with pytest.raises(DamagedDocument):
            ZipMembers(path, OpenerLimits())


def test_damage_and_encryption_of_one_member_leave_the_others():
    raw = zipped(("bad", b"first text" * 9), ("good", b"second"), ("secret", b"third")).getvalue()
    place = raw.index(b"bad") + 3
    raw = raw[:place] + b"\xff\xff\xff" + raw[place + 3 :]
    entry = raw.rindex(b"secret") - 46
    raw = raw[: entry + 8] + b"\x01" + raw[entry + 9 :]
    members = ZipMembers(io.BytesIO(raw), OpenerLimits())
    assert members.read("good") == b"second"
    with pytest.raises(DamagedDocument):
        members.read("bad")
    with pytest.raises(EncryptedDocument):
        members.read("secret")


def test_a_member_that_is_larger_than_it_declares_is_damaged():
    raw = zipped(("a", b"x" * 5000)).getvalue()
    entry = raw.rindex(b"PK\x01\x02")
    raw = raw[: entry + 24] + (10).to_bytes(4, "little") + raw[entry + 28 :]
    with pytest.raises(DamagedDocument):
        ZipMembers(io.BytesIO(raw), OpenerLimits()).read("a")


def test_the_limits_hold_before_anything_is_unpacked(monkeypatch: pytest.MonkeyPatch):
    file = zipped(("a", bytes(3 << 20)), ("b", b""))
    with pytest.raises(TooLargeUnpacked, match=r"2 members.*at most 1 \(MAX_MEMBERS\)"):
        ZipMembers(file, OpenerLimits(max_members=1))
    with pytest.raises(TooLargeUnpacked, match=r"3 MiB.*at most 2 MiB \(MAX_UNPACKED_MB\)") as refused:
        ZipMembers(file, OpenerLimits(max_unpacked_mb=2))
    assert refused.value.details == {"unpacked_mb": 3.0, "limit_mb": 2}
    ZipMembers(file, OpenerLimits())  # small files shrink to almost nothing
    monkeypatch.setattr(zip_members, "MIN_JUDGED_BYTES", 1 << 20)
    with pytest.raises(TooLargeUnpacked, match=r"at most 200 \(MAX_EXPANSION_RATIO\)"):
        ZipMembers(file, OpenerLimits())
