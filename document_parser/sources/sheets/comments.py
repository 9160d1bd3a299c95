"""Comments and notes of Office Open XML worksheets: plain ones, and threads with their answers."""

from __future__ import annotations

from typing import NamedTuple

from document_parser.models import Block, Span
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.office.package import Relationship
from document_parser.sources.sheets.package import try_part
from document_parser.sources.sheets.references import Region, parse_region
from document_parser.sources.sheets.shared_strings import rich_text_of
from document_parser.sources.xml_trees import child, children, local_name


class Comment(NamedTuple):
    """A comment at a cell, with its author and, if the file says it, its time."""

    cell: Region
    reference: str
    author: str
    text: str
    spans: list[Span]
    time: str = ""

    def to_block(self) -> Block:
        """Return the comment as a paragraph that names its cell, author and time."""
        head = ", ".join(part for part in (self.author, self.time) if part)
        start = f"{self.reference} ({head}): " if head else f"{self.reference}: "
        spans = [
            span.model_copy(update={"start": span.start + len(start), "end": span.end + len(start)}) for span in self.spans
        ]
        return Block(kind="paragraph", layer="comments", text=start + self.text, spans=spans)


def read_comments(members: ZipMembers, relations: dict[str, Relationship], persons: dict[str, str]) -> list[Comment]:
    """Return the comments of a worksheet by its relationships, by row and column. A thread stands for its own plain copy."""
    found = {kind: next((one.target for one in relations.values() if one.kind == kind), "") for kind in _KINDS}
    threads = _read_threads(members, found["threadedComment"], persons)
    threaded = {comment.reference for comment in threads}
    plain = [one for one in _read_plain(members, found["comments"]) if one.reference not in threaded]
    return sorted([*plain, *threads], key=lambda comment: comment.cell[:2])


_KINDS = ("comments", "threadedComment")


def _read_plain(members: ZipMembers, name: str) -> list[Comment]:
    """Return the plain comments."""
    root = try_part(members, name) if name else None
    if root is None:
        return []
    authors, listed = child(root, "authors"), child(root, "commentList")
    names = [(author.text or "").strip() for author in authors] if authors is not None else []
    comments = []
    for element in listed if listed is not None else ():
        cell, body = parse_region(element.get("ref", "")), child(element, "text")
        if cell is None or body is None:
            continue
        rich, place = rich_text_of(body), element.get("authorId", "")
        author = names[int(place)] if place.isdecimal() and int(place) < len(names) else ""
        begun = f"{author}:\n"
        text, cut = (rich.text[len(begun) :], len(begun)) if author and rich.text.startswith(begun) else (rich.text, 0)
        spans = [
            span.model_copy(update={"start": max(0, span.start - cut), "end": span.end - cut})
            for span in rich.spans
            if span.end > cut
        ]
        comments.append(Comment(cell, element.get("ref", ""), author, text.rstrip(), spans))
    return comments


def _read_threads(members: ZipMembers, name: str, persons: dict[str, str]) -> list[Comment]:
    """Return the comments and answers of threads in their order."""
    root = try_part(members, name) if name else None
    comments = []
    for element in root if root is not None else ():
        cell, body = parse_region(element.get("ref", "")), child(element, "text")
        if local_name(element) == "threadedComment" and cell is not None and body is not None:
            author, time = persons.get(element.get("personId", ""), ""), element.get("dT", "").partition(".")[0]
            comments.append(Comment(cell, element.get("ref", ""), author, (body.text or "").strip(), [], time))
    return comments


def read_persons(members: ZipMembers, relations: dict[str, Relationship]) -> dict[str, str]:
    """Return the names of the people who wrote threads, by their ids, from the relationships of the workbook."""
    names: dict[str, str] = {}
    for relation in relations.values():
        root = try_part(members, relation.target) if relation.kind == "person" else None
        if root is not None:
            names |= {one.get("id", ""): one.get("displayName", "") for one in children(root, "person")}
    return names
