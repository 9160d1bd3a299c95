"""A book (EPUB) as a document of chapters in reading order. Runs in the opener child.

The spine of the package says the order; the pages that it calls ``linear="no"`` (answers, notes) are parts too.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from document_parser.errors import DamagedDocument, DocumentError, EncryptedDocument, PageUnreadable
from document_parser.models import Block, LayerName, Location, Part, Span
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.zip_members import ZipMembers, normalise_name
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.markup.blocks import blocks_of_html
from document_parser.sources.markup.html import decode_html, embedded_image
from document_parser.sources.markup.images import is_data_image
from document_parser.sources.markup.tree import parse_html
from document_parser.sources.plain_text import undecoded_warnings
from document_parser.sources.xml_trees import Element, local_name, parse_xml

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Fonts that are made unusable outside of the book; its text is readable."""
_MAX_CHAPTERS = 10_000

_Finder = Callable[[str], str | None]
_Content = Literal["page", "image"]


class _Chapter(NamedTuple):
    """An entry of the spine: the member that holds it, what that is, and its title; an empty member is none of the book."""

    member: str
    content: _Content
    title: str = ""


class Book(FlowingDocument):
    """A book: its chapters are the parts."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the package. Raises DamagedDocument, EncryptedDocument, TooLargeUnpacked."""
        del password
        super().__init__(limits)
        self._members = ZipMembers(path, limits)
        self._by_lower = {name.lower(): name for name in self._members}
        package = self._package_name()
        root = parse_xml(self._members.read(package), recover=True)
        self._chapters = _spine_of(root, package, self._find)
        if not self._chapters:
            raise DamagedDocument("The book lists no chapters. Send the file again, or a complete export of it.")
        self._refuse_encrypted()
        self._chapters = self._with_titles(root, package)
        self._facts = _facts_of(root)
        self.page_count = len(self._chapters)
        self._images: dict[int, list[str]] = {}

    def location(self, number: int) -> Location:
        """Return the chapter."""
        return Location(kind="chapter", name=self._chapter(number).title)

    def part(self, number: int) -> Part:
        """Return the blocks of a chapter. Raises PageUnreadable if the book lacks its file."""
        chapter = self._chapter(number)
        if not chapter.member or chapter.member not in self._members:
            raise PageUnreadable(f"The book lacks the file of this chapter ({chapter.member or 'none is named'}).", page=number)
        if chapter.content == "image":
            self._images[number] = [chapter.member]
            return Part(location=self.location(number), blocks=[Block(kind="figure", picture="image")])
        try:
            decoded = decode_html(self._members.read(chapter.member))
        except DocumentError as error:
            raise PageUnreadable(error.message, page=number) from error
        page = parse_html(decoded.text)
        warnings = undecoded_warnings(decoded.undecoded, decoded.encoding)
        folder = posixpath.dirname(chapter.member)
        found = blocks_of_html(page, lambda address: self._image(folder, address))
        self._images[number] = found.images
        if number == 1:
            found.blocks[:0] = _head_of(self._facts, found.blocks)
        name = chapter.title or _first_heading(found.blocks) or found.title
        return Part(location=Location(kind="chapter", name=name), blocks=found.blocks, warnings=[*found.warnings, *warnings])

    def picture_data(self, number: int, index: int) -> bytes:
        """Return an image of a chapter."""
        if number not in self._images:
            self.part(number)
        images = self._images.get(number, [])
        if not 0 <= index < len(images) or is_data_image(images[index]):
            return embedded_image(images, number, index)
        try:
            return self._members.read(images[index])
        except DocumentError as error:
            raise PageUnreadable(error.message, page=number) from error

    def _chapter(self, number: int) -> _Chapter:
        """Return a chapter by its number."""
        if not 1 <= number <= len(self._chapters):
            raise PageUnreadable(f"The book has {len(self._chapters)} chapters.", page=number)
        return self._chapters[number - 1]

    def _package_name(self) -> str:
        """Return the member that describes the book. Raises DamagedDocument."""
        names = []
        if (container := self._find(_CONTAINER)) is not None:
            root = parse_xml(self._members.read(container), recover=True)
            names = [element.get("full-path", "") for element in root.iter() if local_name(element) == "rootfile"]
        found = next((member for name in names if (member := self._find(name)) is not None), None)
        found = found or next((name for name in self._members if name.lower().endswith(".opf")), None)
        if found is None:
            raise DamagedDocument("The book lacks its package file, which lists the chapters. Send the file again.")
        return found

    def _find(self, name: str) -> str | None:
        """Return the member of this name; letters of another case are the same, as on the disks that books are made on."""
        name = normalise_name(name)
        return name if name in self._members else self._by_lower.get(name.lower())

    def _image(self, folder: str, address: str) -> str | None:
        """Return the member of an image of pixels that a page in this folder names."""
        member = self._find(_resolve(folder, address)) if not urlsplit(address).scheme else None
        return member if member is not None and not member.lower().endswith((".svg", ".svgz")) else None

    def _refuse_encrypted(self) -> None:
        """Raise EncryptedDocument if a chapter is encrypted; fonts that are made unusable elsewhere hide no text."""
        name = self._find(_ENCRYPTION)
        if name is None:
            return
        chapters = {chapter.member for chapter in self._chapters}
        for entry in parse_xml(self._members.read(name), recover=True).iter():
            if local_name(entry) != "EncryptedData":
                continue
            methods = [element.get("Algorithm", "") for element in entry.iter() if local_name(element) == "EncryptionMethod"]
            addresses = [element.get("URI", "") for element in entry.iter() if local_name(element) == "CipherReference"]
            if any(method.startswith(_FONT_ALGORITHMS) for method in methods):
                continue
            if any(self._find(unquote(address)) in chapters for address in addresses):
                raise EncryptedDocument(
                    "The book is protected (DRM): its chapters are encrypted. Send a copy without protection."
                )

    def _with_titles(self, root: Element, package: str) -> list[_Chapter]:
        """Return the chapters with the titles that the table of contents gives them."""
        titles: dict[str, str] = {}
        for name in _contents_of(root, package, self._find):
            for member, title in self._read_contents(name):
                titles.setdefault(member, title)
        return [chapter._replace(title=titles.get(chapter.member, "")) for chapter in self._chapters]

    def _read_contents(self, name: str) -> list[tuple[str, str]]:
        """Return the members and titles that a table of contents lists: the page of EPUB 3, or the NCX file of EPUB 2."""
        folder, found = posixpath.dirname(name), []
        try:
            data = self._members.read(name)
            if name.lower().endswith(".ncx"):
                for point in parse_xml(data, recover=True).iter():
                    if local_name(point) == "navPoint":
                        label = next((text.text or "" for text in point.iter() if local_name(text) == "text"), "")
                        address = next((one.get("src", "") for one in point.iter() if local_name(one) == "content"), "")
                        found.append((address, label))
            else:
                page = parse_html(decode_html(data).text)
                links = [link for link in page.root.walk() if link.tag == "a" and link.get("href")]
                found = [(link.get("href"), link.text()) for link in links]
        except DocumentError:
            return []
        members = ((self._find(_resolve(folder, address)), " ".join(title.split())) for address, title in found)
        return [(member, title) for member, title in members if member is not None]


