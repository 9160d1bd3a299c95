"""Name where a document is fetched from: an address of a web server, or an object in an S3 bucket."""

from __future__ import annotations

import re
from collections.abc import Iterable

import httpx2
from pydantic import BaseModel

from document_parser.errors import BucketRefused
from document_parser.ingest.download_name import download_name

S3_SCHEME = "s3://"
"""How the address of an object in a bucket begins."""
MAX_ADDRESS_CHARACTERS = 8192
"""Maximum length of an address in characters: pre-signed ones with a session token of AWS have up to about 3,000."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MAX_KEY_BYTES = 1024
REGION_PATTERN = r"[a-z0-9-]{1,40}"
"""Pattern of an S3 region, which becomes a part of a host name."""


class Origin(BaseModel):
    """Where a document is fetched from. The query of an address may be a secret: only ``shown`` is told to anyone."""

    address: str
    """An http or https address, or ``s3://bucket/key``."""
    region: str = ""
    """The region of the bucket; empty for the server's own."""

    @property
    def is_s3(self) -> bool:
        """Return whether this is an object that is read with the server's credentials."""
        return self.address.startswith(S3_SCHEME)

    @property
    def shown(self) -> str:
        """Return the address without its query and fragment; a path of a bucket unchanged."""
        return self.address if self.is_s3 else shown_address(httpx2.URL(self.address))

    @property
    def filename(self) -> str:
        """Return the document's name as far as the address says it. Raises ValueError for what is no address."""
        if self.is_s3:
            path = parse_s3(self.address)
            return download_name(path.key, path.bucket)
        try:
            url = httpx2.URL(self.address)
        except httpx2.InvalidURL as error:
            raise ValueError(str(error)) from None
        return download_name(url.path, url.host)


class S3Path(BaseModel):
    """A bucket and a key or a prefix in it."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{S3_SCHEME}{self.bucket}/{self.key}"


def shown_address(url: httpx2.URL) -> str:
    """Return scheme, host, port and path of a URL: the part that is no secret."""
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))


def parse_s3(text: str) -> S3Path:
    """Parse ``s3://bucket/key``. Raises ValueError with a sentence's end for the user."""
    bucket, _, key = text.removeprefix(S3_SCHEME).partition("/")
    if not text.startswith(S3_SCHEME) or not _BUCKET.fullmatch(bucket):
        raise ValueError("has the form s3://bucket/key")
    if len(key.encode("utf-8", "replace")) > _MAX_KEY_BYTES or not key.isprintable():
        raise ValueError(f"has a key of at most {_MAX_KEY_BYTES} bytes without control characters")
    return S3Path(bucket=bucket, key=key)


def check_bucket(path: S3Path, allowed: Iterable[str], setting: str) -> None:
    """Refuse a path that no entry of ``allowed`` covers. Raises BucketRefused.

    An entry is a bucket, or a bucket and the folders of a prefix: ``shared/papers`` covers ``shared/papers/a.pdf`` and not
    ``shared/papers2``. ``setting`` is the name of the setting that lists them.
    """
    is_plain = not {".", ".."}.intersection(path.key.split("/"))  # some services keep keys as paths of a disk
    for entry in allowed:
        bucket, _, prefix = entry.removeprefix(S3_SCHEME).strip("/").partition("/")
        if path.bucket == bucket and (not prefix or (is_plain and f"{path.key}/".startswith(f"{prefix}/"))):
            return
    raise BucketRefused(
        f"This server does not let callers use the bucket {path.bucket!r} with its credentials. The operator allows it with "
        f"{setting}.",
        bucket=path.bucket,
        setting=setting,
    )
