"""Tell the data of electronic invoices (Factur-X, ZUGFeRD, XRechnung: CII or UBL) by the beginning of a file."""

from __future__ import annotations

import re

INVOICE_HEAD_BYTES = 1 << 16
"""How much of a file is looked at. Samples of the standards begin with licences of several kilobytes."""
_ROOT = re.compile(
    rb"<(?:[\w.-]+:)?(?:CrossIndustryInvoice|CrossIndustryDocument|(?P<ubl>Invoice|CreditNote))\b(?P<attributes>[^>]{0,4000})>"
)
_UBL = b"urn:oasis:names:specification:ubl:schema:xsd:"
_SPECIFICATION = re.compile(
    rb"(?:GuidelineSpecifiedDocumentContextParameter>\s*<(?:[\w.-]+:)?ID\b|CustomizationID\b)[^>]{0,200}>\s*([^<\s]{1,200})"
)


def invoice_specification(head: bytes) -> str | None:
    """Return the specification that an electronic invoice says it follows, from its first INVOICE_HEAD_BYTES bytes.

    Empty if it says none; None for a file that is no electronic invoice.
    """
    root = _ROOT.search(head)
    if root is None or (root["ubl"] and _UBL not in root["attributes"]):
        return None
    found = _SPECIFICATION.search(head, root.end())
    return found[1].decode("utf-8", "replace") if found else ""
