"""Parts of a workbook's package, as far as they can be read."""

from __future__ import annotations

from functools import partial

from document_parser.errors import DamagedDocument, DeclaresEntities
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.office.package import Relationship, as_transitional, parse_relationships, relationships_part_of
from document_parser.sources.xml_trees import Element, parse_xml


def relationships_of(members: ZipMembers, part: str) -> dict[str, Relationship]:
    """Return the relationships of a part (empty: of the package) by id; none if they cannot be read."""
    root = try_part(members, relationships_part_of(part))
    return {} if root is None else parse_relationships(root, part, partial(find_member, members))


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
