"""Calendar entries of mail (RFC 5545) as readable lines."""

from __future__ import annotations

import re

from document_parser.models import Block

_SHOWN = (
    "SUMMARY", "DTSTART", "DTEND", "DUE", "RRULE", "RDATE", "EXDATE", "LOCATION", "ORGANIZER", "ATTENDEE", "STATUS",
    "DESCRIPTION",
)  # fmt: skip
_LABELS = {
    "SUMMARY": "Event", "DTSTART": "Start", "DTEND": "End", "DUE": "Due", "RRULE": "Repeats", "RDATE": "Also",
    "EXDATE": "Except",
}  # fmt: skip
"""What the properties are called; a rule of repetition is shown as the file has it (``FREQ=WEEKLY;BYDAY=MO``)."""
_ENTRY = re.compile(r"^BEGIN:V(?:EVENT|TODO)$(.*?)^END:V(?:EVENT|TODO)$", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")
_ESCAPED = re.compile(r"\\([\\;,nN])")


def blocks_of_calendar(text: str) -> list[Block]:
    """Return a paragraph for each event or task of a calendar."""
    unfolded = re.sub(r"\n[ \t]", "", text.replace("\r\n", "\n"))
    return [Block(kind="paragraph", text="\n".join(_lines_of(entry[1]))) for entry in _ENTRY.finditer(unfolded)]


def _lines_of(entry: str) -> list[str]:
    """Return the readable lines of an entry."""
    lines = []
    for name in _SHOWN:
        for found in re.finditer(rf"^{name}((?:;[^:\n\"]*(?:\"[^\"\n]*\"[^:\n\"]*)*)?):(.*)$", entry, re.MULTILINE):
            value = _ESCAPED.sub(lambda one: "\n" if one[1] in "nN" else one[1], found[2]).strip()
            lines.append(f"{_LABELS.get(name, name.capitalize())}: {_readable(value, found[1])}")
    return lines


def _readable(value: str, parameters: str) -> str:
    """Return a value as people write it: a date, or the name and address of a person."""
    if "," in value and all(_TIME.fullmatch(one) for one in value.split(",")):
        return ", ".join(_readable(one, parameters) for one in value.split(","))
    if time := _TIME.fullmatch(value):
        date = f"{time[1]}-{time[2]}-{time[3]}"
        zone = re.search(r"TZID=([^;:]+)", parameters)
        suffix = " UTC" if time[7] else f" {zone[1]}" if zone else ""
        return f"{date} {time[4]}:{time[5]}{suffix}" if time[4] else date
    if value.lower().startswith("mailto:"):
        name = re.search(r"CN=\"?([^;\":]+)", parameters)
        address = value[len("mailto:") :]
        return f"{name[1]} <{address}>" if name and name[1] != address else address
    return value
