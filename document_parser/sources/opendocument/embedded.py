"""Objects in OpenDocument files: OLE files, and documents whose members lie in a folder of the package."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

from document_parser.errors import DamagedDocument
from document_parser.sources.containers.embedded import EmbeddedFiles
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.opendocument.names import attribute, full_name, short_name
from document_parser.sources.xml_trees import Element, parse_xml

_OBJECTS = ("draw:object", "draw:object-ole")
_MEDIA_TYPE = "application/vnd.oasis.opendocument."
_BODIES = {
    "office:text": ("odt", "text"),
    "office:presentation": ("odp", "presentation"),
    "office:drawing": ("odg", "graphics"),
    "office:spreadsheet": ("ods", "spreadsheet"),
}
"""Bodies of documents, their extension, and the end of their media type. Charts and formulas are read where they stand."""


def object_addresses(element: Element) -> list[str]:
    """Return where the objects within an element lie in the package."""
    found = (attribute(one, "xlink:href") for one in element.iter(*map(full_name, _OBJECTS)))
    return [address for address in found if address]


def embedded_files(members: ZipMembers, objects: Iterable[tuple[str, int]], *, shows_tables: bool) -> EmbeddedFiles:
    """Return the files behind the addresses of objects, each with the number of the part that it belongs to.

    ``shows_tables`` says that embedded workbooks are shown where they stand, and so are no documents of their own.
    """
    folders: dict[str, str] = {}
    places: dict[str, int] = {}
    for address, number in objects:
        name = address.removeprefix("./").rstrip("/")
        if name in members:
            places.setdefault(name, number)
        elif (kind := _extension_of(members, name)) and not (shows_tables and kind == "ods"):
            folders[f"{name}.{kind}"] = name
            places.setdefault(f"{name}.{kind}", number)

    def read(place: str) -> bytes:
        return _pack(members, folders[place], place.rpartition(".")[2]) if place in folders else members.read(place)

    return EmbeddedFiles(read, places)


def _extension_of(members: ZipMembers, folder: str) -> str:
    """Return the extension of the document in a folder of the package; empty if there is none that stands by itself."""
    name = f"{folder}/content.xml"
    if name not in members:
        return ""
    try:
        root = parse_xml(members.read(name))
    except DamagedDocument:
        return ""
    bodies = (short_name(child) for body in root.iterchildren(full_name("office:body")) for child in body)
    return next((_BODIES[name][0] for name in bodies if name in _BODIES), "")


def _pack(members: ZipMembers, folder: str, extension: str) -> bytes:
    """Return the document in a folder of the package as a file of its own. Its objects within objects are left out."""
    kind = next(ending for found, ending in _BODIES.values() if found == extension)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", f"{_MEDIA_TYPE}{kind}")
        for name in members:
            if name.startswith(f"{folder}/") and not name.endswith("/mimetype"):
                archive.writestr(name.removeprefix(f"{folder}/"), members.read(name))
    return out.getvalue()
