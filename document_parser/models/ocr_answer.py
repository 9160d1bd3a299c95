"""What of a document the answer of Mistral's OCR has: the flags of a request that change its pages."""

from __future__ import annotations

from typing import Literal, NamedTuple, Self, get_args

from document_parser.models.chunks import shape_export

TableFormat = Literal["none", "markdown", "html"]
"""How tables stand in the answer: within the Markdown, or on their own behind placeholders, in one of two formats."""
ConfidenceGranularity = Literal["none", "page", "block", "word"]
"""What has scores of confidence."""
_FLAGS = {
    "h": "extract_header",
    "f": "extract_footer",
    "b": "include_blocks",
    "i": "include_images",
}
"""The letter of each flag in the name of the export."""


class OcrAnswer(NamedTuple):
    """What the pages of the answer have.

    ``image_limit`` is how many images the document may have, ``image_min_size`` how many pixels an image is high and wide at
    least; 0 is no bound.
    """

    table_format: TableFormat = "none"
    confidence: ConfidenceGranularity = "none"
    extract_header: bool = False
    extract_footer: bool = False
    include_blocks: bool = True
    include_images: bool = False
    image_limit: int = 0
    image_min_size: int = 0

    @property
    def variant(self) -> str:
        """Return the answer as the variant of an export."""
        flags = "".join(letter for letter, name in _FLAGS.items() if getattr(self, name))
        return f"{self.table_format}.{self.confidence}.{flags}.{self.image_limit}.{self.image_min_size}"

    @property
    def export_name(self) -> str:
        """Return the name of the export of these pages."""
        return shape_export("mistral", self.variant)

    @classmethod
    def parse(cls, variant: str) -> Self:
        """Return what a variant means. Raises ValueError for what is none."""
        table_format, confidence, letters, limit, size = variant.split(".")
        if table_format not in get_args(TableFormat) or confidence not in get_args(ConfidenceGranularity):
            raise ValueError(f"no variant of an answer: {variant}")
        flags = {name: letter in letters for letter, name in _FLAGS.items()}
        return cls(table_format, confidence, image_limit=int(limit), image_min_size=int(size), **flags)  # type: ignore[arg-type]
