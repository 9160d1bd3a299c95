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


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_documents_inside_stand_below_the_outer_one_if_asked_for(desk):
    inner = zipped(desk.folder / "inner.zip", {"deep.txt": "The deepest text."}).read_bytes()
    zipped(desk.folder / "all.zip", {"first.md": "# First\n", "inner.zip": inner, "odd.xyz": b"\x00\x01\x02"})
    (desk.folder / "inner.zip").unlink()
    done = desk.parse("all.zip", "--children", "append", "-o", "all.md")
    text = (desk.folder / "all.md").read_text()
    places = [text.index(part) for part in ("# `first.md`", "# First", "# `inner.zip`", "## `deep.txt`", "The deepest text.")]
    assert places == sorted(places)
    assert "*Not read: " in text.split("`odd.xyz`")[1], "what cannot be read is there with its reason"
    assert (done.returncode, "not read: odd.xyz: " in done.stderr) == (0, True)
    assert not (desk.folder / "all.inside").exists()


def test_a_broken_document_below_the_outer_one_makes_it_partial(desk):
    zipped(desk.folder / "some.zip", {"a.txt": "one", "broken.docx": b"PK\x03\x04" + b"\x00" * 60})
    done = desk.parse("some.zip", "--children", "append", "-o", "some.md")
    text = (desk.folder / "some.md").read_text()
    assert "one" in text
    assert "*Not read: " in text.split("broken.docx")[-1]
    assert (done.returncode, "not read whole: broken.docx" in done.stderr) == (1, True)


def test_documents_inside_are_appended_to_standard_output_too(desk):
    zipped(desk.folder / "all.zip", {"a.txt": "one", "b.txt": "two"})
    done = desk.parse("all.zip", "--children", "append", "--format", "text")
    assert (done.returncode, done.stdout.split()[-4:]) == (0, ["a.txt", "one", "b.txt", "two"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--format", "json"], "needs --format markdown or text"), (["--server", "http://127.0.0.1:9"], "children=append")],
)
def test_what_cannot_take_documents_one_below_the_other_is_refused(desk, arguments, says):
    zipped(desk.folder / "all.zip", {"a.txt": "one"})
    done = desk.parse("all.zip", "--children", "append", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
