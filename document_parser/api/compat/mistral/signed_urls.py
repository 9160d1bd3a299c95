"""Sign addresses of files, and find the file that such an address stands for, without asking for it over the network."""

from __future__ import annotations

import hmac
import re
import time
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import request

from document_parser.errors import SignedAddressInvalid
from document_parser.jobs.records import passwords
from document_parser.jobs.records.job import ID_PATTERN
from document_parser.settings import Settings

_PATH = re.compile(rf"(?:/[^?#]*)?/v1/files/({ID_PATTERN})/signed")
"""The path of a signed address, on its native path or below a prefix."""


def sign(settings: Settings, upload_id: str, hours: float) -> str:
    """Return an address of a file on this host that works for some hours, for whoever has it. Raises OSError."""
    expires = str(int(time.time() + hours * 3600))
    query = urlencode({"expires": expires, "signature": _signature(settings, upload_id, expires)})
    base = request.base_url.removesuffix("/url")
    return f"{base}/signed?{query}"


def check(settings: Settings, upload_id: str, expires: str, signature: str) -> None:
    """Check the signature of an address. Raises SignedAddressInvalid if it is wrong or has expired, OSError."""
    whole = hmac.compare_digest(signature.encode(), _signature(settings, upload_id, expires).encode())
    if not whole or not expires.isdecimal() or int(expires) < time.time():
        raise SignedAddressInvalid()


def file_of_own_address(settings: Settings, address: str) -> str | None:
    """Return the id of the file that a signed address of this service stands for; None for any other address.

    The signature proves that the address is ours, whatever name this host has for the client: nothing is fetched, so the guard
    of addresses is not asked. Raises SignedAddressInvalid for one of this host that is wrong or has expired, OSError.
    """
    parts = urlsplit(address)
    match = _PATH.fullmatch(parts.path)
    if match is None:
        return None
    query = parse_qs(parts.query)
    try:
        check(settings, match[1], *(query.get(name, [""])[0] for name in ("expires", "signature")))
    except SignedAddressInvalid:
        if parts.netloc != request.host:
            return None
        raise
    return match[1]


def _signature(settings: Settings, upload_id: str, expires: str) -> str:
    return passwords.fingerprint(settings, f"signed file {upload_id} until {expires}")
