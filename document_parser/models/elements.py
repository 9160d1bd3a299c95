"""What the clients of unstructured-api choose about the elements of a document."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, Self, get_args

ElementChunking = Literal["none", "basic", "title"]
"""Where chunks of elements end: there are none, where they are full, or before titles too."""
DEFAULT_MAX_CHARACTERS = 500
"""Characters of a chunk at most, unless another number is asked for."""
_VARIANT = re.compile(r"([a-z]+)\.(\d+)\.(\d+)\.(\d+)\.(\d+)\.(\d+)\.([01]{8})")


class ElementOptions(NamedTuple):
    """How the elements of a document are written: what each has, and whether they are parted into chunks.

    Sizes are in characters. ``soft_max`` is the size from which a chunk takes no further element, ``combine_under`` that below
    which a chunk takes the next section, ``overlap`` how much of a text that is too long for one chunk the next one repeats.
    Without ``multipage`` chunks end with their page.
    """

    starting_page_number: int = 1
    coordinates: bool = False
    page_breaks: bool = False
    unique_ids: bool = False
    table_html: bool = True
    images: bool = False
    chunking: ElementChunking = "none"
    hard_max: int = DEFAULT_MAX_CHARACTERS
    soft_max: int = DEFAULT_MAX_CHARACTERS
    combine_under: int = DEFAULT_MAX_CHARACTERS
    overlap: int = 0
    overlap_all: bool = False
    multipage: bool = True
    orig_elements: bool = True

    @property
    def variant(self) -> str:
        """Return the options as the variant of an export; see ``shape_export``."""
        sizes = (self.starting_page_number, self.hard_max, self.soft_max, self.combine_under, self.overlap)
        return ".".join([self.chunking, *map(str, sizes), "".join(str(int(flag)) for flag in self._flags)])

    @property
    def _flags(self) -> tuple[bool, ...]:
        return (
            self.coordinates,
            self.page_breaks,
            self.unique_ids,
            self.table_html,
            self.images,
            self.overlap_all,
            self.multipage,
            self.orig_elements,
        )

    @classmethod
    def parse(cls, variant: str) -> Self:
        """Return the options of a variant; the defaults for an empty one. Raises ValueError for what is none."""
        if not variant:
            return cls()
        match = _VARIANT.fullmatch(variant)
        if match is None or match[1] not in get_args(ElementChunking):
            raise ValueError(f"no variant of elements: {variant}")
        start, hard_max, soft_max, combine_under, overlap = map(int, match.groups()[1:6])
        coordinates, page_breaks, unique_ids, table_html, images, overlap_all, multipage, orig_elements = (
            flag == "1" for flag in match[7]
        )
        return cls(
            starting_page_number=start,
            coordinates=coordinates,
            page_breaks=page_breaks,
            unique_ids=unique_ids,
            table_html=table_html,
            images=images,
            chunking=match[1],  # type: ignore[arg-type]
            hard_max=hard_max,
            soft_max=soft_max,
            combine_under=combine_under,
            overlap=overlap,
            overlap_all=overlap_all,
            multipage=multipage,
            orig_elements=orig_elements,
        )
