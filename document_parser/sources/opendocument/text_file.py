"""A text in OpenDocument (.odt) as a document of one part. Runs in the opener child."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, PageUnreadable
from document_parser.models import Block, BlockKind, Member, PageWarning, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import OneBody
from document_parser.sources.opendocument.names import full_name, short_name
from document_parser.sources.opendocument.package import Package
from document_parser.sources.opendocument.story import Story


class OpenDocumentText(OneBody):
    """An .odt file."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the package. Raises DamagedDocument, EncryptedDocument, TooLargeUnpacked."""
        del password
        super().__init__(limits)
        self._package = Package(path, limits)
        self._body = self._package.body("office:text")
        self._embedded = self._package.objects_in([(self._body, 1)])
        self._pictures: list[str] = []

    def part(self, number: int) -> Part:
        """Return headers, body, notes and footers."""
        location = self.location(number)
        story = Story(self._package)
        story.read(self._body)
        self._pictures = story.pictures
        blocks = [*self._margins("style:header", "page_header"), *story.end(), *self._margins("style:footer", "page_footer")]
        return Part(location=location, blocks=blocks, warnings=warnings_of(story, blocks))

    def members(self) -> list[Member]:
        """Return the files embedded in the document."""
        return self._embedded.members()

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded file. Raises PageUnreadable."""
        return self._embedded.open_member(index)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an embedded image."""
        if not self._pictures:
            self.part(number)
        return picture_of(self._package, self._pictures, index, number)

    def _margins(self, prefix: str, kind: BlockKind) -> list[Block]:
        """Return the headers or footers of all page styles that the file has, each text once."""
        found: dict[str, Block] = {}
        if self._package.common is None:
            return []
        for page in self._package.common.iter(full_name("style:master-page")):
            for margin in page:
                if not short_name(margin).startswith(prefix):
                    continue
                story = Story(self._package)
                story.read(margin)
                for block in story.blocks:
                    if block.text and block.layer == "body":
                        found.setdefault(block.text, Block(kind=kind, text=block.text, spans=block.spans, layer="headers"))
        return list(found.values())


def warnings_of(story: Story, blocks: list[Block]) -> list[PageWarning]:
    """Return the warnings of a part: what was not read, and that there is hidden text."""
    warnings = [PageWarning(code="not_read", message=f"Not read: {what}.") for what in sorted(set(story.unread))]
    if hidden := sum(block.layer == "hidden" for block in blocks):
        message = (
            f"{hidden} parts of the document are hidden. The text leaves them out; JSON has them, and layers=hidden shows them."
        )
        warnings.append(PageWarning(code="hidden_content", message=message))
    return warnings


def picture_of(package: Package, pictures: list[str], index: int, number: int) -> bytes:
    """Return the file of an image by its index. Raises PageUnreadable."""
    if not 0 <= index < len(pictures):
        raise PageUnreadable("The part has no such image.", page=number)
    try:
        return package.read(pictures[index])
    except DamagedDocument as error:
        raise PageUnreadable("The image in the document is damaged.", page=number) from error
