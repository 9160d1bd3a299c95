"""Decide which engine reads a page, from facts that are cheap to find."""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.models import (
    CPU_ENGINES,
    VLM_ENGINES,
    AccuracyMode,
    Block,
    EngineName,
    InkFacts,
    PageFacts,
    PageKind,
    Route,
    VlmName,
)
from document_parser.models.reading import MAX_INVISIBLE_SHARE

MIN_CHARACTERS = 16
"""Characters that a text layer needs on a page with images on more than a fifth of it; fewer are a stamp on a scan."""
MAX_UNMAPPED_SHARE = 0.1
"""Share of characters without a meaning above which a text layer is not sound."""
MAX_IMAGE_SHARE = 0.6
"""Share of the page under images above which the text layer needs more characters to be sound."""
MIN_CHARACTERS_BESIDE_IMAGES = 400
"""Characters that the text layer of such a page needs."""

MIN_TABLE_CELLS = 6
"""Cells with text that a table needs; a grid of fewer is used for layout."""
MIN_TABLE_SHARE = 0.6
"""Share of the page's text in tables above which the page may be a table of figures."""
MIN_DIGIT_SHARE = 0.35
"""Share of digits in the text of the tables above which such a page is a table of figures."""

KIND_REASONS: dict[PageKind, str] = {
    "table": "a table",
    "figures": "a table of figures",
    "form": "a form",
    "handwriting": "lines as uneven as handwriting",
}
"""The words of a route's reason for each kind of page."""


def text_layer_problem(facts: PageFacts) -> str:
    """Return why the text layer cannot be the reading of the page; empty if it can.

    A stamp of a few words on a scan, an earlier OCR hidden under the image, and glyphs without a meaning are no text layer.
    """
    if not facts.characters:
        return "no text layer"
    if facts.unmapped_share > MAX_UNMAPPED_SHARE:
        return f"{facts.unmapped_share:.0%} of the text layer's characters have no meaning"
    if facts.false_share:
        return f"{facts.false_share:.0%} of the text layer's characters are in fonts that show other letters than they encode"
    if facts.invisible_share > MAX_INVISIBLE_SHARE:
        return "the text layer is an earlier OCR under an image"
    if facts.image_share > MAX_IMAGE_SHARE and facts.characters < MIN_CHARACTERS_BESIDE_IMAGES:
        return f"images cover {facts.image_share:.0%} of the page and the text layer has only {facts.characters} characters"
    if facts.characters < MIN_CHARACTERS and facts.image_share > 0.2:
        return f"the text layer has only {facts.characters} characters"
    return ""


def text_layer_suffices(facts: PageFacts, mode: AccuracyMode) -> bool:
    """Return whether the text layer may be the reading of the page, as far as that is known before it is read."""
    return facts.location is not None or (mode != "maximum" and not text_layer_problem(facts))


def kind_by_text(facts: PageFacts, blocks: Sequence[Block]) -> PageKind:
    """Return the kind of a page, from its facts and the blocks of its text layer."""
    if facts.form_fields:
        return "form"
    cells = [cell.text for block in blocks if block.table for cell in block.table.cells if cell.text]
    if len(cells) < MIN_TABLE_CELLS:
        return "plain"
    inside = "".join(cells)
    letters = len(inside) + sum(len(block.text) for block in blocks)
    digits = sum(character.isdigit() for character in inside)
    return "figures" if len(inside) > MIN_TABLE_SHARE * letters and digits > MIN_DIGIT_SHARE * len(inside) else "table"


def kind_by_ink(facts: PageFacts, ink: InkFacts) -> PageKind:
    """Return the kind of a page, from its facts and the ink of its image."""
    if facts.form_fields:
        return "form"
    if ink.ruled:
        return "table"
    return "handwriting" if ink.uneven else "plain"


def choose_route(
    facts: PageFacts,
    mode: AccuracyMode,
    available: frozenset[EngineName],
    kind: PageKind = "plain",
    *,
    vlm_first: bool = True,
) -> Route:
    """Return the engines for a page, first choice first, with the reason in words.

    ``available`` are the engines that would read a page now. ``maximum`` also gets a second reader, if there is one.
    ``vlm_first`` is whether the model of the settings is asked before the other models.
    """
    problem = text_layer_problem(facts)
    models = [name for name in order_models(kind, mode, vlm_first=vlm_first) if name in available]
    cpu = sorted(available.intersection(CPU_ENGINES))
    layer: list[EngineName] = ["text_layer"] if facts.characters else []
    if not problem and (mode == "fast" or not models or (mode == "balanced" and kind == "plain")):
        engines = [*layer, *models, *cpu]
    else:
        engines = [*models, *cpu, *layer]
    second = _choose_second_reader(engines, sound_layer=not problem) if mode == "maximum" else None
    return Route(engines=tuple(engines), second=second, reason=_describe_route(problem, mode, kind, models, second))


def order_models(kind: PageKind, mode: AccuracyMode, *, vlm_first: bool) -> tuple[VlmName, ...]:
    """Return the models in the order in which they are asked about a page of this kind."""
    two: tuple[VlmName, ...] = ("deepseek", "nanonets") if kind == "plain" or mode == "fast" else ("nanonets", "deepseek")
    return ("vlm", *two) if vlm_first else (*two, "vlm")


def _choose_second_reader(engines: Sequence[EngineName], *, sound_layer: bool) -> EngineName | None:
    """Return the engine that reads the page again, or None.

    An engine that costs the model servers nothing is chosen before another model; a text layer that is not sound is never
    chosen.
    """
    on_cpu = [name for name in engines if name in CPU_ENGINES]
    # The second CPU engine is for scripts that the first one does not know, so it gives no second opinion.
    others = [name for name in engines[1:] if name != "text_layer" and name not in on_cpu[1:]]
    if not engines:
        return None
    if sound_layer and engines[0] != "text_layer":
        return "text_layer"
    on_this_machine = [name for name in others if name not in VLM_ENGINES]
    return next(iter([*on_this_machine, *others]), None)


def _describe_route(
    problem: str, mode: AccuracyMode, kind: PageKind, models: Sequence[EngineName], second: EngineName | None
) -> str:
    """Describe the route: the reasons in the order in which they were found."""
    parts = [problem or "sound text layer"]
    if not models and (problem or mode == "maximum" or kind != "plain"):
        parts.append("no model server answers")
    if mode != "fast" and kind != "plain":
        parts.append(KIND_REASONS[kind])
    if mode == "maximum":
        parts.append(_describe_check(second))
    return "; ".join(parts)


def _describe_check(second: EngineName | None) -> str:
    """Describe what ``maximum`` compares the reading with."""
    if second == "text_layer":
        return "maximum asks a model and compares it with the text layer"
    return f"maximum compares with {second}" if second else "maximum has no second reader"
