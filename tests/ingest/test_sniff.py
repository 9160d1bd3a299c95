"""Formats are told by content, and names of uploads are made harmless."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from document_parser.errors import ContentMismatch, DocumentParserError, EmptyFile, UnsupportedFormat
from document_parser.ingest.sniff import HEAD_BYTES, SUPPORTED, safe_filename, sniff

PDF = b"%PDF-1.7\n1 0 obj\n"
ZIP = b"PK\x03\x04\x14\x00\x00\x00\x08\x00"
HTML = b"<!DOCTYPE html><html><body>404 Not Found</body></html>"


def name_of(head: bytes, filename: str = "") -> str:
    return sniff(head, filename, len(head)).name


@pytest.mark.parametrize("name", ["png", "jpeg", "tiff", "bmp", "webp"])
def test_every_picture_format_is_told_by_its_content(tmp_path: Path, name: str):
    path = tmp_path / "picture"
    Image.new("RGB", (40, 30), "white").save(path, name.upper())
    found = sniff(path.read_bytes()[:HEAD_BYTES], "picture", path.stat().st_size)
    assert (found.name, found.kind) == (name, "image")


@pytest.mark.parametrize(
    ("head", "filename", "name"),
    [
        (ZIP + b"notes.txt", "a.zip", "zip"),
        (ZIP + b"letters/word/a.docx", "a.zip", "zip"),
        (b"\x1f\x8b\x08\x00", "a.tgz", "gzip"),
        (b"Subject: hello\nFrom: a@example.org\n\nhi", "a.eml", "mail"),
        (b"From ann Mon May  4 12:00:00 2026\nX-Odd: 1\n 2\nSubject: hello\n\nhi", "folder", "mail"),
        ("Subject: hello\n\nhi".encode("utf-16"), "a.eml", "mail"),
        (b"\x78\x9f\x3e\x22\x01\x00", "winmail.dat", "winmail"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "a.msg", "msg"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__properties_version1.0".encode("utf-16-le"), "mail", "msg"),
        (ZIP + b"mimetypeapplication/vnd.oasis.opendocument.text", "a.odt", "odt"),
        (b"\x00\x00\x00\x18ftypheic", "a.heic", "heif"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00avif", "a.avif", "avif"),
    ],
)
def test_other_formats_are_told_by_content_as_far_as_it_says(head: bytes, filename: str, name: str):
    assert name_of(head, filename) == name


def test_a_pdf_is_told_without_an_extension_and_with_one_nobody_knows():
    assert name_of(PDF, "statement") == name_of(PDF, "statement.2024-final") == name_of(PDF, "UPPER.PDF") == "pdf"


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n\r\n", b"\x00" * 1000, b"junk " * 200])
def test_a_pdf_header_may_stand_behind_garbage(before: bytes):
    assert name_of(before + PDF, "a.pdf") == "pdf"


def test_a_pdf_that_lost_its_header_is_still_one_to_be_found_damaged():
    assert name_of(b"%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "a.pdf") == "pdf"


def test_a_file_without_bytes_is_empty_whatever_its_name():
    with pytest.raises(EmptyFile):
        sniff(b"", "a.pdf", 0)


@pytest.mark.parametrize(
    ("head", "filename", "seems"),
    [
        (b"8BPS\x00\x01", "a.psd", "photoshop"),
        (b"%!PS-Adobe-3.0\n", "a.ps", "postscript"),
        (b"Rar!\x1a\x07\x00", "a.rar", "rar"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "a.svg", "svg"),
        (b"\x7fELF\x02\x01", "a", "program"),
        (b"\x91\x02\xfe\xa0" * 8, "a.bin", None),
    ],
)
def test_what_is_not_read_is_refused_and_named(head: bytes, filename: str, seems: str | None):
    with pytest.raises(UnsupportedFormat) as refusal:
        name_of(head, filename)
    assert refusal.value.details["looks_like"] == seems
    assert refusal.value.details["supported"] == list(SUPPORTED)


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        (PDF, "photo.jpg"),
        (PDF, "letter.docx"),
        (PDF, "invoice.pdf.exe"),
        (HTML, "invoice.pdf"),
        (ZIP + b"word/document.xml", "invoice.pdf"),
        (b"\x89PNG\r\n\x1a\n", "invoice.pdf"),
        (b"not a picture", "scan.tiff"),
        (b"\x7fELF\x02\x01", "scan.png"),
    ],
)
def test_a_name_of_another_kind_than_the_content_is_a_mismatch(head: bytes, filename: str):
    with pytest.raises(ContentMismatch):
        name_of(head, filename)


@pytest.mark.parametrize(
    ("head", "filename", "name"),
    [
        (HTML, "page", "html"),
        (HTML, "report.xls", "html"),
        (b"a <b>piece</b>", "a.html", "html"),
        (b"{\\rtf1 letter}", "letter.doc", "rtf"),
        (ZIP + b"mimetypeapplication/epub+zip", "book", "epub"),
        (ZIP + b"a.xhtml", "book.epub", "epub"),
        (ZIP + b"mimetype, compressed", "letter.odt", "odt"),
        (b"From: <Saved by Blink>\nSnapshot-Content-Location: http://a.org\n\n", "a.mhtml", "mhtml"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related\n\n", "a.mht", "mhtml"),
        (b"<p align='center'>logo</p>\n# Title\n", "README.md", "markdown"),
        (b"<?xml version='1.0'?><a/>", "a", "xml"),
        ("<a>Größe</a>".encode("utf-16"), "a.xml", "xml"),
        ("<p>words without a mark".encode("utf-16-le"), "a.html", "html"),
        (b"a,b\n1\x00,2\n\xff\xfe,3\n", "stray.csv", "csv"),
        (b'{"a": 1}', "a.json", "json"),
        (b'{"cells": []}', "a.ipynb", "notebook"),
    ],
)
def test_marked_up_text_is_told_by_its_content_and_plain_text_by_its_name(head: bytes, filename: str, name: str):
    assert name_of(head, filename) == name


def test_an_error_page_saved_as_pdf_is_called_html():
    with pytest.raises(ContentMismatch, match="html"):
        name_of(HTML, "invoice.pdf")


def test_one_picture_format_under_the_name_of_another_is_read():
    assert name_of(b"\x89PNG\r\n\x1a\n", "photo.jpg") == "png"


def test_content_that_begins_as_something_else_is_no_pdf_even_with_one_inside():
    assert name_of(ZIP + b"x.pdf" + PDF, "archive") == "zip"
    with pytest.raises(UnsupportedFormat):
        name_of(b"\x7fELF" + PDF, "program")


def test_two_letters_do_not_make_a_bitmap():
    assert name_of(b"BMW sells cars, and this is a text about them.", "cars") == "text"


def test_the_name_tells_formats_of_text_apart():
    rows = b"name;age\nAnn;30\n"
    assert name_of(rows, "people.csv") == "csv"
    assert name_of(rows, "people.txt") == name_of(rows, "people") == "text"
    assert name_of("Größe\n".encode("cp1252"), "old.txt") == "text"
    with pytest.raises(UnsupportedFormat):
        name_of("Größe\n".encode("cp1252"), "old")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("../../../../etc/passwd.pdf", "passwd.pdf"),
        ("..\\..\\windows\\win.ini.pdf", "win.ini.pdf"),
        ("file.pdf/", "file.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "aSet-Cookie: x=1.pdf"),
        ("x\x00.pdf", "x.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        (".pdf", "document.pdf"),
        ("..", "document"),
        ("", "document"),
        ("  \t ", "document"),
        ("日本語の請求書.pdf", "日本語の請求書.pdf"),
    ],
)
def test_a_file_name_becomes_harmless(raw: str, shown: str):
    assert safe_filename(raw) == shown


@pytest.mark.parametrize("letter", ["A", "é", "😀"])
def test_a_long_name_is_cut_and_keeps_its_extension(letter: str):
    name = safe_filename(letter * 400 + ".pdf")
    assert len(name.encode()) <= 255
    assert name.endswith(letter + ".pdf")


@pytest.mark.corpus
def test_every_hostile_name_becomes_harmless(corpus: Path):
    for entry in json.loads((corpus / "hostile/filenames/filenames.json").read_text()):
        name = safe_filename(entry["filename"])
        assert name not in {"", ".", ".."}
        assert not set(name) & set("/\\")
        assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in name)
        assert len(name.encode()) <= 255
        assert safe_filename(name) == name


@pytest.mark.corpus
def test_hostile_files_are_told_as_the_manifest_wants(corpus: Path):
    hostile = corpus / "hostile"
    for folder in ("mismatch", "image", "encrypted", "pdf"):
        for path in sorted((hostile / folder).iterdir()):
            expected = _expected(hostile, f"{folder}/{path.name}")
            if "415" not in expected and path.suffix.lower() != ".gif":
                assert _verdict(path) is None, path.name
            elif "accept" not in expected:
                assert _verdict(path) in {"UNSUPPORTED_FORMAT", "CONTENT_MISMATCH"}, path.name


def _verdict(path: Path) -> str | None:
    data = path.read_bytes()
    try:
        sniff(data[:HEAD_BYTES], path.name, len(data))
    except DocumentParserError as error:
        return error.code
    return None


def _expected(hostile: Path, name: str) -> str:
    rows = (line.split("\t") for line in (hostile / "MANIFEST.tsv").read_text().splitlines())
    return next(row[2] for row in rows if row[0] == name)
