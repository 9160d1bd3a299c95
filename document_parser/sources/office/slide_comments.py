"""Comments on slides, of the old and of the threaded kind, each behind the name of its author."""

from __future__ import annotations

from collections.abc import Iterator

from document_parser.errors import DocumentError
from document_parser.sources.office.package import OfficePackage
from document_parser.sources.office.smartart import text_of_paragraphs
from document_parser.sources.xml_trees import Element, local_name

_AUTHORS = frozenset({"commentAuthors", "authors"})
_COMMENTS = frozenset({"cm", "reply"})


def comment_authors(package: OfficePackage) -> dict[str, str]:
    """Return the names of those who comment on slides, by their ids; none if the part that has them is damaged."""
    found: dict[str, str] = {}
    for relationship in package.relationships(package.main).values():
        if relationship.kind in _AUTHORS and not relationship.external:
            try:
                root = package.xml(relationship.target)
            except (KeyError, DocumentError):
                continue
            found |= {one.get("id", ""): " ".join(one.get("name", "").split()) for one in root}
    return found


def slide_comments(root: Element, authors: dict[str, str]) -> Iterator[str]:
    """Yield the comments of a part, replies after what they answer."""
    for comment in root.iter():
        if local_name(comment) in _COMMENTS and (text := _text_of(comment)):
            author = authors.get(comment.get("authorId", ""), "")
            yield f"{author}: {text}" if author else text


def _text_of(comment: Element) -> str:
    """Return the text of a comment without those that answer it."""
    for element in comment:
        if local_name(element) == "text":
            return (element.text or "").strip()
        if local_name(element) == "txBody":
            return text_of_paragraphs(element)
    return ""
