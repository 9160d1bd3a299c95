"""Searchable PDFs are what they claim to be, by validators of others: veraPDF, and Apache Preflight (Debian's libpdfbox2-java).

Preflight knows PDF/A-1b only, which is stricter: for it the same file is written without what only PDF/A-2 has.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pytest

from document_parser.models import Span
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from tests.support.searchable import draw, page_of, searchable, typed_lines

JARS = Path("/usr/share/java")
NEEDED = ("preflight", "xmpbox", "pdfbox2", "fontbox2", "commons-logging", "commons-io", "javax.activation", "jaxb-api")
"""The files of libpdfbox2-java and of what it takes: libactivation-java and libjaxb-api-java."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """PDFs of pictures in grey, in a palette, bilevel and as JPEG, with a bookmark, a link and words."""
    folder = tmp_path_factory.mktemp("archival")
    words = typed_lines(["The harbour of the town", "was opened in 1954"])
    page = page_of(words)
    page.blocks[0].kind, page.blocks[0].spans = "title", [Span(start=4, end=11, link="https://example.org/")]
    found = []
    with Openers.start(OpenerLimits()) as openers:
        for name, mode in (("grey.png", "L"), ("palette.png", "P"), ("fax.tif", "1"), ("photo.jpg", "RGB")):
            draw(words, mode="L" if mode == "1" else "RGB").convert(mode).save(folder / name)
            found.append(folder / f"{name}.pdf")
            found[-1].write_bytes(searchable(openers, folder / name, "image", [page]))
    return found


@pytest.mark.skipif(shutil.which("verapdf") is None, reason="veraPDF is not installed: https://verapdf.org")
def test_verapdf_finds_nothing_to_object_to(made: list[Path]) -> None:
    done = subprocess.run(
        ["verapdf", "--flavour", "2b", "--format", "text", *made], capture_output=True, text=True, check=False
    )
    assert done.stdout.count("PASS ") == len(made), done.stdout


@pytest.mark.skipif(
    shutil.which("java") is None or not all((JARS / f"{name}.jar").exists() for name in NEEDED),
    reason=f"Apache Preflight is not installed: java, and of Debian's libpdfbox2-java and what it takes {', '.join(NEEDED)}",
)
def test_preflight_finds_nothing_to_object_to(made: list[Path], tmp_path: Path) -> None:
    classes = ":".join(str(JARS / f"{name}.jar") for name in NEEDED)
    for path in made[1::2]:  # Java takes its time to start
        plain = as_first_part(path, tmp_path / path.name)
        command = ["java", "-Xmx256m", "-cp", classes, "org.apache.pdfbox.preflight.Validator_A1b", str(plain)]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        assert "is a valid PDF/A-1b file" in said, f"{path.name}: {said}"


def as_first_part(path: Path, target: Path) -> Path:
    """The same file as PDF/A-1b would have it: of PDF 1.4, without object streams, with a colour profile of version 2."""
    with pikepdf.open(io.BytesIO(path.read_bytes())) as pdf:
        pdf.Root.Metadata.write(pdf.Root.Metadata.read_bytes().replace(b"<pdfaid:part>2<", b"<pdfaid:part>1<"))
        (intent,) = pdf.Root.OutputIntents
        profile = intent.DestOutputProfile.read_bytes()
        intent.DestOutputProfile.write(profile[:8] + b"\x02\x10" + profile[10:])
        pdf.save(
            target,
            force_version="1.4",
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            fix_metadata_version=False,
        )
    return target
