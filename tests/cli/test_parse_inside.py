"""``docparse parse`` reads the documents inside a document too, and tells of those that it does not read."""

from __future__ import annotations

import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    message = EmailMessage()
    message["Subject"] = "Attached"
    message.set_content("see below")
    message.add_attachment(b"a;b\n1;2\n", "text", "csv", filename="../../data.csv")
    message.add_attachment(b"\x00\x01" * 60, "application", "octet-stream", filename="odd.bin")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("mail.eml", message.as_bytes())
        archive.writestr("notes.txt", "words")
    return Desk(tmp_path)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_inside_is_written_below_the_result_and_never_elsewhere(desk):
    done = desk.parse("all.zip", "-o", "out/")
    assert done.returncode == 0
    assert files_below(desk.folder / "out") == [
        "all.inside/mail.inside/data.md",
        "all.inside/mail.md",
        "all.inside/notes.md",
        "all.md",
    ]
    assert (desk.folder / "out/all.inside/mail.inside/data.md").read_text().startswith("| a | b |")
    assert "all.zip > mail.eml > odd.bin: not read. The file is of no known kind" in done.stderr
    assert files_below(desk.folder)[:1] == ["all.zip"]


def test_standard_output_has_the_outer_document_and_a_line_about_the_others(desk):
    done = desk.parse("all.zip")
    assert done.stdout == "- mail.eml\n- notes.txt\n"
    assert "all.zip holds 2 documents: mail.eml, notes.txt. -o PATH reads them too." in done.stderr


def test_what_lies_deeper_than_the_limit_is_told(desk):
    done = desk.parse("all.zip", "-o", "out/", MAX_NESTING_DEPTH="1")
    assert files_below(desk.folder / "out") == ["all.inside/mail.md", "all.inside/notes.md", "all.md"]
    assert "too deep to be read (MAX_NESTING_DEPTH)" in done.stderr
