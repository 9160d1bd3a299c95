"""Pages of a few lines, typeset by programs whose PDFs differ in how they put letters down."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from html import escape
from pathlib import Path

import pytest

from tests.support.browser import ARGUMENTS, found_browser


def as_html(lines: Iterable[str], fonts: str, direction: str) -> str:
    """Return a page with a paragraph for each line, in the first of these fonts that has a letter."""
    html = "".join(f"<p style='font: 12pt {fonts}; margin: 40pt 0'>{escape(line)}</p>" for line in lines)
    return f"<html dir={direction}><meta charset=utf-8>{html}</html>"


def with_weasyprint(path: Path, lines: Iterable[str], fonts: str, direction: str) -> None:
    """Write the page with WeasyPrint."""
    pytest.importorskip("weasyprint").HTML(string=as_html(lines, fonts, direction)).write_pdf(path)


def with_typst(path: Path, lines: Iterable[str], fonts: str, direction: str) -> None:
    """Write the page with Typst."""
    typst = pytest.importorskip("typst")
    paragraphs = "\n\n".join('#text("' + line.replace('"', '\\"') + '")' for line in lines)
    names = ", ".join(f'"{name.strip()}"' for name in fonts.split(","))
    source = f"#set text(font: ({names},), dir: {direction})\n#set par(spacing: 3em)\n{paragraphs}"
    path.write_bytes(typst.compile(source.encode()))


def with_chromium(path: Path, lines: Iterable[str], fonts: str, direction: str) -> None:
    """Write the page with Chromium."""
    print_html(path, as_html(lines, fonts, direction))


def print_html(path: Path, html: str) -> None:
    """Print a page to PDF as Chromium does. Skips the test if there is none."""
    chromium = found_browser()
    if chromium is None:
        pytest.skip("no Chromium is installed")
    page = path.with_suffix(".html")
    page.write_text(html, "utf-8")
    options = [*ARGUMENTS, "--headless", "--no-pdf-header-footer", f"--user-data-dir={path.parent / 'profile'}"]
    command = [chromium, *options, f"--print-to-pdf={path}", page.as_uri()]
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
