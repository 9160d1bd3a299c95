"""Books are read in the order of their spine, as far as they are not protected."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from document_parser.errors import DamagedDocument, EncryptedDocument, PageUnreadable
from document_parser.sources.base import OpenerLimits
from document_parser.sources.markup.epub import Book
from tests.support.local_reading import read_locally as read

CONTAINER = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
PACKAGE = """<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:creator>Ann Author</dc:creator></metadata>
<manifest><item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="b" href="text/b.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/a%20a.xhtml" media-type="text/html"/>
<item id="c" href="text/gone.xhtml" media-type="application/xhtml+xml"/>
<item id="i" href="i.png" media-type="image/png"/></manifest>
<spine><itemref idref="a"/><itemref idref="b" linear="no"/><itemref idref="c"/></spine></package>"""
NAV = '<html><body><nav><a href="text/a%20a.xhtml#x">First</a><a href="text/b.xhtml">Answers</a></nav></body></html>'
HEAD = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>'


def book(path: Path, **members: str | bytes) -> Path:
    """A book; members by name, with __ for a slash and _dot_ for a dot."""
    files: dict[str, str | bytes] = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/nav.xhtml": NAV,
        "OEBPS/text/a a.xhtml": f'{HEAD}<h1>One</h1><p>by Ann&nbsp;Author</p><img src="../I.png" alt="map"/></body></html>',
        "OEBPS/text/b.xhtml": f"{HEAD}<p>Two</p></body></html>",
        "OEBPS/i.png": b"\x89PNG",
        **members,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def opened(path: Path) -> Book:
    return Book(path, OpenerLimits(), None)


def test_chapters_are_parts_in_the_order_of_the_spine(tmp_path: Path):
    document, markdown = read(book(tmp_path / "a.epub"))
    assert [page.location.kind for page in document.pages if page.location] == ["chapter"] * 3
    assert [page.location.name for page in document.pages[:2] if page.location] == ["First", "Answers"]
    assert [page.status for page in document.pages] == ["done", "done", "failed"]
    assert document.pages[2].error is not None
    assert "lacks the file" in document.pages[2].error.message
    assert markdown.index("# One") < markdown.index("Two")


def test_images_are_found_beside_the_chapter_whatever_their_case(tmp_path: Path):
    source = opened(book(tmp_path / "a.epub"))
    assert [block.kind for block in source.part(1).blocks] == ["heading", "paragraph", "figure"]
    assert source.picture_data(1, 0) == b"\x89PNG"


def test_the_author_is_named_once(tmp_path: Path):
    assert all("Authors" not in block.text for block in opened(book(tmp_path / "a.epub")).part(1).blocks)
    other = opened(book(tmp_path / "b.epub", **{"OEBPS/text/a a.xhtml": f"{HEAD}<p>Text</p></body></html>"}))
    assert [(block.layer, block.text) for block in other.part(1).blocks] == [
        ("headers", "Authors: Ann Author"), ("body", "Text"),
    ]  # fmt: skip


def encryption_of(algorithm: str, member: str) -> str:
    """A list of encrypted members."""
    return (
        f'<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/>'
        f'<CipherData><CipherReference URI="{member}"/></CipherData></EncryptedData></encryption>'
    )


def test_a_protected_book_is_refused_and_protected_fonts_are_not(tmp_path: Path):
    aes = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
    locked = book(tmp_path / "a.epub", **{"META-INF/encryption.xml": encryption_of(aes, "OEBPS/text/b.xhtml")})
    with pytest.raises(EncryptedDocument, match="DRM"):
        opened(locked)
    font = encryption_of("http://www.idpf.org/2008/embedding", "OEBPS/f.otf")
    assert opened(book(tmp_path / "b.epub", **{"META-INF/encryption.xml": font})).page_count == 3


def test_a_book_without_a_package_is_damaged(tmp_path: Path):
    path = tmp_path / "a.epub"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.xhtml", HEAD)
    with pytest.raises(DamagedDocument, match="package file"):
        opened(path)


def test_a_part_that_the_book_has_not_is_refused(tmp_path: Path):
    with pytest.raises(PageUnreadable):
        opened(book(tmp_path / "a.epub")).part(4)
