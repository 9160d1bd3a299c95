"""Encrypt files in segments, so that they are streamed, and read from any place, and changes are found.

The construction is that of AES-GCM-HKDF streaming in Tink, an instance of the STREAM construction (Hoang, Reyhanitabar, Rogaway
and Vizár, 2015): a key of its own for each file, by HKDF-SHA256 of the storage key and a random salt; segments of AES-256-GCM
with the nonce PREFIX | NUMBER | LAST. Segments that were changed, moved, left out or cut off at the end do not decrypt. The
name of the file is an input of HKDF, so that a file that was put into the place of another does not decrypt either.

A file is MAGIC, the id of the storage key (8 bytes), the salt (32), the prefix (7), then segments of SEGMENT_BYTES and a tag.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from document_parser.errors import StorageKeyWrong, StoredFileDamaged

MAGIC = b"dpseal1\n"
"""How every encrypted file begins."""
SEGMENT_BYTES = 1 << 16
"""Bytes of a file that are encrypted together."""
KEY_BYTES, KEY_ID_BYTES, SALT_BYTES, PREFIX_BYTES, TAG_BYTES = 32, 8, 32, 7, 16
HEADER_BYTES = len(MAGIC) + KEY_ID_BYTES + SALT_BYTES + PREFIX_BYTES
"""Bytes before the first segment."""
_SEALED_BYTES = SEGMENT_BYTES + TAG_BYTES


def new_storage_key() -> str:
    """Return a new random key, as STORAGE_KEY takes it."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The storage keys by their ids. Files are encrypted with the first."""

    keys: dict[bytes, bytes]

    @classmethod
    def parse(cls, given: str) -> KeyRing:
        """Return the keys of a STORAGE_KEY, the newest first. Raises ValueError for text that is none."""
        found = [base64.urlsafe_b64decode(word.strip()) for word in given.split(",") if word.strip()]
        if not found or any(len(key) != KEY_BYTES for key in found):
            raise ValueError("not keys of 32 bytes")
        return cls({hashlib.sha256(b"docparse storage key id" + key).digest()[:KEY_ID_BYTES]: key for key in found})

    @property
    def newest(self) -> bytes:
        """Return the id of the key that encrypts."""
        return next(iter(self.keys))

    def derive(self, key_id: bytes, salt: bytes, name: str) -> AESGCM:
        """Return the cipher of one file. Raises StorageKeyWrong if the key is not there."""
        if key_id not in self.keys:
            raise StorageKeyWrong()
        kdf = HKDF(SHA256(), KEY_BYTES, salt, b"docparse storage 1\0" + name.encode())
        return AESGCM(kdf.derive(self.keys[key_id]))


def key_id_of(head: bytes) -> bytes | None:
    """Return the id of the key that encrypted a file with these first bytes; None for a file that is not encrypted."""
    return head[len(MAGIC) : len(MAGIC) + KEY_ID_BYTES] if head.startswith(MAGIC) and len(head) >= HEADER_BYTES else None


@dataclass(frozen=True, slots=True)
class _Segments:
    """The cipher of a file, and its nonces."""

    cipher: AESGCM
    prefix: bytes
    name: str

    @classmethod
    def of_header(cls, ring: KeyRing, header: bytes, name: str) -> _Segments:
        """Return those of a file with this header. Raises StoredFileDamaged, StorageKeyWrong."""
        key_id = key_id_of(header)
        if key_id is None:
            raise StoredFileDamaged()
        salt = header[len(MAGIC) + KEY_ID_BYTES : -PREFIX_BYTES]
        return cls(ring.derive(key_id, salt, name), header[-PREFIX_BYTES:], name)

    def seal(self, number: int, data: bytes, *, last: bool) -> bytes:
        return self.cipher.encrypt(self._nonce(number, last), data, None)

    def open(self, number: int, data: bytes, *, last: bool) -> bytes:
        """Return the bytes of a segment. Raises StoredFileDamaged."""
        try:
            return self.cipher.decrypt(self._nonce(number, last), data, None)
        except InvalidTag:
            raise StoredFileDamaged() from None

    def _nonce(self, number: int, last: bool) -> bytes:
        return self.prefix + number.to_bytes(4, "big") + bytes([last])