def _resolve(folder: str, address: str) -> str:
    """Return the name of the member that an address in a file of this folder means."""
    path = unquote(urlsplit(address).path)
    return posixpath.normpath(posixpath.join(folder, path)).lstrip("/") if path else ""


def _manifest_of(root: Element, package: str) -> dict[str, Element]:
    """Return the items of the manifest by their ids."""
    del package
    return {item.get("id", ""): item for item in root.iter() if local_name(item) == "item" and item.get("href")}


def _member_of(item: Element, package: str, find: _Finder) -> str:
    """Return the member of an item; its name as the package gives it if the book lacks it."""
    name = _resolve(posixpath.dirname(package), item.get("href", ""))
    return find(name) or name


def _spine_of(root: Element, package: str, find: _Finder) -> list[_Chapter]:
    """Return the chapters in reading order; those that the manifest does not list have no member."""
    manifest = _manifest_of(root, package)
    chapters = []
    for reference in root.iter():
        if local_name(reference) != "itemref":
            continue
        item = manifest.get(reference.get("idref", ""))
        media = (item.get("media-type") or "").lower() if item is not None else ""
        content: _Content = "image" if media.startswith("image/") and media != "image/svg+xml" else "page"
        chapters.append(_Chapter(_member_of(item, package, find) if item is not None else "", content))
    return chapters[:_MAX_CHAPTERS]


def _contents_of(root: Element, package: str, find: _Finder) -> list[str]:
    """Return the members with tables of contents, that of EPUB 3 first."""
    items = _manifest_of(root, package).values()
    pages = [item for item in items if "nav" in (item.get("properties") or "").split()]
    lists = [item for item in items if item.get("media-type") == "application/x-dtbncx+xml"]
    return [member for item in (*pages, *lists) if (member := find(_member_of(item, package, find))) is not None]


def _facts_of(root: Element) -> list[tuple[str, str, LayerName]]:
    """Return what the package says of the book: its authors, as a book shows them, and its description, which shops show."""
    named: dict[str, list[str]] = {"creator": [], "description": []}
    for element in root.iter():
        if local_name(element) in named and (text := " ".join(parse_html("".join(element.itertext())).root.text().split())):
            named[local_name(element)].append(text)
    authors, description = ", ".join(named["creator"]), " ".join(named["description"])
    facts: tuple[tuple[str, str, LayerName], ...] = (("Authors", authors, "headers"), ("Description", description, "hidden"))
    return [fact for fact in facts if fact[1]]


def _head_of(facts: list[tuple[str, str, LayerName]], blocks: list[Block]) -> list[Block]:
    """Return the facts that the first chapter does not say itself."""
    said = " ".join(" ".join(block.text.split()) for block in blocks).casefold()
    return [
        Block(kind="paragraph", layer=layer, text=f"{name}: {text}", spans=[Span(start=0, end=len(name) + 1, bold=True)])
        for name, text, layer in facts
        if text.casefold() not in said
    ]


def _first_heading(blocks: list[Block]) -> str:
    """Return the text of the first heading; empty if there is none."""
    return next((" ".join(block.text.split()) for block in blocks if block.kind == "heading"), "")
