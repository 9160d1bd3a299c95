"""Load the certificate authorities of this machine."""

from __future__ import annotations

import ssl
from functools import cache

import httpx2


@cache
def load_certificates() -> ssl.SSLContext:
    """Return this machine's certificate authorities, loaded once. May be called before a fork.

    Each client would otherwise load them in 50 ms, although most model servers speak plain HTTP.
    """
    return httpx2.create_ssl_context()
