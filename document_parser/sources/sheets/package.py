"""Parts of an Office Open XML package and their relationships.

Strict and transitional packages differ in namespaces only, which are not looked at.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from document_parser.errors import DamagedDocument, DeclaresEntities
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.office.package import as_transitional
from document_parser.sources.xml_trees import Element, local_name, parse_xml


class Relationship(NamedTuple):
    """A relationship of a part. ``type`` is the last word of its type; ``target`` a member, or an address if it is external."""

    id: str
    type: str
    target: str
    external: bool


def relationships_of(members: ZipMembers, part: str) -> dict[str, Relationship]:
    """Return the relationships of a part (empty: of the package) by id; none if they cannot be read."""
    folder, _, name = part.rpartition("/")
    root = try_part(members, posixpath.join(folder, "_rels", f"{name}.rels"))
    if root is None:
        return {}
    found = (_relationship(element, folder) for element in root if local_name(element) == "Relationship")
    return {one.id: one for one in found}


def _relationship(element: Element, folder: str) -> Relationship:
    """Return the relationship that an element describes."""
    target, external = element.get("Target", ""), element.get("TargetMode") == "External"
    if not external:
        target = target.replace("\\", "/")
        target = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
    return Relationship(element.get("Id", ""), element.get("Type", "").rstrip("/").rpartition("/")[2], target, external)


def try_part(members: ZipMembers, name: str) -> Element | None:
    """Return the tree of a part as far as it can be read; None if it is missing or unreadable."""
    member = find_member(members, name)
    if member is None:
        return None
    try:
        return parse_xml(as_transitional(members.read(member)), recover=True)
    except DeclaresEntities:
        raise  # no program writes them
    except DamagedDocument:
        return None


def find_member(members: ZipMembers, name: str) -> str | None:
    """Return the member of a part's name, which may differ in case; None if there is none."""
    if name in members:
        return name
    lowered = name.lower()
    return next((member for member in members if member.lower() == lowered), None)


def relation_id(element: Element, name: str = "id") -> str:
    """Return the id of the relationship that an element names, in whichever namespace its attribute is."""
    for attribute, value in element.attrib.items():
        if attribute.rpartition("}")[2] == name and "elationships" in attribute:
            return str(value)
    return ""
