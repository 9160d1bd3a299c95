"""Chandra (datalab-to/chandra and chandra-ocr-2): HTML in ``<div data-bbox="x0 y0 x1 y1" data-label="Text">``.

Coordinates count 0 to 1000; those of the first version count to 1024 (``VLLM_VLM_BOX_SCALE``).
Source: the package chandra-ocr 0.2.0, whose prompt the model was trained with.
"""

from __future__ import annotations

from document_parser.engines.vlm.grammars.grammar import Scale
from document_parser.engines.vlm.grammars.html import Labels, read_html
from document_parser.models import Block

LABELS = Labels(
    kinds={
        "title": "title",
        "section-header": "heading",
        "caption": "caption",
        "footnote": "footnote",
        "page-header": "page_header",
        "page-footer": "page_footer",
        "signature": "signature",
    },
    figures=frozenset({"image", "figure", "diagram"}),
    formulas=frozenset({"equation-block"}),
    codes=frozenset({"code-block"}),
    dropped=frozenset({"blank-page"}),
)
"""What the labels mean, in lower case. Text, lists, forms and the others are what their tags say."""
TAGS = (
    "math, br, i, b, u, del, sup, sub, table, tr, td, p, th, div, pre, h1, h2, h3, h4, h5, ul, ol, li, input, a, span, img, "
    "hr, tbody, small, caption, strong, thead, big, code, chem"
)
"""Tags that the prompt allows."""
ATTRIBUTES = "class, colspan, rowspan, display, checked, type, border, value, style, href, alt, align, data-bbox, data-label"
"""Attributes that the prompt allows."""


def _listed(names: str) -> list[str]:
    """Return the names as the list whose printed form is in the prompt."""
    return names.split(", ")


PROMPT = f"""OCR this image to HTML, arranged as layout blocks.  Each layout block should be a div with the data-bbox \
attribute representing the bounding box of the block in x0 y0 x1 y1 format.  Bboxes are normalized 0-1000. The data-label \
attribute is the label for the block.

Use the following labels:
- Caption
- Footnote
- Equation-Block
- List-Group
- Page-Header
- Page-Footer
- Image
- Section-Header
- Table
- Text
- Complex-Block
- Code-Block
- Form
- Table-Of-Contents
- Figure
- Chemical-Block
- Diagram
- Bibliography
- Blank-Page

Only use these tags {_listed(TAGS)}, and these attributes {_listed(ATTRIBUTES)}.

Guidelines:
* Inline math: Surround math with <math>...</math> tags. Math expressions should be rendered in KaTeX-compatible LaTeX. Use \
display for block math.
* Tables: Use colspan and rowspan attributes to match table structure.
* Formatting: Maintain consistent formatting with the image, including spacing, indentation, subscripts/superscripts, and \
special characters.
* Images: Include a description of any images in the alt attribute of an <img> tag. Do not fill out the src property. \
Describe in detail inside the div tag. Also convert charts to high fidelity data, and convert diagrams to mermaid.
* Forms: Mark checkboxes and radio buttons properly.
* Text: join lines together properly into paragraphs using <p>...</p> tags.  Use <br> tags for line breaks within \
paragraphs, but only when absolutely necessary to maintain meaning.
* Chemistry: Use <chem>...</chem> tags for chemical formulas with reactive SMILES.
* Lists: Preserve indents and proper list markers.
* Use the simplest possible HTML structure that accurately represents the content of the block.
* Make sure the text is accurate and easy for a human to read and interpret.  Reading order should be correct and natural."""
"""The layout prompt of the model, exact in wording."""


def parse_chandra(text: str, scale: Scale | None = None) -> list[Block]:
    """Return the blocks of an answer in its order, boxes in fractions of the image. Accepts any text."""
    return read_html(text, scale, LABELS)
