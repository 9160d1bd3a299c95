"""Find who wrote a mail message to whom in the lines at its head."""

from __future__ import annotations

from email.utils import getaddresses
from typing import Any

from document_parser.models import Block

_LISTS = {"from": "sent_from", "to": "sent_to", "cc": "cc_recipient", "bcc": "bcc_recipient"}
"""The field of an element for each line with addresses."""


def mail_fields(head: Block) -> dict[str, Any]:
    """Return the fields of all elements of a message from the block at its head; empty if that is none.

    Our reader writes there what a mail program shows: a line for each field, with its name in bold.
    """
    if head.kind != "paragraph" or not head.spans or not head.spans[0].bold or head.spans[0].start:
        return {}
    lines = dict(line.partition(": ")[::2] for line in head.text.split("\n"))
    found: dict[str, Any] = {}
    for name, value in lines.items():
        if (field := _LISTS.get(name.lower())) is not None:
            found[field] = [_address(*pair) for pair in getaddresses([value]) if any(pair)]
        elif name.lower() == "subject":
            found["subject"] = value
    return found if "sent_from" in found or "subject" in found else {}


def _address(name: str, address: str) -> str:
    """Return an address as mail programs show it."""
    return f"{name} <{address}>" if name and address else name or address
