"""What must hold of a page for everybody, whatever they see and use."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe

from tests.support.browser import Watched

AXE = Axe()
GRAVE = {"serious", "critical"}
ASKED_FOR = {"heading-order", "page-has-heading-one", "landmark-unique", "region"}
"""Rules that must hold too, although axe calls a breach of them moderate."""
ALL_RULES: dict[str, Any] = {"resultTypes": ["violations"]}
RULES_OF_COLOURS = {**ALL_RULES, "runOnly": ["color-contrast", "link-in-text-block"]}
SCHEMES: dict[Literal["light", "dark"], dict[str, Any]] = {"light": ALL_RULES, "dark": RULES_OF_COLOURS}
"""What axe looks for in each colour scheme: only colours differ in the second."""
HEADINGS = """[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter((heading) => heading.checkVisibility()).map((heading) => Number(heading.tagName[1]))"""


def sound(watched: Watched, state: str) -> None:
    """Nothing grave, and every heading in its place, in light and dark colours."""
    for scheme, rules in SCHEMES.items():
        watched.page.emulate_media(color_scheme=scheme)
        found = _violations(watched, rules)
        told = [
            f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node.get('failureSummary', '')}"
            for rule in found
            if rule["impact"] in GRAVE or rule["id"] in ASKED_FOR
            for node in rule["nodes"]
        ]
        assert told == [], f"{state}, {scheme}"
    assert no_level_left_out(watched), state


def _violations(watched: Watched, rules: dict[str, Any]) -> list[dict[str, Any]]:
    """What axe finds. Its script, half a megabyte, is loaded once into each document."""
    page = watched.page
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.axe_script)
    found: list[dict[str, Any]] = page.evaluate("async (rules) => (await axe.run(rules)).violations", rules)
    return found


def no_level_left_out(watched: Watched) -> bool:
    """Whether there is one heading of the first level, before all others, and no heading skips a level on the way down."""
    levels = watched.page.evaluate(HEADINGS)
    return levels[0] == 1 and levels.count(1) == 1 and all(after <= before + 1 for before, after in pairwise(levels))
