"""Decks of slides, made of pieces of their XML."""

from __future__ import annotations

import zipfile
from pathlib import Path

from document_parser.models import Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.office.pptx import Presentation

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NAMES = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    f'xmlns:r="{OFFICE}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)


def relationships(*rows: tuple[str, str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"'
        + (' TargetMode="External"' if target.startswith("http") else "")
        + "/>"
        for key, kind, target in rows
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'


def shape(text: str, y: int = 0, x: int = 0, holder: str = "") -> str:
    ph = f"<p:nvPr><p:ph {holder}/></p:nvPr>" if holder else "<p:nvPr/>"
    place = f'<p:spPr><a:xfrm><a:off x="{x}" y="{y}"/></a:xfrm></p:spPr>' if y or x else "<p:spPr/>"
    body = text if text.startswith("<a:p>") else f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
    return f"<p:sp><p:nvSpPr>{ph}</p:nvSpPr>{place}<p:txBody>{body}</p:txBody></p:sp>"


def deck(path: Path, slides: list[str], more: dict[str, str | bytes] | None = None, attributes: str = "") -> Presentation:
    files: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": relationships(("r1", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {NAMES}><p:sldIdLst>"
        + "".join(f'<p:sldId id="{256 + at}" r:id="s{at}"/>' for at in range(len(slides)))
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relationships(
            *((f"s{at}", "slide", f"slides/slide{at}.xml") for at in range(len(slides)))
        ),
    }
    for at, tree in enumerate(slides):
        files[f"ppt/slides/slide{at}.xml"] = f"<p:sld {NAMES}{attributes}><p:cSld><p:spTree>{tree}</p:spTree></p:cSld></p:sld>"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (files | (more or {})).items():
            archive.writestr(name, data)
    return Presentation(path, OpenerLimits(), None)


def texts(part: Part, layer: str = "body") -> list[str]:
    return [block.text for block in part.blocks if block.layer == layer and block.table is None]
