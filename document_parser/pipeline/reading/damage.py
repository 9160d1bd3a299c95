"""Turn damage found in a page's data into the page's warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from document_parser.models import Damage, DamagedPart, PageWarning

PART_NAMES: dict[DamagedPart, str] = {
    "contents": "the page's contents",
    "form": "a part of the contents",
    "picture": "an image",
    "font": "a font",
    "object": "an object that the page uses",
    "frame": "the image",
    "pages": "further pages",
}
"""The words of the message for each damaged part."""
FAULT_NAMES = {"missing": "missing from the file", "cut": "cut off", "undecodable": "undecodable", "corrupt": "changed"}
"""The words of the message for each kind of fault."""
MAX_NAMED = 5
"""Damaged parts that the message names at most; ``details`` has all of them."""

REPAIRED_TABLE = (
    "The cross-reference table of the file is broken: its objects were found by searching all of the file, and the structure "
    "was rebuilt from them. Everything that was found in the file was read."
)
"""The message of the warning ``repaired`` for a PDF."""
REPAIRED_END = "The file lacks its end, which was added; all of the image is there."
"""The message of the warning ``repaired`` for an image file."""
ADVICE = "Compare the page with the original, or upload an undamaged file."
"""The last sentence of each message about damage: what the reader can do."""


def damage_warnings(damage: Sequence[Damage], *, repaired: bool) -> Iterator[PageWarning]:
    """Yield the warnings ``repaired``, ``cut_off`` if an image file ends early, and ``damaged_data`` for all other damage.

    ``repaired`` is True if the structure of the file had to be rebuilt. An image file whose rows are all there although it ends
    early counts as repaired.
    """
    cut = [one for one in damage if one.part == "frame" and one.fault == "cut"]
    whole = [one for one in cut if one.decoded is not None and one.decoded == one.promised]
    if repaired or whole:
        yield PageWarning(code="repaired", message=REPAIRED_TABLE if repaired else REPAIRED_END)
    for one in cut:
        if one not in whole:
            yield _cut_off_warning(one)
    others = [one for one in damage if one not in cut]
    if others:
        named = "; ".join(dict.fromkeys(map(_describe, others[:MAX_NAMED])))
        more = f"; and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        details = {"damage": [one.model_dump(exclude_none=True) for one in others]}
        message = f"Data of this page is damaged ({named}{more}): some of it may be missing or wrong. {ADVICE}"
        yield PageWarning(code="damaged_data", message=message, details=details)


def _cut_off_warning(cut: Damage) -> PageWarning:
    """Return the warning ``cut_off`` with the share of the image's rows (0 to 1) that could be decoded."""
    share = round((cut.decoded or 0) / (cut.promised or 1), 4)
    message = f"The file ends early: {share:.0%} of the image's rows are whole, and the rest is missing or coarse. {ADVICE}"
    return PageWarning(code="cut_off", message=message, details={"share": share, **cut.model_dump(exclude_none=True)})


def _describe(damage: Damage) -> str:
    """Describe one damaged part: what it is, how it is damaged, and how much of it could be decoded."""
    encoding = f" ({damage.encoding})" if damage.encoding else ""
    if damage.decoded is None:
        return f"{PART_NAMES[damage.part]}{encoding} {FAULT_NAMES[damage.fault]}"
    of = f" of {damage.promised}" if damage.promised is not None else ""
    return f"{PART_NAMES[damage.part]}{encoding} {FAULT_NAMES[damage.fault]} after {damage.decoded}{of} {damage.unit}"
