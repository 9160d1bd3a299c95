"""Images that a page holds in itself, as ``data:`` addresses."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

_VECTOR = "image/svg+xml"


def is_data_image(address: str) -> bool:
    """Return whether an address is an image of pixels."""
    head = address[:100].lower().lstrip()
    return head.startswith("data:image/") and "," in address and not head.startswith(f"data:{_VECTOR}")


def data_of(address: str) -> bytes:
    """Return the bytes of a ``data:`` address. Raises ValueError if they cannot be decoded."""
    head, _, body = address.partition(",")
    if not head.lower().rstrip().endswith(";base64"):
        return unquote_to_bytes(body)
    packed = b"".join(unquote_to_bytes(body).split())
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4))
    except binascii.Error as error:
        raise ValueError("the image is no base64") from error
