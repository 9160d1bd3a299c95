"""Set a draft with Chromium's print. It does not say where the words are.

The browser stays open from one document to the next, in a thread of its own: Playwright's simple interface does not run in one
that has an event loop.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pypdfium2

from benchmarks.drawn.draft import Draft
from benchmarks.drawn.typesetters.html import html_of

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_thread = ThreadPoolExecutor(1)


def missing() -> str:
    """Return why this typesetter cannot be used here; empty if it can."""
    return "" if _program() else f"Chromium is not installed: {', '.join(PROGRAMS)}"


def set_draft(draft: Draft) -> tuple[bytes, int]:
    """Set the draft and return the PDF and its number of pages."""
    data = _thread.submit(_print, html_of(draft)).result()
    with pypdfium2.PdfDocument(data) as document:
        return data, len(document)


def _program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def _print(html: str) -> bytes:
    page = _browser().new_page()
    try:
        # Content set from nowhere may not load fonts from files; a page of a file may.
        page.goto("file:///")
        page.set_content(html)
        page.evaluate("() => document.fonts.ready")
        return bytes(page.pdf(prefer_css_page_size=True, print_background=True))
    finally:
        page.close()


@cache
def _browser() -> Any:
    """Return the browser. It ends with this process, whose end closes the pipe to Playwright's driver."""
    from playwright.sync_api import sync_playwright

    driver = sync_playwright().start()
    return driver.chromium.launch(executable_path=_program(), args=["--no-sandbox"])
