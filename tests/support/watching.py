"""One page in a browser, for pages that are not the one at ``/``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.browser import Watched, browser, found_browser


@contextmanager
def watched_page(base: str, **context) -> Iterator[Watched]:
    """Skips where no Chromium is installed. A dialog is a complaint too: some script has opened it."""
    path = found_browser()
    if path is None:
        pytest.skip("no Chromium on this machine")
    with browser(path) as running:
        watched = Watched(running.new_context(**context).new_page(), base, Path())

        def dialog(opened) -> None:
            watched.complaints.append(f"dialog: {opened.message}")
            opened.dismiss()

        watched.page.on("dialog", dialog)
        yield watched


def asked_elsewhere(watched: Watched) -> list[str]:
    """Addresses of other servers that the page asked."""
    return [address for address in watched.asked if not address.startswith(("/", "data:"))]
