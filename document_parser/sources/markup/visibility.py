"""Which elements of a page a browser does not show, as far as the file says it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from document_parser.sources.markup.tree import Element

_NEVER_SHOWN = frozenset({"template", "noscript", "video", "audio", "canvas"})
"""Elements whose content a browser of today shows only where it lacks what the element is for."""
_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.S)
_SELECTOR = re.compile(r"([a-zA-Z][\w-]*)?(?:([.#])([\w-]+))?")
_MAX_STYLE_CHARACTERS = 2_000_000
"""Of style sheets that are looked at."""


class HidingRules:
    """The rules of a page's style sheets that hide elements of a name, class or id.

    Rules of one simple selector outside of at-rules count; all others depend on more than the file says.
    """

    def __init__(self, sheets: Iterable[str]) -> None:
        """Read style sheets in the order of the page."""
        self._rules: dict[tuple[str, str], dict[str, bool]] = {}
        for selectors, block in _rules_of("\n".join(sheets)[:_MAX_STYLE_CHARACTERS]):
            verdict = _hides(declarations(block))
            if verdict is None:
                continue
            for selector in selectors.split(","):
                match = _SELECTOR.fullmatch(selector.strip())
                if match and match[0]:
                    self._rules.setdefault((match[2] or "", match[3] or ""), {})[(match[1] or "").lower()] = verdict

    def hide(self, element: Element) -> bool:
        """Return whether the rules hide an element: those of its id before those of its classes before those of its name."""
        if not self._rules:
            return False
        keys = [("#", element.get("id")), *((".", name) for name in element.get("class").split()), ("", "")]
        for key in keys:
            found = self._rules.get(key)
            if found is not None:
                verdict = found.get(element.tag, found.get("") if key[0] else None)
                if verdict is not None:
                    return verdict
        return False


def is_hidden(element: Element, style: dict[str, str], rules: HidingRules) -> bool:
    """Return whether a browser that runs no scripts hides the element; ``style`` are its inline declarations."""
    if "hidden" in element.attributes or (element.tag == "dialog" and "open" not in element.attributes):
        return True
    if element.tag in _NEVER_SHOWN:
        return not element.get("shadowrootmode")
    verdict = _hides(style)
    return rules.hide(element) if verdict is None else verdict


def is_tracker(image: Element, style: dict[str, str]) -> bool:
    """Return whether an image is no larger than a pixel on one side."""
    sizes = (image.get("width"), image.get("height"), style.get("width", ""), style.get("height", ""))
    return any(re.fullmatch(r"[01](?:\.0*)?(?:px)?", size) for size in sizes)


def declarations(style: str) -> dict[str, str]:
    """Return CSS declarations by their names, in lower case, without ``!important``."""
    if ":" not in style:
        return {}
    pairs = (part.partition(":") for part in style.lower().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, colon, value in pairs if colon}


def _hides(style: dict[str, str]) -> bool | None:
    """Return whether declarations hide their element; None if they do not say."""
    if style.get("display") == "none" or style.get("visibility") in {"hidden", "collapse"} or style.get("mso-hide") == "all":
        return True
    return False if "display" in style or "visibility" in style else None


def _rules_of(sheet: str) -> list[tuple[str, str]]:
    """Return the selectors and declarations of the rules outside of at-rules."""
    rules, depth, start, opened, selectors = [], 0, 0, 0, ""
    sheet = _COMMENT.sub(" ", sheet)
    for match in re.finditer(r"[{};]", sheet):
        at = match.start()
        if match[0] == "{":
            if not depth:
                selectors, opened = sheet[start:at].strip(), at + 1
            depth += 1
        elif match[0] == "}":
            depth = max(0, depth - 1)
            if not depth:
                if not selectors.startswith("@"):
                    rules.append((selectors, sheet[opened:at]))
                start = at + 1
        elif not depth:
            start = at + 1  # the end of an @import or @charset
    return rules
