"""The decision which engine reads a page, from facts that are cheap to find."""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.models import AccuracyMode, Block, EngineName, InkFacts, PageFacts, PageKind, Route
from document_parser.models.reading import MOST_INVISIBLE

MODELS: tuple[EngineName, ...] = ("deepseek", "nanonets")

FEW_CHARACTERS = 16
MOST_UNMAPPED = 0.1
MOST_UNDER_PICTURES = 0.6
CHARACTERS_BESIDE_PICTURES = 400

TABLE_CELLS = 6
"""A grid of fewer cells than this is a layout trick, not a table."""
MOSTLY_TABLE = 0.6
MOSTLY_DIGITS = 0.35

KIND_REASONS: dict[PageKind, str] = {
    "table": "a table",
    "figures": "a table of figures",
    "form": "a form",
    "handwriting": "lines as uneven as handwriting",
}


def text_layer_problem(facts: PageFacts) -> str:
    """Why the text layer cannot stand for the page; empty where it can.

    A stamp of a few words on a scan, an earlier OCR hidden under the picture and glyphs without a meaning are no text layer.
    """
    if not facts.characters:
        return "no text layer"
    if facts.unmapped_share > MOST_UNMAPPED:
        return f"{facts.unmapped_share:.0%} of the text layer's characters have no meaning"
    if facts.false_share:
        return f"{facts.false_share:.0%} of the text layer's characters are in fonts that show other letters than they say"
    if facts.invisible_share > MOST_INVISIBLE:
        return "the text layer is an earlier OCR under the picture"
    if facts.image_share > MOST_UNDER_PICTURES and facts.characters < CHARACTERS_BESIDE_PICTURES:
        return f"pictures cover {facts.image_share:.0%} of the page and the text layer has {facts.characters} characters"
    if facts.characters < FEW_CHARACTERS and facts.image_share > 0.2:
        return f"the text layer has only {facts.characters} characters"
    return ""


def text_layer_suffices(facts: PageFacts, mode: AccuracyMode) -> bool:
    """Whether the text layer may be the page's reading, as far as can be told before it is read."""
    return mode != "maximum" and not text_layer_problem(facts)


def kind_by_text(facts: PageFacts, blocks: Sequence[Block]) -> PageKind:
    """What a page is, from the blocks of its text layer."""
    if facts.form_fields:
        return "form"
    cells = [cell.text for block in blocks if block.table for cell in block.table.cells if cell.text]
    if len(cells) < TABLE_CELLS:
        return "plain"
    inside = "".join(cells)
    letters = len(inside) + sum(len(block.text) for block in blocks)
    digits = sum(character.isdigit() for character in inside)
    return "figures" if len(inside) > MOSTLY_TABLE * letters and digits > MOSTLY_DIGITS * len(inside) else "table"


def kind_by_ink(facts: PageFacts, marks: InkFacts) -> PageKind:
    """What a page is, from a glance at its picture."""
    if facts.form_fields:
        return "form"
    if marks.ruled:
        return "table"
    return "handwriting" if marks.uneven else "plain"


def choose(facts: PageFacts, mode: AccuracyMode, available: frozenset[EngineName], kind: PageKind = "plain") -> Route:
    """The ladder of engines for a page, first choice first, with the reason in words."""
    doubt = text_layer_problem(facts)
    models = [name for name in _models_for(kind, mode) if name in available]
    cpu = sorted(available.difference(MODELS, ("text_layer",)))
    layer: list[EngineName] = ["text_layer"] if facts.characters else []
    if not doubt and (mode == "fast" or not models or (mode == "balanced" and kind == "plain")):
        engines = [*layer, *models, *cpu]
    else:
        engines = [*models, *cpu, *layer]
    second = _second_reader(engines, sound_layer=not doubt) if mode == "maximum" else None
    return Route(engines=tuple(engines), second=second, reason=_why(doubt, mode, kind, models, second))


def _models_for(kind: PageKind, mode: AccuracyMode) -> tuple[EngineName, ...]:
    return MODELS if kind == "plain" or mode == "fast" else ("nanonets", "deepseek")


def _second_reader(engines: Sequence[EngineName], *, sound_layer: bool) -> EngineName | None:
    """Who reads the page again: what costs the model servers nothing before another model; never an untrusted text layer."""
    on_cpu = [name for name in engines if name not in MODELS and name != "text_layer"]
    # Behind the first CPU engine stands one for the scripts that the first does not know: no second opinion.
    others = [name for name in engines[1:] if name != "text_layer" and name not in on_cpu[1:]]
    if not engines:
        return None
    if sound_layer and engines[0] != "text_layer":
        return "text_layer"
    cheap = [name for name in others if name not in MODELS]
    return next(iter([*cheap, *others]), None)


def _why(doubt: str, mode: AccuracyMode, kind: PageKind, models: Sequence[EngineName], second: EngineName | None) -> str:
    """The reason, in the order in which it was found."""
    parts = [doubt or "sound text layer"]
    if not models and (doubt or mode == "maximum" or kind != "plain"):
        parts.append("no model server answers")
    if mode != "fast" and kind != "plain":
        parts.append(KIND_REASONS[kind])
    if mode == "maximum":
        parts.append(_how_checked(second))
    return "; ".join(parts)


def _how_checked(second: EngineName | None) -> str:
    if second == "text_layer":
        return "maximum asks a model, the text layer is the witness"
    return f"maximum compares with {second}" if second else "maximum has no second reader"