def seal(ring: KeyRing, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the encrypted file of these pieces."""
    header = MAGIC + ring.newest + os.urandom(SALT_BYTES + PREFIX_BYTES)
    segments, number = _Segments.of_header(ring, header, name), 0
    yield header
    held = bytearray()
    for piece in pieces:
        held += piece
        # A segment is sealed when it is known whether it is the last.
        while len(held) > SEGMENT_BYTES:
            yield segments.seal(number, bytes(held[:SEGMENT_BYTES]), last=False)
            del held[:SEGMENT_BYTES]
            number += 1
    yield segments.seal(number, bytes(held), last=True)


def unseal(ring: KeyRing, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of an encrypted file that comes in pieces. Raises StoredFileDamaged, StorageKeyWrong."""
    held, segments, number = bytearray(), None, 0
    for piece in pieces:
        held += piece
        if segments is None and len(held) >= HEADER_BYTES:
            segments = _Segments.of_header(ring, bytes(held[:HEADER_BYTES]), name)
            del held[:HEADER_BYTES]
        while segments is not None and len(held) > _SEALED_BYTES:
            yield segments.open(number, bytes(held[:_SEALED_BYTES]), last=False)
            del held[:_SEALED_BYTES]
            number += 1
    if segments is None:
        raise StoredFileDamaged()
    yield segments.open(number, bytes(held), last=True)


class SealedFile(io.RawIOBase):
    """An encrypted file, open for reading from any place. Wrap it into a BufferedReader of SEGMENT_BYTES.

    Reading raises StoredFileDamaged. So does opening, for the header, the first segment and the end; or StorageKeyWrong.
    """

    def __init__(self, ring: KeyRing, name: str, stream: BinaryIO) -> None:
        self._stream = stream
        self._segments = _Segments.of_header(ring, stream.read(HEADER_BYTES), name)
        body = stream.seek(0, io.SEEK_END) - HEADER_BYTES
        self._count = max(1, -(-body // _SEALED_BYTES))
        self._size = body - self._count * TAG_BYTES
        self._at = 0
        self._loaded: tuple[int, bytes] = (-1, b"")
        # Faults at the ends are found before anything of the file is given out.
        self._segment(self._count - 1)
        self._segment(0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place, as of any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, up to the end of the segment. Raises StoredFileDamaged."""
        number, start = divmod(self._at, SEGMENT_BYTES)
        if number >= self._count:
            return 0
        found = self._segment(number)[start : start + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()

    def _segment(self, number: int) -> bytes:
        if self._loaded[0] != number:
            self._stream.seek(HEADER_BYTES + number * _SEALED_BYTES)
            sealed = self._stream.read(_SEALED_BYTES)
            self._loaded = (number, self._segments.open(number, sealed, last=number == self._count - 1))
        return self._loaded[1]


# --- what grows -----------------------------------------------------------------------------------------------------------

_LENGTH_BYTES, _NONCE_BYTES = 4, 12
RECORD_OVERHEAD = _LENGTH_BYTES + KEY_ID_BYTES + _NONCE_BYTES + TAG_BYTES
"""Bytes of a record beside its content."""


def seal_record(ring: KeyRing, name: str, offset: int, data: bytes) -> bytes:
    """Return one record of a file that grows: bytes that come at this offset, encrypted with a random nonce.

    A file that is still growing has no last segment, and what came after its durable end is replaced, which a numbered nonce
    must not meet twice.
    """
    nonce = os.urandom(_NONCE_BYTES)
    cipher = ring.derive(ring.newest, b"", f"growing {name}")
    sealed = cipher.encrypt(nonce, data, offset.to_bytes(8, "big"))
    return len(sealed).to_bytes(_LENGTH_BYTES, "big") + ring.newest + nonce + sealed


def open_records(ring: KeyRing, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the contents of all records. Raises StoredFileDamaged, StorageKeyWrong."""
    held, offset = bytearray(), 0
    head = _LENGTH_BYTES + KEY_ID_BYTES + _NONCE_BYTES
    for piece in pieces:
        held += piece
        while len(held) >= head and len(held) >= (end := head + int.from_bytes(held[:_LENGTH_BYTES], "big")):
            key_id, nonce = bytes(held[_LENGTH_BYTES : _LENGTH_BYTES + KEY_ID_BYTES]), bytes(held[head - _NONCE_BYTES : head])
            cipher = ring.derive(key_id, b"", f"growing {name}")
            try:
                data = cipher.decrypt(nonce, bytes(held[head:end]), offset.to_bytes(8, "big"))
            except InvalidTag:
                raise StoredFileDamaged() from None
            del held[:end]
            offset += len(data)
            yield data
    if held:
        raise StoredFileDamaged()
