"""Make API keys, recognise them, and hash them.

A key is ``dp_live_``, 43 characters of base 62 that stand for 256 random bits, and 6 that are the CRC-32 of all before. The
form follows GitHub's tokens: the prefix lets scanners of repositories find keys that leaked, and the checksum lets them, and
this service, tell a key from any other text without asking a database.

Keys are kept as SHA-256. A slow hash such as Argon2 protects passwords, because people choose them from few; nobody can try the
2^256 values of a key, whatever the hash costs. A slow one would cost every request, and be a way to load the service.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

PREFIX = "dp_live_"
"""How every key begins."""
SECRET_BITS = 256
"""Random bits of a key."""
SECRET_CHARACTERS = 43
"""Characters of base 62 for SECRET_BITS: 62^43 is the first power above 2^256."""
CHECKSUM_CHARACTERS = 6
"""Characters of base 62 for 32 bits."""
HINT_CHARACTERS = len(PREFIX) + 4
"""Characters by which the holder of a key recognises it. 232 unknown bits are left."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{SECRET_CHARACTERS + CHECKSUM_CHARACTERS}}}")


def new_key() -> str:
    """Return a new random key."""
    body = PREFIX + _base_62(secrets.randbits(SECRET_BITS), SECRET_CHARACTERS)
    return body + _checksum(body)


def looks_like_key(text: str) -> bool:
    """Return whether a text begins like a key, and so is none of the other tokens of this service."""
    return text.startswith(PREFIX)


def is_well_formed(text: str) -> bool:
    """Return whether a text has the form and the checksum of a key."""
    body = text[:-CHECKSUM_CHARACTERS]
    return bool(_FORM.fullmatch(text)) and text[-CHECKSUM_CHARACTERS:] == _checksum(body)


def hash_of(key: str) -> str:
    """Return the SHA-256 of a key in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def hint_of(key: str) -> str:
    """Return the first characters of a key, by which its holder recognises it."""
    return key[:HINT_CHARACTERS]


def _checksum(body: str) -> str:
    return _base_62(zlib.crc32(body.encode()), CHECKSUM_CHARACTERS)


def _base_62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
