"""The package of an OpenDocument file: its XML parts, its styles and its pictures; or the whole in one XML file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from document_parser.errors import DamagedDocument, EncryptedDocument
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.embedded import EmbeddedFiles
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.markup.mathml import latex_of_xml
from document_parser.sources.opendocument.controls import control_texts
from document_parser.sources.opendocument.embedded import embedded_files, object_addresses
from document_parser.sources.opendocument.names import attribute, full_name
from document_parser.sources.opendocument.styles import Styles
from document_parser.sources.xml_trees import Element, parse_xml

_MANIFEST = "META-INF/manifest.xml"


class Package:
    """An opened package. Construction raises DamagedDocument, EncryptedDocument, TooLargeUnpacked."""

    def __init__(self, path: Path, limits: OpenerLimits) -> None:
        """Read the content and the styles."""
        self._members = ZipMembers(path, limits)
        self._refuse_encryption()
        if "content.xml" not in self._members:
            raise DamagedDocument("The file has no content.xml. Save it again in its program.")
        self.content: Element = parse_xml(self._members.read("content.xml"))
        self.common: Element | None = self._parse("styles.xml")
        self.styles = Styles()
        self.styles.add(self.content)
        if self.common is not None:
            self.styles.add(self.common)

    def body(self, *kinds: str) -> Element:
        """Return the body of one of these kinds, such as ``office:text``. Raises DamagedDocument if there is none."""
        found = next(self.content.iter(*map(full_name, kinds)), None)
        if found is None:
            raise DamagedDocument("The file has no contents of its kind. Save it again in its program.")
        return found

    def member_of(self, address: str) -> str:
        """Return the name of a member that an address leads to; empty if it leads out of the package, or to nothing."""
        name = address.removeprefix("./")
        return name if name in self._members else ""

    def read(self, member: str) -> bytes:
        """Return a member. Raises DamagedDocument."""
        return self._members.read(member)

    def embedded(self, address: str) -> Element | None:
        """Return the content of an object that is embedded as a document of its own; None if there is none that is XML."""
        name = f"{address.removeprefix('./').rstrip('/')}/content.xml"
        return self._parse(name)

    def formula_of(self, frame: Element) -> str:
        """Return the formula that a frame shows as LaTeX; empty if it shows none."""
        for element in frame.iterchildren(full_name("draw:object")):
            inside = next(element.iterchildren(full_name("math:math")), None)
            root = self.embedded(attribute(element, "xlink:href")) if inside is None else inside
            if root is not None and root.tag == full_name("math:math"):
                return latex_of_xml(root)
        return ""

    @cached_property
    def controls(self) -> dict[str, str]:
        """What the controls of forms show, by their id."""
        return control_texts(self.content)

    def objects_in(self, parts: Iterable[tuple[Element, int]]) -> EmbeddedFiles:
        """Return the files embedded in elements, each with the number of the part of the document that the element is in."""
        found = ((address, number) for element, number in parts for address in object_addresses(element))
        return embedded_files(self._members, found, shows_tables=True)

    def _parse(self, name: str) -> Element | None:
        """Return the root of a member; None if it is missing or damaged."""
        if name not in self._members:
            return None
        try:
            return parse_xml(self._members.read(name))
        except DamagedDocument:
            return None

    def _refuse_encryption(self) -> None:
        """Raise EncryptedDocument if the manifest says that parts are encrypted."""
        manifest = self._parse(_MANIFEST)
        if manifest is not None and next(manifest.iter(full_name("manifest:encryption-data")), None) is not None:
            raise EncryptedDocument(
                "The document has a password, and is not read with one. Save it without, then send it again."
            )
