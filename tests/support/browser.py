"""A browser for tests: Debian's Chromium through Playwright, every page watched for errors and violations."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.support.service import wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 812}
SECONDS = 60_000
"""How long, in milliseconds, something on a page may take to show."""
SCREENSHOTS = "SCREENSHOTS"
"""Names a folder that keeps the screenshots of a run."""


def found_browser() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def browser(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=SECONDS)
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


def screenshots() -> Path | None:
    """Where this run keeps its screenshots; None if it takes none."""
    named = os.environ.get(SCREENSHOTS)
    if not named:
        return None
    Path(named).mkdir(parents=True, exist_ok=True)
    return Path(named)


OF_THIS_MACHINE = ("ERR_NETWORK_CHANGED", "was preloaded using link preload but not used within a few seconds")
"""What the browser says of the machine and not of the page.

Networks come and go while tests of many machines run beside, and the page asks again by itself. A font that was loaded early is
used late where other tests take the processor.
"""


@dataclass
class Watched:
    """A page of a browser, and all it complained of. ``expected`` are HTTP statuses that the browser may report."""

    page: Page
    base: str
    folder: Path | None
    expected: set[int] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.context.set_default_timeout(SECONDS)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url.removeprefix(self.base)))
        self.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))"
        )

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning") or any(part in message.text for part in OF_THIS_MACHINE):
            return
        status = re.search(r"responded with a status of (\d{3})", message.text)
        if status is None or int(status[1]) not in self.expected:
            self.complaints.append(message.text)

    def open(self, address: str = "#/") -> Page:
        self.page.goto(f"{self.base}/{address}")
        return self.page

    def upload(self, *files: Path) -> Page:
        """Choose files as somebody would with the button, once the page's scripts run."""
        self.page.wait_for_load_state()
        self.page.set_input_files("#files", list(files))
        return self.page

    def job(self) -> str:
        """The id of the job that is open."""
        self.page.wait_for_url(re.compile(r"#/jobs/[0-9a-f-]{36}"))
        found = re.search(r"#/jobs/([0-9a-f-]{36})", self.page.url)
        assert found
        return found[1]

    def shoot(self, name: str, *, full: bool = True) -> None:
        if self.folder is None:
            return
        if full:
            # What sticks to the top of the window would otherwise stand in the middle of the picture.
            self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=self.folder / f"{name}.png", full_page=full)


def done(page: Page, says: str = "Done") -> None:
    expect(page.locator("#job-status")).to_have_text(says, timeout=SECONDS)


def picture_shown(page: Page) -> None:
    expect(page.locator(".leaf img")).to_be_visible(timeout=SECONDS)
    becomes_true(page, "document.querySelector('.leaf img')?.naturalWidth > 0")


def becomes_true(page: Page, expression: str) -> None:
    """Wait for a condition within a page. Playwright's ``wait_for_function`` asks in a way that the page's policy forbids."""

    def holds() -> bool:
        page.wait_for_timeout(20)
        return bool(page.evaluate(expression))

    wait_until(holds, 10, expression)


def choose(page: Page, name: str) -> None:
    """Choose a tab of a result."""
    page.get_by_role("tab", name=name, exact=True).click()
