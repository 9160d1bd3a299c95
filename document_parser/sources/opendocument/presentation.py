"""A presentation in OpenDocument (.odp) as a document of slides. Runs in the opener child."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from document_parser.errors import PageUnreadable
from document_parser.models import Block, LayerName, Location, Member, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.opendocument.names import attribute, full_name, short_name
from document_parser.sources.opendocument.package import Package
from document_parser.sources.opendocument.story import Story
from document_parser.sources.opendocument.text_file import picture_of, warnings_of
from document_parser.sources.visual_order import Place, visual_order
from document_parser.sources.xml_trees import Element

_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)(cm|mm|in|pt|px|pc)?")
_POINTS = {"cm": 28.35, "mm": 2.835, "in": 72.0, "pt": 1.0, "px": 0.75, "pc": 12.0}
_ROW_POINTS = 18.0
"""Shapes whose upper edges are within this many points are read from left to right."""
_MARGINS = frozenset({"header", "footer", "date-time"})
_NO_TEXT = frozenset({"page", "handout", "page-number"})
"""Classes of the small picture of the slide, and of its number."""
_DECLARED = (("presentation:use-footer-name", "presentation:footer-decl"),
             ("presentation:use-date-time-name", "presentation:date-time-decl"))  # fmt: skip
"""How a slide names the footer and the date that it shows, and what declares them."""


class OpenDocumentPresentation(FlowingDocument):
    """An .odp file, or a drawing (.odg): each slide is a part."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the package. Raises DamagedDocument, EncryptedDocument, TooLargeUnpacked."""
        del password
        super().__init__(limits)
        self._package = Package(path, limits)
        self._slides = [*self._package.body("office:presentation", "office:drawing").iterchildren(full_name("draw:page"))]
        self.page_count = len(self._slides)
        self._embedded = self._package.objects_in((slide, number) for number, slide in enumerate(self._slides, 1))
        self._pictures: dict[int, list[str]] = {}

    def location(self, number: int) -> Location:
        """Return the title of a slide, or its name in the file."""
        slide = self._slide(number)
        titles = (frame for frame in slide if attribute(frame, "presentation:class") == "title")
        title = " ".join(" ".join(frame.itertext()).strip() for frame in titles)
        return Location(kind="slide", name=" ".join(title.split()) or attribute(slide, "draw:name"))

    def part(self, number: int) -> Part:
        """Return the title, the shapes in visual order, and the notes of the speaker."""
        slide, story = self._slide(number), Story(self._package)
        is_hidden = self._package.styles.is_hidden_page(attribute(slide, "draw:style-name"))
        layer: LayerName = "hidden" if is_hidden else "body"
        found = _shapes_of(slide)
        shapes = [found[index] for index in visual_order([_place_of(shape) for shape in found], _ROW_POINTS)]
        for title in [shape for shape in shapes if attribute(shape, "presentation:class") == "title"]:
            shapes.remove(title)
            before = len(story.blocks)
            story.read([title], layer)
            for place in range(before, len(story.blocks)):
                if story.blocks[place].kind == "paragraph":
                    story.blocks[place] = story.blocks[place].model_copy(update={"kind": "heading", "level": 1})
        story.read(shapes, layer)
        for comment in slide.iterchildren(full_name("office:annotation")):
            story.add_comment(comment)
        for notes in slide.iterchildren(full_name("presentation:notes")):
            story.read(_shapes_of(notes), "notes")
        self._pictures[number] = story.pictures
        blocks = [*story.end(), *self._margins_of(slide)]
        return Part(location=self.location(number), blocks=blocks, warnings=warnings_of(story, blocks))

    def _margins_of(self, slide: Element) -> list[Block]:
        """Return the footer and the date of a slide: those that it names, and those in frames of its own."""
        texts: list[str] = []
        for reference, declaration in _DECLARED:
            name = attribute(slide, reference)
            for one in slide.itersiblings(full_name(declaration), preceding=True) if name else ():
                if attribute(one, "presentation:name") == name:
                    texts.append(" ".join("".join(one.itertext()).split()))
        story = Story(self._package)
        story.read(shape for shape in slide if attribute(shape, "presentation:class") in _MARGINS)
        texts += [block.text for block in story.blocks]
        return [Block(kind="page_footer", text=text, layer="headers") for text in dict.fromkeys(texts) if text]

    def members(self) -> list[Member]:
        """Return the files embedded in the document."""
        return self._embedded.members()

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded file. Raises PageUnreadable."""
        return self._embedded.open_member(index)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an image on a slide."""
        if number not in self._pictures:
            self.part(number)
        return picture_of(self._package, self._pictures[number], index, number)

    def _slide(self, number: int) -> Element:
        """Return a slide. Raises PageUnreadable."""
        if not 1 <= number <= self.page_count:
            raise PageUnreadable("The presentation has no such slide.", page=number)
        return self._slides[number - 1]


def _shapes_of(slide: Element) -> list[Element]:
    """Return the shapes of a slide or of its notes, without the small picture of the slide and the margins."""
    skipped = _MARGINS | _NO_TEXT
    return [
        shape
        for shape in slide
        if short_name(shape).startswith("draw:") and attribute(shape, "presentation:class") not in skipped
    ]


def _place_of(shape: Element) -> Place:
    """Return where a shape lies, in points; a group around all that is in it."""
    inside = [one for one in shape.iter() if attribute(one, "svg:y")] if short_name(shape) == "draw:g" else []
    places = [_own_place(one) for one in inside or [shape]]
    left, top = min(place.left for place in places), min(place.top for place in places)
    right = max(place.left + place.width for place in places)
    return Place(left, top, right - left, max(place.top + place.height for place in places) - top)


def _own_place(shape: Element) -> Place:
    """Return where one shape lies, in points."""
    left, top, width, height = (_points(attribute(shape, f"svg:{name}")) for name in ("x", "y", "width", "height"))
    return Place(left, top, max(0.0, width), max(0.0, height))


def _points(length: str) -> float:
    """Return a length in points; 0 if it is none."""
    found = _LENGTH.match(length)
    return float(found[1]) * _POINTS.get(found[2] or "pt", 1.0) if found else 0.0
