"""An Office Open XML package: parts, their content types, and the relationships between them. Runs in the opener child.

Strict documents (ISO 29500) name their namespaces and relationships otherwise; they are read as the usual, transitional ones.
Packages that are one XML file ("flat OPC") are read too.

Source: ECMA-376, part 2 (Open Packaging Conventions).
"""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, Protocol
from urllib.parse import unquote

from lxml import etree

from document_parser.errors import DamagedDocument, EncryptedDocument
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.embedded import EMBEDDING_RELATIONSHIPS, EmbeddedFiles
from document_parser.sources.containers.zip_members import ZipMembers, check_unpacked_size, normalise_name
from document_parser.sources.xml_trees import Element, local_name, parse_xml

RELATIONSHIPS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
"""The namespace of attributes that name a relationship, in lxml's form."""
_OFFICE = "http://schemas.openxmlformats.org/"
_STRICT_OFFICE = b"http://purl.oclc.org/ooxml/"
_STRICT = {
    _STRICT_OFFICE + strict: (_OFFICE + usual).encode()
    for strict, usual in (
        (b"wordprocessingml/main", "wordprocessingml/2006/main"),
        (b"spreadsheetml/main", "spreadsheetml/2006/main"),
        (b"presentationml/main", "presentationml/2006/main"),
        (b"officeDocument/relationships", "officeDocument/2006/relationships"),
        (b"officeDocument/math", "officeDocument/2006/math"),
        (b"officeDocument/sharedTypes", "officeDocument/2006/sharedTypes"),
        (b"officeDocument/docPropsVTypes", "officeDocument/2006/docPropsVTypes"),
        (b"officeDocument/extendedProperties", "officeDocument/2006/extended-properties"),
        (b"drawingml/main", "drawingml/2006/main"),
        (b"drawingml/chartDrawing", "drawingml/2006/chartDrawing"),
        (b"drawingml/chart", "drawingml/2006/chart"),
        (b"drawingml/diagram", "drawingml/2006/diagram"),
        (b"drawingml/picture", "drawingml/2006/picture"),
        (b"drawingml/lockedCanvas", "drawingml/2006/lockedCanvas"),
        (b"drawingml/wordprocessingDrawing", "drawingml/2006/wordprocessingDrawing"),
        (b"drawingml/spreadsheetDrawing", "drawingml/2006/spreadsheetDrawing"),
    )
}
"""The namespaces of strict documents, and the transitional ones that mean the same."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
"""The stream that an encrypted package has in the directory of its OLE file."""
_FLAT = "{http://schemas.microsoft.com/office/2006/xmlPackage}"


class Relationship(NamedTuple):
    """A relationship of a part: its kind, such as ``footnotes``, and the name of another part, or an address outside."""

    kind: str
    target: str
    external: bool


class _Members(Protocol):
    """Where the parts of a package are: a zip archive, or a flat package."""

    def __contains__(self, name: str) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...

    def read(self, name: str) -> bytes: ...


class OfficePackage:
    """An opened package. Parts have names without a leading slash.

    Construction raises DamagedDocument, EncryptedDocument and TooLargeUnpacked.
    """

    def __init__(self, file: Path | IO[bytes], limits: OpenerLimits) -> None:
        """Read the directory and the relationships of the package itself."""
        self._members = _open_members(file, limits)
        self._lower: dict[str, str] | None = None
        self._types: tuple[dict[str, str], dict[str, str]] | None = None
        self._relationships: dict[str, dict[str, Relationship]] = {}
        self.main = self._find_main()

    def find(self, name: str) -> str | None:
        """Return the name of a part as the package spells it, whatever the case; None if there is no such part."""
        if name in self._members:
            return name
        if self._lower is None:
            self._lower = {member.lower(): member for member in self._members}
        return self._lower.get(name.lower())

    def read(self, name: str) -> bytes:
        """Return the bytes of a part. Raises KeyError if there is none, DamagedDocument."""
        return self._members.read(self.find(name) or name)

    def xml(self, name: str) -> Element:
        """Return the root element of a part, in transitional namespaces. Raises KeyError, DamagedDocument."""
        return parse_xml(as_transitional(self.read(name)))

    def content_type(self, name: str) -> str:
        """Return the content type of a part in lower case; empty if the package does not say it."""
        if self._types is None:
            self._types = self._read_types()
        overrides, defaults = self._types
        lower = name.lower()
        return overrides.get(lower) or defaults.get(posixpath.splitext(lower)[1].removeprefix("."), "")

    def relationships(self, part: str) -> dict[str, Relationship]:
        """Return the relationships of a part by their ids; those to parts that are not there are left out."""
        found = self._relationships.get(part)
        if found is None:
            found = self._relationships[part] = self._read_relationships(part)
        return found

    def related(self, part: str, kind: str) -> str | None:
        """Return the first part that a part is related to by this kind; None if there is none."""
        return next(
            (one.target for one in self.relationships(part).values() if one.kind == kind and not one.external),
            None,
        )

    def embedded_in(self, parts: Mapping[str, int]) -> EmbeddedFiles:
        """Return the files that these parts embed, each with the number of the part of the document that it belongs to."""
        places: dict[str, int] = {}
        for part, number in parts.items():
            for found in self.relationships(part).values():
                if found.kind in EMBEDDING_RELATIONSHIPS and not found.external:
                    places.setdefault(found.target, number)
        return EmbeddedFiles(self.read, places)

    def _find_main(self) -> str:
        """Return the main part: the one that the package's relationships name, or the one at its usual place."""
        found = self.related("", "officeDocument")
        if found is not None:
            return found
        for usual in ("word/document.xml", "xl/workbook.xml", "ppt/presentation.xml"):
            if (name := self.find(usual)) is not None:
                return name
        raise DamagedDocument("The file is no office document: its main part is missing. Save it again, then send it.")

    def _read_relationships(self, part: str) -> dict[str, Relationship]:
        """Return the relationships of a part by their ids."""
        place = self.find(relationships_part_of(part))
        if place is None:
            return {}
        found = parse_relationships(self.xml(place), part, self.find)
        return {name: one for name, one in found.items() if one.external or self.find(one.target) is not None}

    def _read_types(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the content types by part and by extension, all in lower case."""
        overrides, defaults = {}, {}
        place = self.find("[Content_Types].xml")
        for element in self.xml(place) if place else ():
            kind = element.get("ContentType", "").lower()
            if "PartName" in element.attrib:
                overrides[normalise_name(element.get("PartName")).lower()] = kind
            else:
                defaults[element.get("Extension", "").lower()] = kind
        return overrides, defaults


def relationships_part_of(part: str) -> str:
    """Return the name of the part that has the relationships of a part, or of the package if that is empty."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def parse_relationships(root: Element, part: str, find: Callable[[str], str | None]) -> dict[str, Relationship]:
    """Return the relationships of a part by their ids, from the root of the part that has them.

    ``find`` returns a part as the package spells its name; None if there is none. A target that is not there has the name that
    it would have.
    """
    folder, found = posixpath.dirname(part), {}
    for element in root:
        if local_name(element) == "Relationship":
            kind, target = element.get("Type", "").rstrip("/").rpartition("/")[2], element.get("Target", "")
            external = element.get("TargetMode") == "External"
            found[element.get("Id", "")] = Relationship(kind, target if external else _resolve(folder, target, find), external)
    return found


def _resolve(folder: str, target: str, find: Callable[[str], str | None]) -> str:
    """Return the part that a target names, seen from a folder; the name that it would have if there is none."""
    place = target.replace("\\", "/").partition("#")[0]
    joined = place if place.startswith("/") else posixpath.join(folder, place)
    name = normalise_name(posixpath.normpath(joined))
    return find(name) or find(unquote(name)) or find(normalise_name(place)) or name


def as_transitional(data: bytes) -> bytes:
    """Return the XML of a part with transitional namespaces."""
    if _STRICT_OFFICE not in data:
        return data
    for strict, usual in _STRICT.items():
        data = data.replace(strict, usual)
    return data


def _open_members(file: Path | IO[bytes], limits: OpenerLimits) -> _Members:
    """Return the members of a package by what its file begins with."""
    head = _read_head(file)
    if head.startswith(_OLE):
        raise _refusal_of_ole(file)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _FlatMembers(file.read_bytes() if isinstance(file, Path) else file.read(), limits)
    return ZipMembers(file, limits)


def _read_head(file: Path | IO[bytes]) -> bytes:
    """Return the first bytes of a file."""
    if isinstance(file, Path):
        with file.open("rb") as stream:
            return stream.read(64)
    head = file.read(64)
    file.seek(0)
    return head


def _refusal_of_ole(file: Path | IO[bytes]) -> EncryptedDocument | DamagedDocument:
    """Return the error for an OLE file: an encrypted package, or an old format under a new name."""
    data = file.read_bytes() if isinstance(file, Path) else file.read()
    if _ENCRYPTED_STREAM in data:
        return EncryptedDocument("The office document is encrypted. Save it without a password, then send it.")
    return DamagedDocument("The file is an office document of the old kind under a new name. Save it anew, then send it.")


class _FlatMembers:
    """The parts of a package that is one XML file."""

    def __init__(self, data: bytes, limits: OpenerLimits) -> None:
        """Parse the file. Raises DamagedDocument, TooLargeUnpacked."""
        root = parse_xml(data)
        if root.tag != f"{_FLAT}package":
            raise DamagedDocument("The XML file is no office document. Save it as one, then send it.")
        check_unpacked_size(len(root), len(data), len(data), limits)
        self._parts = {normalise_name(part.get(f"{_FLAT}name", "")): part for part in root}

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def read(self, name: str) -> bytes:
        """Return the bytes of a part. Raises KeyError if there is none, DamagedDocument."""
        content = next(iter(self._parts[name]), None)
        if content is None:
            return b""
        if content.tag == f"{_FLAT}binaryData":
            try:
                return base64.b64decode(content.text or "")
            except binascii.Error as error:
                raise DamagedDocument(f"The part {name!r} of the document is damaged.") from error
        inner = next(iter(content), None)
        return b"" if inner is None else bytes(etree.tostring(inner, encoding="utf-8", with_tail=False))
