"""XML of documents as trees: no entities, no DTD, no network, bounded depth and text. Runs in the opener child.

lxml parses with ``huge_tree`` off: libxml2 refuses elements nested deeper than 256 and single texts above 10 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any, TypeAlias

from lxml import etree

from document_parser.errors import DamagedDocument, DeclaresEntities

MAX_DIGITS = 10
"""Characters of a whole number that is believed, with its sign."""
Element: TypeAlias = Any
"""An element of lxml, which has no types of its own."""
_SAFE: dict[str, bool] = {
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
"""What every parser of this module is told. Comments and processing instructions are no text of a document."""


def parse_xml(data: bytes, *, recover: bool = False) -> Element:
    """Return the root element. With ``recover`` what is not well-formed is left out, as far as anything can be read.

    Raises DamagedDocument for what is no XML, DeclaresEntities for a document that declares entities.
    """
    try:
        root = etree.fromstring(data, etree.XMLParser(recover=recover, **_SAFE))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DamagedDocument(_fault(error)) from error
    if root is None:
        raise DamagedDocument(_fault("it is empty"))
    refuse_entities(root)
    return root


def iterate_xml(stream: IO[bytes], tags: Sequence[str], *, recover: bool = False) -> Iterator[Element]:
    """Yield each element of these tags (``{namespace}name``) when its end is read, then forget it and all before it.

    A tag inside another one is yielded first, and is still in its parent. Raises as ``parse_xml``.
    """
    depth, wanted = 0, frozenset(tags)
    try:
        for event, element in etree.iterparse(stream, events=("start", "end"), tag=tuple(tags), recover=recover, **_SAFE):
            if event == "start":
                if not depth:
                    refuse_entities(element)
                depth += element.tag in wanted
                continue
            depth -= 1
            yield element
            if not depth:
                _forget(element)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DamagedDocument(_fault(error)) from error


def refuse_entities(element: Element) -> None:
    """Raise DeclaresEntities if the document of this element declares entities."""
    subset = element.getroottree().docinfo.internalDTD
    if subset is not None and any(True for _ in subset.iterentities()):
        raise DeclaresEntities()


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace; empty for an entity reference, which has none."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element, name: str) -> list[Element]:
    """Return the children of a name, in any namespace."""
    return [child for child in element if local_name(child) == name]


def child(element: Element, name: str) -> Element | None:
    """Return the first child of a name, in any namespace; None if there is none."""
    return next((one for one in element if local_name(one) == name), None)


def is_true(text: str | None) -> bool:
    """Return whether an attribute says yes."""
    return (text or "").strip().lower() in {"1", "true", "on"}


def integer_of(text: str | None, default: int) -> int:
    """Return a whole number of an attribute; the default for what is none, and for one of more than nine digits."""
    digits = (text or "").strip()
    return int(digits) if len(digits) <= MAX_DIGITS and digits.removeprefix("-").isdecimal() else default


def _forget(element: Element) -> None:
    """Free an element that was read, and its siblings before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def _fault(reason: object) -> str:
    """Return the message for XML that cannot be parsed."""
    return f"The XML of the document is damaged ({str(reason)[:120]}). Send the file again."
