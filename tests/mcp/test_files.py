"""An assistant reads files below the folders that it was given, and no other."""

from __future__ import annotations

import os

import pytest

from document_parser.errors import FileNotAllowed, FileUnreadable
from document_parser.mcp.files import folders_of_roots, open_allowed


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "allowed" / "below").mkdir(parents=True)
    (tmp_path / "allowed" / "below" / "a.txt").write_text("inside")
    (tmp_path / "allowed" / ".env").write_text("secret")
    (tmp_path / "allowed-too").mkdir()
    (tmp_path / "allowed-too" / "b.txt").write_text("outside")
    (tmp_path / "allowed" / "link.txt").symlink_to(tmp_path / "allowed-too" / "b.txt")
    (tmp_path / "allowed" / "own-link.txt").symlink_to(tmp_path / "allowed" / "below" / "a.txt")
    os.mkfifo(tmp_path / "allowed" / "pipe")
    return tmp_path / "allowed"


def test_files_below_a_folder_are_opened_by_whole_and_relative_paths_and_addresses(folder):
    paths = [str(folder / "below" / "a.txt"), "below/a.txt", (folder / "below" / "a.txt").as_uri(), "own-link.txt"]
    for path in paths:
        with open_allowed(path, [folder]) as file:
            assert file.read() == b"inside"


@pytest.mark.parametrize(
    "path",
    ["../allowed-too/b.txt", "link.txt", ".env", "below/../.env", "/etc/hostname", "/proc/self/environ", "", "a\0b", "~/x"],
)
def test_no_other_file_is_opened_and_none_is_told_to_be_there(folder, path):
    with pytest.raises(FileNotAllowed), open_allowed(path, [folder]):
        pass
    with pytest.raises(FileNotAllowed), open_allowed(str(folder / "below" / "a.txt"), []):
        pass


@pytest.mark.parametrize("path", ["pipe", "below", "missing.txt"])
def test_what_is_no_readable_file_is_refused_at_once(folder, path):
    with pytest.raises(FileUnreadable), open_allowed(path, [folder]):
        pass


def test_roots_are_folders_of_this_machine_only(tmp_path):
    roots = [tmp_path.as_uri(), "file:///with%20space", "https://example.org/x", "file://elsewhere/x"]
    assert folders_of_roots(roots) == [tmp_path, type(tmp_path)("/with space")]
