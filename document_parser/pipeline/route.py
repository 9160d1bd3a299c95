"""The decision which engine reads a page, from facts that are cheap to find."""

from __future__ import annotations

from document_parser.models import AccuracyMode, EngineName, PageFacts, Route

MODELS: tuple[EngineName, ...] = ("deepseek", "nanonets")

FEW_CHARACTERS = 16
MOST_UNMAPPED = 0.1
MOST_INVISIBLE = 0.5
MOST_UNDER_PICTURES = 0.6
CHARACTERS_BESIDE_PICTURES = 400


def distrust(facts: PageFacts) -> str:
    """Why the text layer cannot stand for the page; empty where it can.

    A stamp of a few words on a scan, an earlier OCR hidden under the picture and glyphs without a meaning are no text layer.
    """
    if not facts.characters:
        return "no text layer"
    if facts.unmapped_share > MOST_UNMAPPED:
        return f"{facts.unmapped_share:.0%} of the text layer's characters have no meaning"
    if facts.invisible_share > MOST_INVISIBLE:
        return "the text layer is an earlier OCR under the picture"
    if facts.image_share > MOST_UNDER_PICTURES and facts.characters < CHARACTERS_BESIDE_PICTURES:
        return f"pictures cover {facts.image_share:.0%} of the page and the text layer has {facts.characters} characters"
    if facts.characters < FEW_CHARACTERS and facts.image_share > 0.2:
        return f"the text layer has only {facts.characters} characters"
    return ""


def text_layer_suffices(facts: PageFacts, mode: AccuracyMode) -> bool:
    """Whether the planner may read the page at once, without asking which engines answer."""
    return mode != "maximum" and not distrust(facts)


def choose(facts: PageFacts, mode: AccuracyMode, available: frozenset[EngineName]) -> Route:
    """The ladder of engines for a page, first choice first, with the reason in words."""
    doubt = distrust(facts)
    models = [name for name in _models_for(facts) if name in available]
    cpu = sorted(available.difference(MODELS, ("text_layer",)))
    if not doubt and mode != "maximum":
        return Route(engines=("text_layer", *models, *cpu), reason="sound text layer")
    if not doubt and not models:
        return Route(engines=("text_layer", *cpu), reason="sound text layer, no model server answers")
    last: list[EngineName] = ["text_layer"] if facts.characters else []
    return Route(engines=(*models, *cpu, *last), reason=_why(facts, mode, doubt, models))


def _models_for(facts: PageFacts) -> tuple[EngineName, ...]:
    return ("nanonets", "deepseek") if facts.form_fields else MODELS


def _why(facts: PageFacts, mode: AccuracyMode, doubt: str, models: list[EngineName]) -> str:
    parts = [doubt or f"{mode} asks a model, the text layer is the witness"]
    if facts.form_fields:
        parts.append("a form")
    if not models:
        parts.append("no model server answers")
    return "; ".join(parts)
