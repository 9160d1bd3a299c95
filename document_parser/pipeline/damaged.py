"""What a page says of damage in its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from document_parser.models import Damage, DamagedPart, PageWarning

WHAT: dict[DamagedPart, str] = {
    "contents": "the page's contents",
    "form": "a part of the contents",
    "picture": "a picture",
    "font": "a font",
    "object": "something the page names",
    "frame": "the picture",
    "pages": "further pages",
}
HOW = {"missing": "missing from the file", "cut": "cut off", "undecodable": "undecodable", "corrupt": "changed"}
MAX_NAMED = 5
"""Damaged parts that the message names; ``details`` has all."""

REPAIRED = "The structure of the file was broken and has been rebuilt: what could be found in it was read."
ADVICE = "Compare the page with the original, or upload an undamaged file."


def damage_warnings(damage: Sequence[Damage], *, repaired: bool) -> Iterator[PageWarning]:
    """Yield ``repaired``, ``cut_off`` for a picture file that ends early, and ``damaged_data`` for all other damage."""
    cut = [one for one in damage if one.part == "frame" and one.fault == "cut"]
    whole = [one for one in cut if one.decoded is not None and one.decoded == one.promised]
    if repaired or whole:
        yield PageWarning(code="repaired", message=REPAIRED)
    for one in cut:
        if one not in whole:
            yield _cut_off(one)
    others = [one for one in damage if one not in cut]
    if others:
        named = "; ".join(dict.fromkeys(map(_described, others[:MAX_NAMED])))
        more = f"; and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        details = {"damage": [one.model_dump(exclude_none=True) for one in others]}
        message = f"Data of this page is damaged ({named}{more}): some of it may be missing or wrong. {ADVICE}"
        yield PageWarning(code="damaged_data", message=message, details=details)


def _cut_off(cut: Damage) -> PageWarning:
    share = round((cut.decoded or 0) / (cut.promised or 1), 4)
    message = f"The file ends early: {share:.0%} of the picture's rows are whole, and the rest is missing or coarse. {ADVICE}"
    return PageWarning(code="cut_off", message=message, details={"share": share, **cut.model_dump(exclude_none=True)})


def _described(damage: Damage) -> str:
    encoding = f" ({damage.encoding})" if damage.encoding else ""
    if damage.decoded is None:
        return f"{WHAT[damage.part]}{encoding} {HOW[damage.fault]}"
    of = f" of {damage.promised}" if damage.promised is not None else ""
    return f"{WHAT[damage.part]}{encoding} {HOW[damage.fault]} after {damage.decoded}{of} {damage.unit}"
